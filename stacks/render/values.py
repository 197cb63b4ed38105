"""One value of a change, as a line of text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from components.graph import Format, JsonText, Node, Ref, StackOutput, Value, references
from stacks.changes import Absent, written
from stacks.edits import Change
from stacks.render.style import safe, together
from stacks.sensitive import HIDDEN, masked

KNOWN_LATER = "(known after apply)"


def value_text(value: Value | Absent) -> str:
    """Return a value as compact JSON, safe for a terminal; a reference in words."""
    match value:
        case Absent():
            return "(none)"
        case Ref():
            return safe(f"{value.attribute} of {value.node}")
        case StackOutput():
            return safe(f"output {value.name} of {value.layer}")
        case Format():
            return safe(json.dumps(_plain(value), ensure_ascii=False))
        case JsonText():
            return f"JSON {value_text(value.value)}"
        case str() if value == HIDDEN:
            return HIDDEN
        case Mapping() | list() | tuple():
            return safe(json.dumps(_plain(value), ensure_ascii=False, sort_keys=True))
    return safe(json.dumps(value, ensure_ascii=False))


def _plain(value: Value) -> Any:
    """Return the value with every reference in words, between ‹ and ›."""
    match value:
        case Ref() | StackOutput():
            return f"‹{value_text(value)}›"
        case Format():
            return "".join(part if isinstance(part, str) else _plain(part) for part in value.parts)
        case JsonText():
            return _plain(value.value)
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value


_POD = "spec.template.spec."


def change_text(node: Node, change: Change, *, details: bool = False) -> str:
    """Return `path before → after`, for `wrap`, with what the change does if it is more than an update."""
    name = change_name(change)
    if change.part == "provider" and change.before == change.after:
        return f"provider {value_text(change.after)} works elsewhere, or is another" + remark(change)
    if name.startswith(_POD) and not details:
        name = f"spec.template … {name.removeprefix(_POD)}"
    return f"{name} {_sides(node, change)}" + remark(change)


def remark(change: Change) -> str:
    """Return what a change does if it is more than an update, as a comment behind it."""
    match change.effect.kind:
        case "replace":
            return "  " + together("# forces replacement")
        case "refused":
            return "  " + together("# refused: it cannot be changed")
        case "unknown":
            return "  " + together("# not recorded whether this replaces")
        case "ignored":
            return "  # ignored (`ignoreChanges`)"
    return ""


def change_name(change: Change) -> str:
    """Return what changes: the property's path, or the part of the resource."""
    if change.part == "inputs":
        return safe(written(change.path))
    if change.part == "options":
        return "option " + re.sub(r"_(\w)", lambda m: m[1].upper(), written(change.path))
    return change.part


def shown_sides(type_token: str, change: Change) -> tuple[Value | Absent, Value | Absent]:
    """Return both sides of a change without what is secret."""
    if change.part != "inputs":
        return change.before, change.after
    return masked(type_token, change.path, change.before), masked(type_token, change.path, change.after)


def _sides(node: Node, change: Change) -> str:
    before, after = shown_sides(node.type, change)
    if change.cause:
        return f"{value_text(before)} → {KNOWN_LATER}"
    if isinstance(before, Absent):
        return f"+ {value_text(after)}{_later(after)}"
    if isinstance(after, Absent):
        return f"- {value_text(before)}"
    if before == after == HIDDEN:
        return f"{HIDDEN} → {HIDDEN}"
    if before == after and change.path and not isinstance(change.path[-1], str):
        entry = change.path[-1]
        return f"moves from position {(entry.before or 0) + 1} to {(entry.after or 0) + 1}"
    return f"{value_text(before)} → {value_text(after)}{_later(after)}"


def _later(value: Value | Absent) -> str:
    if isinstance(value, Absent) or not references(value):
        return ""
    return f" {KNOWN_LATER}"
