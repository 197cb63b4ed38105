"""What `llmform render` writes for the examples, applied by kubectl to an API server.

    KUBECONFIG=… .venv/bin/python -m pytest -n 0 tests/real/test_manifests.py

Needs `kubectl` on PATH and an API server behind the current context of KUBECONFIG; nodes are not needed.
Every object has a name that nobody else has and goes again. No pod runs: Deployments have no replica and Jobs are
suspended; that their pods would be admitted is asked of the server without making one. Objects of Karpenter and Flux
are asked about in the same way, since their controllers would act on them; where the server does not know such a kind,
it is left out.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.cli import main
from stacks.compilation import CompiledStack
from stacks.compile import compile_spec
from stacks.files import DiskFiles
from tests.real.cluster import context

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "specs" / "examples"
OUTPUTS = {"clusterSecurityGroupId": "sg-0123456789abcdef0"}
KUSTOMIZE_SAYS = "Sorting order is set both in 'kustomization.yaml' ('sortOptions') and in a CLI flag ('--reorder')"
pytestmark = pytest.mark.real


def missing() -> str:
    """Return what this machine lacks, in one line; empty if nothing."""
    if not shutil.which("kubectl"):
        return "`kubectl` is not on PATH"
    if not context():
        return "KUBECONFIG names no cluster: it is not set, not a file, or has no current context"
    return ""


if REASON := missing():
    pytest.skip(REASON, allow_module_level=True)


@dataclass(frozen=True)
class Answer:
    """What kubectl printed."""

    status: int
    out: str
    warnings: tuple[str, ...]


def kubectl(*arguments: str, objects: list[dict[str, Any]] | None = None) -> Answer:
    """Run kubectl, with objects as its standard input."""
    done = subprocess.run(
        ["kubectl", *arguments],
        input=None if objects is None else json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    said = tuple(line for line in done.stderr.splitlines() if line.strip() and KUSTOMIZE_SAYS not in line)
    return Answer(done.returncode, done.stdout, said)


def builtin(manifest: dict[str, Any]) -> bool:
    """Say whether the API server itself has the kind: no controller of another project acts on it."""
    group = manifest["apiVersion"].rpartition("/")[0]
    return "." not in group or (group.endswith(".k8s.io") and ".x-k8s." not in group)


def known_kinds() -> set[tuple[str, str]]:
    """Return API version and kind of everything that the server has."""
    lines = kubectl("api-resources", "--no-headers").out.splitlines()
    return {(fields[-3], fields[-1]) for fields in map(str.split, lines)}


@pytest.fixture(params=["quickstart", "on-prem", "environments"])
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An example under a name of its own whose pods do not run, in a folder with the files that it names."""
    mine = f"real-{secrets.token_hex(4)}"
    text = (EXAMPLES / f"{request.param}.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^name: .*$", f"name: {mine}", text).replace("llm-critical", mine)
    (tmp_path / "k8s").mkdir()
    for path in (EXAMPLES / "k8s").iterdir():
        (tmp_path / "k8s" / path.name).write_text(path.read_text(encoding="utf-8").replace("llm-critical", mine))
    compiled = compile_spec(text.encode(), "spec.yaml", DiskFiles(tmp_path)).compilation
    assert compiled is not None
    still = {"Deployment": "{spec: {replicas: 0}}", "Job": "{spec: {suspend: true}}"}
    of_pods = {
        n.id: still[str(n.inputs["kind"])]
        for s in compiled.stacks
        for n in s.graph.nodes
        if n.inputs.get("kind") in still
    }
    patches = "".join(f"  - {{match: {node}, merge: {merge}}}\n" for node, merge in sorted(of_pods.items()))
    text = (
        text.replace("patches:\n", f"patches:\n{patches}") if "patches:\n" in text else f"{text}\npatches:\n{patches}"
    )
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def stacks_of(spec: Path) -> Iterator[list[CompiledStack]]:
    """Yield the Kubernetes stacks of each cluster, the lower layer first."""
    compiled = compile_spec(spec.read_bytes(), "spec.yaml", DiskFiles(spec.parent)).compilation
    assert compiled is not None
    stacks = [s for s in compiled.stacks if s.layer != "foundation"]
    for place in dict.fromkeys((s.environment, s.target) for s in stacks):
        yield [s for s in stacks if (s.environment, s.target) == place]


def waves(spec: Path, stack: CompiledStack) -> list[list[dict[str, Any]]]:
    """Return the objects that kustomize builds of the rendered folders, which are those of the files in their order."""
    folder, outputs = spec.parent / stack.name, spec.parent / "foundation.json"
    outputs.write_text(json.dumps(OUTPUTS), encoding="utf-8")
    arguments = ["--stack", stack.name, "-o", str(folder), "--outputs", str(outputs), "--helm", "helmrelease"]
    assert main(["render", str(spec), *arguments]) == 0
    found = []
    for wave in (folder, *sorted(folder.glob("wave-*"))):
        built = kubectl("kustomize", str(wave))
        assert (built.status, built.warnings) == (0, ()), built
        names = yaml.safe_load((wave / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
        files = [yaml.safe_load((wave / name).read_text(encoding="utf-8")) for name in names]
        assert list(yaml.safe_load_all(built.out)) == files
        found.append(files)
    return found


def generations(objects: list[dict[str, Any]]) -> list[Any]:
    """Return the generation of each object in the cluster."""
    items = json.loads(kubectl("get", "-o", "json", "-f", "-", objects=objects).out)
    return [item["metadata"].get("generation") for item in items.get("items", [items])]


def template_pods(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pod of a Deployment's or a Job's template."""
    if manifest["kind"] not in ("Deployment", "Job"):
        return []
    template = manifest["spec"]["template"]
    metadata = {**template["metadata"], "name": "admitted", "namespace": manifest["metadata"]["namespace"]}
    return [{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}]


def accepted(objects: list[dict[str, Any]], *options: str) -> None:
    """Apply objects, strictly validated, and ask that nothing is said but that they are applied."""
    done = kubectl("apply", "--server-side", "--validate=strict", *options, "-f", "-", objects=objects)
    assert (done.status, done.warnings) == (0, ()), done


def test_an_api_server_takes_every_wave_without_a_word(spec: Path) -> None:
    """Strictly validated, without a warning, each wave after the one before; a second apply changes no object; the pods
    of the templates are admitted as pod security and service accounts are."""
    known = known_kinds()
    for stacks in stacks_of(spec):
        made: list[dict[str, Any]] = []
        try:
            for objects in (wave for stack in stacks for wave in waves(spec, stack)):
                really = [o for o in objects if builtin(o)]
                made += really
                if really:
                    accepted(really)
                    before = generations(really)
                    accepted(really)
                    assert generations(really) == before
                asked = [o for o in objects if not builtin(o) and (o["apiVersion"], o["kind"]) in known]
                for question in (asked, *([pod] for o in really for pod in template_pods(o))):
                    if question:
                        accepted(question, "--dry-run=server", "--force-conflicts")  # the cluster's own Karpenter
        finally:
            if made:
                gone = kubectl("delete", "--ignore-not-found", "-f", "-", objects=made[::-1])
                assert gone.status == 0, gone
