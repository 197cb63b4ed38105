"""Names that together are too long for a stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.targets import EdgeTarget

MOST = 100
"""Characters of a Pulumi stack's name."""

LONGEST_LAYER = "foundation"


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield the environment and target whose stack would have too long a name."""
    if isinstance(case.spec.targets[case.target], EdgeTarget):
        return  # its stacks have the names of sites in theirs, which are read later (specs/sites.py)
    name = f"{case.spec.name}.{case.environment}.{case.target}.{LONGEST_LAYER}"
    yield from _too_long(case, name)


def check_sites(case: Case, names: Sequence[str]) -> Iterator[Diagnostic]:
    """Yield the longest name of a site with which a stack would have too long a name."""
    if names:
        site = max(names, key=lambda name: (len(name), name))
        yield from _too_long(case, f"{case.spec.name}.{case.environment}.{case.target}.{site}.workloads")


def _too_long(case: Case, name: str) -> Iterator[Diagnostic]:
    if len(name) <= MOST:
        return
    yield finding(
        case,
        "stack-name-too-long",
        ("name",),
        f"the stack `{name}` has {len(name)} characters, more than {MOST}",
        help="shorten the name of the spec, the environment"
        f"{', the site' if name.count('.') > 3 else ''} or the target",
        related=(place_of(case, ("targets", case.target), "the target"),),
    )
