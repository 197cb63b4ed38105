"""What the nodes of a place cost: their hours and their disks, pool by pool, each model its part.

At minimum run the nodes that are kept, and the fewest that hold the servers' replicas; at the expected load those that
Karpenter starts for them; at maximum all that the pool may have. A node is priced as the cheapest type of its pool, at
maximum as the dearest. Where a pool takes spot, that is what is priced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from stacks.cost.place import Place
from stacks.cost.pods import Pods, nodes_for, servers_of
from stacks.cost.pools import Disk, PoolView, pools_of, room_of
from stacks.cost.rates import HOUR
from stacks.cost.values import HOURS_A_MONTH, MILLIONTH, Line, Price, Range, Unpriced
from stacks.cost.words import rate

BASE_IOPS, BASE_THROUGHPUT = 3000, 125
"""Operations and MiB a second that gp3 has at no extra price (Amazon EBS User Guide)."""


class Count(NamedTuple):
    """How many nodes of a kind: always, at the expected load (None: nobody knows it), and at most."""

    minimum: int
    expected: int | None
    maximum: int


@dataclass
class Nodes:
    """What the pools of a place cost. `of_server` is each server's part a month at the expected load, by component;
    None where some of its nodes have no price."""

    lines: list[Line] = field(default_factory=list)
    unpriced: list[Unpriced] = field(default_factory=list)
    of_server: dict[str, Decimal | None] = field(default_factory=dict)


def nodes_of(place: Place) -> Nodes:
    """Return the lines of all pools."""
    made = Nodes()
    servers = servers_of(place)
    for view in pools_of(place):
        here = tuple(p for p in servers if p.label == view.label)
        lines, unpriced = len(made.lines), len(made.unpriced)
        for item in _pool(place, view, here):
            (made.lines if isinstance(item, Line) else made.unpriced).append(item)  # type: ignore[arg-type]
        _shares(made, here, made.lines[lines:], complete=len(made.unpriced) == unpriced)
    return made


def _shares(made: Nodes, here: Sequence[Pods], lines: Sequence[Line], *, complete: bool) -> None:
    weight = sum(p.weight for p in here)
    for p in here:
        total: Decimal | None = Decimal(0) if complete and lines else None
        for line in lines:
            total = None if total is None or line.monthly.expected is None else total + line.monthly.expected
        made.of_server[p.component] = (
            None if total is None else total * Decimal(str(p.weight)) / Decimal(str(weight or 1))
        )


def _pool(place: Place, view: PoolView, here: Sequence[Pods]) -> Iterator[Line | Unpriced]:
    if view.group is None and view.karpenter is None:
        yield from _own_nodes(place, view, here)
        return
    kept = view.group.minimum if view.group is not None else 0
    if view.group is not None:
        count = Count(kept, kept, max(kept, view.group.maximum))
        every = dict.fromkeys(view.group.types, count.maximum)
        yield from _hours(place, view, here, view.group.capacity, every, count)
        yield from _disk(place, view, here, view.group.disk, count)
    if view.karpenter is not None:
        types = view.karpenter.types
        needed, started = needed_nodes(place, view, here, types)
        fewest, usual = max(0, needed - kept), max(0, started - kept)
        if view.karpenter.gpus or view.karpenter.vcpus:
            most = {t: _most(place, view, t) for t in types}
            top = max(most.values(), default=0)
            fewest, usual = min(top, fewest), min(top, usual)
        else:
            top, most = usual, dict.fromkeys(types, usual)
            reason = "its NodePool has no limits: Karpenter starts as many as pods ask for"
            yield _lacking(place, view, f"nodes of `{view.name}` beyond {usual}", reason)
        known = usual if all(p.load_known for p in here) else None
        count = Count(fewest, known, top)
        capacity = "spot" if "spot" in view.karpenter.capacities else "on-demand"  # which Karpenter takes first
        yield from _hours(place, view, here, capacity, most, count)
        yield from _disk(place, view, here, view.karpenter.disk, count)


def needed_nodes(place: Place, view: PoolView, here: Sequence[Pods], types: tuple[str, ...]) -> tuple[int, int]:
    """Return the fewest nodes that hold the pods, and how many Karpenter starts for them.

    It counts GPUs and not their parts (kubernetes-sigs/karpenter#729), so that it can start more where pods share one.
    """
    places, cores, memory = room_of(place, view, types)
    fewest = nodes_for(here, places, cores, memory)
    return fewest, max(fewest, nodes_for(here, places // view.parts, cores, memory)) if view.parts > 1 else fewest


def _most(place: Place, view: PoolView, name: str) -> int:
    """Return how many nodes of a type Karpenter's limits allow; 0 for a type that the catalog does not have."""
    row, pool = place.rates.edition.instances.get(name), view.karpenter
    if row is None or pool is None:
        return 0
    allowed = [pool.gpus // row.gpus] if pool.gpus and row.gpus else []
    return min([*allowed, *([int(pool.vcpus // row.vcpu)] if pool.vcpus else [])], default=0)


def _hours(
    place: Place, view: PoolView, here: Sequence[Pods], capacity: str, most: Mapping[str, int], count: Count
) -> Iterator[Line | Unpriced]:
    """Yield the hours of nodes that can be of several types; `most` says of each how many there can be."""
    if not count.maximum:
        return
    rated = {t: place.rates.instance(t, capacity) for t in most}
    priced = sorted(((r.price.usd, t) for t, r in rated.items() if r is not None), key=lambda p: p)
    without = [t for t, r in rated.items() if r is None]
    if without or not priced:
        which = " ".join(without) or "nodes of a type that is not known"
        nodes = _numbers(count)
        # these nodes are counted once: as a type that has a price, where there is one
        item = f"{which} in place of {priced[0][1]}" if priced else f"{nodes} × {which}"
        yield _lacking(place, view, item, place.rates.no_price())
    if not priced:
        return
    usd, cheapest = priced[0]
    first = rated[cheapest]
    assert first is not None
    on_demand = {t: place.rates.instance(t, "on-demand") for _, t in priced}
    missing = [t for t, r in on_demand.items() if r is None]
    if missing and view.karpenter is not None and "on-demand" in view.karpenter.capacities:
        item = f"{' '.join(missing)} on demand, where spot is not to be had"
        yield _lacking(place, view, item, place.rates.no_price())

    def at_most(name: str) -> tuple[Decimal, int]:
        number = most[name]
        dearest = max(r.price.usd for r in (rated[name], on_demand[name]) if r is not None)
        return dearest * number, number

    top, name = max((at_most(t)[0], t) for _, t in priced)
    monthly = Range(
        usd * count.minimum * HOURS_A_MONTH,
        None if count.expected is None else usd * count.expected * HOURS_A_MONTH,
        max(top, usd * max(count.minimum, count.expected or 0)) * HOURS_A_MONTH,
    )
    how = "spot at the on-demand price, its ceiling" if first.ceiling else capacity.replace("-", " ")
    text = f"{_numbers(count)} × 730 hours"
    if name != cheapest:
        dearest, number = at_most(name)
        text += f"; at most {number} × {name} at {rate(dearest / (number or 1), HOUR)}"
    yield from _by_model(place, view, here, f"{cheapest} {how}", text, first.price, monthly)


def _numbers(count: Count) -> str:
    low, high = count.minimum, count.maximum
    return str(high) if low == high else f"{low} to {high}"


def _disk(
    place: Place, view: PoolView, here: Sequence[Pods], disk: Disk | None, count: Count
) -> Iterator[Line | Unpriced]:
    """Yield the root volumes: storage, and what is beyond gp3's free throughput and operations."""
    if disk is None or not count.maximum:
        return
    if disk.type != "gp3":
        yield _lacking(place, view, f"{_numbers(count)} × {disk.gib} GiB {disk.type}", "no price of it is known")
        return
    wanted = [("gp3-storage", disk.gib, f"{disk.gib} GiB gp3")]
    if disk.throughput > BASE_THROUGHPUT:
        extra = disk.throughput - BASE_THROUGHPUT
        wanted.append(("gp3-throughput", extra, f"{extra} MiB/s of gp3 above {BASE_THROUGHPUT}"))
    if disk.iops > BASE_IOPS:
        extra = disk.iops - BASE_IOPS
        wanted.append(("gp3-iops", extra, f"{extra} operations a second of gp3 above {BASE_IOPS:,}"))
    for service, units, item in wanted:
        price = place.rates.service(service)
        if price is None:
            yield _lacking(place, view, f"{_numbers(count)} × {item}", place.rates.no_price())
            continue
        each = price.usd * units
        expected = None if count.expected is None else each * count.expected
        monthly = Range(each * count.minimum, expected, each * count.maximum)
        yield from _by_model(place, view, here, item, f"{_numbers(count)} × {units}", price, monthly)


def _own_nodes(place: Place, view: PoolView, here: Sequence[Pods]) -> Iterator[Line | Unpriced]:
    """Yield nodes of one's own, which are there whoever uses them: at minimum those that the servers need."""
    maximum = place.value(f"nodePools.{view.name}.max")
    top = maximum if isinstance(maximum, int) else 0
    needed, _ = needed_nodes(place, view, here, ())
    top = max(top, needed)
    count = Count(needed, needed if all(p.load_known for p in here) else None, top)
    if not top:
        return
    per_node = place.value(f"nodePools.{view.name}.perNode")
    price = place.rates.node(view.name, per_node if isinstance(per_node, int) else 0)
    item = f"{'node' if top == 1 else 'nodes'} of one's own"
    if price is None:
        reason = f"no price sheet says what a node of `{view.name}` costs (`targets.X.prices`, `nodes`)"
        yield _lacking(place, view, f"{_numbers(count)} {item}", reason)
        return
    each = price.usd * HOURS_A_MONTH
    expected = None if count.expected is None else each * count.expected
    monthly = Range(each * count.minimum, expected, each * count.maximum)
    yield from _by_model(place, view, here, item, f"{_numbers(count)} × 730 hours", price, monthly)


def _lacking(place: Place, view: PoolView, item: str, reason: str) -> Unpriced:
    return Unpriced(view.stack.name, view.component, view.origin, place.where(view.origin), item, reason)


def _by_model(
    place: Place, view: PoolView, here: Sequence[Pods], item: str, quantity: str, price: Price, monthly: Range
) -> Iterator[Line]:
    """Yield the line once for each model that the pool serves, by what its servers ask for; their sum is the whole.

    The whole is rounded first: a price that is divided has no end, and sums of such depend on their order.
    """
    monthly = _part(monthly, Decimal(1))
    weights: dict[str, float] = {}
    for p in here:
        weights[p.model] = weights.get(p.model, 0.0) + p.weight
    total = sum(weights.values())
    parts = sorted(weights) if total else [""]
    left = monthly
    for number, model in enumerate(parts):
        last = number == len(parts) - 1
        mine = left if last else _part(monthly, Decimal(str(weights[model])) / Decimal(str(total)))
        left = Range(
            left.minimum - mine.minimum,
            None if left.expected is None or mine.expected is None else left.expected - mine.expected,
            left.maximum - mine.maximum,
        )
        share = f"; {weights[model] / total:.0%} of it" if len(parts) > 1 else ""
        yield Line(
            view.stack.name, view.component, view.origin, place.where(view.origin), model, item, f"{quantity}{share}",
            price, mine,
        )  # fmt: skip


def _part(monthly: Range, share: Decimal) -> Range:
    def of(value: Decimal) -> Decimal:
        return (value * share).quantize(MILLIONTH)

    return Range(of(monthly.minimum), None if monthly.expected is None else of(monthly.expected), of(monthly.maximum))
