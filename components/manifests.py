"""The few shapes that all Kubernetes objects share: metadata, labels, node ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.graph import Node, Options
from components.part import moved_node
from components.resolve.platform import Aws, Platform

POOL_LABEL = "llmform.dev/pool"
"""The label of a pool's nodes; model servers select by it."""

GPU_TAINT = "nvidia.com/gpu"
"""The taint of GPU nodes, as the NVIDIA device plugin's chart tolerates it by default."""

MANAGED_BY = "llmform"


def recommended_labels(platform: Platform, name: str, instance: str, component: str) -> dict[str, str]:
    """Return the labels Kubernetes recommends (kubernetes.io "Recommended Labels") plus the spec's own.

    `name` is the application (`vllm`), `instance` its one installation (`chat`), `component` its role (`model-server`).
    """
    own = dict(platform.labels)
    if platform.owner:
        own["llmform.dev/owner"] = platform.owner
    return own | {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": platform.spec,
        "app.kubernetes.io/managed-by": MANAGED_BY,
        "llmform.dev/environment": platform.environment,
    }


def pod_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a pod template: those by which Kubernetes and people find pods.

    `owner` and the spec's own labels stay off: they would restart every model server when a cost centre is renamed.
    They are on the namespace and on the object that makes the pods.
    """
    return {k: v for k, v in labels.items() if k.startswith("app.kubernetes.io/") or k == "llmform.dev/environment"}


def type_token(api_version: str, kind: str) -> str:
    """Return the Pulumi type token of a Kubernetes kind: the core group is written `core/`.

    Example:
        >>> type_token("v1", "Service")
        'kubernetes:core/v1:Service'
        >>> type_token("karpenter.sh/v1", "NodePool")
        'kubernetes:karpenter.sh/v1:NodePool'
    """
    group = api_version if "/" in api_version else f"core/{api_version}"
    return f"kubernetes:{group}:{kind}"


def kubernetes_provider(platform: Platform) -> str:
    """Return the id of the stack's Kubernetes provider node."""
    return f"targets.{platform.target.name}/Provider/kubernetes"


def aws_provider(platform: Platform) -> str:
    """Return the id of the stack's AWS provider node."""
    return f"targets.{platform.target.name}/Provider/aws"


def kubernetes_node(
    platform: Platform,
    component: str,
    manifest: Mapping[str, Any],
    *,
    origin: str,
    name: str = "",
    old_name: str = "",
    needs: tuple[str, ...] = (),
    options: Options | None = None,
) -> Node:
    """Return the node of a Kubernetes object.

    `name` is the last part of the node's id and defaults to the object's own name; `old_name` is that part
    before a `moved` rename (defaults to the object's name, which a rename keeps).
    """
    kind = manifest["kind"]
    object_name = manifest["metadata"]["name"]
    aliases = moved_node(platform, component, kind, old_name or object_name)
    options = options or Options()
    if aliases:
        from dataclasses import replace

        options = replace(options, aliases=aliases)
    return Node(
        id=f"{component}/{kind}/{name or object_name}",
        type=type_token(manifest["apiVersion"], kind),
        inputs=manifest,
        component=component,
        origin=origin,
        provider=kubernetes_provider(platform),
        needs=needs,
        options=options,
    )


def on_prem(platform: Platform) -> bool:
    """Say whether the target is a cluster that exists already: on-prem, or a site at the edge."""
    return not isinstance(platform.target, Aws)
