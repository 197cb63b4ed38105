"""The list of a model's files with their checksums, the marker that vouches for it, and the names files may have."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeGuard

FOLDER = ".llmform"
MANIFEST = f"{FOLDER}/manifest.json"
COMPLETE = f"{FOLDER}/complete"


@dataclass(frozen=True, order=True)
class File:
    """One file of a model. `path` is relative to the place, with slashes; `size` is in bytes; `sha256` in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The files that a place holds once it is finished, by path, and where they come from."""

    source: str
    files: tuple[File, ...]

    def text(self) -> bytes:
        """Return `manifest.json`: the same bytes for the same files, whoever writes it."""
        files = [{"path": f.path, "bytes": f.size, "sha256": f.sha256} for f in sorted(self.files)]
        whole = {"format": 1, "source": self.source, "files": files}
        return json.dumps(whole, indent=1, ensure_ascii=True).encode() + b"\n"

    def seal(self) -> bytes:
        """Return the content of `complete`: the SHA-256 of `manifest.json`, in hex."""
        return hashlib.sha256(self.text()).hexdigest().encode()


def read(text: bytes) -> Manifest:
    """Return the manifest that a place holds; raise ValueError where it is none, or names a file that cannot be."""
    whole = json.loads(text)
    if not isinstance(whole, dict) or whole.get("format") != 1:
        raise ValueError("not a manifest of format 1")
    source, entries = whole.get("source"), whole.get("files")
    if not isinstance(source, str) or not isinstance(entries, list):
        raise ValueError("a manifest without source or files")
    files = tuple(sorted(_file(entry) for entry in entries))
    check_paths(f.path for f in files)
    return Manifest(source, files)


def _file(entry: Any) -> File:
    if not isinstance(entry, dict):
        raise ValueError("an entry that is no file")
    path, size, sha256 = entry.get("path"), entry.get("bytes"), entry.get("sha256")
    if not isinstance(path, str) or not is_size(size) or not is_hex(sha256, 64):
        raise ValueError("an entry without path, bytes or sha256")
    return File(path, size, sha256)


def is_size(value: object) -> TypeGuard[int]:
    """Return whether this is a count of bytes."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_hex(value: object, digits: int) -> TypeGuard[str]:
    """Return whether this is a checksum of so many digits, in lower case."""
    return isinstance(value, str) and len(value) == digits and not set(value) - set("0123456789abcdef")


def check_paths(paths: Iterable[str]) -> None:
    """Raise ValueError unless all of these can stand below one folder, in any store, without touching each other.

    Refused are names that lead out of the folder, names of the program's own, control characters, which neither S3's
    listings nor logs carry unharmed, and a file that would have to be another's folder.
    """
    seen: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        parts = path.split("/")
        if not path.isprintable() and any(ord(c) < 32 or ord(c) == 127 for c in path):
            raise ValueError(f"{path!r} has a control character")
        if any(0xD800 <= ord(c) <= 0xDFFF for c in path):
            raise ValueError(f"{path!r} is not Unicode text")
        if any(part in ("", ".", "..") for part in parts):
            raise ValueError(f"{path!r} is not a name below a folder")
        if parts[0].casefold() == FOLDER:
            raise ValueError(f"{path!r} is a name that the mirror keeps for itself")
        if path in seen:
            raise ValueError(f"{path!r} is there twice")
        seen.add(path)
        folders |= {"/".join(parts[:depth]) for depth in range(1, len(parts))}
    if both := sorted(seen & folders):
        raise ValueError(f"{both[0]!r} is a file and a folder")
