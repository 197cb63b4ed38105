"""The text of one spec file, and where its characters are."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

from specs.diagnostics import Span

_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
# libyaml's anchors are letters, digits, `-` and `_`; what follows without a space is the value (`&a:b` is the
# anchor `a` of `:b`)
_PROPERTY = re.compile(r"&[-0-9A-Za-z_]*+|!<[^>\s]*+>?|![^\s,\[\]{}]*+")
SPACE = re.compile(r"(?:[ \t\r\n]++|#[^\r\n]*+)*")
"""White space and comments. The group itself is not possessive: Python before 3.11.5 loses the last round of one that
holds a repetition (CPython gh-106052)."""
_MARKS = ("fffe", "ffff", *(f"fd{number:x}" for number in range(0xD0, 0xF0)))
"""Unicode's 34 noncharacters of four digits: no text of any language has one."""


@dataclass(frozen=True, slots=True)
class Properties:
    """What stands before a value: its anchor, the offset of its tag; and the offset of the value itself."""

    anchor: Span | None
    tag: int | None
    value: int


class Text:
    """A text with spans by character offset; line and column count from 1, as in `Span`.

    `parsed` is the same text for libyaml, character for character in the same place. Pairs of JSON escapes
    such as `\\ud83d\\ude00`, which YAML does not know, are marked in it; `pairs` are their offsets, and
    `restored` puts their character back.
    """

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.pairs: list[int] = []
        self._mark = ""
        self.parsed = self._without_pairs()

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *accumulate(len(line) for line in self.text.splitlines(keepends=True))]

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of a character; the end of the text is a position too."""
        starts = self._line_starts
        line = bisect_right(starts, offset)
        if line == len(starts) and line > 1 and not self.text.endswith(("\n", "\r")):
            line -= 1  # the end of a last line without a line break is no line of its own
        return line, offset - starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """Return the span of `text[start:end]`."""
        return Span(self.file, *self.position(start), *self.position(end))

    def word(self, offset: int) -> Span:
        """Return the span of the word that begins there, of one character where there is no word."""
        word = re.compile(r"[^\s,\[\]{}:]+").match(self.text, offset)
        if word:
            return self.span(offset, word.end())
        is_in_line = self.text[offset : offset + 1] not in ("", "\r", "\n")
        return self.span(offset, offset + is_in_line)

    def inside(self, event: Any, offset: int) -> tuple[int, int]:
        """Return line and column of a character of a libyaml event."""
        start = event.start_mark
        if start.line == event.end_mark.line:
            return start.line + 1, start.column + 1 + offset - start.index
        return self.position(offset)

    def scalar_span(self, event: Any, first: int) -> Span:
        """Return the span of a scalar that begins at `first`, without line breaks after its last line."""
        start, end = event.start_mark, event.end_mark
        if event.style in ("|", ">"):
            return self.span(first, first + len(self.text[first : end.index].rstrip()))
        if first == end.index and end.column == 0:
            return self.span(first, first)  # libyaml ends a file one line after its last
        if first == start.index:
            return Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
        return Span(self.file, *self.inside(event, first), *self.inside(event, max(first, end.index)))

    def properties(self, event: Any) -> Properties:
        """Return the anchor and tag that an event begins with."""
        anchor: Span | None = None
        tag: int | None = None
        end: int = event.start_mark.index
        at = end
        while found := _PROPERTY.match(self.text, at):
            if found[0][0] == "&" and anchor is None:
                anchor = Span(self.file, *self.inside(event, at), *self.inside(event, found.end()))
            elif found[0][0] == "!" and tag is None:
                tag = at
            else:
                break  # a second one: libyaml refuses it with its next event
            end = found.end()
            space = SPACE.match(self.text, end)
            at = space.end() if space else end
        is_empty_scalar = not getattr(event, "style", True) and not event.value
        return Properties(anchor, tag, end if is_empty_scalar else at)

    def restored(self, value: str, start: int, end: int, escapes: bool) -> str:
        """Return a scalar's value with the pairs of `text[start:end]` as they are meant.

        With `escapes` a pair is one character, otherwise (single quotes, no quotes) the twelve written.
        """
        first, last = bisect_right(self.pairs, start - 1), bisect_right(self.pairs, end - 1)
        if first == last:
            return value
        if escapes and last - first == 1:
            pair = _character(self.text[self.pairs[first] : self.pairs[first] + 12])
            return value.replace(chr(int(self._mark, 16)) * 2, pair)
        written = [self.text[place : place + 12] for place in self.pairs[first:last]]
        meant = [_character(pair) for pair in written] if escapes else written
        mark = chr(int(self._mark, 16)) if escapes else rf"\u{self._mark}"
        parts = value.split(mark * 2)
        return "".join(part + pair for part, pair in zip(parts, [*meant, ""], strict=False))

    def _without_pairs(self) -> str:
        if not _PAIR.search(self.text):
            return self.text
        lower = self.text.lower()
        free = (mark for mark in _MARKS if mark not in lower and chr(int(mark, 16)) not in lower)
        self._mark = next(free, "")
        if not self._mark:
            return self.text  # libyaml will refuse the first pair

        def marked(pair: re.Match[str]) -> str:
            before = pair.start()
            while before and self.text[before - 1] == "\\":
                before -= 1
            if (pair.start() - before) % 2:
                return pair[0]  # the backslash is itself escaped
            self.pairs.append(pair.start())
            return rf"\u{self._mark}" * 2  # as long as the pair

        return _PAIR.sub(marked, self.text)


def _character(pair: str) -> str:
    """Return the character of two UTF-16 surrogates (RFC 8259, section 7)."""
    high, low = int(pair[2:6], 16), int(pair[8:12], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
