"""Two compilations → the plan: steps by component, each with its risk, the reasons, and the lines that caused it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Literal

from components.graph import Component, Graph, Node
from components.resolve.platform import Explained
from stacks.causes import (
    Because,
    also_read,
    changed_values,
    differing,
    explains,
    moves_weights,
    under,
    whole_foundation,
)
from stacks.changes import ABSENT, leaves
from stacks.compilation import LAYERS, Compilation, CompiledStack
from stacks.diff import diff
from stacks.edits import (
    ComponentEdit,
    Create,
    Delete,
    Edit,
    Move,
    NodeEdit,
    OutputEdit,
    Replace,
    Update,
    node_of,
)
from stacks.risk import RULES
from stacks.risk.finding import Finding, Risk, Situation, Target


@dataclass(frozen=True, slots=True)
class Against:
    """What a compilation is compared with, and what compiled that side. `label` says it: `main (4f21c0e)`."""

    kind: Literal["nothing", "git", "file", "state"] = "nothing"
    label: str = "nothing"
    compiler: str = ""
    edition: str = ""

    @property
    def matched(self) -> str:
        """What a stack without changes is like."""
        return "the deployed state" if self.kind == "state" else self.label


class Action(StrEnum):
    """What is done to a resource or component; the value is its symbol."""

    CREATE = "+"
    ADOPT = "="
    DELETE = "-"
    REPLACE = "±"
    MOVE = "→"
    UPDATE = "~"


@dataclass(frozen=True, slots=True)
class RatedEdit:
    """One edit of a resource with its risk. `unchanged` counts the single values of its inputs that stay."""

    edit: NodeEdit
    action: Action
    risk: Risk
    findings: tuple[Finding, ...]
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one component of one stack.

    `because` holds the spec lines; if there are none, `explanation` says what else is the cause.
    """

    stack: str
    component: str
    origin: str
    action: Action
    risk: Risk
    findings: tuple[Finding, ...]
    because: tuple[Because, ...]
    explanation: str
    summary: tuple[str, ...]
    edits: tuple[RatedEdit, ...]
    outputs: tuple[OutputEdit, ...] = ()

    @property
    def fails(self) -> bool:
        """Say whether the apply stops here."""
        return any(f.fails for f in self.findings)


@dataclass(frozen=True, slots=True)
class Totals:
    """Resources by what is done to them, and declared outputs that change."""

    add: int = 0
    change: int = 0
    replace: int = 0
    move: int = 0
    remove: int = 0
    outputs: int = 0
    adopt: int = 0


Somewhere = tuple[str, str, str]
"""Environment, target and site."""

Status = Literal["new", "removed", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class StackPlan:
    """One stack's part of the plan. `unchanged` counts the resources that no edit touches.

    `like` names the first stack of a group of sites with the same plan, itself included; it is empty where a stack
    has a plan of its own.
    """

    name: str
    environment: str
    target: str
    layer: str
    place: str
    status: Status
    totals: Totals
    unchanged: int
    steps: tuple[Step, ...]
    site: str = ""
    like: str = ""


@dataclass(frozen=True)
class Plan:
    """The whole plan, and what was compared: this side's compiler and edition, and the other side.

    `unfinished`: the next update does more than these edits, because the last one left something to do; `unsaid`: of
    some values nobody can say whether they change. The notes say what.
    """

    spec: str
    compiler: str
    edition: str
    against: Against
    stacks: tuple[StackPlan, ...]
    notes: tuple[str, ...] = ()
    unfinished: bool = False
    unsaid: bool = False

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All steps: what fails first, then the most dangerous, then by stack, then by component."""
        order = {s.name: i for i, s in enumerate(self.stacks)}
        steps = [step for s in self.stacks for step in s.steps]
        return tuple(sorted(steps, key=lambda p: (not p.fails, -p.risk, order[p.stack], p.component)))

    @property
    def totals(self) -> Totals:
        """The sums over all stacks."""
        parts = [s.totals for s in self.stacks]
        return Totals(*(sum(getattr(t, name) for t in parts) for name in Totals.__dataclass_fields__))

    @property
    def risk(self) -> Risk:
        """The largest risk of any step."""
        return max((step.risk for step in self.steps), default=Risk.NONE)

    @property
    def same(self) -> bool:
        """Say whether there is no difference between the two sides."""
        return not self.steps and all(s.status in ("changed", "unchanged") for s in self.stacks)

    @property
    def empty(self) -> bool:
        """Say whether nothing changes."""
        return self.same and not self.unfinished

    @property
    def fails(self) -> bool:
        """Say whether the apply will stop somewhere."""
        return any(step.fails for step in self.steps)


def plan(before: Compilation | None, after: Compilation, against: Against) -> Plan:
    """Return the plan that leads from one compilation to another; without the first, everything is new."""
    old = {s.name: s for s in before.stacks} if before else {}
    new = {s.name: s for s in after.stacks}
    ordered = sorted([*new.values(), *(s for s in old.values() if s.name not in new)], key=_place_in_order)
    changed_outputs: dict[Somewhere, dict[tuple[str, str], str]] = defaultdict(dict)
    edits: dict[Somewhere, dict[str, tuple[Edit, ...]]] = defaultdict(dict)
    graphs_before, graphs_after = _graphs(old.values()), _graphs(new.values())
    values_before, values_after = _values(old.values()), _values(new.values())
    stacks: list[StackPlan] = []
    notes = _notes(before, after, against)
    versions = _version_words(against, after)
    places = {s.somewhere: s for s in after.stacks}
    groups: dict[Group, tuple[StackPlan, str]] = {}
    for stack in ordered:
        where = stack.somewhere
        group = group_of(old.get(stack.name), new.get(stack.name))
        if group is not None and group in groups:
            stacks.append(at_another_site(*groups[group], stack))
            continue
        known = changed_outputs[where]
        target = Target(graphs_before[where], graphs_after[where], dict(edits[where]))
        made, outputs, own = _stack_plan(old.get(stack.name), new.get(stack.name), known, versions, target, against)
        if group is not None and can_be_shared(made, stack):
            made = replace(made, like=made.name)
            groups[group] = made, _line_of_site(stack)
        edits[where][stack.layer] = own
        known |= {(stack.layer, o.name): f"output {o.name} of {stack.layer}" for o in outputs}
        made = _without_a_place(made, after, places) if made.status == "removed" else made
        here_before, here_after = values_before[where], values_after[where]
        stacks.append(_with_true_causes(made, here_before, here_after))
    return Plan(after.spec, after.compiler, after.edition, against, tuple(stacks), notes)


Group = tuple[str, str, str, int, int]
"""Stacks of one group have one plan: environment, target and layer, and the graphs that their sites share."""


def group_of(before: CompiledStack | None, after: CompiledStack | None) -> Group | None:
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


def _line_of_site(stack: CompiledStack) -> str:
    """Return the place in a file that says where the stack's site is."""
    found = stack.values.get(f"targets.{stack.target}.sites.{stack.site}.zone")
    return found.where if found else ""


def at_another_site(made: StackPlan, line: str, stack: CompiledStack) -> StackPlan:
    """Return the plan of one site as that of another one of its group, with its own nodes and its own line; `line` is
    that of the first."""
    own = {n.id: n for n in stack.graph.nodes if n.id in stack.own}
    lines = {line: _line_of_site(stack)}
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


def _graphs(stacks: Iterable[CompiledStack]) -> Mapping[Somewhere, Mapping[str, Graph]]:
    """Return the graphs of each environment, target and site, by layer."""
    graphs: dict[Somewhere, dict[str, Graph]] = defaultdict(dict)
    for stack in stacks:
        graphs[stack.somewhere][stack.layer] = stack.graph
    return graphs


def _values(stacks: Iterable[CompiledStack]) -> Mapping[Somewhere, Mapping[str, Explained]]:
    """Return the decided values of each place, over all its stacks."""
    values: dict[Somewhere, dict[str, Explained]] = defaultdict(dict)
    for stack in stacks:
        values[stack.somewhere].update(stack.values)
    return values


def _with_true_causes(made: StackPlan, before: Mapping[str, Explained], after: Mapping[str, Explained]) -> StackPlan:
    """Return the plan in which nothing is said to have left the spec that is still in it.

    A stack can come or go while what it was made for stays: a foundation that exists takes the place of llmform's own.
    If a step has no other cause, it is then what the spec says otherwise of the target.
    """
    written = tuple(path for path, e in after.items() if e.where)

    def stays(b: Because) -> bool:
        return not b.where and bool(b.was) and any(under(path, (b.path,)) for path in written)

    if not after or not any(stays(b) for step in made.steps for b in step.because):
        return made
    other = tuple(b for b in differing(before, after) if b.written and under(b.path, (f"targets.{made.target}",)))
    instead = tuple(whole_foundation(other))
    causes = (tuple(b for b in s.because if not stays(b)) for s in made.steps)
    steps = (replace(s, because=c or instead) if c != s.because else s for s, c in zip(made.steps, causes, strict=True))
    return replace(made, steps=tuple(steps))


def _without_a_place(removed: StackPlan, after: Compilation, places: Mapping[Somewhere, CompiledStack]) -> StackPlan:
    """Return the plan of a removed stack with the true cause: the spec's name, its environment, target or site, not
    what was in it."""
    if not removed.name.startswith(f"{after.spec}."):
        name = next((s.values["name"] for s in after.stacks if "name" in s.values), None)
        cause = Because("name", removed.name.partition(".")[0], after.spec, name.where if name else "", was="the spec")
        return replace(removed, steps=tuple(replace(step, because=(cause,)) for step in removed.steps))
    if all(s.environment != removed.environment for s in after.stacks):
        gone = f"environments.{removed.environment}"
    elif all((s.environment, s.target) != (removed.environment, removed.target) for s in after.stacks):
        gone = f"targets.{removed.target}"
    elif removed.site and (removed.environment, removed.target, removed.site) not in places:
        gone = f"targets.{removed.target}.sites.{removed.site}"
    else:
        return removed
    cause = Because(gone, ABSENT, ABSENT, was="the spec")
    return replace(removed, steps=tuple(replace(step, because=(cause,)) for step in removed.steps))


def _place_in_order(stack: CompiledStack) -> tuple[str, int, str, str]:
    layer = LAYERS.index(stack.layer) if stack.layer in LAYERS else len(LAYERS)
    return stack.environment, layer, stack.target, stack.name


def _version_words(against: Against, after: Compilation) -> str:
    """Return what is different about the two sides beside the spec; empty if nothing is."""
    if against.kind == "nothing":
        return ""
    words = []
    if against.compiler and against.compiler != after.compiler:
        words.append(f"llmform {against.compiler} → {after.compiler}")
    if against.edition and against.edition != after.edition:
        words.append(f"edition {against.edition} → {after.edition}")
    return ", ".join(words)


def _notes(before: Compilation | None, after: Compilation, against: Against) -> tuple[str, ...]:
    notes = []
    if words := _version_words(against, after):
        notes.append(f"not the same on both sides: {words}")
    if against.kind == "git" and (not against.compiler or against.compiler == after.compiler):
        notes.append(f"both sides compiled by llmform {after.compiler}")
    if before and before.spec != after.spec:
        notes.append(f"the spec's name is part of every name: {before.spec} → {after.spec}")
    return tuple(notes)


def _stack_plan(
    before: CompiledStack | None,
    after: CompiledStack | None,
    changed_outputs: Mapping[tuple[str, str], str],
    versions: str,
    target: Target,
    against: Against,
) -> tuple[StackPlan, tuple[OutputEdit, ...], tuple[Edit, ...]]:
    stack = after or before
    assert stack is not None
    edits = diff(before.graph if before else None, after.graph if after else None, changed_outputs)
    node_edits = [e for e in edits if not isinstance(e, ComponentEdit | OutputEdit)]
    outputs = tuple(e for e in edits if isinstance(e, OutputEdit) and not e.renamed)
    steps = tuple(_steps(before, after, edits, versions, target, against)) if edits else ()
    status: Status = "unchanged" if not edits else "changed"
    if before is None or after is None:
        status = "new" if before is None else "removed"
    counts = Counter(_action(e) for e in node_edits)
    totals = Totals(
        counts[Action.CREATE],
        counts[Action.UPDATE],
        counts[Action.REPLACE],
        counts[Action.MOVE],
        counts[Action.DELETE],
        len(outputs) if status == "changed" else 0,
        counts[Action.ADOPT],
    )
    unchanged = len(stack.graph.nodes) - sum(not isinstance(e, Delete) or after is None for e in node_edits)
    made = StackPlan(
        stack.name,
        stack.environment,
        stack.target,
        stack.layer,
        stack.place,
        status,
        totals,
        unchanged,
        steps,
        stack.site,
    )
    return made, outputs if status == "changed" else (), edits


def _action(edit: NodeEdit) -> Action:
    match edit:
        case Create(node=node):
            return Action.ADOPT if node.options.import_id else Action.CREATE
        case Delete():
            return Action.DELETE
        case Replace():
            return Action.REPLACE
        case Move():
            return Action.MOVE
        case Update():
            return Action.UPDATE


def _steps(
    before: CompiledStack | None,
    after: CompiledStack | None,
    edits: Sequence[Edit],
    versions: str,
    target: Target,
    against: Against,
) -> Iterator[Step]:
    """Yield one step for each component that any edit touches, and one for the outputs."""
    stack = after or before
    assert stack is not None
    by_component: dict[str, list[NodeEdit]] = defaultdict(list)
    by_id: dict[str, Edit] = {}
    structure: dict[str, ComponentEdit] = {}
    for edit in edits:
        if isinstance(edit, ComponentEdit):
            structure[edit.id] = edit
        elif not isinstance(edit, OutputEdit):
            by_id[edit.id] = edit
            by_component[node_of(edit).component].append(edit)
    old = {c.id: c for c in before.graph.components} if before else {}
    new = {c.id: c for c in after.graph.components} if after else {}
    renames = {alias: c.id for c in new.values() for alias in c.aliases if alias not in new}
    values = changed_values(before, after, renames)
    graph_before, graph_after = (before.graph if before else None), (after.graph if after else None)
    for name in sorted({*by_component, *structure}):
        if name in renames and name not in by_component:
            continue  # told as the new name's move
        was = old.get(name) or next((old[a] for a, n in renames.items() if n == name and a in old), None)
        now = new.get(name)
        component = now or was
        assert component is not None
        if not by_component[name] and not (was is None or now is None) and was.id == now.id:
            explanation = "only its place among the components"
        else:
            explanation = ""
        rated = tuple(
            _rated(Situation(e, by_id, stack.values, graph_before, graph_after, target)) for e in by_component[name]
        )
        rated = tuple(sorted(rated, key=lambda r: -r.risk))
        action = _component_action(was, now, rated)
        because = _because(action, component, was, values, [r.edit for r in rated])
        if not because and not explanation and action not in (Action.CREATE, Action.MOVE):
            explanation = _otherwise(component, rated, versions)
            if against.kind == "state":
                # A state does not say from which values it came: only where the component is written can be told.
                explanation = explanation if explanation.startswith("follows from") else "differs from what is deployed"
                because = _written_at(component, stack.values)
            elif explanation == _NOTHING:  # better a cause that the table does not know than none
                because = _because(action, component, was, values, [r.edit for r in rated], strict=False)
        findings = _merged(f for r in rated for f in r.findings)
        if action is Action.MOVE and was is not None and was.id != name:
            findings = (Finding(Risk.NONE, f"renamed from `{was.id}`: nothing is replaced"), *_own(findings))
        risk = max((r.risk for r in rated), default=Risk.NONE)
        yield Step(
            stack.name,
            name,
            component.origin,
            action,
            risk,
            findings,
            because,
            explanation,
            component.summary,
            rated,
        )
    yield from _outputs_step(before, after, edits, stack.name)


def _own(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Leave out what a renamed component says once for all its resources."""
    return tuple(f for f in findings if not f.reason.startswith("the same object, until now"))


def _outputs_step(
    before: CompiledStack | None, after: CompiledStack | None, edits: Iterable[Edit], stack: str
) -> Iterator[Step]:
    outputs = tuple(e for e in edits if isinstance(e, OutputEdit) and not e.renamed)
    if before is not None and after is not None and outputs:
        yield Step(stack, "outputs", "", Action.UPDATE, Risk.NONE, (), (), "", (), (), outputs)


def _component_action(was: Component | None, now: Component | None, rated: Sequence[RatedEdit]) -> Action:
    actions = {r.action for r in rated}
    if was is None or now is None:
        return Action.CREATE if was is None else Action.DELETE
    if Action.REPLACE in actions:
        return Action.REPLACE
    if was.id != now.id and actions <= {Action.MOVE}:
        return Action.MOVE
    return Action.MOVE if actions == {Action.MOVE} else Action.UPDATE


def _rated(situation: Situation) -> RatedEdit:
    edit = situation.edit
    findings = [finding for rule in RULES for finding in rule(situation)]
    if all(f.fails for f in findings):
        findings.extend(_by_kind(edit))
    ordered = _merged(findings)
    risk = max((f.risk for f in ordered), default=Risk.NONE)
    unchanged = 0
    if isinstance(edit, Update | Replace | Move):
        changed = sum(0 if c.after is ABSENT else leaves(c.after) for c in edit.changes if c.part == "inputs")
        unchanged = max(0, leaves(edit.after.inputs) - changed)
    return RatedEdit(edit, _action(edit), risk, ordered, unchanged)


def _by_kind(edit: NodeEdit) -> Iterator[Finding]:
    """Yield the rating of an edit that no rule speaks of."""
    match edit:
        case Replace(delete_first=first):
            order = "the old one goes first" if first else "the new one comes first"
            yield Finding(Risk.REPLACING, f"replaced: {order}")
        case Delete():
            yield Finding(Risk.IN_PLACE, "")
        case Update() | Move():
            yield Finding(Risk.IN_PLACE, "")
        case Create():
            yield Finding(Risk.NONE, "")


def _merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return each reason once, what fails first, then the largest risk first."""
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda f: (not f.fails, -f.risk)))


def _because(
    action: Action,
    component: Component,
    was: Component | None,
    changed: Sequence[Because],
    edits: Sequence[NodeEdit],
    *,
    strict: bool = True,
) -> tuple[Because, ...]:
    """Return the values that explain the step: what the spec says first, then what follows from it."""
    if action in (Action.CREATE, Action.DELETE):
        elsewhere = tuple(b for b in changed if moves_weights(b, component))
        if elsewhere:
            return elsewhere
        own = whole_foundation(b for b in changed if under(b.path, (component.origin,)) and b.written)
        if not own:
            return ()
        first = min(own, key=lambda b: (b.path != component.origin, _position(b.where or b.was)))
        if first.path == component.origin or first.path.endswith(".foundation.existing"):
            return (first,)
        return (Because(component.origin, ABSENT, ABSENT, first.where, first.was, first.overlay),)
    if action is Action.MOVE:
        return ()
    paths = {*component.reads, component.origin, *(was.reads if was else ()), *also_read(edits)}
    own = [b for b in changed if under(b.path, paths) and (not strict or explains(b.path, edits))]
    if any(b.written for b in own):
        # What is decided for something that comes or goes follows from its own lines.
        own = [b for b in own if b.written or ABSENT not in (b.before, b.after)]
    own = whole_foundation(_whole_patches(own))
    # A list that differs in an entry is told by the entry.
    own = [b for b in own if not any(under(other.path, (b.path,)) for other in own if other is not b)]
    return tuple(sorted(own, key=lambda b: (not b.written, not b.where, b.path)))


def _written_at(component: Component, values: Mapping[str, Explained]) -> tuple[Because, ...]:
    """Return the first line of the component in the spec."""
    own = [(len(path), path, e) for path, e in values.items() if e.where and under(path, (component.origin,))]
    if not own:
        return ()
    _, _, first = min(own, key=lambda item: item[:2])
    return (Because(component.origin, ABSENT, ABSENT, first.where, "", first.overlay),)


def _position(where: str) -> tuple[str, int, int]:
    """Return file, line and column of a place, to tell which comes first."""
    file, _, rest = where.rpartition(":")[0].rpartition(":")
    column = where.rpartition(":")[2]
    return (file, int(rest), int(column)) if rest.isdigit() and column.isdigit() else (where, 0, 0)


def _whole_patches(own: Sequence[Because]) -> list[Because]:
    """Return the causes with each patch as one: its parts say nothing by themselves."""
    told: dict[str, Because] = {}
    for b in sorted(own, key=lambda b: _position(b.where or b.was)):
        path = b.path.partition("]")[0] + "]" if b.path.startswith("patches[") else b.path
        told.setdefault(path, b if path == b.path else Because(path, ABSENT, ABSENT, b.where, b.was, b.overlay))
    return list(told.values())


_NOTHING = "no spec line explains it"


def _otherwise(component: Component, rated: Sequence[RatedEdit], versions: str) -> str:
    """Return what explains a step that no spec line explains."""
    causes = sorted(
        {c.cause for r in rated if isinstance(r.edit, Update | Replace | Move) for c in r.edit.changes if c.cause}
    )
    explained = [
        r for r in rated if isinstance(r.edit, Update | Replace | Move) and any(c.cause for c in r.edit.changes)
    ]
    if causes and len(explained) == len(rated):
        return "follows from " + ", ".join(f"`{c}`" for c in causes)
    if under(component.origin, ("manifests",)) and not versions:
        return f"the files that `{component.origin}` names hold something else"
    return versions or _NOTHING
