"""Workloads with replicas: the pods that one replica is made of, and how a new version of them is rolled out.

A replica is a pod, or a group of pods that restarts as one. Sources: Kubernetes 1.34 (Deployment); LeaderWorkerSet
v0.10.0 (api/leaderworkerset/v1, pkg/utils/revision, which makes a revision of `leaderWorkerTemplate` and
`networkConfig`); KServe v0.20.0 (pkg/controller/v1alpha2/llmisvc), whose LLMInferenceService is a Deployment with the
default rolling update, or with a `worker` a LeaderWorkerSet with the default one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any, NamedTuple

from components.graph import Node, Value
from components.manifests import POOL_LABEL
from stacks.risk.finding import at, kind, number

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("template",),
    "LeaderWorkerSet": ("leaderWorkerTemplate", "networkConfig"),
    "LLMInferenceService": (
        "template", "worker", "labels", "annotations", "model", "parallelism", "baseRefs", "storageInitializer",
        "kvCacheOffloading",
    ),
}  # fmt: skip
"""What of `spec` the pods are made from, by kind: a change there restarts every replica."""

GPU_RESOURCES = ("nvidia.com/gpu",)
"""Extended resources that are GPUs, as the NVIDIA device plugin names them."""

_DEPLOYMENTS_OWN = ("25%", "25%")
_SETS_OWN = (0, 1)
"""Surge and unavailable where nothing is said (Kubernetes, "Deployments"; LeaderWorkerSet, "Rollout Strategy")."""


class _Pods(NamedTuple):
    spec: Any
    many: int


def has_replicas(node: Node) -> bool:
    """Say whether the node is a workload that this module knows."""
    return kind(node) in TEMPLATES


def replicas(node: Node) -> int:
    """Return the replicas that the workload asks for; Kubernetes' default is 1."""
    return number(at(node.inputs, "spec", "replicas"), 1)


def gpus(node: Node) -> int:
    """Return the GPUs that the pods of one replica ask for."""
    return sum(pods.many * _gpus(pods.spec) for pods in _pods(node))


def pool_of(node: Node) -> str:
    """Return the pool that a workload's pods select, or whose nodes a pool's resource makes; empty if none."""
    if kind(node) == "NodePool":
        found = at(node.inputs, "spec", "template", "metadata", "labels", POOL_LABEL)
    elif kind(node) == "NodeGroup":
        found = at(node.inputs, "labels", POOL_LABEL)
    else:
        selected = (at(pods.spec, "nodeSelector", POOL_LABEL) for pods in _pods(node))
        found = next((one for one in selected if one), None)
    return str(found) if found else ""


def bounds(node: Node) -> tuple[int, int]:
    """Return how many replicas may be there beyond, and be missing from, those of a rolling update.

    Percentages of replicas are rounded up for surge and down for unavailable, and if both come to 0 one may be missing
    (Kubernetes, "Deployments": Rolling Update Deployment; `ResolveFenceposts`).
    """
    spec = at(node.inputs, "spec", default={})
    update: Any
    own: tuple[int | str, int | str]
    match kind(node):
        case "LeaderWorkerSet":
            update, own = at(spec, "rolloutStrategy", "rollingUpdateConfiguration", default={}), _SETS_OWN
        case "LLMInferenceService":  # it has no field for another one
            update, own = {}, _DEPLOYMENTS_OWN if at(spec, "worker") is None else _SETS_OWN
        case _:
            update, own = at(spec, "strategy", "rollingUpdate", default={}), _DEPLOYMENTS_OWN
    count = replicas(node)
    surge = _share(at(update, "maxSurge", default=own[0]), count, up=True)
    missing = _share(at(update, "maxUnavailable", default=own[1]), count, up=False)
    return (surge, missing) if surge or missing else (0, 1)


def _share(value: Any, count: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        exact = number(value[:-1]) * count / 100
        return ceil(exact) if up else int(exact)
    return number(value)


def _pods(node: Node) -> Iterator[_Pods]:
    """Yield the specs of the pods of one replica, and how many of each it has."""
    spec = at(node.inputs, "spec", default={})
    match kind(node):
        case "Deployment":
            yield _Pods(at(spec, "template", "spec"), 1)
        case "LeaderWorkerSet":
            group = at(spec, "leaderWorkerTemplate", default={})
            worker = at(group, "workerTemplate", "spec")
            yield from _group(at(group, "leaderTemplate", "spec"), worker, number(at(group, "size"), 1))
        case "LLMInferenceService":
            yield from _group(at(spec, "template"), at(spec, "worker"), _nodes(at(spec, "parallelism", default={})))


def _group(leader: Any, worker: Any, size: int) -> Iterator[_Pods]:
    """Yield a leader and its workers; a group without a template for its leader has a worker there."""
    yield _Pods(worker if leader is None else leader, 1)
    if worker is not None:
        yield _Pods(worker, max(size - 1, 0))


def _nodes(parallelism: Value) -> int:
    """Return how many pods KServe makes a group of (`ParallelismSpec.GetSize`)."""
    data, local = (number(at(parallelism, key)) for key in ("data", "dataLocal"))
    if data or local:
        return max(max(data, 1) // max(local, 1), 1)
    return max(number(at(parallelism, "pipeline")), 1)


def _gpus(spec: Value) -> int:
    containers = at(spec, "containers", default=())
    return sum(number(at(c, "resources", "limits", name)) for c in containers for name in GPU_RESOURCES)
