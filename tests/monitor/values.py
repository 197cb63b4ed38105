"""Property values as they cross the wire: protobuf structs to plain JSON with `Secret` and `UNKNOWN`, and back.

Numbers are doubles on the wire; one without a fraction is an integer again here, as the engine shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
UNKNOWN_WIRE: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's marks (pulumi/pulumi, sdk/go/common/resource/properties.go, read 2026-11-21)."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is known only after the update."""


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the engine encrypts in state and hides in what it prints."""

    value: Any


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Return the properties of a struct."""
    return {key: _from_value(value) for key, value in struct.fields.items()}


def _from_value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            fields = value.struct_value.fields
            if SIGNATURE in fields:
                if fields[SIGNATURE].string_value != SECRET:
                    raise ValueError("an asset or a reference to a resource, which no graph holds")
                return Secret(_from_value(fields["value"]))
            return from_struct(value.struct_value)
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_WIRE else value.string_value
        case "bool_value":
            return value.bool_value
    return None


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return the struct that the SDK reads these properties from."""
    struct = struct_pb2.Struct()
    struct.update({key: to_wire(value) for key, value in properties.items()})
    return struct


def to_wire(value: Any) -> Any:
    """Return plain JSON with the engine's marks for secrets and unknown values."""
    match value:
        case Unknown():
            return UNKNOWN_WIRE
        case Secret():
            return {SIGNATURE: SECRET, "value": to_wire(value.value)}
        case Mapping():
            return {key: to_wire(item) for key, item in value.items()}
        case list() | tuple():
            return [to_wire(item) for item in value]
    return value


def revealed(value: Any) -> Any:
    """Return the value without the marks of secrets."""
    match value:
        case Secret():
            return revealed(value.value)
        case Mapping():
            return {key: revealed(item) for key, item in value.items()}
        case list() | tuple():
            return [revealed(item) for item in value]
    return value


def has_secret(value: Any) -> bool:
    """Say whether the value is secret, or holds something that is."""
    match value:
        case Secret():
            return True
        case Mapping():
            return any(has_secret(item) for item in value.values())
        case list() | tuple():
            return any(has_secret(item) for item in value)
    return False
