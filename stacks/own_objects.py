"""The user's own objects beside those of llmform, over all stacks: each object has one owner, each number one hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.graph import Node, kubernetes_object
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
    """A case, its cluster, its stacks, the objects of its manifests, and the namespace of those that name none."""

    case: Case
    cluster: tuple[str, ...]
    stacks: tuple[CompiledStack, ...]
    manifests: tuple[Manifest, ...]
    namespace: str


def taken_twice(made: Sequence[Made]) -> Iterator[Diagnostic]:
    """Yield the user's objects that another stack of the same cluster has already.

    Within one stack the graph's own rules say so (components/invariants.py).
    """
    owners: dict[tuple[str, ...], tuple[CompiledStack, Node]] = {}
    own: list[tuple[Made, CompiledStack, Node]] = []
    for one in made:
        for stack in one.stacks:
            for node in filter(kubernetes_object, stack.graph.nodes):
                if node.origin.startswith("manifests."):
                    own.append((one, stack, node))
                else:
                    owners.setdefault((*one.cluster, object_key(node)), (stack, node))
    for one, stack, node in own:
        other, first = owners.setdefault((*one.cluster, object_key(node)), (stack, node))
        if other is stack:
            continue
        help = "give it another name, or leave it out"
        if first.origin.startswith("manifests."):  # of another environment: one stack has no other of the same key
            help = f"leave it to one of them: `environments.{one.case.environment}.overlay: {{{node.origin}: null}}`"
        yield finding(
            one.case,
            "manifest-conflict",
            ("manifests", node.origin.partition(".")[2]),
            f"`{node.id}` is the same object `{object_key(node)}` as `{first.id}` of the stack `{other.name}`",
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
