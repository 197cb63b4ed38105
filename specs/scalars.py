"""What an unquoted YAML scalar means.

The rules are those of the YAML 1.2 core schema without its hexadecimal and octal numbers: `true`, `false`,
`null`, `~`, nothing, and decimal numbers. Whatever YAML 1.1 and 1.2 read differently is not guessed but
refused, with both readings in the help (YAML 1.1 types bool, int, float: yaml.org/type; YAML 1.2.2 section
10.3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite

from specs.tree import Scalar

MOST_DIGITS = 64
"""Longer numbers are refused unread; 64 bits need 20 digits, an exact double 17."""

_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None, "~": None, "": None}

_TRAPS: dict[str, str] = {
    spelling: meaning
    for word, meaning in (
        *((word, "true") for word in ("yes", "on", "y", "true")),
        *((word, "false") for word in ("no", "off", "n", "false")),
        ("null", "null"),
    )
    for spelling in (word, word.capitalize(), word.upper())
    if spelling not in _WORDS
}

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_OTHER_BASE = re.compile(r"[-+]?0(?:x[0-9a-fA-F_]+|o[0-7_]+|b[01_]+)")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_UNDERSCORES = re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class Trap:
    """A scalar that YAML readers disagree about or that no value can hold, as parts of a diagnostic."""

    code: str
    message: str
    label: str
    help: str


def shown(text: str, most: int = 60) -> str:
    """Return the text for a message: at most `most` characters as they are printed, nothing that a terminal would
    obey.

    Example:
        >>> shown("a" * 10, 4), shown("\\x1f" * 3, 8)
        ('aaa…', '\\\\x1f…')
    """
    parts = [c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: most + 1]]
    if sum(map(len, parts)) <= most:
        return "".join(parts)
    while sum(map(len, parts)) >= most:
        parts.pop()
    return "".join(parts) + "…"


def resolve(text: str) -> Scalar | Trap:
    """Return the value of an unquoted scalar, or the trap that it is.

    Example:
        >>> resolve("12"), resolve("1.5e3"), resolve("2026-12-18"), resolve("true")
        (12, 1500.0, '2026-12-18', True)
        >>> resolve("yes").code
        'ambiguous-scalar'
    """
    if text in _WORDS:
        return _WORDS[text]
    if text in _TRAPS:
        return _word_trap(text, _TRAPS[text])
    if text[0] not in "+-.0123456789":
        return text
    return _number(text)


def _word_trap(text: str, meaning: str) -> Trap:
    kind = "null" if meaning == "null" else "a boolean"
    return Trap(
        "ambiguous-scalar",
        f"`{text}` is {kind} to some YAML readers and text to others",
        f"{kind} or text?",
        f'write `{meaning}` if {kind} is meant, `"{text}"` if text is meant',
    )


def _number(text: str) -> Scalar | Trap:
    if _INTEGER.fullmatch(text):
        if len(text) > MOST_DIGITS:
            return _out_of_range(text)
        number = int(text)
        return number if -(2**63) <= number < 2**63 else _out_of_range(text)
    if _LEADING_ZERO.fullmatch(text):
        return _leading_zero(text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _OTHER_BASE.fullmatch(text):
        return _other_base(text)
    if _SEXAGESIMAL.fullmatch(text):
        message = f"`{shown(text)}` is a base-60 number to some YAML readers and text to others"
        return _ambiguous(message, "time, number or text?", text, "")
    if _UNDERSCORES.fullmatch(text):
        message = f"`{shown(text)}` is a number to some YAML readers and text to others"
        return _ambiguous(message, "number or text?", text, text.replace("_", ""))
    if _NOT_FINITE.fullmatch(text):
        message = f"`{text}` is not a finite number"
        return _ambiguous(message, "infinite or not a number", text, "")
    return text


def _float(text: str) -> float | Trap:
    if len(text) > MOST_DIGITS:
        return _out_of_range(text)
    number = float(text)
    significant = re.split("[eE]", text)[0]
    vanished = number == 0 and any(digit in significant for digit in "123456789")
    return number if isfinite(number) and not vanished else _out_of_range(text)


def _out_of_range(text: str) -> Trap:
    return Trap(
        "number-out-of-range",
        f"the number `{shown(text)}` does not fit into 64 bits",
        "does not fit into 64 bits",
        f'quote it if it is text: `"{shown(text)}"`',
    )


def _leading_zero(text: str) -> Trap:
    digits = text.lstrip("+-").lstrip("0") or "0"
    sign = "-" if text.startswith("-") else ""
    octal = len(text) <= MOST_DIGITS and not set(digits) & {"8", "9"} and len(digits) > 1
    plain = f"{sign}{digits}" + (f" (or {sign}{int(digits, 8)}, were it octal)" if octal else "")
    message = f"`{shown(text)}` is octal to some YAML readers and decimal to others"
    return _ambiguous(message, "a leading zero", text, plain)


def _other_base(text: str) -> Trap:
    base = {"x": 16, "o": 8, "b": 2}[text.lstrip("+-")[1]]
    digits = text.lstrip("+-")[2:].replace("_", "")
    sign = "-" if text.startswith("-") else ""
    plain = f"{sign}{int(digits, base)}" if digits and len(text) <= MOST_DIGITS else ""
    message = f"`{shown(text)}` is a number to some YAML readers and text to others"
    return _ambiguous(message, f"a number in base {base}", text, plain)


def _ambiguous(message: str, label: str, text: str, plain: str) -> Trap:
    quoted = f'`"{shown(text)}"`'
    help = f"quote it if it is text: {quoted}"
    if plain:
        number, _, note = plain.partition(" ")
        number = f"`{shown(number)}` {note}".rstrip()
        help = f"write {number} if a number is meant, {quoted} if text is meant"
    return Trap("ambiguous-scalar", message, label, help)
