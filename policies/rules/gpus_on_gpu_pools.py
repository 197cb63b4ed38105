"""Policy: a pod that asks for GPUs says which pool, and a pool of GPUs keeps other pods away."""

from __future__ import annotations

from collections.abc import Iterator

from policies.pods import containers, gpus, gpus_unknown, kind, pod_specs
from policies.resources import Finding, Resource, View, broken, cannot_say

POOL_LABEL = "llmform.dev/pool"
"""The label of a pool's nodes (docs/concepts/names.md)."""

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"

_KEEPS_AWAY = {"NoSchedule", "NoExecute", "NO_SCHEDULE", "NO_EXECUTE"}
"""Effects that keep pods away, as Kubernetes and as EKS write them."""


def gpus_on_gpu_pools(resource: Resource) -> Iterator[Finding]:
    """A pod that asks for GPUs goes to a pool and tolerates its taint; a GPU pool is tainted."""
    for spec in pod_specs(resource):
        yield from _pod(resource, spec)
    if kind(resource) == "NodePool":
        limits = resource.at("spec", "limits")
        names = {key for key, _ in limits.entries() if key.endswith("/gpu")}
        yield from _pool(resource, limits, names, resource.at("spec", "template", "spec", "taints"))
    elif resource.type == "aws:eks/nodeGroup:NodeGroup":
        image = resource.at("amiType")
        names = {"nvidia.com/gpu"} if "NVIDIA" in str(image.value) else set()
        yield from _pool(resource, image, names, resource.at("taints"))


def _pod(resource: Resource, spec: View) -> Iterator[Finding]:
    asked = sorted({name for container in containers(spec) for name in gpus(container)})
    if not asked:  # as far as is known
        yield from cannot_say(resource, *(view for container in containers(spec) for view in gpus_unknown(container)))
        return
    selector, affinity = spec.at("nodeSelector"), spec.at("affinity", "nodeAffinity", _REQUIRED)
    if POOL_LABEL not in dict(selector.entries()) and not _names_pool(affinity):
        hidden = _hidden(selector, affinity)
        yield from cannot_say(resource, *hidden)
        if not hidden:
            text = f"a pod with `{asked[0]}` and without a node selector for `{POOL_LABEL}` goes to any node"
            yield broken(resource, selector, text)
    tolerations = spec.at("tolerations")
    doubts = [v for t in tolerations.items() for v in (t, t.at("key"), t.at("operator")) if v.unknown]
    for name in asked:
        taint = _taint(name)
        if any(_tolerates(toleration, taint) for toleration in tolerations.items()):
            continue
        yield from cannot_say(resource, *doubts)
        if not doubts:
            text = f"the pod asks for `{name}` and does not tolerate the taint `{taint}`"
            yield broken(resource, tolerations, text)


def _taint(name: str) -> str:
    """Return the taint of the nodes that have a GPU resource: a MIG device and a shared GPU are on nodes with GPUs."""
    return "nvidia.com/gpu" if name.startswith("nvidia.com/") else name


def _names_pool(affinity: View) -> bool:
    terms = affinity.at("nodeSelectorTerms").items()
    return bool(terms) and all(
        any(e.at("key").value == POOL_LABEL for e in term.at("matchExpressions").items()) for term in terms
    )


def _hidden(selector: View, affinity: View) -> list[View]:
    """Return what is unknown of where the pod goes."""
    terms = affinity.at("nodeSelectorTerms")
    expressions = [e for term in terms.items() for e in term.at("matchExpressions").items()]
    return [v for v in (selector, terms, *expressions, *(e.at("key") for e in expressions)) if v.unknown]


def _tolerates(toleration: View, key: str) -> bool:
    own = toleration.at("key").value
    return own == key or (own is None and toleration.at("operator").value == "Exists")


def _pool(resource: Resource, says: View, names: set[str], taints: View) -> Iterator[Finding]:
    if says.unknown or not names:
        yield from cannot_say(resource, says)
        return
    for name in sorted(names):
        keys = [(t.at("key"), t.at("effect")) for t in taints.items()]
        if any(key.value == name and effect.value in _KEEPS_AWAY for key, effect in keys):
            continue
        unknown = [v for pair in keys for v in pair if v.unknown]
        if unknown:
            yield from cannot_say(resource, *unknown)
        else:
            yield broken(resource, taints, f"the pool has `{name}` and no taint of that key: any pod fits")
