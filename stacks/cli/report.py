"""Where a report goes, and where its links lead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from stacks.cli.session import UsageError, read_spec, write
from stacks.cli.specs import ENDINGS, begins_spec

_BASE = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.:-]*(?:/[A-Za-z0-9._~%!+,@/-]*)?")


def link_base(given: str) -> str:
    """Return the address that links begin with; UsageError if it is none, or holds what could end a link."""
    if given and not _BASE.fullmatch(given):
        raise UsageError(
            f"`--link-base {given}` is no address of a folder",
            "write one such as `https://github.com/o/r/blob/SHA/`, with a commit, not a branch that moves on",
        )
    return given


def write_out(name: str, text: str) -> None:
    """Write to a file, whole or not at all, or to standard output (`-`); UsageError if it cannot be."""
    if name == "-":
        write(text)
        return
    from stacks.cli.compile import write_whole

    write_whole(Path(name), text.encode("utf-8", "backslashreplace").decode())


def own_files(written: Iterable[str], read: Iterable[str]) -> None:
    """Raise UsageError if a file would be written twice, or in the place of a file that is read."""
    specs = {Path(name).resolve() for name in read}
    seen: set[Path] = set()
    for name in (name for name in written if name != "-"):
        path = Path(name).resolve()
        if path in specs or path.suffix in ENDINGS and path.is_file() and begins_spec(read_spec(name).data):
            raise UsageError(f"`{name}` is a spec, and would be lost", "name another file to write")
        if path in seen:
            raise UsageError(f"`{name}` would be written twice", "name a file for each form")
        seen.add(path)
