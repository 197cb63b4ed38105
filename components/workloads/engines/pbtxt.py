"""Protobuf's text format, as far as Triton's config.pbtxt needs it. Values in, text out.

A message is a mapping of its fields in the order of writing. Text stands in quotes, a `Word` does not: it is the name
of an enum's value. A tuple is a repeated field, and a protobuf map is a repeated message with `key` and `value`
(`entries`).
The grammar: protobuf.dev, "Text Format Language Specification".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class Word(str):
    """The name of an enum's value, such as `KIND_GPU`: it is written without quotes."""

    __slots__ = ()


Field = str | int | float | bool | Mapping[str, Any] | tuple[Any, ...]

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def pbtxt(message: Mapping[str, Field]) -> str:
    """Return the text of a message, a field a line; the same message gives the same text.

    Example:
        >>> print(pbtxt({"name": "chat", "input": ({"data_type": Word("TYPE_FP32"), "dims": (-1, 4)},)}), end="")
        name: "chat"
        input {
          data_type: TYPE_FP32
          dims: [ -1, 4 ]
        }
    """
    return "".join(f"{line}\n" for line in _lines(message, ""))


def entries(values: Mapping[Any, Field]) -> tuple[dict[str, Field], ...]:
    """Return a protobuf map as the repeated message that it is, in the order of its keys.

    Example:
        >>> entries({"pool": "decode"})
        ({'key': 'pool', 'value': 'decode'},)
    """
    return tuple({"key": key, "value": values[key]} for key in sorted(values))


def _lines(message: Mapping[str, Field], indent: str) -> Iterator[str]:
    for name, value in message.items():
        for one in value if isinstance(value, tuple) and _holds_messages(value) else (value,):
            if isinstance(one, Mapping):
                yield f"{indent}{name} {{"
                yield from _lines(one, indent + "  ")
                yield f"{indent}}}"
            elif one != ():  # an empty repeated field is one that is not there
                yield f"{indent}{name}: {_value(one)}"


def _holds_messages(values: Sequence[Any]) -> bool:
    return bool(values) and isinstance(values[0], Mapping)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Word():
            return str(value)
        case str():
            return f'"{"".join(_character(c) for c in value)}"'
        case tuple():
            return f"[ {', '.join(_value(v) for v in value)} ]"
        case _:
            return repr(value)


def _character(character: str) -> str:
    """Return a character as it stands inside quotes; what is not printable in ASCII as the octal of its byte."""
    if character < " " or character == "\x7f":
        return _ESCAPES.get(character, f"\\{ord(character):03o}")
    return _ESCAPES.get(character, character)
