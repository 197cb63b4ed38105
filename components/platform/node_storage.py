"""What a pool's nodes keep images and weights on: the instance's own NVMe disks, or the root volume.

Every pod of a model server reads its weights into storage of its own on the node, so a node holds as many
copies as its GPUs can have pods.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.resolve.platform import Platform, Pool

ROOT_DEVICE = "/dev/xvda"
"""The root volume's device name in Amazon Linux 2023's images."""

ROOM_GIB = 100
"""GiB beside the weights: an engine's image of up to 30 GiB unpacked, twice while two versions are on the
node, and 40 GiB for system, logs and scratch. An allowance, not a measurement."""

SYSTEM_GIB = 40
"""GiB of the root volume where images and weights are on NVMe: the system's 20 GiB (root snapshot of the
accelerated Amazon Linux 2023 image) and as much again for logs."""

STEP_GIB = 50
"""Root volumes grow in steps: Karpenter replaces a pool's nodes when the size changes, and a
small model more or less must not cause that."""

BASE_IOPS, BASE_THROUGHPUT = 3000, 125
"""What every gp3 volume has at no extra price, in operations and MiB a second (Amazon EBS User Guide)."""

FAST_IOPS, FAST_THROUGHPUT = 4000, 1000
"""The most throughput Karpenter's EC2NodeClass accepts for gp3, 1,000 MiB/s; gp3 gives 0.25 MiB/s for each
operation a second, so that takes 4,000 (EC2NodeClass CRD of Karpenter 1.14; Amazon EBS User Guide)."""


@dataclass(frozen=True, slots=True)
class NodeStorage:
    """Storage of one node. `weights` is in bytes, `volume_gib` the root volume, `throughput` in MiB/s."""

    weights: int
    nvme: bool
    volume_gib: int
    iops: int
    throughput: int


def node_storage(platform: Platform, pool: Pool) -> NodeStorage:
    """Return what a node needs: `volume = weights on one node + ROOM_GIB`, in steps, unless NVMe holds both.

    NVMe is used when every instance type of the pool has enough of it: Karpenter may start any of them.
    """
    weights = weights_on_node(platform, pool)
    needed_gib = -(-weights // 1024**3) + ROOM_GIB
    smallest = min((i.local_nvme_gb for i in pool.instances), default=0) * 1000**3
    if smallest >= needed_gib * 1024**3:
        return NodeStorage(weights, True, SYSTEM_GIB, BASE_IOPS, BASE_THROUGHPUT)
    iops, throughput = (FAST_IOPS, FAST_THROUGHPUT) if weights else (BASE_IOPS, BASE_THROUGHPUT)
    return NodeStorage(weights, False, -(-needed_gib // STEP_GIB) * STEP_GIB, iops, throughput)


def weights_on_node(platform: Platform, pool: Pool) -> int:
    """Return the most bytes of weights that pods on one node can hold, by the GPUs they need.

    Replica counts do not lower it: during a rollout there can be more pods than replicas. On a pool without GPUs a
    node has `places`.
    """
    servers = [s for s in platform.servers if s.pool.name == pool.name]
    if not pool.per_node:
        sizes = sorted((s.weights.size for s in servers for _ in range(s.replicas)), reverse=True)
        return sum(sizes[: pool.places or None])
    places = pool.per_node * pool.parts
    most = [0] * (places + 1)
    for gpus in range(1, places + 1):
        fitting = (most[gpus - s.gpus] + s.weights.size for s in servers if 0 < s.gpus <= gpus)
        most[gpus] = max(most[gpus - 1], *fitting, 0)
    return most[-1]
