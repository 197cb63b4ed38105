"""Checks: one cross-field rule a file; `CHECKS` is the one list of them.

A check is a function from a case (the spec of one environment at one target) and an edition of the catalog to findings.
To add one: a new file, a line here, a page in `specs/explain/`, a case in `tests/cases/`.
"""

from collections.abc import Callable, Iterator

from specs.catalog.reader import Edition
from specs.checks import (
    adoptions,
    aws_places,
    delivery,
    engine_arguments,
    hardware,
    model_facts,
    moves,
    no_effect,
    on_prem,
    policies,
    references,
    reserved_labels,
    reserved_names,
    secrets_in_clear,
    stack_names,
)
from specs.diagnostics import Diagnostic
from specs.load import Case

CHECKS: tuple[Callable[[Case, Edition], Iterator[Diagnostic]], ...] = (
    references.check,
    hardware.check,
    model_facts.check,
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
)
