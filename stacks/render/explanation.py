"""An explanation as text or JSON."""

from __future__ import annotations

import json
from typing import Any

from stacks.explain import Explanation, Setting
from stacks.render.style import safe

WIDTH = 100


def human(explanation: Explanation) -> str:
    """Return the explanation as text: what it is, every value with its origin, and what it compiles to."""
    lines = [safe(explanation.path)]
    if explanation.description:
        lines += _wrapped(" ".join(explanation.description.split()), "  ")
    lines += [f"  type: {explanation.type}", ""]
    everywhere = {p for s in explanation.settings for p in s.places}
    for setting in explanation.settings:
        lines += _setting(setting, everywhere)
    for stack, ids in explanation.nodes.items():
        lines += ["", f"compiles to, in {safe(stack)}"]
        lines += [f"  {safe(i)}" for i in ids]
    return "\n".join(lines) + "\n"


def _setting(setting: Setting, everywhere: set[str]) -> list[str]:
    item = setting.item
    value = item.value if isinstance(item.value, str) else json.dumps(item.value, ensure_ascii=False)
    if isinstance(item.value, int) and not isinstance(item.value, bool) and abs(item.value) >= 10_000:
        value = f"{item.value:,}"
    where = f", from the overlay of {item.overlay}" if item.overlay else ""
    origin = f"{item.where}{where}" if item.where else item.reason or "computed"
    only = "" if set(setting.places) == everywhere else f" (in {', '.join(setting.places)})"
    return [safe(f"{setting.path}: {value}{only}"), *_wrapped(safe(origin), "    ")]


def _wrapped(text: str, indent: str) -> list[str]:
    import textwrap

    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def as_json(explanation: Explanation) -> str:
    """Return the explanation as JSON in ASCII, so that nothing in it can steer a terminal; `format` is the version of
    this layout."""
    settings: list[dict[str, Any]] = [
        {
            "path": s.path,
            "value": s.item.value,
            "where": s.item.where,
            "overlay": s.item.overlay,
            "reason": s.item.reason,
            "in": list(s.places),
        }
        for s in explanation.settings
    ]
    document = {
        "format": 1,
        "path": explanation.path,
        "type": explanation.type,
        "description": explanation.description,
        "values": settings,
        "nodes": {stack: list(ids) for stack, ids in explanation.nodes.items()},
    }
    return json.dumps(document, indent=2) + "\n"
