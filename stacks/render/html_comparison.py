"""A comparison of environments as a page: verdict, what the spec says, differences, stacks, what was left out
(`stacks/render/page.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from stacks.comparison import KINDS, Comparison, Kind, kind_of
from stacks.render.human_comparison import (
    cause_lines,
    cause_words,
    difference_texts,
    heading,
    ignored_words,
    notes,
    verdict,
)
from stacks.render.human_plan import count
from stacks.render.page import OPEN, ROOM, Cards, Shown, macros, names_within, page, shown, within_room
from stacks.render.page_changes import Resource, output, resource
from stacks.render.told import Told, of_groups
from stacks.review import Reading
from stacks.steps import Action, StackPlan, Step

_STATUS: Mapping[str, Kind] = {"new": "only", "removed": "lacks", "changed": "differs"}
"""What kind of difference a whole stack is, by its status."""


@dataclass(frozen=True, slots=True)
class Difference(Shown):
    """One difference. `kind` is what the filter asks for and `words` how it is told; `texts` say what differs, `causes`
    are what the spec says differently, each with the lines of both sides."""

    kind: Kind
    words: str
    texts: tuple[str, ...]
    causes: tuple[tuple[str, tuple[str, ...]], ...]
    resources: tuple[Resource, ...]


def render(comparison: Comparison, reading: Reading) -> str:
    """Return the page. The same comparison gives the same bytes."""
    shown = list(_differences(comparison))
    differing = [s for s in comparison.stacks if s.status != "unchanged"]
    equal = [s.name for s in comparison.stacks if s.status == "unchanged"]
    left_out = list(ignored_words(comparison, details=True))
    values: dict[str, Any] = {
        "title": verdict(comparison).removesuffix("."),
        "comparison": comparison,
        "notes": list(notes(comparison)),
        "kinds": [(kind, heading(kind, comparison), comparison.counts[kind]) for kind in KINDS],
        "sides": (comparison.source, comparison.destination),
        "causes": [(cause_words(b), cause_lines(b, comparison)) for b in comparison.causes],
        "changes": _cards(shown, (comparison.source, comparison.destination)),
        "filters": _filters(shown, comparison),
        "count": count,
        "stacks": list(_rows(differing, comparison)),
        "differing": len(differing),
        "equal": (len(equal), list(names_within(equal, ROOM["findings"]))),
        "ignored": left_out[:_IGNORED],
        "more_ignored": max(0, len(left_out) - _IGNORED),
    }
    return page("comparison.html.j2", values)


_IGNORED = 300
"""Things that have to differ, told in a line each."""


def _differences(comparison: Comparison) -> Iterator[Difference]:
    order = {s.name: place for place, s in enumerate(comparison.stacks)}

    def place(told: Told) -> tuple[int, int, bool, str]:
        return KINDS.index(kind_of(told.step)), order[told.step.stack], bool(told.step.outputs), told.step.component

    for number, one in enumerate(sorted(of_groups(comparison.groups), key=place), 1):
        step, kind = one.step, kind_of(one.step)
        one = replace(one, stacks=tuple(sorted(one.stacks, key=lambda s: order[s.name])))
        yield Difference(
            **shown(number, one),
            kind=kind,
            words=heading(kind, comparison),
            texts=_texts(step),
            causes=tuple((cause_words(b), cause_lines(b, comparison)) for b in step.because if b.written),
            resources=tuple(_resources(step, comparison)),
        )


def _texts(step: Step) -> tuple[str, ...]:
    """Return what differs; of outputs their names, whose values stand below as those of a resource do."""
    if step.outputs:
        return (", ".join(f"`{o.name}`" for o in step.outputs),)
    return tuple(filter(None, difference_texts(step)))


def _resources(step: Step, comparison: Comparison) -> Iterator[Resource]:
    said = {
        Action.CREATE: f"only in {comparison.destination}:",
        Action.DELETE: f"only in {comparison.source}:",
    }
    for one in step.outputs:
        yield replace(output(one), said="differs:")
    for rated in step.edits:
        yield replace(resource(rated), unchanged=0, said=said.get(rated.action, "differs:"))


def _cards(shown: Sequence[Difference], sides: tuple[str, str]) -> Cards:
    one = macros("difference.html.j2")

    def whole(card: Difference, same: int) -> Markup:
        # what two places must differ in is what a reader looks for last
        opened = card.kind != "places" if len(shown) <= OPEN else card.number <= OPEN and card.kind == "lacks"
        text: Markup = one.difference(card, opened, same, sides)
        return text

    def line(card: Difference) -> Markup:
        text: Markup = one.line(card)
        return text

    return within_room(shown, whole, line)


def _filters(shown: Sequence[Difference], comparison: Comparison) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return what a reader can filter by: the key, its word, and the values that there are with their words."""
    kinds = [kind for kind in KINDS if any(c.kind == kind for c in shown)]
    targets = sorted({t for c in shown for t in c.targets})
    layers = list(dict.fromkeys(c.layer for c in shown))
    return [
        ("kind", "Difference", [(kind, heading(kind, comparison)) for kind in kinds]),
        ("targets", "Target", [(t, t) for t in targets]),
        ("layer", "Layer", [(layer, layer) for layer in layers]),
    ]


def _rows(
    differing: Sequence[StackPlan], comparison: Comparison
) -> Iterator[tuple[StackPlan, tuple[Kind, ...], tuple[Kind, str]]]:
    """Yield each stack that differs with the kinds of its differences and what it is as a whole, as far as there is
    room."""
    room = ROOM["stacks"]
    for stack in differing:
        room -= 200 + 2 * len(stack.name)
        if room < 0:
            return
        found = {kind_of(step) for step in stack.steps}
        whole = "places" if found == {"places"} else _STATUS[stack.status]
        yield stack, tuple(k for k in KINDS if k in found), (whole, heading(whole, comparison))
