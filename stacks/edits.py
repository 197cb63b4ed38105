"""Edits: what the engine will do to the resources of a stack, as data.

`diff` (`stacks/diff.py`) makes them; `apply` carries them out on a graph, so that nothing a diff says can be untrue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from components.graph import Component, Graph, Node, Value, assemble
from stacks.changes import ABSENT, Absent, Path, keys, patch

Kind = Literal["record", "ignored", "update", "unknown", "refused", "replace"]
"""What one change does. *record*: only Pulumi's own record of the resource changes. *ignored*: `ignoreChanges`
names it. *refused*: the provider plans an update that the service does not accept. *unknown*: not recorded whether it
replaces."""

Part = Literal["inputs", "options", "id", "type", "component", "urn", "provider", "needs"]
"""The part of a node that a change is in."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does, with the catalog's note and source; `one_way`: it cannot be taken back."""

    kind: Kind
    delete_first: bool = False
    note: str = ""
    source: str = ""
    one_way: bool = False


RECORD = Effect("record")


@dataclass(frozen=True, slots=True)
class Change:
    """One property that changes. `cause` is what makes a reference's value new: a node, or a stack's output."""

    part: Part
    path: Path
    before: Value | Absent
    after: Value | Absent
    effect: Effect = RECORD
    cause: str = ""


@dataclass(frozen=True)
class Create:
    """A new resource; with an import id in its options, one that exists already and is taken over."""

    node: Node

    @property
    def id(self) -> str:
        return self.node.id


@dataclass(frozen=True)
class Delete:
    """A resource that goes; with `retain_on_delete` only Pulumi forgets it."""

    node: Node

    @property
    def id(self) -> str:
        return self.node.id


@dataclass(frozen=True)
class _Changed:
    """A resource that is there before and after."""

    before: Node
    changes: tuple[Change, ...]

    @cached_property
    def after(self) -> Node:
        """The node afterwards, made from the changes."""
        return _patched(self.before, self.changes)

    @property
    def id(self) -> str:
        return self.after.id


@dataclass(frozen=True)
class Update(_Changed):
    """The same resource with other properties, or only another record of it."""


@dataclass(frozen=True)
class Replace(_Changed):
    """A new resource in the place of the old one."""

    delete_first: bool = False


@dataclass(frozen=True)
class Move(_Changed):
    """The same resource under another id; it may carry changes in place."""


@dataclass(frozen=True, slots=True)
class ComponentEdit:
    """A component that comes (`before` is None), goes (`after` is None) or changes type, parent or aliases."""

    before: Component | None
    after: Component | None

    @property
    def id(self) -> str:
        component = self.after or self.before
        return component.id if component else ""


@dataclass(frozen=True, slots=True)
class OutputEdit:
    """A declared output that differs, or whose value is new after apply because of `cause`."""

    name: str
    before: Value | Absent
    after: Value | Absent
    cause: str = ""
    renamed: bool = False

    @property
    def id(self) -> str:
        return self.name


NodeEdit = Create | Update | Replace | Delete | Move
Edit = NodeEdit | ComponentEdit | OutputEdit


def node_of(edit: NodeEdit) -> Node:
    """Return the node after the edit; for a deletion the node that goes."""
    return edit.node if isinstance(edit, Create | Delete) else edit.after


def _patched(node: Node, changes: Iterable[Change]) -> Node:
    inputs: list[tuple[Path, Value | Absent]] = []
    options: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    for change in changes:
        if change.part == "inputs":
            inputs.append((change.path, change.after))
        elif change.part == "options":
            options[keys(change.path)[0]] = change.after
        elif change.part != "urn":
            parts[change.part] = change.after
    return replace(node, inputs=patch(node.inputs, inputs), options=replace(node.options, **options), **parts)


def apply(edits: Iterable[Edit], before: Graph) -> Graph:
    """Return the graph after the edits, which were made for `before`."""
    nodes = {n.id: n for n in before.nodes}
    components = {c.id: c for c in before.components}
    outputs = dict(before.outputs)
    made: list[Node] = []
    for edit in edits:
        match edit:
            case Create():
                made.append(edit.node)
            case Delete():
                del nodes[edit.node.id]
            case Update() | Replace() | Move():
                del nodes[edit.before.id]
                made.append(edit.after)
            case ComponentEdit(after=None):
                del components[edit.id]
            case ComponentEdit(after=Component() as component):
                components[edit.id] = component
            case OutputEdit(after=value) if value is ABSENT:
                del outputs[edit.name]
            case OutputEdit():
                outputs[edit.name] = edit.after
    return assemble(before.stack, components.values(), [*nodes.values(), *made], outputs)


def without_words(component: Component) -> Component:
    """Return the component without what means nothing to the engine."""
    return replace(component, origin="", reads=(), summary=())


def material(graph: Graph) -> Graph:
    """Return the graph without what means nothing to the engine: where things come from, and words about them."""
    return replace(
        graph,
        components=tuple(map(without_words, graph.components)),
        nodes=tuple(replace(n, origin="") for n in graph.nodes),
    )
