"""The rules that every graph keeps, checked on every build.

What breaks one is a bug in a lowering, or something that a user's manifest or patch brought in; the caller
decides which by the origin (`stacks/compile.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from components.graph import Graph, Node, Ref, kubernetes_object, references, urn
from specs.catalog.attributes import has_attribute

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PATH_SEGMENT = re.compile(r"(?!\.{1,2}$)[^/%]{1,253}")  # RBAC names: any path segment
_LABEL_KINDS = frozenset({"Namespace", "Service"})
_PATH_KINDS = frozenset({"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"})
_NODE_ID = re.compile(r"[^/\s]+/[^/\s]+/\S+")
_AWS_NAMES = {  # input that holds the physical name → what the service accepts
    ("aws:s3/bucket:Bucket", "bucket"): re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    ("aws:iam/role:Role", "name"): re.compile(r"[\w+=,.@-]{1,64}"),
    ("aws:eks/cluster:Cluster", "name"): re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}"),
    ("aws:eks/nodeGroup:NodeGroup", "nodeGroupName"): re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,62}"),
    ("aws:sqs/queue:Queue", "name"): re.compile(r"[A-Za-z0-9_-]{1,80}"),
    ("aws:cloudwatch/eventRule:EventRule", "name"): re.compile(r"[.\-_A-Za-z0-9]{1,64}"),
    ("aws:ec2/launchTemplate:LaunchTemplate", "name"): re.compile(r"[a-zA-Z0-9().\-/_]{3,128}"),
}


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule that does not hold, with the node (or component) and the spec path that caused it."""

    rule: str
    subject: str
    origin: str
    text: str


def broken(graph: Graph) -> tuple[Broken, ...]:
    """Return every rule that the graph breaks; an empty tuple is a sound graph."""
    return (
        *_components(graph),
        *_identities(graph),
        *_links(graph),
        *_names(graph),
    )


def _components(graph: Graph) -> Iterator[Broken]:
    known = {c.id for c in graph.components}
    for name, times in Counter(c.id for c in graph.components).items():
        if times > 1:
            yield Broken("unique-component", name, "", f"component `{name}` is there {times} times")
    parents = {c.id: {c.parent} - {""} for c in graph.components}
    try:
        tuple(TopologicalSorter(parents).static_order())
    except CycleError:
        yield Broken("component-tree", "", "", "the components are not a tree")
    for component in graph.components:
        if component.parent and component.parent not in known:
            yield Broken("component-tree", component.id, component.origin, f"parent `{component.parent}` is not there")
        if not component.origin:
            yield Broken("origin", component.id, "", f"component `{component.id}` has no origin in the spec")
    for node in graph.nodes:
        if node.component not in known:
            yield Broken("component-tree", node.id, node.origin, f"component `{node.component}` is not there")


def _identities(graph: Graph) -> Iterator[Broken]:
    known = {c.id for c in graph.components}
    seen: dict[str, str] = {}
    # the user's own objects come last, so that they are the ones that are there already
    for node in sorted(graph.nodes, key=lambda n: n.origin.startswith("manifests.")):
        keys = [("id", node.id)]
        if node.component in known:
            keys.append(("URN", urn(graph, node)))
        if kubernetes_object(node):
            keys.append(("object", object_key(node)))
        for kind, key in keys:
            first = seen.setdefault(f"{kind} {key}", node.id)
            if first is not node.id:
                yield Broken("unique", node.id, node.origin, f"the same {kind} `{key}` as `{first}`")
        if not node.origin:
            yield Broken("origin", node.id, "", f"`{node.id}` has no origin in the spec")
        if not _NODE_ID.fullmatch(node.id):
            yield Broken("id", node.id, node.origin, f"`{node.id}` is not <component>/<Kind>/<name>")


def object_key(node: Node) -> str:
    """Return what makes a Kubernetes object one: apiVersion's group, kind, namespace and name."""
    metadata = node.inputs.get("metadata", {})
    group = str(node.inputs.get("apiVersion", "")).rpartition("/")[0]
    return f"{group}/{node.inputs.get('kind')}/{metadata.get('namespace', '')}/{metadata.get('name')}"


def _links(graph: Graph) -> Iterator[Broken]:
    types = {n.id: n.type for n in graph.nodes}
    known = types.keys()
    edges: dict[str, set[str]] = {}
    for node in graph.nodes:
        refs = {r for r in references(node.inputs) if isinstance(r, Ref)}
        yield from _attributes(node.id, node.origin, refs, types)
        links = {r.node for r in refs} | set(node.needs) | ({node.provider} if node.provider else set())
        edges[node.id] = links
        for missing in sorted(links - known):
            yield Broken("dangling", node.id, node.origin, f"`{node.id}` refers to `{missing}`, which is not there")
    for name, value in graph.outputs.items():
        refs = {r for r in references(value) if isinstance(r, Ref)}
        yield from _attributes(name, "", refs, types)
        for ref in refs:
            if ref.node not in known:
                yield Broken("dangling", name, "", f"output `{name}` refers to `{ref.node}`, which is not there")
    try:
        tuple(TopologicalSorter(edges).static_order())
    except CycleError as error:
        yield Broken("cycle", "", "", "a cycle: " + " → ".join(str(n) for n in error.args[1]))


def _attributes(holder: str, origin: str, refs: Iterable[Ref], types: Mapping[str, str]) -> Iterator[Broken]:
    """Yield references to what a resource of their type does not have: the engine would see a missing value."""
    missing = [r for r in refs if r.node in types and not has_attribute(types[r.node], r.attribute)]
    for ref in sorted(missing, key=repr):
        kind = types[ref.node]
        text = f"`{holder}` reads `{ref.attribute}` of `{ref.node}`: a {kind} has no such attribute"
        yield Broken("attribute", holder, origin, text)


def _names(graph: Graph) -> Iterator[Broken]:
    for node in graph.nodes:
        if kubernetes_object(node):
            metadata = node.inputs.get("metadata")
            name = metadata.get("name") if isinstance(metadata, dict) else None
            kind = node.inputs.get("kind")
            pattern = _DNS_LABEL if kind in _LABEL_KINDS else _DNS_SUBDOMAIN
            if kind in _PATH_KINDS:
                pattern = _PATH_SEGMENT
            if not isinstance(name, str) or not pattern.fullmatch(name):
                yield Broken("name", node.id, node.origin, f"`{name}` is not a name that a {kind} can have")
        for (type_token, key), pattern in _AWS_NAMES.items():
            if node.type == type_token:
                name = node.inputs.get(key)
                if not isinstance(name, str) or not pattern.fullmatch(name):
                    yield Broken("name", node.id, node.origin, f"`{name}` is not a name that {type_token} can have")
