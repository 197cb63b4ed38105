"""What libyaml refuses, in plain words."""

from __future__ import annotations

import re
from typing import Any

from specs.diagnostics import Diagnostic, Label
from specs.scalars import shown
from specs.text import Text

_ALIGN = "keys of one map and entries of one list begin in the same column"

# libyaml 0.2.5, scanner.c and parser.c: its problem -> message and help. `{char}` is the character at the
# mark, `{two}` that and the next.
_PROBLEMS: dict[str, tuple[str, str]] = {
    "found character that cannot start any token": (
        "text without quotes cannot begin with `{char}`",
        "put the text in quotes",
    ),
    "could not find expected ':'": (
        "a key without its `:`",
        "write `key: value` on one line; text over several lines needs `|` or quotes",
    ),
    "mapping values are not allowed in this context": (
        "a `:` that begins a value cannot stand here",
        f"put text that contains `: ` in quotes; {_ALIGN}",
    ),
    "block sequence entries are not allowed in this context": (
        "an entry of a list cannot begin here",
        "begin the list on a line of its own, or write `[a, b]`",
    ),
    "mapping keys are not allowed in this context": ("a key cannot begin here", _ALIGN),
    "did not find expected alphabetic or numeric character": (
        "`&` and `*` need a name of letters, digits, `-` and `_`",
        "put text that begins with `*` or `&` in quotes",
    ),
    "found unexpected end of stream": ("the quoted text is not closed", "add the closing quote"),
    "found unexpected document indicator": (
        "the quoted text is not closed before a line with `---` or `...`",
        "add the closing quote, or indent the line",
    ),
    "found unknown escape character": (
        "double quotes know no escape `{two}`",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    "did not find expected hexdecimal number": (
        "an escape such as `\\x41` or `\\u0041` lacks hexadecimal digits",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    "found invalid Unicode character escape code": (
        "the escape names no character",
        "write the character itself; half of a surrogate pair is none",
    ),
    "did not find expected comment or line break": (
        "only a comment can follow `|` or `>` on the same line",
        "begin the text on the next line, indented; put text that begins with `|` or `>` in quotes",
    ),
    "found an indentation indicator equal to 0": (
        "the indentation after `|` or `>` cannot be 0",
        "leave the number out",
    ),
    "did not find expected ',' or ']'": (
        "the list lacks a `,` or its closing `]`",
        "separate entries with `,` and close the list with `]`; put text with `: ` or brackets in quotes",
    ),
    "did not find expected ',' or '}'": (
        "the map lacks a `,` or its closing `}`",
        "separate entries with `,`, close the map with `}`; a key has one line and at most 1,024 characters",
    ),
    "did not find expected key": ("this is no key of the map above it", _ALIGN),
    "did not find expected '-' indicator": ("this is no entry of the list above it", _ALIGN),
    "did not find expected node content": (
        "a value is missing here",
        "write the value, or quotes for an empty text",
    ),
    "did not find expected <document start>": ("text after the end of the spec", _ALIGN),
}

_CONTEXTS: dict[str, str] = {
    "while parsing a block mapping": "the map begins here",
    "while parsing a flow mapping": "the map begins here",
    "while parsing a block collection": "the list begins here",
    "while parsing a flow sequence": "the list begins here",
    "while scanning a quoted scalar": "the quoted text begins here",
    "while parsing a quoted scalar": "the quoted text begins here",
    "while scanning a simple key": "the key begins here",
    "while scanning a plain scalar": "the text begins here",
    "while scanning a block scalar": "the text begins here",
}


_ESCAPE = re.compile(r"\\(?:[xuU][0-9a-fA-F]*|.)", re.S)


def refused(error: Any, source: Text, bracket: int | None) -> Diagnostic:
    """Return the diagnostic for a `yaml.YAMLError`: tabs, tags and everything else.

    `bracket` is the offset of the innermost `{` or `[` that is open.
    """
    text = source.text
    end = len(text.rstrip())
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    context = str(getattr(error, "context", None) or "")
    mark = getattr(error, "problem_mark", None)
    begin = getattr(error, "context_mark", None)
    at = min(mark.index if mark else 0, len(text))
    began = min(begin.index, end) if begin else at
    if text[at : at + 1] == "\t":
        return tab(at, source)
    if "directive" in f"{context} {problem}":
        return directive(began, source)
    if "tag" in f"{context} {problem}":
        return tag(began, source)
    message, help = _PROBLEMS.get(problem, (problem, ""))
    message = message.replace("{char}", shown(text[at : at + 1])).replace("{two}", shown(text[at : at + 2]))
    label = _CONTEXTS.get(context, "")
    if at >= end and (bracket is not None or (began < end and label)):
        return _unclosed(began if "quoted" in context or bracket is None else bracket, message, help, source)
    if "escape" in message and (escape := _ESCAPE.match(text, text.rfind("\\", 0, at + 1))):
        span = source.span(escape.start(), escape.end())
        return Diagnostic("syntax-error", message, span, label="no escape", help=help)
    related = (Label(source.word(began), label),) if label and began != at else ()
    return Diagnostic(
        "syntax-error",
        message,
        source.word(min(at, end)),
        label="not expected here",
        help=help,
        related=related,
    )


def _unclosed(at: int, message: str, help: str, source: Text) -> Diagnostic:
    """Return the diagnostic for what goes on to the end of the file, which itself explains nothing."""
    opening = source.text[at]
    if opening in "[{":
        closing = "]" if opening == "[" else "}"
        message, help = f"the bracket `{opening}` is not closed", f"add `{closing}`"
    return Diagnostic("syntax-error", message, source.word(at), label="never closed", help=help)


def tab(at: int, source: Text) -> Diagnostic:
    """Return the diagnostic for a tab that indents."""
    tabs = len(source.text[at:]) - len(source.text[at:].lstrip("\t"))
    return Diagnostic(
        "tab-indentation",
        "a tab is used for indentation",
        source.span(at, at + tabs),
        label="a tab" if tabs == 1 else f"{tabs} tabs",
        help="indent with spaces: two for each level",
    )


def directive(at: int, source: Text) -> Diagnostic:
    """Return the diagnostic for a directive, which begins at the offset."""
    line = source.text[at:].splitlines()[0].rstrip()
    return Diagnostic(
        "directive-not-supported",
        "a spec has no YAML directives",
        source.span(at, at + len(line)),
        label="a line that begins with `%`",
        help="delete this line",
    )


def tag(at: int, source: Text) -> Diagnostic:
    """Return the diagnostic for a tag, which begins at the offset."""
    span = source.word(at)
    return Diagnostic(
        "tag-not-supported",
        "a spec has no YAML tags",
        span,
        label="a tag",
        help="write the value without it; put text that begins with `!` in quotes",
    )
