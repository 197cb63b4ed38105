"""What a reader is told of a review: each change once, with the stacks in which it is the same."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from stacks.changes import Entry, Path
from stacks.edits import Create, Delete, node_of
from stacks.plan import Action, RatedEdit, StackPlan, Step, Totals
from stacks.render.human_plan import because_words, count, nothing_text, totals_text, what
from stacks.review import Review
from stacks.risk.finding import Risk


@dataclass(frozen=True, slots=True)
class Told:
    """One change: the step of its first stack, and all its stacks. `named`: in the others their own names stand where
    the first one's stand."""

    step: Step
    stacks: tuple[StackPlan, ...]
    named: bool = False


def told(review: Review) -> tuple[Told, ...]:
    """Return the changes of components: what fails first, then the most dangerous, then as the plans have them."""
    groups: dict[str, list[tuple[Step, StackPlan]]] = defaultdict(list)
    exact: dict[str, set[str]] = defaultdict(set)
    for s in review.specs:
        stacks = {stack.name: stack for stack in s.plan.stacks}
        known: dict[tuple[str, str], tuple[str, str]] = {}  # sites of one group have one plan
        for step in s.plan.steps:
            stack = stacks[step.stack]
            site = (stack.like, step.component)
            key, own = (known.get(site) if stack.like else None) or _key(step, stack, s.plan.spec)
            if stack.like:
                known[site] = key, own
            groups[key].append((step, stack))
            exact[key].add(own)
    found = [
        Told(found[0][0], tuple(stack for _, stack in found), len(exact[key]) > 1) for key, found in groups.items()
    ]
    return tuple(sorted(found, key=lambda t: (not t.step.fails, -t.step.risk)))


def _key(step: Step, stack: StackPlan, spec: str) -> tuple[str, str]:
    """Return what a reader sees of a step, without the stack's own names, and with them."""
    because = [(b.path, b.before, b.after, b.overlay, b.reason, bool(b.where)) for b in step.because]
    edits = [_edit(rated) for rated in step.edits]
    words = step.summary if step.action is Action.CREATE else ()
    seen = (stack.layer, step.component, step.action, step.findings, step.explanation, words, because, edits)
    text = repr((seen, step.outputs))
    return _without_names(text, (spec, stack.environment, stack.target, stack.site)), text


def _edit(rated: RatedEdit) -> object:
    edit = rated.edit
    if isinstance(edit, Create | Delete):
        return rated.action, edit.node.id, edit.node.type
    changes = [(c.part, _steps(c.path), c.before, c.after, c.effect.kind, bool(c.cause)) for c in edit.changes]
    return rated.action, node_of(edit).id, node_of(edit).type, changes


def _steps(path: Path) -> list[object]:
    return [(s.name or s.after) if isinstance(s, Entry) else s for s in path]


_HASHED = re.compile(r"(‹\d›(?:[-.][a-z0-9‹›]+)*)-[0-9a-f]{8}(?![a-z0-9])")
"""A physical name with its hash: `<spec>-<environment>-<target>-<x>-<8 hex>` (docs/concepts/names.md)."""


def _without_names(text: str, own: tuple[str, ...]) -> str:
    names = _pattern(own)
    return _HASHED.sub(r"\1-‹hash›", names.sub(lambda found: f"‹{own.index(found[0])}›", text))


@cache
def _pattern(own: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted({name for name in own if name}, key=len, reverse=True)
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, longest_first))})(?![A-Za-z0-9])")


# ---- words ----


def verdict(review: Review) -> str:
    """Return the review in one short sentence: `rolling: 3 of 7 stacks change`."""
    stacks = [s for r in review.specs for s in r.plan.stacks]
    changed = sum(s.status != "unchanged" for s in stacks)
    if review.broken and not review.specs:
        return f"{count(len(review.broken), 'spec')} cannot be compiled"
    if review.empty:
        return "nothing changes"
    many = f"{changed:,} of {count(len(stacks), 'stack')} change{'s' if changed == 1 else ''}"
    if stacks and all(s.status == "new" for s in stacks):
        many = "1 new stack" if len(stacks) == 1 else f"{len(stacks):,} new stacks"
    return f"{review.risk}: {many}" if stacks else f"{review.risk}"


def sentences(review: Review) -> Iterator[str]:
    """Yield what the verdict leaves out: totals, what fails, what has errors."""
    plans = [s.plan for s in review.specs]
    if plans and all(p.same for p in plans):
        yield from dict.fromkeys(nothing_text(p) for p in plans)
    elif plans:
        yield f"{totals_text(totals(s for p in plans for s in p.stacks))}."
    if any(p.fails for p in plans):
        yield "It will fail as it stands."
    if any(p.unfinished and not p.same for p in plans):
        yield "The next update does more: the notes say what."
    if review.broken:
        yield f"{count(len(review.broken), 'spec')} cannot be compiled."


def totals(stacks: Iterable[StackPlan]) -> Totals:
    """Return the sums over the stacks."""
    parts = [s.totals for s in stacks]
    return Totals(*(sum(getattr(t, name) for t in parts) for name in Totals.__dataclass_fields__))


def where_words(stacks: Sequence[StackPlan], quoted: Callable[[str], str]) -> str:
    """Return one stack's name, or how many they are with two examples; `quoted` makes a name fit for the form."""
    if len(stacks) == 1:
        return quoted(stacks[0].name)
    return f"the same in {len(stacks):,} stacks, e.g. {quoted(stacks[0].name)} and {quoted(stacks[-1].name)}"


def reasons(told: Told) -> tuple[str, ...]:
    """Return what happens, in the domain's words."""
    step = told.step
    if step.outputs:
        return tuple(o.name for o in step.outputs)
    found = tuple(("will fail: " if f.fails else "") + f.reason for f in step.findings if f.reason)
    if found and step.action is not Action.CREATE:
        return found
    return (*found, *(step.summary or ((what(step),) if step.edits else ())))


def causes(told: Told) -> Iterator[tuple[str, str]]:
    """Yield each cause in words, with its place `file:line:column`, empty where nothing is written any more."""
    for b in told.step.because:
        words = because_words(b) if b.before is not b.after else f"`{b.path}`"
        yield words if b.where or not b.was else f"{words}, which is no longer in the spec", b.where


def by_risk(found: Iterable[Told]) -> dict[Risk, tuple[int, int]]:
    """Return how many changes of each risk there are, and in how many stacks; the largest risk first."""
    steps: dict[Risk, int] = defaultdict(int)
    stacks: dict[Risk, set[str]] = defaultdict(set)
    for one in found:
        steps[one.step.risk] += 1
        stacks[one.step.risk] |= {s.name for s in one.stacks}
    return {risk: (steps[risk], len(stacks[risk])) for risk in sorted(steps, reverse=True)}
