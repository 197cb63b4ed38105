"""Policy: a drain or an upgrade of nodes does not take all replicas of a model server at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from policies.pods import kind, matches
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
    for server in (r for r in resources if kind(r) in _LABELS):
        component = server.at("metadata", "labels", COMPONENT)
        if component.value not in ("model-server", UNKNOWN):
            continue
        answers = [(budget, _takes(budget, server)) for budget in budgets]
        if any(answer is True for _, answer in answers):
            continue
        maybe = next((budget for budget, answer in answers if answer is None), None)
        if maybe is not None:
            yield Finding(f"whether {maybe.name} takes its pods is known after apply", server.name, unknown=True)
        elif component.unknown:
            yield Finding(f"`{component.path}` is known after apply", server.name, component.path, unknown=True)
        else:
            yield broken(server, None, "no PodDisruptionBudget takes its pods")


def _takes(budget: Resource, server: Resource) -> bool | None:
    """Say whether a budget takes the server's pods; None if that is known only after apply."""
    ours, theirs = (r.at("metadata", "namespace").value for r in (budget, server))
    first, *others = _LABELS[kind(server)]
    same = None if UNKNOWN in (ours, theirs) else ours == theirs
    # one pod of a group takes the others with it: the budget has to take its leader and its workers
    pods = (first, *(path for path in others if server.at(*path[:-2]).value is not None))
    taken = (matches(budget.at("spec", "selector"), server.at(*path)) for path in pods)
    answers = (same, *taken, _keeps_any(budget))
    if False in answers:
        return False
    return None if None in answers else True


def _keeps_any(budget: Resource) -> bool | None:
    """Say whether a budget ever refuses to let a pod go: `minAvailable: 0` and `maxUnavailable: 100%` never do."""
    least, most = budget.at("spec", "minAvailable"), budget.at("spec", "maxUnavailable")
    if least.value in (0, "0", "0%") or most.value == "100%":
        return False
    return None if least.unknown or most.unknown else True
