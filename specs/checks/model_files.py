"""`models.X.file` and its checksum."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield checksums of no file."""
    for name, model in case.spec.models.items():
        if model.sha256 is not None and model.file is None:
            yield finding(
                case,
                "no-effect",
                ("models", name, "sha256"),
                "`sha256` does nothing: it is the checksum of one file, and the model is all files of its repository",
                help="add `file`, or remove `sha256`: the hub names the checksum of each file",
                key=True,
            )
