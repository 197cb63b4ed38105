"""What the pods of the workloads layer share: the restricted security context, and the network rules that they need."""

from __future__ import annotations

from typing import Any

from components.resolve.platform import Aws, Edge, Platform

RESTRICTED = "restricted"

DNS_RULE: dict[str, Any] = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
}
"""Cluster DNS; CoreDNS carries `k8s-app: kube-dns` in EKS and in kubeadm's manifests alike."""

POD_IDENTITY_RULE: dict[str, Any] = {
    "to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}],
    "ports": [{"port": 80, "protocol": "TCP"}],
}
"""The EKS Pod Identity agent: a link-local address of the node (EKS user guide, "EKS Pod Identity Agent", read
2026-11-21)."""


def https_rule(platform: Platform) -> dict[str, Any]:
    """Return the rule for HTTPS to the outside: S3 and the hub have no fixed addresses.

    A NetworkPolicy cannot name an AWS prefix list or a host, so it opens port 443 to everything but the VPC itself and
    link-local addresses (instance metadata).
    """
    inside = ["169.254.0.0/16"]
    if isinstance(platform.target, Aws):
        inside.append(platform.target.cidr)
    return {
        "to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": inside}}],
        "ports": [{"port": 443, "protocol": "TCP"}],
    }


def place_paths(platform: Platform) -> tuple[str, ...]:
    """Return the spec paths of the target that these pods depend on: where the weights are, and what is inside."""
    target = f"targets.{platform.target.name}"
    if isinstance(platform.target, Aws):
        if platform.target.existing:
            return (f"{target}.account", f"{target}.foundation", f"{target}.region")
        return (f"{target}.account", f"{target}.network.cidr", f"{target}.region")
    if isinstance(platform.target, Edge):
        return tuple(f"{target}.{key}" for key in ("arch", "credentials", "offline", "upstream"))
    return (f"{target}.storage",)


def pod_security(user: int) -> dict[str, Any]:
    """Return the pod's security context for the `restricted` Pod Security Standard.

    `fsGroup` makes emptyDir and claimed volumes writable for the user; OnRootMismatch, so that a volume of many
    gigabytes is
    not walked at every start.
    """
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    """Return a container's security context for the `restricted` Pod Security Standard, with a root file system
    that is read-only."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
