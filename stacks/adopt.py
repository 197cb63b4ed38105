"""`adopt`: nodes that exist already take their object over instead of making one.

The engine reads the object by its id and then makes it what the graph says: it updates what differs, and replaces what
cannot be updated. So an adoption is refused where the graph says something else: another place or name by the id
alone, any other difference where the object was recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from components.graph import Graph, Node, Ref, Value, kubernetes_object, references
from components.graph_json import encode_value
from components.invariants import object_key
from specs.checks.adoptions import KEPT
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.manifest_files import Manifest
from specs.suggest import did_you_mean
from stacks.changes import ABSENT, ENTRY_KEYS, written
from stacks.diff import diff
from stacks.edits import Change, Replace, Update
from stacks.import_ids import NAMED, example, own_id, place
from stacks.sensitive import masked

WORKLOADS = "namespaces/Namespace/workloads"

RENAMED = frozenset({"Deployment", "NetworkPolicy", "PodDisruptionBudget"})
"""Kinds whose objects nothing of llmform refers to by name: they take the name of what is adopted."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_SHOWN, _WIDE = 5, 80
"""Differences that an error lists, and characters of each value."""


def adopted(
    case: Case, graph: Graph, objects: Mapping[str, Manifest], workloads: str
) -> tuple[Graph, tuple[Diagnostic, ...]]:
    """Return the graph with the case's adoptions, and those that are refused.

    `objects` are the recorded ones, `workloads` is the name of the workloads' namespace.
    """
    wanted = {node: a for node, a in sorted(case.spec.adopt.items()) if any(n.id == node for n in graph.nodes)}
    if not wanted:
        return graph, ()
    nodes = {n.id: n for n in graph.nodes}
    taken = {object_key(n): n.id for n in graph.nodes if kubernetes_object(n)}
    components = {c.id: c for c in graph.components}
    found: list[Diagnostic] = []
    for node_id, adoption in wanted.items():
        node = _placed(nodes[node_id], adoption.id)
        problem = _other_place(case, nodes[node_id], node, adoption.id, taken, graph, workloads)
        if problem is None and node_id in objects:
            problem = _other_object(case, graph, node, objects[node_id])
        if problem is not None:
            found.append(problem)
            continue
        nodes[node_id] = replace(node, options=replace(node.options, import_id=adoption.id))
        owner = components[node.component]
        components[owner.id] = replace(owner, reads=(*owner.reads, f"adopt.{node_id}"))
    graph = replace(graph, components=tuple(components.values()), nodes=tuple(nodes.values()))
    return graph, tuple(found)


def unknown(cases: Iterable[Case], known: Set[str]) -> Iterator[Diagnostic]:
    """Yield adoptions of nodes that no stack has; `known` are the ids of all. An adoption may concern one environment
    only."""
    for case in cases:
        for node in case.spec.adopt:
            if node not in known:
                help = f"{did_you_mean(node, known, 'ids')} `llmform graph SPEC --tree` shows all ids"
                yield finding(
                    case, "unknown-adoption", ("adopt", node), f"no node has the id `{node[:200]}`", help=help, key=True
                )


def _placed(node: Node, import_id: str) -> Node:
    """Return the node with the name of what it adopts, where nothing else has to know it."""
    if not kubernetes_object(node) or node.origin.startswith("manifests.") or node.inputs["kind"] not in RENAMED:
        return node
    name = import_id.rpartition("/")[2]
    if not _NAME.fullmatch(name):
        return node
    return replace(node, inputs={**node.inputs, "metadata": {**node.inputs["metadata"], "name": name}})


def _other_place(
    case: Case, own: Node, node: Node, import_id: str, taken: Mapping[str, str], graph: Graph, workloads: str
) -> Diagnostic | None:
    """Return why the id cannot be that of the node's object: the engine would replace what it adopts."""
    if node.type.startswith("pulumi:providers:"):
        return _refused(case, own, "a provider is Pulumi's own record: there is nothing to adopt", "remove this line")
    if sample := example(own, import_id):
        kind = own.type.rpartition(":")[2]
        advice = f"the provider imports it by an id such as `{sample}`"
        return _refused(case, own, f"`{import_id[:200]}` cannot be the id of a {kind}", advice)
    there = place(node)
    if there is None:
        return _other_name(case, node, import_id, graph)
    namespace, name = there
    there_namespace, _, there_name = import_id.rpartition("/")
    if namespace != there_namespace:
        return _refused(case, own, *_namespaces(case, namespace, there_namespace, workloads))
    if name != there_name:
        message = f"`{import_id[:200]}` is called `{there_name[:100]}`, and the graph calls it `{name}`: "
        advice = "the graph's names follow from the spec's; what exists under another one cannot become this node"
        return _refused(case, own, message + "to adopt it would replace it", advice)
    holder = taken.get(object_key(node), own.id) if kubernetes_object(node) else own.id
    if holder != own.id:
        return _refused(case, own, f"`{import_id[:200]}` is the object of `{holder}`", "adopt it there")
    return None


def _other_name(case: Case, node: Node, import_id: str, graph: Graph) -> Diagnostic | None:
    """Return why the id cannot be that of the node's AWS resource, where the graph says what it is called."""
    key, called = NAMED.get(node.type, ""), own_id(node)
    if node.type.startswith("aws:s3/bucket") and not key:  # what is set of a bucket is known by the bucket's name
        buckets = {i.node for i in references(node.inputs.get("bucket")) if isinstance(i, Ref)}
        key, called = "bucket", next((own_id(n) for n in graph.nodes if n.id in buckets), "")
    if not called or import_id == called:
        return None
    message = f"`{import_id[:200]}` is not the graph's `{called}`: to adopt it would replace it"
    advice = f"`{key}` of `{node.id}` follows from the spec's names; a cluster with its roles that exists is "
    if node.type.startswith("aws:s3/"):
        advice = f"adopt the bucket itself by its name: `{node.component}/Bucket/{node.component.partition('.')[2]}`"
        return _refused(case, node, message, advice)
    return _refused(case, node, message, f"{advice}`foundation: {{existing: FILE}}`")


def _namespaces(case: Case, namespace: str, there: str, workloads: str) -> tuple[str, str]:
    if not there:
        return f"the object is in namespace `{namespace}`, and the id names none", f"write `{namespace}/NAME`"
    if not namespace:
        return "the object has no namespace, and the id names one", "write its name alone"
    places = f"the object is in namespace `{there[:100]}`, and the graph has it in `{namespace}`"
    message = f"{places}: to adopt it would replace it"
    if there in KEPT:
        return message, f"`{there}` is the cluster's own namespace and cannot be the platform's"
    if namespace != workloads:
        return (
            message,
            f"what is in `{namespace}` does not follow the workloads' namespace: this cannot become the node",
        )
    if WORKLOADS in case.spec.adopt:
        return message, "an object cannot change its namespace: one adoption of several namespaces is not possible"
    return message, f"`adopt: {{{WORKLOADS}: {there[:100]}}}` beside it makes that namespace the platform's own"


def _other_object(case: Case, graph: Graph, node: Node, recorded: Manifest) -> Diagnostic | None:
    """Return the differences between the object as it was recorded and as the graph has it."""
    if not kubernetes_object(node):
        advice = "leave `object` out: `pulumi preview --diff` compares AWS resources and Helm releases"
        return _refused(case, node, "only a Kubernetes object can be compared with a file", advice, "object")
    live = recorded.content
    for key in ("apiVersion", "kind"):
        if live[key] != node.inputs[key]:
            message = f"{recorded.source} holds a `{live['kind']}` of {live['apiVersion']}, and the node is a "
            advice = "name the file of the object that is adopted"
            message += f"`{node.inputs['kind']}` of {node.inputs['apiVersion']}"
            return _refused(case, node, message, advice, "object")
    provider = tuple(n for n in graph.nodes if n.id == node.provider)
    after = replace(graph, nodes=(*provider, node), outputs={})
    before = replace(after, nodes=(*provider, replace(node, inputs=pruned(live, encode_value(node.inputs)))))
    edits = [e for e in diff(before, after) if isinstance(e, Update | Replace)]
    changes = [c for e in edits for c in e.changes if c.part == "inputs"]
    if not changes:
        return None
    replaces = any(c.effect.kind in ("replace", "refused") for c in changes)
    told = [_told(node, c) for c in sorted(changes, key=lambda c: c.effect.kind not in ("replace", "refused"))]
    more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    message = f"to adopt it would {'replace' if replaces else 'change'} it: {'; '.join(told[:_SHOWN])}{more}"
    advice = (
        "make the graph say what is there, with `patches` on this node; adopt it; then take the patches away: "
        "that is a change with a plan of its own"
    )
    return _refused(case, node, message, advice, "object")


def _told(node: Node, change: Change) -> str:
    sides = (masked(node.type, change.path, side) for side in (change.before, change.after))
    before, after = (
        "nothing" if side is ABSENT else json.dumps(encode_value(side), ensure_ascii=False) for side in sides
    )
    effect = ", which replaces it" if change.effect.kind in ("replace", "refused") else ""
    return f"`{written(change.path)}` is {_short(before)} there and {_short(after)} in the graph{effect}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDE else f"{text[:_WIDE]}…"


def _refused(case: Case, node: Node, message: str, advice: str, key: str = "id") -> Diagnostic:
    return finding(case, "adoption-differs", ("adopt", node.id, key), message, help=advice)


def pruned(live: Value, wanted: Value) -> Any:
    """Return the part of an object as it is that the graph speaks of: not what the server filled in or keeps.

    Example:
        >>> pruned({"spec": {"replicas": 1, "paused": False}, "status": {}}, {"spec": {"replicas": 2}})
        {'spec': {'replicas': 1}}
    """
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        return {key: pruned(live[key], item) for key, item in wanted.items() if key in live}
    if isinstance(live, list | tuple) and isinstance(wanted, list | tuple):
        partners = _partners(live, wanted)
        return [pruned(item, partners[i]) if i in partners else item for i, item in enumerate(live)]
    return live


def _partners(live: Sequence[Value], wanted: Sequence[Value]) -> dict[int, Value]:
    """Return for entries of one list the entries of the other that they are: by what names both, else by position."""
    items = (*live, *wanted)
    if items and all(isinstance(item, Mapping) for item in items):
        for key in ENTRY_KEYS:
            names = [[str(item.get(key, "")) for item in side] for side in (live, wanted)]
            if all(all(side) and len(set(side)) == len(side) for side in names):
                by_name = dict(zip(names[1], wanted, strict=True))
                return {i: by_name[name] for i, name in enumerate(names[0]) if name in by_name}
    return dict(enumerate(wanted[: len(live)]))
