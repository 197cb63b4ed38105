"""The cluster itself: EKS, its add-ons, operators and rights."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.edits import Create
from stacks.risk.finding import Finding, Risk, Situation, kind


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
    elif s.changes:
        yield Finding(Risk.IN_PLACE, "who may do what changes at once")


def service_account(s: Situation) -> Iterator[Finding]:
    """Pods of a ServiceAccount that goes lose its token."""
    if kind(s.node) == "ServiceAccount" and s.goes:
        yield Finding(Risk.REPLACING, "running pods lose their token, new pods of it cannot start until it is back")


def provider(s: Situation) -> Iterator[Finding]:
    """A provider's settings: how the engine reaches the place; another cluster replaces everything."""
    if not s.node.type.startswith("pulumi:providers:") or isinstance(s.edit, Create):
        return
    if s.goes:
        yield Finding(Risk.NONE, "only the engine's way to the place")
    elif s.changed("allowedAccountIds"):
        yield Finding(Risk.IN_PLACE, "the engine refuses any other account")
    elif s.changed("defaultTags"):
        yield Finding(Risk.IN_PLACE, "the tags of every AWS resource change")
    elif s.changes:
        yield Finding(Risk.NONE, "only how the engine reaches the place")


RULES = (eks_version, addon, release, rights, service_account, provider)
