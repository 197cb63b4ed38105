"""A picture as SVG that stands alone or inside a page: no script, no font, no file, nothing from elsewhere.

Colours follow the reader's light or dark setting; a page that has a switch of its own sets the custom properties
`--picture-ink`, `--picture-page` and so on (`STYLE` names them all).
"""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from stacks.layout import Layout, Line, layout
from stacks.picture import Box, Picture
from stacks.render.picture_words import LEGEND, LOOKS, change_of, kind_of, name_of, summary
from stacks.render.style import display_width, safe

_COLUMN = 8
"""Pixels of one column of text: 13 px of a monospaced font, whose advance is 0.55 (Consolas) to 0.602 em (Menlo, DejaVu
Sans Mono), read from the fonts' own tables 2026-11-21; 0.615 em leaves room for another."""

_LINE, _INSIDE, _MARGIN = 18, 10, 16
"""Pixels: from one line of text to the next, from a box's edge to its text, around the picture."""

_ROLES = {  # role: on a light page, on a dark one
    "page": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "quiet": ("#59636e", "#9198a1"),
    "line": ("#818b98", "#656c76"),
    **{f"{change}-ink": (look.ink, look.dark_ink) for change, look in LOOKS.items()},
    **{f"{change}-fill": (look.fill, look.dark_fill) for change, look in LOOKS.items()},
}


def _roles(dark: bool) -> str:
    return "".join(f"--{role}:var(--picture-{role},{colours[dark]});" for role, colours in _ROLES.items())


STYLE = (
    f".llmform-picture{{{_roles(False)}background:var(--page);"
    "font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}"
    f"@media(prefers-color-scheme:dark){{.llmform-picture{{{_roles(True)}}}}}"
    ".llmform-picture text{fill:var(--ink);white-space:pre}"
    ".llmform-picture .quiet{fill:var(--quiet)}"
    ".llmform-picture .name{font-weight:600}"
    ".llmform-picture .line{fill:none;stroke:var(--line);stroke-width:1.5}"
    ".llmform-picture .head{fill:var(--line)}"
    + "".join(
        f".llmform-picture .{change} rect{{fill:var(--{change}-fill);stroke:var(--{change}-ink);"
        f"stroke-width:{1 if change == 'none' else 2}{';stroke-dasharray:6 4' if change == 'delete' else ''}}}"
        f".llmform-picture .{change} .told{{fill:var(--{change}-ink)}}"
        for change in LOOKS
    )
)
"""The style of every picture, all of it below the class `llmform-picture`."""


def svg(picture: Picture, *, title_id: str = "", style: bool = True) -> str:
    """Return the picture as one SVG element.

    With a `title_id`, which has to be an id that its page has not got yet, the title and the description (`…-about`)
    are named by id, as screen readers ask it of a picture inside a page. A page with many pictures prints `STYLE` once
    and leaves it out of them.
    """
    sizes = {box.id: _size(box) for box in picture.boxes}
    arranged = layout(sizes, [(a.dependency, a.dependent) for a in picture.arrows])
    title = f"{safe(picture.stack)}: its components and what they need"
    below = arranged.height + _MARGIN + _LINE
    width = max(arranged.width, _width(LEGEND)) + 2 * _MARGIN
    height = below + 2 * _MARGIN - _LINE // 2
    named = f" aria-labelledby={quoteattr(f'{title_id} {title_id}-about')}" if title_id else ""
    ids = (f" id={quoteattr(title_id)}", f" id={quoteattr(title_id + '-about')}") if title_id else ("", "")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="llmform-picture" role="img"{named} width="{width}"'
        f' height="{height}" viewBox="{-_MARGIN} {-_MARGIN} {width} {height}">',
        f"<title{ids[0]}>{escape(title)}</title>",
        f"<desc{ids[1]}>{escape(summary(picture))}</desc>",
        *([f"<style>{STYLE}</style>"] if style else []),
        *(_line(line) for line in arranged.lines),
        *(_box(box, arranged) for box in picture.boxes),
        f'<text class="quiet" x="0" y="{below}">{escape(LEGEND)}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _width(text: str) -> int:
    return display_width(text) * _COLUMN


def _texts(box: Box) -> list[tuple[str, str]]:
    """Return the box's lines, each with its class."""
    texts = [("name", name_of(box)), ("quiet", kind_of(box)), ("told", change_of(box))]
    return [(role, text) for role, text in texts if text]


def _size(box: Box) -> tuple[int, int]:
    texts = [text for _, text in _texts(box)]
    return max(map(_width, texts)) + 2 * _INSIDE, len(texts) * _LINE + 2 * _INSIDE - 4


def _box(box: Box, arranged: Layout) -> str:
    place = arranged.places[box.id]
    rows = [
        f'<text class="{role}" x="{place.x + _INSIDE}" y="{place.y + _INSIDE + 11 + n * _LINE}">{escape(text)}</text>'
        for n, (role, text) in enumerate(_texts(box))
    ]
    rect = f'<rect x="{place.x}" y="{place.y}" width="{place.width}" height="{place.height}" rx="6"/>'
    return f'<g class="{box.change}">{rect}{"".join(rows)}</g>'


def _line(line: Line) -> str:
    """Return the line with a head at each end that an arrow leads to; a bend is a curve that leaves and ends level."""
    points = list(line.points)
    start, end = points[0], points[-1]
    path = [f"M{start[0]} {start[1]}"]
    for (x1, y1), (x2, y2) in zip(points, points[1:], strict=False):
        middle = (x1 + x2) // 2
        path.append(f"H{x2}" if y1 == y2 else f"C{middle} {y1} {middle} {y2} {x2} {y2}")
    heads = [_head(end, -1)] if line.forward else []
    heads += [_head(start, 1)] if line.back else []
    return f'<path class="line" d="{"".join(path)}"/>{"".join(heads)}'


def _head(tip: tuple[int, int], side: int) -> str:
    x, y = tip
    return f'<path class="head" d="M{x} {y}L{x + 9 * side} {y - 4}V{y + 4}Z"/>'
