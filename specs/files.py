"""The files beside a spec that it may name (`manifests`), behind one small interface: a folder on disk or in a git
commit."""

from __future__ import annotations

from typing import Protocol


class Files(Protocol):
    """The folder of a spec. Names are relative to it, with `/`; nothing outside the folder is ever read."""

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if there is no such file inside the folder."""
        ...

    def names(self, folder: str) -> tuple[str, ...] | None:
        """Return the names of the files directly in a folder, sorted, or None if there is no such folder."""
        ...


class NoFiles:
    """A spec without files beside it (text that does not come from a folder)."""

    def read(self, name: str) -> bytes | None:
        return None

    def names(self, folder: str) -> tuple[str, ...] | None:
        return None
