"""The canonical JSON form of a graph, and back.

A value that is not plain JSON is a map with exactly one key that starts with `$`: `{"$ref": [node, attribute]}`,
`{"$stackOutput": [layer, name]}`, `{"$format": [parts]}`, `{"$json": value}`. A plain map whose only key starts
with `$` is written as `{"$map": {…}}`, so that nothing a user writes can be mistaken for a reference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

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
    assemble,
)


def encode_value(value: Value) -> Any:
    """Return plain JSON for a value that may hold references."""
    match value:
        case Ref():
            return {"$ref": [value.node, value.attribute]}
        case StackOutput():
            return {"$stackOutput": [value.layer, value.name]}
        case Format():
            return {"$format": [encode_value(part) for part in value.parts]}
        case JsonText():
            return {"$json": encode_value(value.value)}
        case Mapping():
            plain = {key: encode_value(item) for key, item in value.items()}
            if len(plain) == 1 and next(iter(plain)).startswith("$"):
                return {"$map": plain}
            return plain
        case list() | tuple():
            return [encode_value(item) for item in value]
        case _:
            return value


def decode_value(value: Any) -> Value:
    """Return the value that `encode_value` made this JSON from; ValueError for an unknown `$` form."""
    if isinstance(value, list):
        return [decode_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(key, item)] = value.items()
        match key, item:
            case "$ref", [str(node), str(attribute)]:
                return Ref(node, attribute)
            case "$stackOutput", [str(layer), str(name)]:
                return StackOutput(layer, name)
            case "$format", list():
                parts = tuple(decode_value(part) for part in item)
                if not all(isinstance(part, str | Ref | StackOutput) for part in parts):
                    raise ValueError("the parts of `$format` are texts and references")
                return Format(parts)
            case "$json", _:
                return JsonText(decode_value(item))
            case "$map", dict():
                return {k: decode_value(v) for k, v in item.items()}
        if key.startswith("$"):
            raise ValueError(f"`{key}` is not a form of value that this version reads")
    return {key: decode_value(item) for key, item in value.items()}


def _fields(item: Component | Node | Options) -> dict[str, Any]:
    """Return the non-default fields of a dataclass as JSON, so that files stay short."""
    out: dict[str, Any] = {}
    for f in fields(item):
        value = getattr(item, f.name)
        if isinstance(value, Options):
            value = _fields(value)
        if value not in ("", (), 0, False, {}) or f.name in ("id", "type", "inputs"):
            out[f.name] = encode_value(value) if f.name == "inputs" else _plain(value)
    return out


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _tupled(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(item) if isinstance(item, list) else item for key, item in raw.items()}


def encode_node(node: Node) -> dict[str, Any]:
    """Return one node as plain JSON."""
    return _fields(node)


def decode_node(raw: Mapping[str, Any]) -> Node:
    """Return the node that `encode_node` made this JSON from; ValueError or TypeError if it did not."""
    rest = {k: v for k, v in raw.items() if k not in ("inputs", "options")}
    options = Options(**_tupled(raw.get("options", {})))
    return Node(inputs=decode_value(raw["inputs"]), options=options, **_tupled(rest))


def encode_graph(graph: Graph) -> dict[str, Any]:
    """Return the graph as plain JSON in canonical order."""
    return {
        "stack": graph.stack,
        "components": [_fields(c) for c in graph.components],
        "nodes": [_fields(n) for n in graph.nodes],
        "outputs": {name: encode_value(value) for name, value in graph.outputs.items()},
    }


def decode_graph(raw: Mapping[str, Any]) -> Graph:
    """Return the graph that `encode_graph` made this JSON from; ValueError or TypeError if it did not."""
    try:
        components = [Component(**_tupled(c)) for c in raw["components"]]
        nodes = [decode_node(item) for item in raw["nodes"]]
        outputs = {name: decode_value(value) for name, value in raw["outputs"].items()}
        return assemble(raw["stack"], components, nodes, outputs)
    except (KeyError, AttributeError) as error:
        raise ValueError(f"not a graph: {error}") from error


def canonical(value: Any) -> str:
    """Return the one text of a JSON value: sorted keys, two spaces, a newline at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
