"""Where specs come from on disk, and states from: Pulumi's command line. With `stacks/git.py` the only place on the
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
