"""The judge of vLLM server arguments: the recorded parser of `vllm serve` 0.32.0, without its leniencies.

Refused although vLLM takes it: a prefix of a flag, an underscore for a dash, a flag given twice, a deprecated
flag. Ranges come from recorded runs: what argparse takes and the server then dies of.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

_DATA = Path(__file__).parent / "data" / "vllm-0.32.0.json.gz"
_JSON_TYPES = ("json", "json (config dataclass)")
_HUMAN = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

# destination: least, most. The first four were recorded as refused by the configuration classes (`Input
# should be greater than or equal to 1`, `… less than or equal to 1`); the other sizes count the same kind of
# thing, shutdown_timeout is seconds with 0 for none, and a TCP port is 1 to 65535 by definition.
_RANGES: Mapping[str, tuple[float, float]] = {
    "gpu_memory_utilization": (0.0, 1.0),
    "tensor_parallel_size": (1, float("inf")),
    "max_num_seqs": (1, float("inf")),
    "max_num_batched_tokens": (1, float("inf")),
    "pipeline_parallel_size": (1, float("inf")),
    "data_parallel_size": (1, float("inf")),
    "max_loras": (1, float("inf")),
    "shutdown_timeout": (0, float("inf")),
    "port": (1, 65535),
}


class _Refused(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Refused(message)


def _human_readable_int(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmgtKMGT])", text)
    if match is None:
        return int(text)
    if match[2].isupper() and "." in match[1]:
        raise argparse.ArgumentTypeError("decimals are not for binary multipliers")
    return int(float(match[1]) * _HUMAN[match[2]])


def _length(text: str) -> int:
    number = -1 if text in ("auto", "-1") else _human_readable_int(text)
    if number != -1 and number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a length")
    return number


def _json_object(text: str) -> Any:
    value = json.loads(text)
    if not isinstance(value, dict | list):
        raise argparse.ArgumentTypeError(f"{text!r} is not a JSON object")
    return value


def _converter(row: Mapping[str, Any]) -> Any:
    kinds: Mapping[str, Any] = {
        "int": int,
        "float": float,
        "human_readable_int": _human_readable_int,
        "human_readable_int_or_auto": _length,
        **dict.fromkeys(_JSON_TYPES, _json_object),
    }
    convert = kinds.get(row.get("type", "str"), str)

    def converted(text: str) -> Any:
        return None if row.get("accepts_none_string") and text in ("", "None") else convert(text)

    converted.__name__ = str(row.get("type", "str"))
    return converted


@cache
def _recorded() -> Mapping[str, Any]:
    recorded: Mapping[str, Any] = json.loads(gzip.decompress(_DATA.read_bytes()))
    return recorded


@cache
def _rows() -> Mapping[str, Mapping[str, Any]]:
    """Flag to its recorded row."""
    return {flag: row for row in _recorded()["args"] for flag in row.get("flags", ())}


@cache
def _parser() -> _Parser:
    parser = _Parser(prog="vllm serve", allow_abbrev=False, add_help=False)
    for row in _recorded()["args"]:
        action = row["action"]
        options: dict[str, Any] = {"dest": row["dest"], "default": None}
        if not row.get("flags"):
            parser.add_argument(row["dest"], nargs=row.get("nargs"), default=None)
            continue
        if action == "BooleanOptionalAction":
            for flag in row["flags"]:
                value = not flag.startswith("--no-")
                parser.add_argument(flag, action="store_const", const=value, **options)
            continue
        if action == "_HelpAction":
            continue
        if action == "_StoreTrueAction":
            options["action"] = "store_true"
        else:
            options |= {k: row[k] for k in ("nargs", "const", "choices") if k in row}
            options["type"] = _converter(row)
            if action == "_AppendAction":
                options["action"] = "append"
        parser.add_argument(*row["flags"], **options)
    return parser


def known_env(name: str) -> bool:
    """Whether vLLM 0.32.0 reads an environment variable of this name (as its `envs.py` declares them)."""
    return name in _recorded()["env"]


def problems(args: list[str]) -> list[str]:
    """Return what is wrong with the arguments that follow `vllm serve`, as messages; empty if nothing.

    ValueError-free: arguments of any text are judged, never raised on.
    """
    found: list[str] = []
    plain: list[str] = []
    given: list[str] = []
    arguments = iter(args)
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        owner, dot, below = flag.partition(".")
        if flag.startswith("--") and dot:
            # `--compilation-config.mode 3` sets one key of a flag that takes JSON
            row = _rows().get(owner)
            if row is None or row.get("type") not in _JSON_TYPES or not all(below.split(".")):
                found.append(f"{flag}: no flag that takes keys")
            if not equals and next(arguments, None) is None:
                found.append(f"{flag}: expected one argument")
            continue
        if re.match(r"-{1,2}[A-Za-z]", flag):
            given.append(flag)
        plain.append(argument)
    found += _flags(given)
    try:
        parsed, unknown = _parser().parse_known_args(plain)
    except _Refused as error:
        return [*found, str(error)]
    found += [f"unrecognized argument: {argument}" for argument in unknown if argument not in given]
    return found + _values(vars(parsed))


def _flags(given: list[str]) -> list[str]:
    found: list[str] = []
    seen: set[str] = set()
    for flag in given:
        row = _rows().get(flag)
        # argparse also takes `-tp2`; we never write it
        if row is None:
            found.append(f"unrecognized argument: {flag}")
            continue
        if row["deprecated"]:
            found.append(f"{flag}: deprecated in vLLM 0.32.0")
        if row["dest"] in seen and row["action"] != "_AppendAction":
            found.append(f"{flag}: given twice")
        seen.add(row["dest"])
    return found


def _values(parsed: Mapping[str, Any]) -> list[str]:
    found = []
    for name, (least, most) in _RANGES.items():
        value = parsed.get(name)
        if value is not None and not least <= value <= most:
            found.append(f"{name}: {value} is not in {least} to {most}")
    if parsed.get("gpu_memory_utilization") == 0:
        found.append("gpu_memory_utilization: no memory")
    if parsed.get("enable_auto_tool_choice") and not parsed.get("tool_call_parser"):
        found.append("enable_auto_tool_choice: needs tool_call_parser")
    names = _rows()["--tool-call-parser"]["names"]
    parser = parsed.get("tool_call_parser")
    if parser is not None and parser not in names and not parsed.get("tool_parser_plugin"):
        found.append(f"tool_call_parser: {parser!r} is not one of {names}")
    return found
