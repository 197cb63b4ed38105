"""What a change costs once: nodes that run beside those that are there until a rollout is through.

- A server whose pods change and that starts new replicas first:
  nodes more for `maxSurge` replicas × ceil(replicas / maxSurge) × the time of a new replica.
- A pool of which every node is made anew (Karpenter's drift), one after the other, the new one first:
  1 node × nodes that run × the time of a new replica.

The time of a new replica is the plan's estimate, which the Deployment carries as `progressDeadlineSeconds`: a node, the
image, the weights, the engine. A node costs what its pool's cheapest type costs. Where the time or the price is not
known, nothing is said. Nodes of one's own are there all month: a rollout starts none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from stacks.cost.nodes import needed_nodes
from stacks.cost.place import Place
from stacks.cost.pods import Pods, servers_of
from stacks.cost.pools import PoolView, pools_of
from stacks.cost.rates import HOUR
from stacks.cost.values import OneOff
from stacks.cost.words import rate


class Side(NamedTuple):
    """A place of one side of a change, with the names of its stacks and of those of all sites like it."""

    place: Place
    names: tuple[Mapping[str, str], ...]


def once(before: Sequence[Side], after: Sequence[Side]) -> tuple[OneOff, ...]:
    """Return what a change costs once, by stack and component."""
    found: list[OneOff] = []
    old = {side.place.stacks[0].somewhere: side for side in before}
    for side in after:
        was = old.get(side.place.stacks[0].somewhere)
        if was is not None:
            found += [replace(item, stack=own[item.stack]) for item in _at(was.place, side.place) for own in side.names]
    return tuple(found)


def _at(before: Place, after: Place) -> Iterator[OneOff]:
    servers_before = {p.component: p for p in servers_of(before)}
    servers = servers_of(after)
    stack_of = {node.component: stack.name for stack, node in after.nodes()}
    pools_before = {v.component: v for v in pools_of(before)}
    for view in pools_of(after):
        here = [p for p in servers if p.label == view.label]
        drifts = _drifts(pools_before.get(view.component), view)
        if drifts:
            yield from _drift(after, view, here)
            continue  # the pods move with their nodes
        for pods in here:
            was = servers_before.get(pods.component)
            if was is not None and was.template != pods.template:
                yield from _surge(after, view, here, pods, stack_of[pods.component])


def _drifts(was: PoolView | None, now: PoolView) -> bool:
    if was is None or was.karpenter is None or now.karpenter is None:
        return False
    return bool(was.karpenter.made_by != now.karpenter.made_by)


def _hourly(place: Place, view: PoolView) -> Decimal | None:
    """Return what a node that Karpenter starts costs an hour, as the pool's cheapest type; None where nobody knows, or
    nothing starts one: nodes of one's own are there whoever uses them."""
    if view.karpenter is None:
        return None
    capacity = "spot" if "spot" in view.karpenter.capacities else "on-demand"
    rated = [place.rates.instance(t, capacity) for t in view.karpenter.types]
    return min((r.price.usd for r in rated if r is not None), default=None)


def _types(view: PoolView) -> tuple[str, ...]:
    return view.karpenter.types if view.karpenter is not None else ()


def _surge(place: Place, view: PoolView, here: Sequence[Pods], pods: Pods, stack: str) -> Iterator[OneOff]:
    if not pods.surge or not pods.seconds or not pods.replicas:
        return
    more = [p if p is not pods else p._replace(replicas=p.replicas + pods.surge) for p in here]
    kept = view.group.minimum if view.group is not None else 0
    now, then = (max(kept, needed_nodes(place, view, servers, _types(view))[0]) for servers in (here, more))
    price = _hourly(place, view)
    if then <= now or price is None:
        return
    rounds = -(-pods.replicas // pods.surge)
    hours = Decimal(rounds * pods.seconds) / 3600
    nodes = then - now
    text = (
        f"{nodes} node{'s' if nodes > 1 else ''} more while {pods.replicas} "
        f"replica{'s restart' if pods.replicas > 1 else ' restarts'}: {rounds} × {pods.seconds / 60:.0f} min at "
        f"{rate(price, HOUR)}"
    )
    yield OneOff(stack, pods.component, text, price * nodes * hours)


def _drift(place: Place, view: PoolView, here: Sequence[Pods]) -> Iterator[OneOff]:
    seconds, price = max((p.seconds for p in here), default=0), _hourly(place, view)
    kept = view.group.minimum if view.group is not None else 0
    nodes = needed_nodes(place, view, here, _types(view))[0] - kept  # those of the group are not Karpenter's
    if not seconds or price is None or nodes <= 0:
        return
    hours = Decimal(nodes * seconds) / 3600
    text = (
        f"1 node more while {nodes} node{'s are' if nodes > 1 else ' is'} made anew: {nodes} × {seconds / 60:.0f} min "
        f"at {rate(price, HOUR)}"
    )
    yield OneOff(view.stack.name, view.component, text, price * hours)
