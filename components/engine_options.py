"""What the engine has to be told of some kinds, because their provider does not know it: in every graph, whoever wrote
the object.

`replaceOnChanges` for properties that the API server holds immutable and the provider would update (StorageClass,
PriorityClass, Rollout, …): the update would fail, in the preview already. Objects have fixed names, so such a
replacement deletes first. `deleteBeforeReplace` also for AWS types of which a new one cannot stand beside the old.
What a recorded run of the engine does without it: `specs/catalog/replace_kubernetes.json` and `replace_aws.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from components.graph import Graph, Node, Value, kubernetes_object
from specs.catalog.replacement import create_collides, immutable


def with_engine_options(graph: Graph) -> Graph:
    """Return the graph with the options that its nodes' kinds call for, beside those that their lowerings set."""
    providers = {n.id: n.inputs for n in graph.nodes if n.type.startswith("pulumi:providers:")}
    return replace(graph, nodes=tuple(_told(n, providers.get(n.provider, {})) for n in graph.nodes))


def _told(node: Node, provider: Mapping[str, Value]) -> Node:
    options = node.options
    if kubernetes_object(node):
        paths = immutable(node.type, provider)
        if not paths:
            return node
        paths = tuple(sorted({*options.replace_on_changes, *paths}))
        return replace(node, options=replace(options, replace_on_changes=paths, delete_before_replace=True))
    if create_collides(node.type):
        return replace(node, options=replace(options, delete_before_replace=True))
    return node
