"""Checks: one cross-field rule a file; `CHECKS` is the one list of them.

A check is a function from a case (the spec of one environment at one target) and an edition of the catalog to findings.
A rule about several cases is in `TOGETHER`, one about the user's own objects in `OF_OBJECTS`. What is unused
(`unused.py`) is looked for once there are no errors.

To add one: a new file, a line here, a page in `specs/explain/`, a case in `tests/cases/`.
"""

from collections.abc import Callable, Iterator, Sequence

from specs.catalog.reader import Edition
from specs.checks import (
    adoptions,
    aws_places,
    budgets,
    delivery,
    edge,
    engine_arguments,
    engines,
    hardware,
    images,
    kserve,
    model_facts,
    model_files,
    model_licenses,
    moves,
    no_effect,
    on_prem,
    policies,
    references,
    reserved_labels,
    reserved_names,
    same_cluster,
    secrets_in_clear,
    sharing,
    stack_names,
    triton,
)
from specs.diagnostics import Diagnostic
from specs.facts_file import Facts
from specs.load import Case
from specs.manifest_files import Manifest

CHECKS: tuple[Callable[[Case, Edition], Iterator[Diagnostic]], ...] = (
    references.check,
    hardware.check,
    sharing.check,
    model_facts.check,
    model_files.check,
    model_licenses.check,
    engines.check,
    triton.check,
    kserve.check,
    images.check,
    engine_arguments.check,
    secrets_in_clear.check,
    aws_places.check,
    on_prem.check,
    reserved_names.check,
    reserved_labels.check,
    stack_names.check,
    moves.check,
    policies.check,
    no_effect.check,
    delivery.check,
    adoptions.check,
    edge.check,
    budgets.check,
)

TOGETHER: tuple[Callable[[Sequence[tuple[Case, Facts | None]]], Iterator[Diagnostic]], ...] = (
    same_cluster.check,
    edge.check_upstreams,
    budgets.check_together,
)
"""Rules about all cases at once, each with the facts of its target's foundation if that exists already."""

OF_OBJECTS: tuple[Callable[[Sequence[Manifest]], Iterator[Diagnostic]], ...] = (secrets_in_clear.check_objects,)
"""Rules about the user's own objects."""
