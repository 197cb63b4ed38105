"""Where a report goes, and where its links lead."""

from __future__ import annotations

import re
from pathlib import Path

from stacks.cli.session import UsageError, write

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
