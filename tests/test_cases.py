"""Every case of `tests/cases/`, and what holds for every spec there."""

from __future__ import annotations

import ast
import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.graph import PROJECT, Graph, Node, component_chain, kubernetes_object, urn
from components.graph_json import canonical, decode_graph, encode_graph, encode_value
from components.invariants import broken as broken_invariants
from specs.source import read
from specs.tree import plain
from stacks.compile import Compiled, compile_spec
from stacks.diff import diff
from stacks.explain import codes
from stacks.files import DiskFiles
from tests.case_runner import behaviours, broken, compare, copied, run, said, transcript
from tests.oracles import aws, kubernetes, release, vllm
from tests.oracles import urn as urn_oracle

ROOT = Path(__file__).resolve().parents[1]

ENGINE_ENVIRONMENT = {
    "HOME": "where programs keep caches; the image's own home is read-only",
    "TORCHINDUCTOR_CACHE_DIR": "PyTorch, torch/_inductor/runtime/cache_dir_utils.py",
    "TRITON_CACHE_DIR": "Triton, triton/knobs.py",
    "HF_HUB_OFFLINE": "huggingface_hub, constants.py",
    "NCCL_DEBUG": "NCCL user guide, Environment Variables",
}
"""What an engine's pod may set beside vLLM's own variables, and what reads it."""


def ids(path: Path) -> str:
    return path.name


@pytest.fixture(autouse=True)
def _same_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Help texts are as wide as the terminal; a case is 100 columns wide wherever it runs."""
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.parametrize("case", behaviours(), ids=ids)
def test_case(case: Path, tmp_path: Path, accept: bool) -> None:
    """The commands of a case print what its `cli.txt` says."""
    folder = copied(case, tmp_path / "case")
    compare(case / "cli.txt", transcript(case, folder), accept)
    if (case / "graph.json").is_file():
        graphs = {g.stack: encode_graph(g) for g in compiled(folder)}
        compare(case / "graph.json", canonical(graphs), accept)


@pytest.mark.parametrize("case", broken(), ids=ids)
def test_broken_spec(case: Path, tmp_path: Path, accept: bool) -> None:
    """A spec with one mistake gets one diagnostic, of the code that names the folder, at the mistake."""
    folder = copied(case, tmp_path / "case")
    text = said(folder)
    compare(case / "diagnostics.txt", text, accept)
    lines = [line for line in text.splitlines() if not line.startswith("  ")]
    assert len(lines) == 1, lines
    code = lines[0].partition("[")[2].partition("]")[0]
    assert case.name == code or case.name.startswith(f"{code}-"), (case.name, code)
    severity = lines[0].split(": ")[1].partition("[")[0]
    status, _, _ = run(["check", "spec.yaml"], folder)
    assert status == (1 if severity == "error" else 0)


# ---- what holds for every spec that compiles ----


def specs() -> list[Path]:
    """Return the spec of every case, as it was and as it is, and the examples."""
    cases = [p for case in behaviours() for p in (case / "spec.yaml", case / "before" / "spec.yaml")]
    return [*(p for p in cases if p.is_file()), *sorted((ROOT / "specs" / "examples").glob("*.yaml"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(path.parents[2 if path.parent.name == "before" else 1]))


def compile_at(path: Path, data: bytes | None = None) -> Compiled:
    return compile_spec(data or path.read_bytes(), path.name, DiskFiles(path.parent))


@cache
def _graphs(path: Path) -> tuple[Graph, ...]:
    made = compile_at(path).compilation
    return tuple(s.graph for s in made.stacks) if made is not None else ()


def compiled(folder: Path) -> tuple[Graph, ...]:
    return _graphs(folder / "spec.yaml")


def texts(made: Compiled) -> dict[str, str]:
    assert made.compilation is not None
    return {s.name: canonical(encode_graph(s.graph)) for s in made.compilation.stacks}


def shuffled(value: Any, order: random.Random | None) -> Any:
    """Return the value with the keys of every map in another order, or backwards; lists keep theirs."""
    if isinstance(value, dict):
        keys = list(reversed(value))
        if order is not None:
            order.shuffle(keys)
        return {key: shuffled(value[key], order) for key in keys}
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", specs(), ids=name_of)
def test_graph_is_sound_and_depends_on_nothing_but_the_spec(path: Path) -> None:
    """Twice the same bytes, also with the keys of all maps in another order; no change against itself."""
    made = compile_at(path)
    if made.compilation is None:
        assert any(d.is_error for d in made.diagnostics)
        return
    graphs = texts(made)
    assert texts(compile_at(path)) == graphs
    tree, _ = read(path.read_bytes(), path.name)
    assert tree is not None
    for order in (None, random.Random(1)):
        other = json.dumps(shuffled(plain(tree), order)).encode()
        assert texts(compile_at(path, other)) == graphs
    for stack in made.compilation.stacks:
        assert broken_invariants(stack.graph) == ()
        again = decode_graph(json.loads(graphs[stack.name]))
        assert not diff(stack.graph, again, {("none", "none"): "so that equal graphs are compared and not only seen"})


@pytest.mark.parametrize("path", specs(), ids=name_of)
def test_every_node_is_what_its_system_accepts(path: Path) -> None:
    """Kubernetes objects, AWS resources, Helm releases, providers, vLLM's arguments and URNs, each by its own judge."""
    wrong = [f"{node.id}: {problem}" for g in _graphs(path) for node in g.nodes for problem in judged(g, node)]
    assert wrong == []


_SEEN: dict[tuple[str, str], list[str]] = {}


def judged(graph: Graph, node: Node) -> Iterator[str]:
    inputs = encode_value(node.inputs)
    key = (node.type, json.dumps(inputs, sort_keys=True))
    if key not in _SEEN:  # most nodes are the same in many cases
        _SEEN[key] = list(_problems(node, inputs))
    yield from _SEEN[key]
    chain = [c.type for c in component_chain(graph, node.component)]
    if urn(graph, node) != urn_oracle.urn(graph.stack, PROJECT, [*chain, node.type], node.id):
        yield "another URN than the engine's"


def _problems(node: Node, inputs: dict[str, Any]) -> list[str]:
    if kubernetes_object(node):
        found = kubernetes.problems(inputs)
        if inputs["kind"] == "Deployment":
            found += [p for c in inputs["spec"]["template"]["spec"]["containers"] for p in engine_problems(c)]
        return found
    if node.type.startswith("aws:") or node.type == "pulumi:providers:aws":
        return aws.problems(node.type, inputs)
    return release.problems(node.type, inputs)


def engine_problems(container: dict[str, Any]) -> Iterator[str]:
    if container.get("command") != ["vllm", "serve"]:
        return
    mounts = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == "weights"]
    if container["args"][:1] != mounts:
        yield f"the first argument is {container['args'][:1]}, and the weights are at {mounts}"
    yield from vllm.problems(container["args"])
    for variable in container.get("env", ()):
        if not vllm.known_env(variable["name"]) and variable["name"] not in ENGINE_ENVIRONMENT:
            yield f"nothing reads {variable['name']}"


@pytest.mark.parametrize("path", specs(), ids=name_of)
def test_urns_are_unique(path: Path) -> None:
    """No two resources of all stacks of a spec have the same URN."""
    all_urns = [urn(g, n) for g in _graphs(path) for n in g.nodes]
    assert len(all_urns) == len(set(all_urns))


# ---- every code has its case and its page ----


def codes_in_source() -> set[str]:
    """Return every code that a diagnostic of the program can have, read from its source."""
    found: set[str] = set()
    for folder in ("specs", "components", "stacks"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                found |= set(_codes(node))
    return found


def _codes(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in ("Diagnostic", "Trap", "problem", "_report") and node.args:
            yield from _texts(node.args[0])
        elif name == "finding" and len(node.args) > 1:
            yield from _texts(node.args[1])
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            for name_node, value in pairs:
                if isinstance(name_node, ast.Name) and name_node.id == "code":
                    yield from _texts(value)


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    """`llmform explain CODE` knows every code, and no code that there is not."""
    assert set(codes()) == codes_in_source()


def test_every_code_has_a_case_and_every_case_a_code() -> None:
    """A spec with the mistake is kept for every code."""
    known = codes_in_source()
    named = {case.name: [c for c in known if case.name == c or case.name.startswith(f"{c}-")] for case in broken()}
    assert {name for name, found in named.items() if not found} == set()
    assert known == {code for found in named.values() for code in found}
