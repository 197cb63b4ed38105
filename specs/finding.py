"""How a check reports: the span of a value or key of the case's tree, under one code."""

from __future__ import annotations

from specs.diagnostics import Diagnostic, Label, Severity, Span
from specs.load import Case
from specs.tree import Path, at, dotted, key_span, nearest


def finding(
    case: Case,
    code: str,
    path: Path,
    message: str,
    *,
    help: str = "",
    label: str = "",
    key: bool = False,
    related: tuple[Label, ...] = (),
    severity: Severity = Severity.ERROR,
) -> Diagnostic:
    """Return a diagnostic at the value of a path (at its key with `key=True`)."""
    _, found = nearest(case.tree, path)
    span = key_span(case.tree, path) if key else found.span
    return Diagnostic(code, message, span, dotted(path), label, help, severity, related, found.overlay)


def place_of(case: Case, path: Path, text: str) -> Label:
    """Return a second place for a diagnostic: the key at a path and what it has to do with the problem."""
    return Label(key_span(case.tree, path), text)


def span_of(case: Case, path: Path) -> Span:
    """Return the span of the value at the path, or of what is nearest above it."""
    found = at(case.tree, path)
    return found.span if found is not None else nearest(case.tree, path)[1].span
