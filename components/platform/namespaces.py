"""The namespaces: one for the workloads, one for the NVIDIA add-on where llmform manages it.

Nodes: `namespaces/Namespace/workloads`, `namespaces/NetworkPolicy/default-deny`, and, where the device plugin
or the GPU operator is managed, `namespaces/Namespace/nvidia`. On AWS all are in the platform stack; on-prem the
workloads' own is in the workloads stack, which is there also where all operators exist already.
"""

from __future__ import annotations

from collections.abc import Mapping

from components import aws, manifests, names
from components.graph import Component, Node
from components.part import Part
from components.resolve.platform import Aws, Edge, OnPrem, Platform

COMPONENT = "namespaces"

WORKLOADS = f"{COMPONENT}/Namespace/workloads"
"""The id of the workloads' namespace."""

NVIDIA = f"{COMPONENT}/Namespace/nvidia"
"""The id of the NVIDIA add-on's namespace."""


def lower(platform: Platform) -> Part:
    """Return the namespaces of the platform stack and, on AWS, the output `namespace`."""
    addon = _nvidia_addon(platform)
    nodes: list[Node] = []
    summary: list[str] = []
    part = lower_workloads(platform) if isinstance(platform.target, Aws) else Part()
    for component in part.components:
        nodes.extend(part.nodes)
        summary.extend(component.summary)
    if addon:
        nodes.append(_nvidia(platform))
        reason = f"pod security `privileged`, because the {addon} mounts the host's devices"
        summary.append(f"{nvidia_namespace(platform)}: {reason}")
    return Part((_component(platform, summary),), tuple(nodes), part.outputs)


def lower_workloads(platform: Platform) -> Part:
    """Return the workloads' namespace and the output `namespace`.

    It is not protected: what is in it is made again from the spec, weights included.
    """
    summary = (
        f"{platform.namespace}: pod security `restricted` ({_level_version(platform)}), "
        "no traffic but what a NetworkPolicy allows"
    )
    nodes = (_workloads(platform), _default_deny(platform))
    return Part((_component(platform, [summary]),), nodes, {"namespace": platform.namespace})


def _component(platform: Platform, summary: list[str]) -> Component:
    return Component(
        id=COMPONENT,
        type="llmform:platform:Namespaces",
        origin="name",
        reads=("name", "owner", "labels", "edition", _of_target(platform)),
        summary=tuple(summary),
    )


def _of_target(platform: Platform) -> str:
    key = "sites" if isinstance(platform.target, Edge) else "addons"
    return f"targets.{platform.target.name}.{key}"


def nvidia_namespace(platform: Platform) -> str:
    """Return the name of the NVIDIA add-on's namespace."""
    return names.kubernetes_name(platform.spec, platform.environment, "nvidia")


def _nvidia_addon(platform: Platform) -> str:
    """Return what people call the NVIDIA add-on that llmform manages here; empty if there is none."""
    if isinstance(platform.target, Aws):
        return "device plugin" if platform.target.device_plugin_managed else ""
    managed = isinstance(platform.target, OnPrem) and platform.target.gpu_operator_managed
    return "GPU operator" if managed else ""


def _level_version(platform: Platform) -> str:
    """Return the version of the pod security rules, which a cluster upgrade alone must not tighten.

    Of a cluster that exists the version is not known, and a version newer than the cluster would be read as `latest`
    anyway (Kubernetes, "Pod Security Admission", read 2026-11-21).
    """
    own = isinstance(platform.target, Aws) and not aws.existing(platform)
    return f"v{platform.edition.eks.version}" if own else "latest"


def _pod_security(level: str, version: str) -> dict[str, str]:
    prefix = "pod-security.kubernetes.io"
    modes = ("enforce", "audit", "warn")
    return {f"{prefix}/{m}": level for m in modes} | {f"{prefix}/{m}-version": version for m in modes}


def _namespace(
    platform: Platform, name: str, part: str, level: str, origin: str, more: Mapping[str, str] | None = None
) -> Node:
    labels = manifests.recommended_labels(platform, "namespace", name, part) | dict(more or {})
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels | _pod_security(level, _level_version(platform))},
    }
    return manifests.kubernetes_node(platform, COMPONENT, manifest, origin=origin, name=part)


def _workloads(platform: Platform) -> Node:
    more: dict[str, str] = {}
    if isinstance(platform.target, Edge):  # who watches many sites tells them apart by these
        more = {"llmform.dev/site": platform.target.site, "llmform.dev/zone": platform.target.zone}
    return _namespace(platform, platform.namespace, "workloads", "restricted", "name", more)


def _nvidia(platform: Platform) -> Node:
    # Level `baseline` forbids hostPath volumes: the kubelet's device plugin socket, the driver.
    origin = f"targets.{platform.target.name}.addons"
    return _namespace(platform, nvidia_namespace(platform), "nvidia", "privileged", origin)


def _default_deny(platform: Platform) -> Node:
    """What has no NetworkPolicy of its own has no network: a forgotten one is seen at once."""
    labels = manifests.recommended_labels(platform, "network-policy", platform.namespace, "isolation")
    manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "default-deny", "namespace": platform.namespace, "labels": labels},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }
    return manifests.kubernetes_node(platform, COMPONENT, manifest, origin="name", needs=(WORKLOADS,))
