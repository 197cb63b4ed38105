"""Values as text: how a number, a document or a `Format` reads once everything in it is known.

The engine's wire knows only doubles, so a number that comes back from it (`latestVersion`) has a fraction of zero; here
it is an integer again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def integral(value: Any) -> Any:
    """Return the JSON value with every number that has no fraction as an integer, at any depth.

    Example:
        >>> integral({"minSize": 2.0, "share": 0.5})
        {'minSize': 2, 'share': 0.5}
    """
    match value:
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            return {key: integral(item) for key, item in value.items()}
        case list() | tuple():
            return [integral(item) for item in value]
    return value


def json_text(value: Any) -> str:
    """Return the one text that stands for a `JsonText` in a deployed resource: sorted keys, no spaces.

    Example:
        >>> json_text({"b": [1.0, "ü"], "a": True})
        '{"a":true,"b":[1,"ü"]}'
    """
    return json.dumps(integral(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plain_text(value: Any) -> str:
    """Return how a value reads as a part of a `Format`: a text as it is, anything else as JSON.

    Example:
        >>> plain_text("v"), plain_text(1.0), plain_text(True)
        ('v', '1', 'true')
    """
    return value if isinstance(value, str) else json_text(value)
