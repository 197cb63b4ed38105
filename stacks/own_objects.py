"""The user's own objects beside those of llmform, over all stacks: each object has one owner, each number one hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from components.graph import kubernetes_object
from components.invariants import object_key
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.manifest_files import Manifest
from specs.tree import at
from stacks.compilation import CompiledStack

_SCALERS = {("autoscaling", "HorizontalPodAutoscaler"), ("keda.sh", "ScaledObject")}
"""Group and kind of what sets the replicas of its `spec.scaleTargetRef`."""

_SCALED = {"Deployment", "LeaderWorkerSet"}
"""The kinds of model servers that have a subresource `scale`; KServe's LLMInferenceService has none (v0.20.0)."""


@dataclass(frozen=True, slots=True)
class Made:
    """A case, its stacks, the objects of its manifests, and the namespace of those that name none."""

    case: Case
    stacks: Sequence[CompiledStack]
    manifests: tuple[Manifest, ...]
    namespace: str


@dataclass(frozen=True, slots=True)
class Owned:
    """One Kubernetes object of a stack: its key in the cluster, its node, and the manifests that it is from, if any."""

    key: str
    node: str
    stack: str
    manifests: str = ""


@dataclass(frozen=True, slots=True)
class Objects:
    """All Kubernetes objects of a case, and its cluster."""

    case: Case
    cluster: tuple[str, ...]
    objects: tuple[Owned, ...]


def owned(stacks: Iterable[CompiledStack]) -> Iterator[Owned]:
    """Yield the Kubernetes objects of the stacks."""
    for stack in stacks:
        name = stack.name
        for node in filter(kubernetes_object, stack.graph.nodes):
            own = node.origin if node.origin.startswith("manifests.") else ""
            yield Owned(object_key(node), node.id, name, own)


def taken_twice(made: Iterable[Objects]) -> Iterator[Diagnostic]:
    """Yield the user's objects that another stack of the same cluster has already.

    Within one stack the graph's own rules say so (components/invariants.py).
    """
    owners: dict[tuple[str, ...], Owned] = {}
    own: list[tuple[Objects, Owned]] = []
    for one in made:
        for found in one.objects:
            if found.manifests:
                own.append((one, found))
            else:
                owners.setdefault((*one.cluster, found.key), found)
    for one, found in own:
        first = owners.setdefault((*one.cluster, found.key), found)
        if first.stack == found.stack:
            continue
        help = "give it another name, or leave it out"
        if first.manifests:  # of another environment: one stack has no other of the same key
            less = f"{{{found.manifests}: null}}"
            help = f"leave it to one of them: `environments.{one.case.environment}.overlay: {less}`"
        yield finding(
            one.case,
            "manifest-conflict",
            ("manifests", found.manifests.partition(".")[2]),
            f"`{found.node}` is the same object `{found.key}` as `{first.node}` of the stack `{first.stack}`",
            help=help,
            key=True,
        )


def scaled_twice(one: Made) -> Iterator[Diagnostic]:
    """Yield the user's autoscalers of a model server whose replicas llmform sets: each deployment would set back
    what the autoscaler did."""
    servers = {
        (n.inputs["metadata"].get("namespace"), n.inputs["kind"], n.inputs["metadata"].get("name")): n
        for s in one.stacks
        for n in s.graph.nodes
        if n.origin.startswith("serving.") and n.inputs.get("kind") in _SCALED and "replicas" in n.inputs["spec"]
    }
    for manifest in one.manifests:
        content = manifest.content
        spec = content.get("spec")
        target = spec.get("scaleTargetRef") if isinstance(spec, dict) else None
        scaler = (content["apiVersion"].rpartition("/")[0], content["kind"]) in _SCALERS
        if not scaler or not isinstance(target, dict):
            continue
        # KEDA takes a Deployment for granted (keda.sh, "ScaledObject specification")
        kind, name = target.get("kind", "Deployment"), target.get("name")
        namespace = content["metadata"].get("namespace") or one.namespace
        node = servers.get((namespace, kind, name)) if isinstance(kind, str) and isinstance(name, str) else None
        place = at(manifest.tree, ("spec", "scaleTargetRef"))
        if node is not None and place is not None:
            remove = "json: [{op: remove, path: /spec/replicas}]"
            yield Diagnostic(
                "scaled-twice",
                f"this {content['kind']} and `{node.origin}.replicas` would both set the replicas of `{node.id}`",
                place.span,
                help=f"leave the number to it by a patch: `{{match: {node.id}, {remove}}}`, or remove it",
            )
