"""The EKS cluster of a target.

Nodes, in the component `cluster`:
- `Role` cluster with `RolePolicyAttachment` (AmazonEKSClusterPolicy) and `RolePolicy` (the key for secrets);
- `LogGroup` cluster, made before the cluster: EKS would make it itself, without an end to what it keeps;
- `Cluster` cluster, protected here and by EKS alike, unless the spec lifts it;
- `AccessEntry` and `AccessPolicyAssociation` <account>/<role or user>, for each of the target's `api.admins`.
  The identity that creates the cluster has its entry already; naming it again is refused by EKS.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Network

from components import aws, names
from components.foundation import ids
from components.foundation.aws_resource import resource, role
from components.foundation.network import cluster_zones
from components.foundation.policy_document import allow, service_trust
from components.graph import Component, Node, Options, Ref, Value
from components.part import Part
from components.resolve.platform import Aws, Platform

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
"""All logs of the control plane (EKS API reference, LogSetup, read 2026-11-21)."""

LOG_DAYS = 90
"""Days that control-plane logs are kept: a quarter back, for an incident that is found late."""

ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def lower(platform: Platform) -> Part:
    """Return the cluster, its role, logs and administrators; nothing for an on-prem target."""
    target = platform.target
    if not isinstance(target, Aws):
        return Part()
    origin = f"targets.{target.name}"
    before = _before(platform, origin)
    cluster = resource(
        platform,
        "cluster",
        origin,
        "aws:eks/cluster:Cluster",
        "cluster",
        _inputs(platform, target),
        needs=tuple(node.id for node in before if node.type != "aws:iam/role:Role"),
        options=Options(protect=target.protect),
    )
    component = Component(
        id="cluster",
        type="llmform:foundation:Cluster",
        origin=origin,
        reads=(
            *("name", "edition", "protect"),
            *(f"{origin}.{key}" for key in ("api", "zones", "network.cidr", "protect")),
        ),
        summary=_summary(platform, target),
    )
    outputs = {
        "clusterName": Ref(cluster.id, "name"),
        "clusterArn": Ref(cluster.id, "arn"),
        "clusterEndpoint": Ref(cluster.id, "endpoint"),
        "clusterCertificateAuthority": Ref(cluster.id, "certificateAuthority.data"),
        "clusterSecurityGroupId": Ref(cluster.id, "vpcConfig.clusterSecurityGroupId"),
    }
    return Part((component,), (*before, cluster, *_admins(platform, target, f"{origin}.api")), outputs)


def service_cidr(cidr: str) -> str:
    """Return the network of ClusterIP addresses: of the two that EKS itself uses, one apart from the VPC's.

    Example:
        >>> service_cidr("10.0.0.0/16"), service_cidr("172.20.0.0/16")
        ('172.20.0.0/16', '10.100.0.0/16')
    """
    usual = "172.20.0.0/16"
    return "10.100.0.0/16" if IPv4Network(cidr).overlaps(IPv4Network(usual)) else usual


def _summary(platform: Platform, target: Aws) -> tuple[str, ...]:
    eks = platform.edition.eks
    api = f"API for {', '.join(target.api_allow)}" if target.api_allow else "API only inside the VPC"
    lines = [f"EKS {eks.version} (standard support until {eks.standard_until}), {api}"]
    if target.admins:
        lines.append("administrators beside the identity that creates it: " + ", ".join(target.admins))
    return tuple(lines)


def _before(platform: Platform, origin: str) -> tuple[Node, ...]:
    name = aws.cluster_name(platform)
    # What EKS does with the key through the cluster's role (EKS user guide, "Encrypt Kubernetes secrets").
    secrets = allow(
        "SecretsKey",
        ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"),
        Ref(ids.SECRETS_KEY, "arn"),
    )
    logs = resource(
        platform,
        "cluster",
        origin,
        "aws:cloudwatch/logGroup:LogGroup",
        "cluster",
        {"name": f"/aws/eks/{name}/cluster", "retentionInDays": LOG_DAYS},
    )
    nodes = role(
        platform,
        "cluster",
        origin,
        "cluster",
        physical_name=aws.aws_name(platform, "cluster", limit=names.IAM_ROLE),
        description=f"The control plane of {name}",
        trust=service_trust("eks.amazonaws.com"),
        managed_policies=("AmazonEKSClusterPolicy",),
        statements=(secrets,),
    )
    return (*nodes, logs)


def _inputs(platform: Platform, target: Aws) -> dict[str, Value]:
    vpc_config: dict[str, Value] = {
        "subnetIds": [Ref(ids.private_subnet(zone), "id") for zone in sorted(cluster_zones(target))],
        "endpointPrivateAccess": True,
        "endpointPublicAccess": bool(target.api_allow),
    }
    if target.api_allow:
        vpc_config["publicAccessCidrs"] = sorted(set(target.api_allow))
    return {
        "name": aws.cluster_name(platform),
        "version": platform.edition.eks.version,
        "roleArn": Ref("cluster/Role/cluster", "arn"),
        "accessConfig": {
            "authenticationMode": "API",
            # The identity that makes the cluster goes on to install what runs in it. A constant: to change it
            # replaces the cluster.
            "bootstrapClusterCreatorAdminPermissions": True,
        },
        # All add-ons are nodes of the graph; a constant too, for the same reason.
        "bootstrapSelfManagedAddons": False,
        "deletionProtection": target.protect,
        "enabledClusterLogTypes": list(LOG_TYPES),
        "encryptionConfig": {
            "provider": {"keyArn": Ref(ids.SECRETS_KEY, "arn")},
            "resources": ["secrets"],
        },
        "kubernetesNetworkConfig": {"ipFamily": "ipv4", "serviceIpv4Cidr": service_cidr(target.cidr)},
        # At the end of standard support EKS upgrades the cluster by one version. The other choice, EXTENDED,
        # multiplies the price of the cluster without a word; the plan shows the date.
        "upgradePolicy": {"supportType": "STANDARD"},
        "vpcConfig": vpc_config,
        # Costs nothing until someone moves traffic out of a zone.
        "zonalShiftConfig": {"enabled": True},
    }


def _admins(platform: Platform, target: Aws, origin: str) -> Iterator[Node]:
    make = partial(resource, platform, "cluster", origin)
    for arn in sorted(set(target.admins)):
        name = arn.partition(":iam::")[2].replace(":", "/")
        entry = make(
            "aws:eks/accessEntry:AccessEntry",
            name,
            {"clusterName": Ref(ids.CLUSTER, "name"), "principalArn": arn, "type": "STANDARD"},
        )
        yield entry
        yield make(
            "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
            name,
            {
                "clusterName": Ref(ids.CLUSTER, "name"),
                "principalArn": Ref(entry.id, "principalArn"),
                "policyArn": ADMIN_POLICY,
                "accessScope": {"type": "cluster"},
            },
        )
