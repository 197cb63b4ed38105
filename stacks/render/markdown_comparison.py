"""A comparison of environments as Markdown: the verdict, what the spec says differently, a table, the text folded.

What is too long for a comment is folded first, and counted then; nothing is cut. Nothing that stands in a spec can
become markup (`stacks.render.markdown.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stacks.causes import Because
from stacks.comparison import Comparison, kind_of
from stacks.render import human_comparison
from stacks.render.human_comparison import cause_lines, cause_words, heading, ignored_words, notes, verdict
from stacks.render.human_plan import count, what
from stacks.render.markdown import code, escaped
from stacks.review import Reading
from stacks.steps import StackPlan, Step

LIMIT = 60_000
"""Characters of a comment: GitHub takes 65,536 (REST API, "body is too long (maximum is 65536 characters)", seen
2026-11), and the script that posts it adds a line of its own."""


def render(comparison: Comparison, reading: Reading) -> str:
    """Return the comparison as a comment, at most `LIMIT` characters long."""
    head = [f"**{escaped(comparison.spec)}: {escaped(verdict(comparison))}**", ""]
    head += [f"- {escaped(note)}" for note in notes(comparison)]
    head += [""] if len(head) > 2 else []
    causes = [_cause(b, comparison) for b in comparison.causes]
    rows = [_row(step, [m.stack for m in g.members], comparison) for g in comparison.groups for step in g.first.steps]
    left_out = tuple(ignored_words(comparison))
    room = LIMIT - _length(head) - _SPARE
    told = _table("| What the spec says | Lines |", causes, room)
    told += _table("| | Stack | Component | Difference |", rows, room - _length(told))
    ignored = _folded("Ignored, because it has to differ", [f"- {escaped(text)}" for text in left_out])
    counted = [f"{count(len(left_out), 'thing')} ignored, because it has to differ."]
    text = human_comparison.render(comparison, Reading(details=reading.details)).rstrip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    asked = code(f"llmform diff SPEC --from {comparison.source} --to {comparison.destination}")
    body = [*head, *told]
    body += ignored if _length([*body, *ignored]) < LIMIT - _SPARE else counted
    whole = ["", *_folded("All of it as text", [f"{fence}text", text, fence])]
    counted = ["", f"The whole text has {text.count(chr(10)) + 1:,} lines: {asked} prints it."]
    body += whole if _length([*body, *whole]) <= LIMIT else counted
    return "\n".join(body) + "\n"


_SPARE = 1_000
"""Characters kept free of rows for what counts those that are left out."""


def _length(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>"]


def _table(title: str, rows: Sequence[str], room: int) -> list[str]:
    """Return a table with the rows that there is room for, and how many more there are."""
    if not rows:
        return []
    kept = 0
    while kept < len(rows) and room >= len(rows[kept]) + 1:
        room -= len(rows[kept]) + 1
        kept += 1
    more = ["", f"and {count(len(rows) - kept, 'more row')}"] if kept < len(rows) else []
    return [title, f"|{'---|' * (title.count('|') - 1)}", *rows[:kept], *more, ""]


def _cause(b: Because, comparison: Comparison) -> str:
    return f"| {escaped(cause_words(b))} | {'<br>'.join(map(escaped, cause_lines(b, comparison)))} |"


def _row(step: Step, stacks: Sequence[StackPlan], comparison: Comparison) -> str:
    where = code(stacks[0].name) + (f" and {len(stacks) - 1:,} more" if len(stacks) > 1 else "")
    kind = kind_of(step)
    told = [cause_words(b) for b in step.because]
    if kind in ("lacks", "only"):
        told = [*(step.summary or ((what(step),) if step.edits else ())), *told]
    if step.outputs:
        told = [f"output {o.name}" for o in step.outputs]
    cells = (
        escaped(heading(kind, comparison)),
        where,
        code(step.component),
        "<br>".join(map(escaped, told)) or escaped(step.explanation),
    )
    return f"| {' | '.join(cells)} |"
