"""One comment for each selection of specs on a pull request: found by a hidden first line, updated or made."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import quote

from stacks.ci.rest import Refused

GONE = 404

_RUN = re.compile(r"<!-- run (\d{1,30})\.(\d{1,9}) -->")


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment. A larger `id` is younger; `author` is the login of who wrote it."""

    id: int
    author: str
    body: str


class Forge(Protocol):
    """The comments of one pull request, as a forge keeps them. Every method raises `Refused`."""

    longest: int
    """Characters that a comment may have."""

    def me(self) -> str:
        """Return the login that the token writes as."""
        ...

    def comments(self) -> list[Comment]:
        """Return all comments."""
        ...

    def create(self, body: str) -> None:
        """Write a new comment."""
        ...

    def update(self, id: int, body: str) -> None:
        """Replace the text of a comment."""
        ...

    def delete(self, id: int) -> None:
        """Take a comment away."""
        ...


Run = tuple[int, int]
"""Number and attempt of a run of CI. A larger one is later."""

Done = Literal["created", "updated", "left to a later run"]


def marker(selection: Sequence[str]) -> str:
    """Return the hidden line by which the comment of a selection is found again: paths for the reader, and a hash of
    all of it, in letters that cannot end the HTML comment.

    Example:
        >>> marker(["specs/a.yaml"])
        '<!-- llmform review specs/a.yaml b31d3ca29a6c56fd -->'
    """
    digest = hashlib.sha256(json.dumps(sorted(selection)).encode()).hexdigest()[:16]
    shown = " ".join(quote(path, errors="backslashreplace").replace("--", "%2D%2D") for path in selection)
    return f"<!-- llmform review {shown[:200]} {digest} -->"


def put(forge: Forge, mark: str, run: Run, text: str) -> Done:
    """Leave exactly one comment of ours with the mark, with this text, unless a later run has written it already.

    Two runs at once may both find none and both write one. Each looks again after that, and what is younger than the
    oldest is taken away by whoever sees it. A comment with the mark by anybody else is let alone.
    """
    body = f"{mark}\n<!-- run {run[0]}.{run[1]} -->\n{text}"
    if len(body) > forge.longest:
        raise ValueError(f"{len(body)} characters do not fit into a comment of {forge.longest}")
    me = forge.me()
    done: Done = "updated"
    for _ in range(3):  # a comment may be taken away between looking and writing
        mine = _mine(forge, me, mark)
        if not mine:
            forge.create(body)
            done = "created"
            mine = _mine(forge, me, mark)
        for younger in mine[1:]:
            _unless_gone(lambda: forge.delete(younger.id))  # noqa: B023  called at once
        if not mine or _same(mine[0].body, body):
            return done
        if _run_of(mine[0].body) > run:
            return "left to a later run"
        if _unless_gone(lambda: forge.update(mine[0].id, body)):  # noqa: B023
            return "updated"
    raise Refused(GONE, "the comment was taken away each time before it could be updated")


def _mine(forge: Forge, me: str, mark: str) -> list[Comment]:
    found = (c for c in forge.comments() if c.author == me and c.body.split("\n", 1)[0].strip() == mark)
    return sorted(found, key=lambda c: c.id)


def _same(one: str, other: str) -> bool:
    """Say whether two texts are the same; forges change the ends of lines and cut blanks at the end."""
    return one.replace("\r\n", "\n").rstrip() == other.rstrip()


def _run_of(body: str) -> Run:
    found = _RUN.search("\n".join(body.split("\n", 2)[:2]))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _unless_gone(act: object) -> bool:
    """Do something to a comment; say whether it was still there."""
    assert callable(act)
    try:
        act()
    except Refused as refused:
        if refused.status != GONE:
            raise
        return False
    return True
