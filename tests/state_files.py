"""Exports of stacks that were never deployed: a graph with made-up outputs, in the form of `pulumi stack export`.

A second source beside `tests/monitor/state.py`, which runs the emitter in the SDK: this one needs neither, and is quick
enough for properties and fleets. It knows what an engine and its providers write, and nothing of the comparison.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from graphlib import TopologicalSorter
from hashlib import sha256
from typing import Any

from components.graph import (
    PROJECT,
    Format,
    Graph,
    JsonText,
    Node,
    Ref,
    StackOutput,
    component_chain,
    references,
    urn,
)

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270"}
"""The envelope of a secret, without what is in it (Pulumi, sdk/go/common/resource/properties.go)."""


def ciphertext(value: Any) -> dict[str, Any]:
    """Return a value as an export without `--show-secrets` holds it."""
    return {**SECRET, "ciphertext": sha256(json.dumps(value).encode()).hexdigest()}


def plaintext(value: Any) -> dict[str, Any]:
    """Return a value as `--show-secrets` writes it: JSON in a text."""
    return {**SECRET, "plaintext": json.dumps(value)}


def exported(graph: Graph, lower: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """Return the export of a stack to which exactly this graph was deployed; `lower` are the outputs by layer."""
    made = _Deployment(graph, lower or {})
    rows = [made.stack(), *made.stack_references(), *made.components(), *made.nodes()]
    rows[0]["outputs"] = {name: made.value(value) for name, value in graph.outputs.items()}
    return {"version": 3, "deployment": {"manifest": {"version": "v3.260.0"}, "resources": rows}}


def outputs_of(export: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the declared outputs in an export."""
    found: Mapping[str, Any] = export["deployment"]["resources"][0]["outputs"]
    return found


def row(export: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the resource with this name."""
    (found,) = (r for r in export["deployment"]["resources"] if r["urn"].split("::", 3)[3] == name)
    assert isinstance(found, dict)
    return found


class _Deployment:
    def __init__(self, graph: Graph, lower: Mapping[str, Mapping[str, Any]]) -> None:
        self.graph, self.lower = graph, lower
        self.by_id = {n.id: n for n in graph.nodes}
        self.done: dict[str, dict[str, Any]] = {}
        self.root = f"urn:pulumi:{graph.stack}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{graph.stack}"

    def stack(self) -> dict[str, Any]:
        return {"urn": self.root, "custom": False, "type": "pulumi:pulumi:Stack"}

    def stack_references(self) -> list[dict[str, Any]]:
        prefix = self.graph.stack.rpartition(".")[0]
        rows = []
        for layer, outputs in self.lower.items():
            name = f"organization/{PROJECT}/{prefix}.{layer}"
            start = f"urn:pulumi:{self.graph.stack}::{PROJECT}::pulumi:pulumi:StackReference"
            given = {"name": name, "outputs": dict(outputs), "secretOutputNames": []}
            row = {"custom": True, "id": name, "external": True, "inputs": {"name": name}, "outputs": given}
            rows.append({"urn": f"{start}::{name}", "type": "pulumi:pulumi:StackReference", **row})
        return rows

    def component_urn(self, component: str) -> str:
        types = [c.type for c in component_chain(self.graph, component)]
        return f"urn:pulumi:{self.graph.stack}::{PROJECT}::{'$'.join(types)}::{component}"

    def components(self) -> list[dict[str, Any]]:
        return [
            {
                "urn": self.component_urn(c.id),
                "custom": False,
                "type": c.type,
                "parent": self.component_urn(c.parent) if c.parent else self.root,
            }
            for c in self.graph.components
        ]

    def nodes(self) -> list[dict[str, Any]]:
        sorter = TopologicalSorter(
            {
                n.id: {r.node for r in references(n.inputs) if isinstance(r, Ref)}
                | set(n.needs)
                | ({n.provider} if n.provider else set())
                for n in self.graph.nodes
            }
        )
        return [self.node(self.by_id[name]) for name in sorter.static_order()]

    def node(self, node: Node) -> dict[str, Any]:
        inputs = {key: self.value(value) for key, value in node.inputs.items() if value is not None}
        made = self.done[node.id] = {"id": f"{node.id}-{sha256(node.id.encode()).hexdigest()[:8]}", **deepcopy(inputs)}
        o = node.options
        needed = {r.node for r in references(node.inputs) if isinstance(r, Ref)} | set(node.needs)
        row: dict[str, Any] = {
            "urn": urn(self.graph, node),
            "custom": True,
            "id": made["id"],
            "type": node.type,
            "inputs": _checked(node, inputs),
            "outputs": made,
            "parent": self.component_urn(node.component),
            "protect": o.protect,
            "retainOnDelete": o.retain_on_delete,
            "dependencies": [urn(self.graph, self.by_id[name]) for name in sorted(needed)],
            "ignoreChanges": list(o.ignore_changes),
            "replaceOnChanges": list(o.replace_on_changes),
            "importID": o.import_id,
            "customTimeouts": {
                key: seconds
                for key, seconds in (
                    ("create", o.create_timeout),
                    ("update", o.update_timeout),
                    ("delete", o.delete_timeout),
                )
                if seconds
            },
        }
        if node.provider:
            provider = self.by_id[node.provider]
            row["provider"] = f"{urn(self.graph, provider)}::{self.done[provider.id]['id']}"
        return {key: value for key, value in row.items() if value or key == "custom"}

    def value(self, value: Any) -> Any:
        match value:
            case Ref():
                return self.attribute(value.node, value.attribute)
            case StackOutput():
                return self.lower[value.layer][value.name]
            case Format():
                return "".join(p if isinstance(p, str) else _text(self.value(p)) for p in value.parts)
            case JsonText():
                return json.dumps(self.value(value.value))
            case Mapping():
                return {key: self.value(item) for key, item in value.items()}
            case list() | tuple():
                return [self.value(item) for item in value]
        return value

    def attribute(self, node: str, attribute: str) -> Any:
        """Return an attribute, made up unless it is an input."""
        at: Any = self.done[node]
        *above, last = attribute.split(".")
        for step in above:
            if not isinstance(at.get(step), dict):
                at[step] = {}
            at = at[step]
        return at.setdefault(last, f"{attribute} of {node}")


def _text(value: Any) -> str:
    """Return a value as a part of a text, as the program writes it: JSON with sorted keys, no spaces, as UTF-8."""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _checked(node: Node, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the inputs as the provider hands them back: with its own defaults, and settings of providers as text."""
    if node.type.startswith("pulumi:providers:"):
        plain = {key: item if isinstance(item, str) else json.dumps(item) for key, item in inputs.items()}
        return {**plain, "version": "7.51.1"}
    if node.type.startswith("aws:"):
        return {**_with_defaults(inputs), "region": "us-east-1", "tagsAll": {}}
    return inputs


def _with_defaults(value: Any) -> Any:
    """Add what the bridge adds to every map with nested settings; maps of texts are left as they are."""
    match value:
        case dict() if any(not isinstance(item, str) for item in value.values()):
            return {**{key: _with_defaults(item) for key, item in value.items()}, "__defaults": []}
        case list():
            return [_with_defaults(item) for item in value]
    return value
