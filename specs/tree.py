"""A spec as a tree of values that know where they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from specs.diagnostics import Span

Path = tuple[str | int, ...]
"""A place in a spec: map keys and list positions."""

Scalar = None | bool | int | float | str


@dataclass(frozen=True, slots=True)
class Tree:
    """A scalar, a map or a list, with the span of its text.

    `overlay` names the overlay that the value came from (`environments.prod`), empty for the spec itself.
    """

    value: Scalar | Mapping[str, Member] | tuple[Tree, ...]
    span: Span
    overlay: str = ""

    @property
    def members(self) -> Mapping[str, Member]:
        """The entries of a map; empty for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of a map: the span of its key, and its value."""

    key: Span
    tree: Tree


def plain(tree: Tree) -> Any:
    """Return the value as dicts, lists and scalars."""
    value = tree.value
    if isinstance(value, Mapping):
        return {name: plain(member.tree) for name, member in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def at(tree: Tree, path: Path) -> Tree | None:
    """Return what stands at the path, or None."""
    current = tree
    for part in path:
        value = current.value
        if isinstance(value, Mapping) and part in value:
            current = value[str(part)].tree
        elif isinstance(value, tuple) and isinstance(part, int) and 0 <= part < len(value):
            current = value[part]
        else:
            return None
    return current


def nearest(tree: Tree, path: Path) -> tuple[Path, Tree]:
    """Return the longest part of the path that is there, and what stands there."""
    known: list[str | int] = []
    current = tree
    for part in path:
        below = at(current, (part,))
        if below is None:
            break
        known.append(part)
        current = below
    return tuple(known), current


def key_span(tree: Tree, path: Path) -> Span:
    """Return the span of the key at the end of the path; of the value if it is no map entry."""
    _, found = nearest(tree, path)
    if not path:
        return found.span
    parent = at(tree, path[:-1])
    if parent is not None and path[-1] in parent.members:
        return parent.members[str(path[-1])].key
    return found.span


def leaves(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Tree]]:
    """Yield every scalar and every empty map or list with its path, in the order of the text."""
    value = tree.value
    if isinstance(value, Mapping) and value:
        for name, member in value.items():
            yield from leaves(member.tree, (*path, name))
    elif isinstance(value, tuple) and value:
        for position, item in enumerate(value):
            yield from leaves(item, (*path, position))
    else:
        yield path, tree


def dotted(path: Path) -> str:
    """Return the path as people write it.

    Example:
        >>> dotted(("api", "allow", 0))
        'api.allow[0]'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
