"""Mutated specs: never a traceback, never a hang. `python -m tests.fuzz` tries any number of them."""

from __future__ import annotations

import pytest

from specs.diagnostics import Span
from tests import fuzz
from tests.fuzz import input_of, misplaced, run

SEED, COUNT, PART = 0, 2_000, 100


@pytest.mark.parametrize("start", range(0, COUNT, PART))
def test_a_mutated_spec_has_an_answer(start: int) -> None:
    """Diagnostics inside the text, or graphs that can be recorded, compared and shown; how long it takes is the
    command's business."""
    assert [f"input {o.number}: {o.problem}" for o in run(SEED, range(start, start + PART)).problems] == []


def test_an_input_is_the_same_every_time() -> None:
    """A finding can be looked at again: seed and number are all that it depends on."""
    assert [input_of(3, n) for n in range(50)] == [input_of(3, n) for n in range(50)]
    assert input_of(3, 1) != input_of(4, 1)


def test_the_inputs_are_of_many_kinds() -> None:
    """A fuzzer that only makes syntax errors, or none, tests nothing."""
    summary = run(SEED, range(400))
    assert summary.compiled > 40
    assert len(summary.codes) > 25


@pytest.mark.parametrize(
    ("span", "fits"),
    [
        (Span("a", 1, 1, 1, 3), True),
        (Span("a", 1, 3, 1, 3), True),
        (Span("a", 1, 4, 1, 4), False),
        (Span("a", 2, 1, 2, 1), True),
        (Span("a", 3, 1, 3, 1), False),
        (Span("a", 1, 2, 1, 1), False),
        (Span("a", 0, 1, 1, 1), False),
        (Span("b", 1, 1, 1, 1), False),
    ],
)
def test_a_span_outside_its_file_is_found(span: Span, fits: bool) -> None:
    """The fuzzer's own judge: line 1 of this file has two characters, line 2 none."""
    assert (misplaced(span, {"a": fuzz._lines(b"ab\n")}) == "") is fits
