"""What a pool offers to a replica: the GPU (whole, a slice, or a share), how many of a node, and how many nodes."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from components.resolve.sizing import gpu as gpus
from components.resolve.sizing.choose import Offer
from components.resolve.sizing.gpu import Gpu
from components.resolve.sizing.layouts import Shape
from specs.catalog.devices import devices
from specs.catalog.reader import Edition, Instance
from specs.load import Case
from specs.schema.node_pools import NO_ACCELERATOR, NodePool
from specs.schema.targets import AwsTarget, OnPremTarget

MOST_NODES = 8
"""Nodes of one replica beyond which no split is tried by itself: 64 GPUs hold every model of the catalog."""


ONE_CARD_GBS = 12.5
"""10^9 bytes a second that a pod has over TCP at the most: a network card of 100 Gbit/s (EC2 user guide: a p5.48xlarge
has 32 of them)."""


class PoolGpus(NamedTuple):
    """The GPUs of a pool as a replica sees them."""

    gpu: Gpu
    per_node: int
    """The most GPUs (slices, shares) of one node that one replica can have."""
    nodes: int
    """The most nodes that `parallelism: auto` gives to one replica."""
    parts: int
    """Pods that one GPU takes: 1 unless it is shared."""
    network_gbs: float
    """Bytes a second / 10^9 between nodes; 0 where nobody knows it."""
    sizes: tuple[int, ...] = ()
    """GPUs a node as EC2 sells them; empty for nodes of one's own, which may have any number."""


def accelerator_of(pool: NodePool, edition: Edition) -> str:
    """Return the accelerator of a pool by its name in the catalog, "" for a pool without."""
    if pool.accelerator is not None:
        return "" if pool.accelerator == NO_ACCELERATOR else pool.accelerator
    row = edition.instances.get(pool.instance or "")
    return (row.accelerator or "") if row is not None else ""


def parts_of(pool: NodePool, edition: Edition) -> int:
    """Return how many pods one GPU of the pool takes."""
    sharing = pool.sharing
    if sharing is None or sharing.mode == "none":
        return 1
    if sharing.mode == "mig":
        device = devices(edition.name).get(accelerator_of(pool, edition))
        found = [m.instances for m in (device.mig if device else ()) if m.name == sharing.profile]
        return found[0] if found else 1
    return sharing.replicas or 1


def pool_gpus(case: Case, edition: Edition, name: str, asked: int) -> PoolGpus | None:
    """Return what a pool offers, None for one without GPUs or with one that the catalog has no numbers for.

    `asked` is the largest tensor split that a server of the pool states: nodes of one's own, of which the spec does not
    say how many GPUs they have, have so many.
    """
    pool = case.spec.node_pools[name]
    accelerator = accelerator_of(pool, edition)
    device, row = devices(edition.name).get(accelerator), edition.accelerators.get(accelerator)
    if device is None or row is None:
        return None
    on_aws = isinstance(case.spec.targets[case.target], AwsTarget)
    types = [i for i in _types(pool, edition, accelerator) if i.gpus] if on_aws else []
    per_node = pool.per_node or max((i.gpus for i in types), default=asked)
    sizes = _sizes(edition, accelerator) if on_aws else ()
    types = [i for i in types if i.gpus == per_node]
    speeds = [i.network_mbps for i in types]
    network = min(speeds) / 8000 if speeds else 0.0
    target = case.spec.targets[case.target]
    if network and not (isinstance(target, AwsTarget) and target.addons.get("efa-device-plugin") == "existing"):
        network = min(network, ONE_CARD_GBS)
    capability, sharing = row.compute_capability, pool.sharing
    if sharing is None or sharing.mode == "none":
        # a split over nodes needs a network for it: by itself only where EC2 has EFA, or where the nodes are one's own
        # and described
        wired = isinstance(target, OnPremTarget) and pool.per_node is not None
        if on_aws:
            wired = bool(types) and all(i.efa for i in types)
        nodes = min(pool.max, MOST_NODES) if wired else 1
        return PoolGpus(gpus.whole(device, capability), per_node, nodes, 1, network, sizes)
    # a slice or a share talks to no other one: a replica has one
    if sharing.mode == "mig":
        if sharing.profile not in {m.name for m in device.mig}:
            return None  # the checks say it
        return PoolGpus(gpus.mig(device, capability, sharing.profile or ""), 1, 1, parts_of(pool, edition), network)
    part = gpus.shared(device, capability, sharing.mode, sharing.replicas or 1)
    return PoolGpus(part, 1, 1, sharing.replicas or 1, network)


def _types(pool: NodePool, edition: Edition, accelerator: str) -> Iterable[Instance]:
    if pool.instance is not None:
        return (edition.instances[pool.instance],)
    return (i for i in edition.instances.values() if i.accelerator == accelerator and i.arch == "amd64")


def _sizes(edition: Edition, accelerator: str) -> tuple[int, ...]:
    """Return how many GPUs EC2's nodes with this accelerator have."""
    sold = edition.instances.values()
    return tuple(sorted({i.gpus for i in sold if i.accelerator == accelerator and i.gpus and i.arch == "amd64"}))


def parts_instead(case: Case, edition: Edition, name: str) -> tuple[tuple[str, Gpu], ...]:
    """Return how else a pool's GPU could be shared, each as the spec says it: the smallest larger part first, the whole
    GPU last. Empty for a pool whose GPUs are not shared."""
    sharing = case.spec.node_pools[name].sharing
    accelerator = accelerator_of(case.spec.node_pools[name], edition)
    device, row = devices(edition.name).get(accelerator), edition.accelerators.get(accelerator)
    if sharing is None or sharing.mode == "none" or device is None or row is None:
        return ()
    capability, path = row.compute_capability, f"nodePools.{name}.sharing"
    found: list[tuple[str, Gpu]] = []
    if sharing.mode == "mig":
        slices = sorted(device.mig, key=lambda m: (m.memory_mib, -m.instances, m.name))
        found += [(f"`{path}.profile: {m.name}`", gpus.mig(device, capability, m.name)) for m in slices]
    else:
        fewer = range((sharing.replicas or 2) - 1, 1, -1)
        found += [(f"`{path}.replicas: {n}`", gpus.shared(device, capability, sharing.mode, n)) for n in fewer]
    return (*found, (f"without `{path}`", gpus.whole(device, capability)))


def offers(case: Case, edition: Edition, pool: str, but: str) -> tuple[Offer, ...]:
    """Return the other GPUs that one could have: on AWS nodes as EC2 sells them, with the price of the cheapest;
    elsewhere nodes of one GPU, whose prices nobody knows. Of a pool whose GPUs are shared, parts of the same kind."""
    on_aws = isinstance(case.spec.targets[case.target], AwsTarget)
    sharing = case.spec.node_pools[pool].sharing
    found: list[Offer] = []
    for name, device in devices(edition.name).items():
        row = edition.accelerators[name]
        if name == but:
            continue
        if sharing is None or sharing.mode == "none":
            part = gpus.whole(device, row.compute_capability)
        elif sharing.mode != "mig":
            part = gpus.shared(device, row.compute_capability, sharing.mode, sharing.replicas or 1)
        elif sharing.profile in {m.name for m in device.mig}:
            part = gpus.mig(device, row.compute_capability, sharing.profile)
        else:
            continue
        if not on_aws:
            found.append(Offer(part, Shape(1)))
            continue
        sold = [i for i in edition.instances.values() if i.accelerator == name and i.gpus and i.arch == "amd64"]
        for size in sorted({i.gpus for i in sold}):
            if part.sharing != "none" and size != (case.spec.node_pools[pool].per_node or size):
                continue
            prices = [Decimal(i.usd_per_hour) for i in sold if i.gpus == size and i.usd_per_hour is not None]
            of_replica = Shape(size if part.sharing == "none" else 1)
            found.append(Offer(part, of_replica, min(prices, default=None), size))
    return tuple(found)
