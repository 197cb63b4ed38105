"""A review as workflow commands that GitHub shows beside the changed lines, worst first.

GitHub shows at most 10 errors, 10 warnings and 10 notices of one step of a job (docs.github.com, "Workflow commands for
GitHub Actions", and GitHub's own answers on its limits; as of 2026-11). More are not printed, but counted.
"""

from __future__ import annotations

from stacks.render.diagnostics import workflow_command
from stacks.render.remarks import Remark, counts, remarks
from stacks.review import Reading, Review

MOST = 10
"""Annotations of one level that GitHub shows of one step."""

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(review: Review, reading: Reading) -> str:
    """Return one command a line, and last how many there are no commands for."""
    found = remarks(review)
    lines = [_one(a) for level in _COMMANDS for a in [a for a in found if a.level == level][:MOST]]
    left = [f"{n - MOST} more {_COMMANDS[level]}s" for level, n in counts(found).items() if n > MOST]
    if left:
        lines.append(f"not shown beside lines, where GitHub shows {MOST} of a kind: {', '.join(left)}\n")
    return "".join(lines)


def _one(a: Remark) -> str:
    place = {"file": a.file.removeprefix("./"), "line": str(a.line), "col": str(a.column)}
    if a.end_line == a.line:
        place["endColumn"] = str(a.end_column)
    elif a.end_line:
        place["endLine"] = str(a.end_line)
    return workflow_command(_COMMANDS[a.level], place | {"title": a.title}, a.text)
