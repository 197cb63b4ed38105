"""Strict judgement of a value by a Kubernetes schema: OpenAPI v3 of built-in kinds, schemas of CRDs.

Strict means what the API server calls strict field validation: a key that a schema with `properties` does not
name is a problem, unless the schema preserves unknown fields or has `additionalProperties`.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import cel
from .placeholders import holds_placeholder, is_placeholder
from .quantity import amount
from .regex import re2

Schema = Mapping[str, Any]

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_BITS = {"int32": 31, "int64": 63}
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def child(path: str, key: object) -> str:
    """Return the path of a key below `path`; keys that are no plain names stand in brackets."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", str(key))
    step = str(key) if plain else f"[{key!r}]"
    return step if not path else f"{path}.{step}" if plain else f"{path}{step}"


@dataclass(frozen=True, slots=True)
class Judge:
    """Walks values along schemas; `definitions` are what `$ref` names."""

    definitions: Mapping[str, Schema] = field(default_factory=dict)

    def problems(self, schema: Schema, value: Any, path: str, strict: bool = True) -> Iterator[str]:
        """Yield `path: message` for all that the schema refuses; without `strict`, unknown keys may stand."""
        if is_placeholder(value):
            return
        if schema.get("$ref") == _QUANTITY:
            if amount(value) is None:
                yield f"{path}: {value!r} is not a quantity"
            return
        if "$ref" in schema:
            yield from self.problems(self.definitions[schema["$ref"]], value, path, strict)
            return
        if value is None:
            if not schema.get("nullable") and (schema.get("type") or schema.get("properties")):
                yield f"{path}: null"
            return
        wrong = _type_problem(schema, value)
        if wrong:
            yield f"{path}: {wrong}"
            return
        if isinstance(value, dict):
            yield from self._object(schema, value, path, strict)
        elif isinstance(value, list):
            yield from self._array(schema, value, path, strict)
        elif isinstance(value, str):
            yield from (f"{path}: {message}" for message in _string(schema, value))
        elif not isinstance(value, bool):
            yield from (f"{path}: {message}" for message in _number(schema, value))
        if "enum" in schema and value not in schema["enum"]:
            yield f"{path}: {value!r} is not one of {schema['enum']}"
        yield from self._junctors(schema, value, path)
        yield from _rules(schema, value, path)

    def _object(self, schema: Schema, value: dict[str, Any], path: str, strict: bool) -> Iterator[str]:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        rest = schema.get("additionalProperties")
        for key, item in value.items():
            if key in properties:
                yield from self.problems(properties[key], item, child(path, key), strict)
            elif isinstance(rest, dict):
                yield from self.problems(rest, item, child(path, key), strict)
            elif strict and properties and not rest and not schema.get("x-kubernetes-preserve-unknown-fields"):
                yield f"{child(path, key)}: unknown field"
        for key in schema.get("required", ()):
            if key not in value:
                yield f"{child(path, key)}: required"
        if len(value) < schema.get("minProperties", 0):
            yield f"{path}: fewer than {schema['minProperties']} entries"
        if len(value) > schema.get("maxProperties", len(value)):
            yield f"{path}: more than {schema['maxProperties']} entries"

    def _array(self, schema: Schema, value: list[Any], path: str, strict: bool) -> Iterator[str]:
        for index, item in enumerate(value):
            yield from self.problems(schema.get("items", {}), item, child(path, index), strict)
        if len(value) < schema.get("minItems", 0):
            yield f"{path}: fewer than {schema['minItems']} items"
        if len(value) > schema.get("maxItems", len(value)):
            yield f"{path}: more than {schema['maxItems']} items"
        kind = schema.get("x-kubernetes-list-type")
        if kind == "set" or schema.get("uniqueItems"):
            yield from _duplicates(path, [repr(item) for item in value])
        if kind == "map":
            yield from _duplicates(path, [self._map_key(schema, item) for item in value])

    def _map_key(self, schema: Schema, item: Any) -> str | None:
        """The identity of an item of a map-like list (a container by name); None where it cannot be known."""
        if not isinstance(item, dict) or holds_placeholder(item):
            return None
        items = schema["items"]
        items = self.definitions[items["$ref"]] if "$ref" in items else items
        names = schema["x-kubernetes-list-map-keys"]
        defaults = {name: items.get("properties", {}).get(name, {}).get("default") for name in names}
        return ", ".join(f"{name} {item.get(name, defaults[name])!r}" for name in names)

    def _junctors(self, schema: Schema, value: Any, path: str) -> Iterator[str]:
        """allOf, anyOf, oneOf and not: in structural schemas these only add value validations."""
        for part in schema.get("allOf", ()):
            yield from self.problems(part, value, path, strict=False)
        for name in ("anyOf", "oneOf"):
            if name in schema and not _is_int_or_string(schema):
                fitting = sum(not any(self.problems(p, value, path, strict=False)) for p in schema[name])
                if fitting == 0 or (name == "oneOf" and fitting > 1):
                    yield f"{path}: fits {fitting} of the forms of {name}"
        if "not" in schema and not any(self.problems(schema["not"], value, path, strict=False)):
            yield f"{path}: has the form that is excluded"

    def with_defaults(self, schema: Schema, value: Any) -> Any:
        """Return the value as the API server sees it before it validates: a CRD's defaults filled in."""
        if isinstance(value, list):
            return [self.with_defaults(schema.get("items", {}), item) for item in value]
        if not isinstance(value, dict) or is_placeholder(value):
            return value
        properties: Mapping[str, Schema] = schema.get("properties", {})
        rest = schema.get("additionalProperties")
        filled = {
            key: self.with_defaults(properties.get(key, rest if isinstance(rest, dict) else {}), item)
            for key, item in value.items()
        }
        for key, part in properties.items():
            if key not in filled and part.get("default") is not None:
                filled[key] = self.with_defaults(part, part["default"])
        return filled


def _is_int_or_string(schema: Schema) -> bool:
    return bool(schema.get("x-kubernetes-int-or-string")) or schema.get("format") == "int-or-string"


def _type_problem(schema: Schema, value: Any) -> str:
    if _is_int_or_string(schema):
        fits = isinstance(value, int | str) and not isinstance(value, bool)
        return "" if fits else f"{value!r} is neither an integer nor a string"
    name = schema.get("type") or ("object" if schema.get("properties") else "")
    if not name:
        return ""
    if isinstance(value, bool) != (name == "boolean") or not isinstance(value, _TYPES[name]):
        return f"{value!r} is not of type {name}"
    return ""


def _string(schema: Schema, value: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0):
        yield f"{value!r} is shorter than {schema['minLength']}"
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{value!r} is longer than {schema['maxLength']}"
    if "pattern" in schema and not re2(schema["pattern"]).search(value):
        yield f"{value!r} does not match {schema['pattern']!r}"
    if not _FORMATS.get(schema.get("format", ""), lambda text: True)(value):
        yield f"{value!r} is not of format {schema['format']}"


def _number(schema: Schema, value: int | float) -> Iterator[str]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and (value < low or (schema.get("exclusiveMinimum") and value == low)):
        yield f"{value} is below the minimum {low}"
    if high is not None and (value > high or (schema.get("exclusiveMaximum") and value == high)):
        yield f"{value} is above the maximum {high}"
    bits = _BITS.get(schema.get("format", ""))
    if bits is not None and not -(2**bits) <= value < 2**bits:
        yield f"{value} does not fit {schema['format']}"


def _duplicates(path: str, keys: list[str | None]) -> Iterator[str]:
    for index, key in enumerate(keys):
        if key is not None and key in keys[:index]:
            yield f"{child(path, index)}: duplicate {key}"


def _rules(schema: Schema, value: Any, path: str) -> Iterator[str]:
    """The CEL rules of a CRD; transition rules compare with an old object and say nothing about a new one."""
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" in rule["rule"]:
            continue
        try:
            if not cel.holds(rule["rule"], value):
                yield f"{path}: {rule.get('message', rule['rule'])}"
        except cel.CelError as error:
            if not holds_placeholder(value):
                yield f"{path}: {rule.get('message', rule['rule'])} ({error})"


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True


def _is_duration(text: str) -> bool:
    try:
        cel.duration(text)
    except cel.CelError:
        return False
    return True


def _is_address(version: int, text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


_FORMATS: Mapping[str, Any] = {
    "byte": _is_base64,
    "date-time": lambda text: _DATE_TIME.fullmatch(text) is not None,
    "duration": _is_duration,
    "ipv4": lambda text: _is_address(4, text),
    "ipv6": lambda text: _is_address(6, text),
}
