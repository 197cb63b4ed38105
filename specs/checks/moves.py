"""`moved` entries that rename nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.schema.base import NAME_PATTERN
from specs.suggest import did_you_mean
from specs.tree import at

MOVABLE = ("models", "nodePools", "stores", "serving")

_NAME = re.compile(NAME_PATTERN)


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield moves whose old place is still there, whose new place is not, or that leave their section."""
    new_places: dict[str, str] = {}
    for old, new in case.spec.moved.items():
        path = ("moved", old)
        section, _, name = new.partition(".")
        old_section, _, old_name = old.partition(".")
        if (
            old_section not in MOVABLE
            or section != old_section
            or not _NAME.fullmatch(old_name)
            or not _NAME.fullmatch(name)
        ):
            yield finding(
                case,
                "bad-move",
                path,
                f"`{old}` cannot move to `{new}`",
                help="both are an entry of `models`, `nodePools`, `stores` or `serving`, such as "
                "`nodePools.l40s: nodePools.inference`",
            )
        elif at(case.base, (old_section, old_name)) is not None:
            yield finding(
                case,
                "bad-move",
                path,
                f"`{old}` is still there, so it has not moved",
                help=f"remove `{old}`, or this line",
                key=True,
            )
        elif at(case.base, (section, name)) is None:
            there = [f"{section}.{n}" for n in (at(case.base, (section,)) or case.base).members]
            yield finding(case, "bad-move", path, f"`{new}` is not there", help=did_you_mean(new, there, "entries"))
        elif new in new_places:
            yield finding(
                case,
                "bad-move",
                path,
                f"`{new}` has two old places: `{new_places[new]}` and `{old}`",
                help="keep one of the two",
            )
        new_places[new] = old
