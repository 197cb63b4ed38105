"""The `review` rules of one side of a change, as the spec has them there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from specs.load import Loaded
from specs.schema.review import ReviewRule
from specs.tree import key_span

THIS = "this change"
"""What the side is called that the change leads to."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one side of a change. `side` says which (`this change`, `main (4f21c0e)`), `where` the place of
    each rule as `file:line:column`."""

    side: str
    rules: Mapping[str, ReviewRule]
    where: Mapping[str, str]


def rules_of(loaded: Loaded, side: str) -> Rules:
    """Return the rules of a sound spec. They are the same in every environment and at every target."""
    case = loaded.cases[0]
    rules = case.spec.review
    return Rules(side, rules, {name: str(key_span(case.base, ("review", name))) for name in rules})
