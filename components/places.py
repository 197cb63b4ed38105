"""Where a stack is, in words."""

from __future__ import annotations

from components.aws import cluster_name
from components.resolve.platform import Aws, Platform


def place(platform: Platform, layer: str) -> str:
    """Return where the stack of a layer is: `aws us-east-1`, or the cluster that its objects are in."""
    target = platform.target
    if isinstance(target, Aws) and layer == "foundation":
        return f"aws {target.region}"
    cluster = cluster_name(platform) if isinstance(target, Aws) else f"context {target.kube_context}"
    by = ", by GitOps" if delivery(platform, layer) == "gitops" else ""
    return f"kubernetes of {cluster}{by}"


def delivery(platform: Platform, layer: str) -> str:
    """Return who applies the layer: `pulumi`, or `gitops`, which delivers Kubernetes objects and nothing of AWS."""
    return "pulumi" if layer == "foundation" else platform.target.delivery
