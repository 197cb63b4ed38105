"""Policies that do not exist, and levels that are lowered without a reason or without an end."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.schema.policies import LEVELS, RANK
from specs.suggest import did_you_mean


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield what is wrong with the case's `policies`."""
    for name, wanted in case.spec.policies.items():
        own = LEVELS.get(name)
        if own is None:
            yield finding(
                case,
                "unknown-reference",
                ("policies", name),
                f"there is no policy `{name}`",
                help=did_you_mean(name, LEVELS, "policies"),
                key=True,
            )
        elif RANK[wanted.level] < RANK[own] and not ((wanted.reason or "").strip() and wanted.until):
            given = (("reason", (wanted.reason or "").strip()), ("until", wanted.until))
            missing = [key for key, value in given if not value]
            yield finding(
                case,
                "unexplained-exception",
                ("policies", name, "level"),
                f"`{name}` is {own}, and an exception from it has no `{'` and no `'.join(missing)}`",
                help='add `reason: "…"` and the last day on which it counts, such as `until: 2027-03-31`',
            )
