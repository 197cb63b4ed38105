"""The parameters of a model's config.pbtxt."""

from __future__ import annotations

import json
from typing import Any


def parameters(args: dict[str, Any]) -> dict[str, str]:
    """Return the parameters by name; Triton gives every value as text."""
    config = json.loads(args["model_config"])
    return {name: value["string_value"] for name, value in config.get("parameters", {}).items()}
