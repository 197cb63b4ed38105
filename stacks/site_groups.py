"""Sites of an edge target whose plans are one: planned once, and told of each with its own nodes and lines.

This saves work only. What is told as the same change, over sites or anything else, is for `stacks/alike.py` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from components.graph import Node
from stacks.compilation import CompiledStack
from stacks.edits import Create, node_of
from stacks.steps import StackPlan, Step

SiteGroup = tuple[str, str, str, int, int]
"""Stacks of one group have one plan: environment, target and layer, and the graphs that their sites share."""


def group_of(before: CompiledStack | None, after: CompiledStack | None) -> SiteGroup | None:
    """Return the group of a site's stack, or None where it has to be planned by itself: another cluster or zone than
    before, or a side that is not known to share anything with other sites (a file, a state)."""
    one = after or before
    if one is None or one.common is None or after is None:
        return None
    if before is not None:
        if before.common is None or before.site != after.site or before.place != after.place:
            return None
        if any(before.graph.node(i) != after.graph.node(i) for i in before.own & after.own):
            return None
    return one.environment, one.target, one.layer, id(before.common) if before else 0, id(after.common)


def can_be_shared(made: StackPlan, stack: CompiledStack) -> bool:
    """Say whether the plan of one site says of another one what is true there: what it does to a site's own nodes is
    to make them, or nothing."""
    edits = (r.edit for step in made.steps for r in step.edits)
    return all(isinstance(e, Create) for e in edits if node_of(e).id in stack.own)


def line_of_site(stack: CompiledStack) -> str:
    """Return the place in a file that says where the stack's site is."""
    found = stack.values.get(f"targets.{stack.target}.sites.{stack.site}.zone")
    return found.where if found else ""


def at_another_site(made: StackPlan, line: str, stack: CompiledStack) -> StackPlan:
    """Return the plan of one site as that of another one of its group, with its own nodes and its own line; `line` is
    that of the first."""
    own = {n.id: n for n in stack.graph.nodes if n.id in stack.own}
    lines = {line: line_of_site(stack)}
    steps = tuple(_step_at(step, stack.name, own, lines) for step in made.steps)
    return replace(made, name=stack.name, site=stack.site, place=stack.place, steps=steps)


def _step_at(step: Step, stack: str, own: Mapping[str, Node], lines: Mapping[str, str]) -> Step:
    because = step.because
    if any(b.where in lines for b in because):
        because = tuple(replace(b, where=lines.get(b.where, b.where)) for b in because)
    if not any(r.edit.id in own for r in step.edits):
        return replace(step, stack=stack, because=because)
    edits = tuple(replace(r, edit=Create(own[r.edit.id])) if r.edit.id in own else r for r in step.edits)
    return replace(step, stack=stack, because=because, edits=edits)
