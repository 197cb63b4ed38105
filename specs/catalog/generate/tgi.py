"""Writes `tgi.json`: the flags of `text-generation-launcher`.

    python -m specs.catalog.generate.tgi 3.3.7 DATE SOURCE HELP [BEFORE] > tgi.json

HELP is what `text-generation-launcher --help` prints (clap's long help: a flag with its place for a value, its text
indented below, `[default: …]` and `[possible values: …]` or a list of them). BEFORE is the table of the version before;
what was added to it by hand stays. Help texts name no types: a default tells a number from text, and what has none is
in `_WHOLE`, from `struct Args` of launcher/src/main.rs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from specs.catalog.generate.table import as_text, first_sentence, with_hand_kept

_FLAG = re.compile(r"\s{2,8}(?:(?P<short>-\w), )?(?P<long>--[a-z0-9-]+)(?: <(?P<value>[A-Z0-9_]+)>)?")
_ENDS = frozenset({"--help", "--version"})
_WHOLE = frozenset({
    "num-shard", "speculate", "max-input-tokens", "max-input-length", "max-total-tokens", "max-batch-prefill-tokens",
    "max-batch-total-tokens", "max-batch-size", "cuda-graphs",
})  # fmt: skip
_NUMBERS = frozenset({"rope-factor", "watermark-gamma", "watermark-delta"})
_LISTS = frozenset({"cuda-graphs"})
"""Several values in one word, with commas (`value_delimiter`)."""
_REPEATED = frozenset({"cors-allow-origin"})
"""`Vec<String>` without a delimiter."""


def rows(text: str) -> Iterator[dict[str, Any]]:
    """Yield a row for each flag of the help text."""
    flag: re.Match[str] | None = None
    about: list[str] = []
    for line in [*text.splitlines(), "  --help"]:
        found = _FLAG.fullmatch(line)
        if found is None:
            about.append(line.strip())
            continue
        if flag is not None and flag["long"] not in _ENDS:
            yield _row(flag, about)
        flag, about = found, []


def _row(flag: re.Match[str], about: list[str]) -> dict[str, Any]:
    name = flag["long"].removeprefix("--")
    text = "\n".join(about)
    row: dict[str, Any] = {"flags": [flag["long"], *([flag["short"]] if flag["short"] else [])]}
    row["dest"] = name.replace("-", "_")
    if flag["value"] is None:
        row["action"] = "switch"
    else:
        row |= {"action": "append" if name in _REPEATED else "store", **_values(name, text)}
    said = re.split(r"\n\s*\n|\[(?:env|default|possible)|Possible values:", text)[0].strip()
    return row | ({"help": first_sentence(said)} if said else {})


def _values(name: str, text: str) -> dict[str, Any]:
    listed = re.search(r"\[possible values: ([^\]]+)\]", text)
    values = [v.strip() for v in listed[1].split(",")] if listed else re.findall(r"^- ([\w-]+):", text, re.MULTILINE)
    if values:
        return {"type": "str", "choices": values}
    default = re.search(r"\[default: ([^\]]*)\]", text)
    if name in _WHOLE or (default and re.fullmatch(r"\d+", default[1])):
        return {"type": "int", "minimum": 0, **({"nargs": "+"} if name in _LISTS else {})}
    if name in _NUMBERS or (default and re.fullmatch(r"\d+\.\d+", default[1])):
        return {"type": "float"}
    return {"type": "str"}


def main(version: str, as_of: str, source: str, help_file: str, before: str = "") -> str:
    """Return the table's text."""
    head = {
        "as_of": as_of,
        "source": source,
        "version": version,
        "note": "minimum 0: whole numbers are unsigned (usize, u32, u16); other ranges: what the launcher or the "
        "router refuses, a share of memory, a TCP port",
    }
    made = with_hand_kept(rows(Path(help_file).read_text(encoding="utf-8")), before)
    return as_text(head, {}, made)


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[1:]))
