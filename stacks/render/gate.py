"""What the gate says, as text and as JSON values."""

from __future__ import annotations

import json

from stacks.gate import Demand, Given, Verdict, needs_words
from stacks.render.style import Style, safe, wrap
from stacks.risk.finding import some

FORMAT = 1
"""Version of the JSON layout."""


def human(verdict: Verdict, style: Style) -> str:
    """Return a line for each rule that holds, what it is missing, and the sum in the last line."""
    lines: list[str] = []
    for demand in verdict.demands:
        lines += _one(demand, style)
    lines += [line for note in verdict.notes for line in wrap(safe(note), "note  ", "      ")]
    return "\n".join([*lines, _last(verdict), ""])


def _one(demand: Demand, style: Style) -> list[str]:
    head = style.paint("met    ", "green") if demand.met else style.paint("missing", "red", "bold")
    of = f" as in {demand.side}" if demand.side else ""
    asked = needs_words(demand.labels, demand.approvals)
    text = f"{demand.rule}{of} ({demand.where}) asks for {asked}: {demand.reason}"
    lines = wrap(safe(text), f"{head}  ", " " * 9)
    if not demand.met:
        missing = needs_words(demand.missing_labels, demand.missing_approvals)
        lines += wrap(safe(f"still missing: {missing}"), " " * 9, " " * 9)
    return lines


def _last(verdict: Verdict) -> str:
    if not verdict.rules:
        return "The review section has no rules: nothing is asked for."
    if not verdict.demands:
        return f"No rule holds for this change, of {some(verdict.rules, 'rule')}: nothing is asked for."
    if verdict.passes:
        return f"Passed: {some(len(verdict.demands), 'rule')} met."
    return f"Missing: {safe(needs_words(verdict.missing_labels, verdict.missing_approvals))}."


def as_json(verdict: Verdict, given: Given) -> str:
    """Return the verdict as JSON in ASCII."""
    values = {
        "format": FORMAT,
        "passes": verdict.passes,
        "missing": {"labels": list(verdict.missing_labels), "approvals": verdict.missing_approvals},
        "given": {"labels": sorted(given.labels), "approvals": given.approvals},
        "rules": [
            {
                "spec": d.spec,
                "rule": d.rule,
                "side": d.side or "both",
                "where": d.where,
                "reason": d.reason,
                "known": d.known,
                "labels": list(d.labels),
                "approvals": d.approvals,
                "missing": {"labels": list(d.missing_labels), "approvals": d.missing_approvals},
            }
            for d in verdict.demands
        ],
        "notes": list(verdict.notes),
    }
    return json.dumps(values, indent=2) + "\n"
