"""The form of a table of flags: one row a line, and what people have added to the rows of the table before."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HAND_KEPT = ("minimum", "maximum", "above", "known", "extended_by")
"""What no help text says: added by hand to a row, with the run or the source it comes from in the table's `source`.
A row keeps it as long as the flag is there and takes the same kind of value."""

LONGEST_HELP = 120


def first_sentence(text: str) -> str:
    """Return the first sentence of a help text, cut to 120 characters."""
    joined = " ".join(text.split())
    sentence = re.split(r"(?<=.{20})(?<=[a-z0-9)'`\"])(?<!i\.e)(?<!e\.g)\.(?= |$)", joined)[0].rstrip(" .")
    return sentence if len(sentence) < LONGEST_HELP else f"{sentence[: LONGEST_HELP - 1].rstrip()}…"


def with_hand_kept(rows: Iterable[Mapping[str, Any]], before: str) -> list[dict[str, Any]]:
    """Return the rows with what people had added to those of the table before (a file's name, or empty)."""
    if not before:
        return [dict(row) for row in rows]
    known = {row["dest"]: row for row in json.loads(Path(before).read_text(encoding="utf-8"))["flags"]}
    made: list[dict[str, Any]] = []
    for row in rows:
        old = known.get(row["dest"], {})
        same = all(old.get(key) == row.get(key) for key in ("action", "type"))
        kept = {k: old[k] for k in HAND_KEPT if k in old and same}
        made.append(
            {**{k: v for k, v in row.items() if k != "help"}, **kept, **{k: row[k] for k in row if k == "help"}}
        )
    return made


def as_text(head: Mapping[str, Any], removed: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the table's text."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}," for key, value in head.items()]
    gone = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in removed.items())
    lines.append('  "removed": {' + (f"\n{gone}\n  }}," if gone else "},"))
    listed = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in rows)
    return "\n".join(["{", *lines, '  "flags": [', listed, "  ]", "}"]) + "\n"
