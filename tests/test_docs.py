"""README and docs say what is true: their commands run, their specs compile, their links lead somewhere.

A page is read from top to bottom in one new folder that holds `specs/` with the examples. What its fenced blocks mean:

- `console`: lines that begin with `$ ` run, and what follows is exactly what they print, standard error included;
- `yaml title="spec.yaml"`: the file has this content from here on, `json` likewise;
- `diff title="spec.yaml"`: the file changes in this one place;
- `yaml` that begins with `apiVersion:`: a spec; it compiles without errors;
- `yaml fragment=quickstart`: part of a spec; it compiles when merged into that example;
- `yaml node=ID of=SPEC`: the inputs of a node of the graph (`path=spec.strategy` for a part of them), `json` likewise;
- `yaml workflow`: each `run:` line runs;
- `sh`: commands that are not run here; each is in `NOT_RUN` with the reason;
- `text`: a picture or a form, nothing to run.

`pytest tests/test_docs.py --accept` rewrites what follows from the code: the output of commands, the nodes, and the
generated pages.
"""

from __future__ import annotations

import difflib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.graph_json import canonical, encode_value
from docs import generate
from specs.diagnostics import has_errors
from stacks.cli import main
from stacks.compile import compile_spec
from stacks.files import DiskFiles

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = [ROOT / f"{name}.md" for name in ("README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG")]
GENERATED = {f"docs/{place}": make for place, make in generate.PAGES.items()}
PAGES = sorted(
    str(p.relative_to(ROOT))
    for p in (*WRITTEN, *(ROOT / "docs").rglob("*.md"))
    if str(p.relative_to(ROOT)) not in GENERATED
)

NOT_RUN: Mapping[str, str] = {
    "pipx install .": "tests/test_install.py runs the same build with pip and uv",
    "uv tool install .": "tests/test_install.py runs the same build with pip and uv",
    "pip install .": "tests/test_install.py",
    "./check": "this test is a part of it",
    "./check lint types": "this test is a part of it",
    "./check tests -- -k overlay -x": "this test is a part of it",
    "./check tests -- --accept": "would rewrite what it compares with",
    ".venv/bin/python -m docs.generate": "test_a_generated_page_is_current calls it",
    "mkdir states": "the page's next lines make the folder",
    "pulumi stack export --stack hello.default.dresden.workloads "
    "--file states/hello.default.dresden.workloads.json": "needs the Pulumi CLI and a deployed stack",
    "llmform plan specs/examples/on-prem.yaml --against state:states": "run further down the page, with a state",
    "python3 -m venv .venv": "needs the package index for the line after it",
    ".venv/bin/pip install '/path/to/llmform[deploy]'": (
        "tests/test_install.py installs llmform, requirements/ its extras"
    ),
    **{
        f"pulumi {verb} my-platform.prod.us-east-1.{layer}": "needs the Pulumi CLI and an account"
        for verb in ("stack init", "up --stack", "destroy --stack")
        for layer in ("foundation", "platform", "workloads")
    },
    "pulumi up --stack my-platform.prod.us-east-1.workloads $(llmform urns spec.yaml serving.chat "
    "--stack my-platform.prod.us-east-1.workloads)": (
        "needs the Pulumi CLI; tests/test_urns.py hands the URNs to a shell"
    ),
    "git checkout v1.4 -- spec.yaml": "the page's folder has no such tag",
    "requirements/lock": "needs the package index",
    "llmform policies spec.yaml --stack hello.default.us-east-1.workloads --format pulumi >levels.json": (
        "tests/cases/policies runs it"
    ),
    "pulumi preview --stack hello.default.us-east-1.workloads --policy-pack policies "
    "--policy-pack-config levels.json": (
        "needs the Pulumi CLI; tests/test_policy_pack.py asks the pack what the engine asks"
    ),
    "requirements/lock --upgrade-package pydantic": "needs the package index",
    "SOURCE=https://git.example/platform docker buildx bake --push --metadata-file metadata.json": (
        "needs Docker and a registry; tests/test_images.py validates the bake file and reads such metadata"
    ),
    "llmform review gate spec.yaml --against git:main --labels approved-destructive --approvals 2": (
        "docs/guides/review-a-pull-request.md runs it, with a repository"
    ),
    "stacks/ci/plan.sh origin/main specs/support.yaml": "tests/test_ci_scripts.py runs it",
    "pip install '/path/to/llmform[serve]'": "tests/test_install.py installs llmform, requirements/ its extras",
    "kubectl --namespace my-platform-prod port-forward service/chat 8000:80": "needs a cluster",
    "kubectl --namespace my-platform-prod port-forward service/chat 8001:8001": "needs a cluster",
    **{
        f"llmform probe {words}": "needs a running server; tests/test_probe.py makes some, and parses these lines"
        for words in (
            "http://localhost:8000 --engine vllm",
            "http://localhost:8000 --spec spec.yaml --server serving.chat",
            "http://localhost:8000 --spec spec.yaml --server serving.chat --environment prod --target us-east-1",
            "http://localhost:8000 --engine vllm --task embed",
            "http://localhost:8000 --engine vllm --task rerank --concurrency 8 --requests 200",
            "grpc://localhost:8001 --engine triton --model chat --metrics-url http://localhost:8002/metrics",
            "https://llm.example.com/chat --engine vllm --key-env LLM_KEY --ca-file ca.pem --metrics-url none",
        )
    },
}

SHELL = re.compile(r"[|&;<>$`*(){}]")
"""A command with any of these is for a shell."""

IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Reader"), ("EMAIL", "reader@example.com"), ("DATE", "2026-11-21T12:00:00Z"))
}
"""With it the same content gives the same commit, and so the same output."""


@dataclass(frozen=True)
class Block:
    """A fenced block: `start` and `end` are the positions of its fences among the page's lines."""

    start: int
    end: int
    language: str
    options: Mapping[str, str]
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    lines = page.split("\n")
    opened: tuple[int, str] | None = None
    for i, line in enumerate(lines):
        fence = re.match(r"(`{3,})(.*)", line)
        if opened is None and fence:
            opened = (i, fence[1])
        elif opened is not None and line == opened[1]:
            info = shlex.split(lines[opened[0]].removeprefix(opened[1])) or [""]
            options = {key: value for key, _, value in (word.partition("=") for word in info[1:])}
            yield Block(opened[0], i, info[0], options, tuple(lines[opened[0] + 1 : i]))
            opened = None
    assert opened is None, f"the fence in line {opened[0] + 1} has no end"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the examples, as the working directory, in which `llmform` and git say the same everywhere."""
    made = tmp_path / "llmform"
    shutil.copytree(ROOT / "specs" / "examples", made / "specs" / "examples")
    programs = tmp_path / "bin"
    programs.mkdir()
    start = "import sys; sys.argv[0] = 'llmform'; from stacks.cli import main; sys.exit(main())"
    shim = programs / "llmform"
    shim.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {sys.executable} -c "{start}" "$@"\n')
    shim.chmod(0o755)
    (made / "llmform").symlink_to(os.path.join("..", "bin", "llmform"))  # the same text in every folder
    for name, value in {**IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    monkeypatch.chdir(made)
    return made


def run(command: str) -> str:
    """Return what a command prints, standard error included; a bug or a failing git is an error of the test."""
    words = shlex.split(command, comments=True)
    if words[0] in ("llmform", "./llmform") and not SHELL.search(command):
        raw = io.BytesIO()
        with io.TextIOWrapper(raw, encoding="utf-8", write_through=True) as both:
            with redirect_stdout(both), redirect_stderr(both):
                status = main(words[1:])
            printed = raw.getvalue().decode()
    else:
        done = subprocess.run(
            ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60
        )
        status, printed = done.returncode, done.stdout.decode()
    assert status in (0, 1, 3) and "Traceback" not in printed and "is a bug in" not in printed, f"{command}\n{printed}"
    assert status == 0 or "llmform" in command, f"{command}\n{printed}"
    return printed


def executed(block: Block) -> list[str]:
    """Return the lines of a `console` block with what its commands print now."""
    lines: list[str] = []
    for line in block.lines:
        if line.startswith("$ "):
            lines.append(line)
            printed = run(line.removeprefix("$ ")).rstrip("\n")
            lines.extend(printed.split("\n") if printed else ())
    assert lines and block.lines[0].startswith("$ "), f"line {block.start + 1}: the block begins with no command"
    return lines


def compiled(path: Path) -> Any:
    """Return the compilation of a spec file; the test fails if it has errors."""
    made = compile_spec(path.read_bytes(), str(path), DiskFiles(path.parent))
    assert made.compilation is not None, made.diagnostics
    return made.compilation


def example(name: str) -> Path:
    """Return a spec by its file's name, or an example by its own."""
    return Path(name) if name.endswith(".yaml") else Path("specs", "examples", f"{name}.yaml")


def node_lines(block: Block) -> list[str]:
    """Return the inputs of the node that a block shows, or the part at a path of map keys."""
    wanted = block.options["node"]
    found = [n for s in compiled(example(block.options["of"])).stacks for n in s.graph.nodes if n.id == wanted]
    assert found, f"line {block.start + 1}: there is no node {wanted}"
    value: Any = encode_value(found[0].inputs)
    for part in filter(None, block.options.get("path", "").split(".")):
        value = value[int(part)] if isinstance(value, list) else value[part]
    text = canonical(value) if block.language == "json" else yaml.dump(value, Dumper=Plain, sort_keys=False, width=110)
    return text.rstrip("\n").split("\n")


class Plain(yaml.SafeDumper):
    """YAML without anchors: the same object twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def merged(base: Any, more: Any) -> Any:
    """Return two plain values as one: maps merge, anything else of the second wins."""
    if isinstance(base, dict) and isinstance(more, dict):
        return base | {key: merged(base.get(key), value) for key, value in more.items()}
    return more


def check_spec(block: Block) -> None:
    """Compile a spec, or a fragment of one in the example that it names."""
    text = block.text
    if name := block.options.get("fragment"):
        text = yaml.safe_dump(merged(yaml.safe_load(example(name).read_text()), yaml.safe_load(text)))
    # the files that it names are those of the page, or of the example that it is made from
    places = (Path(block.options.get("title", ".")).parent, Path("specs/examples"))
    made = [compile_spec(text.encode(), "spec.yaml", DiskFiles(place)).diagnostics for place in places]
    assert not all(has_errors(found) for found in made), f"line {block.start + 1}: {made}"


def change(block: Block) -> None:
    """Change a file as a `diff` block says: its lines are there once, without the added ones."""
    path = Path(block.options["title"])
    before = "".join(f"{line[1:]}\n" for line in block.lines if line[:1] in ("-", " "))
    after = "".join(f"{line[1:]}\n" for line in block.lines if line[:1] in ("+", " "))
    text = path.read_text()
    assert text.count(before) == 1, f"line {block.start + 1}: {path} has these lines {text.count(before)} times"
    path.write_text(text.replace(before, after))


def followed(block: Block) -> list[str]:
    """Do what a block says, and return its lines as they should be."""
    kind = (block.language, *sorted(block.options))
    match kind:
        case ("console",):
            return executed(block)
        case ("yaml" | "json", "node", "of") | ("yaml" | "json", "node", "of", "path"):
            return node_lines(block)
        case ("yaml" | "json", "title"):
            path = Path(block.options["title"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
            if "apiVersion: llmform" in block.text:
                check_spec(block)
        case ("diff", "title"):
            change(block)
        case ("yaml", "fragment"):
            check_spec(block)
        case ("yaml", "workflow"):
            for line in re.findall(r"run: (.*)", block.text):
                run(line)
        case ("yaml",):
            assert re.search(r"^apiVersion: llmform", block.text, re.MULTILINE), f"line {block.start + 1}: not a spec"
            check_spec(block)
        case ("sh",):
            for line in block.lines:
                assert line in NOT_RUN, f"line {block.start + 1}: {line}"
        case ("text",):
            pass
        case _:
            raise AssertionError(f"line {block.start + 1}: a block of kind {kind} has no meaning")
    return list(block.lines)


def settle(path: Path, now: str, accept: bool) -> None:
    """Compare a page with what it should be, or write that."""
    was = path.read_text(encoding="utf-8") if path.exists() else ""
    if was != now and accept:
        path.write_text(now, encoding="utf-8")
        return
    name = str(path.relative_to(ROOT))
    lines = difflib.unified_diff(was.splitlines(), now.splitlines(), name, f"{name} as it runs now", lineterm="")
    assert was == now, "\n".join(("", *lines, "", "If this is right: pytest tests/test_docs.py --accept"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_runs(page: str, folder: Path, request: pytest.FixtureRequest) -> None:
    """Every command prints what the page says, every spec on it compiles, every node on it is so."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = text.split("\n")
    shift = 0
    for block in blocks(text):
        now = followed(block)
        lines[block.start + 1 + shift : block.end + shift] = now
        shift += len(now) - len(block.lines)
    settle(ROOT / page, "\n".join(lines), bool(request.config.getoption("--accept", default=False)))


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_page_is_current(page: str, request: pytest.FixtureRequest) -> None:
    """A page that follows from the code is what `python -m docs.generate` writes."""
    settle(ROOT / page, GENERATED[page](), bool(request.config.getoption("--accept", default=False)))


def prose(text: str) -> str:
    """Return a page without its fenced blocks."""
    lines = text.split("\n")
    for block in reversed(list(blocks(text))):
        del lines[block.start : block.end + 1]
    return "\n".join(lines)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the forges make them."""
    titles = re.findall(r"^#+ (.*)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", t).lower()).replace(" ", "-") for t in titles}


@pytest.mark.parametrize("page", [*PAGES, *GENERATED])
def test_a_link_leads_somewhere(page: str) -> None:
    """Every link inside the project names a file that is there, and a heading in it."""
    here = ROOT / page
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(here.read_text(encoding="utf-8"))):
        if re.match(r"https?://", target):
            continue
        place, _, anchor = target.partition("#")
        there = (here.parent / place).resolve() if place else here
        assert there.exists(), f"{page} links to {target}"
        assert not anchor or anchor in anchors(there), f"{page} links to {target}, which has {sorted(anchors(there))}"


@pytest.mark.parametrize("page", [*PAGES, *GENERATED])
def test_a_named_file_is_there(page: str) -> None:
    """Every path of the project, and every test in it, that a page names in code is there."""
    folders = "specs|components|stacks|serving_images|policies|tests|docs|benchmarks|requirements"
    text = prose((ROOT / page).read_text(encoding="utf-8"))
    for place, name in re.findall(rf"`((?:{folders})/[\w./-]*)(?:::(\w+))?`", text):
        assert (ROOT / place).exists(), f"{page} names {place}"
        if name:
            assert f"def {name}(" in (ROOT / place).read_text(encoding="utf-8"), f"{page} names {place}::{name}"


def test_every_page_can_be_reached() -> None:
    """From README.md links lead to every page."""
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        for target in re.findall(r"\]\((?!https?:)([^)\s#]+\.md)", prose(page.read_text(encoding="utf-8"))):
            there = (page.parent / target).resolve()
            if there not in reached and there.is_relative_to(ROOT):
                ahead.append(there)
    assert not {ROOT / p for p in (*PAGES, *GENERATED)} - reached


def test_what_is_not_run_is_on_a_page() -> None:
    """The list of commands that do not run holds nothing that no page has."""
    shown = {
        line
        for p in PAGES
        for b in blocks((ROOT / p).read_text(encoding="utf-8"))
        if b.language == "sh"
        for line in b.lines
    }
    assert not NOT_RUN.keys() - shown
