"""What a plan is compared with: nothing, a recorded compilation, the spec at a commit, or what is deployed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from specs.diagnostics import Diagnostic
from specs.load import Loaded
from stacks.compilation import Compilation, NotACompilation, decode
from stacks.compile import Selection, compile_spec
from stacks.files import Commit, GitError, GitFiles, find_commit
from stacks.plan import Against


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
    """The other side of a comparison; `compilation` is None where it holds nothing.

    `unfinished`, `unsaid`: as in `Plan`. `loaded` is the spec of that side, where it is one.
    """

    against: Against
    compilation: Compilation | None
    notes: tuple[str, ...] = ()
    unfinished: bool = False
    unsaid: bool = False
    loaded: Loaded | None = None


def find_other(given: str, spec: Path, after: Compilation, asked: Selection) -> Other:
    """Return what `--against` names: `git:REF`, `file:COMPILATION`, `state:…`, or a bare value that can only be one of
    the first two.

    `after` is the spec as it is now, `asked` what of it is planned: a state is read in its light.
    """
    kind, colon, rest = given.partition(":")
    if colon and kind == "git":
        return _git(spec, rest)
    if colon and kind == "file":
        if not rest:
            raise AgainstError("`file:` names no file", "`llmform compile SPEC -o FILE` writes one: `file:FILE`")
        return _file(Path(rest))
    if colon and kind == "state":
        return _deployed(rest, spec, after, asked)
    if not given:
        raise AgainstError("`--against` names nothing", "write `git:REF`, `file:COMPILATION` or `state:EXPORT`")
    is_file = Path(given).is_file()
    try:
        commit: Commit | None = find_commit(spec, given)
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


def _git(spec: Path, name: str) -> Other:
    if not name:
        raise AgainstError("`git:` names no commit", "write `git:main`, `git:HEAD~1`, a tag or a commit")
    try:
        return _at(spec, find_commit(spec, name))
    except GitError as error:
        raise AgainstError(str(error), "`git log --oneline` lists the commits that are here") from None


def _at(spec: Path, commit: Commit) -> Other:
    """Compile the spec as it was in a commit, with its own files, by this version."""
    try:
        inside = PurePosixPath(spec.resolve().relative_to(commit.repository.resolve()).as_posix())
        folder = str(inside.parent) if str(inside.parent) != "." else ""
        files = GitFiles(commit, folder)
        data = files.read(inside.name)
    except (GitError, ValueError) as error:
        raise AgainstError(f"`{spec}` cannot be read from git: {error}") from None
    if data is None:
        note = f"{inside} is not in {commit.label}: all of it is new"
        return Other(Against("git", commit.label), None, (note,))
    shown = f"{commit.name}:{inside}"
    compiled = compile_spec(data, shown, files)
    if compiled.compilation is None:
        texts = {shown: data.decode("utf-8", "replace")}
        raise AgainstError(
            f"the spec as it was in {commit.label} has errors, so there is nothing to compare with",
            "compare with a commit in which it was sound",
            compiled.diagnostics,
            texts,
        )
    against = Against("git", commit.label, compiled.compilation.compiler, compiled.compilation.edition)
    return Other(against, compiled.compilation, loaded=compiled.loaded)
