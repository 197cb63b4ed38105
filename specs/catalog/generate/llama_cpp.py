"""Writes `llama_cpp.json`: the flags of `llama-server`.

    python -m specs.catalog.generate.llama_cpp b11312 DATE SOURCE HELP ARG_CPP [BEFORE] > llama_cpp.json

HELP is what `llama-server --help` prints, ARG_CPP the file common/arg.cpp of the same build: the help says which flags
the server takes, the source which type the handler of each reads. BEFORE is the table of the version before; what was
added to it by hand stays. Flags that print something and exit are left out, and the one that takes two values, which a
spec cannot write.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from specs.catalog.generate.table import as_text, first_sentence, with_hand_kept

_ENDS = frozenset({"--help", "--version", "--cache-list", "--completion-bash", "--list-devices", "--license"})
_TWO_VALUES = frozenset({"--control-vector-layer-range"})
_BLOCK = re.compile(r"add_opt\(common_arg\((?P<body>.*?)\n    \)", re.DOTALL)
_NAMES = re.compile(r"\{((?:\s*\"-[^\"]*\",?)+)\s*\}")
_HANDLER = re.compile(r"\[[^\]]*\]\s*\((?P<parameters>[^)]*common_params[^)]*)\)")
_WORDS = re.compile(r"value == \"(\w+)\"")
_REMOVED = re.compile(r"the argument has been removed\. (?P<advice>[^\"]*)\"")
_FLOAT = re.compile(r"std::sto(f|d)\(")
_WHOLE = re.compile(r"std::sto(i|l|ul|ull)\(\s*\w+\s*\)")
_LISTED = re.compile(r"^[\[{<](?P<values>[\w-]+(?:[|,][\w-]+)+)[\]}>]$")
_SEVERAL = re.compile(r"[,:(]|\bEND\b")
"""In the place of a value: it is made of several."""


class Handler(NamedTuple):
    """What the source says of a flag: how its value is read, its negative names, and where it went."""

    type: str
    negative: tuple[str, ...]
    removed: str
    words: tuple[str, ...] = ()


class Told(NamedTuple):
    """What the help says of a flag."""

    names: tuple[str, ...]
    value: str
    about: str


def handlers(source: str) -> Mapping[str, Handler]:
    """Return what common/arg.cpp says, by every name of a flag."""
    found: dict[str, Handler] = {}
    for block in _BLOCK.finditer(source):
        body = block["body"]
        lists = [re.findall(r"\"(-[^\"]*)\"", names) for names in _NAMES.findall(body.partition("[](")[0])]
        handler = _HANDLER.search(body)
        parameters = handler["parameters"] if handler else ""
        gone = _REMOVED.search(body)
        kind = _type(parameters, body)
        negative = tuple(lists[1]) if kind == "negatable" and len(lists) > 1 else ()
        for name in (name for names in lists[:2] for name in names):
            found[name] = Handler(kind, negative, gone["advice"] if gone else "", tuple(_WORDS.findall(body)))
    return found


def _type(parameters: str, body: str) -> str:
    if "bool " in parameters:
        return "negatable"
    if "int " in parameters:
        return "int"
    if "string" not in parameters:
        return "switch"
    if _FLOAT.search(body):
        return "float"
    return "int" if _WHOLE.search(body) and "parse" not in body else "str"


def told(text: str) -> Iterator[Told]:
    """Yield the flags of the help text."""
    left, about = "", [""]
    for line in [*text.splitlines(), "-----"]:
        if not line.startswith("-"):
            about.append(line.strip())
            continue
        if left:
            yield _told(left, "\n".join(about))
        left, about = "", [""]
        if line.startswith("--") and set(line) <= {"-"} or line.startswith("-----"):
            continue
        left, _, rest = re.sub(r",\s+", ", ", line).partition("  ")
        about = [rest.strip()]


def _told(left: str, about: str) -> Told:
    names = re.match(r"(-[\w.-]+)(, -[\w.-]+)*", left)
    end = names.end() if names else 0
    return Told(tuple(left[:end].split(", ")), left[end:].strip(), about)


def rows(help_text: str, source: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the rows of the table, and the flags that are gone with what to use instead."""
    by_name = handlers(source)
    made: list[dict[str, Any]] = []
    removed: dict[str, str] = {}
    for flag in told(help_text):
        handler = next((by_name[n] for n in flag.names if n in by_name), Handler("str", (), ""))
        if handler.removed or flag.about.startswith("the argument has been removed"):
            advice = handler.removed or flag.about.partition(". ")[2]
            removed |= {n.lstrip("-"): first_sentence(advice) for n in flag.names if n.startswith("--")}
        elif not _ENDS & set(flag.names) and not _TWO_VALUES & set(flag.names):
            made.append(_row(flag, handler))
    return made, removed


def _row(flag: Told, handler: Handler) -> dict[str, Any]:
    negative = [n for n in flag.names if n in handler.negative]
    positive = [n for n in flag.names if n not in handler.negative]
    # a short negative form would be read as the flag itself
    names = [*(n for n in positive if n.startswith("--")), *(n for n in positive if not n.startswith("--"))]
    names += [n for n in negative if n.startswith("--no-")]
    first = names[0].lstrip("-")
    row: dict[str, Any] = {"flags": names, "dest": first.replace("-", "_")}
    if handler.type == "negatable":
        row |= {"action": "negatable"}
    elif not flag.value:
        row |= {"action": "switch"}
    else:
        row |= {"action": "store", **_values(flag, handler)}
    if "DEPRECATED" in flag.about:
        row["deprecated"] = True
    return row | {"help": first_sentence(re.sub(r"\[\(.*?\)\]\(.*?\)|\(env: \w+\)", "", flag.about, flags=re.DOTALL))}


def _values(flag: Told, handler: Handler) -> dict[str, Any]:
    """Return type and values: those that the handler compares a number with are words that it takes too."""
    if flag.value in ("JSON", "SCHEMA") or "json object string" in flag.about:
        return {"type": "json"}
    if _SEVERAL.search(flag.value) and not _LISTED.match(flag.value):
        return {"type": "str"}
    if handler.type == "int" and handler.words:
        return {"type": "int_or_word", "known": list(handler.words)}
    return {"type": handler.type, **_choices(flag, handler)}


def _choices(flag: Told, handler: Handler) -> dict[str, Any]:
    """Return the values that the help lists: in the place of the value, behind `allowed values`, or as a list; and the
    default, which not every list has."""
    listed = _LISTED.match(flag.value)
    allowed = re.search(r"allowed values: ([\w, \n]+?)\n?(?=\()", flag.about)
    bullets = re.findall(r"^ ?- ([\w+-]+)(?: \(default\))?:", flag.about, re.MULTILINE)
    values = re.split(r"[|,]", listed["values"]) if listed else []
    values = values or ([v.strip() for v in allowed[1].replace("\n", " ").split(",")] if allowed else bullets)
    if not values or "..." in flag.value:
        return {}
    if handler.type == "int":
        return {"choices": [int(v) for v in values]}
    default = re.search(r"\(default: '?(\w[\w-]*)'?\)", flag.about)
    return {"choices": [*values, default[1]] if default and default[1] not in values else values}


def main(version: str, as_of: str, source: str, help_file: str, arg_cpp: str, before: str = "") -> str:
    """Return the table's text."""
    texts = [Path(file).read_text(encoding="utf-8") for file in (help_file, arg_cpp)]
    made, removed = rows(texts[0], texts[1])
    head = {
        "as_of": as_of,
        "source": source,
        "version": version,
        "note": "action and type: of the flag's handler in common/arg.cpp. int_or_word: a number or a word of `known`",
    }
    return as_text(head, removed, with_hand_kept(made, before))


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[1:]))
