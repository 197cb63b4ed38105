"""Diagnostics: what the tool says about a spec, as values.

A stage returns its result together with its diagnostics; only the command line prints them
(`stacks/render/diagnostics.py`). Lines and columns count from 1, columns count characters, and the end
of a span is exclusive. A `code` names the bad thing in kebab-case and has a page `specs/explain/<code>.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is: an error stops the compilation, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A range of characters in one file; `line` and `column` count from 1, the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that takes part in a problem, and what it has to do with it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `message` stands alone: lower case, no full stop. `label` is the short text under the marked
    characters, `help` the only place that proposes a fix. `path` is the spec path (`nodePools.l40s.max`),
    `overlay` the overlay that the marked value came from (`environments.prod`), if any.
    """

    code: str
    message: str
    span: Span
    path: str = ""
    label: str = ""
    help: str = ""
    severity: Severity = Severity.ERROR
    related: tuple[Label, ...] = field(default=())
    overlay: str = ""

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


def arrange(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics by file, line and column, each once.

    The same finding from several environments or targets (same code, place and message) is one finding.
    """
    unique = {(d.code, d.span, d.message): d for d in reversed(list(found))}
    return tuple(sorted(unique.values(), key=lambda d: (d.span, d.severity, d.code, d.message)))


def has_errors(found: Iterable[Diagnostic]) -> bool:
    """Say whether any of the diagnostics is an error."""
    return any(d.is_error for d in found)
