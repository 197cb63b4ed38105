"""A plan as people read it: the domain's words first, resources under them, only what changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from specs.diagnostics import Diagnostic, Severity
from stacks.alike import Group, groups
from stacks.causes import Because
from stacks.changes import ABSENT, keys
from stacks.cost.values import CostChange
from stacks.edits import Change, Create, Delete, OutputEdit, node_of
from stacks.policy_report import Report, counted
from stacks.render.cost import human_cost
from stacks.render.diagnostics import human as human_diagnostics
from stacks.render.policies import human_policies
from stacks.render.style import PLAIN, Style, columns, display_width, safe, wrap
from stacks.render.values import KNOWN_LATER, change_text, value_text
from stacks.risk.finding import Risk, kind
from stacks.sensitive import masked
from stacks.steps import Action, Plan, RatedEdit, StackPlan, Step, Totals

_NAME = 19
"""Columns of the component's name; a longer name takes a line of its own."""

_INDENT = " " * (4 + _NAME)

_SITES = 5
"""Sites that are named; the others are counted."""

_PLACES = 5
"""Places that are named; of more, two are."""

_QUIET = ("aliases", "create_timeout", "update_timeout", "delete_timeout")
"""Options that are listed only with `--details`."""

_COLOURS = {
    Action.CREATE: "green",
    Action.ADOPT: "cyan",
    Action.DELETE: "red",
    Action.REPLACE: "magenta",
    Action.MOVE: "cyan",
    Action.UPDATE: "yellow",
}
_RISK_COLOURS = {
    Risk.NONE: "dim",
    Risk.IN_PLACE: "yellow",
    Risk.ROLLING: "yellow",
    Risk.REPLACING: "magenta",
    Risk.DESTRUCTIVE: "red",
}


def human_plan(
    plan: Plan,
    diagnostics: Sequence[Diagnostic] = (),
    sources: Mapping[str, str] | None = None,
    *,
    policies: Report | None = None,
    cost: CostChange | None = None,
    details: bool = False,
    style: Style = PLAIN,
) -> str:
    """Return the plan as text. `sources` are the texts of the files that the diagnostics point into."""
    lines = [*_header(plan, style)]
    lines += told_groups(plan, groups(plan), details, style)
    text = "\n".join(lines) + "\n"
    spent = "\n".join(human_cost(cost, style)) + "\n" if cost is not None and not plan.same else ""
    if spent.strip() and cost is not None and cost.before is None:
        text, spent = f"{text}\n{spent}", ""
    if diagnostics:
        text += "\n" + human_diagnostics(diagnostics, sources or {}, style=style)
    if policies is not None:
        # A standing advice is told once, with the first plan, and counted in the plan of a change.
        first = plan.against.kind == "nothing"
        told = "\n".join(human_policies(policies, all_of_them=first, details=details, style=style))
        text += f"\n{told}\n" if told else ""
    return text + "\n" + spent.lstrip("\n") + "\n".join(_footer(plan, diagnostics, policies, details, style)) + "\n"


def count(number: int, noun: str) -> str:
    """Return the number with its noun: `1 stack`, `3 stacks`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _header(plan: Plan, style: Style) -> Iterator[str]:
    environments = sorted({s.environment for s in plan.stacks})
    targets = {s.target for s in plan.stacks}
    sites = {(s.target, s.site) for s in plan.stacks if s.site}
    named = len(environments) == 1 and environments[0] != "default"
    first = safe(environments[0]) if named else count(len(environments), "environment")
    parts = [
        first,
        count(len(targets), "target"),
        *([count(len(sites), "site")] if sites else []),
        count(len(plan.stacks), "stack"),
        f"edition {safe(plan.edition)}",
    ]
    if plan.against.kind == "nothing":
        parts.append("against nothing (all of it is new)")
    else:
        parts.append(f"against {safe(plan.against.label)}")
    head, *rest = wrap(f"{safe(plan.spec)}: {', '.join(parts)}{_states(plan)}", "", "  ")
    yield style.paint(head, "bold")
    yield from rest
    for note in plan.notes:
        yield from wrap(safe(note), "  ", "  ")


def _states(plan: Plan) -> str:
    if plan.against.kind == "nothing" or plan.same:
        return ""
    words = (("changed", "changes", "change"), ("new", "is new", "are new"), ("removed", "goes", "go"))
    told = []
    for status, one, several in words:
        if number := sum(s.status == status for s in plan.stacks):
            told.append(f"{count(number, 'stack')} {one if number == 1 else several}")
    if unchanged := sum(s.status == "unchanged" for s in plan.stacks):
        told.append(f"{unchanged:,} unchanged")
    return "; " + ", ".join(told)


def told_groups(plan: Plan, found: Sequence[Group], details: bool, style: Style) -> list[str]:
    """Return what happens, group by group: new stacks as a whole in the order of the plan, then changes by risk."""
    lines: list[str] = []
    order = {s.name: place for place, s in enumerate(plan.stacks)}
    whole = [g for g in found if g.first.status == "new"]
    for group in sorted(whole, key=lambda g: order[g.first.name]):
        lines += ["", *_whole_stack(group, details, style)]
    changed = [g for g in found if g.first.status in ("changed", "removed")]
    return [*lines, *_changes(plan, changed, details, style)] if changed else lines


def _whole_stack(group: Group, details: bool, style: Style) -> Iterator[str]:
    """Yield a new stack: its components in their own words."""
    stack = group.first
    left = f"{safe(stack.name)} · {safe(stack.place)}"
    adopted = f", = {stack.totals.adopt:,}" if stack.totals.adopt else ""
    right = f"+ {count(stack.totals.add, 'resource')}{adopted}"
    line = columns(left, right)
    yield line if not style.colour else line.replace(left, style.paint(left, "bold"), 1)
    if len(group.members) > 1:
        examples = [safe(name) for name in (group.names[1], group.names[-1])]
        own = ", each with its own names" if group.own_names else ""
        told = f"the same in {count(len(group.members), 'stack')}, e.g. {' and '.join(dict.fromkeys(examples))}{own}"
        yield from wrap(told, "  ", "  ")
    for step in sorted(stack.steps, key=lambda s: s.component):
        yield from titled(step, [safe(line) for line in step.summary] or [what(step)], style)
        for finding in step.findings:
            if finding.fails:
                yield from _finding(finding.reason, True, style)
        yield from resources(step.edits if details else _adopted(step), details, style)


def _adopted(step: Step) -> tuple[RatedEdit, ...]:
    """Return the resources that exist already: they are told also where new ones are only counted."""
    return tuple(r for r in step.edits if r.action is Action.ADOPT)


def what(step: Step) -> str:
    """Return what a component without words of its own is: its resources by kind."""
    kinds: dict[str, int] = defaultdict(int)
    for rated in step.edits:
        node = node_of(rated.edit)
        provider = node.type.startswith("pulumi:providers:")
        kinds[f"{kind(node)} provider" if provider else kind(node)] += 1
    return ", ".join(name if n == 1 else f"{n} × {name}" for name, n in sorted(kinds.items()))


def titled(step: Step, texts: Sequence[str], style: Style) -> Iterator[str]:
    """Yield the step's line: symbol, name, first text; the others under it."""
    name = safe(step.component)
    prefix = f"  {step.action.value} {name}"
    if display_width(name) >= _NAME:
        lines = [prefix] + [line for text in texts if text for line in wrap(text, _INDENT, _INDENT)]
    else:
        padded = prefix + " " * (4 + _NAME - display_width(prefix))
        lines = []
        for text in texts or [""]:
            lines += wrap(text, padded if not lines else _INDENT, _INDENT)
    if style.colour:
        lines[0] = lines[0].replace(step.action.value, style.paint(step.action.value, _COLOURS[step.action]), 1)
    yield from lines


def _changes(plan: Plan, changed: Sequence[Group], details: bool, style: Style) -> Iterator[str]:
    """Yield the steps of stacks that change or go: by risk, equal steps once, whatever group they are of."""
    blocks: dict[tuple[Risk, bool, str, tuple[str, ...]], list[StackPlan]] = defaultdict(list)
    order = {s.name: place for place, s in enumerate(plan.stacks)}
    steps = [(step, g) for g in changed for step in g.first.steps]
    steps.sort(key=lambda p: (not p[0].fails, -p[0].risk, order[p[0].stack], p[0].component))
    for step, group in steps:
        body = tuple(_step(step, group.first, details, style, own_of_members(group, step)))
        blocks[(step.risk, step.fails, group.first.layer, body)] += [m.stack for m in group.members]
    sections: dict[tuple[Risk, bool, str], list[tuple[str, ...]]] = defaultdict(list)
    for (risk, fails, layer, body), stacks in blocks.items():
        stacks.sort(key=lambda s: order[s.name])
        sections[(risk, fails, places(plan, stacks, layer))].append(body)
    for (risk, fails, place), bodies in sections.items():
        mark = "!" if fails or risk >= Risk.ROLLING else " "
        told = f"{risk}, will fail" if fails else str(risk)
        word = f"{mark} {told:<11}  "
        yield ""
        first, *rest = wrap(place, word, " " * len(word))
        yield first.replace(str(risk), style.paint(str(risk), _RISK_COLOURS[risk], "bold"), 1)
        yield from rest
        for body in bodies:
            yield from body


def own_of_members(group: Group, step: Step) -> Iterator[str]:
    """Yield what is said of a step of which every member of the group has its own names or lines."""
    own = [
        *(["names"] if group.own_names else []),
        *(["lines"] if group.own_lines and any(b.where or b.was for b in step.because) else []),
    ]
    if own:
        words = f"the same in {count(len(group.members), 'stack')}, each with its own {' and '.join(own)}: "
        yield from wrap(f"{words}these are of {safe(group.first.name)}", _INDENT, _INDENT)


def places(plan: Plan, stacks: Sequence[StackPlan], layer: str, same: str = "the same change") -> str:
    """Return `workloads of us-east-1, eu-west-1`, with the environment where there is more than one, and the sites of
    an edge target behind it: `shops (3 sites: bonn, kiel, ulm)`. Many places are counted, with two of them named."""
    several = len({s.environment for s in plan.stacks}) > 1
    sites: dict[str, list[str]] = {}
    for s in stacks:
        sites.setdefault(f"{s.environment}.{s.target}" if several else s.target, []).append(s.site)
    names = [safe(name) + _sites(found) for name, found in sites.items()]
    if len(names) > _PLACES:
        return f"{layer}, {same} in {count(len(stacks), 'stack')}, e.g. of {names[0]} and {names[-1]}"
    return f"{layer} of {', '.join(names)}"


def _sites(names: Sequence[str]) -> str:
    if not any(names):
        return ""
    shown = ", ".join(map(safe, names[:_SITES]))
    return f" ({count(len(names), 'site')}: {shown}{', …' if len(names) > _SITES else ''})"


def _step(step: Step, stack: StackPlan, details: bool, style: Style, own_words: Iterable[str]) -> Iterator[str]:
    created = step.action is Action.CREATE
    own, derived = [b for b in step.because if b.written], [b for b in step.because if not b.written]
    words = [because_words(b) for b in own if b.before is not b.after]
    if created:
        words = [safe(line) for line in step.summary] or [what(step)]
    elif step.action is Action.DELETE:
        words = [f"removed: {what(step)}"] if step.edits else ["removed"]
    elif step.outputs:
        words = [_output_text(o) for o in step.outputs]
    elif not words and own:
        words = [f"`{safe(b.path)}`" + ("" if b.where else " is no longer in the spec") for b in own]
    elif not words:
        words = [because_words(b) for b in derived if b.before is not b.after][:1] or [step.explanation]
        if derived and derived[0].reason and all(derived[0].reason not in f.reason for f in step.findings):
            words = [f"{words[0]} ({safe(derived[0].reason)})"]
        derived = derived[1:] if derived else []
    yield from titled(step, words, style)
    for finding in step.findings:
        if finding.reason and not (created and not finding.fails and finding.risk is Risk.NONE):
            yield from _finding(finding.reason, finding.fails, style)
    if not created and step.action is not Action.DELETE:
        for b in derived:
            reason = f" ({safe(b.reason)})" if b.reason and b.reason not in {f.reason for f in step.findings} else ""
            told = any(b.reason and b.reason in f.reason for f in step.findings)
            yield from wrap(because_words(b) + ("" if told else reason), _INDENT, _INDENT)
    yield from _because_line(step)
    yield from own_words
    if step.outputs:
        return
    yield from resources(step.edits if details or not created else _adopted(step), details, style)
    if not created and step.action is not Action.DELETE:
        yield from _hidden(step, stack, details)


def _finding(reason: str, fails: bool, style: Style) -> Iterator[str]:
    text = safe(reason)
    if fails and not text.startswith("will fail"):
        text = f"will fail: {text}"
    lines = wrap(text, _INDENT, _INDENT)
    yield from (style.paint(line, "red") if fails else line for line in lines)


def because_words(b: Because) -> str:
    """Return a decided value that differs: `` `nodePools.l40s.max` 2 → 3 ``."""
    path = f"`{safe(b.path)}`"
    before, after = (masked("", (b.path.rpartition(".")[2],), v) for v in (b.before, b.after))
    if b.before is ABSENT:
        return f"{path} + {value_text(after)}"
    if b.after is ABSENT:
        return f"{path} - {value_text(before)}"
    return f"{path} {value_text(before)} → {value_text(after)}"


def _because_line(step: Step) -> Iterator[str]:
    places = []
    for b in step.because:
        if b.where:
            overlay = f" ({safe(b.overlay)})" if b.overlay else ""
            places.append(f"{safe(b.where)} `{safe(b.path)}`{overlay}")
        elif b.was:
            places.append(f"`{safe(b.path)}` is no longer in the spec")
    if places:
        yield from wrap("because " + ", ".join(places), _INDENT, _INDENT + "  ")
    elif step.explanation and step.because:
        yield from wrap(step.explanation, _INDENT, _INDENT)


def _output_text(edit: OutputEdit) -> str:
    after = KNOWN_LATER if edit.cause else value_text(edit.after)
    return f"{safe(edit.name)}: {value_text(edit.before)} → {after}"


def resources(edits: Sequence[RatedEdit], details: bool, style: Style) -> Iterator[str]:
    """Yield the resources of a step with their changes; all of them with `details`, else those that say something."""
    for rated in edits:
        node, edit = node_of(rated.edit), rated.edit
        symbol = style.paint(rated.action.value, _COLOURS[rated.action])
        _, _, short = node.id.partition("/")
        name = f"{safe(node.id)} ({safe(node.type)})" if details else safe(short or node.id)
        adopts = f" adopts {safe(node.options.import_id)}" if rated.action is Action.ADOPT else ""
        yield f"      {symbol} {name}{adopts}"
        if isinstance(edit, Create | Delete):
            continue
        for change in edit.changes:
            if details or (change.effect.kind != "record" and change.part != "provider") or _told_always(change):
                yield from wrap(change_text(node, change, details=details), " " * 10, " " * 12)
        if details and rated.unchanged:
            yield f"          ({count(rated.unchanged, 'unchanged attribute')} hidden)"


def _told_always(change: Change) -> bool:
    """Say whether a change of Pulumi's record alone is worth a line: what protects or binds the resource is."""
    return change.part == "options" and keys(change.path)[0] not in _QUIET


def _hidden(step: Step, stack: StackPlan, details: bool) -> Iterator[str]:
    attributes = 0 if details else sum(r.unchanged for r in step.edits)
    parts = [count(attributes, "unchanged attribute")] if attributes else []
    if stack.unchanged:
        parts.append(count(stack.unchanged, "unchanged resource"))
    if parts:
        yield f"      ({', '.join(parts)} hidden)"


def _footer(
    plan: Plan, diagnostics: Sequence[Diagnostic], policies: Report | None, details: bool, style: Style
) -> Iterator[str]:
    warnings = sum(d.severity is Severity.WARNING for d in diagnostics)
    tail = f" {count(warnings, 'warning')}." if warnings else ""
    if policies is not None and policies.findings:
        tail += f" Policies: {counted(policies)}."
    if plan.same:
        stacks = f"{count(len(plan.stacks), 'stack')} match{'es' if len(plan.stacks) == 1 else ''}"
        words = f"{nothing_text(plan)} {stacks} {safe(plan.against.matched)}.{tail}"
        yield from (style.paint(line, "bold") for line in wrap(words, "", "  "))
        return
    failing = " It will fail as it stands." if plan.fails else ""
    failing += " The next update does more: the notes above say what." if plan.unfinished else ""
    risk = "" if plan.against.kind == "nothing" else f" Highest risk: {plan.risk}."
    lines = wrap(f"Plan: {totals_text(plan.totals)}.{risk}{failing}{tail}", "", "  ")
    yield from (style.paint(line, "bold") for line in lines)
    listing = "" if details else "`--details` lists every resource; "
    yield from wrap(f"Next: {listing}`llmform explain SPEC PATH` says why a value is what it is.", "", "  ")


def nothing_text(plan: Plan) -> str:
    """Return the sentence on two sides without a difference, which need not mean that nothing happens."""
    if plan.unfinished:
        return "The spec changes nothing, and the next update still does something: the notes above say what."
    return "No changes, as far as can be said." if plan.unsaid else "No changes."


def totals_text(totals: Totals) -> str:
    """Return `89 to add, 0 to change, 0 to remove`, with replacements and moves where there are any."""
    parts = [f"{totals.add:,} to add", f"{totals.change:,} to change"]
    if totals.adopt:
        parts.append(f"{totals.adopt:,} to adopt")
    if totals.replace:
        parts.append(f"{totals.replace:,} to replace")
    if totals.move:
        parts.append(f"{totals.move:,} to move")
    parts.append(f"{totals.remove:,} to remove")
    if totals.outputs:
        parts.append(f"{count(totals.outputs, 'output')} to change")
    return ", ".join(parts)
