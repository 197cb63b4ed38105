"""The managed node group for system pods: DNS, Karpenter, metrics and whatever has no pool of its own.

Nodes, in the component `system`:
- `Role` node-group with `RolePolicyAttachment`s, for the nodes of every managed group of the target. It
  is not the role of Karpenter's nodes: EKS makes the access entry of a managed group's role, and takes
  the role's access away with the last group that has it (EKS user guide, "Delete a managed node group",
  read 2026-11-21), which would turn Karpenter's nodes away. This group stays as long as the cluster, so
  the role keeps its entry;
- `LaunchTemplate` system: instance metadata only with a session and only for the node itself, an
  encrypted disk;
- `NodeGroup` system.

The nodes have no Systems Manager access and no permission of the VPC CNI: the first is not needed to run
pods, the second is the add-on's own.
"""

from __future__ import annotations

from components import aws, names
from components.foundation import addons, ids
from components.foundation.aws_resource import resource, role
from components.foundation.network import cluster_zones, egress
from components.foundation.policy_document import service_trust
from components.graph import Component, Format, Node, Options, Ref
from components.manifests import POOL_LABEL
from components.part import Part
from components.resolve.platform import Aws, Platform

INSTANCE_TYPE = "m7i.large"
"""2 vCPU and 6.7 GiB for pods: two hold the add-ons and Karpenter's two replicas of 1 GiB with room left."""

MINIMUM, MAXIMUM = 2, 4
"""Nodes: one in each of the cluster's two zones, and as many again while a group is upgraded."""

DISK_GIB = 50
"""Root volume: the system images take a few GiB; weights never come here."""

NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
"""What the kubelet needs: to describe itself, to get pods' identities, and to pull images."""


def lower(platform: Platform) -> Part:
    """Return the system node group with its role and launch template; nothing for an on-prem target."""
    target = platform.target
    if not isinstance(target, Aws):
        return Part()
    origin = f"targets.{target.name}"
    roles = role(
        platform,
        "system",
        origin,
        "node-group",
        physical_name=aws.aws_name(platform, "node-group", limit=names.IAM_ROLE),
        description=f"Nodes of the managed groups of {aws.cluster_name(platform)}",
        trust=service_trust("ec2.amazonaws.com"),
        managed_policies=NODE_POLICIES,
    )
    template = _launch_template(platform, origin)
    group = _node_group(platform, target, origin, template, tuple(node.id for node in roles[1:]))
    component = Component(
        id="system",
        type="llmform:foundation:NodeGroup",
        origin=origin,
        reads=("edition", "labels", "owner", f"{origin}.zones"),
        summary=(
            f"{MINIMUM} to {MAXIMUM} × {INSTANCE_TYPE} for system pods, on demand, "
            f"{platform.edition.ami.family} {platform.edition.ami.release_version}",
        ),
    )
    outputs = {"nodeGroupRoleArn": Ref(ids.NODE_GROUP_ROLE, "arn")}
    return Part((component,), (*roles, template, group), outputs)


def _launch_template(platform: Platform, origin: str) -> Node:
    name = aws.aws_name(platform, "system", limit=names.LAUNCH_TEMPLATE)
    # EC2 does not hand a template's own tags, which the provider adds, to what is launched from it.
    tags = aws.tags(platform) | {"Name": name}
    return resource(
        platform,
        "system",
        origin,
        "aws:ec2/launchTemplate:LaunchTemplate",
        "system",
        {
            "name": name,
            "updateDefaultVersion": True,
            "metadataOptions": {
                "httpEndpoint": "enabled",
                "httpTokens": "required",
                "httpPutResponseHopLimit": 1,  # a pod that is not on the host's network is one hop further
            },
            "blockDeviceMappings": [
                {
                    "deviceName": "/dev/xvda",  # the root device of AL2023
                    "ebs": {
                        "volumeType": "gp3",
                        "volumeSize": DISK_GIB,
                        "encrypted": "true",
                        "deleteOnTermination": "true",
                    },
                }
            ],
            "tagSpecifications": [
                {"resourceType": kind, "tags": tags} for kind in ("instance", "network-interface", "volume")
            ],
        },
    )


def _node_group(platform: Platform, target: Aws, origin: str, template: Node, policies: tuple[str, ...]) -> Node:
    edition = platform.edition
    return resource(
        platform,
        "system",
        origin,
        "aws:eks/nodeGroup:NodeGroup",
        "system",
        {
            "clusterName": Ref(ids.CLUSTER, "name"),
            "nodeGroupName": aws.aws_name(platform, "system", limit=names.NODE_GROUP),
            "nodeRoleArn": Ref(ids.NODE_GROUP_ROLE, "arn"),
            "subnetIds": [Ref(ids.private_subnet(zone), "id") for zone in sorted(cluster_zones(target))],
            "capacityType": "ON_DEMAND",
            "instanceTypes": [INSTANCE_TYPE],
            "amiType": "AL2023_x86_64_STANDARD",
            "version": edition.eks.version,
            "releaseVersion": edition.ami.release_version,
            "launchTemplate": {"id": Ref(template.id, "id"), "version": Format((Ref(template.id, "latestVersion"),))},
            "labels": {POOL_LABEL: "system"},
            "scalingConfig": {"minSize": MINIMUM, "maxSize": MAXIMUM, "desiredSize": MINIMUM},
            "updateConfig": {"maxUnavailable": 1},
            "nodeRepairConfig": {"enabled": True},
        },
        needs=tuple(sorted((*policies, *addons.before_nodes(platform), *egress(target)))),
        # Once it runs, the number of nodes is that of whoever scales the group by hand.
        options=Options(ignore_changes=("scalingConfig.desiredSize",)),
    )
