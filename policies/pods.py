"""The pods that a Kubernetes object makes, and the containers in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from policies.resources import UNKNOWN, Resource, View

_TEMPLATE = ("spec", "template", "spec")

POD_SPECS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "Pod": (("spec",),),
    "PodTemplate": (("template", "spec"),),
    "ReplicationController": (_TEMPLATE,),
    "ReplicaSet": (_TEMPLATE,),
    "Deployment": (_TEMPLATE,),
    "StatefulSet": (_TEMPLATE,),
    "DaemonSet": (_TEMPLATE,),
    "Job": (_TEMPLATE,),
    "CronJob": (("spec", "jobTemplate", *_TEMPLATE),),
    "Rollout": (_TEMPLATE,),
    "LeaderWorkerSet": (
        ("spec", "leaderWorkerTemplate", "leaderTemplate", "spec"),
        ("spec", "leaderWorkerTemplate", "workerTemplate", "spec"),
    ),
    "LLMInferenceService": (
        ("spec", "template"),
        ("spec", "worker"),
        ("spec", "prefill", "template"),
        ("spec", "prefill", "worker"),
        ("spec", "router", "scheduler", "template"),
    ),
}
"""Where each kind keeps the specs of its pods (Kubernetes 1.34; Argo Rollouts; LeaderWorkerSet v1; KServe v1alpha2)."""

_KNOWN = {
    ("argoproj.io", "Rollout"),
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"),
    ("serving.kserve.io", "LLMInferenceService"),
}
"""The custom resources in `POD_SPECS`. Another group may have a kind of the same name, as Volcano has Job."""

_WITHOUT_PODS = re.compile(r"helm\.sh|karpenter\..*|(.*\.)?(k8s\.io|kyverno\.io|gatekeeper\.sh)")
"""Groups that make no pods: charts, Karpenter, Kubernetes' own (`x-k8s.io` is not), patterns for other objects."""

_NO_PODS_HERE = {"apiVersion", "kind", "metadata", "status"}

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")

_GPU = re.compile(r"nvidia\.com/(gpu|mig-).*|[a-z0-9.-]+/gpu")


_ZERO = re.compile(r"[+-]?0*\.?0+\.?(?:[numkMGTPE]i?|[eE][+-]?\d+)?")
"""A quantity of Kubernetes that is 0 (apimachinery, resource.Quantity)."""


def kind(resource: Resource) -> str:
    """Return the kind of a Kubernetes object, as its type token has it; empty for any other resource."""
    return resource.type.rpartition(":")[2] if resource.type.startswith("kubernetes:") else ""


def group(resource: Resource) -> str:
    """Return the group of a Kubernetes object, `core` for the one without a name; empty for any other resource."""
    return resource.type.split(":")[1].partition("/")[0] if kind(resource) else ""


def pod_specs(resource: Resource) -> Iterator[View]:
    """Yield the spec of every pod template; what is optional and absent is left out.

    Nobody knows all custom resources (RayCluster, JobSet, InferenceService, …): in theirs, a pod's spec is what has a
    list `containers` in which an image is named, wherever it stands.
    """
    own = group(resource)
    if "." in own and (own, kind(resource)) not in _KNOWN:
        if not _WITHOUT_PODS.fullmatch(own):
            for key in resource.inputs:
                if key not in _NO_PODS_HERE:
                    yield from _found(resource.at(key))
        return
    for path in POD_SPECS.get(kind(resource), ()):
        found = resource.at(*path)
        if found.value is not None:
            yield found


def _found(view: View) -> Iterator[View]:
    """Yield what is a pod's spec, or may be one once it is known."""
    if view.unknown or (isinstance(view.value, Mapping) and _names_an_image(view.at("containers"))):
        yield view
    else:
        for item in view.items():
            yield from _found(item)


def _names_an_image(held: View) -> bool:
    return held.unknown or (
        isinstance(held.value, list | tuple) and any(c.at("image").value is not None for c in held.items())
    )


def containers(spec: View) -> Iterator[View]:
    """Yield the containers of a pod; an unknown list is one unknown container."""
    for key in _CONTAINERS:
        yield from spec.at(key).items()


def named(container: View) -> str:
    """Return how a text calls a container."""
    name = container.at("name").value
    return f"container `{name}`" if isinstance(name, str) else f"the container at `{container.path}`"


def gpus(container: View) -> tuple[str, ...]:
    """Return the names of the GPU resources that a container asks for."""
    found: dict[str, None] = {}
    for side in ("limits", "requests"):
        amounts = container.at("resources", side).value
        if isinstance(amounts, Mapping):
            found |= dict.fromkeys(
                k for k, v in amounts.items() if _GPU.fullmatch(k) and v is not UNKNOWN and not zero(v)
            )
    return tuple(found)


def zero(amount: object) -> bool:
    """Say whether a quantity is none at all, such as `0`, `"0"` or `0Mi`: it is as good as absent."""
    return amount == 0 or (isinstance(amount, str) and _ZERO.fullmatch(amount) is not None)


def gpus_unknown(container: View) -> tuple[View, ...]:
    """Return the values that have to be known to say whether a container asks for GPUs."""
    sides = (container.at("resources", "limits"), container.at("resources", "requests"))
    return (*sides, *(amount for side in sides for key, amount in side.entries() if _GPU.fullmatch(key)))


def matches(selector: View, labels: View) -> bool | None:
    """Say whether a label selector takes these labels; None if that is known only after apply.

    An empty selector takes everything (policy/v1, networking.k8s.io/v1).
    """
    if selector.value is None:
        return False
    wanted, expressions = selector.read("matchLabels"), selector.at("matchExpressions")
    if wanted is UNKNOWN or expressions.unknown:
        return None
    pairs = wanted.items() if isinstance(wanted, Mapping) else ()
    return all_of(
        chain(
            (_same(value, labels.read(str(key))) for key, value in pairs),
            (_expression(expression, labels) for expression in expressions.items()),
        )
    )


def all_of(answers: Iterable[bool | None]) -> bool | None:
    """Return False if any answer is, else None if any is, else True: what is unknown does not save what is not so."""
    known = True
    for answer in answers:
        if answer is False:
            return False
        known = known and answer is not None
    return True if known else None


def _same(wanted: object, found: object) -> bool | None:
    return None if UNKNOWN in (wanted, found) else wanted == found


def _expression(expression: View, labels: View) -> bool | None:
    key, operator, values = (expression.at(k).value for k in ("key", "operator", "values"))
    if UNKNOWN in (key, operator) or values is UNKNOWN or not isinstance(key, str):
        return None
    found = labels.at(key).value
    if found is UNKNOWN or (isinstance(values, list) and UNKNOWN in values):
        return None
    match operator:
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case "In":
            return found in (values or ())
        case "NotIn":
            return found not in (values or ())
    return False
