"""The node pools of a place, as its graphs say them: managed node groups, Karpenter's pools, nodes of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.graph import Node, Ref, references
from components.manifests import POOL_LABEL
from components.resolve.defaults import DAEMON_CPU_MILLIS, DAEMON_MEMORY
from specs.catalog.devices import devices
from stacks.compilation import CompiledStack
from stacks.cost.place import Place, inside, quantity, whole


@dataclass(frozen=True, slots=True)
class Disk:
    """A node's root volume: GiB, operations and MiB a second; `type` is EBS's name of it."""

    type: str
    gib: int
    iops: int
    throughput: int


@dataclass(frozen=True, slots=True)
class Group:
    """A managed node group: so many nodes kept, so many at most."""

    node: Node
    types: tuple[str, ...]
    capacity: str
    minimum: int
    maximum: int
    disk: Disk | None


@dataclass(frozen=True, slots=True)
class Karpenter:
    """What Karpenter may start: in GPUs or in vCPUs, 0 for no limit in these. `made_by` is all that a node is made
    from: when it changes, Karpenter replaces the nodes."""

    node: Node
    types: tuple[str, ...]
    capacities: tuple[str, ...]
    gpus: int
    vcpus: float
    disk: Disk | None
    made_by: Any = field(compare=False)


@dataclass(frozen=True, slots=True)
class PoolView:
    """One pool: a component of a stack. Of nodes of one's own there is neither group nor Karpenter."""

    stack: CompiledStack
    component: str
    origin: str
    name: str
    label: str
    parts: int
    group: Group | None = None
    karpenter: Karpenter | None = None


def pools_of(place: Place) -> Iterator[PoolView]:
    """Yield the pools of a place, that for system pods too."""
    for stack in place.stacks:
        by_component: dict[str, dict[str, Node]] = {}
        for node in stack.graph.nodes:
            kind = _KINDS.get(node.type)
            if kind:
                by_component.setdefault(node.component, {})[kind] = node
        seen = set()
        for component, nodes in sorted(by_component.items()):
            seen.add(component)
            group = _group(nodes) if "group" in nodes else None
            karpenter = _karpenter(nodes) if "pool" in nodes else None
            if group is None and karpenter is None:
                continue
            origin = next(iter(nodes.values())).origin
            name = component.removeprefix("nodePools.")
            label = _label(nodes) or name
            yield PoolView(stack, component, origin, name, label, _parts(place, name), group, karpenter)
        for c in stack.graph.components:
            if c.type == "llmform:platform:NodePool" and c.id not in seen:
                name = c.id.removeprefix("nodePools.")
                # its nodes keep the label of before a `moved` rename, as its pods do
                label = (c.aliases[0] if c.aliases else c.id).removeprefix("nodePools.")
                yield PoolView(stack, c.id, c.origin, name, label, _parts(place, name))


_KINDS = {
    "aws:eks/nodeGroup:NodeGroup": "group",
    "aws:ec2/launchTemplate:LaunchTemplate": "template",
    "kubernetes:karpenter.sh/v1:NodePool": "pool",
    "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass": "class",
}


def _label(nodes: Mapping[str, Node]) -> str:
    for kind, path in (("pool", ("spec", "template", "metadata", "labels")), ("group", ("labels",))):
        found = inside(nodes[kind].inputs, *path, POOL_LABEL) if kind in nodes else None
        if isinstance(found, str):
            return found
    return ""


def _parts(place: Place, pool: str) -> int:
    """Return how many pods share a GPU of the pool."""
    path = f"nodePools.{pool}.sharing"
    profile = place.value(f"{path}.profile")
    if isinstance(profile, str):
        device = devices(place.rates.edition.name).get(str(place.value(f"nodePools.{pool}.accelerator")))
        found = [m.instances for m in device.mig if m.name == profile] if device else []
        return found[0] if found else 1
    return max(1, whole(place.value(f"{path}.replicas")))


def _group(nodes: Mapping[str, Node]) -> Group:
    node = nodes["group"]
    scaling, template = node.inputs.get("scalingConfig"), nodes.get("template")
    known = template is not None and any(
        isinstance(r, Ref) and r.node == template.id for r in references(node.inputs.get("launchTemplate"))
    )
    return Group(
        node,
        _texts(node.inputs.get("instanceTypes")),
        "spot" if node.inputs.get("capacityType") == "SPOT" else "on-demand",
        whole(inside(scaling, "minSize")),
        whole(inside(scaling, "maxSize")),
        _disk(template.inputs.get("blockDeviceMappings")) if template is not None and known else None,
    )


def _karpenter(nodes: Mapping[str, Node]) -> Karpenter:
    node, made = nodes["pool"], nodes.get("class")
    asked = inside(node.inputs, "spec", "template", "spec", "requirements")
    wanted = {r.get("key"): _texts(r.get("values")) for r in asked or () if isinstance(r, Mapping)}
    limits = inside(node.inputs, "spec", "limits")
    spec = inside(made.inputs, "spec") if made is not None else None
    return Karpenter(
        node,
        wanted.get("node.kubernetes.io/instance-type", ()),
        wanted.get("karpenter.sh/capacity-type", ("on-demand",)),
        whole(inside(limits, "nvidia.com/gpu")),
        quantity(inside(limits, "cpu")),
        _disk(inside(spec, "blockDeviceMappings")),
        (inside(node.inputs, "spec", "template"), spec),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list | tuple) else ()


def _disk(mappings: Any) -> Disk | None:
    first = mappings[0] if isinstance(mappings, list | tuple) and mappings else None
    ebs = inside(first, "ebs")
    if not isinstance(ebs, Mapping):
        return None
    size = ebs.get("volumeSize")
    gib = -(-int(quantity(size)) // 2**30) if isinstance(size, str) and not size.isdigit() else whole(size)
    return Disk(str(ebs.get("volumeType", "gp2")), gib, whole(ebs.get("iops")), whole(ebs.get("throughput")))


def room_of(place: Place, view: PoolView, types: tuple[str, ...]) -> tuple[int, float, float]:
    """Return what a node has for pods: places on GPUs, and without GPUs cores and bytes; 0 where nobody knows."""
    rows = [place.rates.edition.instances[t] for t in types if t in place.rates.edition.instances]
    if rows:
        # the first type is the cheapest, and Karpenter takes the cheapest that there is
        cores, memory = rows[0].allocatable_cpu_millis - DAEMON_CPU_MILLIS, rows[0].allocatable_memory_mib * 2**20
        return rows[0].gpus * view.parts, cores / 1000, memory - DAEMON_MEMORY
    path = f"nodePools.{view.name}"
    own_cores, own_memory = quantity(place.value(f"{path}.cores")), quantity(place.value(f"{path}.memory"))
    return whole(place.value(f"{path}.perNode")) * view.parts, own_cores, own_memory
