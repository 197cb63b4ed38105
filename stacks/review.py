"""A change as its reviewer reads it: the plan of every spec, with what diagnostics, policies and prices say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from specs.diagnostics import Diagnostic, has_errors
from stacks.plan import Plan
from stacks.policy_report import Report
from stacks.review_rules import Rules
from stacks.risk.finding import Risk

if TYPE_CHECKING:  # a review may do without them, and then nobody pays for the import
    from stacks.cost.values import CostChange
    from stacks.picture import Picture


@dataclass(frozen=True, slots=True)
class SpecReview:
    """One spec. `file` is its path as it was given, `texts` the text of every file that a diagnostic points into.

    `cost` is None where no prices were asked for; `sizing` (as `stacks.sizing.sizing_of` gives it) and `pictures` (of
    stacks that change, by name) are empty where the format does not show them. `rules` are the `review` rules of the
    spec as it is at a commit, where it is compared with one, and of the spec as it is now, where there is one.
    """

    file: str
    plan: Plan
    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, str]
    policies: Report
    cost: CostChange | None = None
    sizing: tuple[Mapping[str, Any], ...] = ()
    pictures: Mapping[str, Picture] | None = None
    rules: tuple[Rules, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A spec with errors, of which there is no plan. `refused` says so where the spec as it was, the other side of the
    comparison, has them; else it is empty."""

    file: str
    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, str]
    refused: str = ""


@dataclass(frozen=True)
class Review:
    """All specs that were asked for, in the order of their paths; `many`: as several, or as those of a folder."""

    specs: tuple[SpecReview, ...]
    broken: tuple[Broken, ...] = ()
    many: bool = False

    @cached_property
    def risk(self) -> Risk:
        """The largest risk of any step."""
        return max((s.plan.risk for s in self.specs), default=Risk.NONE)

    @cached_property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not self.broken and all(s.plan.empty for s in self.specs)

    @cached_property
    def fails(self) -> bool:
        """Whether something has to be mended first: a spec with errors, a mandatory policy that is broken, or
        a budget that is exceeded."""
        return bool(self.broken) or any(s.policies.fails or has_errors(s.diagnostics) for s in self.specs)

    @cached_property
    def monthly(self) -> Decimal | None:
        """By how many US dollars a month the priced minimum changes; None where no prices were asked for, where
        nothing has one, or where what has none is on one side alone."""
        costs = [s.cost for s in self.specs if s.cost is not None]
        if len(costs) < len(self.specs) or (costs and not any(c.known for c in costs)):
            return None
        if any(c.uncounted for c in costs):
            return None
        return sum((c.monthly.minimum for c in costs), Decimal(0))


@dataclass(frozen=True, slots=True)
class Reading:
    """How the reader wants it: every resource, colour (a terminal's), and the address that a file's path is put behind
    to make a link (`https://github.com/o/r/blob/SHA/`); without one there are no links."""

    details: bool = False
    colour: bool = False
    link_base: str = ""
