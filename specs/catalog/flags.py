"""The flags of the serving engines, as their own parsers define them, and what a value of a flag may be.

Each pinned version has a table (`vllm.json`, `tgi.json`, `llama_cpp.json`, `triton.json`); `specs/catalog/generate`
writes them.
Names are looked up without leading dashes and with dashes for underscores, since vLLM and llama.cpp take both. A
unique prefix of a flag, which vLLM's parser would also take, is not found on purpose: it would change its meaning
with the next version.
"""

import json
import re
from collections.abc import Container, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from specs.catalog.tables import read_table

_TABLES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("vllm", "0.32.0"): ("2026-11", "vllm.json"),
    ("tgi", "3.3.7"): ("2026-11", "tgi.json"),
    ("llama-cpp", "b11312"): ("2026-11", "llama_cpp.json"),
    ("triton", "2.51.0"): ("2026-11", "triton.json"),
}
"""Engine and version → edition and file of the table."""

_HUMAN_INT = re.compile(r"-?\d+|\d+(\.\d+)?[kmgt]|\d+[KMGT]")
_NUMBERS = frozenset({"int", "float", "human_int", "human_int_or_auto"})
_SCALE = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class Flag(NamedTuple):
    """One flag of an engine's server.

    `action` is `store` (takes a value), `switch` (takes none), `negatable` (takes none and has a `--no-`
    form) or `append` (may be repeated). `type` is `bool`, `str`, `int`, `float`, `human_int` (16k is 16,000
    and 16K is 16,384), `human_int_or_auto`, `int_or_word` (a whole number, or one of `known`), `json` or `any` (text or
    JSON).
    """

    flags: tuple[str, ...]
    dest: str
    action: str
    type: str = "bool"
    choices: tuple[str | int, ...] = ()
    """Values that the parser accepts; empty where it accepts any of the type."""
    nargs: str | None = None
    """`+`: one value or more; `?`: one or none."""
    none: bool = False
    """Whether the value None is accepted."""
    deprecated: bool = False
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    """An exclusive lower limit."""
    known: tuple[str, ...] = ()
    """Values that the configuration accepts after the parser let any text through."""
    extended_by: str = ""
    """The flag that can add values to `known`."""
    help: str = ""
    negation: bool = False
    """Whether this is the `--no-` form of a negatable flag."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every string the flag goes by, without leading dashes, in the parser's order."""
        return tuple(flag.lstrip("-") for flag in self.flags)

    @property
    def name(self) -> str:
        """The flag's first long form without dashes, `no-…` for a negation."""
        first = next(flag for flag in self.flags if flag.startswith("--")).lstrip("-")
        return f"no-{first}" if self.negation else first


def has_flags(engine: str) -> bool:
    """Say whether the flags of an engine are known: those of an image of one's own are not."""
    return any(name == engine for name, _ in _TABLES)


@cache
def engine_flags(engine: str, version: str) -> Mapping[str, Flag]:
    """The flags of a version by every string they go by: long, short (`tp`) and negated (`no-enable-lora`).

    Raises KeyError for an engine or a version that the catalog does not know.
    """
    table: dict[str, Flag] = {}
    for row in read_table(*_TABLES[engine, version])["flags"]:
        for key in ("flags", "choices", "known"):
            if key in row:
                row[key] = tuple(row[key])
        flag = Flag(**row)
        for text in flag.flags:
            negated = flag.action == "negatable" and text.startswith("--no-")
            table[text.lstrip("-")] = flag._replace(negation=True) if negated else flag
    return MappingProxyType(table)


@cache
def removed_flags(engine: str, version: str) -> Mapping[str, str]:
    """Flags of earlier versions that this one refuses, with what to do instead. Raises as `engine_flags`."""
    return MappingProxyType(dict(read_table(*_TABLES[engine, version])["removed"]))


def find_flag(engine: str, version: str, name: str) -> Flag | None:
    """The flag that a name in a spec means, with or without dashes or underscores, or None.

    A dotted name (`compilation-config.mode`) is a key inside a JSON flag; the flag is returned.
    """
    flags = engine_flags(engine, version)
    whole = name.lstrip("-").replace("_", "-")
    if whole in flags:  # a flag's own name may hold a dot: `--fim-qwen-1.5b-default`
        return flags[whole]
    plain, _, key = whole.partition(".")
    flag = flags.get(plain)
    return flag if flag is None or not key or flag.type in ("json", "any") else None


def check_argument(flag: Flag, value: object, given: Container[str] = ()) -> str | None:
    """What is wrong with a value for a flag, in words that follow its name, or None.

    `value` is plain data from a spec. `given` holds the names of the other flags given, without dashes: a
    plugin flag among them can make an unknown value known.
    """
    if flag.type == "bool":
        if not isinstance(value, bool):
            return f"takes no value: write true or false, not {_show(value)}"
        # there is no form that says it: the argument would be one that the engine does not know
        return "cannot be switched off: it is off unless it is given" if flag.action == "switch" and not value else None
    if value is None:
        return None if flag.none or flag.nargs == "?" else "needs a value"
    if isinstance(value, list | tuple) and (flag.nargs == "+" or flag.action == "append"):
        if not value and flag.nargs == "+":
            return "needs at least one value"
        problems = (_check_one(flag, item, given) for item in value)
        return next((problem for problem in problems if problem), None)
    return _check_one(flag, value, given)


def _check_one(flag: Flag, value: object, given: Container[str]) -> str | None:
    if value == "None" and flag.none:
        return None
    if flag.type in ("json", "any"):
        return _check_json(flag, value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return f"needs {_TYPE_WORDS[flag.type]}, not {_show(value)}"
    if flag.type == "int_or_word" and str(value) in flag.known:
        return None
    number = _number(flag.type, value)
    if number is None and flag.type == "int_or_word":
        return f"needs a whole number, or one of {', '.join(flag.known)}, not {_show(value)}"
    if number is None and flag.type in _NUMBERS:
        return f"needs {_TYPE_WORDS[flag.type]}, not {_show(value)}"
    chosen = number if number is not None else str(value)
    if flag.choices and chosen not in flag.choices:
        return f"does not take {_show(value)}; it takes {', '.join(map(str, flag.choices))}"
    if flag.known and number is None and chosen not in flag.known and flag.extended_by not in given:
        return f"does not know {_show(value)}; it knows {', '.join(flag.known)}"
    return None if number is None else _check_range(flag, number)


def _check_range(flag: Flag, number: float) -> str | None:
    # Written as "not in range", so that not-a-number fails too.
    if flag.minimum is not None and not number >= flag.minimum:
        return f"must be at least {flag.minimum:g}, not {number:g}"
    if flag.above is not None and not number > flag.above:
        return f"must be more than {flag.above:g}, not {number:g}"
    if flag.maximum is not None and not number <= flag.maximum:
        return f"must be at most {flag.maximum:g}, not {number:g}"
    return None


def _check_json(flag: Flag, value: object) -> str | None:
    if not isinstance(value, str):
        return None if flag.type == "any" or isinstance(value, dict | list) else f"needs JSON, not {_show(value)}"
    if flag.type == "any" and not value.lstrip().startswith(("{", "[")):
        return None
    try:
        json.loads(value)
    except ValueError as error:
        return f"needs JSON: {error}"
    return None


def _number(kind: str, value: Any) -> float | None:
    """The number that the engine's parser would read, or None."""
    text = str(value).strip()
    try:
        if kind in ("int", "int_or_word"):
            return int(text)
        if kind == "float":
            return float(text)
    except ValueError:
        return None
    if kind == "human_int_or_auto" and text == "auto":
        return -1
    if kind not in _NUMBERS or not _HUMAN_INT.fullmatch(text):
        return None
    return int(float(text[:-1]) * _SCALE[text[-1]]) if text[-1] in _SCALE else int(text)


_TYPE_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "human_int": "a whole number such as 16384, 16k (16,000) or 16K (16,384)",
    "human_int_or_auto": "a whole number such as 16384, 16k (16,000) or 16K (16,384), or auto",
    "int_or_word": "a whole number or a word",
}


def _show(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
