"""Specs that a commit has and that are gone, or are no specs any more: a review never leaves one out without a word."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.case_runner import run
from tests.test_ci_scripts import git
from tests.test_regressions import QUICKSTART

RULES = {"gone": {"risk": "destructive", "labels": ["approved: destructive"]}}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two specs in a folder on main, each with a rule on what is destroyed, and a branch off it."""
    folder = tmp_path / "platforms"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.json").write_text(json.dumps(QUICKSTART | {"name": name, "review": RULES}, indent=1))
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a")
    git(tmp_path, "checkout", "-qb", "change")
    return tmp_path


def committed(repository: Path) -> None:
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "b")


def gate(repository: Path, *specs: str) -> tuple[int, str]:
    status, out, err = run(["review", "gate", *specs, "--against", "git:main..."], repository)
    assert "Traceback" not in err
    return status, out + err


@pytest.mark.parametrize("wrong", ["llmfrom/v1", "v1", "llmform/v1 "])
def test_a_spec_with_another_version_is_an_error_and_not_left_out(wrong: str, repository: Path) -> None:
    """A typing error in `apiVersion` takes neither the spec nor its rules out of the review of its folder."""
    spec = repository / "platforms/a.json"
    spec.write_text(spec.read_text().replace("llmform/v1", wrong))
    committed(repository)
    status, out, _ = run(["plan", "platforms", "--against", "git:main...", "--format", "markdown"], repository)
    assert (status, "platforms/a.json:" in out, "1 spec cannot be compiled" in out) == (1, True, True), out
    status, said = gate(repository, "platforms")
    assert (status, "platforms/a.json:" in said) == (1, True), said


def test_a_spec_that_says_late_what_it_is_stays_one(repository: Path) -> None:
    """Where a commit had a spec, how far down `apiVersion` stands does not decide whether it is one."""
    spec = repository / "platforms/a.json"
    spec.write_text(" " * 70_000 + spec.read_text())
    committed(repository)
    status, out, err = run(["plan", "platforms", "--against", "git:main..."], repository)
    assert (status, out.startswith("2 specs,"), "No changes." in out) == (0, True, True), out + err


@pytest.mark.parametrize("how", ["empty", "link to the other", "link out", "hidden"])
def test_what_is_no_spec_any_more_is_gone(how: str, repository: Path) -> None:
    """All that it made goes, and its own rule asks for the label."""
    spec = repository / "platforms/a.json"
    text = spec.read_text()
    spec.unlink()
    match how:
        case "empty":
            spec.write_text("")
        case "link to the other":
            spec.symlink_to("b.json")
        case "link out":
            spec.symlink_to("/etc/passwd")
        case _:
            (repository / "platforms/.kept").mkdir()
            (repository / "platforms/.kept/a.json").write_text(text)
    committed(repository)
    status, said = gate(repository, "platforms")
    assert (status, "Missing: the label approved: destructive." in said) == (1, True), said
    assert "root:" not in said
    _, out, _ = run(["plan", "platforms", "--against", "git:main...", "--format", "markdown"], repository)
    assert ("- platforms/a.json&#58; platforms/a.json is there, and says no more" in out) is (how != "hidden"), out
    assert "- platforms/a.json&#58; the spec is gone since" in out


@pytest.mark.parametrize("asked", ["platforms/a.json", "platforms"])
def test_a_deleted_spec_is_planned_by_its_path(asked: str, repository: Path) -> None:
    """Whether the path is a file's or a folder's of which nothing is left: the plan says that it goes."""
    shutil.rmtree(repository / "platforms")
    committed(repository)
    status, out, err = run(["plan", asked, "--against", "git:main...", "--format", "json"], repository)
    assert status == 0, err
    plan = json.loads(out)
    gone = ["platforms/a.json"] if asked != "platforms" else ["platforms/a.json", "platforms/b.json"]
    assert (plan["risk"], [spec["file"] for spec in plan["specs"]]) == ("destructive", gone)
    assert gate(repository, asked)[0] == 1


@pytest.mark.parametrize("asked", ["platforms", "platforms/a.json"])
def test_a_spec_that_moved_away_is_said_to_have_moved(asked: str, repository: Path) -> None:
    """Its removal is told, since its new place is not planned; with both places planned, nothing changes."""
    (repository / "attic").mkdir()
    git(repository, "mv", "platforms/a.json", "attic/a.json")
    committed(repository)
    _, out, _ = run(["plan", asked, "--against", "git:main..."], repository)
    assert "platforms/a.json is attic/a.json now, which is not planned here" in out
    status, out, _ = run(["plan", asked, "attic", "--against", "git:main...", "--exit-code"], repository)
    assert (status, "No changes" in out) == (0, True), out


@pytest.mark.parametrize(
    ("asked", "against", "said"),
    [
        ("nothing.yaml", "git:main...", "there is no file `nothing.yaml`"),
        ("nothing", "git:main", "there is no file `nothing`"),
        ("empty", "git:main", "there is no spec in `empty`"),
        ("nothing.yaml", "git:nowhere", "git knows no commit `nowhere`"),
        ("platforms/gone.json", "file:x.json", "there is no file `platforms/gone.json`"),
        ("../nothing.yaml", "git:main", "there is no file `../nothing.yaml`"),
    ],
)
def test_what_neither_side_has_is_one_error(asked: str, against: str, said: str, repository: Path) -> None:
    """Exit status 2 and one reason, whatever else is asked for."""
    (repository / "empty").mkdir()
    for specs in ([asked], ["platforms", asked]):
        status, out, err = run(["plan", *specs, "--against", against], repository)
        assert (status, out, err.count("error: ")) == (2, "", 1), err
        assert said in err


@pytest.mark.parametrize(
    "words",
    [
        ["compile", "platforms/a.json"],
        ["graph", "platforms/a.json", "--tree"],
        ["diff", "platforms/a.json", "--from", "default", "--to", "default"],
        ["schema"],
    ],
)
def test_no_command_writes_over_a_spec(words: list[str], repository: Path) -> None:
    """Neither over the one that it reads nor over any other: one error before there is any work."""
    for name in ("a", "b"):
        status, out, err = run([*words, "-o", f"platforms/{name}.json"], repository)
        assert (status, out, err.count("error: ")) == (2, "", 1), err
        assert f"`platforms/{name}.json` is a spec, and would be lost" in err
    assert git(repository, "status", "--short") == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--write", "json=platforms/a.json"], "is a spec, and would be lost"),
        (["--format", "html", "-o", "./platforms/b.json"], "is a spec, and would be lost"),
        (["--write", "json=x", "--write", "html=./x"], "would be written twice"),
        (["--write", "json=x", "-o", "x"], "would be written twice"),
    ],
)
@pytest.mark.parametrize("asked", ["platforms", "platforms/a.json"])
def test_a_plan_is_not_written_over_what_it_is_of(asked: str, words: list[str], said: str, repository: Path) -> None:
    """One error, and no file is touched."""
    status, out, err = run(["plan", asked, *words], repository)
    assert (status, out, said in err, err.count("error: ")) == (2, "", True, 1), err
    assert git(repository, "status", "--short") == ""


FORMS = ("markdown", "html", "github", "sarif")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("asked", ["platforms/b.json", "platforms"])
def test_errors_of_the_other_side_are_in_every_form(asked: str, form: str, repository: Path) -> None:
    """The comment, the page and the lines say that it was the spec as it was that had errors; nobody reads the last
    run's for this one's, and no line is named of a file that is not there."""
    spec = repository / "platforms/b.json"
    text = spec.read_text()
    spec.write_text(text.replace('"model": "chat"', '"model": "chta"'))
    committed(repository)
    spec.write_text(text)
    committed(repository)
    words = ["plan", asked, "--against", "git:HEAD~1", "--format", form, "--write", "dotenv=plan.env"]
    status, out, err = run(words, repository)
    assert status == 1 and "Traceback" not in err
    assert "the spec as it was in HEAD~1" in out.replace("&#126;", "~"), out
    assert (repository / "plan.env").read_text().startswith("LLMFORM_RISK=unknown\n")
    if form == "github":
        assert out.startswith("::error file=platforms/b.json,line=1,col=1,title=other-side-has-errors::")
        assert "file=HEAD" not in out
    if form == "sarif":
        first = json.loads(out)["runs"][0]["results"][0]
        where = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert (first["level"], where) == ("error", "platforms/b.json")
    if form in ("markdown", "html"):
        assert "cannot be compared" in out and "cannot be compiled" not in out
