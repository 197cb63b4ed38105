"""Text for a terminal: escaping what users wrote, widths, wrapping, and colour where it is told to."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

WIDTH = 100
"""Columns that text is wrapped at. What cannot be broken (an id, a path) stays whole and may be longer."""

_ROLES = {  # SGR parameters (ECMA-48, 8.3.117)
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


@dataclass(frozen=True, slots=True)
class Style:
    """Paints text if `colour` is set."""

    colour: bool = False

    def paint(self, text: str, *roles: str) -> str:
        """Return the text in the roles' colours; as it is without colour."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_ROLES[role] for role in roles)}m{text}\x1b[0m"


PLAIN = Style()


def _shown(character: str) -> str:
    """Return a character as it may go to a terminal: what would steer it or reorder the line is spelled out."""
    category = unicodedata.category(character)
    harmless_format = character in "\u200c\u200d"  # joiners inside words and emoji
    if category in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp") or (category == "Cf" and not harmless_format):
        code = ord(character)
        if code < 0x100:
            return f"\\x{code:02x}"
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return character


def safe(text: str) -> str:
    """Return the text with everything spelled out that could steer a terminal.

    Example:
        >>> safe("a\\x1b[31mb")
        'a\\\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def safe_json(text: str) -> str:
    """Return JSON with every character written as an escape that could steer a terminal; it means the same.

    Such a character stands in a string of the JSON and nowhere else.
    """
    return _BEYOND_ASCII.sub(lambda m: m[0] if _shown(m[0]) == m[0] else _escape(m[0]), text)


_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")  # what is below a space, JSON itself spells out


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def character_width(character: str) -> int:
    """Return the columns of one character: 0 if it combines, 2 if it is wide (UAX #11), else 1."""
    if character in "\u200c\u200d" or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def display_width(text: str) -> int:
    """Return how many columns the text takes on a terminal."""
    return len(text) if text.isascii() else sum(map(character_width, text))


_GLUE = "\x00"  # cannot be in text that is safe
_QUOTED = re.compile(r"`[^`]{1,40}`")


def together(text: str) -> str:
    """Return the text so that `wrap` does not break it."""
    return text.replace(" ", _GLUE)


def wrap(text: str, first: str, rest: str, width: int = WIDTH) -> list[str]:
    """Return the text in lines of at most `width` columns; words, and short `code`, are never broken.

    `first` and `rest` stand before the first line and the others.
    """
    lines: list[str] = []
    line, empty = first, True
    whole = _QUOTED.sub(lambda m: m[0].replace(" ", _GLUE), text)
    for word in whole.split(" "):  # a quoted value keeps its double spaces
        word = word.replace(_GLUE, " ")
        if not empty and display_width(line) + 1 + display_width(word) > width:
            lines.append(line.rstrip())
            line, empty = rest, True
        line += word if empty else f" {word}"
        empty = False
    lines.append(line.rstrip())
    return lines


def columns(left: str, right: str, width: int = WIDTH) -> str:
    """Return one line with the right part at the right edge, two spaces after the left part at least."""
    gap = max(2, width - display_width(left) - display_width(right))
    return f"{left}{' ' * gap}{right}"
