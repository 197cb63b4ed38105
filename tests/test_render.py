"""Values → text: what people and programs read, and that nothing a user wrote can steer what they see."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.graph import Component, Graph, Node, Ref, assemble
from components.resolve.platform import Explained
from specs.diagnostics import Diagnostic, Label, Severity, Span
from stacks.plan import Against, plan
from stacks.render.diagnostics import as_json, concise, github, human
from stacks.render.human_plan import human_plan
from stacks.render.json_plan import json_plan
from stacks.render.markdown import escaped
from stacks.render.style import Style, display_width, safe, wrap
from stacks.sensitive import HIDDEN, masked
from tests.graph_strategies import compilation, pairs
from tests.reviews import comment

GIT = Against("git", "main (4f21c0e)", "1.0.0", "2026-11")
COLOUR = Style(colour=True)
HOSTILE = "\x1b[31m\x07\x9b2J\u202eevil\u2028\x00\ud800"

steering = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
texts = st.text(st.characters() | st.sampled_from(HOSTILE + "\t한글👩\u200d🔬e\u0301`|<>&@#"), max_size=40)


def finding(source: str, needle: str, label: str = "here", **more: Any) -> Diagnostic:
    """Return a diagnostic that marks the first place of `needle` in the source."""
    before = source[: source.index(needle)]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    span = Span("a.yaml", line, column, line, column + len(needle))
    return Diagnostic("some-code", more.pop("message", "a message"), span, label=label, **more)


def test_an_error_shows_the_line_and_marks_the_characters() -> None:
    """The form of the style guide: title, place with path, excerpt, help."""
    source = "\n" * 4 + "    engine: {kind: vllm, gpu: {typ: l40s, count: 2}}\n"
    found = finding(
        source,
        "typ",
        "not a key of `gpu`",
        message="unknown key `typ`",
        path="models[0].engine.gpu.typ",
        help="did you mean `type`? keys of `gpu`: `count`, `type`",
    )
    assert human([found], {"a.yaml": source}) == (
        "error[some-code]: unknown key `typ`\n"
        " --> a.yaml:5:32  (models[0].engine.gpu.typ)\n"
        "  |\n"
        "5 |     engine: {kind: vllm, gpu: {typ: l40s, count: 2}}\n"
        "  |                                ^^^ not a key of `gpu`\n"
        "  |\n"
        "  = help: did you mean `type`? keys of `gpu`: `count`, `type`\n"
    )


@pytest.mark.parametrize(
    ("line", "needle"),
    [
        ("\tkey: bad", "bad"),
        ("a\tb: bad", "bad"),
        ("한글: bad", "bad"),
        ("k: 👩\u200d🔬 bad", "bad"),
        ("e\u0301e\u0301: bad", "bad"),
        ("x\x1b[31m: bad", "bad"),
        ("k: 한글 # after", "한글"),
        ("x" * 300 + " bad " + "y" * 300, "bad"),
        ("x" * 300 + " bad", "bad"),
    ],
)
def test_the_carets_stand_under_the_marked_characters(line: str, needle: str) -> None:
    """Tabs, wide and combining characters, escapes and long lines: caret and character share their column."""
    shown = human([finding(line, needle)], {"a.yaml": line}).splitlines()
    excerpt = next(s for s in shown if s.startswith("1 | "))
    carets = next(s for s in shown if "^" in s)
    at = excerpt.index(needle)
    assert display_width(excerpt[:at]) == carets.index("^")
    assert carets.count("^") == display_width(needle)
    assert all(display_width(s) <= 100 for s in shown)


def test_other_places_are_marked_with_dashes() -> None:
    """A problem of two lines marks both, in the order of the file; one in another file names it."""
    source = "min: 3\nx: 1\ny: 2\nmax: 2\n"
    main = finding(source, "max: 2", "more than this")
    first = finding(source, "min: 3").span
    other = Span("b.yaml", 1, 1, 1, 2)
    found = replace(main, related=(Label(first, "set here"), Label(other, "and here")))
    shown = human([found], {"a.yaml": source, "b.yaml": "z\n"}).splitlines()
    assert shown[3:10] == [
        "1 | min: 3",
        "  | ------ set here",
        "...",
        "4 | max: 2",
        "  | ^^^^^^ more than this",
        " ::: b.yaml:1:1",
        "  |",
    ]
    assert shown[10:] == ["1 | z", "  | - and here"]


def test_without_the_source_the_place_and_the_words_stay() -> None:
    """A file that is not at hand has no excerpt; nothing that was to be said is lost."""
    found = replace(finding("key", "key", "the label"), related=(Label(Span("b", 2, 1, 2, 2), "other"),), help="do")
    shown = human([found])
    assert all(text in shown for text in ("a.yaml:1:1", "the label", "b:2:1: other", "help: do"))


@pytest.mark.parametrize(
    "span",
    [Span("a.yaml", 1, 4, 1, 4), Span("a.yaml", 1, 9, 1, 12), Span("a.yaml", 1, 2, 3, 1), Span("a.yaml", 2, 1, 2, 1)],
)
def test_any_span_has_a_caret(span: Span) -> None:
    """Empty, beyond the end, over several lines, after the last line: one caret at least."""
    assert "^" in human([Diagnostic("c", "m", span)], {"a.yaml": "abc\n"})


@settings(deadline=None)
@given(texts, texts, st.integers(1, 4), st.integers(1, 50), st.integers(0, 3), st.integers(0, 50))
def test_no_diagnostic_steers_the_terminal(
    source: str, words: str, line: int, column: int, down: int, right: int
) -> None:
    """Whatever stands in the spec or the message: no renderer fails, no control character comes out."""
    span = Span(words, line, column, line + down, right + 1)
    found = [Diagnostic("c", words, span, words, words, words, related=(Label(span, words),), overlay=words)]
    for shown in (human(found, {words: source}), concise(found), as_json(found), github(found)):
        assert not steering.search(shown)
        shown.encode()
    assert len(concise(found).splitlines()) == len(github(found).splitlines()) == 1


def test_colour_is_only_colour() -> None:
    """The painted text without its colours is the plain text, and plain text has none."""
    source = "key: value\n"
    found = [replace(finding(source, "value", help="h"), severity=Severity.WARNING)]
    painted = human(found, {"a.yaml": source}, style=COLOUR)
    assert "\x1b" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == human(found, {"a.yaml": source})


def test_concise_is_a_line_and_github_an_annotation() -> None:
    """Properties and data are escaped as the toolkit does: `%`, newlines, and `:` and `,` in properties."""
    span = Span("a,b:c.yaml", 3, 7, 3, 9)
    found = [Diagnostic("some-code", "50% of `x`", span, help="first\nsecond")]
    assert concise(found) == "a,b:c.yaml:3:7: error[some-code]: 50% of `x`\n"
    assert github(found) == (
        "::error file=a%2Cb%3Ac.yaml,line=3,col=7,endColumn=9,title=some-code::50%25 of `x`%0Ahelp: first%0Asecond\n"
    )
    (value,) = json.loads(as_json(found))["diagnostics"]
    assert value["span"] == {"file": "a,b:c.yaml", "line": 3, "column": 7, "endLine": 3, "endColumn": 9}
    assert value["severity"] == "error"


def test_a_command_in_the_help_stands_on_its_own_line() -> None:
    """Further lines of the help keep their four spaces."""
    found = finding("k", "k", help="run\n    llmform schema")
    assert human([found], {"a.yaml": "k"}).endswith("  = help: run\n          llmform schema\n")


def container(**more: Any) -> dict[str, Any]:
    """Return the manifest of a Deployment with one container."""
    return {"spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "vllm", **more}]}}}}


def graph(*nodes: Node, summary: tuple[str, ...] = ("the words",)) -> Graph:
    """Return a graph of these nodes, in one component each."""
    components = [Component(c, "llmform:a:A", c, "", (c,), summary) for c in sorted({n.component for n in nodes})]
    return assemble("hello.default.t.workloads", components, nodes, {})


def deployment(**more: Any) -> Node:
    """Return the node of a Deployment."""
    name = "serving.chat"
    return Node(f"{name}/Deployment/chat", "kubernetes:apps/v1:Deployment", container(**more), name, name)


def test_a_first_plan_says_what_each_component_is() -> None:
    """Header, one block a stack with its count at the right edge, the component's own words, totals."""
    text = human_plan(plan(None, compilation(graph(deployment())), Against()))
    assert text.splitlines()[0] == (
        "hello: 1 environment, 1 target, 1 stack, edition 2026-11, against nothing (all of it is new)"
    )
    stack = text.splitlines()[2]
    assert stack.startswith("hello.default.t.workloads · somewhere ") and stack.endswith("+ 1 resource")
    assert len(stack) == 100
    assert "  + serving.chat       the words\n" in text
    assert "Plan: 1 to add, 0 to change, 0 to remove.\n" in text
    assert "serving.chat/Deployment/chat" not in text
    detailed = human_plan(plan(None, compilation(graph(deployment())), Against()), details=True)
    assert "+ serving.chat/Deployment/chat (kubernetes:apps/v1:Deployment)" in detailed


def test_a_change_says_the_domain_first_and_the_property_under_it() -> None:
    """Spec value, reason, spec line, then the property; what is unchanged is counted."""
    sides = [
        compilation(graph(deployment(args=["serve", f"--a={n}"])), {"serving.chat.a": Explained(n, "spec.yaml:9:3")})
        for n in (2, 4)
    ]
    text = human_plan(plan(sides[0], sides[1], GIT))
    order = (
        "! rolling",
        "~ serving.chat       `serving.chat.a` 2 → 4",
        "1 replica restarts",
        "because spec.yaml:9:3 `serving.chat.a`",
        "~ Deployment/chat",
        'spec.template … containers[vllm].args[1] "--a=2" → "--a=4"',
        "(3 unchanged attributes hidden)",  # replicas, the container's name, the first argument
        "Plan: 0 to add, 1 to change, 0 to remove. Highest risk: rolling.",
    )
    places = [text.find(part) for part in order]
    assert -1 not in places and places == sorted(places), text


def test_a_plan_of_nothing_is_a_sentence() -> None:
    """And it says a warning that there is."""
    one = compilation(graph(deployment()))
    warning = Diagnostic("w", "careful", Span("a", 1, 1, 1, 2), severity=Severity.WARNING)
    assert human_plan(plan(one, one, GIT)).endswith("\nNo changes. 1 stack matches main (4f21c0e).\n")
    assert human_plan(plan(one, one, GIT), [warning]).endswith("main (4f21c0e). 1 warning.\n")


def test_a_plan_of_nothing_between_two_compilers_says_so() -> None:
    """ "No changes" never stands alone between different versions."""
    one = compilation(graph(deployment()))
    text = human_plan(plan(one, one, Against("file", "old.json", "0.9.0", "2026-11")))
    assert "llmform 0.9.0 → 1.0.0" in text and "No changes." in text


def test_what_is_replaced_says_which_property_forces_it_and_what_is_known_later() -> None:
    """The cause is marked, and what follows is `(known after apply)`."""
    vpc = Node("c/Vpc/main", "aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, "c", "c")
    subnet = Node("c/Subnet/a", "aws:ec2/subnet:Subnet", {"vpcId": Ref(vpc.id, "id")}, "c", "c")
    after = replace(vpc, inputs={"cidrBlock": "10.1.0.0/16"})
    text = human_plan(plan(compilation(graph(vpc, subnet)), compilation(graph(after, subnet)), GIT))
    assert 'cidrBlock "10.0.0.0/16" → "10.1.0.0/16"  # forces replacement' in text
    assert "(known after apply)" in text
    assert "! destructive" in text and "2 to replace" in text


@pytest.mark.parametrize(
    ("kind", "path", "value", "hidden"),
    [
        ("kubernetes:core/v1:Secret", ("stringData", "a"), "hunter2", True),
        ("kubernetes:core/v1:Secret", ("data",), {"a": "hunter2"}, True),
        ("kubernetes:core/v1:ConfigMap", ("data", "a"), "hunter2", False),
        ("kubernetes:apps/v1:Deployment", ("env",), [{"name": "HF_TOKEN", "value": "hunter2"}], True),
        ("kubernetes:apps/v1:Deployment", ("env",), [{"name": "MODE", "value": "hunter2"}], False),
        ("kubernetes:helm.sh/v3:Release", ("values",), {"auth": {"adminPassword": "hunter2"}}, True),
        ("aws:secretsmanager/secretVersion:SecretVersion", ("secretString",), "hunter2", True),
    ],
)
def test_secrets_are_not_shown(kind: str, path: tuple[str, ...], value: Any, hidden: bool) -> None:
    """Neither in text nor in JSON nor in Markdown, before or after."""
    assert ("hunter2" in str(masked(kind, path, value))) is not hidden
    inputs: Any = value
    for key in reversed(path):
        inputs = {key: inputs}
    changed = json.loads(json.dumps(inputs).replace("hunter2", "hunter3"))
    sides = [compilation(graph(Node("c/K/a", kind, i, "c", "c"))) for i in (inputs, changed)]
    found = plan(sides[0], sides[1], GIT)
    for text in (human_plan(found, details=True), json_plan(found), comment(found)):
        assert ("hunter2" in text) is not hidden
        assert (HIDDEN in text) is hidden


def test_a_number_of_tokens_may_be_read() -> None:
    """What a model may read at once is no secret: a plan that hid its change would hide what it is for."""
    sides = []
    for value in ("4096", "8192"):
        inputs: Any = {"spec": {"env": [{"name": "MAX_TOTAL_TOKENS", "value": value}]}}
        sides.append(compilation(graph(Node("c/K/a", "kubernetes:apps/v1:Deployment", inputs, "c", "c"))))
    text = human_plan(plan(sides[0], sides[1], GIT), details=True)
    assert "4096" in text and "8192" in text and HIDDEN not in text


def test_where_a_secret_is_kept_may_be_read() -> None:
    """A reference to a Secret is not the secret."""
    env = [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}]
    assert masked("kubernetes:apps/v1:Deployment", ("env",), env) == env


def test_equal_steps_of_several_targets_are_told_once() -> None:
    """A fleet that changes alike is told once, with the targets' names."""

    def fleet(image: str) -> Any:
        one = compilation(graph(deployment(image=image)))
        stacks = tuple(
            replace(one.stacks[0], target=t, graph=replace(one.stacks[0].graph, stack=f"hello.default.{t}.workloads"))
            for t in ("east", "west")
        )
        return replace(one, stacks=stacks)

    text = human_plan(plan(fleet("1"), fleet("2"), GIT))
    assert "! rolling      workloads of east, west\n" in text
    assert text.count("Deployment/chat") == 1


def test_the_json_has_the_ids_and_the_effects() -> None:
    """A program reads which property of which resource changes, and what that does."""
    sides = [compilation(graph(deployment(image=n))) for n in "12"]
    value = json.loads(json_plan(plan(sides[0], sides[1], GIT)))
    assert value["format"] == 1 and value["risk"] == "rolling"
    none = {"add": 0, "adopt": 0, "replace": 0, "move": 0, "remove": 0, "outputs": 0}
    assert value["totals"] == {**none, "change": 1}
    (edit,) = value["steps"][0]["edits"]
    assert edit["id"] == "serving.chat/Deployment/chat" and edit["action"] == "update"
    (change,) = edit["changes"]
    assert change["path"] == [
        "spec",
        "template",
        "spec",
        "containers",
        {"before": 0, "after": 0, "name": "vllm"},
        "image",
    ]
    assert (change["before"], change["after"], change["effect"]) == ("1", "2", "update")


@pytest.mark.parametrize(
    "text",
    [
        "<img src=x onerror=alert(1)>",
        "[a](http://x)",
        "![a](x)",
        "**b**",
        "a | b",
        "@team",
        "#12",
        "https://x",
        "www.x.de",
        "# h",
    ],
)
def test_nothing_becomes_markup(text: str) -> None:
    """HTML, links, images, tables, mentions and references of issues stay the characters that they are."""
    shown = escaped(text)
    entities_only = re.sub(r"&#\d+;|<!-- -->", " ", shown)
    assert not re.search(r"[<>\[\]|*@#]|://|www\.", entities_only)
    undone = re.sub(r"&#(\d+);", lambda m: chr(int(m[1])), shown.replace("<!-- -->", ""))
    assert undone == text


def test_markdown_keeps_a_hostile_spec_inside_its_code() -> None:
    """A fence in a value cannot end the block, a table's row stays a row."""
    node = deployment(image="```\n</details><script>|")
    text = comment(plan(None, compilation(graph(node, summary=("a|b `x` <i>", "```"))), Against()))
    rows = [line for line in text.splitlines() if line.startswith("| none")]
    assert len(rows) == 1 and len(re.findall(r"(?<!\\)\|", rows[0])) == 6
    fences = re.findall(r"^`{3,}", text, re.MULTILINE)
    assert len(fences) == 2 and fences[0] == fences[1]
    inside = text[text.index(fences[0]) + len(fences[0]) : text.rindex(fences[0])]
    assert fences[0] not in inside
    assert "<script>" not in text.replace(inside, "") and "<i>" not in text.replace(inside, "")


@settings(deadline=None, max_examples=30)
@given(pairs(), st.booleans())
def test_any_plan_is_readable(pair: tuple[Graph, Graph], details: bool) -> None:
    """The same bytes each time, no control characters, at most 100 columns where there is a place to break."""
    before, after = (compilation(g) for g in pair)
    for found in (plan(None, after, Against()), plan(before, after, GIT)):
        text = human_plan(found, details=details)
        assert text == human_plan(found, details=details)
        assert not steering.search(text) and not steering.search(comment(found))
        assert json.loads(json_plan(found))["format"] == 1
        for line in text.splitlines():
            longest = max((display_width(w) for w in line.split(" ")), default=0)
            assert display_width(line) <= 100 or longest > 40, line


@given(st.text(max_size=200))
def test_wrapping_loses_nothing(text: str) -> None:
    """The words are there in their order; a line is too wide only if one word is."""
    shown = safe(text)
    lines = wrap(shown, "> ", "  ", 40)
    assert " ".join(line[2:] for line in lines).split() == shown.split()


def test_safe_keeps_what_people_write() -> None:
    """Accents, other scripts and emoji stay; what steers is spelled out."""
    assert safe("é 한글 👩\u200d🔬 €") == "é 한글 👩\u200d🔬 €"
    assert safe("a\x1b[0m\u202e") == "a\\x1b[0m\\u202e"
    assert all(unicodedata.category(c) not in ("Cc", "Cs") for c in safe(HOSTILE))
