"""Nodes: Karpenter's pools and managed node groups."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.edits import Create, Delete
from stacks.risk.finding import Finding, Risk, Situation, at, kind, number

_DRIFT = (
    "Karpenter replaces the nodes that no longer match, one after another (drift); pods on them restart, "
    "and a model server with 1 replica does not answer until its pod is ready on the new node"
)


def node_pool(s: Situation) -> Iterator[Finding]:
    """A Karpenter NodePool: the template makes nodes drift, limits only bound growth."""
    if kind(s.node) != "NodePool" or isinstance(s.edit, Create):
        return
    if s.goes:
        words = "its nodes are drained and go; pods stay pending if no other pool takes them"
        yield Finding(Risk.REPLACING, words)
        return
    if s.changed("spec", "template"):
        yield Finding(Risk.ROLLING, _DRIFT)
    if s.changed("spec", "limits"):
        yield from _limits(s)
    if s.changed("spec", "disruption"):
        yield Finding(Risk.IN_PLACE, "when Karpenter may remove nodes changes; no node goes at once")
    if s.changed("spec", "weight"):
        yield Finding(Risk.IN_PLACE, "counts for new nodes")


def _limits(s: Situation) -> Iterator[Finding]:
    assert s.old is not None and s.new is not None
    was, now = at(s.old.inputs, "spec", "limits", default={}), at(s.new.inputs, "spec", "limits", default={})
    for name in sorted({*was, *now}):
        before, after = was.get(name), now.get(name)
        if before == after:
            continue
        if after is None:
            yield Finding(Risk.IN_PLACE, f"the pool has no limit of {name} any more")
        elif before is not None and number(after) >= number(before):
            yield Finding(Risk.IN_PLACE, f"the pool may grow to {after} {name}")
        else:
            yield Finding(Risk.IN_PLACE, f"at most {after} {name}; nodes above that stay until they are empty")


def node_class(s: Situation) -> Iterator[Finding]:
    """An EC2NodeClass: every change of its spec makes nodes drift."""
    if kind(s.node) != "EC2NodeClass" or isinstance(s.edit, Create):
        return
    if s.goes:
        pools = [e for e in s.edits.values() if isinstance(e, Delete) and kind(e.node) == "NodePool"]
        if not any(e.node.component == s.node.component for e in pools):  # the pool's own rule says it
            yield Finding(Risk.REPLACING, "the nodes made from it are drained and go")
    elif s.changed("spec"):
        yield Finding(Risk.ROLLING, _DRIFT)


def node_group(s: Situation) -> Iterator[Finding]:
    """An EKS managed node group: a new version rolls its nodes, a smaller size removes some."""
    if s.node.type != "aws:eks/nodeGroup:NodeGroup" or isinstance(s.edit, Create):
        return
    if s.goes:
        words = "its nodes are drained and go"
        if not isinstance(s.edit, Delete):
            words += "; pods move to the new group, which comes "
            words += "after them" if getattr(s.edit, "delete_first", False) else "first"
        yield Finding(Risk.REPLACING, words)
        return
    if any(s.changed(name) for name in ("version", "releaseVersion", "launchTemplate")):
        yield Finding(Risk.ROLLING, "EKS replaces its nodes one after another; pods on them restart")
    if s.changed("scalingConfig"):
        assert s.old is not None and s.new is not None
        for name in ("desiredSize", "minSize", "maxSize"):
            was, now = (number(at(n.inputs, "scalingConfig", name), -1) for n in (s.old, s.new))
            if now < was:
                yield Finding(Risk.REPLACING, f"{name} {was} → {now}: nodes beyond it are drained and go")
            elif now > was:
                yield Finding(Risk.IN_PLACE, f"{name} {was} → {now}")
    if s.changed("labels") or s.changed("taints") or s.changed("updateConfig"):
        yield Finding(Risk.IN_PLACE, "labels, taints or the pace of updates; running pods stay")


def launch_template(s: Situation) -> Iterator[Finding]:
    """A launch template's new version is only data; the node group that takes it rolls."""
    if kind(s.node) == "LaunchTemplate" and s.changes and not s.goes:
        yield Finding(Risk.IN_PLACE, "a new version of the template; nodes change when their group takes it")


RULES = (node_pool, node_class, node_group, launch_template)
