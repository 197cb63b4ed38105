"""The specs that a commit has where the command line looks, and that are no specs there now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stacks.against import AgainstError, Other, checked_at, commit_of, read_at
from stacks.cli.session import Spec, read_spec
from stacks.cli.specs import ENDINGS, begins_spec, none_in
from stacks.git import Commit, GitError, GitFiles, renamed

_MEANT = (b"apiVersion", b"llmform/")
"""A file that was a spec and holds one of these is still meant as one: what is wrong with it has to be said."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A spec that is gone: its path as the command line would say it, what it was, where it is now if that is not
    planned, and whether something else is in its place."""

    shown: str
    other: Other
    moved: str = ""
    replaced: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """Say where it went, since its removal is told as that of all that it made."""
        if self.replaced:
            return (f"{self.shown} is there, and says no more that it is a spec",)
        return (f"{self.shown} is {self.moved} now, which is not planned here",) if self.moved else ()


def lost_specs(specs: Sequence[Spec], given: Sequence[str], name: str) -> tuple[list[Spec], list[Lost]]:
    """Return what the commit `name` has as specs at the given paths beside `specs`: the files that are still there, to
    be read as specs, and those that are gone. AgainstError without the commit, UsageError for a path on neither side.

    A typing error in `apiVersion` would else take a spec, its rules and its errors out of a review without a word.
    """
    here = {spec.path.resolve() for spec in specs}
    again: dict[Path, Spec] = {}
    lost: dict[Path, Lost] = {}
    for path in given:
        folder = os.path.isdir(path)
        if not folder and os.path.lexists(path):
            continue
        if not folder and not any((above / ".git").exists() for above in Path(path).resolve().parents):
            read_spec(path)  # says that it is not there
        commit = commit_of(Path(path, "spec.yaml") if folder else Path(path), name)
        top = commit.repository.resolve()
        try:
            moved = {old: new for new, old in renamed(commit).items()}
            had = list(_specs_of(commit, Path(path).resolve().relative_to(top).as_posix()))
            for inside in had:
                now, new = top / inside, moved.get(str(inside), "")
                if now in here or now in again or now in lost or new and top / new in here:
                    continue
                shown = os.path.normpath(os.path.join(path, os.path.relpath(now, Path(path).resolve())))
                if (spec := _still(now, shown)) is not None:
                    again[now] = spec
                else:
                    lost[now] = Lost(
                        shown, checked_at(commit, inside, *read_at(commit, inside)), new, os.path.lexists(now)
                    )
        except GitError as error:
            raise AgainstError(f"`{path}` cannot be read from git: {error}", error.advice) from None
        except ValueError:  # a link out of the repository stands where it was
            raise AgainstError(f"`{path}` leads out of its repository") from None
        if not had and not any(one.is_relative_to(Path(path).resolve()) for one in here):
            if folder:
                raise none_in(path)
            read_spec(path)
    return list(again.values()), list(lost.values())


def _specs_of(commit: Commit, path: str) -> Iterator[PurePosixPath]:
    """Yield the paths of the specs that a commit has at a path, a file's or a folder's."""
    inside = PurePosixPath(path)
    found = list(GitFiles(commit, "" if path == "." else path).every(ENDINGS))
    files = [inside / below for below in found] or ([inside] if path != "." else [])
    yield from (one for one in files if begins_spec(read_at(commit, one)[1]))


def _still(path: Path, shown: str) -> Spec | None:
    """Return the file as a spec if it is a file, no link, and may be meant as one."""
    if not path.is_file() or path.resolve() != path:
        return None
    spec = read_spec(shown)
    return spec if any(word in spec.data for word in _MEANT) else None
