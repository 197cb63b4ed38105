"""Specs of strangers: a plan of them runs no code, opens no connection, starts nothing but git, writes nothing that it
was not told to, and reads nothing outside the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.case_runner import _environment, run
from tests.test_regressions import QUICKSTART

ROOT = Path(__file__).resolve().parents[1]

SECRET = "AUTHORIZATION: basic c2VjcmV0"

WATCHED = """
import json, os, sys
here, root, prefix = (os.path.realpath(p) for p in sys.argv[1:4])
libraries = tuple(os.path.realpath(p) for p in [root, prefix, sys.base_prefix, *sys.path] if p)

NEVER = ("socket.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "pty.", "ctypes.dlopen", "urllib.",
         "http.", "ftplib.", "smtplib.", "webbrowser.", "os.startfile", "shutil.")

def refuse(event, args):
    if event.startswith(NEVER):
        raise SystemExit(f"REFUSED {event} {args}")
    if event == "subprocess.Popen" and os.path.basename(args[1][0]) != "git":
        raise SystemExit(f"REFUSED {event} {args}")
    if event in ("os.remove", "os.rename", "os.link", "os.symlink", "os.mkdir", "os.chmod", "os.truncate"):
        raise SystemExit(f"REFUSED {event} {args}")
    if event == "open" and isinstance(args[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(args[0]))
        mode = args[1] or ""
        if path == os.devnull:
            return
        if isinstance(mode, str) and set(mode) & set("wax+"):
            raise SystemExit(f"REFUSED write {path}")
        if not path.startswith((here + os.sep, *(p + os.sep for p in libraries))):
            raise SystemExit(f"REFUSED read {path}")
        if os.sep + ".git" + os.sep in path:
            raise SystemExit(f"REFUSED read {path}")

sys.dont_write_bytecode = True
from stacks.cli import main
sys.addaudithook(refuse)
sys.exit(max(main(words) for words in json.loads(sys.argv[4])))
"""
"""Run under under a hook that sees what the interpreter does (PEP 578) and ends the process at what it must not."""


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, env=_environment(), check=True, capture_output=True)


def watched(folder: Path, *commands: list[str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(folder), str(ROOT), sys.prefix, json.dumps(commands)],
        cwd=folder,
        env={**_environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "REFUSED" not in said and "Traceback" not in said, said
    return done.returncode, said


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a spec at its top, as bad a place as there is, and secrets around it and in `.git`."""
    made = tmp_path / "clone"
    made.mkdir()
    (tmp_path / "secret.yaml").write_text(SECRET)
    git(made, "init", "-q", "-b", "main")
    (made / "spec.json").write_text(json.dumps(QUICKSTART))
    (made / "link.yaml").symlink_to("../secret.yaml")
    (made / "config.yaml").symlink_to(".git/config")
    (made / "folder").symlink_to("..")
    git(made, "add", ".")
    git(made, "commit", "-qm", "a")
    with (made / ".git/config").open("a") as file:
        file.write(f'[http "https://github.com/"]\n\textraheader = {SECRET}\n')
    return made


OUTSIDE = (
    "../secret.yaml",
    "link.yaml",
    "folder/secret.yaml",
    ".git/config",
    "config.yaml",
    "x/../../secret.yaml",
    "file:///etc/passwd",
    "/etc/passwd",
    "/proc/self/environ",
    "/dev/stdin",
)


def reading(name: str) -> dict[str, Any]:
    """Return specs that name the file wherever a spec may name one."""
    target = QUICKSTART["targets"]["us-east-1"]
    revision = "a09a35458c702b33eeacc393d103063234e8bc28"
    return {
        "manifests.file": {"manifests": {"a": {"file": name}}},
        "manifests.dir": {"manifests": {"a": {"dir": name}}},
        "foundation": {"targets": {"us-east-1": {**target, "foundation": {"existing": name}}}},
        "config": {"models": {"chat": {"source": f"hf://a/b@{revision}", "architecture": {"config": name}}}},
        "lock": {"images": {"registry": "registry.example.com/llm", "lock": name}},
        "adopt": {"adopt": {"serving.chat/Deployment/chat": {"id": "llm/chat", "object": name}}},
        "sites": {"targets": {"shops": {"provider": "edge", "sites": name, "accelerator": "nvidia-l4"}}},
    }


@pytest.mark.parametrize("key", reading(""))
def test_a_spec_reads_no_file_outside_its_repository(key: str, repository: Path) -> None:
    """Not by `..`, not by a link, not git's own files, which hold the token of a checkout; on neither side."""
    specs = [f"spec-{position}.json" for position in range(len(OUTSIDE))]
    for spec, name in zip(specs, OUTSIDE, strict=True):
        (repository / spec).write_text(json.dumps(QUICKSTART | reading(name)[key]))
    _, said = watched(repository, *(["plan", spec, "--against", "git:main"] for spec in specs))
    assert "c2VjcmV0" not in said and "root:" not in said
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "b")
    for spec in specs:
        (repository / spec).write_text(json.dumps(QUICKSTART))
    _, said = watched(repository, *(["plan", spec, "--against", "git:main"] for spec in specs))
    assert "c2VjcmV0" not in said and "root:" not in said


@pytest.mark.parametrize("form", ["human", "json", "markdown", "github", "sarif", "dotenv"])
def test_a_plan_runs_nothing_and_asks_nobody(form: str, repository: Path) -> None:
    """A sound plan against a commit starts git and nothing else; no form of it needs the network."""
    (repository / "spec.json").write_text(json.dumps(QUICKSTART | {"owner": "us"}))
    words = ["plan", "spec.json", "--against", "git:main", "--format", form]
    status, said = watched(repository, words, ["check", "spec.json"])
    assert status == 0, said


def test_the_watch_sees_what_it_refuses(repository: Path) -> None:
    """A hook that sees nothing would prove nothing: a file outside, a program, and a connection end the process."""
    for code in (
        "open('/etc/hostname')",
        "open('new', 'w')",
        "__import__('subprocess').run(['id'])",
        "__import__('os').system('id')",
        "__import__('socket').create_connection(('127.0.0.1', 9))",
    ):
        hook = WATCHED.replace("sys.exit(max(", f"{code}\nsys.exit(max(")
        done = subprocess.run(
            [sys.executable, "-c", hook, str(repository), str(ROOT), sys.prefix, "[]"],
            cwd=repository,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "REFUSED" in done.stderr, code


YAML_TRICKS = (
    "!!python/object/apply:os.system ['touch owned']",
    "!!python/name:os.system",
    "a: !!python/module:os",
    "a: &x [*x]",
    "patches: [{match: a, merge: {a: '{{ lipsum.__globals__ }}'}}]",
    "<<: {a: 1}",
)


@pytest.mark.parametrize("text", YAML_TRICKS)
def test_yaml_runs_no_code(text: str, repository: Path) -> None:
    """Tags that make Python's objects are errors, as any other tag is."""
    (repository / "spec.yaml").write_text(text + "\n")
    status, _ = watched(repository, ["plan", "spec.yaml"])
    assert status == 1 and not (repository / "owned").exists()


@pytest.mark.parametrize(
    "name", ["link.yaml", "config.yaml", "folder/secret.yaml", "folder", ".git/config", "specs", "/etc"]
)
def test_ci_refuses_a_spec_that_is_not_of_the_repository(name: str, repository: Path) -> None:
    """The spec itself may be a link: the jobs refuse it before anything reads it, in a folder of specs too."""
    (repository / "specs").mkdir()
    (repository / "specs/a.yaml").symlink_to("../../secret.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "stacks.ci", "inside", "spec.json", name],
        cwd=repository,
        env={**_environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "is not a file of the repository" in done.stderr
    assert "c2VjcmV0" not in done.stderr


def test_a_link_inside_the_repository_is_a_file_of_it(repository: Path) -> None:
    """`spec.yaml -> spec.json` leads nowhere else."""
    (repository / "spec.yaml").symlink_to("spec.json")
    for words in (["spec.yaml"], ["."]):
        (repository / "link.yaml").unlink(missing_ok=True)
        (repository / "config.yaml").unlink(missing_ok=True)
        (repository / "folder").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "stacks.ci", "inside", *words],
            cwd=repository,
            env={**_environment(), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert run(["check", "spec.yaml"], repository)[0] == 0
