"""Two compilations → the plan: steps by component, each with its risk, the reasons, and the lines that caused it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from components.graph import Component, Graph
from components.resolve.platform import Explained
from stacks.causes import (
    Because,
    ChangedValues,
    also_read,
    changed_values,
    differing,
    explains,
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
from stacks.risk import OF_NEW, RULES
from stacks.risk.finding import Finding, Risk, Situation, Target
from stacks.site_groups import SiteGroup, at_another_site, can_be_shared, group_of, line_of_site
from stacks.steps import Action, Against, Plan, RatedEdit, StackPlan, Status, Step, Totals

__all__ = ["NO_LINE", "Action", "Against", "Plan", "RatedEdit", "StackPlan", "Step", "Totals", "plan"]

Somewhere = tuple[str, str, str]
"""Environment, target and site."""


@dataclass(frozen=True, slots=True)
class Side:
    """What a plan has to know of the whole of this side, beside the stacks: where there is one at all, and the line of
    the spec's name."""

    spec: str
    compiler: str
    edition: str
    places: frozenset[Somewhere]
    name_line: str


def plan(before: Compilation | None, after: Compilation, against: Against) -> Plan:
    """Return the plan that leads from one compilation to another; without the first, everything is new."""
    versions = version_words(against, after.compiler, after.edition)
    stacks = planned(before.stacks if before else (), after.stacks, against, versions)
    places = frozenset(s.somewhere for s in after.stacks)
    side = Side(after.spec, after.compiler, after.edition, places, line_of_name(after.stacks))
    return together(side, before.spec if before else "", stacks, against)


def together(side: Side, spec_before: str, stacks: Iterable[StackPlan], against: Against) -> Plan:
    """Return the plan of these stacks, in its order; `spec_before` is empty where there is no other side."""
    told = (_without_a_place(s, side) if s.status == "removed" else s for s in stacks)
    ordered = tuple(sorted(told, key=_place_in_order))
    return Plan(side.spec, side.compiler, side.edition, against, ordered, _notes(side, spec_before, against))


def line_of_name(stacks: Iterable[CompiledStack]) -> str:
    """Return the line of the spec's name; empty if no stack has it."""
    return next((s.values["name"].where for s in stacks if "name" in s.values), "")


def planned(
    before: Sequence[CompiledStack], after: Sequence[CompiledStack], against: Against, versions: str
) -> list[StackPlan]:
    """Return the plan of each stack, by environment, layer, target and name.

    What one says depends on stacks of the same environment and target alone, so that these may be planned in parts.
    """
    old = {s.name: s for s in before}
    new = {s.name: s for s in after}
    ordered = sorted([*new.values(), *(s for s in old.values() if s.name not in new)], key=_place_in_order)
    changed_outputs: dict[Somewhere, dict[tuple[str, str], str]] = defaultdict(dict)
    edits: dict[Somewhere, dict[str, tuple[Edit, ...]]] = defaultdict(dict)
    graphs_before, graphs_after = _graphs(old.values()), _graphs(new.values())
    values_before, values_after = _values(old.values()), _values(new.values())
    stacks: list[StackPlan] = []
    groups: dict[SiteGroup, tuple[StackPlan, str]] = {}
    for stack in ordered:
        where = stack.somewhere
        names = own_names(stack, values_after[where] or values_before[where])
        group = group_of(old.get(stack.name), new.get(stack.name))
        if group is not None and group in groups:
            stacks.append(replace(at_another_site(*groups[group], stack), names=names))
            continue
        known = changed_outputs[where]
        target = Target(graphs_before[where], graphs_after[where], dict(edits[where]))
        made, outputs, own = _stack_plan(old.get(stack.name), new.get(stack.name), known, versions, target, against)
        made = replace(made, names=names)
        if group is not None and can_be_shared(made, stack):
            made = replace(made, like=made.name)
            groups[group] = made, line_of_site(stack)
        edits[where][stack.layer] = own
        known |= {(stack.layer, o.name): f"output {o.name} of {stack.layer}" for o in outputs}
        stacks.append(_with_true_causes(made, values_before[where], values_after[where]))
    return stacks


def own_names(stack: CompiledStack, values: Mapping[str, Explained]) -> tuple[tuple[str, str], ...]:
    """Return what the spec says of where a stack is, and of nothing else: account, region, context, zone."""
    target = f"targets.{stack.target}"
    paths = [f"{target}.{name}" for name in ("account", "region", "kubeContext")]
    if stack.site:
        paths += [f"{target}.sites.{stack.site}.{name}" for name in ("kubeContext", "zone")]
    known = ((path.rpartition(".")[2], values[path].value) for path in paths if path in values)
    return tuple((name, value) for name, value in known if isinstance(value, str) and value)


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


def _without_a_place(removed: StackPlan, after: Side) -> StackPlan:
    """Return the plan of a removed stack with the true cause: the spec's name, its environment, target or site, not
    what was in it."""
    if not removed.name.startswith(f"{after.spec}."):
        cause = Because("name", removed.name.partition(".")[0], after.spec, after.name_line, was="the spec")
        return replace(removed, steps=tuple(replace(step, because=(cause,)) for step in removed.steps), form=None)
    if all(environment != removed.environment for environment, _, _ in after.places):
        gone = f"environments.{removed.environment}"
    elif all((environment, target) != (removed.environment, removed.target) for environment, target, _ in after.places):
        gone = f"targets.{removed.target}"
    elif removed.site and (removed.environment, removed.target, removed.site) not in after.places:
        gone = f"targets.{removed.target}.sites.{removed.site}"
    else:
        return removed
    cause = Because(gone, ABSENT, ABSENT, was="the spec")
    return replace(removed, steps=tuple(replace(step, because=(cause,)) for step in removed.steps), form=None)


def _place_in_order(stack: CompiledStack | StackPlan) -> tuple[str, int, str, str]:
    layer = LAYERS.index(stack.layer) if stack.layer in LAYERS else len(LAYERS)
    return stack.environment, layer, stack.target, stack.name


def version_words(against: Against, compiler: str, edition: str) -> str:
    """Return what is different about the two sides beside the spec; empty if nothing is."""
    if against.kind == "nothing":
        return ""
    words = []
    if against.compiler and against.compiler != compiler:
        words.append(f"llmform {against.compiler} → {compiler}")
    if against.edition and against.edition != edition:
        words.append(f"edition {against.edition} → {edition}")
    return ", ".join(words)


def _notes(after: Side, spec_before: str, against: Against) -> tuple[str, ...]:
    notes = []
    if words := version_words(against, after.compiler, after.edition):
        notes.append(f"not the same on both sides: {words}")
    if against.kind == "git" and (not against.compiler or against.compiler == after.compiler):
        notes.append(f"both sides compiled by llmform {after.compiler}")
    if spec_before and spec_before != after.spec:
        notes.append(f"the spec's name is part of every name: {spec_before} → {after.spec}")
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
            elif explanation == NO_LINE:  # better a cause that the table does not know than none
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
    rules = OF_NEW if isinstance(edit, Create) else RULES
    findings = [finding for rule in rules for finding in rule(situation)]
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
    changed: ChangedValues,
    edits: Sequence[NodeEdit],
    *,
    strict: bool = True,
) -> tuple[Because, ...]:
    """Return the values that explain the step: what the spec says first, then what follows from it."""
    if action in (Action.CREATE, Action.DELETE):
        elsewhere = changed.moving_weights(component)
        if elsewhere:
            return elsewhere
        own = whole_foundation(b for b in changed.under((component.origin,)) if b.written)
        if not own:
            return ()
        first = min(own, key=lambda b: (b.path != component.origin, _position(b.where or b.was)))
        if first.path == component.origin or first.path.endswith(".foundation.existing"):
            return (first,)
        return (Because(component.origin, ABSENT, ABSENT, first.where, first.was, first.overlay),)
    if action is Action.MOVE:
        return ()
    paths = {*component.reads, component.origin, *(was.reads if was else ()), *also_read(edits)}
    own = [b for b in changed.under(paths) if not strict or explains(b.path, edits)]
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


NO_LINE = "no spec line explains it"


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
    return versions or NO_LINE
