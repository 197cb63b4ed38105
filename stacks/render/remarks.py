"""What a review has to say of single lines: steps of the plan, diagnostics and policies, worst first. GitHub's
annotations and SARIF show the same list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from specs.diagnostics import Diagnostic
from stacks.plan import Step
from stacks.policy_report import Judged
from stacks.render.human_plan import because_words, what
from stacks.review import Broken, Review, SpecReview
from stacks.risk.finding import Risk

Level = Literal["error", "warning", "note"]

LEVELS: tuple[Level, ...] = ("error", "warning", "note")
"""The levels, worst first."""

_OF_RISK: Mapping[Risk, Level] = {
    Risk.IN_PLACE: "note",
    Risk.ROLLING: "warning",
    Risk.REPLACING: "warning",
    Risk.DESTRUCTIVE: "error",
}
"""How loud a step is. One that will fail is an error whatever its risk; what nothing running notices is left out."""

_OF_POLICY: Mapping[str, Level] = {"mandatory": "error", "advisory": "note"}


_TOLD = 5
"""Errors of the other side that are told of one spec."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark on a line. `rule` is the code of a diagnostic, the name of a policy, or `risk-…` of a step.

    `line` and `column` count from 1; `end_line` and `end_column` (exclusive) are 0 where only the start is known.
    `identity` stays the same while lines move: it tells a remark of the next run from a new one.
    """

    level: Level
    rule: str
    file: str
    line: int
    column: int
    title: str
    text: str
    identity: tuple[str, ...]
    end_line: int = 0
    end_column: int = 0


def remarks(review: Review) -> tuple[Remark, ...]:
    """Return all remarks, worst first: what has to be mended, then steps by risk, then the rest as it is told."""
    found: list[Remark] = []
    for broken in review.broken:
        found += [_of_refused(broken)] if broken.refused else map(of_diagnostic, broken.diagnostics)
    for one in review.specs:
        policies = [_of_policy(one, f) for f in one.policies.findings if not f.unknown]
        found += (r for r in policies if r.level == "error")
        found += _of_steps(one)
        found += map(of_diagnostic, one.diagnostics)
        found += (r for r in policies if r.level != "error")
    return worst_first(found)


def worst_first(found: Iterable[Remark]) -> tuple[Remark, ...]:
    """Return the remarks by level; within a level they keep their order, and each is there once."""
    unique = {(a.level, a.file, a.line, a.column, a.title, a.text): a for a in found}
    return tuple(sorted(unique.values(), key=lambda a: LEVELS.index(a.level)))


def of_diagnostic(found: Diagnostic) -> Remark:
    """Return a diagnostic as a remark on its span."""
    span = found.span
    text = found.message + (f"\nhelp: {found.help}" if found.help else "")
    return Remark(
        "error" if found.is_error else "warning",
        found.code,
        span.file,
        span.line,
        span.column,
        found.code,
        text,
        (found.code, span.file, found.path, found.overlay),
        span.end_line,
        span.end_column,
    )


def _of_refused(broken: Broken) -> Remark:
    """Return the errors of the other side as one remark on the first line: its own lines are of a file that is not
    here."""
    told = [f"{d.span}: {d.code}: {d.message}" for d in broken.diagnostics if d.is_error][:_TOLD]
    text = "\n".join([broken.refused, *told])
    rule = "other-side-has-errors"
    return Remark("error", rule, broken.file, 1, 1, rule, text, (rule, broken.file))


def _of_policy(review: SpecReview, found: Judged) -> Remark:
    file, line, column = _place(found.where, review.file)
    of = f" ({found.node})" if found.node else ""
    identity = (found.policy, review.file, found.node, found.path, found.text)
    text = f"{found.text}{of}"
    return Remark(_OF_POLICY[found.level], found.policy, file, line, column, found.policy, text, identity)


def _of_steps(review: SpecReview) -> Iterator[Remark]:
    """Yield a remark for each place and reason; the same in several stacks is one."""
    alike: dict[tuple[str, Risk, bool, str, str], list[Step]] = {}
    for step in review.plan.steps:
        if step.risk >= Risk.IN_PLACE or step.fails:
            place = next((b.where for b in step.because if b.where), "")
            alike.setdefault((place, step.risk, step.fails, step.component, _text(step)), []).append(step)
    for (place, risk, fails, component, text), steps in alike.items():
        file, line, column = _place(place, review.file)
        first = steps[0].stack
        stacks = first if len(steps) == 1 else f"{len(steps):,} stacks, such as {first}"
        title = f"{'will fail, ' if fails else ''}{risk}: {component}"
        rule = f"risk-{risk}"
        level: Level = "error" if fails else _OF_RISK[risk]
        identity = (rule, review.file, component, first)
        yield Remark(level, rule, file, line, column, title, f"{text}\nin {stacks}", identity)


def _text(step: Step) -> str:
    """Return what happens and why, in the words of the plan."""
    told = [("will fail: " if f.fails else "") + f.reason for f in step.findings if f.reason]
    told = told or list(step.summary) or ([what(step)] if step.edits else [o.name for o in step.outputs])
    because = [f"because {because_words(b)}" for b in step.because if b.before is not b.after]
    return "\n".join([*told, *(because or ([step.explanation] if step.explanation else []))])


def _place(where: str, file: str) -> tuple[str, int, int]:
    """Return the parts of `file:line:column`, or the first line of the spec where no line of it is the cause."""
    name, _, rest = where.rpartition(":")
    name, _, line = name.rpartition(":")
    return (name, int(line), int(rest)) if name and line.isdigit() and rest.isdigit() else (file, 1, 1)


def counts(found: Sequence[Remark]) -> Mapping[Level, int]:
    """Return how many remarks there are of each level."""
    return {level: sum(1 for a in found if a.level == level) for level in LEVELS}
