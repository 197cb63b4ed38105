"""What a review says beside lines: GitHub's annotations, SARIF, and the values that a job decides by."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.diagnostics import Diagnostic, Severity, Span
from stacks.policy_report import Report
from stacks.render import dotenv_review, github_review
from stacks.render.remarks import Remark, of_diagnostic, remarks, worst_first
from stacks.render.sarif import MOST, sarif
from stacks.review import Broken, Reading, Review, SpecReview
from stacks.risk.finding import Risk
from tests.case_runner import run
from tests.oracles.sarif import problems
from tests.strategies import Written, specs
from tests.test_gate import ENVIRONMENTS, RESTART, change
from tests.test_regressions import QUICKSTART

GONE: dict[str, Any] = {"serving": {}, "models": {}}


def reviewed(after: dict[str, Any], before: dict[str, Any] | None = None) -> Review:
    return Review((change(before or {}, after),))


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Return the workflow commands of a text as a runner reads them (actions/runner, ActionCommand.cs): command,
    properties and message, with the escapes undone."""
    found = []
    for line in text.splitlines():
        head = re.fullmatch(r"::([\w-]+)( [^:]*)?::(.*)", line)
        if head is None:
            continue
        pairs = (pair.partition("=") for pair in (head[2] or "").strip().split(",") if pair)
        found.append((head[1], {name: _undone(value) for name, _, value in pairs}, _undone(head[3])))
    return found


def _undone(value: str) -> str:
    return re.sub("%(25|0A|0D|3A|2C)", lambda m: unquote(m[0]), value)


def test_a_step_stands_beside_the_line_that_caused_it() -> None:
    """`max-num-seqs` is written in the spec: the annotation is at its line, as a warning, since pods restart."""
    review = reviewed(dict(RESTART))
    (step,) = review.specs[0].plan.steps
    where = step.because[0].where
    found = commands(github_review.render(review, Reading()))
    (one,) = [c for c in found if c[1]["title"] == "rolling: serving.chat"]
    assert one[0] == "warning"
    assert f"{one[1]['file']}:{one[1]['line']}:{one[1]['col']}" == where
    assert "restarts" in one[2] and one[2].endswith("in hello.default.us-east-1.workloads")


def test_the_same_step_in_several_stacks_is_one_annotation() -> None:
    """Two environments with the same change and the same line: one remark that counts them."""
    review = reviewed({**ENVIRONMENTS, **RESTART}, dict(ENVIRONMENTS))
    (one,) = [r for r in remarks(review) if r.rule == "risk-rolling"]
    assert one.text.endswith("in 2 stacks, such as hello.dev.us-east-1.workloads")


def test_the_riskiest_come_first_and_ten_of_a_kind_are_printed() -> None:
    """GitHub shows ten of each kind of one step of a job; what is left out is counted."""
    review = reviewed(GONE)
    found = commands(github_review.render(review, Reading()))
    kinds = [kind for kind, _, _ in found]
    assert kinds == sorted(kinds, key=["error", "warning", "notice"].index)
    risks = {"error": Risk.DESTRUCTIVE, "warning": Risk.REPLACING, "notice": Risk.IN_PLACE}
    for kind, place, _ in found:
        if re.match(r"(in-place|rolling|replacing|destructive): ", place["title"]):
            risk = next(r for r in Risk if str(r) == place["title"].partition(":")[0])
            assert risk <= risks[kind] and (kind == "notice" or risk > Risk.IN_PLACE)
    many = [Diagnostic(f"a-{n}", "wrong", Span("s.yaml", n + 1, 1, n + 1, 2)) for n in range(12)]
    text = github_review.render(Review((), (Broken("s.yaml", tuple(many), {}),)), Reading())
    assert len(commands(text)) == 10
    assert text.splitlines()[-1].endswith("2 more errors")


def test_a_policy_that_is_broken_is_an_error_and_advice_comes_last() -> None:
    """A privileged pod breaks a mandatory policy."""
    pod = {"spec": {"template": {"spec": {"containers": [{"name": "vllm", "securityContext": {"privileged": True}}]}}}}
    review = reviewed({"patches": [{"match": "serving.chat/Deployment/chat", "merge": pod}]})
    found = remarks(review)
    assert (found[0].level, found[0].rule) == ("error", "pods-unprivileged")
    assert found[-1].level == "note"


@given(st.text(), st.text(), st.text())
def test_no_text_leaves_its_annotation(file: str, title: str, message: str) -> None:
    """Whatever a name, a code or a message holds: one line, one command, and the runner reads back what was meant."""
    diagnostic = Diagnostic(title, message, Span(file, 1, 1, 1, 2))
    text = github_review.render(Review((), (Broken(file, (diagnostic,), {}),)), Reading())
    assert len(re.split(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]", text.rstrip("\n"))) == 1
    ((kind, place, _),) = commands(text)
    assert kind == "error" and set(place) == {"file", "line", "col", "endColumn", "title"}
    assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in text[:-1])


@given(specs(patched=False))
def test_any_plan_is_a_sound_log(spec: Written) -> None:
    """SARIF of a plan against nothing and of a check keeps to the standard and to GitHub's limits."""
    from stacks.compile import compile_spec
    from stacks.plan import Against, plan
    from stacks.policy_report import report

    made = compile_spec(spec.data, "dir with blank/spec #1.json", spec.folder)
    assert made.compilation is not None
    review = SpecReview(
        "dir with blank/spec #1.json",
        plan(None, made.compilation, Against()),
        made.diagnostics,
        {},
        report(made.compilation, made.loaded, "2026-11-21"),
    )
    assert problems(json.loads(sarif(remarks(Review((review,)))))) == []


def test_fingerprints_stay_when_lines_move(tmp_path: Path) -> None:
    """A comment above moves every line: the remarks are the same to a viewer, with their new lines."""
    logs = []
    for text in ("", "# one more line\n\n"):
        (tmp_path / "spec.yaml").write_text(text + json.dumps(QUICKSTART, indent=1))
        status, out, _ = run(["plan", "spec.yaml", "--format", "sarif"], tmp_path)
        assert status == 0
        logs.append(json.loads(out)["runs"][0]["results"])
    prints = [[r["partialFingerprints"] for r in results] for results in logs]
    assert prints[0] == prints[1] and logs[0] != logs[1]


def test_a_rule_brings_its_page(tmp_path: Path) -> None:
    """The help of a rule is the page that `llmform explain` prints."""
    (tmp_path / "spec.yaml").write_text("a: 1\n")
    status, out, _ = run(["check", "spec.yaml", "--format", "sarif"], tmp_path)
    log = json.loads(out)
    assert status == 1 and problems(log) == []
    rule = log["runs"][0]["tool"]["driver"]["rules"][0]
    assert rule["help"]["markdown"] == run(["explain", rule["id"]], tmp_path)[1]


def test_a_sound_spec_is_a_log_without_results(tmp_path: Path) -> None:
    """An upload without results closes what was open; an empty file would be refused."""
    target = {"us-east-1": {**QUICKSTART["targets"]["us-east-1"], "account": "123456789012"}}
    (tmp_path / "spec.yaml").write_text(json.dumps(QUICKSTART | {"targets": target}))
    status, out, _ = run(["check", "spec.yaml", "--format", "sarif"], tmp_path)
    assert (status, json.loads(out)["runs"][0]["results"], problems(json.loads(out))) == (0, [], [])


@pytest.mark.parametrize("text", ["see [this](https://evil.example)", "{0} and {12}", "\x1b[31mred", "<b>x</b>"])
def test_a_message_is_plain_text(text: str) -> None:
    """Viewers turn `[text](uri)` into links and fill in `{0}` (SARIF 3.11.5, 3.11.6): neither comes from a spec."""
    log = json.loads(sarif([of_diagnostic(Diagnostic("code", text, Span("s.yaml", 1, 1, 1, 2)))]))
    said = log["runs"][0]["results"][0]["message"]["text"]
    assert "](" not in said and not re.search(r"(?<!\{)\{\d+\}", said) and "\x1b" not in said


def test_more_results_than_github_shows_are_counted() -> None:
    """The worst are kept, and a notification says how many are not there."""
    many = [Remark("note", "code", "s.yaml", n + 1, 1, "code", "text", ("code", str(n))) for n in range(MOST + 7)]
    worst = Remark("error", "other", "s.yaml", 1, 1, "other", "text", ("other",))
    log = json.loads(sarif(worst_first([*many, worst])))
    assert problems(log) == []
    (run_,) = log["runs"]
    assert len(run_["results"]) == MOST and run_["results"][0]["ruleId"] == "other"
    assert "8 more results" in run_["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_values_say_what_is_known() -> None:
    """The risk, the costs (not known here) and the stacks that change, one of three."""
    text = dotenv_review.render(reviewed(dict(RESTART)), Reading())
    assert text.splitlines() == [
        "LLMFORM_RISK=rolling",
        "LLMFORM_MONTHLY_CHANGE=",
        "LLMFORM_STACKS=1",
        "LLMFORM_CHANGES=true",
        "LLMFORM_FAILS=false",
    ]
    broken = Broken("s.yaml", (Diagnostic("a", "b", Span("s.yaml", 1, 1, 1, 2), severity=Severity.ERROR),), {})
    assert "LLMFORM_RISK=unknown\n" in dotenv_review.render(Review((), (broken,)), Reading())


def test_every_form_can_be_written_beside_another(tmp_path: Path) -> None:
    """`--write` gives the files the same text as `--format` prints."""
    (tmp_path / "spec.yaml").write_text(json.dumps(QUICKSTART))
    forms = ("json", "sarif", "dotenv", "github")
    words = [word for form in forms for word in ("--write", f"{form}={form}.out")]
    assert run(["plan", "spec.yaml", *words], tmp_path)[0] == 0
    for form in forms:
        assert (tmp_path / f"{form}.out").read_text() == run(["plan", "spec.yaml", "--format", form], tmp_path)[1]


@pytest.mark.parametrize("given", ["json", "json=", "pdf=a.pdf", "=a", "json=missing/a.json"])
def test_a_form_that_cannot_be_written_is_one_error(given: str, tmp_path: Path) -> None:
    """Exit status 2, nothing printed, nothing written."""
    (tmp_path / "spec.yaml").write_text(json.dumps(QUICKSTART))
    status, out, err = run(["plan", "spec.yaml", "--write", given], tmp_path)
    assert (status, out, len(err.splitlines()) <= 2, list(tmp_path.iterdir())) == (
        2,
        "",
        True,
        [tmp_path / "spec.yaml"],
    )


def test_a_report_without_findings_gives_no_remarks() -> None:
    """A plan of nothing has nothing to say beside lines but what was there before."""
    review = reviewed({})
    (one,) = review.specs
    quiet = SpecReview(one.file, one.plan, (), {}, Report((), (), {}))
    assert remarks(Review((quiet,))) == ()


def test_the_judge_of_logs_refuses_what_is_wrong() -> None:
    """A judge that takes everything would prove nothing."""
    good = json.loads(sarif([of_diagnostic(Diagnostic("code", "text", Span("a b.yaml", 2, 1, 2, 5)))]))
    assert problems(good) == []
    for path, value in (
        (("version",), "2.0.0"),
        (("runs", 0, "results", 0, "level"), "notice"),
        (("runs", 0, "results", 0, "ruleIndex"), -2),
        (("runs", 0, "results", 0, "ruleId"), "other"),
        (("runs", 0, "results", 0, "text"), "x"),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "region", "startLine"), 0),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "region", "endLine"), 1),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "artifactLocation", "uri"), "a b.yaml"),
    ):
        wrong: Any = json.loads(json.dumps(good))
        at = wrong
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        assert problems(wrong), path
