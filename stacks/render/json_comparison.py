"""A comparison of environments as JSON. The layout is `docs/reference/diff-json.md`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components.graph import Value
from components.graph_json import encode_value
from stacks.causes import Because
from stacks.changes import Absent, written
from stacks.comparison import Comparison, kind_of
from stacks.edits import Change, Create, Delete, node_of
from stacks.review import Reading
from stacks.same_names import Ignored
from stacks.sensitive import masked
from stacks.steps import Action, RatedEdit, StackPlan, Step

FORMAT = 1
"""Version of the layout. New keys may come without a new version; a key that goes or means another thing needs one."""

_STATUS: Mapping[str, str] = {"new": "onlyTo", "removed": "onlyFrom", "changed": "differs", "unchanged": "equal"}
_RESOURCE: Mapping[Action, str] = {Action.CREATE: "onlyTo", Action.DELETE: "onlyFrom"}


def render(comparison: Comparison, reading: Reading) -> str:
    """Return the JSON in ASCII, so that nothing in it can steer a terminal."""
    return json.dumps(_values(comparison), indent=2) + "\n"


def _values(comparison: Comparison) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "spec": comparison.spec,
        "compiler": comparison.compiler,
        "edition": comparison.edition,
        "from": comparison.source,
        "to": comparison.destination,
        "same": comparison.same,
        "counts": dict(comparison.counts),
        "targets": [
            {"from": p.source, "to": p.destination, "pairedBy": "name" if p.named else "provider"}
            for p in comparison.targets.pairs
        ],
        "notCompared": _not_compared(comparison),
        "ignored": [_ignored(one) for one in comparison.ignored],
        "groups": [
            {"stacks": list(g.names), "ownNames": g.own_names, "ownLines": g.own_lines} for g in comparison.groups
        ],
        "stacks": [_stack(s) for s in comparison.stacks],
        "differences": [_difference(step) for s in comparison.stacks for step in s.steps],
    }


def _not_compared(comparison: Comparison) -> list[dict[str, str]]:
    only = comparison.targets
    targets = [*((comparison.source, t) for t in only.only_source)]
    targets += [*((comparison.destination, t) for t in only.only_destination)]
    return [
        *({"environment": e, "target": t} for e, t in targets),
        *({"environment": e, "target": t, "site": s} for e, t, s in comparison.sites),
    ]


def _two(before: Value | Absent, after: Value | Absent) -> dict[str, Any]:
    """Return the keys `from` and `to`; a side that is not there has no key."""
    sides = {"from": before, "to": after}
    return {key: encode_value(value) for key, value in sides.items() if not isinstance(value, Absent)}


def _hidden(path: str, before: Value | Absent, after: Value | Absent) -> dict[str, Any]:
    """Return both sides of a value of the spec, without secrets."""
    name = (path.rpartition(".")[2],)
    return _two(masked("", name, before), masked("", name, after))


def _ignored(one: Ignored) -> dict[str, Any]:
    return {"path": one.path, **_hidden(one.path, one.before, one.after), "whereFrom": one.was, "whereTo": one.where}


def _stack(stack: StackPlan) -> dict[str, Any]:
    return {
        "name": stack.name,
        "target": stack.target,
        **({"site": stack.site} if stack.site else {}),
        "layer": stack.layer,
        "status": _STATUS[stack.status],
        "equalResources": stack.unchanged if stack.status in ("changed", "unchanged") else 0,
    }


def _difference(step: Step) -> dict[str, Any]:
    return {
        "stack": step.stack,
        "component": step.component,
        "origin": step.origin,
        "kind": kind_of(step),
        "because": [_because(b) for b in step.because],
        "explanation": step.explanation,
        "summary": list(step.summary),
        "resources": [_resource(e) for e in step.edits],
        "outputs": [{"name": o.name, **_two(o.before, o.after)} for o in step.outputs],
    }


def _because(b: Because) -> dict[str, Any]:
    return {
        "path": b.path,
        **_hidden(b.path, b.before, b.after),
        "whereFrom": b.was,
        "overlayFrom": b.was_overlay,
        "reasonFrom": b.was_reason,
        "whereTo": b.where,
        "overlayTo": b.overlay,
        "reasonTo": b.reason,
    }


def _resource(rated: RatedEdit) -> dict[str, Any]:
    node, edit = node_of(rated.edit), rated.edit
    out: dict[str, Any] = {"id": node.id, "type": node.type, "status": _RESOURCE.get(rated.action, "differs")}
    if isinstance(edit, Create | Delete):
        return out
    return out | {"changes": [_change(node.type, c) for c in edit.changes], "equalProperties": rated.unchanged}


def _change(type_token: str, change: Change) -> dict[str, Any]:
    before, after = change.before, change.after
    if change.part == "inputs":
        before, after = (masked(type_token, change.path, side) for side in (before, after))
    return {"part": change.part, "path": written(change.path), **_two(before, after)}
