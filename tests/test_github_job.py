"""The action's script from end to end: real git repositories, the real plan, a server that speaks GitHub's API."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.ci.github_job import OUTPUTS, PATHS
from stacks.ci.settings import INPUTS
from tests.github_server import TOKEN, Server, serving
from tests.test_regressions import QUICKSTART

ROOT = Path(__file__).resolve().parents[1]
HEAD = "4f21c0e" + "0" * 33
RULES = {"rolling": {"risk": "rolling", "labels": ["approved: restart"], "approvals": 1}}


@dataclass
class Repository:
    """A clone as `actions/checkout` leaves it, with the event's files beside it."""

    folder: Path
    around: Path
    environment: dict[str, str]

    def git(self, *words: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=at or self.folder, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def run(self, **inputs: str) -> tuple[int, str]:
        """Run the job; return its exit status and what it printed. The files of the runner begin empty."""
        for name in ("summary", "output"):
            (self.around / name).write_text("")
        given = {f"LLMFORM_{name.upper()}": value for name, value in {"specs": "spec.yaml", **inputs}.items()}
        done = subprocess.run(
            [sys.executable, "-m", "stacks.ci", "github"],
            cwd=self.folder,
            env=self.environment | given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert TOKEN not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    @property
    def outputs(self) -> Mapping[str, str]:
        lines = (self.around / "output").read_text().splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    @property
    def summary(self) -> str:
        return (self.around / "summary").read_text()

    def event(self, **change: Any) -> None:
        pull = {"number": 7, "base": {"sha": self.git("rev-parse", "base", at=self.around / "origin")}}
        pull["head"] = {"repo": {"full_name": "acme/platform"}, "sha": HEAD}
        (self.around / "event.json").write_text(json.dumps({"pull_request": pull | change}))


def written(**change: Any) -> str:
    return json.dumps(QUICKSTART | change, indent=1)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as state:
        head = {"sha": "abc"}
        state.pull = {"user": {"login": "eve"}, "head": head, "labels": [], "number": 7}
        yield state


@pytest.fixture
def repository(tmp_path: Path, server: Server) -> Repository:
    """A pull request that restarts a server, checked out as its merge with the base, two commits deep."""
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    who = {f"GIT_{r}_{k}": v for r in ("AUTHOR", "COMMITTER") for k, v in (("NAME", "a"), ("EMAIL", "a@example.org"))}
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "LLMFORM_", "RUNNER_"))},
        **who,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONPATH": str(ROOT),
        "GITHUB_API_URL": server.url,
        "GITHUB_GRAPHQL_URL": f"{server.url}/graphql",
        "GITHUB_REPOSITORY": "acme/platform",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_RUN_ID": "10",
        "GITHUB_RUN_ATTEMPT": "1",
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "LLMFORM_TOKEN": TOKEN,
    }
    made = Repository(clone, tmp_path, environment)
    origin.mkdir()
    made.git("init", "-q", "-b", "base", at=origin)
    made.git("config", "uploadpack.allowAnySHA1InWant", "true", at=origin)  # as GitHub's servers do
    for number in range(5):
        (origin / "README").write_text(str(number))
        (origin / "spec.yaml").write_text(written(review=RULES))
        made.git("add", ".", at=origin)
        made.git("commit", "-qm", f"{number}", at=origin)
    made.git("checkout", "-qb", "change", at=origin)
    server_with = {"chat": {"model": "chat", "pool": "l40s", "args": {"max-num-seqs": 64}}}
    (origin / "spec.yaml").write_text(written(review=RULES, serving=server_with))
    made.git("commit", "-qam", "change", at=origin)
    made.git("checkout", "-q", "base", at=origin)
    made.git("merge", "-q", "--no-ff", "-m", "merge", "change", at=origin)
    made.git("update-ref", "refs/pull/7/merge", "HEAD", at=origin)
    made.git("reset", "-q", "--hard", "HEAD^1", at=origin)
    clone.mkdir()
    made.git("init", "-q", ".")
    made.git("remote", "add", "origin", origin.as_uri())
    made.git("fetch", "-q", "--depth=1", "origin", "refs/pull/7/merge")
    made.git("checkout", "-q", "FETCH_HEAD")
    made.event()
    return made


def test_a_pull_request_gets_comment_summary_annotations_and_outputs(repository: Repository, server: Server) -> None:
    """With the one commit that a default checkout has: what is missing of the history is fetched."""
    status, out = repository.run()
    assert status == 0, out
    (comment,) = server.comments
    assert comment["body"].startswith("<!-- llmform review spec.yaml ")
    assert "Highest risk" in comment["body"] and "rolling" in comment["body"]
    assert comment["body"].split("\n", 2)[2] == repository.summary
    assert f"](https://github.example/acme/platform/blob/{HEAD}/spec.yaml#L" in comment["body"]
    assert re.search(r"^::warning file=spec\.yaml,line=\d+,col=\d+,title=rolling%3A serving\.chat::", out, re.MULTILINE)
    outputs = repository.outputs
    assert (outputs["risk"], outputs["stacks"], outputs["changes"], outputs["fails"]) == (
        "rolling",
        "1",
        "true",
        "false",
    )
    assert outputs["monthly-change"] == "0.00" and outputs["gate"] == ""  # another argument costs nothing
    for name in ("comment", "json", "sarif"):
        assert Path(outputs[name]).is_file() and Path(outputs[name]).is_relative_to(repository.around / "temp")
    assert set(outputs) <= {*OUTPUTS, *PATHS, "gate"}


def test_the_base_that_moved_on_is_not_part_of_the_change(repository: Repository, server: Server) -> None:
    """What others merged after the pull request branched off is not told: the merge base counts."""
    origin = repository.around / "origin"
    (origin / "spec.yaml").write_text(
        written(review=RULES, nodePools={"l40s": {"accelerator": "nvidia-l40s", "max": 9}})
    )
    repository.git("commit", "-qam", "another pool", at=origin)
    repository.event()
    status, out = repository.run()
    assert (status, repository.outputs["stacks"]) == (0, "1"), out
    assert "nodePools.l40s" not in server.comments[0]["body"]


def test_a_run_on_a_push_writes_no_comment(repository: Repository, server: Server) -> None:
    """An event without a pull request has a summary and outputs; its base is an input or the commit before."""
    (repository.around / "event.json").write_text("{}")
    status, out = repository.run(base="base")
    assert (status, server.asked, repository.outputs["risk"]) == (0, [], "rolling"), out
    status, out = repository.run()
    assert (status, repository.summary) == (2, "")
    assert "::error title=llmform::this event has no base%3A" in out or "this event has no base:" in out


def test_a_fork_gets_no_comment_and_its_run_is_not_red(repository: Repository, server: Server) -> None:
    """Its token can only read. One notice says so; the summary is there."""
    server.read_only = True
    repository.event(head={"repo": {"full_name": "stranger/platform"}})
    status, out = repository.run()
    assert (status, server.comments) == (0, [])
    assert len(re.findall("^::notice title=llmform::no comment", out, re.MULTILINE)) == 1
    assert "rolling" in repository.summary and repository.outputs["risk"] == "rolling"


def test_a_token_without_rights_is_an_error_where_it_should_have_them(repository: Repository, server: Server) -> None:
    """The same refusal in a pull request of one's own says which permission is missing."""
    server.read_only = True
    status, out = repository.run()
    assert status == 1
    assert len(re.findall("^::error", out, re.MULTILINE)) == 1
    assert "pull-requests: write" in out and "rolling" in repository.summary


def test_a_bad_token_is_one_error(repository: Repository, server: Server) -> None:
    """401: said once, with the server's words; the plan is in the summary all the same."""
    status, out = repository.run(token="ghs_other")
    assert status == 1
    assert re.findall("^::error.*", out, re.MULTILINE) == [
        "::error title=llmform::the comment could not be written: POST /graphql: 401 Bad credentials."
    ]
    assert "ghs_other" not in out and repository.summary


@pytest.mark.parametrize(
    ("labels", "reviews", "expected"),
    [
        ([], [], "missing"),
        (["approved: restart"], [], "missing"),
        (["approved: restart"], ["APPROVED"], "passed"),
        (["approved: restart, truly"], ["APPROVED"], "missing"),
    ],
)
def test_the_gate_reads_labels_and_approvals(
    labels: list[str], reviews: list[str], expected: str, repository: Repository, server: Server
) -> None:
    """Green once the pull request has what the rules ask for."""
    server.pull["labels"] = [{"name": name} for name in labels]
    server.reviews = [
        {"user": {"login": "ann"}, "state": state, "commit_id": "abc", "author_association": "MEMBER"}
        for state in reviews
    ]
    status, out = repository.run(gate="true", comment="false")
    assert (repository.outputs["gate"], status) == (expected, int(expected == "missing")), out
    assert server.comments == [] and "<pre>" in repository.summary


def test_a_broken_spec_is_red_beside_its_line(repository: Repository, server: Server) -> None:
    """The errors are annotations; the outputs say that nothing is known."""
    (repository.folder / "spec.yaml").write_text(written(serving={"chat": {"model": "chta", "pool": "l40s"}}))
    status, out = repository.run()
    assert status == 1
    assert re.search(r"^::error file=spec\.yaml,line=\d+,col=\d+,.*title=unknown-reference::", out, re.MULTILINE)
    assert (repository.outputs["risk"], repository.outputs["fails"]) == ("unknown", "true")


def folder_of_specs(repository: Repository, **files: str) -> None:
    """Commit a folder of specs on top of the base, as the change of the pull request."""
    for name, text in files.items():
        path = repository.folder / "platforms" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    repository.git("add", ".")
    repository.git("commit", "-qm", "platforms")


def test_a_folder_is_planned_whatever_is_wrong_with_one_spec_of_it(repository: Repository, server: Server) -> None:
    """The comment plans the others, and says which spec has errors and where, with a link."""
    folder_of_specs(repository, a=written(name="a"), b=written(name="b", serving={"chat": {"model": "chta"}}))
    status, out = repository.run(specs="platforms\nspec.yaml")
    assert (status, repository.outputs["risk"], repository.outputs["fails"]) == (1, "unknown", "true"), out
    body = server.comments[0]["body"]
    assert "1 spec cannot be compiled" in body and "rolling" in body
    assert re.search(
        r"- \[`platforms/b\.json:\d+:\d+`\]\(https://github\.example/.*/platforms/b\.json#L\d+\): error", body
    )
    assert re.search(r"^::error file=platforms/b\.json,line=\d+", out, re.MULTILINE)


def test_errors_of_the_base_are_in_the_comment(repository: Repository, server: Server) -> None:
    """A change that mends a spec has nothing to be compared with; comment, summary and outputs say so."""
    (repository.folder / "platforms").mkdir()
    folder_of_specs(repository, a=written(name="a"), b=written(name="b", serving={"chat": {"model": "chta"}}))
    base = repository.git("rev-parse", "HEAD")
    folder_of_specs(repository, b=written(name="b"))
    for specs in ("platforms", "platforms/b.json"):
        server.comments.clear()
        status, out = repository.run(specs=specs, base=base)
        assert (status, repository.outputs["risk"]) == (1, "unknown"), out
        for text in (server.comments[0]["body"], repository.summary):
            assert "1 spec cannot be compared" in text and "the spec as it was in" in text
        assert "::error file=platforms/b.json,line=1,col=1,title=other-side-has-errors::" in out


def test_a_deleted_spec_is_in_the_comment(repository: Repository, server: Server) -> None:
    """Its path is an input of the workflow still: the comment says that all of it goes."""
    repository.git("rm", "-q", "spec.yaml")
    repository.git("commit", "-qm", "gone")
    status, out = repository.run(gate="true")
    assert (status, repository.outputs["risk"]) == (1, "destructive"), out
    assert (repository.outputs["gate"], "goes" in server.comments[0]["body"]) == ("missing", True)


def test_a_run_without_a_plan_takes_back_what_the_last_one_said(repository: Repository, server: Server) -> None:
    """An environment that is not there any more: the comment is not the plan of an earlier push."""
    assert repository.run()[0] == 0
    repository.environment["GITHUB_RUN_ID"] = "11"
    (repository.folder / "spec.yaml").unlink()
    (repository.folder / "spec.yaml").symlink_to("nowhere")
    status, _ = repository.run()
    assert (status, "There is no plan of this change" in server.comments[0]["body"]) == (2, True)
    assert "There is no plan of this change" in repository.summary and "risk" not in repository.outputs


HOSTILE = (
    "::set-output name=risk::none",
    "::error::x\n::stop-commands::y",
    "\x1b]0;owned\x07::add-mask::spec",
    "%0A::add-mask::a",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_spec_gives_the_runner_no_commands(text: str, repository: Repository) -> None:
    """A line that begins with `::`, blanks aside, is a command to the runner: ours are the only ones."""
    wrong = {"owner": text, "review": {"x": {"risk": text}}, text: 1, "labels": {"a": text}, "name": text}
    for content in (written(**wrong), f"{text}: [\n"):
        (repository.folder / "spec.yaml").write_text(content)
        _, out = repository.run()
        for line in re.split(r"[\r\n\v\f\x85\u2028\u2029]", out):
            assert not line.lstrip().startswith("::") or re.match(r"::(error|warning|notice) [\w=]", line), line
            assert "\x1b" not in line and "\x07" not in line
    for line in (repository.around / "output").read_text().splitlines():
        assert re.fullmatch(r"[a-z-]+=[-\w./]*", line)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"specs": ""}, "names no spec"),
        ({"comment": "yes"}, "is `true` or `false`"),
        ({"base": "--upload-pack=touch owned"}, "is no name of a commit"),
        ({"base": "no-such-branch"}, "no-such-branch"),
        ({"specs": "--format"}, "no file `--format`"),
        ({"environment": "--details"}, "no environment `--details`"),
    ],
)
def test_an_input_that_cannot_be_is_said(inputs: dict[str, str], said: str, repository: Repository) -> None:
    """Exit status 2, one error, and nothing of an input is taken for an option of a program."""
    status, out = repository.run(**inputs)
    assert (status, said in out, (repository.folder / "owned").exists()) == (2, True, False), out


def test_specs_are_read_without_the_token(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that reads specs of strangers has no variable that is called like a secret."""
    from stacks.ci import plan_files

    monkeypatch.setenv("GITHUB_TOKEN", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("LLMFORM_TOKEN", "c")
    monkeypatch.setattr(plan_files, "_START", "import os; print(sorted(os.environ))")
    _, out = plan_files.llmform([], quiet=True)
    assert "PATH" in out and "TOKEN" not in out and "SECRET" not in out


def action() -> Any:
    return yaml.safe_load((ROOT / "action.yml").read_text())


def test_the_action_hands_its_inputs_over_as_variables() -> None:
    """No `run` holds an expression: a title or a branch with a command in it stays text."""
    made = action()
    assert tuple(made["inputs"]) == INPUTS
    steps = made["runs"]["steps"]
    assert all("${{" not in step["run"] for step in steps)
    assert steps[1]["env"] == {f"LLMFORM_{name.upper()}": f"${{{{ inputs.{name} }}}}" for name in INPUTS}
    assert all("uses" not in step for step in steps)  # nothing of anybody else's runs


def test_the_actions_outputs_are_those_of_the_script() -> None:
    """Each output of action.yml is one that the script writes, and the other way round."""
    outputs = action()["outputs"]
    assert set(outputs) == {*OUTPUTS, *PATHS, "gate"}
    assert {o["value"] for o in outputs.values()} == {f"${{{{ steps.review.outputs.{name} }}}}" for name in outputs}


def test_the_page_on_the_action_lists_its_inputs_and_outputs() -> None:
    """docs/guides/run-in-ci.md has a row for each, with the description of action.yml."""
    page = (ROOT / "docs/guides/run-in-ci.md").read_text()
    made = action()
    rows = []
    for name, one in made["inputs"].items():
        default = "required" if one.get("required") else f"`{one['default']}`" if "default" in one else ""
        rows.append(f"| `{name}` | {default} | {one['description']} |")
    rows += [f"| `{name}` | {one['description']} |" for name, one in made["outputs"].items()]
    assert [row for row in rows if row not in page] == []
