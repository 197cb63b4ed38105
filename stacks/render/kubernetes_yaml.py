"""JSON values as YAML that every reader of Kubernetes manifests reads as the same values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

_FIRST = ("apiVersion", "kind", "metadata")

_QUOTED = re.compile(
    r"[-+]?\.?[0-9][0-9a-fox_.,:+-]*|[-+]?\.(inf|nan)|[yn]|(yes|no|on|off|true|false|null|nan|inf)", re.IGNORECASE
)
"""Texts that some reader takes for a number, a date or a boolean: PyYAML leaves `1e3` and `0o17` bare, which Go reads
as numbers; YAML 1.1 reads `y` as true and `1:30` as 90."""


def yaml_text(value: Any) -> str:
    """Return the YAML of a JSON value: keys sorted, but `apiVersion`, `kind` and `metadata` first; nothing on one line
    but empty maps and lists; texts of several lines as blocks.

    Example:
        >>> print(yaml_text({"spec": {"cpu": "500m", "size": "1e3"}, "kind": "X"}), end="")
        kind: X
        spec:
          cpu: 500m
          size: "1e3"
    """
    text: str = yaml.dump(
        _sorted(value),
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=1_000_000,
    )
    return text


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        first = [key for key in _FIRST if key in value]
        return {key: _sorted(value[key]) for key in (*first, *sorted(k for k in value if k not in first))}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


class _Dumper(yaml.SafeDumper):
    """Writes an object that is there twice two times, and lists indented below their key."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    quoted = _QUOTED.fullmatch(text) or not text.replace("\n", "").isprintable()
    style = '"' if quoted else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
