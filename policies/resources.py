"""One resource as a rule sees it, be it a node of a graph or what the Pulumi engine sends.

A value that is known only after apply is `UNKNOWN` in both: a `Ref` or `StackOutput` of the graph, an unknown of the
engine. A rule reads through a `View`, which keeps the path of what it reads, and whose every part is unknown where it
is. So a rule cannot take an unknown value for an absent one: it asks `unknown`, and says `cannot_say`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from components.graph import Format, Graph, JsonText, Node, Ref, StackOutput, urn


class Unknown(Enum):
    """The type of `UNKNOWN`."""

    UNKNOWN = "known after apply"


UNKNOWN: Final = Unknown.UNKNOWN
"""Stands for a value that is known only after apply."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: its Pulumi type token, its name (the node's id), what it is made from.

    `reads` says, for properties that are outputs of other resources, the names of these resources.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    protect: bool = False
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    urn: str = ""

    def at(self, *keys: str | int) -> View:
        """Return what stands at a path of the inputs."""
        return View(_below(self.inputs, keys), "", keys)

    def read(self, *keys: str | int) -> Any:
        """Return the value at a path of the inputs."""
        return _below(self.inputs, keys)


@dataclass(frozen=True, slots=True)
class View:
    """A value of a resource's inputs and where it stands; `None` is absent, `UNKNOWN` known after apply."""

    value: Any
    above: str
    """The path of the value that `keys` begin at."""
    keys: tuple[str | int, ...] = ()

    @property
    def path(self) -> str:
        """Where the value stands, such as `spec.containers[0].image`."""
        # put together when asked for: rules look at many values and speak of few
        path = self.above
        for key in self.keys:
            path += f"[{key}]" if isinstance(key, int) else _step(path, key)
        return path

    @property
    def unknown(self) -> bool:
        """Say whether the value is known only after apply."""
        return self.value is UNKNOWN

    def at(self, *keys: str | int) -> View:
        """Return what stands below; what is below an unknown value is unknown."""
        return View(_below(self.value, keys), self.above, (*self.keys, *keys))

    def read(self, *keys: str | int) -> Any:
        """Return the value that stands below."""
        return _below(self.value, keys)

    def items(self) -> tuple[View, ...]:
        """Return the entries of a list or map; an unknown one is its own only entry."""
        value = self.value
        if value is None:
            return ()
        if value is UNKNOWN:
            return (self,)
        if isinstance(value, (list, tuple)):
            return tuple(self.at(position) for position in range(len(value)))
        if isinstance(value, Mapping):
            return tuple(self.at(str(key)) for key in value)
        return ()

    def entries(self) -> tuple[tuple[str, View], ...]:
        """Return the keys of a map with their values; nothing for anything else."""
        return tuple((str(key), self.at(key)) for key in self.value) if isinstance(self.value, Mapping) else ()

    def document(self) -> View:
        """Return the JSON document that stands here, as a text or as its value; absent if it is neither."""
        if not isinstance(self.value, str):
            return self
        try:
            return replace(self, value=json.loads(self.value))
        except ValueError:
            return replace(self, value=None)

    def document_or_text(self) -> Any:
        """Return the value of the JSON map or list that stands here as a text, and any other value as it is."""
        if isinstance(self.value, str) and self.value[:1] in ("{", "["):
            found = self.document().value
            return self.value if found is None else found
        return self.value


def _below(value: Any, keys: Iterable[str | int]) -> Any:
    # what a graph holds comes first; a check for an abstract class costs more than all else here
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, (list, tuple)):
            value = value[key] if isinstance(key, int) and 0 <= key < len(value) else None
        elif value is None:
            return None
        elif isinstance(value, Mapping):
            value = value.get(key)
        elif value is not UNKNOWN:
            value = None
    return value


def _step(path: str, key: str) -> str:
    if not _PLAIN_KEY.fullmatch(key):
        return f'["{key}"]'
    return f".{key}" if path else key


def of_graph(graph: Graph) -> tuple[Resource, ...]:
    """Return the graph's nodes as rules see them."""
    return tuple(of_node(node) for node in graph.nodes)


def of_node(node: Node, graph: Graph | None = None) -> Resource:
    """Return a node as rules see it, with its URN if the graph is given."""
    reads = {key: (value.node,) for key, value in node.inputs.items() if isinstance(value, Ref)}
    inputs = {key: _seen(value) for key, value in node.inputs.items()}
    return Resource(node.type, node.id, inputs, node.options.protect, reads, urn(graph, node) if graph else "")


def _seen(value: Any) -> Any:
    """Return a value of a graph with `UNKNOWN` for what only an apply can tell.

    The text of a JSON document that holds references is known but for these: its value stands for it.
    """
    if value is None or isinstance(value, (str, int, float)):  # most of all values, so first
        return value
    if isinstance(value, dict):
        return {key: item if isinstance(item, str) else _seen(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [item if isinstance(item, str) else _seen(item) for item in value]
    if isinstance(value, JsonText):
        return _seen(value.value)
    if isinstance(value, Ref | StackOutput):
        return UNKNOWN
    if isinstance(value, Format):
        return UNKNOWN if any(not isinstance(part, str) for part in value.parts) else "".join(map(str, value.parts))
    if isinstance(value, Mapping):
        return _seen(dict(value))
    return value


def of_engine(given: Any, unknown_error: type[Exception]) -> Resource:
    """Return what the engine sends (`ResourceValidationArgs`, `PolicyResource`) as rules see it.

    `unknown_error` is what reading an unknown of the engine raises.
    """
    reads = {key: tuple(r.name for r in found) for key, found in getattr(given, "property_dependencies", {}).items()}
    inputs = _read(given.props, unknown_error)
    return Resource(given.resource_type, given.name, inputs, bool(given.opts.protect), reads, given.urn)


def _read(value: Any, unknown_error: type[Exception]) -> Any:
    if isinstance(value, Mapping):
        return {key: _entry(value.__getitem__, key, unknown_error) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_entry(value.__getitem__, position, unknown_error) for position in range(len(value))]
    return value


def _entry(get: Callable[[Any], Any], key: Any, unknown_error: type[Exception]) -> Any:
    try:
        return _read(get(key), unknown_error)
    except unknown_error:
        return UNKNOWN


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one resource, or of the whole stack if `resource` is empty.

    `unknown`: the rule needs a value that is known only after apply, and cannot say yet whether it is kept.
    """

    text: str
    resource: str = ""
    path: str = ""
    unknown: bool = False


def broken(resource: Resource, view: View | None, text: str) -> Finding:
    """Return that the resource breaks the rule, at a value of its inputs if there is one."""
    return Finding(text, resource.name, view.path if view else "")


def cannot_say(resource: Resource, *views: View) -> Iterator[Finding]:
    """Yield that the rule needs these values, of those that are unknown the first."""
    for view in views:
        if view.unknown:
            yield Finding(f"`{view.path}` is known after apply", resource.name, view.path, unknown=True)
            return
