"""Diagnostics as text: with the lines they are about, one a line, as JSON, or as annotations of a GitHub workflow."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from specs.diagnostics import Diagnostic, Severity, Span
from stacks.render.style import PLAIN, WIDTH, Style, character_width, display_width, safe, wrap

FORMAT = 1
"""Version of the JSON layout."""

TAB = 4
"""Columns that a tab advances to a multiple of."""

_CONTEXT = 30
"""Columns shown before the marked characters where a long line is cut."""


@dataclass(frozen=True, slots=True)
class _Mark:
    span: Span
    text: str
    primary: bool


@dataclass(frozen=True, slots=True)
class _Line:
    """One source line as it is shown: a text for every character, and the column where each begins."""

    cells: tuple[str, ...]
    offsets: tuple[int, ...]

    @property
    def width(self) -> int:
        return self.offsets[-1]


def human(diagnostics: Sequence[Diagnostic], sources: Mapping[str, str] | None = None, *, style: Style = PLAIN) -> str:
    """Return the diagnostics with excerpts of their files; `sources` maps a file's name to its text."""
    lines = {name: _split(text) for name, text in (sources or {}).items()}
    return "\n".join("\n".join(_one(d, lines, style)) + "\n" for d in diagnostics)


def _split(text: str) -> list[str]:
    """Return the lines as editors count them: only LF, CR LF and CR end one."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _one(diagnostic: Diagnostic, sources: Mapping[str, list[str]], style: Style) -> Iterator[str]:
    colour = "red" if diagnostic.is_error else "yellow"
    title = f"{diagnostic.severity}[{diagnostic.code}]"
    first, *rest = wrap(f"{title}: {safe(diagnostic.message)}", "", "  ")
    yield first.replace(title, style.paint(title, colour, "bold"), 1)
    yield from rest
    marks = [_Mark(diagnostic.span, diagnostic.label, True)]
    marks += [_Mark(label.span, label.text, False) for label in diagnostic.related]
    gutter = len(str(max(m.span.line for m in marks)))
    where = safe(diagnostic.path)
    if diagnostic.overlay:
        where = f"{where}, from {safe(diagnostic.overlay)}" if where else f"from {safe(diagnostic.overlay)}"
    yield _at(" " * gutter, "-->", diagnostic.span, style) + (f"  ({where})" if where else "")
    bar = f"{' ' * gutter} {style.paint('|', 'blue')}"
    shown = False
    for file in dict.fromkeys(m.span.file for m in marks):
        own = [m for m in marks if m.span.file == file]
        if file != diagnostic.span.file:
            yield _at(" " * gutter, ":::", own[0].span, style)
        known = [m for m in own if m.span.line <= len(sources.get(file, ()))]
        if known:
            yield bar
            yield from _excerpt(known, sources[file], gutter, style, colour)
            shown = True
        for mark in own:
            if mark not in known and not mark.primary:
                yield from wrap(
                    f"{safe(str(mark.span))}: {safe(mark.text)}",
                    f"{' ' * gutter} = note: ",
                    " " * (gutter + 4),
                )
            elif mark not in known and mark.text:
                yield from wrap(safe(mark.text), f"{' ' * gutter} = note: ", " " * (gutter + 4))
    if diagnostic.help:
        if shown:
            yield bar
        yield from _help(diagnostic.help, " " * gutter, style)


def _at(gutter: str, arrow: str, span: Span, style: Style) -> str:
    return f"{gutter}{style.paint(arrow, 'blue')} {safe(str(span))}"


def _help(text: str, gutter: str, style: Style) -> Iterator[str]:
    """Yield the help; its further lines (a command) stand indented and whole."""
    first, *more = text.split("\n")
    head, *rest = wrap(safe(first), f"{gutter} = help: ", f"{gutter}     ")
    yield head.replace("help", style.paint("help", "cyan"), 1)
    yield from rest
    for line in more:
        yield f"{gutter}     {safe(line)}".rstrip()


def _excerpt(marks: Sequence[_Mark], lines: Sequence[str], gutter: int, style: Style, colour: str) -> Iterator[str]:
    """Yield the marked lines of one file in order, the marks of each under it."""
    by_line: dict[int, list[_Mark]] = defaultdict(list)
    for mark in marks:
        by_line[max(1, mark.span.line)].append(mark)
    previous = 0
    blank = f"{' ' * gutter} {style.paint('|', 'blue')} "
    room = WIDTH - gutter - 3
    for number in sorted(by_line):
        if previous and number > previous + 1:
            yield style.paint("..." if gutter < 3 else "." * gutter, "blue")
        previous = number
        line = _laid_out(lines[number - 1])
        here = sorted(by_line[number], key=lambda m: (not m.primary, m.span.column))
        windows = [_window(line, _columns(line, m), room) for m in here]
        if not all(_fits(line, m, windows[0]) for m in here):
            groups = [([m], w) for m, w in zip(here, windows, strict=True)]
        else:
            groups = [(here, windows[0])]
        for group, window in groups:
            text, shift = _cut(line, window)
            yield f"{style.paint(f'{number:>{gutter}} |', 'blue')} {text}".rstrip()
            for mark in group:
                yield from _marker(line, mark, shift, window, blank, style, colour)


def _laid_out(text: str) -> _Line:
    cells: list[str] = []
    widths: list[int] = []
    column = 0
    for character in text:
        if character == "\t":
            cell = " " * (TAB - column % TAB)
            width = len(cell)
        else:
            cell = safe(character)
            width = character_width(character) if cell == character else len(cell)
        cells.append(cell)
        widths.append(width)
        column += width
    return _Line(tuple(cells), (0, *accumulate(widths)))


def _columns(line: _Line, mark: _Mark) -> tuple[int, int]:
    """Return the first column of the mark and the one after its last; at least one wide."""
    span, count = mark.span, len(line.cells)
    first = line.offsets[min(max(span.column - 1, 0), count)]
    last_character = span.end_column - 1 if span.end_line <= span.line else count
    last = line.offsets[min(max(last_character, 0), count)]
    return first, max(last, first + 1)


def _window(line: _Line, columns: tuple[int, int], room: int) -> tuple[int, int]:
    """Return the columns of a line to show: all of it, or the part around the mark."""
    if line.width <= room:
        return 0, max(line.width, columns[1])
    start = max(0, min(columns[0] - _CONTEXT, line.width - (room - 2)))
    return start, start + room - 2  # a sign at each end where the line goes on


def _fits(line: _Line, mark: _Mark, window: tuple[int, int]) -> bool:
    first, last = _columns(line, mark)
    return window[0] <= first and (last <= window[1] or (mark.primary and first < window[1]))


def _cut(line: _Line, window: tuple[int, int]) -> tuple[str, int]:
    """Return the shown part of a line, and by how many columns its text stands further right than in the line."""
    start, end = window
    shown = [i for i, at in enumerate(line.offsets[:-1]) if start <= at and line.offsets[i + 1] <= end]
    if not shown:
        return "", -start
    text = "".join(line.cells[shown[0] : shown[-1] + 1])
    before = "…" if shown[0] > 0 else ""
    after = "…" if shown[-1] + 1 < len(line.cells) else ""
    return before + text + after, len(before) - line.offsets[shown[0]]


def _marker(
    line: _Line, mark: _Mark, shift: int, window: tuple[int, int], blank: str, style: Style, colour: str
) -> Iterator[str]:
    first, last = _columns(line, mark)
    last = max(first + 1, min(last, window[1]))
    pad = " " * max(0, first + shift)
    sign = ("^" if mark.primary else "-") * (last - first)
    plain_blank = "x" * (display_width(blank) if not style.colour else len(blank) - 9)
    painted = style.paint(sign, colour if mark.primary else "blue", "bold")
    rest = " " * min(len(pad), 40)
    text = safe(mark.text)
    room = WIDTH - len(plain_blank)
    wrapped = wrap(text, pad + sign + (" " if text else ""), rest, room)
    if text and display_width(wrapped[0]) > room:  # nothing fits beside the mark
        wrapped = [pad + sign, *wrap(text, rest, rest, room)]
    yield blank + wrapped[0].replace(sign, painted, 1)
    for more in wrapped[1:]:
        yield blank + more


def concise(diagnostics: Sequence[Diagnostic]) -> str:
    """Return one line each: `path:line:col: error[code]: message`."""
    return "".join(f"{safe(str(d.span))}: {d.severity}[{d.code}]: {safe(d.message)}\n" for d in diagnostics)


def diagnostic_values(diagnostics: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """Return the diagnostics as plain JSON values."""
    return [
        {
            "code": d.code,
            "severity": d.severity.value,
            "message": d.message,
            "span": _span(d.span),
            "path": d.path,
            "overlay": d.overlay,
            "label": d.label,
            "help": d.help,
            "related": [{"span": _span(r.span), "text": r.text} for r in d.related],
        }
        for d in diagnostics
    ]


def _span(span: Span) -> dict[str, Any]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def as_json(diagnostics: Sequence[Diagnostic]) -> str:
    """Return the diagnostics as JSON in ASCII, so that nothing in it can steer a terminal."""
    return json.dumps({"format": FORMAT, "diagnostics": diagnostic_values(diagnostics)}, indent=2) + "\n"


def github(diagnostics: Sequence[Diagnostic]) -> str:
    """Return workflow commands that GitHub shows beside the lines."""
    out = []
    for d in diagnostics:
        command = "error" if d.severity is Severity.ERROR else "warning"
        place = {"file": d.span.file, "line": str(d.span.line), "col": str(d.span.column)}
        if d.span.end_line == d.span.line:
            place["endColumn"] = str(d.span.end_column)
        else:
            place["endLine"] = str(d.span.end_line)
        message = d.message + (f"\nhelp: {d.help}" if d.help else "")
        out.append(workflow_command(command, place | {"title": d.code}, message))
    return "".join(out)


def workflow_command(command: str, properties: Mapping[str, str], message: str) -> str:
    """Return one workflow command as a line.

    Escaping as GitHub's own toolkit does it (actions/toolkit, packages/core/src/command.ts).

    Example:
        >>> workflow_command("notice", {"title": "a,b"}, "50%\\nmore")
        '::notice title=a%2Cb::50%25%0Amore\\n'
    """
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{command} {listed}::{_data(message)}\n"


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return safe(escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
