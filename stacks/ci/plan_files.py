"""The plan of a job, made by the command line in a process of its own that has no token, and its files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from stacks.render.reviews import FORMATS

FILES: Mapping[str, str] = {
    "markdown": "comment.md",
    "html": "report.html",
    "json": "plan.json",
    "sarif": "plan.sarif",
    "dotenv": "plan.env",
}
"""What a job keeps of a plan, by form."""

_START = "import sys; sys.argv[0] = 'llmform'; from stacks.cli import main; sys.exit(main())"

_SECRET = ("TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "_KEY")
"""A variable with one of these in its name is not for a process that reads specs of strangers."""


def llmform(words: Sequence[str], *, quiet: bool = False) -> tuple[int, str]:
    """Run the command line; return its exit status, and what it printed if it was told to be `quiet`."""
    environment = {k: v for k, v in os.environ.items() if not any(part in k.upper() for part in _SECRET)}
    done = subprocess.run(
        [sys.executable, "-I", "-c", _START, *words],
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    for line in done.stderr.splitlines():
        # a runner takes a line that begins with `::` for a command, and text of a spec may stand there
        print(f"| {line}", file=sys.stderr)
    return done.returncode, done.stdout or ""


def plan(folder: Path, specs: Sequence[str], options: Sequence[str], form: str) -> int:
    """Plan into the files of a folder, print the plan in a form, and return the exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES.values():
        (folder / name).unlink(missing_ok=True)
    writes = [f"{one}={folder / name}" for one, name in FILES.items() if one in FORMATS]
    words = ["plan", *options, *(word for w in writes for word in ("--write", w)), "--format", form]
    sys.stdout.flush()
    return llmform([*words, "--", *specs])[0]


def values(folder: Path) -> Mapping[str, str]:
    """Return what `plan.env` says, names in lower case without their prefix: `{"risk": "rolling"}`."""
    lines = text(folder, "dotenv").splitlines()
    pairs = (line.partition("=") for line in lines)
    return {name.removeprefix("LLMFORM_").lower(): value for name, _, value in pairs}


def text(folder: Path, form: str) -> str:
    """Return a file of the plan, empty if it was not made."""
    try:
        return (folder / FILES[form]).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
