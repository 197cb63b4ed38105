"""Why a value is what it is: type, value, where it comes from, and what it compiles to. Pure."""

from __future__ import annotations

import json
import re
import typing
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from components.resolve.platform import Explained
from specs.schema.base import Section
from specs.schema.walk import Place, choices, options, place
from specs.tree import Path, Tree, at, dotted
from stacks.compilation import Compilation

PAGES = FilePath(__file__).resolve().parents[1] / "specs" / "explain"
"""One page a diagnostic code."""

POLICY_PAGES = FilePath(__file__).resolve().parents[1] / "policies" / "explain"
"""One page a policy."""

_PART = re.compile(r"[^.\[\]]+|\[[0-9]{1,6}\]")
_PATH = re.compile(r"[^.\[\]]+(\.[^.\[\]]+|\[[0-9]{1,6}\])*")


@dataclass(frozen=True, slots=True)
class Setting:
    """One decided value, and the environments and targets in which it is so."""

    path: str
    item: Explained
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of a spec path. `nodes` are ids by stack."""

    path: str
    type: str
    description: str
    settings: tuple[Setting, ...]
    nodes: dict[str, tuple[str, ...]]


def page(code: str) -> str | None:
    """Return the page of a diagnostic code or a policy, or None if there is neither."""
    if not re.fullmatch(r"[a-z0-9-]+", code):
        return None
    files = (folder / f"{code}.md" for folder in (PAGES, POLICY_PAGES))
    return next((file.read_text(encoding="utf-8") for file in files if file.is_file()), None)


def codes() -> tuple[str, ...]:
    """Return every diagnostic code that has a page."""
    return tuple(sorted(p.stem for p in PAGES.glob("*.md")))


def split(path: str) -> tuple[str | int, ...]:
    """Return the parts of a written path; nothing for text that is no path.

    Example:
        >>> split("api.allow[0]"), split("serving[chat]")
        (('api', 'allow', 0), ())
    """
    if not _PATH.fullmatch(path):
        return ()
    return tuple(int(p[1:-1]) if p.startswith("[") else p for p in _PART.findall(path))


def explain(compilation: Compilation, tree: Tree, path: str) -> Explanation | None:
    """Return what is known of a path in every environment and target, or None if the spec has no such path.

    `tree` is the spec before overlays. A key that the spec leaves out is there with its default; a name that
    it gives to nothing is not.
    """
    parts = split(path)
    if not parts:
        return None
    merged: dict[tuple[str, str], tuple[Explained, list[str]]] = {}
    for stack in compilation.stacks:
        where = f"{stack.environment} at {stack.target}"
        for known, item in stack.values.items():
            if known == path or known.startswith((f"{path}.", f"{path}[")):
                key = (known, json.dumps([item.value, item.where, item.overlay, item.reason], default=str))
                places = merged.setdefault(key, (item, []))[1]
                if where not in places:
                    places.append(where)
    settings = tuple(Setting(where, item, tuple(places)) for (where, _), (item, places) in sorted(merged.items()))
    nodes = _nodes(compilation, path)
    provider = _provider(compilation, path)
    there = place(parts, provider)
    if not settings and not _is_there(compilation, tree, parts, provider):
        return None
    kind, about = (kind_of(there), there.description) if there else ("computed", "")
    return Explanation(path, kind, about, settings, nodes)


def _nodes(compilation: Compilation, path: str) -> dict[str, tuple[str, ...]]:
    """Return what the path causes by the name of the stack; of the sites of a target where it is the same one is
    named, and the others are counted."""
    alike: dict[tuple[str, str, str, tuple[str, ...]], list[str]] = {}
    named = split(path)[3:4] if split(path)[2:3] == ("sites",) else ()
    for stack in compilation.stacks:
        ids = _caused(stack.graph.nodes, path)
        if not ids or (named and stack.site != named[0]):
            continue
        place = (stack.environment, stack.target, stack.layer) if stack.site else (stack.name, "", "")
        alike.setdefault((*place, ids), []).append(stack.name)
    more = {key: f" and at {len(names) - 1:,} further sites" if len(names) > 1 else "" for key, names in alike.items()}
    return {names[0] + more[key]: key[3] for key, names in alike.items()}


def _is_there(compilation: Compilation, tree: Tree, parts: Path, provider: str) -> bool:
    """Say whether the spec has something at the path, or a map whose schema has the last key."""
    if not parts or at(tree, parts) is not None:
        return True
    written = dotted(parts)
    if any(v.startswith(f"{written}.") or v == written for s in compilation.stacks for v in s.values):
        return True
    above, below = place(parts[:-1], provider), place(parts, provider)
    is_key = above is not None and above.section is not None and below is not None
    return is_key and _is_there(compilation, tree, parts[:-1], provider)


def _caused(nodes: Any, path: str) -> tuple[str, ...]:
    """Return the nodes that the path causes: those of its own, or of the nearest thing above it that has any."""
    parts = split(path)
    # a server may be kept away from a target, and what others have there is none of its business
    least = 1 if parts[:1] == ("serving",) and len(parts) > 1 else 0
    for length in range(len(parts), least, -1):
        above = dotted(parts[:length])
        ids = tuple(n.id for n in nodes if n.origin == above or n.origin.startswith(f"{above}."))
        if ids:
            return ids
    return ()


def _provider(compilation: Compilation, path: str) -> str:
    parts = split(path)
    for stack in compilation.stacks:
        if len(parts) > 1 and parts[0] == "targets" and stack.target == parts[1]:
            found = stack.values.get(f"targets.{stack.target}.provider")
            return str(found.value) if found else ""
    return ""


def kind_of(known: Place) -> str:
    """Return the type of what may stand at a place, in words."""
    allowed = choices(known.annotation)
    if known.section is not None:
        return "a map"
    if allowed and len(options(known.annotation)) == 1:
        return "one of " + ", ".join(f"`{a}`" for a in allowed)
    names = {
        str: "text",
        int: "a whole number",
        bool: "`true` or `false`",
        float: "a number",
        dict: "a map",
        tuple: "a list",
    }
    words: list[str] = []
    for option in options(known.annotation):
        base = typing.get_origin(option) or option
        word = "a map" if isinstance(base, type) and issubclass(base, Section) else names.get(base, "")
        if base is typing.Literal:
            word = "one of " + ", ".join(f"`{a}`" for a in typing.get_args(option))
        if word and word not in words:
            words.append(word)
    field = known.field
    has_unit = field is not None and any(
        type(m).__name__ == "BeforeValidator" for m in _metadata(field.annotation, field.metadata)
    )
    return "a quantity with its unit" if has_unit else " or ".join(words) or "a value"


def _metadata(annotation: Any, own: list[Any]) -> list[Any]:
    found = list(own)
    for item in (annotation, *typing.get_args(annotation)):
        found.extend(getattr(item, "__metadata__", ()))
    return found
