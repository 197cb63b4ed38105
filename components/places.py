"""Where a stack is, in words."""

from __future__ import annotations

from components.aws import cluster_name
from components.resolve.platform import Aws, Platform


def place(platform: Platform, layer: str) -> str:
    """Return where the stack of a layer is: `aws us-east-1`, or the cluster that its objects are in."""
    target = platform.target
    if isinstance(target, Aws):
        return f"aws {target.region}" if layer == "foundation" else f"kubernetes of {cluster_name(platform)}"
    return f"kubernetes of context {target.kube_context}"
