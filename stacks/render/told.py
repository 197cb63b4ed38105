"""What a reader is told of a review: each change once, with the stacks in which it is the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from stacks.alike import Form, Group, form_of, groups
from stacks.render.human_plan import because_words, count, nothing_text, totals_text, what
from stacks.review import Review
from stacks.risk.finding import Risk
from stacks.steps import Action, Plan, StackPlan, Step, Totals


@dataclass(frozen=True, slots=True)
class Told:
    """One change: the step of its first stack, and all its stacks. `named`: in the others their own names stand where
    the first one's stand; `lines`: the causes stand on other lines there."""

    step: Step
    stacks: tuple[StackPlan, ...]
    named: bool = False
    lines: bool = False


def told(review: Review) -> tuple[Told, ...]:
    """Return the changes of components: what fails first, then the most dangerous, then as the plans have them.

    A change that some stacks make together with others is told with those that make it alone.
    """
    return tuple(sorted(of_groups(groups(review)), key=lambda t: (not t.step.fails, -t.step.risk)))


def of_groups(every: Iterable[Group]) -> Iterator[Told]:
    """Yield the changes of components, each once over all groups in which it is the same."""
    found: dict[tuple[str, str], list[tuple[Step, Group, Form]]] = defaultdict(list)
    for group in every:
        for step in group.first.steps:
            form = form_of(replace(group.first, steps=(step,)))
            found[group.first.layer, form.change].append((step, group, form))
    return map(_told, found.values())


def _told(same: Sequence[tuple[Step, Group, Form]]) -> Told:
    return Told(
        same[0][0],
        tuple(m.stack for _, group, _ in same for m in group.members),
        any(group.own_names for _, group, _ in same) or len({form.names for *_, form in same}) > 1,
        any(group.own_lines for _, group, _ in same) or len({form.lines for *_, form in same}) > 1,
    )


# ---- words ----


def verdict(review: Review) -> str:
    """Return the review in one short sentence: `rolling: 3 of 7 stacks change`."""
    stacks = [s for r in review.specs for s in r.plan.stacks]
    changed = sum(s.status != "unchanged" for s in stacks)
    if review.broken and not review.specs:
        how = "compared" if all(b.refused for b in review.broken) else "compiled"
        return f"{count(len(review.broken), 'spec')} cannot be {how}"
    if review.empty:
        fails = any(s.policies.fails for s in review.specs)
        return "nothing changes, and something has to be mended" if fails else "nothing changes"
    many = f"{changed:,} of {count(len(stacks), 'stack')} change{'s' if changed == 1 else ''}"
    if stacks and all(s.status == "new" for s in stacks):
        many = "1 new stack" if len(stacks) == 1 else f"{len(stacks):,} new stacks"
    if any(s.policies.fails for s in review.specs):
        many += ", to be mended first"
    return many if review.risk is Risk.NONE else f"{review.risk}: {many}"


def sentences(review: Review) -> Iterator[str]:
    """Yield what the verdict leaves out: totals, what fails, what has errors."""
    plans = [s.plan for s in review.specs]
    if plans and all(p.same for p in plans):
        yield from dict.fromkeys(_same(p) for p in plans)
    elif plans:
        yield f"{totals_text(totals(s for p in plans for s in p.stacks))}."
    if any(p.fails for p in plans):
        yield "It will fail as it stands."
    if any(p.unfinished and not p.same for p in plans):
        yield "The next update does more: the notes say what."
    if wrong := [b for b in review.broken if not b.refused]:
        yield f"{count(len(wrong), 'spec')} cannot be compiled."
    if refused := [b for b in review.broken if b.refused]:
        yield f"{count(len(refused), 'spec')} cannot be compared."


def _same(plan: Plan) -> str:
    stacks = f"{count(len(plan.stacks), 'stack')} as in {plan.against.matched}."
    if plan.unfinished:
        return f"The spec changes nothing, and the next update still does something: {stacks}"
    return f"{nothing_text(plan).removesuffix('.')}: {stacks}"


def totals(stacks: Iterable[StackPlan]) -> Totals:
    """Return the sums over the stacks."""
    parts = [s.totals for s in stacks]
    return Totals(*(sum(getattr(t, name) for t in parts) for name in Totals.__dataclass_fields__))


def where_words(stacks: Sequence[StackPlan], quoted: Callable[[str], str]) -> str:
    """Return one stack's name, or how many they are with two examples; `quoted` makes a name fit for the form."""
    if len(stacks) == 1:
        return quoted(stacks[0].name)
    if len(stacks) == 2:
        return f"{quoted(stacks[0].name)} and {quoted(stacks[1].name)}"
    return f"the same in {len(stacks):,} stacks, e.g. {quoted(stacks[0].name)} and {quoted(stacks[-1].name)}"


def reasons(told: Told) -> tuple[str, ...]:
    """Return what happens, in the domain's words."""
    step = told.step
    if step.outputs:
        return tuple(f"output {o.name}" for o in step.outputs)
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
