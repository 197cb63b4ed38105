"""Writes `vllm.json`: the flags of `vllm serve`, from the parser of the installed package.

    python -m specs.catalog.generate.vllm DATE SOURCE [BEFORE] > vllm.json

It needs the package `vllm` of the version that the table is for; a CPU build will do. BEFORE is the table of the
version before; ranges and known values, which the parser does not know, stay. What a flag's converter reads is found by
asking it: what it makes of `16k`, `0.5`, `{}` and plain text.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from specs.catalog.generate.table import as_text, first_sentence, with_hand_kept

_FAILED = object()


def parser() -> argparse.ArgumentParser:
    """Return the parser of `vllm serve`. Raises ImportError without the package."""
    arguments = import_module("vllm.utils.argparse_utils").FlexibleArgumentParser(prog="vllm serve")
    made: argparse.ArgumentParser = import_module("vllm.entrypoints.openai.cli_args").make_arg_parser(arguments)
    return made


def rows(parser: argparse.ArgumentParser) -> Iterator[dict[str, Any]]:
    """Yield a row for each flag of a parser."""
    for action in parser._actions:
        if not action.option_strings or isinstance(action, argparse._HelpAction):
            continue
        row: dict[str, Any] = {"flags": list(action.option_strings), "dest": action.dest, **_action(action)}
        if getattr(action, "deprecated", False):
            row["deprecated"] = True
        text = action.help if action.help and action.help is not argparse.SUPPRESS else ""
        yield row | ({"help": first_sentence(text)} if text else {})


def _action(action: argparse.Action) -> dict[str, Any]:
    if isinstance(action, argparse.BooleanOptionalAction):
        return {"action": "negatable"}
    if action.nargs == 0:
        return {"action": "switch"}
    repeated = isinstance(action, argparse._AppendAction)
    row: dict[str, Any] = {"action": "append" if repeated else "store", "type": _type(action.type)}
    if action.choices:
        row["choices"] = list(action.choices)
    if action.nargs in ("+", "?"):
        row["nargs"] = action.nargs
    if callable(action.type) and _read(action.type, "None") is None:
        row["none"] = True
    return row


def _read(convert: Callable[[str], Any], text: str) -> Any:
    try:
        return convert(text)
    except (argparse.ArgumentTypeError, TypeError, ValueError):
        return _FAILED


def _type(convert: Any) -> str:
    """Return the type of a table by what the converter makes of texts."""
    if not callable(convert):
        return "str"
    if isinstance(_read(convert, '{"a": 1}'), dict):
        return "any" if _read(convert, "plain") == "plain" else "json"
    if _read(convert, "16k") == 16_000:
        return "human_int_or_auto" if _read(convert, "auto") is not _FAILED else "human_int"
    if _read(convert, "plain") == "plain":
        return "str"
    if _read(convert, "0.5") == 0.5:
        return "float"
    return "int" if _read(convert, "3") == 3 else "str"


def main(as_of: str, source: str, before: str = "") -> str:
    """Return the table's text."""
    head: dict[str, Any] = {"as_of": as_of, "source": source, "version": metadata.version("vllm")}
    removed: dict[str, str] = {}
    if before:
        document = json.loads(Path(before).read_text(encoding="utf-8"))
        head["note"] = document["note"]
        removed = document["removed"]
    return as_text(head, removed, with_hand_kept(rows(parser()), before))


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[1:]))
