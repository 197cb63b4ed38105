"""The changes of a review as a page shows them: a card each, its resources with both sides of every property."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from stacks.changes import Absent
from stacks.edits import Change, Create, Delete, OutputEdit, node_of
from stacks.render.human_plan import because_words, count
from stacks.render.page import WORDS, Shown, shown
from stacks.render.told import Told, causes, reasons
from stacks.render.values import KNOWN_LATER, change_name, remark, shown_sides, value_text
from stacks.render.word_diff import Part, sides, whole
from stacks.steps import Action, RatedEdit, Step


@dataclass(frozen=True, slots=True)
class Row:
    """One property: its path, both sides in parts (none where the side is not there), and what the change does."""

    name: str
    before: tuple[Part, ...]
    after: tuple[Part, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a change; `said` is its word where it is read aloud."""

    symbol: str
    word: str
    id: str
    type: str
    rows: tuple[Row, ...]
    unchanged: int
    said: str = ""


@dataclass(frozen=True, slots=True)
class Card(Shown):
    """One change. `environments` are what a filter asks for; `decided` are values that follow from what the spec
    says."""

    risk: str
    fails: bool
    environments: tuple[str, ...]
    reasons: tuple[str, ...]
    causes: tuple[tuple[str, str], ...]
    explanation: str
    resources: tuple[Resource, ...]
    decided: tuple[str, ...]


def cards(found: Sequence[Told]) -> Iterator[Card]:
    """Yield a card for each change."""
    for number, one in enumerate(found, 1):
        step = one.step
        yield Card(
            **shown(number, one),
            risk=str(step.risk),
            fails=step.fails,
            environments=tuple(dict.fromkeys(s.environment for s in one.stacks)),
            reasons=reasons(one),
            causes=tuple(causes(_with_decided_apart(one))),
            explanation="" if step.because else step.explanation,
            resources=(*map(output, step.outputs), *map(resource, step.edits)),
            decided=tuple(_decided(step)),
        )


def _with_decided_apart(one: Told) -> Told:
    """Return the change with only the causes that somebody wrote: what follows is told with its reason (`_decided`)."""
    written = tuple(b for b in one.step.because if b.written)
    return replace(one, step=replace(one.step, because=written)) if written else one


def _decided(step: Step) -> Iterator[str]:
    """Yield the values that nobody wrote and that differ, with their reasons; of what comes or goes there are none."""
    if step.action in (Action.CREATE, Action.DELETE) or not any(b.written for b in step.because):
        return
    told = " ".join(f.reason for f in step.findings)
    for b in step.because:
        if not b.written and b.before is not b.after:
            yield because_words(b) + (f" ({b.reason})" if b.reason and b.reason not in told else "")


def headline(card: Card) -> str:
    """Return the first reason, or what there is to say without one."""
    return card.reasons[0] if card.reasons else count(len(card.resources), "resource")


def resource(rated: RatedEdit) -> Resource:
    """Return a resource with what changes of it; of one that comes or goes, its name."""
    node, edit = node_of(rated.edit), rated.edit
    rows: tuple[Row, ...] = ()
    if not isinstance(edit, Create | Delete):
        rows = tuple(_row(node.type, change) for change in edit.changes if change.effect.kind != "record")
        hidden = [change for change in edit.changes if change.effect.kind == "record"]
        rows += tuple(_row(node.type, change) for change in hidden if change.part == "options")
    word = WORDS[rated.action.name]
    return Resource(rated.action.value, word, node.id, node.type, rows, rated.unchanged)


def _row(type_token: str, change: Change) -> Row:
    before, after = shown_sides(type_token, change)
    name, note = change_name(change), remark(change).strip(" #\x00").replace("\x00", " ")
    if change.cause:
        return Row(name, whole(value_text(before)), (Part("gap", KNOWN_LATER),), note)
    if isinstance(before, Absent):
        return Row(name, (), whole(value_text(after), "other"), note)
    if isinstance(after, Absent):
        return Row(name, whole(value_text(before), "other"), (), note)
    return Row(name, *sides(value_text(before), value_text(after)), note)


def output(edit: OutputEdit) -> Resource:
    """Return an output of a stack as if it was a resource with one property."""
    old = () if isinstance(edit.before, Absent) else whole(value_text(edit.before))
    new: tuple[Part, ...] = () if isinstance(edit.after, Absent) else whole(value_text(edit.after), "other")
    if edit.cause:
        new = (Part("gap", KNOWN_LATER),)
    return Resource("~", "change", edit.name, "output of the stack", (Row("value", old, new),), 0)
