"""What a hostile spec holds never becomes more than text: not on a terminal, not in a comment, not in a page, not in a
file that a program reads."""

from __future__ import annotations

import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.case_runner import run
from tests.hostile.corpus import FILES, SECRET, TEXTS, config_map, spec, write

STEERING = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""What moves a cursor, reorders a line or hides in it; a tab and a line feed are text. Joiners (U+200C, U+200D) may
stand: words of several languages are written with them."""

STACK = "hello.default.dresden.workloads"
COMMANDS = {
    "plan": ["plan", "spec.yaml"],
    "plan details": ["plan", "spec.yaml", "--details"],
    "plan json": ["plan", "spec.yaml", "--format", "json"],
    "plan markdown": ["plan", "spec.yaml", "--format", "markdown"],
    "plan html": ["plan", "spec.yaml", "--format", "html"],
    "plan github": ["plan", "spec.yaml", "--format", "github"],
    "plan sarif": ["plan", "spec.yaml", "--format", "sarif"],
    "plan dotenv": ["plan", "spec.yaml", "--format", "dotenv"],
    "change": ["plan", "spec.yaml", "--against", "file:before.json", "--details"],
    "change json": ["plan", "spec.yaml", "--against", "file:before.json", "--format", "json"],
    "change markdown": ["plan", "spec.yaml", "--against", "file:before.json", "--format", "markdown"],
    "change html": ["plan", "spec.yaml", "--against", "file:before.json", "--format", "html"],
    "change github": ["plan", "spec.yaml", "--against", "file:before.json", "--format", "github"],
    "change sarif": ["plan", "spec.yaml", "--against", "file:before.json", "--format", "sarif"],
    "change dotenv": ["plan", "spec.yaml", "--against", "file:before.json", "--format", "dotenv"],
    "diff": ["diff", "two.json", "--from", "staging", "--to", "prod", "--details"],
    "diff markdown": ["diff", "two.json", "--from", "staging", "--to", "prod", "--format", "markdown"],
    "diff json": ["diff", "two.json", "--from", "staging", "--to", "prod", "--format", "json"],
    "diff html": ["diff", "two.json", "--from", "staging", "--to", "prod", "--format", "html"],
    "svg": ["graph", "spec.yaml", "--stack", STACK, "--format", "svg"],
    "dot": ["graph", "spec.yaml", "--stack", STACK, "--format", "dot"],
    "mermaid": ["graph", "spec.yaml", "--stack", STACK, "--format", "mermaid"],
    "change svg": ["graph", "spec.yaml", "--stack", STACK, "--against", "file:before.json", "--format", "svg"],
    "check": ["check", "spec.yaml"],
    "check concise": ["check", "spec.yaml", "--format", "concise"],
    "check json": ["check", "spec.yaml", "--format", "json"],
    "check github": ["check", "spec.yaml", "--format", "github"],
    "check sarif": ["check", "spec.yaml", "--format", "sarif"],
    "tree": ["graph", "spec.yaml", "--tree"],
    "policies": ["policies", "spec.yaml"],
    "policies json": ["policies", "spec.yaml", "--format", "json"],
    "stacks": ["stacks", "spec.yaml"],
    "explain": ["explain", "spec.yaml", "serving.chat.env.BANNER"],
    "explain place": ["explain", "spec.yaml", "targets.dresden.kubeContext"],
    "explain json": ["explain", "spec.yaml", "serving.chat.env.BANNER", "--format", "json"],
    "node": ["graph", "spec.yaml", "--node", "manifests.extras/ConfigMap/own"],
    "graph json": ["graph", "spec.yaml"],
    "compile json": ["compile", "spec.yaml"],
    "stacks json": ["stacks", "spec.yaml", "--format", "json"],
    "sizing json": ["explain", "spec.yaml", "serving.chat", "--sizing", "--format", "json"],
    "urns": ["urns", "spec.yaml", "serving.chat"],
    "sizing": ["explain", "spec.yaml", "serving.chat", "--sizing"],
    "no such path": ["explain", "spec.yaml", "serving.<script>\x1b[31m"],
    "no such stack": ["plan", "spec.yaml", "--stack", "<script>\x1b[31m\u202e"],
    "no such side": ["plan", "spec.yaml", "--against", "file:<script>\x1b[31m"],
}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec for every text, each with a recorded compilation in which the text was another."""
    folder = tmp_path_factory.mktemp("hostile")
    for number, text in enumerate(TEXTS.values()):
        own = folder / str(number)
        write(own, "harmless")
        assert run(["compile", "spec.yaml", "-o", "before.json"], own)[0] == 0
        write(own, text)
        (own / "two.json").write_text(json.dumps(spec(text) | {"environments": environments(text)}))
    return folder


def environments(text: str) -> dict[str, Any]:
    """Return two environments that differ by the text, in values and in keys, in a cluster each."""
    elsewhere = {"targets.dresden.kubeContext": "elsewhere", "serving.chat.env": {"BANNER": "harmless"}}
    return {"staging": {"overlay": elsewhere}, "prod": {"overlay": {"serving.chat.args": {"chat-template": text}}}}


@cache
def said(folder: Path, text: str, command: str) -> tuple[int, str, str]:
    return run(COMMANDS[command], folder / str(list(TEXTS).index(text)))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("text", TEXTS)
def test_nothing_steers_a_terminal(text: str, command: str, written: Path) -> None:
    """No control character, no mark that reorders or hides; no traceback, and an exit status that means something."""
    status, out, err = said(written, text, command)
    assert status in (0, 1, 2)
    assert "bug in llmform" not in err and "Traceback" not in err
    assert not STEERING.search(out), STEERING.search(out)
    assert not STEERING.search(err), STEERING.search(err)
    out.encode(), err.encode()  # noqa: B018
    if command.endswith(("json", "sarif")) and out:
        json.loads(out)


@pytest.mark.parametrize("command", ["check github", "plan github", "change github"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_workflow_command_is_one_line_of_ours(text: str, command: str, written: Path) -> None:
    """Each line for GitHub begins with a command of ours; a spec cannot begin one."""
    _, out, _ = said(written, text, command)
    ours = r"::(error|warning|notice) file=(spec\.yaml|k8s/own\.yaml),line=\d+|not shown beside lines"
    assert all(re.match(ours, line) for line in out.splitlines())


@pytest.mark.parametrize("command", ["plan dotenv", "change dotenv"])
@pytest.mark.parametrize("text", TEXTS)
def test_values_for_a_shell_are_none_of_the_spec(text: str, command: str, written: Path) -> None:
    """Names in capitals and plain values: what a shell reads as it stands."""
    _, out, _ = said(written, text, command)
    assert all(re.fullmatch(r"LLMFORM_[A-Z_]+=[-a-z0-9.]*", line) for line in out.splitlines())


@pytest.mark.parametrize("command", ["svg", "change svg"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_picture_has_no_element_of_the_spec(text: str, command: str, written: Path) -> None:
    """It is well-formed XML of a few kinds of element, none of which runs, listens or leads anywhere."""
    status, out, _ = said(written, text, command)
    if not out:
        assert status == 1  # a spec with errors
        return
    drawn = list(ElementTree.fromstring(out).iter())  # noqa: S314  made by us
    kinds = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in drawn}
    assert kinds <= {"svg", "title", "desc", "style", "path", "g", "rect", "text", "tspan"}, kinds
    names = {name for element in drawn for name in element.attrib}
    assert not [name for name in names if name.startswith("on") or "href" in name]


@pytest.mark.parametrize("command", ["diff", "diff markdown", "diff json", "diff html"])
def test_the_comparison_of_a_harmless_text_is_one(command: str, tmp_path: Path) -> None:
    """The commands on hostile texts compare something: with a harmless one there is no error."""
    write(tmp_path, "x")
    (tmp_path / "two.json").write_text(json.dumps(spec("x") | {"environments": environments("x")}))
    status, out, err = run(COMMANDS[command], tmp_path)
    assert (status, "BANNER" in out) == (0, True), err


OWN_HTML = re.compile(r"</?details>|<summary>[^<>]*</summary>|</?summary>|<br>|<!-- -->")


def tokens(text: str) -> list[Token]:
    """Return every token of the text, as a forge reads it: CommonMark with tables, strikethrough, links and HTML."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [inner for token in reader.parse(text) for inner in (token, *(token.children or ()))]


@pytest.mark.parametrize("command", ["plan markdown", "change markdown", "diff markdown"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_comment_holds_no_markup_of_the_spec(text: str, command: str, written: Path) -> None:
    """No link, no image, no mention, no tag and no heading comes out of it but the comment's own."""
    _, out, _ = said(written, text, command)
    found = tokens(out)
    assert {t.type for t in found} & {"link_open", "image", "s_open", "em_open"} == set()
    assert [
        t.content for t in found if t.type in ("html_inline", "html_block") and OWN_HTML.sub("", t.content).strip()
    ] == []
    assert sum(t.type == "heading_open" for t in found) == (1 if out and command != "diff markdown" else 0)
    shown = [t.content for t in found if t.type == "text"]
    # what a forge links by itself, in text that is no code
    assert not [s for s in shown if re.search(r"(?<![\w`])[@#]\w|https?://|www\.|\bGH-\d", s)]
    assert len(out.encode()) <= 65_000


class Tags(HTMLParser):
    """Every element with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.values: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, ""), *((tag, name) for name, _ in attributes)}
        self.values += [value or "" for name, value in attributes if name in ("href", "src", "style", "xlink:href")]


@pytest.mark.parametrize("command", ["plan html", "change html", "diff html"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_page_has_no_element_of_the_spec(text: str, command: str, written: Path) -> None:
    """The elements and attributes are those of a harmless spec's page; every address is one of the page itself."""
    _, out, _ = said(written, text, command)
    if not out:
        return
    page = Tags(out)
    assert page.found <= harmless(written, command).found
    assert all(value.startswith("#") for value in page.values)
    assert "__pwned" not in out or "&lt;" in out or "&#34;" in out


@cache
def harmless(folder: Path, command: str) -> Tags:
    """Return the elements of the page of a spec that has nothing to hide, but causes, places and code of all kinds."""
    own = folder / "harmless"
    write(own, "other")
    assert run(["compile", "spec.yaml", "-o", "before.json"], own)[0] == 0
    other = "a `code` and " + "words " * 400
    write(own, other)
    (own / "two.json").write_text(json.dumps(spec(other) | {"environments": environments(other)}))
    return Tags(run(COMMANDS[command], own)[1])


@pytest.mark.parametrize("form", ["file", "dir"])
@pytest.mark.parametrize("path", FILES)
def test_no_file_outside_of_the_folder_is_read(path: str, form: str, tmp_path: Path) -> None:
    """Whatever a key names: what lies outside the spec's folder is in no output, and the plan says what is wrong."""
    (tmp_path / "outside.yaml").write_text(json.dumps(config_map(SECRET)))
    folder = tmp_path / "repository"
    write(folder, "x")
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "linked").symlink_to(tmp_path)
    value = spec("x")
    value["manifests"] = {"extras": {form: FILES[path]}}
    (folder / "spec.yaml").write_text(json.dumps(value))
    for words in (["plan", "spec.yaml", "--details"], ["check", "spec.yaml"], ["compile", "spec.yaml"]):
        status, out, err = run(words, folder)
        assert status == 1, (out, err)
        assert SECRET not in out + err and "root:" not in out + err
        assert not STEERING.search(out + err)
        assert "bug in llmform" not in err


@pytest.mark.parametrize("key", ["images.lock", "models.chat.config", "targets.dresden.sites"])
@pytest.mark.parametrize("path", FILES)
def test_other_keys_that_name_files_stay_inside_too(path: str, key: str, tmp_path: Path) -> None:
    """The lock of images, a model's own `config.json`, the sites of a target: nothing outside the folder is told."""
    (tmp_path / "outside.yaml").write_text(json.dumps({"note": SECRET}) + f"\n{SECRET},{SECRET}\n")
    folder = tmp_path / "repository"
    write(folder, "x")
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (folder / "linked").symlink_to(tmp_path)
    value = spec("x")
    match key:
        case "images.lock":
            value["images"] = {"registry": "registry.example/llm", "lock": FILES[path]}
        case "models.chat.config":
            source = value["models"]["chat"]
            value["models"]["chat"] = {"source": source, "architecture": {"config": FILES[path]}}
        case _:
            value["targets"] = {"shops": {"provider": "edge", "sites": {"file": FILES[path]}}}
    (folder / "spec.yaml").write_text(json.dumps(value))
    status, out, err = run(["check", "spec.yaml"], folder)
    assert status == (0 if "there is no file" in out else 1), (out, err)  # a lock may come later, and is asked for
    assert SECRET not in out + err and "root:" not in out + err
    assert not STEERING.search(out + err)
    assert "bug in llmform" not in err


@pytest.mark.parametrize(
    "name",
    ["<script>.yaml", "a\x1b[31m.yaml", "\u202elmay.yaml", "@octocat.yaml", "a`b|c.yaml", "-h.yaml", "[x](y).yaml"],
)
@pytest.mark.parametrize("form", ["human", "markdown", "html"])
def test_the_name_of_the_spec_itself(name: str, form: str, tmp_path: Path) -> None:
    """A file can be called anything; its name is in every place that is told."""
    write(tmp_path, "x", name=name)
    status, out, err = run(["plan", f"./{name}", "--format", form], tmp_path)
    assert status == 0 and not STEERING.search(out + err)
    if form == "markdown":
        found = [t for t in tokens(out) if t.type in ("link_open", "image", "html_inline")]
        assert not [t for t in found if OWN_HTML.sub("", t.content) or not t.content]
    if form == "html":
        assert ("script", "src") not in Tags(out).found


def test_comments_of_a_spec_go_nowhere(tmp_path: Path) -> None:
    """Comments are nobody's business but the reader's of the spec, except in an excerpt, where they are text."""
    write(tmp_path, "x")
    text = (tmp_path / "spec.yaml").read_text()
    (tmp_path / "spec.yaml").write_text(text + "\n# <script>window.__pwned=1</script> \u202e\n")
    for command in ("plan", "plan markdown", "plan html", "check"):
        _, out, err = run(COMMANDS[command], tmp_path)
        assert "__pwned" not in out + err
