"""The LeaderWorkerSet operator, where a replica spans nodes.

Nodes: `addons.lws/Namespace/lws`, `addons.lws/NetworkPolicy/default-deny`, `addons.lws/NetworkPolicy/lws`,
`addons.lws/Release/lws`; none where no replica spans nodes, or where the target says `addons: {lws: existing}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components import manifests, names
from components.graph import Component
from components.part import Part
from components.platform.release import addons_path, release
from components.resolve.platform import Edge, Platform
from components.workloads.pods import DNS_RULE

CHART = "lws"
COMPONENT = f"addons.{CHART}"
NAMESPACE = f"{COMPONENT}/Namespace/{CHART}"

WEBHOOK_PORT = 9443
"""The chart's `service.port`, which is the container's too (charts/lws/values.yaml)."""

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
    policies = [
        manifests.kubernetes_node(platform, COMPONENT, policy, origin=origin, needs=(NAMESPACE,))
        for policy in _policies(platform, namespace)
    ]
    version = platform.edition.charts[CHART].version
    node = release(
        platform,
        CHART,
        component=COMPONENT,
        namespace=namespace,
        values={"replicaCount": REPLICAS, "image": {"manager": {"tag": f"v{version}", "pullPolicy": "IfNotPresent"}}},
        needs=(NAMESPACE, *(p.id for p in policies)),
    )
    component = Component(
        id=COMPONENT,
        type="llmform:platform:Addon",
        origin=origin,
        reads=("edition", origin, "serving", "owner", "labels"),
        summary=(f"LeaderWorkerSet {version}, {REPLICAS} replicas: a replica spans nodes",),
    )
    return Part(components=(component,), nodes=(place, *policies, node))


def _policies(platform: Platform, namespace: str) -> Iterator[dict[str, Any]]:
    """The API server calls the webhook, and the operator the API server; neither has an address that is known here."""
    webhook = {"ports": [{"port": WEBHOOK_PORT, "protocol": "TCP"}]}
    api = {"ports": [{"port": port, "protocol": "TCP"} for port in (443, 6443)]}
    for name, ingress, egress in (("default-deny", [], []), (CHART, [webhook], [DNS_RULE, api])):
        labels = manifests.recommended_labels(platform, "network-policy", namespace, "isolation")
        rules: dict[str, Any] = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        if ingress:
            rules |= {"ingress": ingress, "egress": egress}
        yield {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": rules,
        }
