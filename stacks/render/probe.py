"""A probe's report as text and as JSON. The layout of the JSON is `docs/reference/probe-json.md`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from stacks.probe import (
    Distribution,
    ProbeReport,
    Status,
    distribution,
    first_token_times,
    gaps,
    seconds,
    tokens_in_a_piece,
)
from stacks.render.style import PLAIN, Style, columns, safe, wrap

FORMAT = 1
"""Version of the layout. New keys may come without a new version; a key that goes or means another thing needs one."""

_COLOURS = {Status.OK: "green", Status.FAILED: "red", Status.UNKNOWN: "dim"}
_SHOWN = {Status.OK: "ok", Status.FAILED: "FAILED", Status.UNKNOWN: "-"}
_INDENT = " " * 40


def human_probe(report: ProbeReport, style: Style = PLAIN) -> str:
    """Return the report for people: every check, then how fast it was, then one line that sums up."""
    return (
        "\n".join([*_head(report, style), *_checks(report, style), *_speed(report, style), *_end(report, style)]) + "\n"
    )


def _head(report: ProbeReport, style: Style) -> Iterator[str]:
    settings = report.settings
    what = f"{settings.engine}, {settings.task}" + (f", model {safe(settings.model)}" if settings.model else "")
    yield style.paint(columns(safe(report.address), what), "bold")
    yield ""


def _checks(report: ProbeReport, style: Style) -> Iterator[str]:
    for check in report.checks:
        word = _SHOWN[check.status]
        first, *rest = wrap(safe(check.text), f"  {word:<8}{check.name:<29} ", _INDENT)
        yield first.replace(word, style.paint(word, _COLOURS[check.status]), 1)
        yield from rest
        if check.help:
            yield from wrap(f"= help: {safe(check.help)}", _INDENT, _INDENT)


def _speed(report: ProbeReport, style: Style) -> Iterator[str]:
    settings = report.settings
    tables = [(name, found) for name, found in _distributions(report).items() if found is not None]
    if not tables:
        return
    yield ""
    asked = f"{len(report.answers):,} answers at concurrency {settings.concurrency:,}, in {seconds(report.seconds)}"
    yield style.paint(columns(asked, "p50       p90       p95       p99       most        values"), "bold")
    for name, found in tables:
        values = (found.p50, found.p90, found.p95, found.p99, found.maximum)
        numbers = "".join(f"{seconds(value):>10}" for value in values) + f"{found.count:>14,}"
        yield columns(f"  {_TITLES[name]}", numbers)
    yield from wrap(_tokens(report), "  ", "  ")
    yield from wrap(_DEFINITIONS, "  ", "  ")


_DEFINITIONS = (
    "a percentile is the nearest rank: of 20 values p95 is the 19th; times are those of this client, "
    "its network included"
)

_TITLES = {
    "timeToFirstToken": "time to first token",
    "interTokenLatency": "between two pieces",
    "requestLatency": "whole request",
}


def _tokens(report: ProbeReport) -> str:
    """Return what was asked for and what the server counted."""
    settings, parts = report.settings, []
    if settings.task == "generate":
        parts.append(f"asked: about {settings.input_tokens:,} tokens in, at most {settings.output_tokens:,} out")
    else:
        parts.append(f"asked: about {settings.input_tokens:,} tokens in")
    given, made = _mean([a.input_tokens for a in report.answers]), _mean([a.output_tokens for a in report.answers])
    if given is not None:
        parts.append(f"counted: {given:,.0f} in" + (f", {made:,.0f} out" if made is not None else ""))
    in_a_piece = tokens_in_a_piece(report)
    if in_a_piece is not None:
        parts.append(f"{in_a_piece:.2f} tokens a piece")
    made_all = sum(a.output_tokens or 0 for a in report.answers)
    if made_all and report.seconds:
        parts.append(f"{made_all / report.seconds:,.0f} tokens/s over all requests")
    return "; ".join(parts)


def _mean(values: list[int | None]) -> float | None:
    counted = [value for value in values if value is not None]
    return sum(counted) / len(counted) if counted else None


def _end(report: ProbeReport, style: Style) -> Iterator[str]:
    failed = sum(check.status is Status.FAILED for check in report.checks)
    unknown = sum(check.status is Status.UNKNOWN for check in report.checks)
    yield ""
    parts = [
        f"{failed:,} of {len(report.checks):,} checks failed"
        if failed
        else f"No check of {len(report.checks):,} failed"
    ]
    if unknown:
        parts.append(f"{unknown:,} cannot be told")
    if report.interrupted:
        parts.append(
            f"interrupted after {len(report.answers) + len(report.failures):,} of {report.settings.requests:,} requests"
        )
    yield style.paint(", ".join(parts) + ".", *(("red", "bold") if failed else ("bold",)))


def _distributions(report: ProbeReport) -> dict[str, Distribution | None]:
    return {
        "timeToFirstToken": distribution(first_token_times(report)),
        "interTokenLatency": distribution(gaps(report)),
        "requestLatency": distribution([answer.seconds for answer in report.answers]),
    }


def json_probe(report: ProbeReport) -> str:
    """Return the report as JSON in ASCII, so that nothing in it can steer a terminal."""
    return json.dumps(probe_values(report), indent=2) + "\n"


def probe_values(report: ProbeReport) -> dict[str, Any]:
    """Return the report as plain JSON values; times are in seconds."""
    settings, expected, identity = report.settings, report.expected, report.identity
    return {
        "format": FORMAT,
        "address": report.address,
        "fails": report.fails,
        "interrupted": report.interrupted,
        "settings": {
            "engine": settings.engine,
            "task": settings.task,
            "model": settings.model,
            "requests": settings.requests,
            "concurrency": settings.concurrency,
            "warmUp": settings.warm_up,
            "inputTokens": settings.input_tokens,
            "outputTokens": settings.output_tokens,
            "timeoutSeconds": settings.timeout,
        },
        "expected": {
            "source": expected.source,
            "model": expected.model,
            "revision": expected.revision,
            "version": expected.version,
            "timeToFirstToken": expected.time_to_first_token,
            "interTokenLatency": expected.inter_token_latency,
        },
        "identity": {
            "models": list(identity.models),
            "version": identity.version,
            "revisions": list(identity.revisions),
            "note": identity.note,
        },
        "checks": [
            {"name": c.name, "status": str(c.status), "text": c.text, **({"help": c.help} if c.help else {})}
            for c in report.checks
        ],
        "metrics": [
            {"role": role, "name": expected.metrics[role], "exported": there} for role, there in report.metrics.items()
        ],
        "measured": {
            "seconds": report.seconds,
            "answered": len(report.answers),
            "failed": len(report.failures),
            "inputTokens": _mean([a.input_tokens for a in report.answers]),
            "outputTokens": _mean([a.output_tokens for a in report.answers]),
            "tokensInAPiece": tokens_in_a_piece(report),
            **{name: asdict(found) if found else None for name, found in _distributions(report).items()},
        },
        "failures": [{"kind": failure.kind, "message": failure.message} for failure in report.failures],
    }
