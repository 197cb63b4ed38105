"""Two texts side by side: which words differ, and how long parts are told that nobody reads whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_MOST_WORDS = 600
"""Words of both sides that are compared one by one; `SequenceMatcher` takes quadratic time at worst."""

_LONG, _KEPT = 600, 200
"""Characters of one part that are shown whole; of a longer one, its beginning and its end."""


class Part(NamedTuple):
    """A piece of a text: `same`, `other` (not so on the other side), or `gap`: words on what is not shown."""

    kind: str
    text: str


def sides(before: str, after: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Return both texts in parts.

    Example:
        >>> sides("--tp=2", "--tp=4")
        ((Part(kind='same', text='--tp='), Part(kind='other', text='2')), (Part(kind='same', text='--tp='), \
Part(kind='other', text='4')))
    """
    pairs = enumerate(zip(before, after, strict=False))
    start = next((i for i, (a, b) in pairs if a != b), min(len(before), len(after)))
    if len(before) + len(after) - 2 * start > 20_000:  # too long to be read word by word
        return tuple(_shown(_split(before, start))), tuple(_shown(_split(after, start)))
    words = _WORD.findall(before), _WORD.findall(after)
    if len(words[0]) + len(words[1]) > _MOST_WORDS:
        return tuple(_shown(_split(before, start))), tuple(_shown(_split(after, start)))
    old: list[tuple[str, str]] = []
    new: list[tuple[str, str]] = []
    for kind, a, b, c, d in SequenceMatcher(None, *words, autojunk=False).get_opcodes():
        role = "same" if kind == "equal" else "other"
        old.append((role, "".join(words[0][a:b])))
        new.append((role, "".join(words[1][c:d])))
    return tuple(_shown(old)), tuple(_shown(new))


def _split(text: str, start: int) -> list[tuple[str, str]]:
    return [("same", text[:start]), ("other", text[start:])]


def whole(text: str, kind: str = "same") -> tuple[Part, ...]:
    """Return a text that stands alone."""
    return tuple(_shown([(kind, text)]))


def _shown(parts: Sequence[tuple[str, str]]) -> Iterator[Part]:
    for kind, text in parts:
        if not text:
            continue
        if len(text) <= _LONG:
            yield Part(kind, text)
            continue
        yield Part(kind, text[:_KEPT])
        yield Part("gap", f"… {len(text) - 2 * _KEPT:,} more characters …")
        yield Part(kind, text[-_KEPT:])
