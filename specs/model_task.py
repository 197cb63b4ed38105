"""What a model is for."""

from __future__ import annotations

from specs.catalog.reader import Edition
from specs.schema.models import Model


def task_of(model: Model, edition: Edition) -> str:
    """Return the task that the spec says, else the catalog's, else `generate`."""
    if model.task is not None:
        return model.task
    row = edition.models.get(model.repository)
    return row.task if row is not None else "generate"
