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
_MOST_LINES = 4
"""Lines of a plan that advice may take, if nobody asks for details."""


def human_policies(report: Report, *, all_of_them: bool, details: bool, style: Style) -> Iterator[str]:
    """Yield the lines on policies: the mandatory always, the rest if `all_of_them`; every resource with `details`.

    Without `details` what is not mandatory takes `_MOST_LINES` at most, so that advice does not bury the plan.
    """
    lines: list[str] = []
    quiet: list[list[str]] = []
    for (kind, policy), findings in by_policy(report.findings).items():
        if details or kind == "mandatory":
            for finding in findings:
                lines += _line(kind, f"{policy}: {safe(finding.text)}{_where(finding)}", style)
        elif all_of_them:
            more = f"; {len(findings) - 1:,} more" if len(findings) > 1 else ""
            quiet.append(list(_line(kind, f"{policy}: {safe(findings[0].text)}{more}", style)))
    lines += _first(quiet)
    for exemption in report.exemptions:
        if exemption.ended or all_of_them or details:
            lines += _exemption(exemption)
    if lines:
        where = "; `--details` says where" if quiet else ""
        yield style.paint("Policies", "bold") + f" (`llmform explain NAME` says why{where})"
        yield from lines


def _first(blocks: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield as many blocks as fit into `_MOST_LINES`, and how many there are beside them."""
    room = _MOST_LINES
    for position, block in enumerate(blocks):
        last = position == len(blocks) - 1
        if len(block) > room - (not last):
            left = len(blocks) - position
            yield f"{_INDENT}{left:,} {'more ' if position else ''}{'policy' if left == 1 else 'policies'}"
            return
        yield from block
        room -= len(block)


def _line(kind: str, text: str, style: Style) -> Iterator[str]:
    first, *rest = wrap(text, f"  {_WORDS[kind]:<12}", _INDENT)
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
