"""The labels and taints of a pool's nodes, the same on every kind of node."""

from __future__ import annotations

from components import manifests
from components.platform.gpu_sharing import sharing_labels
from components.platform.nvidia_device_plugin import GPU_NODE_LABEL
from components.resolve.platform import Pool


def node_labels(pool: Pool, discovered: bool = False) -> dict[str, str]:
    """Return the labels of the pool's nodes; what llmform sets wins over the spec's own.

    `discovered` leaves out what node feature discovery sets by itself.
    """
    own = {manifests.POOL_LABEL: pool.object_name}
    if pool.per_node and not discovered:
        own[GPU_NODE_LABEL] = "true"
    own |= sharing_labels(pool, discovered)
    return dict(sorted((dict(pool.labels) | own).items()))


def node_taints(pool: Pool) -> list[dict[str, str]]:
    """Return the taints of the pool's nodes as Kubernetes writes them, the GPU taint first."""
    taints = [{"key": manifests.GPU_TAINT, "effect": "NoSchedule"}] if pool.per_node else []
    for taint in pool.taints:
        value = {"value": taint.value} if taint.value else {}
        taints.append({"key": taint.key, **value, "effect": taint.effect})
    return taints
