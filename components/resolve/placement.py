"""Which instance types a pool uses, whether its servers fit, and which rolling update it can carry out. Pure
arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from components.resolve import defaults
from components.resolve.platform import RolloutChoice
from specs.catalog.reader import Instance


@dataclass(frozen=True, slots=True)
class Demand:
    """What one pod of a server asks of a node: GPUs, CPU in cores, memory in bytes.

    A replica is one pod, or one on each of `nodes`.
    """

    server: str
    replicas: int
    gpus: int
    cpu: int
    memory: int
    nodes: int = 1


def holds(instance: Instance, demand: Demand) -> bool:
    """Say whether a replica fits on an empty node of this type, beside the node's own pods."""
    cpu = instance.allocatable_cpu_millis - defaults.DAEMON_CPU_MILLIS
    memory = instance.allocatable_memory_mib * 1024**2 - defaults.DAEMON_MEMORY
    return instance.gpus >= demand.gpus and cpu >= demand.cpu * 1000 and memory >= demand.memory


def affordable(instances: Iterable[Instance]) -> tuple[Instance, ...]:
    """Return the types within 1.5 times the price of the cheapest, cheapest first; types without a price only if
    none has one."""
    priced = sorted(
        (i for i in instances if i.usd_per_hour is not None),
        key=lambda i: (Decimal(i.usd_per_hour or 0), i.name),
    )
    if not priced:
        return tuple(sorted(instances, key=lambda i: i.name))
    limit = Decimal(priced[0].usd_per_hour or 0) * defaults.PRICE_SPREAD_PERCENT / 100
    return tuple(i for i in priced if Decimal(i.usd_per_hour or 0) <= limit)


def nodes_needed(gpus: Iterable[int], per_node: int) -> int | None:
    """Return how many nodes hold replicas with these GPU counts, first fit by falling size; None if one is too
    large for a node."""
    free: list[int] = []
    for size in sorted(gpus, reverse=True):
        if size > per_node:
            return None
        for position, room in enumerate(free):
            if room >= size:
                free[position] -= size
                break
        else:
            free.append(per_node - size)
    return len(free)


def always_room(running: Sequence[int], gpus: int, per_node: int, maximum: int) -> bool:
    """Say whether a node has `gpus` free however the running replicas lie on the pool's nodes.

    With replicas of one size every node has `per_node // gpus` places, and how they lie does not matter. With
    several sizes
    they can lie so that every node is blocked: a node is, once `per_node - gpus + 1` of its GPUs are taken.

    Example:
        >>> always_room([1, 1, 1], 1, 4, 1), always_room([3, 1, 1], 3, 4, 2)  # (3) and (1, 1) leave no node with 3
        (True, False)
    """
    if set(running) <= {gpus}:
        return len(running) < maximum * (per_node // gpus)
    return sum(running) < maximum * (per_node - gpus + 1)


def replicas_of(demands: Iterable[Demand]) -> list[int]:
    """Return the GPU count of every pod of every replica of every server."""
    return [d.gpus for d in demands for _ in range(d.replicas * d.nodes)]


_PLURALS = {"GPU": "GPUs", "part of a GPU": "parts of GPUs", "place": "places"}


def choose_rollout(
    server: Demand,
    all_demands: Sequence[Demand],
    *,
    per_node: int,
    minimum: int,
    maximum: int,
    pool: str,
    starts_nodes: bool,
    unit: str = "GPU",
) -> RolloutChoice:
    """Return a rolling update that the pool can carry out.

    A surge (new replica first) only if one more replica can exist beside all that run; otherwise one replica goes
    before its
    successor comes. A surge that no GPU can take would wait for ever. `unit` is what a node has `per_node` of, and each
    demand `gpus`: GPUs, or places on nodes without.
    """
    running = replicas_of(all_demands)
    now = nodes_needed(running, per_node) or 0
    more = nodes_needed([*running, *[server.gpus] * server.nodes], per_node)
    total, used = maximum * per_node, sum(running)
    has = f"{total} {unit if total == 1 else _PLURALS[unit]}"
    following = [*running, *[server.gpus] * (server.nodes - 1)]  # the last pod of one more replica finds these
    if more is None or more > maximum or not always_room(following, server.gpus, per_node, maximum):
        left = server.replicas - 1
        room = f", and no node is sure to have {server.gpus} left" if total - used >= server.gpus else ""
        effect = (
            f"{left} of {server.replicas} replicas serve meanwhile"
            if left
            else "nothing serves meanwhile: it is the only replica"
        )
        return RolloutChoice(
            0,
            1,
            f"pool `{pool}` has at most {has} and its servers use {used}{room}: "
            f"a replica stops before its successor starts; {effect}",
        )
    if not starts_nodes:
        sure = f"feasible if nothing else uses the pool's {has}; cannot say: they are not known without the cluster"
    elif more <= minimum:
        sure = f"guaranteed: the pool keeps {minimum} nodes"
    else:
        extra = more - max(now, minimum)
        nodes = f"{extra} more node{'s' if extra > 1 else ''}" if extra > 0 else "no further node"
        sure = (
            f"feasible if EC2 delivers {nodes}; if not, it stalls and the old replicas go on serving"
            if extra > 0
            else "feasible on the nodes that its servers already need"
        )
    return RolloutChoice(
        1,
        0,
        f"pool `{pool}` can have {has} and its servers use {used}: {sure}",
    )
