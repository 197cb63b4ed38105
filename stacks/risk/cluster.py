"""The cluster itself: EKS, its add-ons, operators and rights."""

from __future__ import annotations

from collections.abc import Iterator

from components.graph import Graph, Node, Ref, references
from stacks.diff import other_place
from stacks.edits import Create, Replace
from stacks.risk.finding import Finding, Risk, Situation, at, kind, some


def eks_version(s: Situation) -> Iterator[Finding]:
    """An EKS cluster moves up by one minor version at a time and cannot go back.

    EKS user guide, "Update existing cluster to new Kubernetes version".
    """
    if s.node.type != "aws:eks/cluster:Cluster" or s.goes:
        return
    change = s.change("version")
    if change is None:
        return
    was, now = _minor(change.before), _minor(change.after)
    if was is None or now is None:
        yield Finding(Risk.IN_PLACE, "the version of the control plane changes; it cannot go back")
    elif now == was + 1:
        words = "the control plane moves up by one version and cannot go back; nodes keep theirs until replaced"
        yield Finding(Risk.IN_PLACE, words)
    elif now < was:
        yield Finding(Risk.IN_PLACE, "EKS does not go back to an older version", fails=True)
    else:
        yield Finding(Risk.IN_PLACE, f"EKS moves up by one version at a time; this is {now - was}", fails=True)


def _minor(version: object) -> int | None:
    major, _, minor = str(version).partition(".")
    return int(major) * 1000 + int(minor) if major.isdecimal() and minor.isdecimal() else None


def eks_subnets(s: Situation) -> Iterator[Finding]:
    """An EKS cluster takes other subnets only in the VPC and the zones that it was made in.

    EKS user guide, "View Amazon EKS networking requirements for VPC and subnets".
    """
    if s.node.type != "aws:eks/cluster:Cluster" or s.old is None or s.new is None or s.goes:
        return
    if not s.changed("vpcConfig", "subnetIds"):
        return
    was, now = _subnets(s.old, s.before), _subnets(s.new, s.after)
    vpcs = {r.node for n in now for r in references(n.inputs.get("vpcId")) if isinstance(r, Ref)}
    if any(isinstance(s.edits.get(vpc), Replace | Create) for vpc in vpcs):
        words = "EKS does not take the cluster into another VPC: keep the network, or make a new target"
        yield Finding(Risk.REPLACING, words, fails=True)
        return
    zones = {str(n.inputs.get("availabilityZone")) for n in was}
    added = sorted({str(n.inputs.get("availabilityZone")) for n in now} - zones)
    if zones and added:
        new = f"{', '.join(added)} {'is' if len(added) == 1 else 'are'} new"
        words = f"EKS keeps the cluster to the zones it was made in; {new}"
        yield Finding(Risk.REPLACING, words, fails=True)
    else:
        yield Finding(Risk.IN_PLACE, "the control plane takes other subnets of its zones")


def _subnets(cluster: Node, graph: Graph | None) -> tuple[Node, ...]:
    ids = {r.node for r in references(at(cluster.inputs, "vpcConfig", "subnetIds")) if isinstance(r, Ref)}
    return tuple(n for n in (graph.nodes if graph else ()) if n.id in ids)


def addon(s: Situation) -> Iterator[Finding]:
    """An EKS add-on's new version or configuration restarts its pods."""
    if s.node.type != "aws:eks/addon:Addon" or isinstance(s.edit, Create):
        return
    if s.goes:
        yield Finding(Risk.REPLACING, "what the add-on does stops while it is away")
    elif s.changed("addonVersion") or s.changed("configurationValues"):
        yield Finding(Risk.ROLLING, "the add-on's pods restart one after another")


def release(s: Situation) -> Iterator[Finding]:
    """A Helm release's new version or values restart the operator."""
    if not s.node.type.startswith("kubernetes:helm.sh/") or isinstance(s.edit, Create):
        return
    if s.goes:
        yield Finding(
            Risk.REPLACING,
            "the operator goes: what it watches stays as it is, and nothing reacts to changes meanwhile",
        )
    elif s.changed("version") or s.changed("chart"):
        yield Finding(
            Risk.ROLLING,
            "Helm upgrades the release: its pods restart; what the new chart changes is not known without it",
        )
    elif s.changed("values"):
        yield Finding(Risk.ROLLING, "Helm upgrades the release with other values: pods that read them restart")


def rights(s: Situation) -> Iterator[Finding]:
    """Roles and policies: who may do what changes at once."""
    kinds = {
        "Role",
        "ClusterRole",
        "RoleBinding",
        "ClusterRoleBinding",
        "RolePolicy",
        "Policy",
        "RolePolicyAttachment",
    }
    kinds |= {
        "AccessEntry",
        "AccessPolicyAssociation",
        "PodIdentityAssociation",
        "BucketPolicy",
        "QueuePolicy",
    }
    if kind(s.node) not in kinds or isinstance(s.edit, Create):
        return
    if s.goes:
        words = {
            "BucketPolicy": "what the policy grants and refuses no longer holds",
            "QueuePolicy": "what the policy grants and refuses no longer holds",
        }
        yield Finding(Risk.REPLACING, words.get(kind(s.node), "what relies on these rights loses them"))
    elif s.changes and not s.only_labels:
        yield Finding(Risk.IN_PLACE, "who may do what changes at once")


def service_account(s: Situation) -> Iterator[Finding]:
    """Pods of a ServiceAccount that goes lose its token."""
    if kind(s.node) == "ServiceAccount" and s.goes:
        yield Finding(Risk.REPLACING, "running pods lose their token, new pods of it cannot start until it is back")


def provider(s: Situation) -> Iterator[Finding]:
    """A provider's settings: how the engine reaches the place; another cluster replaces everything."""
    if not s.node.type.startswith("pulumi:providers:") or isinstance(s.edit, Create):
        return
    if isinstance(s.edit, Replace):
        yield Finding(Risk.REPLACING, "another cluster to the engine: all that this provider manages is replaced")
    elif s.goes:
        yield Finding(Risk.NONE, "only the engine's way to the place")
    elif place := (other_place(s.changes) if s.node.type == "pulumi:providers:aws" else ""):
        there = sum(n.provider == s.node.id for n in (s.before.nodes if s.before else ()))
        words = (
            f"the stack's {some(there, 'resource')} of this provider are in the {place} of before: the engine replaces "
            f"them or loses sight of them, data with them; make a new target for the other {place} instead"
        )
        yield Finding(Risk.DESTRUCTIVE, words)
    elif s.changed("allowedAccountIds"):
        yield Finding(Risk.IN_PLACE, "the engine refuses any other account")
    elif s.changed("defaultTags"):
        yield Finding(Risk.IN_PLACE, "the tags of every AWS resource change")
    elif s.changes:
        yield Finding(Risk.NONE, "only how the engine reaches the place")


RULES = (eks_version, eks_subnets, addon, release, rights, service_account, provider)
