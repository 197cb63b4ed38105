"""The costs of a review: one call from what was compiled to what it costs, and which budgets that exceeds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from specs.diagnostics import Diagnostic
from stacks.compilation import Compilation
from stacks.compile import Compiled, Selection, select
from stacks.cost.budgets import judged
from stacks.cost.cost import cost_change
from stacks.cost.values import CostChange

EVERYTHING = Selection()


def costs(
    compiled: Compiled, before: Compilation | None, asked: Selection = EVERYTHING
) -> tuple[CostChange, tuple[Diagnostic, ...]]:
    """Return what the stacks that are asked for cost and what a change does to it, and an error for each budget that is
    exceeded.

    Args:
        compiled: the spec, all of it: what a pool needs and what an environment costs goes beyond the selection.
        before: the other side, all of it; None if everything is new.
    """
    assert compiled.compilation is not None
    after = compiled.compilation
    if asked == EVERYTHING:
        change, names = cost_change(before, after), None
        environments: Collection[str] = {s.environment for s in after.stacks}
    else:
        sides = [side for side in (before, after) if side is not None]
        chosen = [s for side in sides for s in select(side, asked).stacks]
        environments, names = {s.environment for s in chosen}, {s.name for s in chosen}
        change = cost_change(_of(before, environments) if before else None, _of(after, environments))
    result = judged(compiled.loaded.cases, change.after, environments)
    change = replace(change, budgets=result.states)
    return (change if names is None else change.only(names)), result.found


def _of(compilation: Compilation, environments: Collection[str]) -> Compilation:
    return replace(compilation, stacks=tuple(s for s in compilation.stacks if s.environment in environments))
