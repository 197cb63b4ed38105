"""What a report is made of beside the plan, and where it goes: pictures, sizing, links, a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stacks.cli.session import UsageError, write

if TYPE_CHECKING:
    from components.resolve.platform import Platform
    from stacks.compilation import Compilation
    from stacks.review import SpecReview

_BASE = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.:-]*(?:/[A-Za-z0-9._~%!+,@/-]*)?")


def link_base(given: str) -> str:
    """Return the address that links begin with; UsageError if it is none, or holds what could end a link."""
    if given and not _BASE.fullmatch(given):
        raise UsageError(
            f"`--link-base {given}` is no address of a folder",
            "write one such as `https://github.com/o/r/blob/SHA/`, with a commit, not a branch that moves on",
        )
    return given


def with_pictures(
    review: SpecReview, before: Compilation | None, after: Compilation, platforms: Iterable[Platform]
) -> SpecReview:
    """Return the review with the picture of every stack that changes, and the sizing of every model server."""
    from stacks.picture import picture
    from stacks.sizing import sizing_of

    old = {s.name: s for s in before.stacks} if before else {}
    new = {s.name: s for s in after.stacks}
    changing = [s for s in review.plan.stacks if s.status != "unchanged"]
    pictures = {s.name: picture(old.get(s.name), new.get(s.name), s.steps) for s in changing}
    places = {(s.environment, s.target) for s in after.stacks}
    shown = [p for p in platforms if (p.environment, p.target.name) in places]
    servers = dict.fromkeys(server.name for p in shown for server in p.servers)
    sizing = tuple(one for server in servers for one in sizing_of(shown, server))
    return replace(review, pictures=pictures, sizing=sizing)


def write_out(name: str, text: str) -> None:
    """Write to a file, whole or not at all, or to standard output (`-`); UsageError if it cannot be."""
    if name == "-":
        write(text)
        return
    from stacks.cli.compile import write_whole

    write_whole(Path(name), text.encode("utf-8", "backslashreplace").decode())
