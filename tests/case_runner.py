"""Runs the cases of `tests/cases/`: a folder is a spec, the commands to run on it, and what they print.

    spec.yaml      the spec, and any files beside it
    before/        the files as they were: committed to a git repository first, so that `--against git:HEAD` works
    cmd            the commands, one a line; what does not begin with `llmform` is run by `sh`
    cli.txt        what they print: each command with its output, what it says on stderr, and its exit status
    graph.json     (if it is there) the graph of every stack

    broken/*/spec.yaml         a spec with one mistake; `spec.sh` writes one that is too large to be kept
    broken/*/diagnostics.txt   what is said about it: one line each as `check --format concise` prints it, with the help

`pytest --accept` rewrites the expected files. Commands run in this process, in a copy of the folder.
"""

from __future__ import annotations

import difflib
import io
import json
import os
import shlex
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from specs import __version__
from stacks.cli import main

CASES = Path(__file__).parent / "cases"

EXPECTED = ("cmd", "cli.txt", "graph.json", "diagnostics.txt")

COMMIT = "0000000"
"""Stands for the short id of a commit, which changes with every file of the case."""


def behaviours() -> list[Path]:
    """Return the folders of the cases that run commands."""
    return sorted(p.parent for p in CASES.glob("*/cmd"))


def broken() -> list[Path]:
    """Return the folders of the specs with a mistake."""
    return sorted(p for p in (CASES / "broken").iterdir() if p.is_dir())


def copied(case: Path, to: Path) -> Path:
    """Return a copy of the case's files, with what stood in `before/` as the one commit of a git repository."""
    if (case / "before").is_dir():
        shutil.copytree(case / "before", to)
        _git(to, "init", "--quiet", "--initial-branch=main")
        _git(to, "add", "--all")
        _git(to, "commit", "--quiet", "--message=before")
        for path in to.iterdir():
            if path.name != ".git":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    ignored = shutil.ignore_patterns("before", *EXPECTED)
    shutil.copytree(case, to, ignore=ignored, dirs_exist_ok=True)
    if (to / "spec.sh").is_file():
        subprocess.run(["sh", "spec.sh"], cwd=to, check=True)
    return to


def _environment() -> dict[str, str]:
    """Return an environment in which git knows who commits and when, and nothing of this machine's configuration."""
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _WHO.items()}
    return {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


def _git(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=_environment(), check=True, capture_output=True, stdin=subprocess.DEVNULL
    ).stdout


_WHO = {"NAME": "case", "EMAIL": "case@example.org", "DATE": "2026-11-21T00:00:00Z"}


def commands(case: Path) -> list[str]:
    """Return the command lines of a case."""
    return [line for line in (case / "cmd").read_text().splitlines() if line and not line.startswith("#")]


def transcript(case: Path, folder: Path) -> str:
    """Return what the case's commands print, run in its copy."""
    text = "\n".join(_one(line, folder) for line in commands(case))
    if (folder / ".git").is_dir():
        for commit in _git(folder, "rev-list", "--all").decode().split():
            text = text.replace(commit[:7], COMMIT)
    return text.replace(f'"compiler": "{__version__}"', '"compiler": "VERSION"').replace(
        f"llmform {__version__}", "llmform VERSION"
    )


def _one(line: str, folder: Path) -> str:
    if line.startswith("llmform "):
        status, out, err = run(shlex.split(line)[1:], folder)
    else:
        done = subprocess.run(["sh", "-c", line], cwd=folder, env=_environment(), capture_output=True, text=True)
        status, out, err = done.returncode, done.stdout, done.stderr
    said = f"--- stderr\n{_whole(err)}" if err else ""
    return f"$ {line}\n{_whole(out)}{said}--- exit {status}\n"


def _whole(text: str) -> str:
    return text if text.endswith("\n") or not text else f"{text}\n--- no line break at the end\n"


def run(arguments: list[str], folder: Path) -> tuple[int, str, str]:
    """Return exit status, standard output and standard error of `llmform`, run in this process in the folder."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    here = Path.cwd()
    os.chdir(folder)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = main(arguments)
    except SystemExit as leaving:  # argparse's --help and --version
        status = leaving.code if isinstance(leaving.code, int) else 1
    finally:
        os.chdir(here)
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return status, texts[0], texts[1]


def said(folder: Path) -> str:
    """Return the diagnostics of a folder's spec: a line each as the concise format has it, and the help below it."""
    _, concise, err = run(["check", "spec.yaml", "--format", "concise"], folder)
    assert not err, err
    _, out, _ = run(["check", "spec.yaml", "--format", "json"], folder)
    text = ""
    for line, found in zip(concise.splitlines(), json.loads(out)["diagnostics"], strict=True):
        text += f"{line}\n"
        related = [(_place(r["span"]), r["text"]) for r in found["related"]]
        for name, said_there in (("in", found["overlay"]), *related, ("help", found["help"])):
            if said_there:
                text += f"  {name}: {said_there}\n"
    return text


def _place(span: dict[str, Any]) -> str:
    return f"also {span['file']}:{span['line']}:{span['column']}"


def compare(expected: Path, text: str, accept: bool) -> None:
    """Fail with a diff if the text is not what is expected, or write it down."""
    if accept:
        expected.write_text(text)
        return
    there = expected.read_text() if expected.is_file() else ""
    if there != text:
        lines = difflib.unified_diff(
            there.splitlines(), text.splitlines(), f"{expected.parent.name}/{expected.name}", "now", lineterm=""
        )
        raise AssertionError("\n".join(["not as expected; `pytest --accept` rewrites it", *lines]))
