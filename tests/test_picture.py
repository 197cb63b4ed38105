"""Pictures of a stack: what is a box and an arrow, where they stand, and what each form makes of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.cli import main
from stacks.compilation import Compilation
from stacks.compile import compile_spec
from stacks.layout import GAP_Y, layout
from stacks.picture import Arrow, Box, Picture, in_order, picture
from stacks.plan import Against, plan
from stacks.render.picture_dot import dot
from stacks.render.picture_mermaid import escaped, mermaid
from stacks.render.picture_svg import svg
from stacks.render.picture_words import LOOKS, kind_of, name_of
from stacks.risk.finding import Risk
from tests.graph_strategies import compilation, graphs

EXAMPLES = Path(__file__).resolve().parents[1] / "specs" / "examples"
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "<script>alert(1)</script>",
    '"]; click n0 "javascript:alert(1)"',
    'a"] --> b["',
    "]]><b>&amp;</b>",
    "\x1b[31mred",
    "\u202eleft",
    "`x`",
    "- list",
    "1. list",
    'end\\" -> x',
    "#quot;",
    "%%{init: {}}%%",
)
"""Texts that are something to XML, Mermaid, DOT or a terminal; none can be an id today, and no form relies on that."""


def compiled(text: str) -> Compilation:
    """Return the compilation of a sound spec."""
    found = compile_spec(text.encode(), "spec.yaml").compilation
    assert found is not None
    return found


def drawn(*ids: str, arrows: tuple[Arrow, ...] = ()) -> Picture:
    """Return a picture of boxes that change in turn in every way."""
    changes = list(LOOKS)
    boxes = tuple(Box(i, "llmform:a:B", 2, changes[n % len(changes)], Risk.ROLLING) for n, i in enumerate(ids))
    return Picture("hello.default.here.workloads", boxes, arrows)


# --- what is in a picture ---------------------------------------------------------------------------------------


def test_boxes_are_components_and_arrows_their_needs() -> None:
    """The chat server needs its model's weights: the Deployment waits for the claim that the mirror fills."""
    stacks = compiled((EXAMPLES / "on-prem.yaml").read_text(encoding="utf-8")).stacks
    workloads = next(s for s in stacks if s.layer == "workloads")
    found = picture(None, workloads)
    boxes = {b.id: b for b in found.boxes}
    assert {"models.chat", "serving.chat", "weights-mirror", "targets.dresden"} <= boxes.keys()
    assert boxes.keys() == {c.id for c in workloads.graph.components}
    assert sum(b.resources for b in found.boxes) == len(workloads.graph.nodes)
    assert Arrow("serving.chat", "models.chat") in found.arrows
    assert not [a for a in found.arrows if a.dependency == "targets.dresden"], "every resource has a provider"
    order = list(boxes)
    assert order.index("models.chat") < order.index("serving.chat")


@settings(max_examples=25)
@given(graphs(), graphs())
def test_a_change_is_in_the_picture_whole(before: object, after: object) -> None:
    """Every component of both sides is a box, and what the plan does to it is what the box says."""
    old, new = compilation(before), compilation(after)  # type: ignore[arg-type]
    made = plan(old, new, Against("git"))
    stack = made.stacks[0]
    found = picture(old.stacks[0], new.stacks[0], stack.steps)
    boxes = {b.id: b for b in found.boxes}
    for step in stack.steps:
        if step.component != "outputs":
            assert boxes[step.component].change == step.action.name.lower()
            assert boxes[step.component].risk is step.risk
    told = {step.component for step in stack.steps}
    assert all(b.change == "none" for b in found.boxes if b.id not in told)
    assert {c.id for c in new.stacks[0].graph.components} <= boxes.keys()
    assert all(a.dependent in boxes and a.dependency in boxes for a in found.arrows)


def test_what_goes_is_in_the_picture_with_its_arrows() -> None:
    """Without its server, the model and the server are drawn as they were, and as gone."""
    text = (EXAMPLES / "on-prem.yaml").read_text(encoding="utf-8")
    before = compiled(text)
    after = compiled(re.sub(r"(?s)\nserving:.*?\n(?=\S)", "\n", text))
    made = plan(before, after, Against("git"))
    old = next(s for s in before.stacks if s.layer == "workloads")
    new = next(s for s in after.stacks if s.layer == "workloads")
    found = picture(old, new, next(s.steps for s in made.stacks if s.name == old.name))
    assert {b.id: b.change for b in found.boxes}["serving.chat"] == "delete"
    assert Arrow("serving.chat", "models.chat") in found.arrows


def test_a_picture_is_of_a_stack() -> None:
    with pytest.raises(ValueError, match="neither side"):
        picture(None, None)


def test_a_circle_of_components_is_put_in_one_order() -> None:
    assert in_order(["b", "a", "c"], [Arrow("a", "b"), Arrow("b", "a"), Arrow("b", "c")]) == ("c", "b", "a")


# --- where it stands --------------------------------------------------------------------------------------------

_NAMES = [f"n{n}" for n in range(12)]
_SIZES = st.dictionaries(st.sampled_from(_NAMES), st.tuples(st.integers(20, 300), st.integers(20, 80)), min_size=1)


@given(_SIZES, st.lists(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_NAMES)), max_size=30))
def test_boxes_stand_apart_and_lines_lead_to_the_right(
    sizes: dict[str, tuple[int, int]], pairs: list[tuple[str, str]]
) -> None:
    """No box touches another, all are on the page, and a line begins and ends at the edges of its boxes."""
    arrows = [(a, b) for a, b in pairs if a != b and a in sizes and b in sizes]
    found = layout(sizes, arrows)
    places = list(found.places.values())
    for n, p in enumerate(places):
        assert 0 <= p.x and p.x + p.width <= found.width
        assert 0 <= p.y and p.y + p.height <= found.height
        for q in places[:n]:
            beside = p.x + p.width < q.x or q.x + q.width < p.x
            assert beside or p.y + p.height + GAP_Y <= q.y + 1 or q.y + q.height + GAP_Y <= p.y + 1
    assert all(found.places[i].width >= width for i, (width, _) in sizes.items())
    assert {(line.left, line.right) for line in found.lines if line.forward} | {
        (line.right, line.left) for line in found.lines if line.back
    } == set(arrows)
    for line in found.lines:
        left, right = found.places[line.left], found.places[line.right]
        assert line.points[0][0] == left.x + left.width and left.y <= line.points[0][1] <= left.y + left.height
        assert line.points[-1][0] == right.x and right.y <= line.points[-1][1] <= right.y + right.height
        assert [x for x, _ in line.points] == sorted(x for x, _ in line.points)


# --- the forms --------------------------------------------------------------------------------------------------


def _luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` (WCAG 2.2, definition of relative luminance)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_text_can_be_read_on_its_box() -> None:
    """Contrast of 4.5 to 1 or more (WCAG 2.2, 1.4.3), on light and on dark pages; no two changes share a symbol."""
    for look in LOOKS.values():
        for ink, fill in ((look.ink, look.fill), (look.dark_ink, look.dark_fill)):
            light, dark = sorted((_luminance(ink), _luminance(fill)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, look
    assert len({look.symbol for look in LOOKS.values()}) == len({look.word for look in LOOKS.values()}) == len(LOOKS)


def texts(root: ElementTree.Element) -> Iterator[str]:
    for element in root.iter(f"{SVG}text"):
        yield element.text or ""


def test_an_svg_holds_shapes_and_texts_alone() -> None:
    """Whatever a name is, it is text: told as it is, or spelled out where it could steer or reorder."""
    found = drawn(*HOSTILE, arrows=(Arrow(HOSTILE[0], HOSTILE[1]),))
    root = ElementTree.fromstring(svg(found, title_id="x"))
    assert {e.tag.removeprefix(SVG) for e in root.iter()} == {
        "svg", "title", "desc", "style", "g", "rect", "text", "path",
    }  # fmt: skip
    written = list(texts(root))
    assert all(name_of(box) in written and kind_of(box) in written for box in found.boxes)
    assert not [t for t in written if "\x1b" in t or "\u202e" in t]
    attributes = {name for e in root.iter() for name in e.attrib}
    assert not [a for a in attributes if a.startswith("on") or "href" in a]
    assert root.attrib["aria-labelledby"].split() == [
        e.attrib["id"] for e in root.iter() if e.tag in (f"{SVG}title", f"{SVG}desc")
    ]


def test_a_text_fits_its_box() -> None:
    """A character is 8 px or less wide (`_COLUMN`), and a text begins 10 px from the left edge of its box."""
    root = ElementTree.fromstring(svg(drawn("serving." + "a" * 40, "x")))
    for group in root.iter(f"{SVG}g"):
        rect = next(group.iter(f"{SVG}rect")).attrib
        for text in group.iter(f"{SVG}text"):
            assert int(text.attrib["x"]) + 8 * len(text.text or "") <= int(rect["x"]) + int(rect["width"]) - 10
            assert int(rect["y"]) < int(text.attrib["y"]) < int(rect["y"]) + int(rect["height"])


def test_a_mermaid_label_is_nothing_but_text() -> None:
    """Every line is of one of four forms, and a label has no character that ends it."""
    found = drawn(*HOSTILE, arrows=(Arrow(HOSTILE[0], HOSTILE[1]),))
    first, *lines = mermaid(found).splitlines()
    assert first == "flowchart LR"
    text = r"(?:[A-Za-z0-9 ._,:/-]|#\d+;)*"
    forms = (
        rf'  n\d+\["{text}(?:<br/>{text})*"\]',
        r"  n\d+ --> n\d+",
        r"  classDef is-[a-z]+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}(?:,stroke-dasharray:6 4)?",
        r"  class n\d+(?:,n\d+)* is-[a-z]+",
    )
    assert [line for line in lines if not any(re.fullmatch(form, line) for form in forms)] == []
    assert escaped("- a 1. b") == "#45; a 1#46; b"  # which Mermaid would take for lists


@pytest.mark.real
def test_graphviz_reads_what_is_written() -> None:
    """Graphviz's own reader finds every box under its id, every arrow, and every label as it was."""
    program = shutil.which("dot")
    if program is None:
        pytest.skip("`dot` is not on PATH: Graphviz is not installed")
    found = drawn(*HOSTILE, arrows=(Arrow(HOSTILE[0], HOSTILE[1]), Arrow(HOSTILE[3], HOSTILE[2])))
    done = subprocess.run([program, "-Tsvg"], input=dot(found), capture_output=True, text=True, check=True)
    root = ElementTree.fromstring(done.stdout)
    kinds = [g.attrib.get("class") for g in root.iter(f"{SVG}g")]
    assert kinds.count("node") == len(found.boxes)
    assert kinds.count("edge") == len(found.arrows)
    shown = [t.replace("\u00a0", " ") for t in texts(root)]
    assert all(name_of(box) in shown for box in found.boxes)


# --- the command ------------------------------------------------------------------------------------------------


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "spec.yaml"
    path.write_bytes((EXAMPLES / "on-prem.yaml").read_bytes())
    return path


def test_the_command_draws_a_change(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another environment variable restarts the server: its box is changed, the model's is not."""
    assert main(["compile", "spec.yaml", "-o", "before.json"]) == 0
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("pool: l40s}", "pool: l40s, env: {A: b}}"), encoding="utf-8")
    asked = ["graph", "spec.yaml", "--layer", "workloads", "--against", "file:before.json"]
    for form, mark in (("svg", "~ serving.chat"), ("dot", '"~ serving.chat'), ("mermaid", "#126; serving.chat<br/>")):
        assert main([*asked, "--format", form]) == 0
        assert mark in capsys.readouterr().out
    assert main([*asked, "--format", "svg", "-o", "chat.svg"]) == 0
    assert ElementTree.parse("chat.svg").getroot().tag == f"{SVG}svg"
    assert capsys.readouterr().out == ""


def test_a_stack_that_goes_is_drawn(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stack that only the other side has can be named: all of it goes."""
    assert main(["compile", "spec.yaml", "-o", "before.json"]) == 0
    spec.write_text(spec.read_text(encoding="utf-8").replace("dresden", "leipzig"), encoding="utf-8")
    gone = ["--stack", "hello.default.dresden.workloads", "--against", "file:before.json", "--format", "dot"]
    assert main(["graph", "spec.yaml", *gone]) == 0
    assert '"- serving.chat' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "svg"], "3 stacks are selected, and a picture is of one"),
        (["--against", "git:HEAD"], "`--against` colours a picture"),
        (["--format", "dot", "--tree"], "`--format dot` is a picture, and `--tree` is not"),
        (["--format", "dot", "--layer", "workload"], "the spec has no layer `workload`"),
        (["--format", "dot", "--layer", "workloads", "-o", "no/folder"], "cannot be written"),
        (["--format", "dot", "--against", "file:nothing.json"], "`nothing.json` cannot be read"),
        (["--format", "dot", "--stack", "nobody", "--against", "file:spec.json"], "the spec has no stack `nobody`"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    spec: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec.write_bytes((EXAMPLES / "quickstart.yaml").read_bytes())
    assert main(["compile", "spec.yaml", "-o", "spec.json"]) == 0
    capsys.readouterr()
    assert main(["graph", "spec.yaml", *arguments]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""


def test_a_picture_of_one_side_says_nothing_of_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """With nothing to compare with nobody can say that nothing changes; compared with itself it does not."""
    spec, words = str(EXAMPLES / "quickstart.yaml"), ["--layer", "workloads", "--format", "svg"]
    assert main(["graph", spec, *words]) == 0
    alone = capsys.readouterr().out
    assert "4 components, 2 dependencies.<" in alone and "Nothing changes" not in alone
    made = compiled((EXAMPLES / "quickstart.yaml").read_text())
    stack = next(s for s in made.stacks if s.layer == "workloads")
    assert "4 components, 2 dependencies. Nothing changes.<" in svg(picture(stack, stack, ()))
