"""The review of specs as the command line asks for it: reads both sides, spreads the work, puts it together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from specs import __version__
from stacks.against import AgainstError, Other, find_side, with_errors
from stacks.cli.lost_specs import Lost, lost_specs
from stacks.cli.progress import Progress
from stacks.cli.session import Spec, check_selection, sources
from stacks.cli.workers import cores, spread
from stacks.compilation import Compilation
from stacks.compile import Checked, Lowered, Selection, check_spec, lowered
from stacks.files import DiskFiles
from stacks.fleet import Both, OtherBroken, Part, Question, Reviewed, gone, joined, part, places
from stacks.review import Broken, Review

_WORTH = 8
"""Places of one spec from which on processes pay: one takes some 25 ms to plan, a process some 10 ms to start."""

_PARTS = 4
"""Parts for each process: the smaller they are, the less one waits for the other at the end."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """One spec with both sides read. `refused`: there is no other side, and why; the spec's own errors come first."""

    spec: Spec
    both: Both
    other: Other | None
    refused: AgainstError | None


def review_file(spec: Spec, against: str | None, question: Question, jobs: int) -> Review | Broken:
    """Return the review of one spec. AgainstError if there is nothing to compare with, UsageError for a name that no
    stack has."""
    ready = _ready(spec, against, question)
    if isinstance(ready, Broken):
        return ready
    here = places(ready.both)
    jobs = (jobs or cores()) if len(here) >= _WORTH and ready.both.made is None else 1
    size = -(-len(here) // (jobs * _PARTS)) if jobs > 1 else max(1, len(here))
    chunks = [here[at : at + size] for at in range(0, len(here), size)]
    with Progress(len(chunks), "planning, parts done") as progress:
        parts = spread(lambda n: part(ready.both, chunks[n], question), len(chunks), jobs, progress)
    found = _finished(ready, parts)
    if isinstance(found, Broken):
        return found
    if not found.compared:  # a name that neither side has is a mistake
        check_selection(question.selection, found.labels)
    return Review((found.review,))


def review_files(
    specs: Sequence[Spec], given: Sequence[str], against: str | None, question: Question, jobs: int
) -> Review:
    """Return the review of many specs, and of those that a commit has at the given paths and that are gone since.

    Specs with errors are told as broken, and the others are planned.
    """
    kind, _, name = (against or "").partition(":")
    again, lost = lost_specs(specs, given, name) if kind == "git" else ([], [])
    specs = (*specs, *again)

    def work(n: int) -> Reviewed | Broken:
        try:
            if n < len(specs):
                return _whole(specs[n], against, question)
            return _gone(lost[n - len(specs)], question)
        except AgainstError as error:
            if not error.found:
                raise
            shown = specs[n].shown if n < len(specs) else lost[n - len(specs)].shown
            return Broken(shown, error.found, error.texts, error.message)

    count = len(specs) + len(lost)
    with Progress(count, "planning, specs done") as progress:
        found = spread(work, count, jobs or cores(), progress)
    reviewed = [r for r in found if isinstance(r, Reviewed)]
    broken = sorted((b for b in found if isinstance(b, Broken)), key=lambda b: b.file)
    asked = question.selection
    if not broken and not any(r.compared for r in reviewed):
        check_selection(asked, [label for r in reviewed for label in r.labels])
    every = (r.review for r in reviewed if r.review.plan.stacks or asked == Selection())
    return Review(tuple(sorted(every, key=lambda s: s.file)), tuple(broken), many=True)


def _ready(spec: Spec, against: str | None, question: Question) -> _Ready | Broken:
    checked = check_spec(spec.data, spec.shown, DiskFiles(spec.path.parent))
    if checked.edition is None:
        return Broken(spec.shown, checked.found, sources(spec, checked.found))
    if against is None:
        return _Ready(spec, Both(spec.shown, checked), None, None)
    made: list[Lowered] = []

    def after() -> Compilation:
        made.append(lowered(checked, range(len(checked.loaded.cases))))
        assert checked.edition is not None
        name = checked.loaded.cases[0].spec.name
        return Compilation(__version__, checked.edition.name, name, checked.digest, made[0].stacks, made[0].costs)

    try:
        other = find_side(against, spec.path, after, question.selection, spec.folder)
    except AgainstError as error:
        return _Ready(spec, Both(spec.shown, checked), None, error)
    both = Both(
        spec.shown,
        checked,
        other.checked or other.compilation,
        other.against,
        other.notes,
        other.unfinished,
        other.unsaid,
        made[0] if made else None,
    )
    return _Ready(spec, both, other, None)


def _finished(ready: _Ready, parts: Sequence[Part]) -> Reviewed | Broken:
    found = joined(ready.both, parts)
    if isinstance(found, Broken):
        return replace(found, texts=sources(ready.spec, found.diagnostics))
    if ready.refused is not None:
        raise ready.refused
    if isinstance(found, OtherBroken):
        assert ready.other is not None
        raise with_errors(ready.other, found.diagnostics)
    review = found.review
    return replace(found, review=replace(review, texts=sources(ready.spec, review.diagnostics)))


def _whole(spec: Spec, against: str | None, question: Question) -> Reviewed | Broken:
    ready = _ready(spec, against, question)
    if isinstance(ready, Broken):
        return ready
    return _finished(ready, [part(ready.both, places(ready.both), question)])


def _gone(lost: Lost, question: Question) -> Reviewed:
    other = lost.other
    assert isinstance(other.checked, Checked)
    found = gone(lost.shown, other.checked, other.against, question)
    if isinstance(found, OtherBroken):
        raise with_errors(other, found.diagnostics)
    plan = found.review.plan
    return replace(found, review=replace(found.review, plan=replace(plan, notes=(*plan.notes, *lost.notes))))
