"""Policy: a drain or an upgrade of nodes does not take all replicas of a model server at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from policies.pods import all_of, kind, matches
from policies.resources import UNKNOWN, Finding, Resource, broken

COMPONENT = "app.kubernetes.io/component"
"""The label by which a model server is known: its value is `model-server`."""

_TEMPLATE = (("spec", "template", "metadata", "labels"),)
_GROUP = tuple(("spec", "leaderWorkerTemplate", t, "metadata", "labels") for t in ("workerTemplate", "leaderTemplate"))

_LABELS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "Deployment": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "Rollout": _TEMPLATE,
    "LeaderWorkerSet": _GROUP,
    "LLMInferenceService": (("spec", "labels"),),
}
"""Where a kind keeps the labels of its pods. A group without a template for its leader has one of its workers there."""


def model_servers_budgeted(resources: Sequence[Resource]) -> Iterator[Finding]:
    """Every model server has a PodDisruptionBudget that takes its pods."""
    budgets = [r for r in resources if kind(r) == "PodDisruptionBudget"]
    beside: dict[str, list[Resource]] = defaultdict(list)
    for budget in budgets:
        beside[_component(budget)].append(budget)
    for server in (r for r in resources if kind(r) in _LABELS):
        component = server.at("metadata", "labels", COMPONENT)
        if component.value not in ("model-server", UNKNOWN):
            continue
        answers = {}
        # the budget beside the server comes first, since it is almost always the one
        for budget in (*beside[_component(server)], *budgets):
            answers[budget.name] = _takes(budget, server)
            if answers[budget.name] is True:
                break
        if True in answers.values():
            continue
        maybe = next((budget for budget in budgets if answers[budget.name] is None), None)
        if maybe is not None:
            yield Finding(f"whether {maybe.name} takes its pods is known after apply", server.name, unknown=True)
        elif component.unknown:
            yield Finding(f"`{component.path}` is known after apply", server.name, component.path, unknown=True)
        else:
            yield broken(server, None, "no PodDisruptionBudget takes its pods")


def _component(resource: Resource) -> str:
    """Return the component of a node's id, `serving.chat` of `serving.chat/Deployment/chat`."""
    return resource.name.partition("/")[0]


def _takes(budget: Resource, server: Resource) -> bool | None:
    """Say whether a budget takes the server's pods; None if that is known only after apply."""
    ours, theirs = (r.read("metadata", "namespace") for r in (budget, server))
    first, *others = _LABELS[kind(server)]
    same = None if UNKNOWN in (ours, theirs) else ours == theirs
    # one pod of a group takes the others with it: the budget has to take its leader and its workers
    pods = (first, *(path for path in others if server.read(*path[:-2]) is not None))
    selector = budget.at("spec", "selector")
    # a stack has as many budgets as servers: the first answer that says no is enough
    taken = all_of(chain((same,), (matches(selector, server.at(*path)) for path in pods)))
    return False if taken is False else all_of((taken, _keeps_any(budget)))


def _keeps_any(budget: Resource) -> bool | None:
    """Say whether a budget ever refuses to let a pod go: `minAvailable: 0` and `maxUnavailable: 100%` never do."""
    least, most = budget.at("spec", "minAvailable"), budget.at("spec", "maxUnavailable")
    if least.value in (0, "0", "0%") or most.value == "100%":
        return False
    return None if least.unknown or most.unknown else True
