"""A picture as a Mermaid flowchart, which GitHub and GitLab draw in Markdown
(https://mermaid.js.org/syntax/flowchart.html, read 2026-11-21)."""

from __future__ import annotations

import re

from stacks.picture import Box, Picture
from stacks.render.picture_words import LOOKS, change_of, kind_of, name_of

_SPECIAL = re.compile(r"[^A-Za-z0-9 ._,:/-]|[.-](?= )")
"""What is written as a character code, which Mermaid shows and never reads; `- a` and `1. a` would be lists to it."""


def mermaid(picture: Picture) -> str:
    """Return the picture as a flowchart from left to right. Ids are numbers: names stand in labels alone."""
    ids = {box.id: f"n{number}" for number, box in enumerate(picture.boxes)}
    used = [change for change in LOOKS if any(box.change == change for box in picture.boxes)]
    lines = [
        "flowchart LR",
        *(f'  {ids[box.id]}["{_label(box)}"]' for box in picture.boxes),
        *(f"  {ids[a.dependency]} --> {ids[a.dependent]}" for a in picture.arrows),
        *(f"  classDef {_class(change)} {_colours(change == 'delete', *LOOKS[change][2:4])}" for change in used),
        *(
            f"  class {','.join(ids[b.id] for b in picture.boxes if b.change == change)} {_class(change)}"
            for change in used
        ),
    ]
    return "\n".join(lines) + "\n"


def _class(change: str) -> str:
    return f"is-{change}"


def _colours(dashed: bool, ink: str, fill: str) -> str:
    return f"fill:{fill},stroke:{ink},color:{ink}" + (",stroke-dasharray:6 4" if dashed else "")


def _label(box: Box) -> str:
    return "<br/>".join(escaped(text) for text in (name_of(box), kind_of(box), change_of(box)) if text)


def escaped(text: str) -> str:
    """Return the text as a label may hold it.

    Example:
        >>> escaped('a"<b>#')
        'a#34;#60;b#62;#35;'
    """
    return _SPECIAL.sub(lambda m: f"#{ord(m[0])};", text)
