"""Names that llmform uses itself."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.tree import at

RESERVED = {
    ("stores", "weights"): "the mirror of the models' weights",
    ("nodePools", "system"): "the nodes of the cluster's own pods",
    ("serving", "weights-mirror"): "the Job that mirrors weights",
}


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield entries with a reserved name."""
    for (section, name), use in RESERVED.items():
        if at(case.tree, (section, name)) is not None:
            yield finding(
                case,
                "reserved-name",
                (section, name),
                f"`{section}.{name}` is reserved for {use}",
                help="choose another name",
                key=True,
            )
        # the objects of a moved entry keep the names they had, so the old name counts too
        if f"{section}.{name}" in case.spec.moved:
            yield finding(
                case,
                "reserved-name",
                ("moved", f"{section}.{name}"),
                f"`{section}.{name}` is reserved for {use}, so nothing can have had that name",
                help="remove this line",
                key=True,
            )
