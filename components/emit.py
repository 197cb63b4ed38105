"""Graph → Pulumi: one walk, one registration a node. The only part of the compiler that imports the engine's SDK.

Nothing is decided here: what a node is called, what it holds and what it depends on is in the graph. Every resource is
registered before any value is known, never inside an `apply`, so that a preview shows exactly the graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from graphlib import TopologicalSorter
from itertools import chain
from typing import Any

import pulumi
from pulumi.output import UNKNOWN, Unknown

from components.graph import (
    Component,
    Format,
    Graph,
    JsonText,
    Node,
    Options,
    Ref,
    StackOutput,
    Value,
    component_chain,
    references,
)
from components.json_text import json_text, plain_text

Lookup = Callable[[str, str], Any]
"""Gives a declared output of a lower layer, by layer and name: a value or a Pulumi Output."""

_Found = Mapping[str, tuple[Ref | StackOutput, ...]]
"""The references in each node's inputs, by its id: looked for once."""

_PROVIDER = "pulumi:providers:"

_SECRET_INPUTS: Mapping[str, tuple[str, ...]] = {
    "kubernetes:core/v1:Secret": ("data", "stringData"),
    "aws:secretsmanager/secretVersion:SecretVersion": ("secretString", "secretBinary"),
    "aws:ssm/parameter:Parameter": ("value",),
}
"""Inputs that hold secrets whatever is in them. The kubernetes provider marks its own only in what it answers; marked
here, nothing between the program and the state sees them plain."""


def emit(graph: Graph, lookup: Lookup, versions: Mapping[str, str]) -> dict[str, Any]:
    """Register every component and node of a stack with the engine, and return its declared outputs.

    `versions` are the provider plugins' versions by package (`{"aws": "7.51.1"}`); a package that is not in it takes
    the plugin that the engine finds. KeyError if the graph is not sound (`components/invariants.py` says when it is).
    """
    found = {node.id: tuple(references(node.inputs)) for node in graph.nodes}
    walk = _Walk(graph, found, lookup, versions)
    for component in _parents_first(graph):
        walk.component(component)
    for node in _dependencies_first(graph, found):
        walk.node(node)
    for made in walk.components.values():
        made.register_outputs({})
    return {name: walk.value(value) for name, value in graph.outputs.items()}


class _Walk:
    """What has been registered so far."""

    def __init__(self, graph: Graph, found: _Found, lookup: Lookup, versions: Mapping[str, str]) -> None:
        self.lookup, self.versions = lookup, versions
        self.components: dict[str, pulumi.ComponentResource] = {}
        self.resources: dict[str, pulumi.CustomResource] = {}
        self.wanted = _wanted(graph, found)

    def component(self, component: Component) -> None:
        """Register a component under its parent."""
        options = pulumi.ResourceOptions(
            parent=self.components[component.parent] if component.parent else None,
            aliases=[pulumi.Alias(name=name) for name in component.aliases] or None,
        )
        self.components[component.id] = pulumi.ComponentResource(component.type, component.id, None, options)

    def node(self, node: Node) -> None:
        """Register a node under its component."""
        inputs = {key: self.value(value) for key, value in node.inputs.items()}
        for key in _SECRET_INPUTS.get(node.type, ()):
            if inputs.get(key) is not None:
                inputs[key] = pulumi.Output.secret(inputs[key])
        for name in self.wanted[node.id]:
            # The SDK hands out only properties that were passed; None is passed and not sent.
            inputs.setdefault(name, None)
        options = self._options(node)
        if node.type.startswith(_PROVIDER):
            package = node.type.removeprefix(_PROVIDER)
            self.resources[node.id] = pulumi.ProviderResource(package, node.id, inputs, options)
        else:
            self.resources[node.id] = pulumi.CustomResource(node.type, node.id, inputs, options)

    def _options(self, node: Node) -> pulumi.ResourceOptions:
        own = node.options
        provider = self.resources[node.provider] if node.provider else None
        assert provider is None or isinstance(provider, pulumi.ProviderResource)
        return pulumi.ResourceOptions(
            parent=self.components[node.component],
            provider=provider,
            version=self.versions.get(_package(node.type)),
            depends_on=[self.resources[name] for name in node.needs] or None,
            # An option that is not set is left to the engine, which then inherits it or lets it be.
            protect=own.protect or None,
            retain_on_delete=own.retain_on_delete or None,
            delete_before_replace=own.delete_before_replace or None,
            ignore_changes=list(own.ignore_changes) or None,
            replace_on_changes=list(own.replace_on_changes) or None,
            # A node's URN holds its parents' types, not their names, so the name alone says what it was.
            aliases=[pulumi.Alias(name=name) for name in own.aliases] or None,
            import_=own.import_id or None,
            custom_timeouts=_timeouts(own),
        )

    def value(self, value: Value) -> Any:
        """Return the value with Outputs in the place of references."""
        match value:
            case str():  # most values are, and looking for anything else first would cost them the most
                return value
            case Ref():
                return self._attribute(value)
            case StackOutput():
                return self.lookup(value.layer, value.name)
            case Format() | JsonText():
                return self._text(value)
            case Mapping():
                return {key: self.value(item) for key, item in value.items()}
            case list() | tuple():
                return [self.value(item) for item in value]
        return value

    def _attribute(self, ref: Ref) -> Any:
        resource = self.resources[ref.node]
        first, *rest = ref.attribute.split(".")
        output: pulumi.Output[Any] = resource.id if first == "id" else resource.__dict__[first]
        # With unknowns: what is known inside an object that holds something unknown is known.
        return output.apply(lambda value: _within(value, ref, rest), True) if rest else output

    def _text(self, value: Format | JsonText) -> Any:
        """Return the text: an Output if it holds references, and unknown as a whole until all of them are known."""
        refs = tuple(dict.fromkeys(references(value)))
        if not refs:
            return _known(value, {})
        outputs = [self.value(ref) for ref in refs]
        return pulumi.Output.all(*outputs).apply(lambda found: _known(value, dict(zip(refs, found, strict=True))))


def _known(value: Value, found: Mapping[Value, Any]) -> Any:
    """Return the value with what was found in the place of references."""
    match value:
        case Ref() | StackOutput():
            return found[value]
        case Format():
            return "".join(plain_text(_known(part, found)) for part in value.parts)
        case JsonText():
            return json_text(_known(value.value, found))
        case Mapping():
            return {key: _known(item, found) for key, item in value.items()}
        case list() | tuple():
            return [_known(item, found) for item in value]
    return value


def _within(value: Any, ref: Ref, steps: list[str]) -> Any:
    """Return what lies at the steps inside an attribute; unknown where a preview does not have it yet."""
    for step in steps:
        if isinstance(value, Unknown):
            return value
        if not isinstance(value, Mapping) or value.get(step) is None:
            if pulumi.runtime.is_dry_run():
                return UNKNOWN
            raise pulumi.RunError(f"`{ref.node}` is there, but its provider says nothing about `{ref.attribute}`")
        value = value[step]
    return value


def _wanted(graph: Graph, found: _Found) -> Mapping[str, tuple[str, ...]]:
    """Return for each node the properties that references read; `id` is always there."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for ref in chain(references(graph.outputs), *found.values()):
        if isinstance(ref, Ref):
            wanted[ref.node].add(ref.attribute.partition(".")[0])
    return defaultdict(tuple, {name: tuple(sorted(read - {"id", "urn"})) for name, read in wanted.items()})


def _parents_first(graph: Graph) -> Iterator[Component]:
    return iter(sorted(graph.components, key=lambda c: len(component_chain(graph, c.id))))


def _dependencies_first(graph: Graph, found: _Found) -> Iterator[Node]:
    """Yield the nodes so that each comes after what it refers to, needs, or is provided by; always the same order."""
    by_id = {node.id: node for node in graph.nodes}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for node in graph.nodes:
        refs = {ref.node for ref in found[node.id] if isinstance(ref, Ref)}
        sorter.add(node.id, *sorted({*refs, *node.needs, *([node.provider] if node.provider else ())}))
    return (by_id[name] for name in sorter.static_order())


def _package(type_token: str) -> str:
    """Return the package whose plugin serves the type (`kubernetes:apps/v1:Deployment` → `kubernetes`)."""
    return type_token.removeprefix(_PROVIDER).partition(":")[0]


def _timeouts(options: Options) -> pulumi.CustomTimeouts | None:
    """Return the timeouts in Go's form of a duration; None where none is set."""
    seconds = {
        "create": options.create_timeout,
        "update": options.update_timeout,
        "delete": options.delete_timeout,
    }
    given = {operation: f"{number}s" for operation, number in seconds.items() if number}
    return pulumi.CustomTimeouts(**given) if given else None
