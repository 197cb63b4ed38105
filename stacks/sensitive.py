"""What a plan does not show: values that are secret, or that may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from components.graph import JsonText, Value
from specs.secret_names import counts, secret_name
from stacks.changes import Absent, Entry, Path

HIDDEN: Final = "(sensitive)"
"""What stands in the place of a sensitive value."""

_SECRET_KINDS = {"kubernetes:core/v1:Secret": ("data", "stringData")}
_SECRET_PROPERTIES = {
    "aws:secretsmanager/secretVersion:SecretVersion": ("secretString", "secretBinary"),
    "aws:ssm/parameter:Parameter": ("value", "valueWo"),
}


def sensitive(type_token: str, path: Path) -> bool:
    """Say whether the property holds a secret, by the kind of its resource or by its own name."""
    hidden = _SECRET_KINDS.get(type_token, ()) + _SECRET_PROPERTIES.get(type_token, ())
    if path and path[0] in hidden:
        return True
    for position, step in enumerate(path):
        if isinstance(step, Entry):
            # An entry of `env`: its `value` is secret if its name says so; `valueFrom` only says where it is.
            if secret_name(step.name) and path[position + 1 : position + 2] == ("value",):
                return True
        elif secret_name(step) and position == len(path) - 1:
            return True
    return False


def _name(path: Path) -> str:
    """Return how the value at a path is called: an entry of `env` by its name."""
    last = path[-2] if len(path) > 1 and path[-1] == "value" else path[-1] if path else ""
    return last.name if isinstance(last, Entry) else str(last)


def masked(type_token: str, path: Path, value: Value | Absent) -> Value | Absent:
    """Return the value with every sensitive part hidden; where a secret is kept (its name) stays to be read."""
    if isinstance(value, Absent):
        return value
    if sensitive(type_token, path) and not isinstance(value, Mapping | list | tuple | bool | None):
        return value if counts(_name(path), value) else HIDDEN
    match value:
        case JsonText():
            return JsonText(masked(type_token, path, value.value))
        case Mapping():
            own = value.get("name")
            if isinstance(own, str) and secret_name(own) and "value" in value and not counts(own, value["value"]):
                value = {**value, "value": HIDDEN}
            return {key: masked(type_token, (*path, key), item) for key, item in value.items()}
        case list() | tuple():
            if sensitive(type_token, path):
                return HIDDEN
            return [masked(type_token, (*path, Entry(i, i)), item) for i, item in enumerate(value)]
    return value
