"""Nodes: Karpenter's pools and managed node groups."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.edits import Create, Delete
from stacks.risk.finding import Finding, Risk, Situation, at, kind, number, some
from stacks.risk.replicas import has_replicas, pool_of, replicas

_DRIFT = (
    "Karpenter replaces the nodes that no longer match, one after another (drift); pods on them restart, "
    "and a model server with 1 replica does not answer until its pod is ready on the new node"
)


def node_pool(s: Situation) -> Iterator[Finding]:
    """A Karpenter NodePool: the template makes nodes drift, limits only bound growth."""
    if kind(s.node) != "NodePool" or isinstance(s.edit, Create):
        return
    if s.goes:
        words = "Karpenter's nodes of the pool are drained and go; pods stay pending if no other pool takes them"
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
        words = "the managed group's nodes are drained and go"
        if not isinstance(s.edit, Delete):
            words += "; pods move to the new group, which comes "
            words += "after them" if getattr(s.edit, "delete_first", False) else "first"
        graph = s.target.after.get("platform")
        if any(pool_of(n) == pool_of(s.node) for n in (graph.nodes if graph else ())):
            words += _interrupted(s)
        yield Finding(Risk.REPLACING, words)
        return
    if any(s.changed(name) for name in ("version", "releaseVersion", "launchTemplate")):
        words = "EKS replaces the managed group's nodes one after another; pods on them restart"
        yield Finding(Risk.ROLLING, words + _interrupted(s))
    if s.changed("scalingConfig"):
        yield from _sizes(s)
    if s.changed("labels") or s.changed("taints") or s.changed("updateConfig"):
        yield Finding(Risk.IN_PLACE, "the managed group's labels, taints or pace of updates; running pods stay")


def _interrupted(s: Situation) -> str:
    """Return who does not answer meanwhile: a drained pod stops before its successor starts elsewhere."""
    pool = pool_of(s.node)
    if not pool:
        return ""
    graph = s.target.before.get("workloads")
    if graph is None:
        return ", and a model server with 1 replica does not answer until its pod is ready on a new node"
    alone = sorted(
        str(at(n.inputs, "metadata", "name", default=n.id))
        for n in graph.nodes
        if has_replicas(n) and pool_of(n) == pool and replicas(n) == 1
    )
    if not alone:
        return ""
    names = ", ".join(f"`{name}`" for name in alone)
    if len(alone) == 1:
        return f"; {names} has 1 replica: if it runs there, it does not answer until its pod is ready on another node"
    return f"; {names} have 1 replica each: those that run there do not answer until ready on another node"


def _sizes(s: Situation) -> Iterator[Finding]:
    """Yield what other sizes of a managed group do: the wanted size starts or drains nodes, the bounds only bound."""
    assert s.old is not None and s.new is not None
    sizes = {
        name: tuple(number(at(n.inputs, "scalingConfig", name), -1) for n in (s.old, s.new))
        for name in ("desiredSize", "minSize", "maxSize")
    }
    was, now = sizes["desiredSize"]
    now = min(now, sizes["maxSize"][1])
    if now < was:
        gone = "1 is drained and goes" if was - now == 1 else f"{was - now} are drained and go"
        yield Finding(Risk.REPLACING, f"the managed group shrinks from {some(was, 'node')} to {now}: {gone}")
    elif now > was:
        yield Finding(Risk.IN_PLACE, f"the managed group grows from {some(was, 'node')} to {now}")
    else:
        yield Finding(Risk.IN_PLACE, "the managed group's bounds change; its nodes stay")


def launch_template(s: Situation) -> Iterator[Finding]:
    """A launch template's new version is only data; the node group that takes it rolls."""
    if kind(s.node) == "LaunchTemplate" and s.changes and not s.goes:
        yield Finding(Risk.IN_PLACE, "a new version of the template, which its node group takes in the same apply")


RULES = (node_pool, node_class, node_group, launch_template)
