"""Workloads: what happens to pods that serve."""

from __future__ import annotations

from collections.abc import Iterator

from components.graph import Node
from stacks.changes import ABSENT
from stacks.edits import Create, Delete, Replace
from stacks.risk.finding import Finding, Risk, Situation, at, kind, number, some
from stacks.risk.replicas import TEMPLATES, bounds, gpus, has_replicas, pool_of, replicas

_SETTINGS = {
    "strategy": "the new strategy counts from the next rollout on",
    "rolloutStrategy": "the new strategy counts from the next rollout on",
    "minReadySeconds": "the new waiting time counts from the next rollout on",
    "progressDeadlineSeconds": "the new deadline counts from the next rollout on",
    "revisionHistoryLimit": "old revisions beyond the limit go; they can then not be rolled back to",
}


def replicated(s: Situation) -> Iterator[Finding]:
    """A Deployment, LeaderWorkerSet or LLMInferenceService: what pods are made from restarts them as the strategy says,
    replicas start or stop pods."""
    if not has_replicas(s.node):
        return
    old, new = s.old, s.new
    if old is None:
        return
    if s.goes:
        pods = _pods(replicas(old), gpus(old))
        if isinstance(s.edit, Delete):
            yield Finding(Risk.REPLACING, f"stops serving: {pods} {_go(replicas(old))}")
        else:
            yield Finding(
                Risk.REPLACING,
                f"{pods} {_go(replicas(old))} before the new ones start: nothing answers meanwhile",
            )
        return
    if new is None:
        return
    if s.changed("spec", "replicas"):
        yield from _scaled(old, new)
    rolls = any(s.changed("spec", part) for part in TEMPLATES[kind(s.node)])
    if rolls:
        yield from _rollout(s, old, new)
    for setting, words in _SETTINGS.items():
        if s.changed("spec", setting) and not rolls:
            yield Finding(Risk.IN_PLACE, words)
    if kind(s.node) == "LLMInferenceService" and s.changed("spec", "prefill"):
        yield Finding(Risk.REPLACING, "the pods of `prefill` may restart; how many at once is KServe's choice")
    strategy = s.change("spec", "strategy", "type")
    if strategy and strategy.after == "Recreate" and not _upserts(s):
        yield Finding(
            Risk.IN_PLACE,
            "the preview fails (`rollingUpdate: Forbidden`): the provider takes the old field away only in the update",
            fails=True,
        )
    # KServe and LeaderWorkerSet hand some annotations and labels on to the pods
    if kind(s.node) == "Deployment" and s.changes and all(c.path[:1] == ("metadata",) for c in s.changes):
        yield Finding(Risk.IN_PLACE, "only labels or annotations of the object: no pod restarts")


def _nodes_go_first(s: Situation, old: Node) -> bool:
    """Say whether a lower layer takes all nodes away that the running pods may be on."""
    pool = pool_of(old)
    if not pool:
        return False
    gone = any(
        isinstance(e, Delete) and pool_of(e.node) == pool and not e.node.options.retain_on_delete
        for e in s.target.edits.get("platform", ())
    )
    graph = s.target.after.get("platform")
    return gone and not any(pool_of(n) == pool for n in (graph.nodes if graph else ()))


def rights_go_first(s: Situation) -> Iterator[Finding]:
    """Running pods keep on without the AWS rights that a lower layer takes away before they change."""
    if not has_replicas(s.node) or s.old is None or s.new is None:
        return
    if "foundation" not in s.target.after:  # no apply takes the rights away, but the destruction of the whole stack
        return
    gone = sorted(
        {
            kind(e.node)
            for e in s.target.edits.get("foundation", ())
            if isinstance(e, Delete) and e.node.component == s.node.component
        }
        & {"PodIdentityAssociation", "Role"}
    )
    if gone:
        words = (
            f"the foundation stack, applied before this one, removes its {' and '.join(gone)}: until this stack is "
            "applied its pods run without AWS rights, and one that restarts cannot read its weights"
        )
        yield Finding(Risk.REPLACING, words)


def _upserts(s: Situation) -> bool:
    provider = next((n for n in (s.after.nodes if s.after else ()) if n.id == s.node.provider), None)
    return provider is not None and at(provider.inputs, "upsertExistingObjects") in (True, "true")


def _pods(count: int, each: int) -> str:
    text = some(count, "replica")
    return f"{text} ({some(count * each, 'GPU')})" if each else text


def _go(count: int) -> str:
    return "goes" if count == 1 else "go"


def _scaled(old: Node, new: Node) -> Iterator[Finding]:
    was, now, each = replicas(old), replicas(new), gpus(new)
    if now > was:
        need = f"; needs {some((now - was) * each, 'more GPU')}" if each else ""
        yield Finding(Risk.IN_PLACE, f"starts {now - was} more{need}")
    elif now < was:
        yield Finding(Risk.REPLACING, f"capacity drops from {some(was, 'replica')} to {now}")


def _rollout(s: Situation, old: Node, new: Node) -> Iterator[Finding]:
    """Yield what a rollout of a new pod template means, from the strategy and the numbers in the manifest."""
    count = min(replicas(old), replicas(new))
    if count == 0:
        yield Finding(Risk.IN_PLACE, "no replica runs: nothing restarts")
        return
    pods = _pods(count, gpus(old))
    if _nodes_go_first(s, old):
        words = (
            f"the platform stack, applied before this one, removes the nodes of pool `{pool_of(old)}`: {pods} "
            f"{'stops' if count == 1 else 'stop'} then: nothing answers until this stack is applied and a pod is ready"
        )
        yield Finding(Risk.REPLACING, words)
        return
    feasible = s.values.get(f"{new.component}.rollout")
    sentence = f"; {feasible.reason}" if feasible and feasible.reason else ""
    if at(new.inputs, "spec", "strategy", "type", default="RollingUpdate") == "Recreate":
        words = f"{pods} {'stops' if count == 1 else 'stop'} before new ones start: nothing answers meanwhile"
        yield Finding(Risk.REPLACING, words + sentence)
        return
    surge, missing = bounds(new)
    if missing == 0:
        how = (
            "restarts" if count == 1 else "restart one after the other" if surge == 1 else f"restart, {surge} at a time"
        )
        yield Finding(Risk.ROLLING, f"{pods} {how}; never fewer than {count}{_exchange(old, new)}{sentence}")
    elif replicas(new) - missing >= replicas(old):
        # more replicas are wanted than there were: the new ones come first, and one of them may be missing
        yield Finding(Risk.ROLLING, f"{pods} {_go_on(count)}; never fewer than {count}{_exchange(old, new)}{sentence}")
    elif missing >= replicas(new):
        at_once = "restarts" if count == 1 else "restart at once"
        words = f"{pods} {at_once}: nothing answers until a new one is ready{_exchange(old, new)}"
        yield Finding(Risk.REPLACING, words + sentence)
    else:
        left = replicas(new) - missing
        words = f"{pods} restart; capacity drops to {left} of {replicas(old)} meanwhile{_exchange(old, new)}"
        yield Finding(Risk.REPLACING, words + sentence)


def _go_on(count: int) -> str:
    return "restarts when a new one is ready" if count == 1 else "restart as new ones are ready"


def _exchange(old: Node, new: Node) -> str:
    before, after = gpus(old), gpus(new)
    if not after:
        return ""
    if bounds(new)[1] == 0:
        return f"; a new one needs {some(after, 'GPU')} before an old one gives back {before}"
    return f"; a new one needs {some(after, 'GPU')}, an old one gives back {before}" if before != after else ""


def stateful_set(s: Situation) -> Iterator[Finding]:
    """A StatefulSet stops each pod before its successor starts; its claims outlive it."""
    if kind(s.node) != "StatefulSet" or s.old is None:
        return
    count = replicas(s.old)
    if isinstance(s.edit, Replace) and s.goes:
        yield Finding(
            Risk.REPLACING,
            f"{some(count, 'pod')} {_go(count)} and {'comes' if count == 1 else 'come'} back; the volume claims stay",
        )
    elif s.new is not None and isinstance(s.edit, Replace) is False and not isinstance(s.edit, Delete):
        if s.changed("spec", "template"):
            yield Finding(Risk.REPLACING, f"each of {some(count, 'pod')} stops before its successor starts")
        now = replicas(s.new)
        if now < count:
            yield Finding(Risk.REPLACING, f"capacity drops from {some(count, 'pod')} to {now}")
        elif now > count:
            yield Finding(Risk.IN_PLACE, f"starts {now - count} more")


def daemon_set(s: Situation) -> Iterator[Finding]:
    """A DaemonSet's new template restarts its pod on every node."""
    if kind(s.node) != "DaemonSet" or s.old is None:
        return
    if s.goes:
        yield Finding(Risk.REPLACING, "its pods go from every node")
    elif s.changed("spec", "template"):
        yield Finding(Risk.ROLLING, "its pod restarts on every node, one node after another")


def job(s: Situation) -> Iterator[Finding]:
    """A Job runs once: a new one runs, an old one is only a record."""
    if kind(s.node) != "Job":
        return
    if isinstance(s.edit, Create):
        yield Finding(Risk.NONE, "runs once")
    elif isinstance(s.edit, Delete):
        follows = any(
            isinstance(e, Create) and kind(e.node) == "Job" and e.node.component == s.node.component
            for e in s.edits.values()
        )
        yield Finding(
            Risk.NONE if follows else Risk.IN_PLACE,
            "the old Job goes; what it has done stays, and if it still runs it is stopped",
        )
    elif isinstance(s.edit, Replace):
        yield Finding(Risk.IN_PLACE, "the Job runs again")


def probe_or_request(s: Situation) -> Iterator[Finding]:
    """A new priority class, runtime class or service account of pods counts for new pods only."""
    if kind(s.node) in ("PriorityClass", "RuntimeClass") and isinstance(s.edit, Replace):
        yield Finding(Risk.IN_PLACE, "counts for new pods; running pods keep what they have")


def autoscaler(s: Situation) -> Iterator[Finding]:
    """An autoscaler's new bounds start or stop replicas."""
    names = {"HorizontalPodAutoscaler": "maxReplicas", "ScaledObject": "maxReplicaCount"}
    limit = names.get(kind(s.node))
    if limit is None:
        return
    change = s.change("spec", limit)
    if change and change.before is not ABSENT and change.after is not ABSENT:
        was, now = number(change.before), number(change.after)
        if now < was:
            yield Finding(Risk.REPLACING, f"at most {some(now, 'replica')} instead of {was}: more than that stop")
        else:
            yield Finding(Risk.IN_PLACE, f"at most {some(now, 'replica')} instead of {was}")


RULES = (replicated, rights_go_first, stateful_set, daemon_set, job, probe_or_request, autoscaler)
