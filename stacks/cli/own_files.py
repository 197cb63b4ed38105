"""Writing a folder of which only some files are llmform's: what differs is written, what is stale removed, and what
somebody else wrote left alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from stacks.cli.output import write_whole
from stacks.cli.session import UsageError


def refuse_foreign(folder: Path, files: Iterable[str], ours: Callable[[str], bool], writer: str, advice: str) -> None:
    """Raise UsageError if a file that would be written is there and `ours` does not know it, or something is in the
    place of a folder that it goes into."""
    paths = tuple(files)
    foreign = [path for path in paths if os.path.lexists(folder / path) and not ours(path)]
    folders = {above.as_posix() for path in paths for above in PurePosixPath(path).parents} - {"."}
    foreign += sorted(name for name in folders if _in_the_way(folder / name))
    if foreign:
        shown = ", ".join(f"`{(folder / path).as_posix()}`" for path in foreign[:5]) + (", …" if foreign[5:] else "")
        raise UsageError(f"not written by {writer}: {shown}; no file was changed", advice)


def write_files(
    folder: Path, files: Mapping[str, str], present: Callable[[], Iterable[str]]
) -> tuple[list[str], list[str]]:
    """Write what differs and remove what is stale; return both. What may not be written was refused before.

    `present` yields the files that an earlier run left. Each file is written whole, in the order of `files`, and all
    of them before anything is removed: a list that comes after the files it names is never wrong, and after an
    interruption the next run finishes. Raises OSError if the disk refuses.
    """
    written = []
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if text_of(folder / path) != text:
            write_whole(folder / path, text)
            written.append(path)
    removed = [path for path in present() if path not in files]
    for path in removed:
        (folder / path).unlink(missing_ok=True)
        for parent in (folder / path).parents:
            if parent == folder or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()
    return written, removed


def first_line(path: Path) -> str:
    """Return a file's first line, empty if it cannot be read."""
    return (text_of(path) or "").partition("\n")[0]


def text_of(path: Path) -> str | None:
    """Return what is in a file; None if it cannot be read. Line ends are made one: a checkout may have others."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _in_the_way(folder: Path) -> bool:
    return os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir())
