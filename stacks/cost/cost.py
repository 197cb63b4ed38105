"""A compilation → what it costs. Pure: graphs, decided values, price sheets and the catalog give lines.

Everything is priced place by place (an environment at a target, or at one of its sites), because what a server needs of
a pool stands in another layer than the pool.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from specs.catalog.reader import EDITIONS, NEWEST, load_edition
from stacks.compilation import Compilation, CompiledStack
from stacks.cost.basis import NOTHING, Basis, place_key
from stacks.cost.nodes import nodes_of
from stacks.cost.once import Side, once
from stacks.cost.place import Place, region_of
from stacks.cost.rates import Rates
from stacks.cost.resources import resources_of
from stacks.cost.tokens import tokens_of
from stacks.cost.values import Cost, CostChange, Line, PerToken, StackLabels, Unpriced

OWNER = "owner"
"""The spec path of who owns the stacks."""


def cost_of(compilation: Compilation, prices: Mapping[str, Basis] | None = None) -> Cost:
    """Return what the stacks of a compilation cost a month.

    Args:
        prices: price sheets by place (`environment/target`) that count before those of the compilation.
    """
    parts = [_place_cost(p.place, p.basis, p.names) for p in _places(compilation, prices or {})]
    labels = tuple(_labels(s) for s in compilation.stacks)
    return Cost(
        labels,
        tuple(line for p in parts for line in p.lines),
        tuple(item for p in parts for item in p.unpriced),
        tuple(item for p in parts for item in p.per_token),
    )


def cost_change(before: Compilation | None, after: Compilation) -> CostChange:
    """Return what a change does to the costs. Both sides are priced by the sheets of the new one where it has the
    place: a new price is no change of what is deployed. What these no longer price keeps its own price, and so does a
    place that moves to another region.

    Both have to be whole: a pool's nodes are those that the servers of another stack need. `CostChange.only` then says
    what the stacks that were asked for have of it.
    """
    now = cost_of(after)
    if before is None:
        return CostChange(None, now)
    prices = _of_both(before, after)
    return CostChange(cost_of(before, prices), now, once(_sides(before, prices), _sides(after, {})))


def _of_both(before: Compilation, after: Compilation) -> Mapping[str, Basis]:
    """Return what the new side says of the places that are where they were: a price sheet is of one region."""
    own = {key for side in (before, after) for key, basis in side.costs.items() if basis.sheet is not None}
    if not own:
        return after.costs
    old, new = (_regions(side, own) for side in (before, after))
    return {key: basis for key, basis in after.costs.items() if key not in own or old.get(key) == new.get(key)}


def _regions(compilation: Compilation, places: Collection[str]) -> dict[str, str]:
    """Return the regions of some places."""
    stacks: dict[str, list[CompiledStack]] = {}
    for stack in compilation.stacks:
        key = place_key(stack.environment, stack.target)
        if key in places:
            stacks.setdefault(key, []).append(stack)
    return {key: region_of(tuple(some)) for key, some in stacks.items()}


@dataclass(frozen=True, slots=True)
class _There:
    """One place, or the first of many sites that have the same graphs: `names` are the stacks of each, by layer."""

    place: Place
    basis: Basis
    names: tuple[Mapping[str, str], ...]


def _places(compilation: Compilation, prices: Mapping[str, Basis]) -> Iterator[_There]:
    edition = load_edition(compilation.edition if compilation.edition in EDITIONS else NEWEST)
    by_place: dict[tuple[str, str, str], list[CompiledStack]] = {}
    for stack in compilation.stacks:
        by_place.setdefault(stack.somewhere, []).append(stack)
    alike: dict[tuple[object, ...], list[list[CompiledStack]]] = {}
    for (environment, target, site), stacks in by_place.items():
        graphs = tuple(id(s.common) for s in stacks) if all(s.common is not None for s in stacks) else (site,)
        alike.setdefault((environment, target, *graphs), []).append(stacks)
    for sites in alike.values():
        first = tuple(sites[0])
        key = place_key(first[0].environment, first[0].target)
        own = compilation.costs.get(key, NOTHING)
        sheet = prices[key].sheet if key in prices else own.sheet
        names = tuple({a.name: b.name for a, b in zip(first, site, strict=True)} for site in sites)
        older = own.sheet if own.sheet is not sheet else None
        yield _There(Place(first, Rates(edition, region_of(first), sheet, older)), replace(own, sheet=sheet), names)


def _sides(compilation: Compilation, prices: Mapping[str, Basis]) -> tuple[Side, ...]:
    return tuple(Side(p.place, p.names) for p in _places(compilation, prices))


def _place_cost(place: Place, basis: Basis, names: Iterable[Mapping[str, str]]) -> Cost:
    """Return what a place costs, and with it every site that has the same graphs."""
    nodes, lines, unpriced = nodes_of(place), list[Line](), list[Unpriced]()
    for item in resources_of(place):
        if isinstance(item, Line):
            lines.append(item)
        else:
            unpriced.append(item)
    lines, unpriced = [*nodes.lines, *lines], [*nodes.unpriced, *unpriced]
    tokens = tuple(tokens_of(place, basis, nodes.of_server))
    every_line: list[Line] = []
    every_unpriced: list[Unpriced] = []
    every_token: list[PerToken] = []
    for own in names:
        every_line += [
            line if own[line.stack] == line.stack else replace(line, stack=own[line.stack]) for line in lines
        ]
        every_unpriced += [u if own[u.stack] == u.stack else replace(u, stack=own[u.stack]) for u in unpriced]
        every_token += [t if own[t.stack] == t.stack else replace(t, stack=own[t.stack]) for t in tokens]
    return Cost((), tuple(every_line), tuple(every_unpriced), tuple(every_token))


def _labels(stack: CompiledStack) -> StackLabels:
    owner = stack.values.get(OWNER)
    return StackLabels(stack.name, stack.environment, stack.target, str(owner.value) if owner is not None else "")
