"""Costs by what they are counted under: the stack, the model, the environment, the target, the owner.

Every line is in exactly one row of every view, so that each view's rows sum up to the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from stacks.cost.values import Cost, Line, Range, StackLabels, total

SHARED, NOBODY = "(no model)", "(no owner)"
"""The rows of what is not one model's, and of stacks whose spec names no owner."""


class Row(NamedTuple):
    """One row: what it is counted under, its sum, how many lines that is the sum of, and how many things under it have
    no price (0 for models, whose part of what is not priced nobody knows)."""

    name: str
    monthly: Range
    lines: int
    unpriced: int


def _of_stack(get: Callable[[StackLabels], str]) -> Callable[[Mapping[str, StackLabels], str, str], str]:
    return lambda labels, stack, model: get(labels[stack])


VIEWS: Mapping[str, Callable[[Mapping[str, StackLabels], str, str], str]] = {
    "stack": lambda labels, stack, model: stack,
    "model": lambda labels, stack, model: model or SHARED,
    "environment": _of_stack(lambda s: s.environment),
    "target": _of_stack(lambda s: s.target),
    "owner": _of_stack(lambda s: s.owner or NOBODY),
}
"""The views by name. A new one is a line here: from a stack and a model to the name of a row."""


def view(cost: Cost, name: str) -> tuple[Row, ...]:
    """Return the rows of a view, by name; KeyError for a view that there is not."""
    labels = {s.stack: s for s in cost.stacks}
    rows: dict[str, list[Line]] = {}
    lacking: dict[str, int] = {}
    under = VIEWS[name]
    for stack in labels:
        if name != "model":
            rows.setdefault(under(labels, stack, ""), [])
    for line in cost.lines:
        rows.setdefault(under(labels, line.stack, line.model), []).append(line)
    for item in cost.unpriced:
        if name != "model":
            key = under(labels, item.stack, "")
            lacking[key] = lacking.get(key, 0) + 1
    return tuple(
        Row(key, total(line.monthly for line in lines), len(lines), lacking.get(key, 0))
        for key, lines in sorted(rows.items())
    )
