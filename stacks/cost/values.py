"""What a compilation costs, as values: US dollars a month, line by line, and what nobody has a price for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

HOURS_A_MONTH = Decimal(730)
"""Hours of an average month, as AWS's own calculator counts them: 365 days × 24 hours ÷ 12."""


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
    """One thing that costs and has no price here, and why."""

    stack: str
    component: str
    origin: str
    where: str
    item: str
    reason: str


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


@dataclass(frozen=True, slots=True)
class OneOff:
    """What the change itself costs once, in US dollars: nodes that run twice while a rollout waits."""

    stack: str
    component: str
    text: str
    usd: Decimal


@dataclass(frozen=True)
class CostChange:
    """What a change does to the costs; `before` is None where there is nothing to compare with."""

    before: Cost | None
    after: Cost
    once: tuple[OneOff, ...] = ()

    @cached_property
    def monthly(self) -> Range:
        """By how much a month changes."""
        return self.after.monthly if self.before is None else difference(self.after.monthly, self.before.monthly)


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
