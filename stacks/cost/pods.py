"""What model servers ask of their pools: read from the workloads' graphs, whoever makes the pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from components.graph import Node
from components.manifests import POOL_LABEL
from components.resolve.placement import nodes_needed
from stacks.cost.place import Place, inside, quantity, whole


class Pods(NamedTuple):
    """The pods of one server. `label` is the pool's in its node selector; `gpus`, `cpu` in cores and `memory` in bytes
    are those of a pod, and a replica has `size` pods.

    `load_known`: the spec says its traffic, or how many replicas there are; else there is one because nobody said
    anything. `surge` and `seconds`: a rollout starts so many replicas more, and a new one takes so long by estimate, 0
    where nobody knows.
    """

    component: str
    server: str
    model: str
    label: str
    replicas: int
    size: int
    gpus: int
    cpu: float
    memory: float
    load_known: bool
    surge: int
    seconds: int
    template: Any

    @property
    def weight(self) -> float:
        """What of its pool it takes: GPUs, or cores where it takes no GPU."""
        return self.replicas * self.size * (self.gpus or self.cpu)


def servers_of(place: Place) -> tuple[Pods, ...]:
    """Return the pods of all servers of a place, by component."""
    found = (_pods(place, node) for _, node in place.nodes() if node.component.startswith("serving."))
    return tuple(sorted((p for p in found if p is not None), key=lambda p: p.component))


def _pods(place: Place, node: Node) -> Pods | None:
    spec = node.inputs.get("spec")
    kind = node.type.rpartition(":")[2]
    shape = _SHAPES.get(kind)
    if shape is None or not isinstance(spec, Mapping):
        return None
    template, size, surge = shape(spec)
    server = node.component.partition(".")[2]
    path = f"serving.{server}"
    label = inside(template, "nodeSelector", POOL_LABEL)
    stated = place.values.get(f"{path}.replicas")
    known = place.values.get(f"{path}.traffic.requestsPerSecond") is not None or bool(stated and stated.where)
    asked = [inside(c, "resources") for c in inside(template, "containers") or () if isinstance(c, Mapping)]
    return Pods(
        node.component,
        server,
        str(place.value(f"{path}.model") or ""),
        label if isinstance(label, str) else "",
        whole(spec.get("replicas", 1)),
        size,
        sum(whole(n) for a in asked for key, n in (inside(a, "limits") or {}).items() if key.startswith("nvidia.com/")),
        sum(quantity(inside(a, "requests", "cpu")) for a in asked),
        sum(quantity(inside(a, "requests", "memory")) for a in asked),
        known,
        surge,
        whole(spec.get("progressDeadlineSeconds")),
        template,
    )


def _deployment(spec: Mapping[str, Any]) -> tuple[Any, int, int]:
    return inside(spec, "template", "spec"), 1, whole(inside(spec, "strategy", "rollingUpdate", "maxSurge"))


def _group(spec: Mapping[str, Any]) -> tuple[Any, int, int]:
    surge = whole(inside(spec, "rolloutStrategy", "rollingUpdateConfiguration", "maxSurge"))
    workers = inside(spec, "leaderWorkerTemplate", "workerTemplate", "spec")
    return workers, max(1, whole(inside(spec, "leaderWorkerTemplate", "size"))), surge


def _kserve(spec: Mapping[str, Any]) -> tuple[Any, int, int]:
    return spec.get("template"), 1, -(-whole(spec.get("replicas", 1)) // 4)  # 25 %, rounded up


_SHAPES = {"Deployment": _deployment, "LeaderWorkerSet": _group, "LLMInferenceService": _kserve}
"""How a kind says its pods: the pod's spec, pods of a replica, and replicas that a rollout starts beside the others."""


def nodes_for(servers: Sequence[Pods], places: int, cores: float, memory: float) -> int:
    """Return the fewest nodes that hold all pods.

    Args:
        places: of a node: its GPUs, times the pods that share one; 0 for a node without.
        cores, memory: of a node without GPU, 0 where nobody knows; what pods with GPUs ask for beside them fits by the
            choice of the instance type.
    """
    if places:
        gpus = [p.gpus for p in servers for _ in range(p.replicas * p.size) if p.gpus]
        found = nodes_needed(gpus, places)
        return found if found is not None else -(-sum(gpus) // places)
    free: list[tuple[float, float]] = []
    for pod in sorted(_each(servers), key=lambda p: (p.cpu, p.memory), reverse=True):
        for position, (cpu, room) in enumerate(free):
            if cpu >= pod.cpu and room >= pod.memory:
                free[position] = (cpu - pod.cpu, room - pod.memory)
                break
        else:
            free.append(((cores or pod.cpu) - pod.cpu, (memory or pod.memory) - pod.memory))
    return len(free)


def _each(servers: Sequence[Pods]) -> Iterator[Pods]:
    for pods in servers:
        for _ in range(pods.replicas * pods.size):
            yield pods
