"""The default StorageClass of an EKS cluster: encrypted gp3 volumes.

EKS 1.30 and later mark no class as default, so a claim in `manifests` or in a chart that names no class would
wait for ever. llmform's own workloads claim no block volume: weights are in the object store and in node
storage.

Nodes: `storage-class/StorageClass/gp3`; none in a cluster that exists, on-prem or in AWS: which class is the
default there is not ours to say.
"""

from __future__ import annotations

from components import manifests, names
from components.graph import Component
from components.part import Part
from components.resolve.platform import Aws, Platform

COMPONENT = "storage-class"


def lower(platform: Platform) -> Part:
    """Return the StorageClass."""
    target = platform.target
    if not isinstance(target, Aws) or target.existing:
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
    )
    component = Component(
        id=COMPONENT,
        type="llmform:platform:StorageClass",
        origin=path,
        reads=("name", "owner", "labels", path),
        summary=(f"{name}: encrypted gp3, the default for claims that name no class (EKS has none since 1.30)",),
    )
    return Part(components=(component,), nodes=(node,))
