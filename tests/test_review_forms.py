"""The comment and the page on a review: their size whatever the fleet, what they say, and that they are the same bytes
each time."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from functools import cache
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from docs import pictures
from specs.diagnostics import Diagnostic, Severity, Span
from stacks.compilation import Compilation
from stacks.compile import Compiled, compile_spec
from stacks.cost.values import Cost, CostChange, Line, Price, Range, StackLabels, Unpriced, joined
from stacks.picture import picture
from stacks.plan import Against, plan
from stacks.policy_report import Judged, Report
from stacks.render.cost import cost_line
from stacks.render.markdown import place
from stacks.render.reviews import rendered
from stacks.render.told import told
from stacks.render.word_diff import Part, sides
from stacks.review import Broken, Reading, Review, SpecReview
from stacks.steps import StackPlan
from tests.case_runner import run
from tests.memory_files import MemoryFiles
from tests.reviews import comment, page, review_of

GIT = Against("git", "main (4f21c0e)")
REVISION = "a09a35458c702b33eeacc393d103063234e8bc28"


def compiled(targets: int, environments: int, value: int) -> Compiled:
    """Return a spec of many on-prem clusters; each environment at each target is one stack. `value` is a server's
    argument."""
    names = [f"cluster-{t:03}" for t in range(targets)]
    spec = {
        "apiVersion": "llmform/v1",
        "name": "fleet",
        "models": {"chat": f"hf://Qwen/Qwen2.5-7B-Instruct@{REVISION}"},
        "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": 3}},
        "serving": {"chat": {"model": "chat", "pool": "l40s", "args": {"max-num-seqs": value}}},
        "targets": {
            name: {"provider": "on-prem", "kubeContext": name, "addons": "existing", "storage": {"shared": "cephfs"}}
            for name in names
        },
        "environments": {f"env-{e}": {"targets": names} for e in range(environments)},
    }  # fmt: skip
    made = compile_spec(json.dumps(spec).encode(), "spec.yaml", MemoryFiles({}))
    assert made.compilation is not None, made.diagnostics
    return made


@cache
def fleet(targets: int, environments: int) -> Review:
    """Return the review of a change of every stack, with the picture of each."""
    before, after = (compiled(targets, environments, value).compilation for value in (64, 4096))
    assert before is not None and after is not None
    made = plan(before, after, GIT)
    old = {s.name: s for s in before.stacks}
    pictures = {s.name: picture(old[s.name], s, ()) for s in after.stacks}
    review = review_of(made)
    return Review((replace(review.specs[0], pictures=pictures),))


def checked(review: Review) -> tuple[str, int]:
    """Return the comment and how many changes it counts; both forms are small enough, and leave nothing out."""
    html, text = page(review), rendered(review, "markdown", Reading())
    assert len(html.encode()) < 2_000_000
    assert len(text.encode()) <= 65_000
    assert len(text.encode("utf-16-le")) // 2 <= 65_536
    rows = sum(line.startswith("| **rolling**") for line in text.splitlines())
    counted = re.search(r"^- … and ([\d,]+) more changes of risk rolling in ([\d,]+) stacks$", text, re.MULTILINE)
    left = int(counted[1].replace(",", "")) if counted else 0
    assert rows + left == len(told(review))
    cards = html.count('<article class="change"') + html.count('<li class="change short"')
    more = re.search(r"… and ([\d,]+) more changes", html)
    assert cards + (int(more[1].replace(",", "")) if more else 0) == len(told(review))
    return text, left


def at(stack: StackPlan, name: str, number: int) -> StackPlan:
    """Return the stack under another name, with a change of its own."""
    steps = tuple(
        replace(s, stack=name, findings=tuple(replace(f, reason=f"{f.reason} ({number})") for f in s.findings))
        for s in stack.steps
    )
    _, environment, target, _ = name.split(".")
    return replace(stack, name=name, environment=environment, target=target, steps=steps)


def test_the_same_change_of_a_thousand_stacks() -> None:
    """Ten specs of 100 stacks each: one row, that says in how many."""
    own = fleet(100, 1).specs[0]
    review = Review(tuple(replace(own, file=f"{n}.yaml") for n in range(10)))
    text, left = checked(review)
    assert left == 0 and text.count("| **rolling**") == 1
    assert "the same in 1,000 stacks, e.g. " in text


def test_a_thousand_stacks_that_all_change_in_their_own_way() -> None:
    """A page of less than 2 MB, a comment of at most 65,000 bytes, and every change in both, told or counted."""
    own = fleet(1, 1).specs[0]
    [stack] = own.plan.stacks
    stacks = [at(stack, f"fleet.env-{n // 100}.cluster-{n:04}.workloads", n) for n in range(1_000)]
    text, left = checked(Review((replace(own, plan=replace(own.plan, stacks=tuple(stacks))),)))
    assert left > 500
    assert "1000 of 1,000 stacks change" in text.replace("1,000 of", "1000 of")


def test_the_same_review_gives_the_same_bytes() -> None:
    """A page has no date and no chance in it."""
    review = fleet(2, 2)
    assert page(review) == page(review)
    assert rendered(review, "markdown", Reading()) == rendered(review, "markdown", Reading())


class Addresses(HTMLParser):
    """Every attribute that a browser may follow."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attributes if name in ("href", "src", "action", "srcset", "data")]


def test_a_page_needs_no_network() -> None:
    """No address but its own anchors, no `url(` in its style, and a policy that refuses all else."""
    text = page(fleet(2, 2))
    assert all(a.startswith("#") for a in Addresses(text).found)
    assert "url(" not in text and "@import" not in text
    assert "default-src &#39;none&#39;" in text


def test_a_change_that_some_stacks_make_with_others_is_told_with_the_rest() -> None:
    """Two environments, one change: one row, both stacks in it."""
    [only] = [t for t in told(fleet(1, 2)) if t.step.component == "serving.chat"]
    assert [s.environment for s in only.stacks] == ["env-0", "env-1"]


def diagnostic(message: str, line: int = 1) -> Diagnostic:
    return Diagnostic("some-code", message, Span("spec.yaml", line, 1, line, 2), severity=Severity.WARNING)


def test_a_long_list_is_counted_and_no_message_cut() -> None:
    """5,000 warnings: those that fit are whole, the others are a number."""
    made = fleet(1, 1).specs[0].plan
    text = comment(made, [diagnostic(f"warning number {n} of many, in some words", n) for n in range(1, 5_001)])
    assert len(text.encode()) <= 65_000
    shown = [line for line in text.splitlines() if "warning number" in line and line.startswith("- ")]
    assert all(line.endswith("of many, in some words") for line in shown)
    left = re.search(r"^- … and ([\d,]+) warnings more$", text, re.MULTILINE)
    assert left is not None and len(shown) + int(left[1].replace(",", "")) == 5_000


def test_a_text_that_alone_is_too_long_is_said_to_be() -> None:
    """A message of a megabyte is no message; its length is."""
    made = fleet(1, 1).specs[0].plan
    text = comment(made, [diagnostic("x" * 1_000_000)])
    assert len(text.encode()) <= 65_000 and "(a text of 1,000,000 characters)" in text


def test_specs_with_errors_are_told_first() -> None:
    """A spec that cannot be compiled stands above the plan of the others, in both forms."""
    good = fleet(1, 1).specs[0]
    broken = Broken("other.yaml", (replace(diagnostic("is not a key"), severity=Severity.ERROR),), {})
    for review, many in ((Review((good,), (broken,)), 1), (Review((), (broken, broken)), 2)):
        text, html = rendered(review, "markdown", Reading()), page(review)
        assert text.index("error&#91;some-code&#93;: is not a key") < (text + "| Risk").index("| Risk")
        assert "is not a key" in html and "other.yaml cannot be compiled" in html
        assert f"{many} spec{'s' if many > 1 else ''} cannot be compiled" in text
        assert "To be mended first" in html


@pytest.mark.parametrize(
    ("where", "link"),
    [
        ("a/spec.yaml:3:7", "[`a/spec.yaml:3:7`](https://x.example/r/a/spec.yaml#L3)"),
        ("./spec.yaml:3:7", "[`./spec.yaml:3:7`](https://x.example/r/spec.yaml#L3)"),
        ("a b(1).yaml:3:7", "[`a b(1).yaml:3:7`](https://x.example/r/a%20b%281%29.yaml#L3)"),
        ("ä.yaml:3:7", "[`ä.yaml:3:7`](https://x.example/r/%C3%A4.yaml#L3)"),
        ("../spec.yaml:3:7", "`../spec.yaml:3:7`"),
        ("/etc/spec.yaml:3:7", "`/etc/spec.yaml:3:7`"),
        ("4f21c0e:spec.yaml:3:7", "`4f21c0e:spec.yaml:3:7`"),
        ("", ""),
    ],
)
def test_a_place_is_a_link_below_the_base(where: str, link: str) -> None:
    """Percent-encoded as RFC 3986 says; a file elsewhere, or of another commit, has no link."""
    assert place(where, "https://x.example/r/") == link


def test_an_address_that_could_end_a_link_is_refused(tmp_path: Path) -> None:
    """What stands in the address of a link is checked once, where it is given."""
    for base in ("javascript:alert(1)", "https://x.example/a)b", "https://x.example/ a", "ftp://x.example", "x"):
        status, out, err = run(["plan", "spec.yaml", "--format", "markdown", "--link-base", base], tmp_path)
        assert (status, out) == (2, "") and "is no address of a folder" in err


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """`-o` into a folder that is not there is one error, and leaves nothing behind."""
    assert run(["init", "spec.yaml"], tmp_path)[0] == 0
    status, out, _ = run(["plan", "spec.yaml", "--format", "html", "-o", "r.html"], tmp_path)
    assert (status, out) == (0, "")
    assert (tmp_path / "r.html").read_text() == run(["plan", "spec.yaml", "--format", "html"], tmp_path)[1]
    status, out, err = run(["plan", "spec.yaml", "-o", "no/such/r.txt"], tmp_path)
    assert (status, out) == (2, "") and "cannot be written" in err
    assert {p.name for p in tmp_path.iterdir()} == {"spec.yaml", "r.html"}


# ---- cost ----


def cost(minimum: int, expected: int | None, maximum: int) -> Cost:
    """Return the cost of one stack with one priced line and one item without a price."""
    range_ = Range(Decimal(minimum), None if expected is None else Decimal(expected), Decimal(maximum))
    price = Price(Decimal("1.86"), "hour", "a list", "2026-07-20")
    line = Line("a.prod.t.platform", "pool", "pool", "spec.yaml:1:1", "", "g6e.xlarge", "1", price, range_)
    labels = StackLabels("a.prod.t.platform", "prod", "t", "")
    return Cost((labels,), (line,), (Unpriced("a.prod.t.platform", "network", "", "", "data transfer", "unknown"),))


def test_the_cost_of_several_specs_is_their_sum() -> None:
    """Twice $1,000 → $1,500 at minimum is $2,000 → $3,000, and twice $2,000 → $4,000 at maximum $4,000 → $8,000; what
    is not priced is named once."""
    change = CostChange(cost(1_000, 1_200, 2_000), cost(1_500, 1_900, 4_000))
    assert cost_line(joined([change, change])) == (
        "Cost: +$1,000/month at minimum ($2,000 → $3,000). +$4,000/month at maximum ($4,000 → $8,000). "
        "Not priced: data transfer."
    )


def test_a_review_with_prices_shows_them_in_both_forms() -> None:
    """The comment has a line, the page a chart with the numbers beside it; without prices there is neither."""
    own = fleet(1, 1).specs[0]
    for form in ("markdown", "html"):
        assert "at minimum" not in rendered(Review((own,)), form, Reading())
    priced = Review((replace(own, cost=CostChange(cost(1_000, 1_200, 2_000), cost(1_500, 1_900, 4_000))),))
    text, html = rendered(priced, "markdown", Reading()), page(priced)
    assert "**Cost**: +$500/month at minimum" in text.replace("&#36;", "$").replace("<!-- -->", "")
    for cell in ("<td>$1,000</td>", "<td>$1,200</td>", "<td>$4,000</td>", "data transfer"):
        assert cell in html
    assert 'width="600"' in html and 'width="225"' in html  # 1,500 of 4,000, of 600 units


# ---- both sides of a value ----


def test_the_words_that_differ_are_marked() -> None:
    """Only the number of an argument is another."""
    assert sides("--seqs=64", "--seqs=128") == (
        (Part("same", "--seqs="), Part("other", "64")),
        (Part("same", "--seqs="), Part("other", "128")),
    )


def test_of_a_long_value_what_differs_is_shown() -> None:
    """A megabyte of the same before one word: both its ends are shown, and how much there is between."""
    long = "word " * 200_000
    before, after = sides(f"{long}old", f"{long}new")
    assert [p.kind for p in before] == ["same", "gap", "same", "other"]
    assert before[1].text == "… 999,600 more characters …"
    assert (before[-1].text, after[-1].text) == ("old", "new")


def test_a_broken_mandatory_policy_stands_above_the_table() -> None:
    """What has to be mended first is read first; advice is folded."""
    found = tuple(
        Judged("images-pinned", level, f"text of {level}", "node", "", False, "", "spec.yaml:1:1", "", ("a",))
        for level in ("mandatory", "advisory")
    )  # fmt: skip
    text = comment(fleet(1, 1).specs[0].plan, policies=Report(found, (), {}))
    assert text.index("text of mandatory") < text.index("| Risk") < text.index("text of advisory")
    assert text.index("<details>") < text.index("text of advisory")


def test_one_review_of_many_specs() -> None:
    """Hundreds of specs are one comment with one verdict."""
    own = fleet(1, 1).specs[0]
    many = Review(tuple(SpecReview(f"{n}.yaml", own.plan, (), {}, own.policies) for n in range(300)))
    text = rendered(many, "markdown", Reading())
    assert "300 of 300 stacks change" in text and len(text.encode()) <= 65_000
    assert len(page(many).encode()) < 2_000_000


@pytest.mark.parametrize("shot", pictures.SHOTS, ids=lambda shot: shot.name)
def test_the_pictures_of_the_docs_are_current(shot: pictures.Shot) -> None:
    """A picture is of the page as it is now, and of the change that its guide makes. After a change of the page,
    `python -m docs.pictures` takes it again."""
    assert shot.digest == (pictures.HERE / f"{shot.name}.sha256").read_text()
    guide = (pictures.GUIDES / shot.guide).read_text()
    assert f"](../pictures/{shot.name}.png)" in guide
    for old, new in shot.edits:
        assert f"-{old}" + (f"+{new}" if new else "") in guide
    assert (pictures.HERE / f"{shot.name}.png").stat().st_size < 500_000


def test_a_page_says_what_was_decided_and_why() -> None:
    """A smaller pool makes servers roll out without a spare: nobody wrote that, and it is what has to be read. Of 3
    GPUs 2 replicas use 2, so that one is free for a successor; of 2 none is."""

    def sized(count: int) -> Compilation:
        spec = {
            "apiVersion": "llmform/v1",
            "name": "hello",
            "models": {"chat": f"hf://Qwen/Qwen2.5-7B-Instruct@{REVISION}"},
            "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": count}},
            "serving": {"chat": {"model": "chat", "pool": "l40s", "replicas": 2}},
            "targets": {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}},
        }
        made = compile_spec(json.dumps(spec).encode(), "spec.yaml", MemoryFiles({})).compilation
        assert made is not None
        return made

    shown = unescape(re.sub(r"</?code>", "`", page(review_of(plan(sized(3), sized(2), GIT)))))
    decided = 'So</b> `serving.chat.rollout` "maxSurge 1, maxUnavailable 0" → "maxSurge 0, maxUnavailable 1"'
    assert f"{decided} (pool `l40s` has at most 2 GPUs and its servers use 2: a replica stops before" in shown
