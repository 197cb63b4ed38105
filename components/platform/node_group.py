"""The managed node group that keeps a pool's minimum; Karpenter starts nodes for pods, and removes idle ones.

Nodes, in the pool's component: `NodeGroup/<name>` and `LaunchTemplate/<name>`. They are the twins of the
nodes that Karpenter makes: same labels, taints, instance types, image release and disks.
"""

from __future__ import annotations

import base64

from components import aws, names
from components.foundation.aws_resource import resource
from components.graph import Format, Node, Ref, Value
from components.platform.node_labels import node_labels, node_taints
from components.platform.node_storage import ROOT_DEVICE, NodeStorage
from components.resolve.platform import Aws, Platform, Pool

_AMI_TYPES = {  # (architecture, with GPUs) → EKS's name (CreateNodegroup, amiType)
    ("amd64", True): "AL2023_x86_64_NVIDIA",
    ("amd64", False): "AL2023_x86_64_STANDARD",
    ("arm64", True): "AL2023_ARM_64_NVIDIA",
    ("arm64", False): "AL2023_ARM_64_STANDARD",
}
_EFFECTS = {"NoSchedule": "NO_SCHEDULE", "NoExecute": "NO_EXECUTE", "PreferNoSchedule": "PREFER_NO_SCHEDULE"}

# nodeadm's configuration for Amazon Linux 2023: one striped disk for images, logs and pods' storage, what
# Karpenter calls instanceStorePolicy RAID0. EKS merges it into its own user data, so it has to be MIME
# multi-part.
_RAID0 = """\
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  instance:
    localStorage:
      strategy: RAID0

--//--
"""


def capacity(pool: Pool) -> str:
    """Return how the minimum is bought: on demand if the pool allows it, since spot can be taken back."""
    return "on-demand" if "on-demand" in pool.capacity else "spot"


def lower_node_group(
    platform: Platform, target: Aws, pool: Pool, storage: NodeStorage, component: str
) -> tuple[Node, ...]:
    """Return the launch template and the node group of `pool.minimum` nodes."""
    template = _launch_template(platform, pool, storage, component)
    return (template, _node_group(platform, target, pool, template, component))


def _node_group(platform: Platform, target: Aws, pool: Pool, template: Node, component: str) -> Node:
    # One architecture a group; the cheapest type decides.
    arch = pool.instances[0].arch
    ami_type = _AMI_TYPES[arch, bool(pool.per_node)]
    instance_types = [i.name for i in pool.instances if i.arch == arch]
    capacity_type = capacity(pool).replace("-", "_").upper()
    # Each of these replaces the group (the zones are those of its subnets). They are part of its name, so
    # that the new group is there, with its nodes, before the old one drains; two of one name could not be.
    existing = aws.existing(platform)
    places = sorted(existing.outputs.get("privateSubnetIds", ()) if existing else target.zones)
    generation = names.digest(" ".join((ami_type, capacity_type, *instance_types, *places)))
    inputs: dict[str, Value] = {
        "clusterName": aws.cluster_name(platform),
        "nodeGroupName": aws.aws_name(platform, pool.object_name, generation, limit=names.NODE_GROUP),
        # Not the role of Karpenter's nodes: with the last managed group of a role, EKS takes its access away.
        "nodeRoleArn": aws.foundation(platform, "nodeGroupRoleArn"),
        "subnetIds": aws.foundation(platform, "privateSubnetIds"),
        "scalingConfig": {"minSize": pool.minimum, "desiredSize": pool.minimum, "maxSize": pool.minimum},
        "amiType": ami_type,
        # Which version a cluster of others has is not known here: EKS takes its own, and the newest image.
        **({} if existing else _version(platform)),
        "capacityType": capacity_type,
        "instanceTypes": instance_types,
        "labels": node_labels(pool),
        "launchTemplate": {
            "id": Ref(template.id, "id"),
            # The number as text, which is what the property takes.
            "version": Format((Ref(template.id, "latestVersion"),)),
        },
        "updateConfig": _update(pool),
        # A node whose GPU is broken is there and keeps nothing.
        "nodeRepairConfig": {"enabled": True},
    }
    taints = [t | {"effect": _EFFECTS[t["effect"]]} for t in node_taints(pool)]
    if taints:
        inputs["taints"] = taints
    token = "aws:eks/nodeGroup:NodeGroup"
    return resource(platform, component, component, token, pool.name, inputs, old_name=pool.object_name)


def _version(platform: Platform) -> dict[str, Value]:
    return {"version": platform.edition.eks.version, "releaseVersion": platform.edition.ami.release_version}


def _update(pool: Pool) -> dict[str, Value]:
    """Return how an update of the image or the template goes through the group, one node at a time.

    EKS starts the new nodes first by default, at least one a zone. Spare GPUs of a full group may not be there to
    start, so with GPUs a node goes before the next comes (EKS user guide, "Understand each phase of node updates",
    update strategies `DEFAULT` and `MINIMAL`).
    """
    strategy = {"updateStrategy": "MINIMAL"} if pool.per_node else {}
    return {"maxUnavailable": 1} | strategy


def _launch_template(platform: Platform, pool: Pool, storage: NodeStorage, component: str) -> Node:
    """Disks, metadata service and tags; the image stays EKS's choice by `releaseVersion`."""
    tags = aws.tags(platform) | {"Name": f"{aws.cluster_name(platform)}-{pool.object_name}"}
    inputs: dict[str, Value] = {
        "name": aws.aws_name(platform, pool.object_name, limit=names.LAUNCH_TEMPLATE),
        "updateDefaultVersion": True,
        "blockDeviceMappings": [
            {
                "deviceName": ROOT_DEVICE,
                "ebs": {
                    "volumeType": "gp3",
                    "volumeSize": storage.volume_gib,
                    "iops": storage.iops,
                    "throughput": storage.throughput,
                    "encrypted": "true",  # texts, in this resource
                    "deleteOnTermination": "true",
                },
            }
        ],
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIpv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        # The provider's default tags reach the template, not what EC2 makes from it.
        "tagSpecifications": [
            {"resourceType": kind, "tags": tags} for kind in ("instance", "network-interface", "volume")
        ],
    }
    if storage.nvme:
        inputs["userData"] = base64.b64encode(_RAID0.encode()).decode()
    token = "aws:ec2/launchTemplate:LaunchTemplate"
    return resource(platform, component, component, token, pool.name, inputs, old_name=pool.object_name)
