"""Karpenter, which starts and stops the nodes of the pools.

Nodes: `addons.karpenter/Release/karpenter-crd` and `addons.karpenter/Release/karpenter`; none where the
target says `addons: {karpenter: existing}`.
"""

from __future__ import annotations

from components import aws, manifests
from components.graph import Component, Value
from components.part import Part
from components.platform.release import addons_path, foundation_path, release
from components.resolve.platform import Aws, Platform

COMPONENT = "addons.karpenter"

RELEASE = f"{COMPONENT}/Release/karpenter"
"""The id of the controller's Release: with it, the CRDs of NodePool and EC2NodeClass are there."""

NAMESPACE = "kube-system"
"""Where Karpenter's documentation installs it: API priority and fairness favours service accounts of
kube-system. The Pod Identity association of the foundation names this namespace and `SERVICE_ACCOUNT`."""

SERVICE_ACCOUNT = "karpenter"

SYSTEM_POOL = "system"
"""The value of the pool label on the nodes of the managed group that the foundation makes for system pods."""


def lower(platform: Platform) -> Part:
    """Return Karpenter and its CRDs as two Releases."""
    if not (isinstance(platform.target, Aws) and platform.target.karpenter_managed):
        return Part()
    # Helm never upgrades the CRDs in a chart's crds/ folder, so they have a release of their own.
    crds = release(
        platform,
        "karpenter-crd",
        component=COMPONENT,
        namespace=NAMESPACE,
        values={},
        # A rollback of CRDs would drop fields that objects use already.
        more={"atomic": False},
    )
    controller = release(
        platform,
        "karpenter",
        component=COMPONENT,
        namespace=NAMESPACE,
        values=_values(platform),
        needs=(crds.id,),
        more={"skipCrds": True},
    )
    version = platform.edition.charts["karpenter"].version
    component = Component(
        id=COMPONENT,
        type="llmform:platform:Addon",
        origin=addons_path(platform),
        reads=("edition", addons_path(platform), *foundation_path(platform)),
        summary=_summary(platform, version),
    )
    return Part(components=(component,), nodes=(crds, controller))


def _summary(platform: Platform, version: str) -> tuple[str, ...]:
    if not aws.existing(platform):
        return (f"Karpenter {version} with its CRDs, 2 replicas on the system nodes",)
    return (
        f"Karpenter {version} with its CRDs, 2 replicas on nodes that it did not start",
        f"its role is yours: a Pod Identity association of {NAMESPACE}/{SERVICE_ACCOUNT}",
    )


def _values(platform: Platform) -> dict[str, Value]:
    # A controller on a node that it made itself could remove the ground it stands on. Nodes of a cluster that exists
    # do not carry our label; there the chart's own affinity keeps it off Karpenter's nodes.
    place = {} if aws.existing(platform) else {manifests.POOL_LABEL: SYSTEM_POOL}
    return {
        "settings": {
            "clusterName": aws.cluster_name(platform),
            "interruptionQueue": aws.interruption_queue_name(platform),
            # Each gate is written out: one that is missing reaches the controller as an empty text, and it
            # stops with "invalid value of StaticCapacity" (kubernetes-sigs/karpenter issues 2566 and 3073).
            "featureGates": {
                "capacityBuffer": False,
                "nodeOverlay": False,
                "nodeRepair": False,
                "reservedCapacity": True,
                "spotToSpotConsolidation": False,
                "staticCapacity": False,
            },
        },
        "serviceAccount": {"create": True, "name": SERVICE_ACCOUNT},
        "replicas": 2,
        "nodeSelector": {"kubernetes.io/os": "linux"} | place,
        "controller": {
            # Karpenter's guide gives 1 CPU and 1 Gi for a whole cluster; half the CPU is enough to plan some
            # tens of nodes and leaves a node of 2 vCPU room for DNS and the agents. No CPU limit: bursts when
            # pods arrive.
            "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        },
    }
