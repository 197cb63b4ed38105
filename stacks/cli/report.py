"""Where the links of a report lead."""

from __future__ import annotations

import re

from stacks.cli.session import UsageError

_BASE = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.:-]*(?:/[A-Za-z0-9._~%!+,@/-]*)?")


def link_base(given: str) -> str:
    """Return the address that links begin with; UsageError if it is none, or holds what could end a link."""
    if given and not _BASE.fullmatch(given):
        raise UsageError(
            f"`--link-base {given}` is no address of a folder",
            "write one such as `https://github.com/o/r/blob/SHA/`, with a commit, not a branch that moves on",
        )
    return given
