"""`llmform review gate`: what a change needs, judged by the rules on both sides of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from specs.load import load
from specs.units import Money
from stacks.compile import compile_spec
from stacks.cost.values import Cost, CostChange, Line, Price, Range, StackLabels, Unpriced
from stacks.gate import Given, Verdict, gate
from stacks.plan import Against, plan
from stacks.policy_report import report
from stacks.review import SpecReview
from stacks.review_rules import rules_of
from tests.case_runner import _environment, run
from tests.test_regressions import QUICKSTART

Json = Mapping[str, Any]

ENVIRONMENTS: Json = {"environments": {"dev": {}, "prod": {}}}
RESTART: Json = {"serving": {"chat": {"model": "chat", "pool": "l40s", "args": {"max-num-seqs": 64}}}}
ARGS_IN_PROD: Json = {"environments": {"dev": {}, "prod": {"overlay": {"serving.chat.args": {"max-num-seqs": 64}}}}}


def change(before: Json | None, after: Json, cost: CostChange | None = None) -> SpecReview:
    """Return the change from one spec to another, each given as what differs from the quickstart."""
    new = json.dumps(QUICKSTART | dict(after)).encode()
    made = compile_spec(new, "spec.json")
    assert made.compilation is not None, made.diagnostics
    old = compile_spec(json.dumps(QUICKSTART | dict(before)).encode(), "main:spec.json") if before is not None else None
    against = Against("git", "main (0000000)")
    sides = [rules_of(old.loaded, "main")] if old else []
    return SpecReview(
        "spec.json",
        plan(old.compilation if old else None, made.compilation, against),
        made.diagnostics,
        {},
        report(made.compilation, made.loaded, "2026-11-21"),
        cost,
        rules=(*sides, rules_of(made.loaded, "this change")),
    )


def judged(
    before: Json | None, after: Json, cost: CostChange | None = None, *labels: str, approvals: int = 0
) -> Verdict:
    return gate([change(before, after, cost)], Given(frozenset(labels), approvals))


def rules(**named: Json) -> Json:
    return {"review": named}


RISKY = rules(risky={"risk": "rolling", "labels": ["restart ok"], "approvals": 2})


@pytest.mark.parametrize(
    ("labels", "approvals", "missing"),
    [
        ((), 0, (("restart ok",), 2)),
        (("restart ok",), 1, ((), 1)),
        (("other",), 2, (("restart ok",), 0)),
        (("restart ok", "other"), 2, ((), 0)),
    ],
)
def test_a_rule_asks_for_labels_and_people(labels: tuple[str, ...], approvals: int, missing: tuple[Any, int]) -> None:
    """All of its labels and its number of approvals; more is fine."""
    verdict = judged(RISKY, {**RISKY, **RESTART}, None, *labels, approvals=approvals)
    assert (verdict.missing_labels, verdict.missing_approvals) == missing
    assert verdict.passes == (missing == ((), 0))


@pytest.mark.parametrize(
    ("least", "holds"), [("in-place", True), ("rolling", True), ("replacing", False), ("destructive", False)]
)
def test_a_risk_counts_from_the_named_one_on(least: str, holds: bool) -> None:
    """A change of `args` restarts the server's pods (rolling): in-place rules hold too, larger ones do not."""
    made = rules(r={"risk": least, "approvals": 1})
    assert bool(judged(made, {**made, **RESTART}).demands) == holds


def test_nothing_is_asked_for_a_change_of_nothing() -> None:
    """Also not by a rule on costs, whose costs are not known: what does not change costs what it did."""
    made = rules(r={"risk": "in-place", "approvals": 1}, c={"monthlyIncrease": "$1", "approvals": 1})
    verdict = judged(made, made)
    assert verdict.passes and verdict.demands == ()


@pytest.mark.parametrize(("names", "holds"), [(["prod"], True), (["dev"], False), (["dev", "prod"], True)])
def test_a_rule_can_be_kept_to_environments(names: list[str], holds: bool) -> None:
    """The overlay of prod alone changes."""
    made = rules(r={"risk": "rolling", "environments": names, "approvals": 1})
    assert bool(judged({**ENVIRONMENTS, **made}, {**ARGS_IN_PROD, **made}).demands) == holds


def test_a_rule_can_be_kept_to_targets() -> None:
    """A rule of another target does not hold."""
    two = {
        "targets": {**QUICKSTART["targets"], "eu-west-1": {**QUICKSTART["targets"]["us-east-1"], "region": "eu-west-1"}}
    }
    for target, holds in (("us-east-1", True), ("eu-west-1", False)):
        made = rules(r={"risk": "rolling", "targets": [target], "approvals": 1})
        overlay = {"overlay": {"serving.chat.args": {"max-num-seqs": 64}}}
        after = {"targets": {**two["targets"], "us-east-1": {**two["targets"]["us-east-1"], **overlay}}}
        assert bool(judged({**two, **made}, {**after, **made}).demands) == holds


LOOSENED: dict[str, Json] = {
    "the rule is gone": {},
    "it asks for fewer": rules(risky={"risk": "rolling", "labels": ["restart ok"], "approvals": 1}),
    "it asks for no label": rules(risky={"risk": "rolling", "approvals": 2}),
    "it holds from a larger risk on": rules(risky={"risk": "destructive", "labels": ["restart ok"], "approvals": 2}),
    "it is kept to another environment": {
        **ENVIRONMENTS,
        **rules(risky={"risk": "rolling", "environments": ["dev"], "labels": ["restart ok"], "approvals": 2}),
    },
    "it has another name": rules(calm={"risk": "rolling", "approvals": 1}),
}


@pytest.mark.parametrize("how", LOOSENED)
def test_a_change_that_loosens_a_rule_does_not_wave_itself_through(how: str) -> None:
    """The rules before the change count too: what they ask for is still missing."""
    environments = ENVIRONMENTS if "environments" in LOOSENED[how] else {}
    verdict = judged({**environments, **RISKY}, {**environments, **LOOSENED[how], **RESTART}, None, approvals=1)
    assert verdict.missing_labels == ("restart ok",) and verdict.missing_approvals == 1
    assert any(d.side == "main" for d in verdict.demands)


def test_a_change_that_tightens_a_rule_is_judged_by_it() -> None:
    """The rules after the change count as well, so that the stricter of both holds."""
    stricter = rules(risky={"risk": "rolling", "labels": ["restart ok", "sre"], "approvals": 3})
    verdict = judged(RISKY, {**stricter, **RESTART})
    assert verdict.missing_labels == ("restart ok", "sre") and verdict.missing_approvals == 3


def test_the_same_rule_on_both_sides_is_told_once() -> None:
    """With its line as it is now."""
    (only,) = judged(RISKY, {**RISKY, **RESTART}).demands
    assert only.side == "" and only.where.startswith("spec.json:")


def cost(stack: str, environment: str, minimum: int, *unpriced: Unpriced) -> Cost:
    price = Price(Decimal(1), "hour", "a list", "2026-11-01")
    monthly = Range(Decimal(minimum), None, Decimal(minimum * 9))
    line = Line(stack, "nodePools.l40s", "nodePools.l40s", "spec.json:1:1", "", "nodes", "1", price, monthly)
    return Cost((StackLabels(stack, environment, "us-east-1", ""),), (line,), unpriced)


def costly(before: int | None, after: int, *unpriced: Unpriced, **narrowed: Any) -> Verdict:
    """Judge a change in prod whose priced minimum goes from one sum to another, by a rule of $5,000 a month."""
    stack = "hello.prod.us-east-1.platform"
    old = cost(stack, "prod", before) if before is not None else None
    made = {**rules(costly={"monthlyIncrease": "$5000", "approvals": 1, **narrowed})}
    return judged(
        {**ENVIRONMENTS, **made}, {**ARGS_IN_PROD, **made}, CostChange(old, cost(stack, "prod", after, *unpriced))
    )


@pytest.mark.parametrize(
    ("before", "after", "holds"),
    [(1000, 5999, False), (1000, 6000, True), (9000, 1000, False), (None, 5000, True), (None, 4999, False)],
)
def test_a_rise_of_costs_counts_from_the_sum_on(before: int | None, after: int, holds: bool) -> None:
    """$6,000 - $1,000 = $5,000 holds, a dollar less does not; without a side before, all of it is the rise."""
    assert bool(costly(before, after).demands) == holds


def test_costs_of_other_environments_do_not_count() -> None:
    """A rule that is kept to dev does not count what prod costs."""
    assert costly(0, 9000, environments=["dev"]).demands == ()


def test_costs_that_nobody_knows_need_the_consent() -> None:
    """Without prices a rule on costs is never passed in silence: it holds, and says why."""
    made = rules(costly={"monthlyIncrease": "$5000", "approvals": 1})
    (only,) = judged(made, {**made, **RESTART}).demands
    assert not only.met and not only.known and only.reason == "what the change costs is not known"
    assert judged(made, {**made, **RESTART}, None, approvals=1).passes


def test_what_has_no_price_is_said() -> None:
    """A rise below the sum passes, with what it does not count: what depends on use no spec says."""
    stack = "hello.prod.us-east-1.platform"
    data = Unpriced(
        stack, "network", "network", "spec.json:1:1", "data transfer", "its amount is not known", by_use=True
    )
    verdict = costly(0, 4000, data)
    assert verdict.passes
    assert verdict.notes == ("costly: not counted: data transfer of network is not priced (its amount is not known)",)


def test_growth_without_a_price_needs_the_consent() -> None:
    """Nodes that nobody has a price for may cost any sum: the rule holds, and names them. Such nodes that were there
    before make no rise."""
    stack = "hello.prod.us-east-1.platform"
    nodes = Unpriced(stack, "nodePools.l40s", "nodePools.l40s", "spec.json:1:1", "8 × g6e.xlarge", "no price is known")
    (only,) = costly(0, 100, nodes).demands
    assert not only.met and not only.known and only.reason == "what the change costs is not known"
    made = rules(costly={"monthlyIncrease": "$5000", "approvals": 1})
    side = cost(stack, "prod", 100, nodes)
    assert judged({**ENVIRONMENTS, **made}, {**ARGS_IN_PROD, **made}, CostChange(side, side)).passes


def test_a_rule_with_risk_and_costs_holds_for_a_change_that_is_both() -> None:
    """All conditions of a rule hold together; two rules are two."""
    assert costly(0, 9000, risk="rolling").demands
    assert not costly(0, 9000, risk="destructive").demands
    assert not costly(0, 100, risk="rolling").demands


def test_an_amount_is_one_of_a_month() -> None:
    """`$2k/month` is $2,000; it is the same without its period."""
    for text in ("$2k/month", "$2000"):
        made = load(
            json.dumps(QUICKSTART | dict(rules(c={"monthlyIncrease": text, "approvals": 1}))).encode(), "s.json"
        )
        assert made.cases[0].spec.review["c"].monthly_increase == Money(Decimal(2000))


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, env=_environment(), check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "spec.json").write_text(json.dumps(QUICKSTART | dict(RISKY)))
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "a")
    (tmp_path / "spec.json").write_text(json.dumps(QUICKSTART | dict(RESTART)))
    return tmp_path


def test_the_command_exits_by_what_is_missing(repository: Path) -> None:
    """1 with what is missing, 0 without; the rule that the change removed is read from the commit."""
    words = ["review", "gate", "spec.json", "--against", "git:main"]
    status, out, err = run(words, repository)
    assert (status, err) == (1, "")
    assert out.splitlines()[-1] == "Missing: the label restart ok and 2 approvals."
    status, out, _ = run([*words, "--labels", "a, restart ok", "--approvals", "2"], repository)
    assert (status, out.splitlines()[-1]) == (0, "Passed: 1 rule met.")


def test_the_json_says_what_the_text_says(repository: Path) -> None:
    """`passes`, what is missing, and each rule with its side and place."""
    status, out, _ = run(
        ["review", "gate", "spec.json", "--against", "git:main", "--approvals", "1", "--format", "json"], repository
    )
    made = json.loads(out)
    assert (status, made["passes"], made["missing"]) == (1, False, {"labels": ["restart ok"], "approvals": 1})
    (rule,) = made["rules"]
    assert rule["rule"] == "risky" and rule["side"].startswith("main (") and rule["where"].startswith("main:spec.json:")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["gate", "spec.json"], 2, "--against"),
        (["gate", "spec.json", "--against", "file:spec.json"], 2, "only a commit has them"),
        (["gate", "spec.json", "--against", "git:nowhere"], 2, "git knows no commit `nowhere`"),
        (["gate", "spec.json", "--against", "git:main", "--approvals", "-1"], 2, "--approvals"),
        (["gate", "spec.json", "--against", "git:main", "--approvals", "many"], 2, "is no number of people"),
        ([], 2, "llmform review gate"),
    ],
)
def test_wrong_usage_is_one_error(words: list[str], status: int, said: str, repository: Path) -> None:
    """Nothing is passed because it could not be judged."""
    code, out, err = run(["review", *words], repository)
    assert (code, out) == (status, "") and said in err


def test_a_base_with_errors_passes_nothing(repository: Path) -> None:
    """Whose rules cannot be read is not without rules."""
    (repository / "spec.json").write_text("{}")
    git(repository, "commit", "-qam", "broken")
    (repository / "spec.json").write_text(json.dumps(QUICKSTART))
    status, _, err = run(["review", "gate", "spec.json", "--against", "git:main"], repository)
    assert status == 1 and "has errors" in err


def test_a_new_spec_is_judged_by_its_own_rules_and_says_so(repository: Path) -> None:
    """Before the change there was none."""
    (repository / "new.json").write_text(json.dumps(QUICKSTART | dict(RISKY)))
    status, out, _ = run(["review", "gate", "new.json", "--against", "git:main"], repository)
    assert "new.json is not in main" in " ".join(out.split())
    assert (status, out.splitlines()[-1]) == (0, "No rule holds for this change, of 1 rule: nothing is asked for.")


def test_several_specs_are_judged_together(repository: Path) -> None:
    """The same people approve all of it: the largest number counts, and every label."""
    one = change(RISKY, {**RISKY, **RESTART})
    other = rules(more={"risk": "rolling", "labels": ["sre"], "approvals": 3})
    two = change(other, {**other, **RESTART})
    verdict = gate([one, replace(two, file="b.json")], Given(frozenset(), 1))
    assert verdict.missing_labels == ("restart ok", "sre") and verdict.missing_approvals == 2
