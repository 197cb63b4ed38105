"""How a value known only after apply looks in a graph's JSON: every judge lets it stand for any type."""

from __future__ import annotations

from typing import Any


def is_placeholder(value: object) -> bool:
    """Whether the value is a reference form: a map with exactly one key, and that starts with `$`."""
    return isinstance(value, dict) and len(value) == 1 and str(next(iter(value))).startswith("$")


def holds_placeholder(value: Any) -> bool:
    """Whether the value is, or somewhere holds, a reference form."""
    if is_placeholder(value):
        return True
    if isinstance(value, dict):
        return any(holds_placeholder(v) for v in value.values())
    return isinstance(value, list) and any(holds_placeholder(v) for v in value)
