"""A deployed value in the words of the graph: where the graph refers to something, so does the result, if what is
deployed is what the reference gives now.

So a graph can be compared with a state: a state holds `"vpc-0a1"` where the graph holds the id of a node.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from components.graph import Format, JsonText, Ref, StackOutput, Value
from components.json_text import plain_text
from stacks.changes import ENTRY_KEYS, same
from stacks.diff import covers
from stacks.sensitive import HIDDEN
from stacks.state import UNKNOWN, Secret

Keys = tuple[str, ...]


class New(Enum):
    """What a reference to something that is not deployed gives."""

    NEW = "new"


NEW: Final = New.NEW

Resolve = Callable[[Ref | StackOutput], Any]
"""What a reference gives now: a value, a `Secret`, `UNKNOWN`, or `NEW`."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A value of which nobody can say whether it changes, and why: it is secret, or its source is not known."""

    path: Keys
    reason: str


SECRET = "secret"
_MOST_PAIRS = 250_000
"""Lists of which more entries would have to be compared each with each are compared by position."""


@dataclass(slots=True)
class Lift:
    """How the inputs of one node are lifted; collects the `doubts` on the way.

    `extra` says whether a key that only the state has was put there by the provider: it gets the path of the map,
    the map and the key. `loose`: the provider takes `"1"` for `1`. `json_texts`: nested values are deployed as text.
    `unordered` says which lists are sets. `in_text`: now inside a JSON text, in which every key and null counts.
    """

    resolve: Resolve
    extra: Callable[[Keys, Mapping[str, Any], str], bool] = lambda path, values, key: False
    ignored: Sequence[str] = ()
    loose: bool = False
    json_texts: bool = False
    unordered: Callable[[Keys], bool] = lambda path: False
    doubts: list[Doubt] = field(default_factory=list)
    in_text: bool = False

    def value(self, new: Value, old: Any, path: Keys = ()) -> Value:
        """Return `new` itself if `old` is what it gives, or nobody can say; else `old` in its words."""
        if any(covers(pattern, path) for pattern in self.ignored):
            return new  # the engine keeps what is there
        if isinstance(old, Secret):
            return self._secret(new, old, path)
        if old is UNKNOWN:
            return self._doubted(new, path, "the state does not hold it")
        match new:
            case Ref() | StackOutput():
                return self._reference(new, old, path)
            case Format():
                return self._text(new, old, path)
            case JsonText():
                return self._json(new, old, path)
            case Mapping():
                if self.json_texts and isinstance(old, str):
                    return self._unpacked(new, old, path)
                return self._map(new, old, path) if isinstance(old, Mapping) else concrete(old)
            case list() | tuple():
                if self.json_texts and isinstance(old, str):
                    return self._unpacked(new, old, path)
                return self._list(new, old, path) if isinstance(old, list) else concrete(old)
        as_text = (self.loose or self.json_texts) and not self.in_text
        if same(new, old) or (as_text and _reads_as(new, old)):
            return new
        return concrete(old)

    def _doubted(self, new: Value, path: Keys, reason: str) -> Value:
        self.doubts.append(Doubt(path, reason))
        return new

    def _secret(self, new: Value, old: Secret, path: Keys) -> Value:
        if not old.known:
            return self._doubted(new, path, SECRET)
        lifted = self.value(new, old.value, path)
        return new if lifted is new else _hidden(lifted, new)

    def _reference(self, new: Ref | StackOutput, old: Any, path: Keys) -> Value:
        now = self.resolve(new)
        if now is NEW:
            return concrete(old)
        if isinstance(now, Secret):
            if not now.known:
                return self._doubted(new, path, SECRET)
            now = now.value
        if now is UNKNOWN:
            return self._doubted(new, path, _source(new))
        # a number may have become text on its way into the other resource
        return new if same(now, old) or _reads_as(now, old) else concrete(old)

    def _text(self, new: Format, old: Any, path: Keys) -> Value:
        """Compare a text part by part; what is not known of it may be anything."""
        if not isinstance(old, str):
            return concrete(old)
        pattern, reason = "", ""
        for part in new.parts:
            now = part if isinstance(part, str) else self.resolve(part)
            if now is NEW:
                return old
            if isinstance(now, Secret):
                now, reason = (now.value, reason) if now.known else (UNKNOWN, reason or SECRET)
            text = None if _holds_more(now) else plain_text(now)
            if text is None:
                reason = reason or _source(part)
            pattern += ".*" if text is None else re.escape(text)
        if not re.fullmatch(pattern, old, re.DOTALL):
            return old
        return self._doubted(new, path, reason) if reason else new

    def _json(self, new: JsonText, old: Any, path: Keys) -> Value:
        if not isinstance(old, str):
            return concrete(old)
        try:
            inside = json.loads(old)
        except (ValueError, RecursionError):
            return old
        outer, self.in_text = self.in_text, True
        lifted = self.value(new.value, inside, path)
        self.in_text = outer
        return new if lifted is new.value else JsonText(lifted)

    def _unpacked(self, new: Value, old: str, path: Keys) -> Value:
        """Lift a nested setting of a provider, which the engine takes as JSON text."""
        try:
            inside = json.loads(old)
        except (ValueError, RecursionError):
            return old
        return self.value(new, inside, path) if isinstance(inside, dict | list) else old

    def _map(self, new: Mapping[str, Value], old: Mapping[str, Any], path: Keys) -> Value:
        lifted: dict[str, Value] = {}
        changed = False
        for key, value in new.items():
            inner = (*path, key)
            if key in old:
                lifted[key] = self.value(value, old[key], inner)
                changed |= lifted[key] is not value
            elif (value is None and not self.in_text) or any(covers(pattern, inner) for pattern in self.ignored):
                lifted[key] = value
            else:
                changed = True
        for key in old.keys() - new.keys():
            inner = (*path, key)
            nothing = not self.in_text and (old[key] is None or self.extra(path, old, key))
            if nothing or any(covers(p, inner) for p in self.ignored):
                continue
            lifted[key], changed = concrete(old[key]), True
        return lifted if changed else new

    def _list(self, new: Sequence[Value], old: Sequence[Any], path: Keys) -> Value:
        if self.unordered(path) and not self.in_text and len(new) * len(old) <= _MOST_PAIRS:
            old = self._in_order_of(new, old, path)
        before = len(self.doubts)
        if len(new) == len(old):
            lifted = [self.value(n, o, path) for n, o in zip(new, old, strict=True)]
            if all(a is b for a, b in zip(lifted, new, strict=True)):
                return new
            if len(new) == 1 or len(new) * len(old) > _MOST_PAIRS:
                return lifted
        elif len(new) * len(old) > _MOST_PAIRS:
            return [concrete(o) for o in old]
        del self.doubts[before:]
        return self._aligned(new, old, path)

    def _in_order_of(self, new: Sequence[Value], old: Sequence[Any], path: Keys) -> Sequence[Any]:
        """Return the entries of a deployed set in the order of the graph; those that it lacks come last."""
        rest, found = list(old), []
        before = len(self.doubts)
        for candidate in new:
            for place, entry in enumerate(rest):
                if self.value(candidate, entry, path) is candidate:
                    found.append(rest.pop(place))
                    break
        del self.doubts[before:]  # they are told when the entries are lifted
        return [*found, *rest]

    def _aligned(self, new: Sequence[Value], old: Sequence[Any], path: Keys) -> list[Value]:
        """Lift each entry towards the one that it is, or that has its name."""
        free = dict(enumerate(new))
        out: list[Value] = []
        for position, entry in enumerate(old):
            names = _names(entry)
            before = len(self.doubts)
            like = None
            for place, candidate in sorted(free.items(), key=lambda item: abs(item[0] - position)):
                if self.value(candidate, entry, path) is candidate:
                    like = place
                    break
                del self.doubts[before:]
                if like is None and names and names & _names(candidate):
                    like = place
            else:
                if like is None and len(new) == len(old) and position in free:
                    like = position
            out.append(concrete(entry) if like is None else self.value(free.pop(like), entry, path))
        return out


def concrete(old: Any) -> Value:
    """Return a deployed value as plain JSON: what is secret hidden, what the provider keeps for itself left out."""
    match old:
        case Secret():
            return HIDDEN
        case Mapping():
            return {key: concrete(item) for key, item in old.items() if key != "__defaults"}
        case list() | tuple():
            return [concrete(item) for item in old]
    return None if old is UNKNOWN else old


def _reads_as(now: Any, old: Any) -> bool:
    """Say whether a scalar reads as another one does: `"1"` and `1`."""
    scalars = isinstance(now, str | int | float) and isinstance(old, str | int | float)
    return scalars and plain_text(now) == plain_text(old)


def _holds_more(value: Any) -> bool:
    """Say whether something in a deployed value is secret or not known, so that it has no text."""
    match value:
        case Mapping():
            return any(_holds_more(item) for item in value.values())
        case list() | tuple():
            return any(_holds_more(item) for item in value)
    return value is UNKNOWN or isinstance(value, Secret)


def _hidden(lifted: Value, new: Value) -> Value:
    """Hide what differs in a secret value; what is as in the graph is known from there."""
    if lifted is new:
        return new
    if isinstance(lifted, Mapping) and isinstance(new, Mapping):
        return {key: _hidden(item, new[key]) if key in new else HIDDEN for key, item in lifted.items()}
    return HIDDEN


def _names(entry: Any) -> set[tuple[str, str]]:
    if not isinstance(entry, Mapping):
        return set()
    found = ((key, entry[key]) for key in ENTRY_KEYS if key in entry)
    return {(key, str(value)) for key, value in found if isinstance(value, str | int)}


def _source(part: Value) -> str:
    match part:
        case Ref():
            return f"the state does not hold `{part.attribute}` of `{part.node}`"
        case StackOutput():
            return f"what the {part.layer} stack gives as `{part.name}` is not known"
    return "the state does not hold it"
