"""Reads the catalog's data files. The one place that knows where they lie."""

import json

# Not pathlib: importing it takes longer than reading every table of a plan.
from os.path import dirname, join
from typing import Any

_FOLDER = dirname(__file__)


def read_table(*parts: str) -> dict[str, Any]:
    """The JSON document at that path inside the catalog (`read_table("2026-11", "models.json")`)."""
    with open(join(_FOLDER, *parts), "rb") as file:
        document: dict[str, Any] = json.loads(file.read())
    return document
