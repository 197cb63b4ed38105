"""The commit that a change is compared with: fetched as far as it is missing."""

from __future__ import annotations

import subprocess
from pathlib import Path

from stacks.git import GitError

DEPTHS = (50, 500, 5_000)
"""Commits that a shallow clone is deepened by, one after the other, before all of the history is fetched."""

FETCH_SECONDS = 300


def merge_base(base: str, head: str = "HEAD") -> str:
    """Return the id of the newest commit that base and head have in common; GitError if it cannot be had.

    `base` is a commit or a branch. A clone that lacks it, or the history up to it, gets both from `origin`.
    """
    if base.startswith("-"):
        raise GitError(f"`{base}` is no name of a commit")
    tip = _commit(base) or _fetched(base)
    for depth in (*DEPTHS, 0):
        found = _git("merge-base", tip, head, refused=(1,)).strip()
        if found:
            return found
        if _git("rev-parse", "--is-shallow-repository").strip() != "true":
            break
        _fetch("--unshallow") if depth == 0 else _fetch(f"--deepen={depth}")
    found = _git("merge-base", tip, head, refused=(1,)).strip()
    if not found:
        raise GitError(f"`{base}` and this commit have no history in common")
    return found


def top() -> Path:
    """Return the top folder of the repository; GitError if this is none."""
    return Path(_git("rev-parse", "--show-toplevel").rstrip("\n"))


def _commit(name: str) -> str:
    for ref in (f"refs/remotes/origin/{name}", name):
        found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", refused=(1, 128))
        if found.strip():
            return found.strip()
    return ""


def _fetched(base: str) -> str:
    _fetch("--depth=1" if _git("rev-parse", "--is-shallow-repository").strip() == "true" else "--tags", base)
    return _git("rev-parse", "--verify", "FETCH_HEAD^{commit}").strip()


def _fetch(how: str, *what: str) -> None:
    _git("fetch", "--quiet", "--no-recurse-submodules", how, "origin", *what)


def _git(*words: str, refused: tuple[int, ...] = ()) -> str:
    """Return what git prints; nothing where it ends with a status that only says no."""
    try:
        done = subprocess.run(
            ["git", *words],
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=FETCH_SECONDS,
        )
    except FileNotFoundError:
        raise GitError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"`git {words[0]}` took more than {FETCH_SECONDS} s") from None
    if done.returncode in refused:
        return ""
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it failed"])[-1].removeprefix("fatal: ")
        raise GitError(f"git {words[0]}: {said}")
    return done.stdout
