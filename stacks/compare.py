"""Two environments of one spec → what differs between them and why.

Both sides carry the names of the destination (`stacks/same_names.py`), so their plan is the real difference. Of that
plan only what is true of two things that stand side by side is kept: no risk, no effect of an edit, and no value that
is "known after apply" because something else differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from components.resolve.platform import Explained
from specs.diagnostics import Span
from specs.load import Case
from specs.overlay import removal
from specs.tree import Path, Tree, at, nearest, plain
from stacks.causes import Because, differing, explains, under, whole_foundation
from stacks.changes import ABSENT, leaves
from stacks.comparison import Comparison
from stacks.compilation import CompiledStack
from stacks.compile import Compiled
from stacks.edits import RECORD, Create, Delete, Effect, Update
from stacks.plan import NO_LINE, plan
from stacks.risk.finding import Risk
from stacks.same_names import Pairs, pairs, under_names_of
from stacks.steps import Action, Against, RatedEdit, StackPlan, Step, Totals


def compare(compiled: Compiled, source: str, destination: str, target: str = "", layer: str = "") -> Comparison:
    """Return the comparison of two environments of a sound spec; of one target (by either name) and layer if asked."""
    every, checked = compiled.compilation, compiled.checked
    assert every is not None and checked is not None
    both = _of_target(pairs(checked.loaded.cases, source, destination), target)
    partners = {p.destination: p.source for p in both.pairs}
    own = [s for s in every.stacks if s.environment == source]
    renamed, ignored = under_names_of(checked, both.pairs, source, destination, own)
    theirs = [s for s in every.stacks if s.environment == destination and s.target in partners]
    before, after = (tuple(s for s in side if layer in ("", s.layer)) for side in (renamed, theirs))
    had = {(destination, p.destination, s.site) for p in both.pairs for s in own if s.target == p.source}
    sites = {place for place in had ^ _places(theirs) if place[2]}
    old, new = (tuple(s for s in side if s.somewhere not in sites) for side in (before, after))
    made = plan(replace(every, stacks=old), replace(every, stacks=new), Against("file", source))
    cases = {(c.environment, c.target): c for c in checked.loaded.cases}
    sides = {name: (cases[source, was], cases[destination, name]) for name, was in partners.items()}
    values_before, values_after = _values(old), _values(new)
    deliveries = {s.name: s.delivery for s in old}
    changed = {s.name for s in new if deliveries.get(s.name, s.delivery) != s.delivery}
    stacks = []
    for stack in made.stacks:
        somewhere = (stack.environment, stack.target, stack.site)
        told = _Told(*sides[stack.target], values_before.get(somewhere, {}), values_after.get(somewhere, {}))
        stacks.append(_stack(stack, told, delivered=stack.name in changed))
    ends = {somewhere: source if somewhere in had else destination for somewhere in sites}
    names = tuple(
        sorted((end, partners[target] if end == source else target, site) for (_, target, site), end in ends.items())
    )
    return Comparison(
        every.spec, every.compiler, every.edition, source, destination, both, names, ignored, tuple(stacks)
    )


def _of_target(found: Pairs, target: str) -> Pairs:
    """Return the pairs that a target is in; all of them without a target."""
    if not target:
        return found
    chosen = tuple(p for p in found.pairs if target in (p.source, p.destination))
    one, other = (tuple(t for t in side if t == target) for side in (found.only_source, found.only_destination))
    return Pairs(chosen, one, other)


def _places(stacks: Iterable[CompiledStack]) -> set[tuple[str, str, str]]:
    return {s.somewhere for s in stacks}


def _values(stacks: Iterable[CompiledStack]) -> dict[tuple[str, str, str], dict[str, Explained]]:
    """Return the decided values of each place, over all its stacks."""
    values: dict[tuple[str, str, str], dict[str, Explained]] = {}
    for stack in stacks:
        values.setdefault(stack.somewhere, {}).update(stack.values)
    return values


@dataclass(frozen=True, slots=True)
class _Told:
    """What the two sides of a place say: their cases under their own names, and their decided values."""

    source: Case
    destination: Case
    before: Mapping[str, Explained]
    after: Mapping[str, Explained]

    def cause(self, b: Because) -> Because:
        """Return the cause with the line and the overlay of both sides."""
        was, now = self.before.get(b.path), self.after.get(b.path)
        there = _absent(self.source, self._at_source(b.path)) if not b.was and was is None else None
        here = _absent(self.destination, b.path) if not b.where and now is None else None
        return replace(
            b,
            was=str(there.span) if there else b.was,
            was_overlay=there.overlay if there else was.overlay if was else _overlay_at(self.before, b.was),
            was_reason=was.reason if was else "",
            where=str(here.span) if here else b.where,
            overlay=here.overlay if here else b.overlay,
        )

    def _at_source(self, path: str) -> str:
        """Return the path as the source's spec has it, whose target may have a name of its own."""
        own = f"targets.{self.destination.target}"
        return f"targets.{self.source.target}{path[len(own) :]}" if under(path, (own,)) else path


def _overlay_at(values: Mapping[str, Explained], place: str) -> str:
    """Return the overlay of the value that stands at a place; empty if none does."""
    return next((e.overlay for e in values.values() if place and e.where == place), "")


class _Line(NamedTuple):
    span: Span
    overlay: str


def _absent(case: Case, path: str) -> _Line | None:
    """Return what keeps something out of an environment: the overlay's line that removes it, the list that does not
    hold it, or the list of targets that leaves this one out; None if it is only not written."""
    parts = _parts(case.base, path)
    if removed := removal(case.base, case.target, case.environment, parts):
        return _Line(removed[0].span, _overlay_of(case, removed[0].span))
    _, found = nearest(case.tree, parts)
    if found.overlay and not (isinstance(found.value, Mapping) and found.value):
        return _Line(found.span, found.overlay)
    listed = at(case.tree, (*parts[:2], "targets")) if parts[0] in ("serving", "manifests") else None
    if listed is not None and len(parts) == 2 and case.target not in plain(listed):
        return _Line(listed.span, listed.overlay)
    return None


def _parts(tree: Tree, path: str) -> Path:
    """Return the parts of a dotted path, of which a key of the spec may hold dots itself."""
    parts: list[str | int] = []
    current: Tree | None = tree
    while path:
        names = [n for n in (current.members if current else ()) if under(path, (n,))]
        name = max(names, key=len) if names else re.split(r"[.\[]", path, maxsplit=1)[0]
        part: str | int = name
        if path.startswith("["):
            name, _, _ = path[1:].partition("]")
            part, name = (int(name) if name.isdigit() else name), f"[{name}]"
        parts.append(part)
        current = at(current, (part,)) if current else None
        path = path[len(name) :].removeprefix(".")
    return tuple(parts)


def _overlay_of(case: Case, span: Span) -> str:
    """Return the name of the overlay that a place in the spec is in; empty if it is in none."""
    for owner in (("environments", case.environment), ("targets", case.target)):
        overlay = at(case.base, (*owner, "overlay"))
        if overlay is not None:
            whole = overlay.span
            ends = (whole.line, whole.column), (whole.end_line, whole.end_column)
            if span.file == whole.file and ends[0] <= (span.line, span.column) <= ends[1]:
                return ".".join(owner)
    return ""


def _stack(stack: StackPlan, told: _Told, *, delivered: bool) -> StackPlan:
    """Return a stack's plan as what stands side by side."""
    steps = [made for step in stack.steps if (made := _step(step, told)) is not None]
    if delivered:
        steps.append(_delivery(stack, told))
    edits = [r.edit for step in steps for r in step.edits]
    created, deleted = (sum(isinstance(e, kind) for e in edits) for kind in (Create, Delete))
    updated = len(edits) - created - deleted
    outputs = sum(len(step.outputs) for step in steps)
    totals = Totals(add=created, change=updated, remove=deleted, outputs=outputs)
    gone = stack.totals.change + stack.totals.replace + stack.totals.move - updated  # known after apply, no difference
    status = "unchanged" if stack.status == "changed" and not steps else stack.status
    unchanged = stack.unchanged + gone if stack.status == "changed" else stack.unchanged
    return replace(stack, status=status, totals=totals, unchanged=unchanged, steps=tuple(steps), form=None)


def _delivery(stack: StackPlan, told: _Told) -> Step:
    """Return the difference of who applies a stack, which no resource shows."""
    path = f"targets.{stack.target}.delivery"
    was, now = told.before.get(path), told.after.get(path)
    sides = (was.value if was else ABSENT, now.value if now else ABSENT)
    cause = Because(path, *sides, now.where if now else "", was.where if was else "", now.overlay if now else "")
    because = (told.cause(cause),)
    return Step(stack.name, path, path, Action.UPDATE, Risk.NONE, (), because, "who applies the stack", (), ())


def _step(step: Step, told: _Told) -> Step | None:
    """Return a step without what is only true of an apply; None if nothing is left of it."""
    edits = tuple(made for rated in step.edits if (made := _edit(rated)) is not None)
    outputs = tuple(o for o in step.outputs if not o.cause)
    if (step.edits or step.outputs) and not (edits or outputs):
        return None
    action = step.action if step.action in (Action.CREATE, Action.DELETE, Action.ADOPT) else Action.UPDATE
    if outputs and all(o.after is ABSENT for o in outputs):
        action = Action.DELETE
    elif outputs and all(o.before is ABSENT for o in outputs):
        action = Action.CREATE
    because, explanation = _because(step, edits, told)
    return replace(
        step,
        action=action,
        risk=Risk.NONE,
        findings=(),
        because=tuple(map(told.cause, because)),
        explanation=explanation,
        edits=edits,
        outputs=outputs,
    )


def _because(step: Step, edits: Sequence[RatedEdit], told: _Told) -> tuple[tuple[Because, ...], str]:
    """Return the causes of what is left of a step, or what is said instead; without a cause of its own, it is what the
    two environments say of the target."""
    whole = step.action in (Action.CREATE, Action.DELETE)

    def decides(b: Because) -> bool:
        """Say whether it can be a cause: who applies a stack makes no resource another."""
        return not _DELIVERY.fullmatch(b.path) and (whole or explains(b.path, [r.edit for r in edits]))

    because = tuple(b for b in step.because if decides(b))
    # what follows from another step does so in an apply; a plan that knows no line knows only what the component reads
    known = "" if step.explanation.startswith(("follows from", NO_LINE)) else step.explanation
    if because or step.outputs or known:
        return because, known
    target = f"targets.{told.destination.target}"
    others = differing(told.before, told.after)
    of_target = (b for b in others if b.written and under(b.path, (target,)) and decides(b))
    because = tuple(whole_foundation(of_target)) or step.because
    return because, "" if because else NO_LINE


_DELIVERY = re.compile(r"targets\.[^.]+\.delivery")

_SIDE_BY_SIDE = Effect("update")


def _edit(rated: RatedEdit) -> RatedEdit | None:
    """Return an edit without its effect and without what follows from other edits alone; None if that is all of it."""
    edit = rated.edit
    if isinstance(edit, Create | Delete):
        return replace(
            rated, action=Action.CREATE if isinstance(edit, Create) else Action.DELETE, risk=Risk.NONE, findings=()
        )
    changes = tuple(
        replace(c, effect=_SIDE_BY_SIDE if c.part == "inputs" else RECORD)
        for c in edit.changes
        if not c.cause and not (c.part == "provider" and c.before == c.after)
    )
    if not changes:
        return None
    inside = sum(0 if c.after is ABSENT else leaves(c.after) for c in changes if c.part == "inputs")
    unchanged = max(0, leaves(edit.after.inputs) - inside)
    return RatedEdit(Update(edit.before, changes), Action.UPDATE, Risk.NONE, (), unchanged)
