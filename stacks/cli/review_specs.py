"""The review of specs as the command line asks for it: reads both sides, spreads the work, puts it together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from specs import __version__
from stacks.against import AgainstError, Other, checked_at, commit_of, find_side, read_at, with_errors
from stacks.cli.progress import Progress
from stacks.cli.session import Spec, check_selection, sources
from stacks.cli.specs import ENDINGS, begins_spec
from stacks.cli.workers import cores, spread
from stacks.compilation import Compilation
from stacks.compile import Checked, Lowered, Selection, check_spec, lowered
from stacks.files import DiskFiles
from stacks.fleet import Both, OtherBroken, Part, Question, Reviewed, gone, joined, part, places
from stacks.git import GitError, GitFiles, renamed
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
    specs: Sequence[Spec], folders: Sequence[str], against: str | None, question: Question, jobs: int
) -> Review:
    """Return the review of many specs, and of those that a commit has in these folders and that are gone since.

    Specs with errors are told as broken, and the others are planned.
    """
    lost = _lost(specs, folders, against)

    def work(n: int) -> Reviewed | Broken:
        try:
            if n < len(specs):
                return _whole(specs[n], against, question)
            return _gone(*lost[n - len(specs)], question)
        except AgainstError as error:
            if not error.found:
                raise
            return Broken(specs[n].shown if n < len(specs) else lost[n - len(specs)][0], error.found, error.texts)

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
        other = find_side(against, spec.path, after, question.selection)
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


_Lost = tuple[str, Other]


def _lost(specs: Sequence[Spec], folders: Sequence[str], against: str | None) -> list[_Lost]:
    """Return the specs that the commit has in these folders and that are there no more, each under its old path."""
    kind, _, name = (against or "").partition(":")
    if kind != "git":
        return []
    here = {spec.path.resolve() for spec in specs}
    found: dict[str, _Lost] = {}
    for folder in folders:
        commit = commit_of(Path(folder) / "spec.yaml", name)
        inside = Path(folder).resolve().relative_to(commit.repository.resolve()).as_posix()
        files = GitFiles(commit, "" if inside == "." else inside)
        try:
            was = {old for new, old in renamed(commit).items() if commit.repository.resolve() / new in here}
            for below in files.every(ENDINGS):
                path = PurePosixPath(inside) / below
                if (commit.repository.resolve() / path) in here or str(path) in was or (Path(folder) / below).exists():
                    continue
                beside, data = read_at(commit, path)
                if begins_spec(data):
                    shown = os.path.join(folder, below)
                    found.setdefault(shown, (shown, checked_at(commit, path, beside, data)))
        except GitError as error:
            raise AgainstError(f"`{folder}` cannot be read from git: {error}", error.advice) from None
    return list(found.values())


def _gone(shown: str, other: Other, question: Question) -> Reviewed:
    assert isinstance(other.checked, Checked)
    found = gone(shown, other.checked, other.against, question)
    if isinstance(found, OtherBroken):
        raise with_errors(other, found.diagnostics)
    return found
