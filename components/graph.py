"""The resource graph of one stack: everything that will exist, as plain data.

A `Node` is one Pulumi resource. Its `inputs` are JSON in the provider's own camelCase (a Kubernetes object
is its manifest); a value known only after apply is a `Ref` (or a `Format` or `JsonText` that holds one).
Components form a tree. `components/graph_json.py` gives the canonical JSON form, `components/invariants.py`
the rules that every graph keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = Any
"""Plain JSON in which `Ref`, `StackOutput`, `Format` and `JsonText` may stand for values."""

PROJECT = "llmform"
"""The Pulumi project name (Pulumi.yaml): part of every URN."""


@dataclass(frozen=True, slots=True)
class Ref:
    """An attribute of another node of the same stack, known after apply."""

    node: str
    attribute: str


@dataclass(frozen=True, slots=True)
class StackOutput:
    """A declared output of the stack of a lower layer (read by StackReference)."""

    layer: str
    name: str


@dataclass(frozen=True, slots=True)
class Format:
    """Text put together from literal parts and values known after apply."""

    parts: tuple[str | Ref | StackOutput, ...]


@dataclass(frozen=True, slots=True)
class JsonText:
    """The JSON text of a value that may hold references (a policy document, an add-on's configuration)."""

    value: Value


@dataclass(frozen=True, slots=True)
class Options:
    """Pulumi resource options that are not the provider's business.

    `aliases` are ids that this node had before (`moved`). Timeouts are in seconds.
    `import_id` is the provider's id of an object that exists already.
    """

    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    import_id: str = ""
    create_timeout: int = 0
    update_timeout: int = 0
    delete_timeout: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """One resource: `id` is its Pulumi resource name, `origin` the spec path that caused it."""

    id: str
    type: str
    inputs: Mapping[str, Value]
    component: str
    origin: str
    provider: str = ""
    needs: tuple[str, ...] = ()
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class Component:
    """A group of nodes that the reader thinks of as one thing (`serving.chat`).

    `reads` are the spec paths whose change can change the component; `summary` says in the domain's words
    what it is, one string a line; `aliases` are ids it had before (`moved`).
    """

    id: str
    type: str
    origin: str
    parent: str = ""
    reads: tuple[str, ...] = ()
    summary: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """All components, nodes and declared outputs of one stack, in canonical order."""

    stack: str
    components: tuple[Component, ...]
    nodes: tuple[Node, ...]
    outputs: Mapping[str, Value]

    def node(self, node_id: str) -> Node:
        """Return the node with this id; KeyError if there is none."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise KeyError(node_id)

    def component(self, component_id: str) -> Component:
        """Return the component with this id; KeyError if there is none."""
        for component in self.components:
            if component.id == component_id:
                return component
        raise KeyError(component_id)


def assemble(
    stack: str,
    components: Iterable[Component],
    nodes: Iterable[Node],
    outputs: Mapping[str, Value],
) -> Graph:
    """Return the graph in canonical order: components, nodes and outputs sorted by id and name."""
    return Graph(
        stack,
        tuple(sorted(components, key=lambda c: c.id)),
        tuple(sorted(nodes, key=lambda n: n.id)),
        dict(sorted(outputs.items())),
    )


def references(value: Value) -> list[Ref | StackOutput]:
    """Return every reference inside a value, at any depth, in its order."""
    found: list[Ref | StackOutput] = []
    _collect(value, found)
    return found


def _collect(value: Value, found: list[Ref | StackOutput]) -> None:
    # every check of a fleet goes through here for every value: most are texts, then maps and lists
    if isinstance(value, dict):
        for item in value.values():
            if not isinstance(item, str):
                _collect(item, found)
    elif isinstance(value, (list, tuple)):
        for item in value:
            if not isinstance(item, str):
                _collect(item, found)
    elif value is None or isinstance(value, (str, int, float)):
        return
    elif isinstance(value, (Ref, StackOutput)):
        found.append(value)
    elif isinstance(value, Format):
        found.extend(part for part in value.parts if not isinstance(part, str))
    elif isinstance(value, JsonText):
        _collect(value.value, found)
    elif isinstance(value, Mapping):
        _collect(dict(value), found)


def kubernetes_object(node: Node) -> bool:
    """Say whether the node is a Kubernetes object whose inputs are its manifest (Helm releases are not)."""
    return node.type.startswith("kubernetes:") and not node.type.startswith("kubernetes:helm.sh/")


def component_chain(graph: Graph, component_id: str) -> tuple[Component, ...]:
    """Return the component and its ancestors, outermost first."""
    by_id = {c.id: c for c in graph.components}
    chain: list[Component] = []
    current = component_id
    while current:
        component = by_id[current]
        chain.append(component)
        current = component.parent
        if len(chain) > len(by_id):
            raise ValueError(f"component {component_id} is its own ancestor")
    return tuple(reversed(chain))


def urn(graph: Graph, node: Node) -> str:
    """Return the URN that the Pulumi engine gives the node.

    `urn:pulumi:<stack>::<project>::<type of every ancestor component>$<type>::<name>`; the root stack's own
    type is left out (Pulumi, sdk/go/common/resource/urn, read 2026-11-21).
    """
    types = [c.type for c in component_chain(graph, node.component)] + [node.type]
    return f"urn:pulumi:{graph.stack}::{PROJECT}::{'$'.join(types)}::{node.id}"
