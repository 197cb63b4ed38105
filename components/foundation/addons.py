"""The EKS add-ons of a cluster with GPU nodes, those that the edition has.

Nodes, in the component `addons`:
- `Addon` <name> for vpc-cni (enforces network policies), kube-proxy, coredns, eks-pod-identity-agent,
  aws-ebs-csi-driver, metrics-server and eks-node-monitoring-agent;
- `Role` and `RolePolicyAttachment` vpc-cni and aws-ebs-csi-driver; the add-ons' own Pod Identity associations
  give them to their pods and go with the add-on.

Order: a node becomes ready only with network, proxy and identity agent, which as DaemonSets need no node
to be installed; the others are active only when their pods run, which needs nodes. Deletion goes the
other way round.
"""

from __future__ import annotations

from components import aws, names
from components.foundation import ids
from components.foundation.aws_resource import resource, role
from components.foundation.policy_document import PodIdentity, pod_identity_trust
from components.graph import Component, JsonText, Node, Ref, Value
from components.part import Part
from components.resolve.platform import Aws, Platform

_AGENT = "eks-pod-identity-agent"
_BEFORE_NODES = (_AGENT, "kube-proxy", "vpc-cni")

# Add-on → (service account, AWS managed policy). The second EBS policy (2026-04-16) holds the driver to
# volumes that it made itself; AmazonEBSCSIDriverPolicy lets it attach and detach every volume of the
# account.
_IDENTITIES = {
    "vpc-cni": ("aws-node", "AmazonEKS_CNI_Policy"),
    "aws-ebs-csi-driver": ("ebs-csi-controller-sa", "AmazonEBSCSIDriverPolicyV2"),
}

# Add-on → its configuration. Prefix delegation stays off: it takes addresses 16 at a time, and the nodes
# here run few pods.
_CONFIGURATION: dict[str, Value] = {"vpc-cni": {"enableNetworkPolicy": "true"}}


def before_nodes(platform: Platform) -> tuple[str, ...]:
    """Return the ids of the add-ons that must be there before the first node."""
    return tuple(ids.addon(name) for name in _BEFORE_NODES if name in platform.edition.addons)


def lower(platform: Platform) -> Part:
    """Return the edition's add-ons with the roles of those that call AWS; nothing for an on-prem target."""
    target = platform.target
    if not isinstance(target, Aws):
        return Part()
    origin = f"targets.{target.name}"
    chosen = sorted(platform.edition.addons)
    nodes = tuple(node for name in chosen for node in _addon(platform, origin, name))
    component = Component(
        id="addons",
        type="llmform:foundation:Addons",
        origin=origin,
        reads=("edition",),
        summary=("EKS add-ons " + ", ".join(chosen) + "; vpc-cni enforces network policies",),
    )
    return Part((component,), nodes)


def _addon(platform: Platform, origin: str, name: str) -> tuple[Node, ...]:
    inputs: dict[str, Value] = {
        "clusterName": Ref(ids.CLUSTER, "name"),
        "addonName": name,
        "addonVersion": platform.edition.addons[name].version,
        # The graph says what an add-on is: what someone changed in the cluster by hand is set back, and an
        # add-on that goes takes its objects along.
        "resolveConflictsOnCreate": "OVERWRITE",
        "resolveConflictsOnUpdate": "OVERWRITE",
        "preserve": False,
    }
    if name in _CONFIGURATION:
        inputs["configurationValues"] = JsonText(_CONFIGURATION[name])
    nodes: tuple[Node, ...] = ()
    if name in _IDENTITIES:
        account, policy = _IDENTITIES[name]
        nodes = role(
            platform,
            "addons",
            origin,
            name,
            physical_name=aws.aws_name(platform, name, limit=names.IAM_ROLE),
            description=f"Add-on {name} of {aws.cluster_name(platform)}",
            trust=pod_identity_trust(PodIdentity(aws.cluster_name(platform), "kube-system", account)),
            managed_policies=(policy,),
        )
        inputs["podIdentityAssociations"] = [{"serviceAccount": account, "roleArn": Ref(nodes[0].id, "arn")}]
    needs = {node.id for node in nodes[1:]}
    if name not in _BEFORE_NODES:
        needs.add(ids.NODE_GROUP)
    if name == "vpc-cni" and _AGENT in platform.edition.addons:
        needs.add(ids.addon(_AGENT))
    addon = resource(platform, "addons", origin, "aws:eks/addon:Addon", name, inputs, needs=tuple(sorted(needs)))
    return (*nodes, addon)
