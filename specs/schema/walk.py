"""What the schema says about a spec path: which class or value stands there, its keys, its description."""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic.fields import FieldInfo

from specs.schema.base import Name, Section
from specs.schema.descriptions import descriptions
from specs.schema.spec import Spec
from specs.tree import Path


@dataclass(frozen=True, slots=True)
class Place:
    """What may stand at a path. `section` is the class of a map with fixed keys; `field` describes the last key."""

    annotation: Any
    section: type[Section] | None
    field: FieldInfo | None
    named: bool = False
    """The entry of a map whose keys are names (`models.chat`)."""
    owner: type[Section] | None = None
    """The section that has `field`, under the name `name`."""
    name: str = ""

    @property
    def description(self) -> str:
        """What stands under the field in the schema; of a named entry, what its section is."""
        if self.named and self.section is not None:
            return (self.section.__doc__ or "").split("\n\n")[0]
        return descriptions(self.owner).get(self.name, "") if self.owner else ""


def place(path: Path, provider: str = "") -> Place | None:
    """Return what the schema says stands at the path, or None if it knows no such key.

    `provider` (`aws`, `on-prem`) chooses between the kinds of target.
    """
    current = Place(Spec, Spec, None)
    for part in path:
        below = _below(current, part, provider)
        if below is None:
            return None
        current = below
    return current


def _below(current: Place, part: str | int, provider: str) -> Place | None:
    if current.section is not None:
        for name, field in current.section.model_fields.items():
            if (field.alias or name) == part:
                return replace(_place(field.annotation, field, provider), owner=current.section, name=name)
        return None
    for option in options(current.annotation):
        origin, arguments = typing.get_origin(option), typing.get_args(option)
        if origin is dict and isinstance(part, str):
            below = _place(arguments[1], current.field, provider)
            return replace(below, named=True, owner=current.owner, name=current.name)
        if origin is tuple and isinstance(part, int):
            return replace(_place(arguments[0], current.field, provider), owner=current.owner, name=current.name)
    return None


def _place(annotation: Any, field: FieldInfo | None, provider: str) -> Place:
    sections = [o for o in options(annotation) if isinstance(o, type) and issubclass(o, Section)]
    if len(sections) > 1:
        kinds = [s for s in sections if provider and provider in typing.get_args(s.model_fields["provider"].annotation)]
        sections = kinds or sections
    return Place(annotation, sections[0] if sections else None, field)


def options(annotation: Any) -> list[Any]:
    """Return the alternatives of an annotation, with `Annotated` and `None` taken off."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return options(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        found: list[Any] = []
        for item in typing.get_args(annotation):
            if item is not type(None):
                found.extend(options(item))
        return found
    return [annotation]


def sections_of(annotation: Any) -> list[type[Section]]:
    """Return the sections that a value of this annotation can hold, inside maps and lists too."""
    found: list[type[Section]] = []
    for option in options(annotation):
        if isinstance(option, type) and issubclass(option, Section):
            found.append(option)
        for inner in typing.get_args(option) if typing.get_origin(option) in (dict, tuple) else ():
            found.extend(sections_of(inner))
    return found


def keys(section: type[Section]) -> tuple[str, ...]:
    """Return the keys of a section as they are written in YAML."""
    return tuple(field.alias or name for name, field in section.model_fields.items())


def choices(annotation: Any) -> tuple[str, ...]:
    """Return the values that a `Literal` allows, or nothing."""
    found: list[str] = []
    for option in options(annotation):
        if typing.get_origin(option) is typing.Literal:
            found.extend(str(v) for v in typing.get_args(option))
    return tuple(found)


def key_choices(annotation: Any) -> tuple[str, ...]:
    """Return the keys that a map with a fixed set of keys allows, or nothing."""
    return tuple(
        key
        for option in options(annotation)
        if typing.get_origin(option) is dict
        for key in choices(typing.get_args(option)[0])
    )


def named_sections() -> frozenset[str]:
    """Return the top-level keys whose entries are named by the user (`models`, `nodePools`, …)."""
    found = set()
    for name, field in Spec.model_fields.items():
        for option in options(field.annotation):
            if typing.get_origin(option) is dict and typing.get_args(option)[0] is Name:
                below = _place(typing.get_args(option)[1], None, "")
                if below.section is not None:
                    found.add(field.alias or name)
    return frozenset(found)
