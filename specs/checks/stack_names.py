"""Names that together are too long for a stack."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case

MOST = 100
"""Characters of a Pulumi stack's name."""

LONGEST_LAYER = "foundation"


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield the environment and target whose stack would have too long a name."""
    name = f"{case.spec.name}.{case.environment}.{case.target}.{LONGEST_LAYER}"
    if len(name) <= MOST:
        return
    yield finding(
        case,
        "stack-name-too-long",
        ("name",),
        f"the stack `{name}` has {len(name)} characters, more than {MOST}",
        help="shorten the name of the spec, the environment or the target",
        related=(place_of(case, ("targets", case.target), "the target"),),
    )
