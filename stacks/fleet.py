"""A review of many stacks, part by part: what one environment and target needs from the others is little, and is put
together at the end.

The parts of a spec may be made in any order and by any process; together they are what the spec gives as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from components.resolve.platform import Platform
from specs import __version__
from specs.diagnostics import Diagnostic, has_errors
from stacks.alike import groups, in_short, marked
from stacks.compilation import Compilation, CompiledStack
from stacks.compile import Checked, Findings, Lowered, Selection, judged, lowered
from stacks.plan import Side, line_of_name, planned, together, version_words
from stacks.policy_report import Judgements, judgements, reported
from stacks.review import Broken, SpecReview
from stacks.review_rules import THIS, Rules, rules_of
from stacks.steps import Against, Plan, StackPlan, Step

if TYPE_CHECKING:  # only a form that shows them pays for them
    from stacks.cost.basis import Basis
    from stacks.cost.values import CostChange
    from stacks.picture import Picture

Place = tuple[str, str]
"""An environment and a target: what is planned by itself."""

Label = tuple[str, str, str, str, str]
"""Environment, target, site, layer and name of a stack."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The selected stacks of some places, and the platforms of these places."""

    stacks: tuple[CompiledStack, ...]
    platforms: tuple[Platform, ...]


@dataclass(frozen=True, slots=True)
class Extras:
    """What a review holds beside plans and policies, where it is asked for. What is made of parts is put together."""

    cost: Callable[[Compilation | None, Compilation], CostChange] | None = None
    """Asked of both sides whole, selected or not: what a pool needs is in other stacks than the pool."""
    sizing: Callable[[Seen], Sequence[Mapping[str, Any]]] | None = None
    picture: Callable[[CompiledStack | None, CompiledStack | None, Sequence[Step]], Picture] | None = None
    """Asked for the first stack of each group that changes (`stacks/alike.py`)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of every spec: which stacks, judged on which day (`YYYY-MM-DD`), and what beside."""

    selection: Selection
    day: str
    extras: Extras = field(default_factory=Extras)


@dataclass(frozen=True, slots=True)
class Both:
    """One spec and what it is compared with: checked as it was in a commit, or as recorded stacks.

    `made` holds the stacks of this side where all of them had to be made already. `file` is the spec's path as it was
    given; `unfinished` and `unsaid` are those of `Plan`.
    """

    file: str
    after: Checked
    before: Checked | Compilation | None = None
    against: Against = field(default_factory=Against)
    notes: tuple[str, ...] = ()
    unfinished: bool = False
    unsaid: bool = False
    made: Lowered | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What some places give. `labels` are those of every stack of this side, `compared` says whether the other side has
    a selected one."""

    after: Findings
    before: Findings | None
    labels: tuple[Label, ...]
    compared: bool
    selected: frozenset[tuple[str, str, str]]
    name_line: str
    plans: tuple[StackPlan, ...]
    judgements: Judgements
    cost: CostChange | None = None
    sizing: tuple[Mapping[str, Any], ...] = ()
    pictures: Mapping[str, Picture] | None = None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One spec's part of a review, with what the command line has to know to refuse a name that no stack has."""

    review: SpecReview
    labels: tuple[Label, ...]
    compared: bool


@dataclass(frozen=True, slots=True)
class OtherBroken:
    """The other side has errors."""

    diagnostics: tuple[Diagnostic, ...]


def places(both: Both) -> tuple[Place, ...]:
    """Return the places of a spec: those of this side in its order, then those that only the other side has."""
    here = _places_of(both.after)
    if both.before is None:
        return here
    there = _places_of(both.before)
    return tuple(dict.fromkeys((*here, *there)))


def _places_of(side: Checked | Compilation) -> tuple[Place, ...]:
    found = side.stacks if isinstance(side, Compilation) else side.loaded.cases
    return tuple(dict.fromkeys((one.environment, one.target) for one in found))


def part(both: Both, here: Iterable[Place], question: Question) -> Part:
    """Return what these places give. Nothing that happens at another place has any effect on it."""
    wanted = frozenset(here)
    after = _lowered(both.after, wanted, both.made)
    there = _other(both.before, wanted)
    labels = _labels(after.stacks)
    stacks = tuple(filter(question.selection.takes, after.stacks))
    others = tuple(filter(question.selection.takes, there.stacks))
    selected = frozenset(s.somewhere for s in stacks)
    broken = has_errors(
        d for f in (after.findings, there.findings) if f for d in (*f.found, *f.misfits[0], *f.misfits[1])
    )
    if broken:  # there is nothing to plan, here or anywhere
        nothing = Judgements((), (), ())
        return Part(after.findings, there.findings, labels, bool(others), selected, "", (), nothing)
    assert both.after.edition is not None
    versions = version_words(both.against, __version__, both.after.edition.name)
    plans = marked(planned(others, stacks, both.against, versions))
    cost = None
    if question.extras.cost is not None:
        before = None if both.before is None else _side(both.before, there)
        cost = question.extras.cost(before, _side(both.after, after))
    made = Part(
        after.findings,
        there.findings,
        labels,
        bool(others),
        selected,
        line_of_name(stacks),
        plans,
        judgements(stacks, both.after.loaded, question.day),
        cost,
    )
    return _with_extras(made, both, after, stacks, others, question.extras)


def _labels(stacks: Iterable[CompiledStack]) -> tuple[Label, ...]:
    return tuple((s.environment, s.target, s.site, s.layer, s.name) for s in stacks)


def _lowered(side: Checked, wanted: frozenset[Place], made: Lowered | None) -> Lowered:
    if made is not None:
        there = lambda one: (one.environment, one.target) in wanted  # noqa: E731
        return replace(made, stacks=tuple(filter(there, made.stacks)))
    positions = [n for n, case in enumerate(side.loaded.cases) if (case.environment, case.target) in wanted]
    return lowered(side, positions)


class _There(NamedTuple):
    """What the other side has at some places; `findings` is None where they are not those of a spec."""

    stacks: Sequence[CompiledStack] = ()
    costs: Mapping[str, Basis] = {}
    findings: Findings | None = None


def _other(side: Checked | Compilation | None, wanted: frozenset[Place]) -> _There:
    if isinstance(side, Compilation):
        return _There([s for s in side.stacks if (s.environment, s.target) in wanted], side.costs)
    if side is None:
        return _There()
    made = _lowered(side, wanted, None)
    return _There(made.stacks, made.costs, made.findings)


def _side(side: Checked | Compilation, there: _There | Lowered) -> Compilation:
    """Return some places of a side as a compilation of their own."""
    edition = side.edition if isinstance(side, Compilation) else side.edition.name if side.edition else ""
    return Compilation("", edition, spec_of(side), "", tuple(there.stacks), there.costs)


def _with_extras(
    made: Part,
    both: Both,
    after: Lowered,
    stacks: tuple[CompiledStack, ...],
    others: tuple[CompiledStack, ...],
    extras: Extras,
) -> Part:
    """Return the part with what is asked for beside the plan."""
    seen = Seen(stacks, after.platforms)
    pictures: dict[str, Picture] | None = None
    if extras.picture is not None:
        old, new = {s.name: s for s in others}, {s.name: s for s in stacks}
        firsts = [g.first for g in groups(Plan(spec_of(both.after), "", "", both.against, made.plans))]
        pictures = {f.name: extras.picture(old.get(f.name), new.get(f.name), f.steps) for f in firsts}
    return replace(
        made,
        plans=tuple(in_short(made.plans)),
        sizing=tuple(extras.sizing(seen)) if extras.sizing else (),
        pictures=pictures,
    )


def spec_of(side: Checked | Compilation) -> str:
    """Return the spec's name."""
    return side.spec if isinstance(side, Compilation) else side.loaded.cases[0].spec.name


def joined(both: Both, parts: Sequence[Part]) -> Reviewed | Broken | OtherBroken:
    """Return what the parts of one spec give together; they hold each place once, in the order of `places`."""
    found = judged(both.after, [p.after for p in parts])
    if has_errors(found):
        return Broken(both.file, found, {})
    if isinstance(both.before, Checked):
        wrong = judged(both.before, [p.before for p in parts if p.before is not None])
        if has_errors(wrong):
            return OtherBroken(wrong)
    assert both.after.edition is not None
    spec = both.after.loaded.cases[0].spec.name
    line = next((p.name_line for p in parts if p.name_line), "")
    side = Side(spec, __version__, both.after.edition.name, frozenset().union(*(p.selected for p in parts)), line)
    compared = any(p.compared for p in parts)
    before = spec_of(both.before) if both.before is not None else ""
    made = together(side, before, [s for p in parts for s in p.plans], both.against)
    made = replace(made, stacks=tuple(in_short(made.stacks)))  # the first of a part may be the second here
    if both.notes or both.unfinished or both.unsaid:
        made = replace(made, notes=(*made.notes, *both.notes), unfinished=both.unfinished, unsaid=both.unsaid)
    cost, exceeded = _costs(both.after, [p.cost for p in parts], made.stacks)
    review = SpecReview(
        both.file,
        made,
        (*found, *exceeded),
        {},
        reported(p.judgements for p in parts),
        cost,
        tuple(row for p in parts for row in p.sizing),
        _pictures(parts, made),
        _rules(both),
    )
    return Reviewed(review, tuple(label for p in parts for label in p.labels), compared)


def _rules(both: Both) -> tuple[Rules, ...]:
    this = rules_of(both.after.loaded, THIS)
    return (rules_of(both.before.loaded, both.against.label), this) if isinstance(both.before, Checked) else (this,)


def _pictures(parts: Sequence[Part], made: Plan) -> Mapping[str, Picture] | None:
    """Return the pictures of the first of each group: the first of all is the first of its part as well."""
    if all(p.pictures is None for p in parts):
        return None
    drawn = {name: picture for p in parts for name, picture in (p.pictures or {}).items()}
    return {g.first.name: drawn[g.first.name] for g in groups(made)}


def _costs(
    after: Checked, parts: Sequence[CostChange | None], stacks: Sequence[StackPlan]
) -> tuple[CostChange | None, tuple[Diagnostic, ...]]:
    """Return the costs of these stacks, and the budgets of their environments that are exceeded."""
    known = [p for p in parts if p is not None]
    if not known or len(known) != len(parts):
        return None, ()
    from stacks.cost.budgets import judged as kept
    from stacks.cost.values import joined as together

    every = together(known)
    budgets = kept(after.loaded.cases, every.after, {s.environment for s in stacks})
    return replace(every, budgets=budgets.states).only({s.name for s in stacks}), budgets.found


_GONE = "the spec is gone"


def gone(file: str, before: Checked, against: Against, question: Question) -> Reviewed | OtherBroken:
    """Return the review of a spec that is only on the other side: all of it goes."""
    made = lowered(before, range(len(before.loaded.cases)))
    found = judged(before, [made.findings])
    if has_errors(found) or before.edition is None:
        return OtherBroken(found)
    stacks = tuple(filter(question.selection.takes, made.stacks))
    spec = spec_of(before)
    side = Side(spec, __version__, before.edition.name, frozenset(), "")
    plan = together(side, spec, marked(planned(stacks, (), against, "")), against)
    # not an environment or a target is what left the spec
    whole = tuple(
        replace(s, steps=tuple(replace(p, because=(), explanation=_GONE) for p in s.steps)) for s in plan.stacks
    )
    notes = (*plan.notes, f"{_GONE} since {against.label}: all of it goes")
    plan = replace(plan, stacks=whole, notes=notes)
    cost = None
    if question.extras.cost is not None:
        was = _side(before, made)
        cost = question.extras.cost(was, replace(was, stacks=())).only({s.name for s in stacks})
    review = SpecReview(file, plan, (), {}, reported(()), cost=cost, rules=(rules_of(before.loaded, against.label),))
    return Reviewed(review, _labels(made.stacks), bool(stacks))
