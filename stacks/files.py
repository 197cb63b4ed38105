"""Where specs come from: the disk, or a commit of git; and states, from Pulumi's command line. The only place on the
path of `plan` that reads files or runs a program."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from stacks.project import PROJECT_FILES

MAX_FILE_BYTES = 1_000_001
"""One byte more than a spec may have: enough for the reader to see that it is too large."""


@dataclass(frozen=True, slots=True)
class DiskFiles:
    """The folder of a spec on disk. A name, or a link, that leads out of it or into `.git` is not followed."""

    folder: Path

    def read(self, name: str) -> bytes | None:
        """Return the first `MAX_FILE_BYTES` of a file inside the folder."""
        path = self._inside(name)
        try:
            if path is None or not path.is_file():
                return None
            with path.open("rb") as file:
                return file.read(MAX_FILE_BYTES)
        except OSError:  # a name that is too long is one already for `is_file`
            return None

    def names(self, folder: str) -> tuple[str, ...] | None:
        """Return the files directly in a folder."""
        path = self._inside(folder)
        try:
            if path is None or not path.is_dir():
                return None
            return tuple(sorted(p.name for p in path.iterdir() if p.is_file()))
        except OSError:
            return None

    def _inside(self, name: str) -> Path | None:
        root = self.folder.resolve()
        try:
            path = (root / name).resolve()
        except (OSError, RuntimeError, ValueError):  # too long; a loop of links; a NUL or what no file system encodes
            return None
        # git's own files may hold the credentials of a checkout, and an error quotes the file that it is about
        return path if path.is_relative_to(root) and ".git" not in path.relative_to(root).parts else None


class GitError(Exception):
    """git is missing, or it refused; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit: its id, and the name it was asked for by."""

    repository: Path
    id: str
    name: str

    @property
    def label(self) -> str:
        """`main (4f21c0e)`, or the id alone where it was asked for by id."""
        short = self.id[:7]
        return short if self.id.startswith(self.name) else f"{self.name} ({short})"


def find_commit(spec: Path, name: str) -> Commit:
    """Return the commit that a name means in the repository of a spec; GitError if there is none."""
    folder = spec.resolve().parent
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    try:
        commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except GitError:
        shallow = _git(folder, "rev-parse", "--is-shallow-repository").decode().strip() == "true"
        more = "; this clone is shallow: `git fetch --unshallow` brings the rest" if shallow else ""
        raise GitError(f"git knows no commit `{name}`{more}") from None
    return Commit(top, commit.decode().strip(), name)


@dataclass(frozen=True, slots=True)
class GitFiles:
    """A folder as it was in a commit; `folder` is relative to the top of the repository, with `/`."""

    commit: Commit
    folder: str

    def read(self, name: str) -> bytes | None:
        """Return the first `MAX_FILE_BYTES` of a file inside the folder, as it was in the commit."""
        path = self._inside(name)
        if path is None or self._kind(path) not in ("100644", "100755"):
            return None
        return _git(self.commit.repository, "cat-file", "blob", f"{self.commit.id}:{path}")[:MAX_FILE_BYTES]

    def names(self, folder: str) -> tuple[str, ...] | None:
        """Return the files directly in a folder, as it was in the commit; links are left out."""
        path = self._inside(folder)
        if path is None:
            return None
        listed = _git(self.commit.repository, "ls-tree", "-z", self.commit.id, f"{path}/" if path else "./")
        entries = [line.split("\t", 1) for line in listed.decode("utf-8", "replace").split("\0") if line]
        files = [name.rpartition("/")[2] for meta, name in entries if meta.split()[0] in ("100644", "100755")]
        return tuple(sorted(files)) if entries else None

    def _inside(self, name: str) -> str | None:
        if "\0" in name or not _encodes(name):
            return None
        path = os.path.normpath(f"{self.folder}/{name}" if self.folder else name)
        base = self.folder or "."
        if path.startswith("..") or os.path.isabs(path) or os.path.commonpath([base, path]) != base and base != ".":
            return None
        return "" if path == "." else path

    def _kind(self, path: str) -> str:
        listed = _git(self.commit.repository, "ls-tree", "-z", self.commit.id, path).decode("utf-8", "replace")
        return listed.split(" ", 1)[0] if listed else ""


def _encodes(name: str) -> bool:
    """Say whether a program can be given the name."""
    try:
        os.fsencode(name)
    except UnicodeError:
        return False
    return True


def _git(folder: Path, *arguments: str) -> bytes:
    import subprocess  # only a comparison with a commit pays for the import

    environment = {k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            check=False,
            env=environment | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        raise GitError("git is not installed, and `--against` a commit needs it") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
        raise GitError(said or f"git {arguments[0]} failed")
    return done.stdout


EXPORT_SECONDS = 300
"""How long the export of one stack may take. A file backend answers in about a second; a CLI that waits for a login or
a lock never does."""


class PulumiError(Exception):
    """The Pulumi CLI is missing, or it refused; the message is for the user."""


def project_folder(*near: Path) -> Path:
    """Return the nearest folder with a Pulumi.yaml, at or above one of these; PulumiError if there is none."""
    for start in near:
        for folder in (start.resolve(), *start.resolve().parents):
            if any((folder / name).is_file() for name in PROJECT_FILES):
                return folder
    raise PulumiError("there is no Pulumi.yaml beside the spec or here, nor in any folder above")


def export_state(stack: str, folder: Path) -> bytes | None:
    """Return what `pulumi stack export` prints for a stack, secrets left encrypted; None if there is no such stack."""
    import subprocess

    command = ["pulumi", "stack", "export", "--stack", stack, "--non-interactive", "--color", "never"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            check=False,
            cwd=folder,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            timeout=EXPORT_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise PulumiError(f"`pulumi stack export --stack {stack}` gave no answer in {EXPORT_SECONDS} s") from None
    except OSError as error:
        why = (
            "not installed, or not on PATH" if isinstance(error, FileNotFoundError) else f"not usable: {error.strerror}"
        )
        raise PulumiError(f"the Pulumi CLI is {why}, and `--against state:` runs it") from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip()
    if "no stack named" in said:
        return None
    # Warnings come before the error, causes after it.
    lines = said.splitlines() or [f"exit status {done.returncode}"]
    first = next((line for line in lines if line.startswith("error: ")), lines[0]).removeprefix("error: ")
    raise PulumiError(f"`pulumi stack export --stack {stack}` failed: {first}")
