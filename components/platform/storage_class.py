"""The default StorageClass of an EKS cluster: encrypted gp3 volumes.

EKS 1.30 and later mark no class as default, so a claim in `manifests` or in a chart that names no class would
wait for ever. llmform's own workloads claim no block volume: weights are in the object store and in node
storage.

Nodes: `storage-class/StorageClass/gp3`; none on-prem, where the cluster has its own classes.
"""

from __future__ import annotations

from components import manifests, names
from components.graph import Component, Options
from components.part import Part
from components.resolve.platform import Aws, Platform

COMPONENT = "storage-class"


def lower(platform: Platform) -> Part:
    """Return the StorageClass."""
    target = platform.target
    if not isinstance(target, Aws):
        return Part()
    path = f"targets.{target.name}"
    name = names.kubernetes_name(platform.spec, platform.environment, "gp3")
    manifest = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": name,
            "labels": manifests.recommended_labels(platform, "storage-class", name, "storage"),
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "ebs.csi.aws.com",
        "parameters": {"type": "gp3", "encrypted": "true"},
        # A volume belongs to one zone: it is made where its pod is scheduled.
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
        "reclaimPolicy": "Delete",
    }
    node = manifests.kubernetes_node(
        platform,
        COMPONENT,
        manifest,
        origin=path,
        name="gp3",
        # The API server refuses to change these two, and the Kubernetes provider does not know it (runs of
        # the engine, 2026-11-21). The name is fixed, so the old class goes first; volumes keep what they
        # copied from it.
        options=Options(replace_on_changes=("reclaimPolicy", "volumeBindingMode"), delete_before_replace=True),
    )
    component = Component(
        id=COMPONENT,
        type="llmform:platform:StorageClass",
        origin=path,
        reads=("name", "owner", "labels", path),
        summary=(f"{name}: encrypted gp3, the default for claims that name no class (EKS has none since 1.30)",),
    )
    return Part(components=(component,), nodes=(node,))
