"""Specs as they were in a commit of git.

A repository is read and never trusted: only its objects are asked for (`rev-parse`, `merge-base`, `diff-tree`, and one
`cat-file --batch` for everything else), the index and the working tree are left alone, so that no filter, no fsmonitor,
no hook and no external diff of it is ever started, and a partial clone does not fetch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from stacks.files import MAX_FILE_BYTES

if TYPE_CHECKING:  # only a comparison with a commit pays for the import
    import subprocess

_SAFE = (
    *("--no-pager", "--no-optional-locks"),
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false"),
    *("-c", "protocol.allow=never"),
)
"""Settings of a repository that could start a program or the network, put out of use (git-config(1), 2026-11-21)."""

_FILE, _TREE, _LINK, _SUBMODULE = ("100644", "100755"), "40000", "120000", "160000"
"""Modes of the entries of a tree (git's fast-import(1), filemodify)."""


class GitError(Exception):
    """git is missing, or it refused; the message is for the user, `advice` says what to do where that is known."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a tree: `mode` as git writes it, and the id of its object."""

    mode: str
    id: str


class Objects:
    """The objects of one repository, read through one process that lives as long as this one."""

    def __init__(self, repository: Path) -> None:
        self.repository = repository
        self._trees: dict[str, dict[str, Entry]] = {}
        self._owner = os.getpid()

    @cached_property
    def _process(self) -> subprocess.Popen[bytes]:
        import subprocess

        command = ["git", *_SAFE, "-C", str(self.repository), "cat-file", "--batch"]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
        )

    def get(self, name: str) -> tuple[str, str, bytes] | None:
        """Return id, type and content of an object by its name; None if it is not there."""
        if "\n" in name or not encodes(name):
            return None
        if self._owner != os.getpid():  # a fork: the pipe is the parent's
            self._owner = os.getpid()
            self.__dict__.pop("_process", None)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            stdin.write(os.fsencode(name) + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise GitError(f"git cannot read the objects of `{self.repository}`") from None
        words = stdout.readline().decode("utf-8", "replace").split()
        if len(words) != 3 or not words[2].isdigit() or words[1] not in ("blob", "tree", "commit", "tag"):
            return None
        content = stdout.read(int(words[2]))
        stdout.read(1)
        return words[0], words[1], content

    def tree(self, id: str) -> dict[str, Entry]:
        """Return the entries of a tree, or of a commit's tree, by name; GitError if it is not there."""
        if id not in self._trees:
            found = self.get(f"{id}^{{tree}}")
            if found is None:
                raise GitError(f"git has no tree of `{id[:7]}` here", "`git fetch --refetch` brings what is missing")
            self._trees[id] = dict(_entries(found[2], len(bytes.fromhex(found[0]))))
        return self._trees[id]


def _entries(content: bytes, width: int) -> Iterator[tuple[str, Entry]]:
    """Yield the entries of a tree object: `<mode> <name>\\0<id>`, the id in 20 bytes, with SHA-256 in 32."""
    place = 0
    while place < len(content):
        end = content.index(b"\0", place)
        mode, _, name = content[place:end].partition(b" ")
        place = end + 1 + width
        yield os.fsdecode(name), Entry(mode.decode(), content[end + 1 : place].hex())


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its id, the name it was asked for by, and what that means where it is not the commit's own name."""

    repository: Path
    id: str
    name: str
    means: str = ""

    @property
    def label(self) -> str:
        """`main (4f21c0e)`, or the id alone where it was asked for by id."""
        short = self.id[:7]
        return short if self.id.startswith(self.name) else f"{self.means or self.name} ({short})"


@lru_cache(maxsize=64)
def objects(repository: Path) -> Objects:
    """Return the objects of a repository: one process for each."""
    return Objects(repository)


def _repository(folder: Path) -> Path:
    """Return the nearest folder that says it is one of git's, or the folder itself, so that git is asked once."""
    return next((f for f in (folder, *folder.parents) if (f / ".git").exists()), folder)


@lru_cache(maxsize=64)
def _top(folder: Path) -> Path:
    """Return the top of the repository that a folder is in; a submodule's own for what is in one."""
    return Path(os.fsdecode(_git(folder, "rev-parse", "--show-toplevel")).rstrip("\n"))


def _is_shallow(top: Path) -> bool:
    return _git(top, "rev-parse", "--is-shallow-repository").strip() == b"true"


def find_commit(spec: Path, name: str) -> Commit:
    """Return the commit that a name means in the repository of a spec: `main` is its tip, `main...` and `main...HEAD`
    the merge base of the two. GitError if there is none."""
    top = _top(_repository(spec.resolve().parent))
    left, dots, right = name.partition("...")
    if not dots:
        return Commit(top, _commit(top, name), name)
    one, other = left or "HEAD", right or "HEAD"
    ids = (_commit(top, one), _commit(top, other))
    try:
        base = _merge_base(top, *ids)
    except GitError as error:
        if str(error) != "git merge-base failed":
            raise
        if _is_shallow(top):
            raise GitError(
                f"the history that is here does not reach back to the merge base of `{one}` and `{other}`: this clone "
                "is shallow",
                "`git fetch --deepen=100` brings more of it, `git fetch --unshallow` all of it",
            ) from None
        raise GitError(f"`{one}` and `{other}` have no commit in common", "name a commit: `git:REF`") from None
    return Commit(top, base, name, f"the merge base of {one} and {other}")


@lru_cache(maxsize=64)
def _merge_base(top: Path, one: str, other: str) -> str:
    return _git(top, "merge-base", one, other).decode().strip()


def _commit(top: Path, name: str) -> str:
    found = objects(top).get(f"{name}^{{commit}}") if name else None
    if found is None:
        shallow = _is_shallow(top)
        more = "; this clone is shallow: `git fetch --unshallow` brings the rest" if shallow else ""
        raise GitError(f"git knows no commit `{name}`{more}")
    return found[0]


def renamed(commit: Commit) -> dict[str, str]:
    """Return, by the path of a file in HEAD, the path that it had in the commit, where git sees that it was renamed.

    Paths are from the top of the repository. A rename that is not committed yet is not seen.
    """
    head = objects(commit.repository).get("HEAD^{commit}")
    return {} if head is None or head[0] == commit.id else _renames(commit.repository, commit.id, head[0])


@lru_cache(maxsize=64)
def _renames(top: Path, before: str, after: str) -> dict[str, str]:
    options = ("-r", "-z", "-M", "--name-status", "--diff-filter=R", "--no-ext-diff", "--no-textconv")
    words = [os.fsdecode(word) for word in _git(top, "diff-tree", *options, before, after).split(b"\0")]
    return {words[n + 2]: words[n + 1] for n in range(0, len(words) - 2, 3)}


@dataclass(frozen=True, slots=True)
class GitFiles:
    """A folder as it was in a commit; `folder` is relative to the top of the repository, with `/`."""

    commit: Commit
    folder: str

    def read(self, name: str) -> bytes | None:
        """Return the first `MAX_FILE_BYTES` of a file inside the folder, as it was in the commit."""
        path = self._inside(name)
        found = self._entry(path) if path is not None else None
        if found is None or found[1].mode not in _FILE:
            return None
        blob = found[0].get(found[1].id)
        if blob is None:
            raise GitError(f"git has no content of `{path}` here", "`git fetch --refetch` brings what is missing")
        return blob[2][:MAX_FILE_BYTES]

    def names(self, folder: str) -> tuple[str, ...] | None:
        """Return the files directly in a folder, as it was in the commit; links are left out."""
        path = self._inside(folder)
        found = self._entry(path) if path is not None else None
        if found is None or found[1].mode != _TREE:
            return None
        where, entry = found
        return tuple(sorted(name for name, e in where.tree(entry.id).items() if e.mode in _FILE))

    def every(self, endings: tuple[str, ...]) -> Iterator[str]:
        """Yield the paths, from the folder, of all files with one of these endings, hidden folders left out, and
        submodules that are not here."""
        found = self._entry(self._inside(".") or "")
        if found is not None and found[1].mode == _TREE:
            yield from self._below(found[0], found[1].id, "", endings)

    def _below(self, where: Objects, tree: str, above: str, endings: tuple[str, ...]) -> Iterator[str]:
        for name, entry in sorted(where.tree(tree).items()):
            at = self.commit.repository / self.folder / above / name
            if entry.mode == _TREE and not name.startswith("."):
                yield from self._below(where, entry.id, f"{above}{name}/", endings)
            elif entry.mode == _SUBMODULE and (at / ".git").exists():
                own = _submodule(at, entry.id, self.commit.label)
                yield from self._below(own, entry.id, f"{above}{name}/", endings)
            elif entry.mode in _FILE and name.endswith(endings):
                yield above + name

    def _inside(self, name: str) -> str | None:
        if "\0" in name or not encodes(name):
            return None
        path = os.path.normpath(f"{self.folder}/{name}" if self.folder else name)
        base = self.folder or "."
        if path.startswith("..") or os.path.isabs(path) or os.path.commonpath([base, path]) != base and base != ".":
            return None
        return "" if path == "." else path

    def _entry(self, path: str) -> tuple[Objects, Entry] | None:
        """Return what stands at a path, and the repository that has it; a submodule's own for what is in one."""
        where, at = objects(self.commit.repository), Entry(_TREE, self.commit.id)
        walked = self.commit.repository
        for step in path.split("/") if path else ():
            if at.mode != _TREE:
                return None
            entry = where.tree(at.id).get(step)
            walked /= step
            if entry is None:
                return None
            at = entry
            if at.mode == _SUBMODULE:
                where, at = _submodule(walked, at.id, self.commit.label), Entry(_TREE, at.id)
        return where, at


def _submodule(folder: Path, commit: str, label: str) -> Objects:
    """Return the objects of a submodule; GitError if it is not there, or not with this commit."""
    advice = "`git submodule update --init --recursive`, and in the submodule `git fetch`, bring what is missing"
    if not (folder / ".git").exists():
        raise GitError(f"the submodule `{folder.name}` of {label} is not here", advice)
    found = objects(folder)
    if found.get(f"{commit}^{{commit}}") is None:
        raise GitError(f"the submodule `{folder.name}` has no commit {commit[:7]} here, which {label} names", advice)
    return found


def encodes(name: str) -> bool:
    """Say whether a program can be given the name."""
    try:
        os.fsencode(name)
    except UnicodeError:
        return False
    return True


def _environment() -> dict[str, str]:
    """Return the environment for git: without what would point it to another repository, or let it fetch or ask."""
    other = {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_COMMON_DIR",
        "GIT_EXTERNAL_DIFF",
    }
    mine = {k: v for k, v in os.environ.items() if k not in other}
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    return mine | quiet | {"LC_ALL": "C"}


def _git(folder: Path, *arguments: str) -> bytes:
    import subprocess

    try:
        done = subprocess.run(
            ["git", *_SAFE, "-C", str(folder), *arguments],
            capture_output=True,
            check=False,
            env=_environment(),
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise GitError("git is not installed, and `--against` a commit needs it") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise GitError(said or f"git {arguments[0]} failed")
    return done.stdout
