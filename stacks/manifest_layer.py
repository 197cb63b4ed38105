"""One Kubernetes layer as files of plain manifests, for people who apply with kubectl, Flux or Argo CD.

A file holds one object and is called by its node's id, so that a new object renames no other file. The order of
application is the list in `kustomization.yaml`. What has to wait is a wave of its own, `wave-2/`: for a Job, since a
server must not load weights that are half mirrored, and for a Helm release, since Flux and kubectl refuse a whole
folder for one custom kind that is not known yet. Whoever applies the folders waits between them, as Pulumi does.
"""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.graph import Graph, Node, Ref, StackOutput, kubernetes_object, references
from components.names import fit
from specs.facts_file import output as output_of_foundation
from stacks.helm_objects import FORMS, RELEASE
from stacks.known import Outputs, Unknown, known, output, unknown

LONGEST_NAME = 200
"""Characters of a file's name without `.yaml`; file systems take 255 bytes."""

JOB = "kubernetes:batch/v1:Job"

CLAIM = "kubernetes:core/v1:PersistentVolumeClaim"

FLUX_PRUNE = "kustomize.toolkit.fluxcd.io/prune"
ARGO_OPTIONS = "argocd.argoproj.io/sync-options"
"""Annotations that keep Flux (`disabled`) and Argo CD (`Prune=false`, in a list) from deleting an object whose file is
gone."""


@dataclass(frozen=True, slots=True)
class File:
    """One manifest: its path in the folder, the object, and the node that it is of."""

    path: str
    content: Mapping[str, Any]
    node: str


@dataclass(frozen=True, slots=True)
class ManifestLayer:
    """What a layer is as files.

    `waves` are the files in apply order. `releases` are Helm releases that no file installs, with the nodes that need
    them; `elsewhere` are resources that are no Kubernetes objects; `unsaid` names, by node, inputs of Releases that
    the chosen form has no field for.
    """

    waves: tuple[tuple[File, ...], ...]
    releases: tuple[tuple[Node, tuple[str, ...]], ...] = ()
    elsewhere: tuple[Node, ...] = ()
    unsaid: tuple[tuple[str, tuple[str, ...]], ...] = ()


class CannotRender(ValueError):
    """The layer cannot be manifests as asked; `advice` says what to do."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message, self.advice = message, advice


def manifest_layer(graph: Graph, layer: str, outputs: Outputs, helm: str = "none") -> ManifestLayer:
    """Return the layer's manifests; `helm` is `none` or a key of `FORMS`. CannotRender says why it is not possible."""
    if layer == "foundation":
        raise CannotRender(
            f"`{graph.stack}` is a foundation: AWS resources, which no manifest can say",
            "`pulumi up` makes them; `llmform render` writes the layers above",
        )
    nodes = [n for n in graph.nodes if not n.type.startswith("pulumi:providers:")]
    rendered = [n for n in nodes if kubernetes_object(n) or (n.type == RELEASE and helm != "none")]
    _refuse_unknown(graph, unknown(graph, rendered, outputs))
    _refuse_malformed(rendered, outputs)
    chosen = {n.id for n in rendered}
    waves: dict[int, list[File]] = {}
    unsaid: list[tuple[str, tuple[str, ...]]] = []
    levels = _waves(graph, frozenset({JOB}) if helm == "none" else frozenset({JOB, RELEASE}))
    for node in _in_order(graph):
        if node.id not in chosen:
            continue
        level = levels[node.id]
        objects: tuple[Mapping[str, Any], ...] = (_object(node, graph, outputs),)
        if node.type == RELEASE:
            objects, missing = _release(node, graph, outputs, helm)
            unsaid += [(node.id, missing)] if missing else []
        folder = f"wave-{level}/" if level > 1 else ""
        waves.setdefault(level, []).extend(File(f"{folder}{_file_name(node, o)}", o, node.id) for o in objects)
    left = [n for n in nodes if n.type == RELEASE] if helm == "none" else []
    return ManifestLayer(
        tuple(tuple(waves[level]) for level in sorted(waves)),
        tuple((n, tuple(o.id for o in rendered if n.id in o.needs)) for n in left),
        tuple(n for n in nodes if n.type != RELEASE and n.id not in chosen),
        tuple(unsaid),
    )


def _refuse_unknown(graph: Graph, found: tuple[Unknown, ...]) -> None:
    refs = [u for u in found if isinstance(u.reference, Ref)]
    if refs:
        what = "; ".join(
            f"`{u.reference.attribute}` of {u.reference.node}" for u in refs if isinstance(u.reference, Ref)
        )
        raise CannotRender(
            f"{' and '.join(dict.fromkeys(n for u in refs for n in u.needed_by))} need what only the cluster or the "
            f"cloud knows after apply: {what}",
            "deploy this stack with `pulumi up`",
        )
    missing = [(u.reference, u) for u in found if isinstance(u.reference, StackOutput)]
    if missing:
        names = ", ".join(f"`{r.name}` of the {r.layer} layer (for {', '.join(u.needed_by)})" for r, u in missing)
        base = graph.stack.rpartition(".")[0]
        show = " --show-secrets" if any(u.secret for _, u in missing) else ""
        layers = tuple(dict.fromkeys(r.layer for r, _ in missing))
        commands = "; ".join(f"pulumi stack output --json{show} --stack {base}.{x} >{x}.json" for x in layers)
        given = " ".join(f"--outputs {x}.json" for x in layers)
        raise CannotRender(f"`{graph.stack}` needs {names}", f"`{commands}`, then add `{given}`")


def _refuse_malformed(nodes: list[Node], outputs: Outputs) -> None:
    """Refuse a value that the foundation's output cannot have: no API server has to find out."""
    needed = {r for n in nodes for r in references(n.inputs) if isinstance(r, StackOutput) and r.layer == "foundation"}
    for reference in sorted(needed, key=lambda r: r.name):
        known_output, value = output_of_foundation(reference.name), output(reference, outputs)
        if known_output is None:
            continue
        items = value if known_output.is_list else [value]
        if not isinstance(items, list) or not all(isinstance(i, str) and known_output.form.fullmatch(i) for i in items):
            raise CannotRender(
                f"`--outputs` says that `{reference.name}` is {json.dumps(value)[:100]}, which cannot be "
                f"{known_output.about}",
                f"for example `{json.dumps({reference.name: known_output.example})}`",
            )


def _object(node: Node, graph: Graph, outputs: Outputs) -> Mapping[str, Any]:
    """Return the node's object; what Pulumi would not delete is annotated, and so is a claim of weights.

    Pulumi deletes a claim last. Flux and Argo CD prune the first folder while pods of the second still mount the claim,
    and a pod that has to start anew is not scheduled to a claim that is being deleted.
    """
    content: dict[str, Any] = known(node.inputs, graph, outputs)
    if node.options.protect or node.options.retain_on_delete or node.type == CLAIM:
        metadata = content.get("metadata", {})
        annotations = metadata.get("annotations", {})
        options = [o for o in annotations.get(ARGO_OPTIONS, "").split(",") if o and not o.strip().startswith("Prune=")]
        kept = {FLUX_PRUNE: "disabled", ARGO_OPTIONS: ",".join((*options, "Prune=false"))}
        content["metadata"] = metadata | {"annotations": {**annotations, **kept}}
    return content


def _release(
    node: Node, graph: Graph, outputs: Outputs, helm: str
) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
    before = (graph.node(name) for name in node.needs)
    after = [(str(n.inputs["namespace"]), str(n.inputs["name"])) for n in before if n.type == RELEASE]
    made = FORMS[helm](known(node.inputs, graph, outputs), after)
    if made.refused:
        raise CannotRender(f"{node.id}: {made.refused}", "`--helm helmrelease` can, with Flux")
    return made.objects, made.unsaid


def _file_name(node: Node, content: Mapping[str, Any]) -> str:
    component, _, name = node.id.split("/", 2)
    whole = "_".join(_safe(part) for part in (component, str(content["kind"]), name))
    return f"{fit(whole, LONGEST_NAME)}.yaml"


def _safe(text: str) -> str:
    """Return the text with every byte but letters, digits, `.` and `-` as `~` and two hex digits."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda m: "".join(f"~{byte:02x}" for byte in m[0].encode()), text)


def _before(graph: Graph) -> dict[str, set[str]]:
    ids = {n.id for n in graph.nodes}
    return {
        n.id: ({*n.needs} | {r.node for r in references(n.inputs) if isinstance(r, Ref)}) & ids for n in graph.nodes
    }


def _in_order(graph: Graph) -> list[Node]:
    """Return the nodes, each after what it needs, and otherwise by id."""
    before = _before(graph)
    after: dict[str, list[str]] = {}
    for name, needed in before.items():
        for other in needed:
            after.setdefault(other, []).append(name)
    waiting = {name: len(needed) for name, needed in before.items()}
    ready = [name for name, count in waiting.items() if not count]
    heapq.heapify(ready)
    by_id, made = {n.id: n for n in graph.nodes}, []
    while ready:
        name = heapq.heappop(ready)
        made.append(by_id[name])
        for other in after.get(name, ()):
            waiting[other] -= 1
            if not waiting[other]:
                heapq.heappush(ready, other)
    return made


def _waves(graph: Graph, awaited: frozenset[str]) -> dict[str, int]:
    """Return each node's wave: one more than the nodes of the awaited types that stand between it and the start.

    Releases wait for each other by themselves (`dependsOn`).
    """
    before, waves = _before(graph), dict[str, int]()
    types = {n.id: n.type for n in graph.nodes}
    for node in _in_order(graph):
        waits = (
            waves[d] + (types[d] in awaited and not (types[d] == RELEASE and node.type == RELEASE))
            for d in before[node.id]
        )
        waves[node.id] = max(waits, default=1)
    return waves
