"""Licences that limit who may serve a model, and a licence in the spec that is not the model's."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic, Severity
from specs.finding import finding
from specs.load import Case


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield an error where spec and catalog disagree, and a warning for limits that the spec does not show to know."""
    for name, model in case.spec.models.items():
        row = edition.models.get(model.repository)
        if row is None:
            continue
        license = edition.licenses[row.license]
        if model.license is not None and model.license != row.license:
            yield finding(
                case,
                "license-differs",
                ("models", name, "license"),
                f"`{model.repository}` comes under `{row.license}` ({license.title}), not `{model.license}`",
                help=f"write `license: {row.license}`, or leave it out",
            )
        elif model.license is None and license.limit:
            yield finding(
                case,
                "license-limits",
                ("models", name),
                f"the licence of `{model.repository}` has limits: {license.limit}",
                help=f"read {license.title} and write `license: {row.license}` to say so",
                key=True,
                severity=Severity.WARNING,
            )
