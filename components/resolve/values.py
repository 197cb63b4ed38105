"""The record of decided values: each with the place it stands at, or the reason for it."""

from __future__ import annotations

from typing import Any, TypeVar

from components.resolve.platform import Explained
from specs.diagnostics import Span
from specs.tree import Path, Tree, at, dotted, leaves

T = TypeVar("T")


class Values:
    """Collects decided values while a platform is resolved."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._known: dict[str, Explained] = {}

    def put(self, path: Path, value: T, reason: str, shown: Any = None) -> T:
        """Record a value and return it: as given if the spec has the path, else with the reason for it.

        `shown` is what is recorded when the value itself is not JSON.
        """
        found = at(self._tree, path)
        recorded = value if shown is None else shown
        if found is not None:
            self._known[dotted(path)] = Explained(recorded, str(found.span), found.overlay)
        else:
            self._known[dotted(path)] = Explained(recorded, reason=reason)
        return value

    def read(self, path: str, value: Any, span: Span) -> None:
        """Record a value that stands in another file than the spec."""
        self._known[path] = Explained(value, str(span))

    def done(self) -> dict[str, Explained]:
        """Return everything recorded, and every other value of the spec as it stands."""
        for path, leaf in leaves(self._tree):
            text = dotted(path)
            if any(dotted(path[:length]) in self._known for length in range(1, len(path))):
                continue  # a part of a value that is recorded whole
            empty: Any = {} if isinstance(leaf.value, dict) else []
            value = empty if isinstance(leaf.value, dict | tuple) else leaf.value
            self._known.setdefault(text, Explained(value, str(leaf.span), leaf.overlay))
        return dict(sorted(self._known.items()))
