"""Two values → their differences, and back: the part of a diff that knows nothing of resources.

A list is compared by what its entries are (the `name` of a container, the flag of an argument), so that one added
entry is one difference. `patch(before, differences(before, after))` equals `after`.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from typing import Any

from components.graph import Format, JsonText, Ref, StackOutput, Value, references
from components.graph_json import encode_value


class Absent(Enum):
    """The one value of a property that is not there."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT

ENTRY_KEYS = (
    "name",
    "key",
    "containerPort",
    "port",
    "mountPath",
    "devicePath",
    "topologyKey",
    "ip",
    "uid",
    "Sid",
    "addonName",
)
"""What tells the entries of a list of maps apart, the first that all entries have and no two share.

The merge keys of a PodSpec and a Service (OpenAPI of kube-apiserver 1.34.4, recorded 2026-11-21), the `key` of node
selector terms and taints, the `Sid` of IAM statements.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a list: its position (from 0) on each side, None where it is not there, and its own name."""

    before: int | None
    after: int | None
    name: str = ""


Path = tuple[str | Entry, ...]

Unsettled = Callable[[Ref | StackOutput], str]
"""For a reference whose value changes in the apply: the id of the cause; else an empty string."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that differs.

    With a `cause` the two values are the same reference, whose value is new after apply. Without one, equal
    values are a list entry that only moved.
    """

    path: Path
    before: Value | Absent
    after: Value | Absent
    cause: str = ""


def written(path: Path) -> str:
    """Return the path as people write it.

    Example:
        >>> written(("spec", "containers", Entry(0, 0, "vllm"), "args", Entry(3, 3)))
        'spec.containers[vllm].args[3]'
        >>> written(("limits", "nvidia.com/gpu"))
        'limits["nvidia.com/gpu"]'
    """
    text = ""
    for step in path:
        if isinstance(step, Entry):
            position = step.after if step.after is not None else step.before
            text += f"[{step.name or position}]"
        elif re.fullmatch(r"[A-Za-z_$][\w$-]*", step, re.ASCII):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def keys(path: Path) -> tuple[str, ...]:
    """Return the map keys of a path: list positions play no part in what a change does."""
    return tuple(step for step in path if isinstance(step, str))


def same(a: Value, b: Value) -> bool:
    """Say whether two values are the same to the engine: `1` and `1.0` are, `1` and `true` are not."""
    if a is b:
        return True
    if isinstance(a, str):  # most values are
        return bool(a == b)
    if isinstance(a, bool) or isinstance(b, bool):
        return False
    if isinstance(a, dict) and isinstance(b, dict):
        return len(a) == len(b) and all([key in b and same(item, b[key]) for key, item in a.items()])
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, JsonText) and isinstance(b, JsonText):
        return same(a.value, b.value)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return same(dict(a), dict(b))
    return bool(a == b)


def differences(before: Value, after: Value, unsettled: Unsettled | None = None) -> Iterator[Difference]:
    """Yield what differs, in the order of the keys; with `unsettled` also what will be new after apply."""
    yield from _compare((), before, after, unsettled)


def _compare(path: Path, before: Value, after: Value, unsettled: Unsettled | None) -> Iterator[Difference]:
    if unsettled is None and same(before, after):
        return
    match before, after:
        case JsonText(), JsonText():
            nested = list(_compare(path, before.value, after.value, unsettled))
            # A text whose whole value changes is one change of the text.
            yield from [Difference(path, before, after, d.cause) if d.path == path else d for d in nested]
        case Mapping(), Mapping():
            for key in sorted({*before, *after}, key=str):
                inner = (*path, key)
                if key not in after:
                    yield Difference(inner, before[key], ABSENT)
                elif key not in before:
                    yield Difference(inner, ABSENT, after[key])
                else:
                    yield from _compare(inner, before[key], after[key], unsettled)
        case ((list() | tuple()), (list() | tuple())):
            yield from _compare_lists(path, before, after, unsettled)
        case _ if not same(before, after):
            yield Difference(path, before, after)
        case _ if unsettled is not None:
            causes = sorted({cause for ref in references(after) if (cause := unsettled(ref))})
            if causes:
                yield Difference(path, before, after, causes[0])


def _compare_lists(
    path: Path, before: Sequence[Value], after: Sequence[Value], unsettled: Unsettled | None
) -> Iterator[Difference]:
    entries = _align(before, after)
    in_order = _longest_rising([e for e in entries if e.before is not None and e.after is not None])
    for entry in entries:
        inner = (*path, entry)
        if entry.after is None:
            assert entry.before is not None
            yield Difference(inner, before[entry.before], ABSENT)
        elif entry.before is None:
            yield Difference(inner, ABSENT, after[entry.after])
        else:
            old, new = before[entry.before], after[entry.after]
            found = list(_compare(inner, old, new, unsettled))
            if not found and entry not in in_order:
                found = [Difference(inner, old, new)]
            yield from found


def _align(before: Sequence[Value], after: Sequence[Value]) -> list[Entry]:
    """Return which entry became which, by their own names where they have them, else by the longest common run."""
    named = _names(before, after)
    if named:
        old, new = named
        where = {name: i for i, name in enumerate(old)}
        shown = isinstance(before[0] if before else after[0], Mapping)  # an argument is shown by its position
        kept = [Entry(where.get(name), j, name if shown else "") for j, name in enumerate(new)]
        gone = [Entry(i, None, name if shown else "") for name, i in where.items() if name not in set(new)]
        return kept + gone
    old_texts, new_texts = _texts(before), _texts(after)
    out: list[Entry] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old_texts, new_texts, autojunk=False).get_opcodes():
        if tag == "equal" or (tag == "replace" and i2 - i1 == j2 - j1):
            out.extend(Entry(i, j) for i, j in zip(range(i1, i2), range(j1, j2), strict=True))
        else:
            out.extend(Entry(i, None) for i in range(i1, i2))
            out.extend(Entry(None, j) for j in range(j1, j2))
    return out


def _texts(items: Sequence[Value]) -> list[str]:
    return [json.dumps(encode_value(item), sort_keys=True) for item in items]


def _names(before: Sequence[Value], after: Sequence[Value]) -> tuple[list[str], list[str]] | None:
    """Return what names the entries of both lists, unique in each, or None if nothing does."""
    items = [*before, *after]
    if items and all(isinstance(item, Mapping) for item in items):
        for key in ENTRY_KEYS:
            if all(isinstance(item.get(key), str | int) for item in items):
                both = [str(i[key]) for i in before], [str(i[key]) for i in after]
                if _unique(both):
                    return both
    if items and all(isinstance(item, str) for item in items) and any(i.startswith("--") for i in items):
        both = _flags(before), _flags(after)
        if _unique(both):
            return both
    return None


def _unique(both: tuple[list[str], list[str]]) -> bool:
    return all(len(set(side)) == len(side) for side in both)


def _flags(arguments: Sequence[str]) -> list[str]:
    """Return the flag of each argument; what follows a flag without `=` is that flag's value."""
    out: list[str] = []
    for position, argument in enumerate(arguments):
        previous = arguments[position - 1] if position else ""
        if argument.startswith("-"):
            out.append(argument.split("=", 1)[0])
        elif previous.startswith("--") and "=" not in previous:
            out.append(f"{previous} …")
        else:
            out.append(argument)
    return out


def _longest_rising(pairs: Sequence[Entry]) -> set[Entry]:
    """Return a longest choice of pairs whose order is the same on both sides; the others moved."""
    ordered = sorted(pairs, key=lambda e: e.before or 0)
    ends: list[int] = []  # ends[n]: the smallest last position of a run of n + 1
    at: list[int] = []  # the pair behind each end
    previous: list[int] = []
    for index, pair in enumerate(ordered):
        assert pair.after is not None
        length = bisect_left(ends, pair.after)
        previous.append(at[length - 1] if length else -1)
        ends[length:] = [pair.after] if length == len(ends) else [pair.after, *ends[length + 1 :]]
        at[length:] = [index] if length == len(at) else [index, *at[length + 1 :]]
    chosen: set[Entry] = set()
    index = at[-1] if at else -1
    while index >= 0:
        chosen.add(ordered[index])
        index = previous[index]
    return chosen


def patch(value: Value, changes: Iterable[tuple[Path, Value | Absent]]) -> Value:
    """Return the value with the differences applied: pairs of a path and what stands there afterwards."""
    listed = list(changes)
    if not listed:
        return value
    if not listed[0][0]:
        return listed[0][1]
    if isinstance(value, JsonText):
        return JsonText(patch(value.value, listed))
    grouped: dict[Any, list[tuple[Path, Value | Absent]]] = defaultdict(list)
    for path, after in listed:
        step = path[0]
        grouped[step if isinstance(step, str) else (step.before, step.after)].append((path[1:], after))
    if isinstance(value, Mapping):
        out = dict(value)
        for key, inner in grouped.items():
            result = patch(value.get(key), inner)
            if result is ABSENT:
                del out[key]
            else:
                out[key] = result
        return out
    return _patch_list(value, grouped)


def _patch_list(value: Sequence[Value], grouped: Mapping[Any, list[tuple[Path, Value | Absent]]]) -> list[Value]:
    """Put the entries that the differences name where they say; the rest keep their order around them."""
    named = {before for before, _ in grouped}
    gone = sum(after is None for _, after in grouped)
    new = sum(before is None for before, _ in grouped)
    slots: list[Any] = [ABSENT] * (len(value) - gone + new)
    for (before, after), inner in grouped.items():
        if after is not None:
            slots[after] = patch(value[before] if before is not None else None, inner)
    rest = (item for position, item in enumerate(value) if position not in named)
    return [next(rest) if slot is ABSENT else slot for slot in slots]


def leaves(value: Value) -> int:
    """Return how many single values a value holds; an empty map or list counts as one."""
    match value:
        case JsonText():
            return leaves(value.value)
        case Mapping():
            return sum(map(leaves, value.values())) or 1
        case list() | tuple():
            return sum(map(leaves, value)) or 1
    return 1


def renamed(value: Value, names: Mapping[str, str]) -> Value:
    """Return the value with every reference to a renamed node under its new id."""
    match value:
        case Ref():
            return Ref(names.get(value.node, value.node), value.attribute)
        case Format():
            return Format(tuple(renamed(part, names) for part in value.parts))
        case JsonText():
            return JsonText(renamed(value.value, names))
        case Mapping():
            return {key: renamed(item, names) for key, item in value.items()}
        case list() | tuple():
            return [renamed(item, names) for item in value]
    return value
