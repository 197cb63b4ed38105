"""The real engine, its kubernetes plugin and a cluster: the on-prem example goes up, changes, and comes down again.

    KUBECONFIG=… .venv/bin/python -m pytest -n 0 tests/real

Needs `pulumi` on PATH, its kubernetes plugin, and an API server with its controllers behind the current context of
KUBECONFIG. No node has to be there: nothing waits for a pod. The state lives in files that are thrown away, and every
object in namespaces whose names nobody else has.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.graph import urn
from stacks.cli import main
from stacks.compilation import CompiledStack
from stacks.compile import compile_spec
from stacks.diff import diff
from stacks.edits import ComponentEdit, Create, OutputEdit
from stacks.files import DiskFiles
from tests.real.cluster import context

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "specs" / "examples" / "on-prem.yaml"
pytestmark = pytest.mark.real


def missing() -> str:
    """Return what this machine lacks, in one line; empty if nothing."""
    if not shutil.which("pulumi"):
        return "`pulumi` is not on PATH"
    if not shutil.which("pulumi-resource-kubernetes"):
        listed = subprocess.run(["pulumi", "plugin", "ls", "--json"], capture_output=True, text=True, check=False)
        plugins = json.loads(listed.stdout or "[]") if listed.returncode == 0 else []
        if not any(p.get("name") == "kubernetes" for p in plugins):
            return "pulumi's kubernetes plugin is not installed (`pulumi plugin install resource kubernetes`)"
    if not context():
        return "KUBECONFIG names no cluster: it is not set, not a file, or has no current context"
    return ""


if REASON := missing():
    pytest.skip(REASON, allow_module_level=True)


@dataclass(frozen=True)
class Project:
    """A project of one's own in a folder that is thrown away, and the one stack of its spec."""

    folder: Path
    environment: Mapping[str, str]
    text: str

    @property
    def spec(self) -> Path:
        """The spec."""
        return self.folder / "platform.yaml"

    def write(self, old: str = "", new: str = "") -> CompiledStack:
        """Write the spec with one text replaced, and return its stack."""
        assert old in self.text
        self.spec.write_text(self.text.replace(old, new) if old else self.text, encoding="utf-8")
        compiled = compile_spec(self.spec.read_bytes(), "platform.yaml", DiskFiles(self.folder)).compilation
        assert compiled is not None
        [stack] = compiled.stacks
        return stack

    def pulumi(self, *arguments: str) -> str:
        """Run the CLI and return what it prints; the test fails with its words if it fails."""
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, f"pulumi {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def preview(self, stack: str) -> tuple[Mapping[str, int], Mapping[str, str]]:
        """Return how often each operation comes in a preview, and what it does to which URN; sames left out."""
        shown: dict[str, Any] = json.loads(self.pulumi("preview", "--json", "--stack", stack))
        steps = {step["urn"]: step["op"] for step in shown.get("steps", ()) if step["op"] != "same"}
        return shown["changeSummary"], steps


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "project"
    folder.mkdir()
    name = f"real-{secrets.token_hex(4)}"
    text = EXAMPLE.read_text(encoding="utf-8").replace("name: hello", f"name: {name}")
    text = text.replace("kubeContext: dresden", f"kubeContext: {json.dumps(context())}")
    text += "patches:\n" + "".join(unawaited(node) for node in awaited(text))
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "llmform", "runtime": runtime}), encoding="utf-8")
    (folder / "__main__.py").write_text("from llmform_program import run\n\nrun()\n", encoding="utf-8")
    state = tmp_path / "state"
    state.mkdir()
    environment = os.environ | {
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    made = Project(folder, environment, text)
    stack = made.write().name
    made.pulumi("stack", "init", stack)
    made.pulumi("config", "set", "--stack", stack, "llmform:spec", "platform.yaml")
    yield made
    made.write()
    made.pulumi("destroy", "--yes", "--skip-preview", "--stack", stack)
    made.pulumi("stack", "rm", "--yes", stack)


def awaited(text: str) -> list[str]:
    """Return the nodes that the provider would wait for: pods need nodes with GPUs, claims need storage."""
    compiled = compile_spec(text.encode(), "platform.yaml").compilation
    assert compiled is not None
    kinds = ("Deployment", "Job", "PersistentVolumeClaim", "Service")
    return [n.id for s in compiled.stacks for n in s.graph.nodes if n.type.rpartition(":")[2] in kinds]


def unawaited(node: str) -> str:
    return f'- match: {node}\n  merge: {{metadata: {{annotations: {{pulumi.com/skipAwait: "true"}}}}}}\n'


def test_the_on_prem_example_lives_its_life(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    stack = project.write()
    graph = stack.graph

    counts, steps = project.preview(stack.name)
    created = {urn(graph, n) for n in graph.nodes}
    assert {u for u, op in steps.items() if op == "create"} >= created
    assert counts == {"create": 1 + len(graph.components) + len(graph.nodes)}  # 1: the stack

    project.pulumi("up", "--yes", "--skip-preview", "--stack", stack.name)
    counts, steps = project.preview(stack.name)
    assert counts == {"same": 1 + len(graph.components) + len(graph.nodes)}

    state = project.folder / "state.json"
    state.write_text(project.pulumi("stack", "export", "--stack", stack.name), encoding="utf-8")
    assert main(["plan", str(project.spec), "--against", f"state:{state}", "--exit-code"]) == 0, capsys.readouterr().out

    edited = project.write("{model: chat, pool: l40s}", "{model: chat, pool: l40s, env: {LOG_LEVEL: debug}}")
    edits = [e for e in diff(graph, edited.graph) if not isinstance(e, ComponentEdit | OutputEdit)]
    assert edits and not any(isinstance(e, Create) for e in edits)
    changed = {urn(edited.graph, edited.graph.node(e.id)): "update" for e in edits}
    counts, steps = project.preview(stack.name)
    assert {u: op for u, op in steps.items() if "::pulumi:pulumi:Stack::" not in u} == changed
    assert counts["update"] == len(changed)

    project.pulumi("up", "--yes", "--skip-preview", "--stack", stack.name)
    counts, _ = project.preview(stack.name)
    assert set(counts) == {"same"}

    project.pulumi("destroy", "--yes", "--skip-preview", "--stack", stack.name)
    deployment = json.loads(project.pulumi("stack", "export", "--stack", stack.name))["deployment"]
    assert [r["urn"] for r in deployment.get("resources") or () if r["type"] != "pulumi:pulumi:Stack"] == []


def test_a_lower_layer_that_is_not_there_is_one_error(project: Project) -> None:
    """What the program says and nothing of the engine's: it asks before it registers a reference."""
    text = (ROOT / "specs" / "examples" / "quickstart.yaml").read_text(encoding="utf-8")
    (project.folder / "cloud.yaml").write_text(text, encoding="utf-8")
    stack = "hello.default.us-east-1.platform"
    project.pulumi("stack", "init", stack)
    project.pulumi("config", "set", "--stack", stack, "llmform:spec", "cloud.yaml")
    done = subprocess.run(
        ["pulumi", "preview", "--non-interactive", "--stack", stack],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert said.count("is not deployed") == 1
    assert "run `pulumi up --stack hello.default.us-east-1.foundation` first" in said
    assert "Traceback" not in said
