"""Text to tree: strict YAML, and JSON by the same reader.

One file is one map. What YAML readers disagree about is an error and not a guess: duplicate keys, `yes` and
`on`, base-60 and octal numbers, tags, directives, byte-order marks. Anchors, aliases and merge keys may be
used. JSON's `\\ud83d\\ude00` (a surrogate pair in double quotes) is read as the one character it means,
although YAML does not know it. Two things that JSON allows and YAML does not stay errors: a raw DEL
character, and a key of more than 1,024 characters.

Every limit is there to answer any input in bounded time and memory: `MOST_BYTES` here, `MOST_LEVELS`,
`MOST_VALUES` and `MOST_FOUND` in `specs.compose`. libyaml (0.2.5) is linear within them, with one exception:
it compares every `%TAG` directive with all before it (60,000 of them in 1 MB took 14 s), so directives are
refused before it starts.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import replace

from specs import syntax
from specs.compose import compose
from specs.diagnostics import Diagnostic, Span
from specs.text import SPACE, Text
from specs.tree import Tree

MOST_BYTES = 1_000_000
"""A spec of one platform is a few kilobytes."""

_BYTE_ORDER_MARKS = (
    ("UTF-8", codecs.BOM_UTF8),
    ("UTF-32", codecs.BOM_UTF32_LE),
    ("UTF-32", codecs.BOM_UTF32_BE),
    ("UTF-16", codecs.BOM_UTF16_LE),
    ("UTF-16", codecs.BOM_UTF16_BE),
)

# YAML 1.2.2, production c-printable, without U+FEFF and without U+0085, U+2028 and U+2029, which break lines
# in YAML 1.1 and do not in 1.2.
_NOT_PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def read(data: bytes, file: str) -> tuple[Tree | None, tuple[Diagnostic, ...]]:
    """Return the tree of a YAML or JSON file, or None and what is wrong with it.

    Total: any bytes give a tree or at least one error, in bounded time and memory. `file` is the name in the
    spans. Values that an alias or a merge key brings keep the span of the place where they are written.

    Example:
        >>> tree, found = read(b"name: hello", "spec.yaml")
        >>> tree.members["name"].tree.value, str(tree.members["name"].tree.span)
        ('hello', 'spec.yaml:1:7')
        >>> [str(error.span) + " " + error.code for error in read(b"name: yes", "spec.yaml")[1]]
        ['spec.yaml:1:7 ambiguous-scalar']
    """
    text = _decode(data, file)
    if isinstance(text, Diagnostic):
        return None, (text,)
    wrong = _forbidden_character(text, file) or _directive(text, file)
    if wrong:
        return None, (wrong,)
    return compose(Text(text, file))


def read_beside(data: bytes, file: str, what: str, example: str) -> tuple[Tree | None, tuple[Diagnostic, ...]]:
    """Return what `read` does of a file that a spec names: `what` it should be, and how an `example` begins.

    Its errors speak of that file, not of a spec.
    """
    tree, found = read(data, file)
    begin = f"it has to be {what}, such as `{example}`"
    words: dict[str, tuple[str, str, str]] = {  # code → message, label, help; an empty one stays as it is
        "file-too-large": ("", f"too large to be {what}", "is this the file you mean?"),
        "empty-spec": ("the file is empty", "", begin),
        "several-documents": ("", "", f"it has to be {what}, and one alone"),
    }
    told = []
    for d in found:
        message, label, help = words.get(d.code, ("", "", ""))
        if d.code == "not-a-map":
            message, help = d.message.replace("the spec is", "the file is", 1), begin
        told.append(replace(d, message=message or d.message, label=label or d.label, help=help or d.help))
    return tree, tuple(told)


def _decode(data: bytes, file: str) -> str | Diagnostic:
    start = Span(file, 1, 1, 1, 1)
    if len(data) > MOST_BYTES:
        return Diagnostic(
            "file-too-large",
            f"the file has more than {MOST_BYTES:,} bytes",
            start,
            label="too large to be a spec",
            help="is this the file you mean? manifests have files of their own",
        )
    for encoding, mark in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return Diagnostic(
                "byte-order-mark",
                f"the file begins with a {encoding} byte-order mark",
                start,
                label="byte-order mark",
                help="save the file as UTF-8 without a byte-order mark",
            )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        start_of_file = data[: error.start].decode("utf-8")
        earlier = _forbidden_character(start_of_file, file)
        if earlier:
            return earlier
        before = Text(start_of_file, file)
        line, column = before.position(len(before.text))
        return Diagnostic(
            "invalid-utf8",
            f"byte 0x{data[error.start]:02x} at offset {error.start:,} is not UTF-8",
            Span(file, line, column, line, column + 1),
            label="not UTF-8",
            help="save the file as UTF-8",
        )


def _forbidden_character(text: str, file: str) -> Diagnostic | None:
    found = _NOT_PRINTABLE.search(text)
    if not found:
        return None
    line, column = Text(text[: found.start()], file).position(found.start())
    span = Span(file, line, column, line, column + 1)
    number = ord(found[0])
    if number == 0:
        return Diagnostic(
            "nul-byte",
            "the file contains a NUL byte",
            span,
            label="NUL byte",
            help="save the file as UTF-8 text; a NUL in every second byte means UTF-16",
        )
    escape = f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
    return Diagnostic(
        "control-character",
        f"the file contains the invisible character U+{number:04X}",
        span,
        label=f"U+{number:04X}",
        help=f'delete it; if it is meant, write it in double quotes as `"{escape}"`',
    )


def _directive(text: str, file: str) -> Diagnostic | None:
    space = SPACE.match(text)
    at = space.end() if space else 0
    begins_a_line = at == 0 or text[at - 1] in "\r\n"
    return syntax.directive(at, Text(text, file)) if begins_a_line and text.startswith("%", at) else None
