"""What sizing decided for one model server, with everything that a person needs to follow it."""

from __future__ import annotations

from typing import NamedTuple

from components.resolve.sizing.choose import Rejected
from components.resolve.sizing.fit import Fit
from components.resolve.sizing.layouts import Layout
from components.resolve.sizing.speed import Estimate, Machine
from components.resolve.sizing.traffic import Load, Traffic, Verdict


class Spread(NamedTuple):
    """How a replica lies on nodes: equally many of its GPUs on each."""

    nodes: int
    gpus: int
    """Of each node."""


class Objective(NamedTuple):
    """A latency that clients are promised, and what the estimate says of it. Seconds."""

    key: str
    """`timeToFirstToken` or `interTokenLatency`."""
    limit: float
    estimate: Estimate
    verdict: Verdict


class Carried(NamedTuple):
    """The traffic, and how the replicas carry it."""

    traffic: Traffic
    capacity: int
    """Requests of the traffic's own length that the cache of a replica holds."""
    load: Load | None
    """Of one replica; None: by estimate so many replicas cannot keep up."""
    objectives: tuple[Objective, ...]
    fewer: str
    """Why one replica fewer is not enough, where the number was computed; else empty."""


class Sized(NamedTuple):
    """The size of one model server."""

    fit: Fit
    spread: Spread
    chosen: bool
    """By `parallelism: auto`; else the spec says the layout."""
    rejected: tuple[Rejected, ...]
    why_not_next: str
    replicas: int
    machine: Machine
    carried: Carried | None
    """None without `traffic`."""


def spread(layout: Layout, per_node: int) -> Spread | None:
    """Return how a layout lies on nodes with so many GPUs; None if one tensor group is larger than a node.

    The pods of a replica are equal, so the groups are dealt out evenly: 3 groups of 4 GPUs lie on 3 nodes of 8, not on
    one and a half.

    Example:
        >>> spread(Layout(8, 2), 8), spread(Layout(4, 3), 8), spread(Layout(2), 8), spread(Layout(8), 4)
        (Spread(nodes=2, gpus=8), Spread(nodes=3, gpus=4), Spread(nodes=1, gpus=2), None)
    """
    groups, each = layout.pipeline * layout.data, per_node // layout.tensor
    if not each:
        return None
    nodes = -(-groups // each)
    while groups % nodes:
        nodes += 1
    return Spread(nodes, layout.tensor * groups // nodes)
