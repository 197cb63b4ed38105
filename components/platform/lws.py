"""The LeaderWorkerSet operator, where a replica spans nodes.

Nodes: `addons.lws/Namespace/lws`, `addons.lws/Release/lws`; none where no replica spans nodes, or where the target says
`addons: {lws: existing}`.
"""

from __future__ import annotations

from components import manifests, names
from components.graph import Component
from components.part import Part
from components.platform.release import addons_path, release
from components.resolve.platform import Edge, Platform

CHART = "lws"
COMPONENT = f"addons.{CHART}"
NAMESPACE = f"{COMPONENT}/Namespace/{CHART}"

REPLICAS = 2
"""One goes with its node: without a webhook no group can be made or restarted meanwhile."""


def managed(platform: Platform) -> bool:
    """Say whether llmform installs the operator there: a replica spans nodes, and nobody else has installed it."""
    return (
        not isinstance(platform.target, Edge)
        and platform.target.lws_managed
        and any(s.nodes > 1 for s in platform.servers)
    )


def lower(platform: Platform) -> Part:
    """Return the operator's Release and its namespace."""
    if not managed(platform):
        return Part()
    origin = addons_path(platform)
    namespace = names.kubernetes_name(platform.spec, platform.environment, CHART)
    labels = manifests.recommended_labels(platform, "namespace", namespace, CHART)
    restricted = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("audit", "warn")}
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        # told and not enforced: the chart's pods set no seccomp profile, which `restricted` asks for
        "metadata": {
            "name": namespace,
            "labels": labels | restricted | {"pod-security.kubernetes.io/enforce": "baseline"},
        },
    }
    place = manifests.kubernetes_node(platform, COMPONENT, manifest, origin=origin, name=CHART)
    version = platform.edition.charts[CHART].version
    node = release(
        platform,
        CHART,
        component=COMPONENT,
        namespace=namespace,
        values={"replicaCount": REPLICAS, "image": {"manager": {"tag": f"v{version}", "pullPolicy": "IfNotPresent"}}},
        needs=(NAMESPACE,),
    )
    component = Component(
        id=COMPONENT,
        type="llmform:platform:Addon",
        origin=origin,
        reads=("edition", origin, "serving", "owner", "labels"),
        summary=(f"LeaderWorkerSet {version}, {REPLICAS} replicas: a replica spans nodes",),
    )
    return Part(components=(component,), nodes=(place, node))
