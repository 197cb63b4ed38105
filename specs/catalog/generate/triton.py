"""Writes `triton.json`: the flags of `tritonserver`, and the fields and enums that its config.pbtxt may hold.

    python -m specs.catalog.generate.triton 2.51.0 DATE HELP FIELDS ENUMS > specs/catalog/2026-11/triton.json

HELP is what `tritonserver --help` prints (it goes to standard error, with exit status 1). FIELDS is a CSV with the
columns message, number, field, type, oneof and `in_server_<version>_schema`, read from
`tritonclient.grpc.model_config_pb2` and from the schema in the server's own library; ENUMS a CSV with the columns enum
and values (`A=0 B=1`). The server's schema counts: a newer client has fields that the server refuses.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_FLAG = re.compile(r"  --(?P<name>[a-z0-9-]+)(?: <(?P<kind>.+)>)?")
_TYPES = {"boolean": "bool", "integer": "int", "float": "float"}
_REPEATED = frozenset({"http-restricted-api", "grpc-restricted-protocol", "host-policy", "backend-config"})
"""Flags whose value names what it is for, so that one is given for each, although their help does not say so."""
_CHOICES = {
    "model-control-mode": ["none", "poll", "explicit"],
    "rate-limit": ["execution_count", "off"],
    "log-format": ["default", "ISO8601"],
}
"""Values that the help text of a flag names in prose."""


def flags(text: str) -> Iterator[dict[str, Any]]:
    """Yield a row for each flag of the help text: those below DEPRECATED are so, those that may come more than once
    append. A type of several parts (`<string>,<string>=<string>`) is text."""
    deprecated = False
    name, kind, was_deprecated = "", "", False
    about: list[str] = []
    for line in [*text.splitlines(), "  --help"]:
        found = _FLAG.fullmatch(line)
        if found is None:
            deprecated = deprecated or line.startswith("DEPRECATED")
            about.append(line.strip())
            continue
        if name:
            yield _row(name, kind, " ".join(about).strip(), was_deprecated)
        name, kind, about, was_deprecated = found["name"], found["kind"] or "", [], deprecated
        name = "" if name == "help" else name


def _row(name: str, kind: str, about: str, deprecated: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"flags": [f"--{name}"], "dest": name.replace("-", "_")}
    several = "multiple times" in about or name in _REPEATED
    if not kind:
        return row | {"action": "switch", "help": _first(about)}
    row |= {"action": "append" if several else "store", "type": _TYPES.get(kind, "str")}
    if name in _CHOICES:
        row["choices"] = _CHOICES[name]
    if name.endswith("-secs") or name.endswith("-count"):
        row["minimum"] = 0
    return row | ({"deprecated": True} if deprecated else {}) | {"help": _first(about)}


def _first(about: str) -> str:
    """Return the first sentence, at most 140 characters."""
    text = re.sub(r"^DEPRECATED: *", "", " ".join(about.split()))
    sentence = re.split(r"(?<=[a-z)])\.(?= |$)", text)[0]
    return sentence if len(sentence) <= 140 else sentence[:139].rstrip() + "…"


def main(version: str, as_of: str, help_file: str, fields_file: str, enums_file: str) -> str:
    """Return the table's text: one row a line."""
    with Path(fields_file).open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r[f"in_server_{version}_schema"] == "yes"]
    fields: dict[str, dict[str, str]] = {}
    for row in rows:
        fields.setdefault(row["message"], {})[row["field"]] = row["type"] + (
            f" of {row['oneof']}" if row["oneof"] else ""
        )
    with Path(enums_file).open(encoding="utf-8", newline="") as file:
        enums = {r["enum"]: [v.split("=")[0] for v in r["values"].split()] for r in csv.DictReader(file)}
    head = {
        "as_of": as_of,
        "source": f"tritonserver {version}: `--help` of the running server, and its model_config.proto",
        "version": version,
        "note": "fields: type, and the oneof that it belongs to; only what the server's own schema has",
    }
    listed = ",\n".join(
        f"    {json.dumps(row, ensure_ascii=False)}" for row in flags(Path(help_file).read_text(encoding="utf-8"))
    )
    lines = [f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}," for k, v in head.items()]
    lines += ['  "removed": {},', '  "enums": {', ",\n".join(_member(k, v) for k, v in enums.items()), "  },"]
    lines += ['  "fields": {', ",\n".join(_member(k, v) for k, v in fields.items()), "  },"]
    return "\n".join(["{", *lines, '  "flags": [', listed, "  ]", "}"]) + "\n"


def _member(name: str, value: Any) -> str:
    return f"    {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[1:]))
