"""The judge of Helm Releases and Kubernetes providers: their own properties, not a chart's values."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from .pulumi_classes import table_problems

_DATA = Path(__file__).parent / "data" / "pulumi-kubernetes-4.34.2.json"


@cache
def _carried() -> dict[str, Any]:
    carried: dict[str, Any] = json.loads(_DATA.read_text())
    return carried


def problems(type_token: str, inputs: dict[str, Any]) -> list[str]:
    """Return what the properties of the resource may not be, as `path: message`; empty if nothing.

    Knows `kubernetes:helm.sh/v3:Release` and `pulumi:providers:kubernetes`.
    """
    carried = _carried()
    if type_token not in carried["roots"]:
        return [f"{type_token}: unknown type"]
    found = list(table_problems(carried["classes"], carried["roots"][type_token], inputs))
    if type_token.endswith(":Release"):
        # the provider waits for the newest version of a chart if none is pinned: never what a plan shows
        found += [f"{key}: required" for key in ("name", "namespace", "version") if not inputs.get(key)]
    return found
