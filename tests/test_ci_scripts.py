"""The jobs for GitLab and for a shell, run as their runners run them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from threading import Thread
from typing import Any

import pytest
import yaml

from tests.case_runner import _environment, run
from tests.test_gate import RESTART, RISKY
from tests.test_regressions import QUICKSTART

ROOT = Path(__file__).resolve().parents[1]
GITLAB = ROOT / "stacks/ci/gitlab.yml"


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, env=_environment(), check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """This clone with the environment of the tests in the place of `.venv`."""
    made = tmp_path / "llmform"
    (made / ".venv/bin").mkdir(parents=True)
    python = made / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nshift\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\n')  # without -I
    start = "import sys; sys.argv[0] = 'llmform'; from stacks.cli import main; sys.exit(main())"
    program = made / "llmform"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -c "{start}" "$@"\n')
    for one in (python, program):
        one.chmod(0o755)
    (made / "stacks/ci").mkdir(parents=True)
    (made / "stacks/ci/plan.sh").write_text((ROOT / "stacks/ci/plan.sh").read_text())
    (made / "stacks/ci/plan.sh").chmod(0o755)
    return made


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A change that restarts a server, on a branch off main."""
    made = tmp_path / "clone"
    made.mkdir()
    (made / "spec.json").write_text(json.dumps(QUICKSTART | dict(RISKY)))
    git(made, "init", "-q", "-b", "main")
    git(made, "add", ".")
    git(made, "commit", "-qm", "a")
    git(made, "checkout", "-qb", "change")
    (made / "spec.json").write_text(json.dumps(QUICKSTART | dict(RISKY) | dict(RESTART)))
    git(made, "commit", "-qam", "b")
    return made


def shell(folder: Path, *words: str, **variables: str) -> tuple[int, str]:
    done = subprocess.run(
        words, cwd=folder, env={**_environment(), **variables}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_script_plans_and_leaves_its_files(home: Path, repository: Path) -> None:
    """The plan is printed and kept, and a shell can read its values."""
    status, out = shell(repository, str(home / "stacks/ci/plan.sh"), "main", "spec.json")
    assert status == 0 and "Highest risk: rolling" in out, out
    kept = repository / "llmform-review"
    assert json.loads((kept / "plan.json").read_text())["risk"] == "rolling"
    assert json.loads((kept / "plan.sarif").read_text())["version"] == "2.1.0"
    status, out = shell(repository, "sh", "-c", '. llmform-review/plan.env; echo "$LLMFORM_RISK $LLMFORM_STACKS"')
    assert out == "rolling 1\n"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LLMFORM_GATE": "true"}, 1),
        ({"LLMFORM_GATE": "true", "LLMFORM_LABELS": "restart ok", "LLMFORM_APPROVALS": "2"}, 0),
    ],
)
def test_the_script_gates(variables: dict[str, str], expected: int, home: Path, repository: Path) -> None:
    """With LLMFORM_GATE its exit status is the gate's."""
    status, out = shell(repository, str(home / "stacks/ci/plan.sh"), "main", "spec.json", **variables)
    assert status == expected, out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "usage"),
        (["main"], "usage"),
        (["nowhere", "spec.json"], "no history in common"),
        (["main", "/etc/passwd"], "is not a file of the repository"),
        (["main", "--help"], "no file `--help`"),
    ],
)
def test_the_script_refuses_what_cannot_be(words: list[str], said: str, home: Path, repository: Path) -> None:
    """Exit status 2 and one reason."""
    status, out = shell(repository, str(home / "stacks/ci/plan.sh"), *words)
    assert (status, said in out) == (2, True), out


def test_the_script_leaves_no_files_of_the_change(home: Path, repository: Path) -> None:
    """A change may bring the files that a plan writes; where there is no plan, nobody takes them for one."""
    kept = repository / "llmform-review"
    kept.mkdir()
    for name in ("comment.md", "plan.env"):
        (kept / name).write_text("LLMFORM_RISK=none\n")
    for words in (["nowhere", "spec.json"], ["main", "spec.json", "--details"]):
        assert shell(repository, str(home / "stacks/ci/plan.sh"), *words)[0] == 2
        assert list(kept.iterdir()) == []


def test_the_script_keeps_what_is_said_of_a_base_with_errors(home: Path, repository: Path) -> None:
    """The change mends the spec: comment, page and values say that there was nothing sound to compare with."""
    sound = (repository / "spec.json").read_text()
    git(repository, "checkout", "-q", "main")
    (repository / "spec.json").write_text(sound.replace('"model": "chat"', '"model": "chta"'))
    git(repository, "commit", "-qam", "broken")
    git(repository, "checkout", "-qb", "mended")
    (repository / "spec.json").write_text(sound)
    git(repository, "commit", "-qam", "mended")
    status, out = shell(repository, str(home / "stacks/ci/plan.sh"), "main", "spec.json")
    assert (status, "the spec as it was in" in out) == (1, True), out
    kept = repository / "llmform-review"
    assert {p.name for p in kept.iterdir()} == {"comment.md", "report.html", "plan.json", "plan.sarif", "plan.env"}
    assert "the spec as it was in" in (kept / "comment.md").read_text()
    assert (kept / "plan.env").read_text().startswith("LLMFORM_RISK=unknown\n")


def test_the_script_writes_behind_no_link(home: Path, repository: Path, tmp_path: Path) -> None:
    """A pull request may hold a link of the folder's name."""
    (repository / "llmform-review").symlink_to(tmp_path)
    status, out = shell(repository, str(home / "stacks/ci/plan.sh"), "main", "spec.json")
    assert (status, "is a link" in out, (tmp_path / "plan.json").exists()) == (2, True, False)


TOKEN = "glpat-of-the-tests"


@contextmanager
def gitlab() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The part of GitLab's API that the job uses (docs.gitlab.com, "Notes API"): a user, a merge request's notes."""
    notes: list[dict[str, Any]] = [
        {"id": 1, "author": {"username": "bot"}, "body": "a system's note", "system": True},
        {"id": 2, "author": {"username": "ann"}, "body": "hello", "system": False},
    ]
    path = "/api/v4/projects/42/merge_requests/3/notes"

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, reply = self._answer(json.loads(text) if text else {})
            data = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _answer(self, body: dict[str, Any]) -> tuple[int, Any]:
            if self.headers.get("PRIVATE-TOKEN") != TOKEN:
                return 401, {"message": "401 Unauthorized"}
            if self.path == "/api/v4/user":
                return 200, {"username": "bot"}
            if self.command == "GET" and self.path.startswith(f"{path}?"):
                return 200, notes
            if self.command == "POST" and self.path == path:
                notes.append({"id": len(notes) + 1, "author": {"username": "bot"}, "system": False, **body})
                return 201, notes[-1]
            if self.command == "PUT" and self.path.startswith(f"{path}/"):
                notes[int(self.path.rpartition("/")[2]) - 1].update(body)
                return 200, {}
            return 404, {"message": "404 Not found"}

        do_GET = do_POST = do_PUT = do_DELETE = _do

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/v4", notes
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pipeline(repository: Path, home: Path, **more: str) -> tuple[int, str]:
    """Run the job's script as GitLab does: its variables, and its lines in one shell."""
    job = yaml.safe_load(GITLAB.read_text())["llmform"]
    assert job["artifacts"]["reports"]["dotenv"] == "llmform-review/plan.env"
    variables = {**job["variables"], "LLMFORM_HOME": str(home), "LLMFORM_SPECS": "spec.json\n"}
    predefined = {
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": git(repository, "rev-parse", "main"),
        "CI_MERGE_REQUEST_IID": "3",
        "CI_PROJECT_ID": "42",
        "CI_PROJECT_URL": "https://git.example/acme/platform",
        "CI_COMMIT_SHA": "4f21c0e",
        "CI_PIPELINE_ID": "7",
        "CI_JOB_ID": "70",
    }
    # the runner puts predefined variables into the job's own
    expanded = {name: Template(str(value)).safe_substitute(predefined) for name, value in variables.items()}
    return shell(repository, "sh", "-e", "-c", "\n".join(job["script"]), **(expanded | predefined | more))


def test_the_gitlab_job_keeps_one_note(home: Path, repository: Path) -> None:
    """The first pipeline writes it, the next one updates it; nobody else's is touched."""
    with gitlab() as (url, notes):
        status, out = pipeline(repository, home, CI_API_V4_URL=url, LLMFORM_TOKEN=TOKEN)
        assert (status, "note: created" in out) == (0, True), out
        assert "](https://git.example/acme/platform/-/blob/4f21c0e/spec.json#L" in notes[2]["body"]
        (repository / "spec.json").write_text(json.dumps(QUICKSTART | dict(RISKY)))
        status, out = pipeline(repository, home, CI_API_V4_URL=url, LLMFORM_TOKEN=TOKEN, CI_JOB_ID="71")
        assert (status, "note: updated" in out) == (0, True), out
        assert [n["author"]["username"] for n in notes] == ["bot", "ann", "bot"]
        assert "No changes" in notes[2]["body"] and notes[1]["body"] == "hello"
        assert TOKEN not in out


def test_the_gitlab_job_writes_no_note_of_the_change(home: Path, repository: Path) -> None:
    """A link of the folder's name, to a folder with a note in it: there is no plan, so there is no note."""
    (repository / "own").mkdir()
    (repository / "own/comment.md").write_text("All is well.")
    (repository / "llmform-review").symlink_to("own")
    with gitlab() as (url, notes):
        status, out = pipeline(repository, home, CI_API_V4_URL=url, LLMFORM_TOKEN=TOKEN)
    assert (status, len(notes), "is a link" in out) == (2, 2, True), out


def test_the_gitlab_job_without_a_token_says_so(home: Path, repository: Path) -> None:
    """A fork's pipeline has no token: the plan is there, the note is not, and the job is green."""
    status, out = pipeline(repository, home, CI_API_V4_URL="http://127.0.0.1:9")
    assert (status, "no note: LLMFORM_TOKEN is not set" in out) == (0, True), out
    assert (repository / "llmform-review/comment.md").is_file()


def test_the_gitlab_job_says_a_bad_token_once(home: Path, repository: Path) -> None:
    """401 is one line, with the server's words."""
    with gitlab() as (url, notes):
        status, out = pipeline(repository, home, CI_API_V4_URL=url, LLMFORM_TOKEN="glpat-other")
    assert (status, len(notes)) == (1, 2)
    assert [line for line in out.splitlines() if "401" in line] == [
        "error: the note could not be written: GET /api/v4/user: 401 401 Unauthorized"
    ]
    assert "glpat-other" not in out


def test_the_hooks_run_commands_that_are_there(tmp_path: Path) -> None:
    """Each entry of .pre-commit-hooks.yaml, as pre-commit runs it: with the files, or none, behind it."""
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert set(hooks) == {"llmform-check", "llmform-schema"}
    (tmp_path / "spec.json").write_text(json.dumps(QUICKSTART))
    (tmp_path / "other.json").write_text("{}")
    words = hooks["llmform-check"]["entry"].split()[1:]
    assert run([*words, "spec.json"], tmp_path)[0] == 0
    assert run([*words, "spec.json", "other.json"], tmp_path)[0] == 1
    assert run(hooks["llmform-schema"]["entry"].split()[1:], tmp_path)[0] == 0
    assert (tmp_path / "llmform.schema.json").read_text() == (ROOT / "specs/schema.json").read_text()
