"""Files beside a spec that exist only in a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from posixpath import normpath


@dataclass(frozen=True, slots=True)
class MemoryFiles:
    """A spec's folder as a map of names (`k8s/a.yaml`) to contents."""

    contents: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, name: str) -> bytes | None:
        """Return a file's content, as `specs.files.Files` says."""
        return self.contents.get(normpath(name))

    def names(self, folder: str) -> tuple[str, ...] | None:
        """Return the names of the files directly in a folder, sorted, or None if nothing is in it."""
        inside = "" if normpath(folder) == "." else f"{normpath(folder)}/"
        found = sorted(n[len(inside) :] for n in self.contents if n.startswith(inside))
        return tuple(n for n in found if "/" not in n) if found else None
