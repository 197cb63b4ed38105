"""Values without references: what manifests need, since no engine fills in anything later.

What comes from a lower layer is given as its stack's outputs; what only the cluster or the cloud knows cannot be given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.graph import Format, Graph, JsonText, Node, Ref, StackOutput, Value, references
from components.json_text import integral, json_text, plain_text

Outputs = Mapping[tuple[str, str], Any]
"""Outputs of lower layers by layer and name; an empty layer is any."""

SECRET = "[secret]"
"""What `pulumi stack output --json` prints for a secret output without `--show-secrets`."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A reference without a value, and the nodes that need it; `secret` where its value was given as `SECRET`."""

    reference: Ref | StackOutput
    needed_by: tuple[str, ...]
    secret: bool = False


def unknown(graph: Graph, nodes: Iterable[Node], outputs: Outputs) -> tuple[Unknown, ...]:
    """Return every reference in the nodes' inputs that has no value, sorted by what it names."""
    found: dict[Ref | StackOutput, list[str]] = {}
    for node in nodes:
        for reference in dict.fromkeys(references(node.inputs)):
            if not _has_value(graph, reference, outputs):
                found.setdefault(reference, []).append(node.id)
    return tuple(
        Unknown(r, tuple(sorted(ids)), isinstance(r, StackOutput) and _given(r, outputs) == SECRET)
        for r, ids in sorted(found.items(), key=lambda item: str(item[0]))
    )


def _has_value(graph: Graph, reference: Ref | StackOutput, outputs: Outputs) -> bool:
    if isinstance(reference, StackOutput):
        return output(reference, outputs) is not None
    value = _input(graph, reference)
    return value is not None and not references(value)


def output(reference: StackOutput, outputs: Outputs) -> Any:
    """Return the value of a lower layer's output; None where it is not given, or only its name is."""
    value = _given(reference, outputs)
    return None if value == SECRET else value


def _given(reference: StackOutput, outputs: Outputs) -> Any:
    return outputs.get((reference.layer, reference.name), outputs.get(("", reference.name)))


def _input(graph: Graph, reference: Ref) -> Value:
    """Return what the referenced node's inputs say at the attribute; None if they say nothing there."""
    value: Value = graph.node(reference.node).inputs
    for step in reference.attribute.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def known(value: Value, graph: Graph, outputs: Outputs) -> Any:
    """Return plain JSON for a value whose references all have one (`unknown` says whether)."""
    match value:
        case Ref():
            return known(_input(graph, value), graph, outputs)
        case StackOutput():
            return integral(output(value, outputs))
        case Format():
            return "".join(plain_text(known(part, graph, outputs)) for part in value.parts)
        case JsonText():
            return json_text(known(value.value, graph, outputs))
        case Mapping():
            return {key: known(item, graph, outputs) for key, item in value.items()}
        case list() | tuple():
            return [known(item, graph, outputs) for item in value]
    return value
