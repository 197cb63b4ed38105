"""The deployed state of one stack, as `pulumi stack export` writes it, as one value.

What the fields mean is from Pulumi (sdk/go/common/apitype, read 2026-11-21).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from components.graph import PROJECT
from stacks.state_file import MAX_DEPTH, NotAState, damaged, deployment_of, finite, no_number, parsed

STACK = "pulumi:pulumi:Stack"
STACK_REFERENCE = "pulumi:pulumi:StackReference"

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's signs on the wire and in state (sdk/python/lib/pulumi/runtime/rpc.py, read 2026-11-21)."""


class Unknown(Enum):
    """The one value that the state does not hold."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that the state keeps secret; `known` where the export shows it (`--show-secrets`)."""

    value: Any = None
    known: bool = False

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource as it was last deployed. Timeouts are in seconds.

    `types` are the types of its ancestors, outermost first, and its own. `ignore_changes` and `replace_on_changes`
    are None where an engine wrote the state that does not record them.
    """

    urn: str
    types: tuple[str, ...]
    name: str
    id: str
    custom: bool
    parent: str
    provider: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    dependencies: frozenset[str]
    protect: bool = False
    retain_on_delete: bool = False
    ignore_changes: tuple[str, ...] | None = None
    replace_on_changes: tuple[str, ...] | None = None
    timeouts: Mapping[str, int] = field(default_factory=dict)
    import_id: str = ""
    marks: frozenset[str] = frozenset()

    @property
    def type(self) -> str:
        """Its own type token."""
        return self.types[-1]


MARKS = ("delete", "external", "taint", "pendingReplacement", "initErrors", "viewOf")
"""Fields of a resource that say that something is unusual about it."""


@dataclass(frozen=True, slots=True)
class State:
    """What is deployed of one stack; without resources `stack` may be empty, because nothing in it says the name.

    `pending` are the operations of an update that was cut off: what was being done, and the URN.
    """

    stack: str
    resources: tuple[Resource, ...]
    pending: tuple[tuple[str, str], ...] = ()
    damage: str = ""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The declared outputs of the stack."""
        return next((r.outputs for r in self.resources if r.type == STACK), {})


def read_state(data: bytes, project: str = PROJECT) -> State:
    """Return the state in an export; NotAState if it is none, or one of another project."""
    deployment = deployment_of(parsed(data))
    if deployment is None:
        return State("", ())
    raw = deployment.get("resources")
    if raw is None:
        raw = []
    if not isinstance(raw, list):
        damaged("`resources` is not a list")
    resources = tuple(_resource(item, place) for place, item in enumerate(raw))
    resources = _with_recorded_options(resources)
    _one_project(resources, project)
    stacks = sorted({urn_parts(r.urn)[0] for r in resources})
    if len(stacks) > 1:
        raise NotAState(f"it mixes resources of several stacks: {', '.join(stacks[:3])}")
    live = Counter(r.urn for r in resources if "delete" not in r.marks)
    if twice := sorted(urn for urn, number in live.items() if number > 1):
        damaged(f"two resources have the URN {twice[0]}")
    metadata = deployment.get("metadata")
    error = metadata.get("integrity_error") if isinstance(metadata, dict) else None
    damage = (
        "" if not error else _text_of(error.get("error") if isinstance(error, dict) else error) or "no reason given"
    )
    return State(stacks[0] if stacks else "", resources, tuple(_pending(deployment)), damage)


def urn_parts(urn: str) -> tuple[str, str, tuple[str, ...], str]:
    """Return stack, project, types (outermost first) and name of a URN; ValueError if it is none.

    Example:
        >>> urn_parts("urn:pulumi:dev::proj::a:b:C$kubernetes:core/v1:Secret::x/y")
        ('dev', 'proj', ('a:b:C', 'kubernetes:core/v1:Secret'), 'x/y')
    """
    parts = urn.split("::", 3)
    start, stack = parts[0][: len("urn:pulumi:")], parts[0][len("urn:pulumi:") :]
    if start != "urn:pulumi:" or not stack or len(parts) != 4 or not all(parts):
        raise ValueError(f"`{urn[:200]}` is not a URN")
    return stack, parts[1], tuple(parts[2].split("$")), parts[3]


def _resource(raw: Any, place: int) -> Resource:
    if not isinstance(raw, dict):
        damaged(f"resource {place + 1} is not an object")
    urn = raw.get("urn")
    try:
        _, _, types, name = urn_parts(_text_of(urn))
    except ValueError as error:
        damaged(f"resource {place + 1}: {error}")
    timeouts = raw.get("customTimeouts")
    return Resource(
        urn=_text_of(urn),
        types=types,
        name=name,
        id=_text_of(raw.get("id")),
        custom=raw.get("custom") is True,
        parent=_text_of(raw.get("parent")),
        # `URN::id`; the id of a provider is chance
        provider=_text_of(raw.get("provider")).rpartition("::")[0],
        inputs=_properties(raw, "inputs", urn),
        outputs=_properties(raw, "outputs", urn),
        dependencies=frozenset(_texts(raw.get("dependencies"))),
        protect=raw.get("protect") is True,
        retain_on_delete=raw.get("retainOnDelete") is True,
        ignore_changes=_texts(raw["ignoreChanges"]) if "ignoreChanges" in raw else None,
        replace_on_changes=_texts(raw["replaceOnChanges"]) if "replaceOnChanges" in raw else None,
        timeouts={key: _seconds(value) for key, value in timeouts.items()} if isinstance(timeouts, dict) else {},
        import_id=_text_of(raw.get("importID")),
        marks=frozenset(mark for mark in MARKS if raw.get(mark)),
    )


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _seconds(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _with_recorded_options(resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """Take an option that is left out for empty, if the engine that wrote the state records the option at all."""
    for name in ("ignore_changes", "replace_on_changes"):
        if any(getattr(r, name) is not None for r in resources):
            resources = tuple(replace(r, **{name: getattr(r, name) or ()}) for r in resources)  # type: ignore[arg-type]
    return resources


def _one_project(resources: tuple[Resource, ...], project: str) -> None:
    others = sorted({urn_parts(r.urn)[1] for r in resources} - {project})
    if others:
        raise NotAState(
            f"it is of the Pulumi project `{others[0]}`; llmform's is `{project}`",
            "export a stack that `llmform stacks SPEC` names",
        )


def _properties(raw: Mapping[str, Any], part: str, urn: Any) -> Mapping[str, Any]:
    found = raw.get(part)
    if found is None:
        return {}
    try:
        values = _value(found, 0)
    except RecursionError:
        raise NotAState(f"`{part}` of {_text_of(urn)} is nested deeper than {MAX_DEPTH} levels") from None
    if isinstance(values, Secret):  # all of it is secret
        values = values.value if values.known else {}
    if not isinstance(values, dict):
        damaged(f"`{part}` of {_text_of(urn)} is not an object")
    return values


def _value(raw: Any, depth: int) -> Any:
    """Return a value of the state with Pulumi's envelopes opened; RecursionError if it is nested too deep."""
    if depth > MAX_DEPTH:
        raise RecursionError
    match raw:
        case dict() if _SIGNATURE in raw:
            return _opened(raw, raw[_SIGNATURE], depth)
        case dict():
            return {key: _value(item, depth + 1) for key, item in raw.items()}
        case list():
            return [_value(item, depth + 1) for item in raw]
        case str() if raw == _UNKNOWN:
            return UNKNOWN
    return raw


def _opened(raw: Mapping[str, Any], sign: Any, depth: int) -> Any:
    if sign == _SECRET:
        if isinstance(plain := raw.get("plaintext"), str):  # JSON in a text
            try:
                return Secret(_value(json.loads(plain, parse_float=finite, parse_constant=no_number), depth + 1), True)
            except ValueError:
                return Secret()
        return Secret(_value(raw["value"], depth + 1), True) if "value" in raw else Secret()
    if sign == _RESOURCE:  # a reference to a resource stands for its id
        return _value(raw.get("id", UNKNOWN), depth + 1)
    if sign == _OUTPUT:
        inner = _value(raw["value"], depth + 1) if "value" in raw else UNKNOWN
        return Secret(inner, inner is not UNKNOWN) if raw.get("secret") is True else inner
    return UNKNOWN  # assets and archives hold files, which no node has


def _pending(deployment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    operations = deployment.get("pending_operations")
    for item in operations if isinstance(operations, list) else ():
        if isinstance(item, dict) and isinstance(item.get("resource"), dict):
            yield _text_of(item.get("type")) or "changing", _text_of(item["resource"].get("urn"))
