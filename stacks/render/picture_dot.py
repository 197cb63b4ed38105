"""A picture in Graphviz's DOT language (https://graphviz.org/doc/info/lang.html, read 2026-11-21)."""

from __future__ import annotations

from stacks.picture import Box, Picture
from stacks.render.picture_words import LOOKS, change_of, kind_of, name_of
from stacks.render.style import safe


def dot(picture: Picture) -> str:
    """Return the picture as one directed graph; every id and text is a quoted string, in which nothing is markup."""
    lines = [
        f"digraph {_quoted(safe(picture.stack))} {{",
        '  rankdir="LR"',
        '  node [shape="box", style="filled,rounded", fontname="monospace"]',
        '  edge [color="#818b98"]',
        *(f"  {_box(box)}" for box in picture.boxes),
        *(f"  {_quoted(safe(a.dependency))} -> {_quoted(safe(a.dependent))}" for a in picture.arrows),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _box(box: Box) -> str:
    look = LOOKS[box.change]
    texts = (text for text in (name_of(box), kind_of(box), change_of(box)) if text)
    label = _quoted(*(text.replace("&", "&amp;") for text in texts))  # a label, and no id, knows HTML's entities
    style = ', style="filled,rounded,dashed"' if box.change == "delete" else ""
    colours = f'fillcolor="{look.fill}", color="{look.ink}", fontcolor="{look.ink}"'
    return f"{_quoted(safe(box.id))} [label={label}, {colours}{style}]"


def _quoted(*rows: str) -> str:
    """Return a quoted string of these rows. A backslash is doubled: labels know escapes of their own (`\\N`, `\\l`)."""
    escaped = (row.replace("\\", "\\\\").replace('"', '\\"') for row in rows)
    return '"' + "\\n".join(escaped) + '"'
