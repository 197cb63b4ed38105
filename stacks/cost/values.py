"""What a compilation costs, as values: US dollars a month, line by line, and what nobody has a price for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

HOURS_A_MONTH = Decimal(730)
"""Hours of an average month, as AWS's own calculator counts them: 365 days × 24 hours ÷ 12."""


MILLIONTH = Decimal("0.000001")
"""What parts of a sum are rounded to, in US dollars; the last part takes what is left, so that sums are exact."""


@dataclass(frozen=True, slots=True)
class Range:
    """US dollars a month: with what is always kept, at the expected load, and with all that may be started.

    `expected` is None where nobody can say it: no traffic is known.
    """

    minimum: Decimal
    expected: Decimal | None
    maximum: Decimal


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one unit: US dollars, the unit (`hour`, `GB-month`), who says it, and of which day."""

    usd: Decimal
    unit: str
    source: str
    as_of: str


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that costs: `item` is what a bill calls it (`g6e.xlarge on demand`), `quantity` how it is counted.

    `component` and `origin` are those of the node in the graph, `where` is `file:line:column` of the spec. `model` is
    empty where the line is not one model's; of a pool that several models share, each has its part as a line.
    """

    stack: str
    component: str
    origin: str
    where: str
    model: str
    item: str
    quantity: str
    price: Price
    monthly: Range


@dataclass(frozen=True, slots=True)
class Unpriced:
    """One thing that costs and has no price here, and why. `by_use`: what it costs depends on how it is used, so that
    no spec says it; it is there on both sides of most changes."""

    stack: str
    component: str
    origin: str
    where: str
    item: str
    reason: str
    by_use: bool = False


@dataclass(frozen=True, slots=True)
class PerToken:
    """What a million tokens of a server's model cost at its expected load, and what that assumes.

    `utilisation` is the share of the server's computed throughput that the traffic takes, 0 to 1. `reason` says why
    there is no number, where there is none.
    """

    stack: str
    server: str
    model: str
    usd_per_million_input: Decimal | None
    usd_per_million_output: Decimal | None
    utilisation: Decimal | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StackLabels:
    """What a stack's costs are counted under beside its name."""

    stack: str
    environment: str
    target: str
    owner: str


@dataclass(frozen=True)
class Cost:
    """All that some stacks cost. Totals are sums of the lines, never recorded beside them."""

    stacks: tuple[StackLabels, ...]
    lines: tuple[Line, ...]
    unpriced: tuple[Unpriced, ...]
    per_token: tuple[PerToken, ...] = ()

    @cached_property
    def monthly(self) -> Range:
        """The sum of all lines."""
        return total(line.monthly for line in self.lines)

    def only(self, stacks: Collection[str]) -> Cost:
        """Return what some of the stacks have of it, by name."""
        return Cost(
            tuple(s for s in self.stacks if s.stack in stacks),
            tuple(line for line in self.lines if line.stack in stacks),
            tuple(u for u in self.unpriced if u.stack in stacks),
            tuple(t for t in self.per_token if t.stack in stacks),
        )


@dataclass(frozen=True, slots=True)
class OneOff:
    """What the change itself costs once, in US dollars: nodes that run twice while a rollout waits."""

    stack: str
    component: str
    text: str
    usd: Decimal


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget of an environment, or of one `model` in it, and what is priced of it at minimum, in US dollars a month.

    `fails_above` is the share of the budget above which a plan fails, None for never. `unpriced` names what the minimum
    leaves out; `uncounted` is what of it does not depend on use, such as nodes without a price.
    """

    environment: str
    model: str
    monthly: Decimal
    minimum: Decimal
    fails_above: Decimal | None
    unpriced: tuple[str, ...]
    uncounted: tuple[str, ...] = ()
    spec: str = ""

    @property
    def share(self) -> Decimal:
        """The part of the budget that the minimum takes: 1 is all of it."""
        return self.minimum / self.monthly

    @property
    def exceeded(self) -> bool:
        """Say whether the plan fails."""
        return self.fails_above is not None and self.share > self.fails_above


@dataclass(frozen=True)
class CostChange:
    """What a change does to the costs; `before` is None where there is nothing to compare with.

    `budgets` are of whole environments, whichever stacks were asked for.
    """

    before: Cost | None
    after: Cost
    once: tuple[OneOff, ...] = ()
    budgets: tuple[BudgetState, ...] = ()

    @cached_property
    def new_unpriced(self) -> tuple[Unpriced, ...]:
        """What has no price and was not there before, or not so much of it."""
        return () if self.before is None else _beyond(self.after, self.before)

    @cached_property
    def uncounted(self) -> tuple[Unpriced, ...]:
        """What has no price and is there on one side alone, without what depends on use: with any, nobody knows by how
        much a month changes."""
        if self.before is None:
            return ()
        return tuple(u for u in (*self.new_unpriced, *_beyond(self.before, self.after)) if not u.by_use)

    @cached_property
    def monthly(self) -> Range:
        """By how much a month changes, of what has a price: of all only if nothing is `uncounted`."""
        return self.after.monthly if self.before is None else difference(self.after.monthly, self.before.monthly)

    @property
    def known(self) -> bool:
        """Say whether anything of it has a price: else it costs what nobody knows, and not nothing."""
        sides = [side for side in (self.before, self.after) if side is not None]
        return any(side.lines for side in sides) or not any(side.unpriced for side in sides)

    def only(self, stacks: Collection[str]) -> CostChange:
        """Return what some of the stacks have of it, by name; budgets stay those of whole environments."""
        before = self.before.only(stacks) if self.before is not None else None
        once = tuple(o for o in self.once if o.stack in stacks)
        return CostChange(before, self.after.only(stacks), once, self.budgets)


def _beyond(one: Cost, other: Cost) -> tuple[Unpriced, ...]:
    """Return what the one side has without a price, and the other not."""
    there = Counter((u.stack, u.component, u.item) for u in other.unpriced)
    found = []
    for u in one.unpriced:
        key = (u.stack, u.component, u.item)
        if there[key] > 0:
            there[key] -= 1
        else:
            found.append(u)
    return tuple(found)


def joined(parts: Sequence[CostChange]) -> CostChange:
    """Return several changes, at least one, as one."""
    before = [p.before for p in parts if p.before is not None]
    once = tuple(o for p in parts for o in p.once)
    budgets = tuple(b for p in parts for b in p.budgets)
    return CostChange(_all_of(before) if before else None, _all_of([p.after for p in parts]), once, budgets)


def _all_of(sides: Sequence[Cost]) -> Cost:
    return Cost(
        tuple(s for c in sides for s in c.stacks),
        tuple(line for c in sides for line in c.lines),
        tuple(u for c in sides for u in c.unpriced),
        tuple(t for c in sides for t in c.per_token),
    )


def total(parts: Iterable[Range]) -> Range:
    """Return the sum; what is expected is known only if it is known of every part."""
    minimum = maximum = Decimal(0)
    expected: Decimal | None = Decimal(0)
    for part in parts:
        minimum, maximum = minimum + part.minimum, maximum + part.maximum
        expected = None if expected is None or part.expected is None else expected + part.expected
    return Range(minimum, expected, maximum)


def difference(after: Range, before: Range) -> Range:
    """Return how much more the one is than the other."""
    expected = None
    if after.expected is not None and before.expected is not None:
        expected = after.expected - before.expected
    return Range(after.minimum - before.minimum, expected, after.maximum - before.maximum)
