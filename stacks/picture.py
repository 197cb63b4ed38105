"""One stack as a picture, before it is drawn: a box for each component, an arrow for each dependency between two."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from components.graph import Component, Graph, Ref, references
from stacks.compilation import CompiledStack
from stacks.plan import Action, Step
from stacks.risk.finding import Risk

Change = Literal["none", "create", "adopt", "delete", "replace", "move", "update"]


@dataclass(frozen=True, slots=True)
class Box:
    """One component. `id` is its path in the spec, `type` such as `llmform:serving:ModelServer`, `resources` how many
    it has."""

    id: str
    type: str
    resources: int
    change: Change = "none"
    risk: Risk = Risk.NONE


@dataclass(frozen=True, slots=True)
class Arrow:
    """`dependent` needs something of `dependency`; both are ids of boxes."""

    dependent: str
    dependency: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture of one stack, its boxes in the order in which they are made; `compared`: with another side."""

    stack: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    compared: bool = True


_CHANGES: dict[Action, Change] = {
    Action.CREATE: "create",
    Action.ADOPT: "adopt",
    Action.DELETE: "delete",
    Action.REPLACE: "replace",
    Action.MOVE: "move",
    Action.UPDATE: "update",
}


def picture(before: CompiledStack | None, after: CompiledStack | None, steps: Sequence[Step] | None = None) -> Picture:
    """Return the picture of a stack as it is afterwards, with the components that go, coloured by the plan's steps.

    Providers make no arrows: each resource has one, and it would be an arrow from every box to the same one. Of a
    component that goes the arrows are those that it had. Steps of other stacks mean nothing here; without any, not even
    none, nothing was compared. Raises ValueError without any stack.
    """
    stack = after or before
    if stack is None:
        raise ValueError("a picture is of a stack: neither side has one")
    new = {c.id: c for c in after.graph.components} if after else {}
    names = {alias: c.id for c in new.values() for alias in c.aliases if alias not in new}
    gone = {c.id: c for c in before.graph.components if c.id not in new and c.id not in names} if before else {}
    arrows = set(_arrows(after.graph)) if after else set()
    if before and gone:
        renamed = (
            Arrow(names.get(a.dependent, a.dependent), names.get(a.dependency, a.dependency))
            for a in _arrows(before.graph)
        )
        arrows |= {a for a in renamed if a.dependent in gone or a.dependency in gone}
    components = new | gone
    resources = Counter(n.component for n in after.graph.nodes) if after else Counter()
    if before:
        resources.update(n.component for n in before.graph.nodes if n.component in gone)
    told = {step.component: step for step in steps or () if step.stack == stack.name}
    ordered = in_order(components, arrows)
    boxes = tuple(_box(components[i], resources[i], told.get(i)) for i in ordered)
    in_lines = tuple(sorted(arrows, key=lambda a: (a.dependent, a.dependency)))
    return Picture(stack.name, boxes, in_lines, steps is not None)


def _box(component: Component, resources: int, step: Step | None) -> Box:
    if step is None:
        return Box(component.id, component.type, resources)
    return Box(component.id, component.type, resources, _CHANGES[step.action], step.risk)


def _arrows(graph: Graph) -> Iterator[Arrow]:
    """Yield what the components need of each other, an arrow for every reference and `needs` of their nodes."""
    component = {n.id: n.component for n in graph.nodes}
    for node in graph.nodes:
        named = (r.node for r in references(node.inputs) if isinstance(r, Ref))
        for needed in (*node.needs, *named):
            if component.get(needed, node.component) != node.component:
                yield Arrow(node.component, component[needed])


def in_order(ids: Iterable[str], arrows: Iterable[Arrow]) -> tuple[str, ...]:
    """Return the ids so that each comes after what it needs, else by name.

    Two components can need something of each other, though no two resources do (EKS's add-ons and its nodes): of such
    a circle the one whose name comes first comes last.
    """
    needed: dict[str, set[str]] = defaultdict(set)
    for arrow in arrows:
        needed[arrow.dependent].add(arrow.dependency)
    ordered: dict[str, None] = {}
    seen: set[str] = set()
    # an id comes a second time when all that it needs is there; no recursion, so that a long chain is no error
    waiting = [(i, False) for i in sorted(ids, reverse=True)]
    while waiting:
        current, settled = waiting.pop()
        if settled:
            ordered[current] = None
        elif current not in seen:
            seen.add(current)
            waiting.append((current, True))
            waiting.extend((i, False) for i in sorted(needed[current], reverse=True))
    return tuple(ordered)
