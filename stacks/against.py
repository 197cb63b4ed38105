"""What a plan is compared with: nothing, a recorded compilation, the spec at a commit, or what is deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from specs import __version__
from specs.diagnostics import Diagnostic
from stacks.compilation import Compilation, NotACompilation, decode
from stacks.compile import Checked, Selection, check_spec, judged, lowered
from stacks.git import Commit, GitError, GitFiles, find_commit, renamed
from stacks.steps import Against


class AgainstError(Exception):
    """There is nothing to compare with; `message` says why, `advice` what to do.

    `found`: the other side has these errors. `broken`: what was given is there, and damaged or of something else.
    """

    def __init__(
        self,
        message: str,
        advice: str = "",
        found: tuple[Diagnostic, ...] = (),
        texts: dict[str, str] | None = None,
        broken: bool = False,
    ) -> None:
        super().__init__(message)
        self.message, self.advice, self.found, self.texts = message, advice, found, texts or {}
        self.broken = broken


@dataclass(frozen=True, slots=True)
class Other:
    """The other side of a comparison; `compilation` is None where it holds nothing, or where it is not made yet.

    `checked` is the spec at a commit, whose stacks are still to be made. `unfinished`, `unsaid`: as in `Plan`.
    """

    against: Against
    compilation: Compilation | None
    notes: tuple[str, ...] = ()
    unfinished: bool = False
    unsaid: bool = False
    checked: Checked | None = None
    errors: AgainstError | None = None
    """What to raise with the diagnostics, should the stacks of `checked` turn out to have errors."""


def find_other(given: str, spec: Path, after: Compilation, asked: Selection) -> Other:
    """Return what `--against` names: `git:REF`, `file:COMPILATION`, `state:…`, or a bare value that can only be one of
    the first two.

    `after` is the spec as it is now, `asked` what of it is planned: a state is read in its light.
    """
    other = find_side(given, spec, lambda: after, asked)
    if other.checked is None:
        return other
    made = lowered(other.checked, range(len(other.checked.loaded.cases)))
    found = judged(other.checked, [made.findings])
    if any(d.is_error for d in found):
        raise with_errors(other, found)
    checked, name = other.checked, other.checked.loaded.cases[0].spec.name
    compilation = Compilation(__version__, other.against.edition, name, checked.digest, made.stacks, made.costs)
    return replace(other, compilation=compilation, checked=None)


def with_errors(other: Other, found: tuple[Diagnostic, ...]) -> AgainstError:
    """Return what to raise where the stacks of the other side have errors."""
    assert other.errors is not None
    return AgainstError(other.errors.message, other.errors.advice, found, other.errors.texts)


def find_side(given: str, spec: Path, after: Callable[[], Compilation], asked: Selection, folder: str = "") -> Other:
    """Return what `find_other` does, with the stacks of a commit still to be made; `after` is called for a state.

    Of a spec that was found in a `folder` the commit is one of that folder's repository, in a submodule below it too.
    """
    kind, colon, rest = given.partition(":")
    if colon and kind == "git":
        return _at(spec, commit_of(_beside(spec, folder), rest))
    if colon and kind == "file":
        if not rest:
            raise AgainstError("`file:` names no file", "`llmform compile SPEC -o FILE` writes one: `file:FILE`")
        return _file(Path(rest))
    if colon and kind == "state":
        return _deployed(rest, spec, after(), asked)
    if not given:
        raise AgainstError("`--against` names nothing", "write `git:REF`, `file:COMPILATION` or `state:EXPORT`")
    is_file = Path(given).is_file()
    try:
        commit: Commit | None = find_commit(_beside(spec, folder), given)
        refused = ""
    except GitError as error:
        commit, refused = None, str(error)
    if is_file and commit is not None:
        raise AgainstError(f"`{given}` is a file and a commit", f"write `file:{given}` or `git:{given}`")
    if is_file:
        return _file(Path(given))
    if commit is not None:
        return _at(spec, commit)
    raise AgainstError(f"`{given}` is neither a file nor a commit: {refused}", "write `git:REF` or `file:COMPILATION`")


def _deployed(given: str, spec: Path, after: Compilation, asked: Selection) -> Other:
    from stacks.against_state import StateError, deployed_side

    try:
        return Other(*deployed_side(given, spec, after, asked))
    except StateError as error:
        raise AgainstError(error.message, error.advice, broken=error.broken) from None


def _file(path: Path) -> Other:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
        raise AgainstError(
            f"`{path}` cannot be read: {reason}", "`llmform compile SPEC -o FILE` writes such a file"
        ) from None
    try:
        compilation = decode(text)
    except NotACompilation as error:
        raise AgainstError(
            f"`{path}` is no recorded compilation: {error}", "`llmform compile SPEC -o FILE` writes one"
        ) from None
    return Other(Against("file", str(path), compilation.compiler, compilation.edition), compilation)


def _beside(spec: Path, folder: str) -> Path:
    """Return a path in the folder whose repository has the commit."""
    return Path(folder) / "spec.yaml" if folder else spec


def commit_of(spec: Path, name: str) -> Commit:
    """Return the commit that `git:NAME` means for a spec, or for a file of a folder; AgainstError if there is none."""
    if not name:
        raise AgainstError("`git:` names no commit", "write `git:main`, `git:HEAD~1`, a tag or a commit")
    try:
        return find_commit(spec, name)
    except GitError as error:
        raise AgainstError(str(error), error.advice or "`git log --oneline` lists the commits that are here") from None


def _at(spec: Path, commit: Commit) -> Other:
    """Check the spec as it was in a commit, with its own files, by this version."""
    notes: tuple[str, ...] = ()
    try:
        inside = PurePosixPath(spec.resolve().relative_to(commit.repository.resolve()).as_posix())
        files, data = _read(commit, inside)
        if data is None and (before := renamed(commit).get(str(inside))):
            notes = (f"{inside} was {before} in {commit.label}",)
            inside = PurePosixPath(before)
            files, data = _read(commit, inside)
    except GitError as error:
        raise AgainstError(f"`{spec}` cannot be read from git: {error}", error.advice) from None
    except ValueError as error:
        raise AgainstError(f"`{spec}` cannot be read from git: {error}") from None
    if data is None:
        note = f"{inside} is not in {commit.label}: all of it is new"
        return Other(Against("git", commit.label), None, (note,))
    return replace(checked_at(commit, inside, files, data), notes=notes)


def checked_at(commit: Commit, inside: PurePosixPath, files: GitFiles, data: bytes) -> Other:
    """Return the spec at a path of a commit, checked; AgainstError if it has errors."""
    shown = f"{commit.name}:{inside}"
    try:
        checked = check_spec(data, shown, files)
    except GitError as error:
        raise AgainstError(f"`{inside}` cannot be read from git: {error}", error.advice) from None
    errors = AgainstError(
        f"the spec as it was in {commit.label} has errors, so there is nothing to compare with",
        "compare with a commit in which it was sound",
        checked.found,
        {shown: data.decode("utf-8", "replace")},
    )
    if checked.edition is None:
        raise errors
    against = Against("git", commit.label, __version__, checked.edition.name)
    return Other(against, None, checked=checked, errors=errors)


def _read(commit: Commit, inside: PurePosixPath) -> tuple[GitFiles, bytes | None]:
    folder = str(inside.parent) if str(inside.parent) != "." else ""
    files = GitFiles(commit, folder)
    return files, files.read(inside.name)


def read_at(commit: Commit, inside: PurePosixPath) -> tuple[GitFiles, bytes]:
    """Return a file of a commit, empty if it is not there, and the folder that it is in."""
    files, data = _read(commit, inside)
    return files, data or b""
