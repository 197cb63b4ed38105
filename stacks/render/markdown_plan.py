"""A plan as Markdown for a review: the verdict, a table by risk, the whole text folded.

Nothing that stands in a spec can become markup: outside of code, markup is written as character references, and
what a forge turns into a link or a mention is broken up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from specs.diagnostics import Diagnostic
from stacks.cost.values import CostChange
from stacks.plan import Plan, Step
from stacks.policy_report import Report, counted
from stacks.render.cost import cost_line
from stacks.render.diagnostics import concise
from stacks.render.human_plan import because_words, count, human_plan, nothing_text, totals_text, what
from stacks.render.style import safe
from stacks.risk.finding import Risk

_MARKUP = re.compile(r"[\\`*_{}\[\]<>()#~|!&:@$]")
_AT_START = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")  # a list, a heading
_LINKS = re.compile(r"(?<=[@#])(?=\w)|(?<=\w)(?=://)|(?<=www)(?=\.)", re.IGNORECASE)
_CODE = re.compile(r"(`[^`|\\]+`)")
_BREAK = "<!-- -->"


def escaped(text: str) -> str:
    """Return text that Markdown and HTML show as it is; only its `code` becomes code.

    Example:
        >>> escaped("<b> @team `x_y`")
        '&#60;b&#62; &#64;<!-- -->team `x_y`'
    """
    parts = _CODE.split(safe(text))
    return "".join(part if index % 2 else _plain(part) for index, part in enumerate(parts))


def _plain(text: str) -> str:
    text = _BREAK.join(_MARKUP.sub(lambda m: f"&#{ord(m[0])};", piece) for piece in _LINKS.split(text))
    return _AT_START.sub(lambda m: f"{m[1]}{_BREAK}{m[2]}", text)


def code(text: str) -> str:
    """Return a code span, fit for a cell of a table too."""
    shown = safe(text)
    if not shown.strip() or "`" in shown or "|" in shown or "\\" in shown:
        return escaped(text)  # such text cannot stand in a span of a cell without doubt
    return f"`{shown}`"


def markdown_plan(
    plan: Plan,
    diagnostics: Sequence[Diagnostic] = (),
    sources: Mapping[str, str] | None = None,
    *,
    policies: Report | None = None,
    cost: CostChange | None = None,
) -> str:
    """Return the plan as a comment for a review."""
    lines = [f"**{_verdict(plan, policies)}**", ""]
    if cost is not None and not plan.same:
        lines += [escaped(cost_line(cost)), ""]
    lines += [f"- {escaped(note)}" for note in plan.notes]
    lines += [f"- {escaped(line)}" for line in concise(diagnostics).splitlines()]
    broken = [f for f in policies.findings if f.violates] if policies else []
    for f in broken:
        of = f", {f.node}" if f.node else ""  # some are of a whole stack
        lines.append(f"- {escaped(f'{f.where}: mandatory[{f.policy}]: {f.text}{of}')}")
    if plan.notes or diagnostics or broken:
        lines.append("")
    steps = [s for s in plan.steps if s.component]
    if steps:
        lines += ["| Risk | Stack | Component | What happens | Because |", "|---|---|---|---|---|"]
        lines += [_row(step) for step in steps]
        lines.append("")
    text = human_plan(plan, diagnostics, sources, policies=policies, cost=cost, details=True).rstrip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    lines += ["<details><summary>The whole plan</summary>", "", f"{fence}text", text, fence, "", "</details>"]
    return "\n".join(lines) + "\n"


def _verdict_words(plan: Plan) -> str:
    """Return the plan in one sentence of plain text."""
    if plan.same:
        stacks = f"{count(len(plan.stacks), 'stack')} as in {plan.against.matched}."
        if plan.unfinished:
            return f"The spec changes nothing, and the next update still does something: {stacks}"
        return f"{nothing_text(plan).removesuffix('.')}: {stacks}"
    failing = " It will fail as it stands." if plan.fails else ""
    failing += " The next update does more." if plan.unfinished else ""
    return f"{totals_text(plan.totals)}. Highest risk: {plan.risk}.{failing}"


def _verdict(plan: Plan, policies: Report | None) -> str:
    told = f" Policies: {counted(policies)}." if policies and policies.findings else ""
    return f"{escaped(plan.spec)}: {escaped(_verdict_words(plan) + told)}"


def _row(step: Step) -> str:
    risk = f"**{step.risk}**" if step.risk >= Risk.ROLLING else str(step.risk)
    if step.fails:
        risk += ", **will fail**"
    told = [("will fail: " if f.fails else "") + f.reason for f in step.findings if f.reason]
    if not told or step.action.name == "CREATE":
        told = [*told, *(step.summary or ((what(step),) if step.edits else ()))]
    if step.outputs:
        told = [o.name for o in step.outputs]
    because = []
    for b in step.because:
        value = f"{because_words(b)} " if b.before is not b.after else ""
        place = f"({b.where})" if b.where else ""
        because.append(f"{value or b.path + ' '}{place}".strip())
    cells = (
        risk,
        code(step.stack),
        f"{step.action.value} {code(step.component)}",
        "<br>".join(map(escaped, told)),
        "<br>".join(map(escaped, because)) or escaped(step.explanation),
    )
    return f"| {' | '.join(cells)} |"
