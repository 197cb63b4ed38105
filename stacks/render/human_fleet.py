"""The review of many specs as text: one plan over all of them, equal changes told once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from specs.diagnostics import Severity
from stacks.alike import Group, Member, groups
from stacks.cost.values import joined
from stacks.policy_report import Report, counted
from stacks.render import diagnostics
from stacks.render.cost import cost_line
from stacks.render.human_plan import count, told_groups, totals_text
from stacks.render.policies import human_policies
from stacks.render.style import Style, safe, wrap
from stacks.review import Reading, Review
from stacks.steps import Plan


def human_fleet(review: Review, reading: Reading) -> str:
    """Return what happens to all stacks, then what diagnostics and policies say of each spec, then the sum."""
    style = Style(reading.colour)
    every = [s.plan for s in review.specs]
    lines = [*_header(review, style)]
    if every:
        lines += told_groups(_one(every), _numbered(groups(review), review), reading.details, style)
    text = "\n".join(lines) + "\n"
    for s in review.specs:
        if s.diagnostics:
            text += "\n" + diagnostics.human(s.diagnostics, s.texts, style=style)
    for s in review.specs:
        first = s.plan.against.kind == "nothing"
        said = "\n".join(human_policies(s.policies, all_of_them=first, details=reading.details, style=style))
        if said:
            text += f"\n{safe(s.file)}\n{said.removeprefix(chr(10))}\n"
    for b in review.broken:
        text += "\n" + diagnostics.human(b.diagnostics, b.texts, style=style)
        if b.refused:
            text += "\n".join(wrap(safe(f"{b.file}: {b.refused}"), "", "  ")) + "\n"
    return text + "\n" + "\n".join([*_cost(review), *_footer(review, style)]) + "\n"


def _cost(review: Review) -> Iterator[str]:
    costs = [s.cost for s in review.specs if s.cost is not None]
    if costs and not all(s.plan.same for s in review.specs):
        yield from wrap(safe(cost_line(joined(costs))), "", "  ")


def _one(plans: Sequence[Plan]) -> Plan:
    """Return all plans as one, in which names of environments are told apart by their specs."""
    stacks = tuple(replace(s, environment=f"{p.spec}.{s.environment}") for p in plans for s in p.stacks)
    return replace(plans[0], stacks=stacks)


def _numbered(found: Sequence[Group], review: Review) -> list[Group]:
    """Return the groups with environments told apart as in `_one`."""
    return [
        replace(g, members=tuple(Member(m.file, replace(m.stack, environment=_environment(m))) for m in g.members))
        for g in found
    ]


def _environment(member: Member) -> str:
    return f"{member.stack.name.partition('.')[0]}.{member.stack.environment}"


def _header(review: Review, style: Style) -> Iterator[str]:
    stacks = [s for r in review.specs for s in r.plan.stacks]
    labels = list(dict.fromkeys(r.plan.against.label for r in review.specs))
    editions = sorted({r.plan.edition for r in review.specs})
    parts = [count(len(review.specs), "spec"), count(len(stacks), "stack")]
    if editions:
        parts.append(f"edition{'s' if len(editions) > 1 else ''} {', '.join(map(safe, editions))}")
    if review.specs and all(r.plan.against.kind == "nothing" for r in review.specs):
        parts.append("against nothing (all of it is new)")
    elif labels:
        parts.append(f"against {', '.join(map(safe, labels))}")
    words = (("new", "new"), ("changed", "changed"), ("removed", "removed"), ("unchanged", "unchanged"))
    numbers = [(sum(s.status == status for s in stacks), word) for status, word in words]
    told = ", ".join(f"{n:,} {word}" for n, word in numbers if n)
    head, *rest = wrap(f"{', '.join(parts)}; {told}" if told else ", ".join(parts), "", "  ")
    yield style.paint(head, "bold")
    yield from rest
    for r in review.specs:
        for note in r.plan.notes:
            if not note.startswith("both sides compiled by"):
                yield from wrap(f"{safe(r.file)}: {safe(note)}", "  ", "    ")


def _footer(review: Review, style: Style) -> Iterator[str]:
    plans = [r.plan for r in review.specs]
    warnings = sum(d.severity is Severity.WARNING for r in review.specs for d in r.diagnostics)
    tail = f" {count(warnings, 'warning')}." if warnings else ""
    every = Report(tuple(f for r in review.specs for f in r.policies.findings), (), {})
    if every.findings:
        tail += f" Policies: {counted(every)}."
    if review.broken:
        names = ", ".join(safe(b.file) for b in review.broken)
        has = "has" if len(review.broken) == 1 else "have"
        tail += f" {count(len(review.broken), 'spec')} {has} errors and no plan: {names}."
    if plans and all(p.same for p in plans):
        words = f"No changes. {count(sum(len(p.stacks) for p in plans), 'stack')} as before."
        if any(p.unfinished for p in plans):
            words = "The specs change nothing, and the next update still does something: the notes above say what."
        elif any(p.unsaid for p in plans):
            words = f"No changes, as far as can be said. {count(sum(len(p.stacks) for p in plans), 'stack')} as before."
    elif plans:
        risk = "" if all(p.against.kind == "nothing" for p in plans) else f" Highest risk: {review.risk}."
        failing = " It will fail as it stands." if any(p.fails for p in plans) else ""
        words = f"Plan: {totals_text(_one(plans).totals)}.{risk}{failing}"
    else:
        words = "No plan."
    yield from (style.paint(line, "bold") for line in wrap(words + tail, "", "  "))
