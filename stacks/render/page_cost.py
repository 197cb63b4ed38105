"""What a review costs, as a page shows it: a bar for each environment, and the numbers beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from stacks.cost.values import Cost, CostChange, OneOff, PerToken, Price, Range, Unpriced, joined, total
from stacks.cost.words import of_token, rate, signed, usd
from stacks.render.cost import cost_line

UNKNOWN = "not known"
"""What stands for an amount that nobody knows: what has no price is not $0."""

_WIDTH = 600
"""Units of the longest bar."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One side of an environment: the length of its bars, and its numbers as words."""

    side: str
    minimum: int
    expected: int | None
    maximum: int
    words: tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class EnvironmentCost:
    """One environment, what it cost and what it will."""

    name: str
    change: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class CostView:
    """All that the page says on cost; `change` and `after` are of the minimum of a month."""

    words: str
    change: str
    after: str
    environments: tuple[EnvironmentCost, ...]
    per_token: tuple[tuple[PerToken, str, str, str], ...]
    once: tuple[tuple[OneOff, str], ...]
    unpriced: tuple[tuple[Unpriced, int], ...]
    prices: tuple[tuple[str, str, str], ...]


def cost_view(costs: Sequence[CostChange]) -> CostView | None:
    """Return the view; None where no prices were asked for."""
    if not costs:
        return None
    after = _by_environment(c.after for c in costs)
    change = total(c.monthly for c in costs).minimum
    old = [c.before for c in costs if c.before is not None]
    before = _by_environment(iter(old))
    most = max((r.maximum for r in (*before.values(), *after.values()) if r is not None), default=Decimal(0))
    every = joined(costs)
    known = every.known
    told = UNKNOWN if every.uncounted else "unchanged" if old and not change else signed(change)
    return CostView(
        cost_line(every).removeprefix("Cost: "),
        told if known else UNKNOWN,
        usd(total(c.after.monthly for c in costs).minimum) if known else UNKNOWN,
        tuple(_environments(before if old else None, after, most, _uncounted(costs))),
        tuple(_per_token(costs)),
        tuple((o, usd(o.usd)) for c in costs for o in c.once),
        tuple(_unpriced(costs)),
        tuple(_prices(costs)),
    )


def _by_environment(costs: Iterator[Cost]) -> dict[str, Range | None]:
    """Return what the environments cost, None for one of which nothing has a price."""
    found: dict[str, list[Range]] = defaultdict(list)
    lacking = set()
    for cost in costs:
        environment = {s.stack: s.environment for s in cost.stacks}
        for labels in cost.stacks:
            found[labels.environment]  # an environment without a priced line is there too
        for line in cost.lines:
            found[environment.get(line.stack, "")].append(line.monthly)
        lacking |= {environment.get(u.stack, "") for u in cost.unpriced}
    return {name: total(parts) if parts or name not in lacking else None for name, parts in found.items()}


_NOTHING = Range(Decimal(0), Decimal(0), Decimal(0))


def _uncounted(costs: Sequence[CostChange]) -> frozenset[str]:
    """Return the environments of which nobody knows by how much they change."""
    labels = {s.stack: s.environment for c in costs for side in (c.before, c.after) if side for s in side.stacks}
    return frozenset(labels.get(u.stack, "") for c in costs for u in c.uncounted)


def _environments(
    before: dict[str, Range | None] | None, after: dict[str, Range | None], most: Decimal, uncounted: frozenset[str]
) -> Iterator[EnvironmentCost]:
    for name in dict.fromkeys((*(before or {}), *after)):
        now = after.get(name, _NOTHING)
        if before is None:
            yield EnvironmentCost(name, "", (_bar("after", now, most),))
            continue
        was = before.get(name, _NOTHING)
        comparable = now is not None and was is not None and name not in uncounted
        more = now.minimum - was.minimum if comparable and now is not None and was is not None else None
        change = UNKNOWN if more is None else f"{signed(more) if more else 'unchanged'} at minimum"
        yield EnvironmentCost(name, change, (_bar("before", was, most), _bar("after", now, most)))


def _bar(side: str, found: Range | None, most: Decimal) -> Bar:
    if found is None:
        return Bar(side, 0, None, 0, (UNKNOWN, UNKNOWN, UNKNOWN))

    def long(amount: Decimal) -> int:
        return int(amount / most * _WIDTH) if most else 0

    expected = None if found.expected is None else long(found.expected)
    return Bar(side, long(found.minimum), expected, long(found.maximum), _words(found))


def _words(found: Range) -> tuple[str, str, str]:
    """Return minimum, expected and maximum as cells of a table; what nobody can say is said to be unknown."""
    expected = UNKNOWN if found.expected is None else usd(found.expected)
    return usd(found.minimum), expected, usd(found.maximum)


def _per_token(costs: Sequence[CostChange]) -> Iterator[tuple[PerToken, str, str, str]]:
    seen = set()
    for one in (p for c in costs for p in c.after.per_token):
        if one not in seen:
            seen.add(one)
            read, wrote = (
                UNKNOWN if x is None else of_token(x) for x in (one.usd_per_million_input, one.usd_per_million_output)
            )
            yield one, read, wrote, "" if one.utilisation is None else f"{one.utilisation:.0%}"


def _unpriced(costs: Sequence[CostChange]) -> Iterator[tuple[Unpriced, int]]:
    found: dict[tuple[str, str], list[Unpriced]] = defaultdict(list)
    for one in (u for c in costs for u in c.after.unpriced):
        found[(one.item, one.reason)].append(one)
    for several in found.values():
        yield several[0], len({u.stack for u in several})


def _prices(costs: Sequence[CostChange]) -> Iterator[tuple[str, str, str]]:
    """Yield each price with what it is of and where it comes from."""
    found: dict[tuple[str, Price], None] = {}
    for line in (x for c in costs for x in c.after.lines):
        found[(line.item, line.price)] = None
    for item, price in sorted(found, key=lambda f: (f[0], f[1].usd)):
        yield item, rate(price.usd, price.unit), f"{price.source}, {price.as_of}"
