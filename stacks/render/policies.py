"""What the policies say, as text and as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from policies.rules import POLICIES, asks, name
from stacks.policy_report import Exemption, Judged, Report, by_policy
from stacks.render.style import Style, safe, wrap

_WORDS = {"mandatory": "mandatory", "advisory": "advisory", "unknown": "cannot say"}
_COLOURS = {"mandatory": "red", "advisory": "yellow", "unknown": "dim"}
_INDENT = " " * 14


def human_policies(report: Report, *, all_of_them: bool, details: bool, style: Style) -> Iterator[str]:
    """Yield the lines on policies: the mandatory always, the rest if `all_of_them`; every resource with `details`."""
    lines: list[str] = []
    for (kind, policy), findings in by_policy(report.findings).items():
        if kind == "mandatory" or all_of_them or details:
            lines += _policy(kind, policy, findings, details or kind == "mandatory", style)
    for exemption in report.exemptions:
        if exemption.ended or all_of_them or details:
            lines += _exemption(exemption)
    if lines:
        yield style.paint("Policies", "bold") + " (`llmform explain NAME` says why)"
        yield from lines


def _policy(kind: str, policy: str, findings: Sequence[Judged], every: bool, style: Style) -> Iterator[str]:
    shown = findings if every else findings[:1]
    for finding in shown:
        head = f"  {_WORDS[kind]:<12}"
        more = len(findings) - len(shown)
        text = f"{policy}: {safe(finding.text)}{_where(finding)}{f'; {more:,} more' if more else ''}"
        first, *rest = wrap(text, head, _INDENT)
        yield first.replace(_WORDS[kind], style.paint(_WORDS[kind], _COLOURS[kind]), 1)
        yield from rest


def _where(finding: Judged) -> str:
    places = [safe(finding.node)] if finding.node else []
    places.append(safe(finding.where))
    if finding.patched:
        places.append(f"patched at {safe(finding.patched)}")
    if len(finding.stacks) > 1:
        places.append(f"in {len(finding.stacks)} stacks")
    return f" ({', '.join(places)})"


def _exemption(exemption: Exemption) -> Iterator[str]:
    until = f" until {exemption.until}" if exemption.until else ""
    reason = f": {safe(exemption.reason)}" if exemption.reason else ""
    if exemption.ended:
        text = f"{exemption.policy} is {exemption.own} again, it was {exemption.level}{until}{reason}"
    else:
        text = f"{exemption.policy} is {exemption.level} instead of {exemption.own}{until}{reason}"
    yield from wrap(f"{text} ({safe(exemption.where)})", f"  {'exception':<12}", _INDENT)


def list_policies(report: Report, style: Style) -> Iterator[str]:
    """Yield every policy with its level and what it asks for, then what breaks any of them."""
    for rule in POLICIES:
        policy = name(rule)
        found = report.levels[policy]
        level = next(iter(found)) if len(found) == 1 else "mixed"
        own = [f for f in report.findings if f.policy == policy]
        broken = sum(not f.unknown for f in own)
        kept = "cannot say" if own else "not run" if level == "disabled" else "kept"
        kept = f"{broken:,} broken" if broken else kept
        yield from wrap(asks(rule), f"{policy:<24}{level:<11}{kept:<11}", " " * 46)
    lines = list(human_policies(report, all_of_them=True, details=True, style=style))
    if lines:
        yield ""
        yield from lines


def policy_values(report: Report) -> dict[str, Any]:
    """Return the report as plain JSON values."""
    return {
        "fails": report.fails,
        "totals": {kind: report.count(kind) for kind in ("mandatory", "advisory", "unknown")},
        "findings": [_plain(f) for f in report.findings],
        "exceptions": [_plain(e) for e in report.exemptions],
    }


def _plain(item: Judged | Exemption) -> dict[str, Any]:
    return {**asdict(item), "stacks": list(item.stacks)}
