"""The Pulumi program: which stack it is, what it says when something is missing, and what it says besides."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from specs.catalog.reader import EDITIONS, load_edition
from stacks import program
from stacks.cli import main
from tests.monitor import Recorded, Secret, recorded_tree, run, stacks_of
from tests.monitor import __main__ as monitor

ROOT = Path(__file__).resolve().parents[1]
QUICKSTART = ROOT / "specs" / "examples" / "quickstart.yaml"
STACK = "hello.default.us-east-1"
SPEC = {"llmform:spec": "platform.yaml"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one's own: Pulumi.yaml and a spec, and the program's folder inside it."""
    (tmp_path / "Pulumi.yaml").write_text("name: llmform\nruntime: python\nmain: program\n", encoding="utf-8")
    (tmp_path / "program").mkdir()
    shutil.copy(QUICKSTART, tmp_path / "platform.yaml")
    monkeypatch.chdir(tmp_path / "program")
    return tmp_path


def up(layer: str = "foundation", **options: Any) -> Recorded:
    options.setdefault("config", SPEC)
    return run(program.run, stack=f"{STACK}.{layer}", **options)


def refused(recorded: Recorded) -> str:
    """Return the one error that a person sees; nothing was registered before it."""
    assert recorded.error and not recorded.crashed
    assert [r.type for r in recorded.registrations] == ["pulumi:pulumi:Stack"]
    assert [text for kind, text in recorded.logs if kind == "error"] == []  # the executor logs what is raised, once
    return recorded.error


def test_the_program_runs_the_stack_that_is_asked_for(project: Path) -> None:
    [stack] = [s for s in stacks_of(project / "platform.yaml") if s.layer == "foundation"]
    recorded = up()
    assert not recorded.error
    assert {n.id for n in stack.graph.nodes} <= {r.name for r in recorded.registrations}
    assert recorded.outputs.keys() == stack.graph.outputs.keys()


def test_each_layer_reads_the_one_below(project: Path) -> None:
    below = {f"{STACK}.foundation": up().outputs}
    recorded = up("platform", stacks=below, organization="acme")
    assert not recorded.error
    [reference] = [r for r in recorded.registrations if r.external]
    assert (reference.name, reference.id) == (f"{STACK}.foundation", f"acme/llmform/{STACK}.foundation")
    provider = recorded.resource("targets.us-east-1/Provider/kubernetes")
    assert provider.inputs["clusterIdentifier"] == below[f"{STACK}.foundation"]["clusterArn"]
    assert reference.urn in provider.dependencies


def test_a_secret_of_the_layer_below_stays_one(project: Path) -> None:
    outputs = dict(up().outputs)
    outputs["clusterCertificateAuthority"] = Secret("LS0t")
    recorded = up("platform", stacks={f"{STACK}.foundation": outputs})
    provider = recorded.resource("targets.us-east-1/Provider/kubernetes")
    assert isinstance(provider.sent["kubeconfig"], Secret)
    assert provider.sent["clusterIdentifier"] == outputs["clusterArn"]


def test_no_config_is_an_error(project: Path) -> None:
    assert refused(up(config={})) == (
        f"the config of stack `{STACK}.foundation` names no spec\n"
        "  = help: `llmform stacks SPEC --write` writes it, or "
        f"`pulumi config set --stack {STACK}.foundation llmform:spec SPEC`"
    )


def test_a_spec_that_is_not_there_is_an_error(project: Path) -> None:
    assert refused(up(config={"llmform:spec": "specs/gone.yaml"})) == (
        f"there is no file `specs/gone.yaml` (`llmform:spec` of stack `{STACK}.foundation`, relative to `{project}`)\n"
        "  = help: `llmform stacks SPEC --write` sets it to where the spec is"
    )


def test_a_stack_that_the_spec_does_not_have_is_an_error(project: Path) -> None:
    recorded = run(program.run, stack="hello.default.us-east-1.foundations", config=SPEC)
    assert refused(recorded) == (
        "`platform.yaml` has no stack `hello.default.us-east-1.foundations`\n"
        "  = help: did you mean `hello.default.us-east-1.foundation`? stacks: `hello.default.us-east-1.foundation`, "
        "`hello.default.us-east-1.platform`, `hello.default.us-east-1.workloads`"
    )


def test_a_spec_with_errors_is_refused_with_what_check_says(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    spec = project / "platform.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("pool: l40s", "pool: l4s"), encoding="utf-8")
    with monkeypatch.context() as there:
        there.chdir(project)
        assert main(["check", "platform.yaml"]) == 1
    said = capsysbinary.readouterr().out.decode()
    assert "error[" in said
    assert refused(up()) == f"nothing is changed: `platform.yaml` has errors\n\n{said}"


@pytest.mark.parametrize("layer", ["platform", "workloads"])
def test_a_lower_layer_that_is_not_deployed_is_an_error(project: Path, layer: str) -> None:
    assert refused(up(layer)) == (
        f"stack `{STACK}.foundation` is not deployed\n  = help: run `pulumi up --stack {STACK}.foundation` first"
    )


@pytest.mark.parametrize("platform", [None, {}], ids=["not there", "made and never brought up"])
def test_the_workloads_wait_for_the_platform(project: Path, platform: Mapping[str, Any] | None) -> None:
    """They read nothing of it, and would still fail in the middle: their namespace and nodes are the platform's."""
    stacks = {f"{STACK}.foundation": up().outputs} | ({} if platform is None else {f"{STACK}.platform": platform})
    what = "is not deployed" if platform is None else f"has no output `namespace`, which `{STACK}.workloads` needs"
    assert refused(up("workloads", stacks=stacks)) == (
        f"stack `{STACK}.platform` {what}\n  = help: run `pulumi up --stack {STACK}.platform` first"
    )


def test_an_operator_layer_on_prem_comes_before_the_workloads(project: Path) -> None:
    """A platform layer without outputs has to be there as well; where the spec has none, nothing is asked for."""
    text = (ROOT / "specs" / "examples" / "on-prem.yaml").read_text(encoding="utf-8")
    spec, stack = project / "platform.yaml", "hello.default.dresden"
    spec.write_text(text, encoding="utf-8")
    assert [s.name for s in stacks_of(spec)] == [f"{stack}.workloads"]
    assert not run(program.run, stack=f"{stack}.workloads", config=SPEC).error
    spec.write_text(text.replace("    addons: existing ", "    # "), encoding="utf-8")
    assert [s.layer for s in stacks_of(spec)] == ["platform", "workloads"]
    said = refused(run(program.run, stack=f"{stack}.workloads", config=SPEC))
    assert said.startswith(f"stack `{stack}.platform` is not deployed\n")
    assert not run(program.run, stack=f"{stack}.workloads", config=SPEC, stacks={f"{stack}.platform": {}}).error


def test_a_site_waits_for_no_other_site(project: Path) -> None:
    """Sites of one target are places of their own: each is brought up alone, in any order."""
    for name in ("store-edge.yaml", "shops.csv"):
        shutil.copy(ROOT / "specs" / "examples" / name, project / name)
    sites = [s for s in stacks_of(project / "store-edge.yaml") if s.target == "shops"]
    assert len(sites) > 1
    for site in reversed(sites):
        recorded = run(program.run, stack=site.name, config={"llmform:spec": "store-edge.yaml"})
        assert (site.name, recorded.error) == (site.name, "")


def test_an_output_that_is_missing_is_an_error(project: Path) -> None:
    """A lower stack that was only made, or is of an older spec, has none or not all of its outputs."""
    outputs = {name: value for name, value in up().outputs.items() if name not in ("clusterArn", "clusterEndpoint")}
    assert refused(up("platform", stacks={f"{STACK}.foundation": outputs})) == (
        f"stack `{STACK}.foundation` has no output `clusterArn`, `clusterEndpoint`, which `{STACK}.platform` needs\n"
        f"  = help: run `pulumi up --stack {STACK}.foundation` first"
    )


def test_another_project_is_an_error(project: Path) -> None:
    assert refused(up(project="shop")).startswith(
        "Pulumi.yaml names the project `shop`\n  = help: write `name: llmform`"
    )


def test_no_project_is_an_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "Pulumi.yaml").unlink()
    assert refused(up()).startswith("there is no Pulumi.yaml in `")


def test_layers_that_gitops_delivers_are_refused(project: Path) -> None:
    """Otherwise two would apply one object; what is in AWS stays with Pulumi."""
    spec = project / "platform.yaml"
    text = spec.read_text(encoding="utf-8").replace("region: us-east-1,", "region: us-east-1, delivery: gitops,")
    text = text.replace("    region: us-east-1\n", "    region: us-east-1\n    delivery: gitops\n")
    spec.write_text(text, encoding="utf-8")
    assert not up().error
    for layer in ("platform", "workloads"):
        said = refused(up(layer, stacks={f"{STACK}.foundation": up().outputs}))
        assert said.startswith(
            f"`{STACK}.{layer}` is delivered by GitOps: the spec says so in `targets.us-east-1.deliver"
        )


def test_warnings_of_the_spec_are_warnings_of_the_update(project: Path) -> None:
    recorded = up()
    assert [kind for kind, _ in recorded.logs] == ["warning"]
    assert "warning[no-account]" in recorded.logs[0][1]
    assert "--> platform.yaml:" in recorded.logs[0][1]


RUN_MAIN = """
import json, runpy, sys
sys.path.append({root!r})  # as .venv's path file does
from tests.monitor.run import run
for name in [n for n in sys.modules if n.partition(".")[0] in ("specs", "stacks", "components")]:
    del sys.modules[name]  # the monitor's; the executor has imported nothing but the SDK
recorded = run(lambda: runpy.run_path({main!r}, run_name="__main__"), stack={stack!r}, config={config!r})
print(json.dumps([recorded.error, len(recorded.registrations)]))
"""


def run_main(folder: Path, main: str, stack: str, config: Mapping[str, str]) -> tuple[str, int]:
    """Run a program's folder as the language host's executor does, in a process of its own."""
    code = RUN_MAIN.format(root=str(ROOT), main=main, stack=stack, config=dict(config))
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    error, number = json.loads(done.stdout)
    return error, number


def test_the_program_of_the_clone_runs() -> None:
    error, number = run_main(
        ROOT / "stacks", str(ROOT / "stacks"), f"{STACK}.foundation", {"llmform:spec": "specs/examples/quickstart.yaml"}
    )
    assert not error
    [stack] = [s for s in stacks_of(QUICKSTART) if s.layer == "foundation"]
    assert number == 1 + len(stack.graph.nodes) + len(stack.graph.components)


def test_pulumi_install_gets_what_the_deploy_set_has() -> None:
    """It reads the file beside the program and no other; `requirements/lock` writes both."""
    text = (ROOT / "stacks" / "requirements.txt").read_text(encoding="utf-8")
    assert text == (ROOT / "requirements" / "deploy.txt").read_text(encoding="utf-8")
    assert "://" not in text and "\nllmform" not in text


def test_the_locked_packages_bring_the_plugins_that_the_newest_edition_asks_for() -> None:
    """Each resource asks for its plugin by version; `pulumi install` gets the plugins of the locked packages."""
    text = (ROOT / "requirements" / "deploy.txt").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^pulumi-(aws|kubernetes)==([0-9.]+)", text, re.MULTILINE))
    assert load_edition(EDITIONS[-1]).providers == locked


def test_nothing_in_a_project_stands_in_for_a_module_of_the_tool(project: Path) -> None:
    for name in ("specs", "stacks", "components", "policies"):
        (project / name).mkdir()
        (project / name / "__init__.py").write_text("raise SystemExit('the wrong module')\n", encoding="utf-8")
    (project / "yaml.py").write_text("raise SystemExit('the wrong module')\n", encoding="utf-8")
    (project / "__main__.py").write_text("from llmform_program import run\n\nrun()\n", encoding="utf-8")
    error, number = run_main(project, str(project), f"{STACK}.foundation", SPEC)
    assert not error
    assert number > 50


def test_two_commands_print_one_tree(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """What the engine recorded is what the graph says, as the two commands print it."""
    assert main(["graph", str(QUICKSTART), "--tree"]) == 0
    shown = capsysbinary.readouterr().out.decode()
    command = [sys.executable, "-m", "tests.monitor", str(QUICKSTART)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == shown


def test_one_command_compares_the_trees_of_every_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints a line a stack, and where one resource is missing it shows which and ends with 1."""
    examples = sorted((ROOT / "specs" / "examples").glob("*.yaml"))
    assert monitor.main(["--compare"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == {"equal"}
    assert [line.split()[2] for line in lines] == [s.name for path in examples for s in stacks_of(path)]
    monkeypatch.setattr(monitor, "recorded_tree", lambda run: recorded_tree(run).replace("Deployment/chat", "x"))
    assert monitor.main(["--compare", str(QUICKSTART)]) == 1
    out = capsys.readouterr().out
    assert "DIFFERENT  quickstart.yaml  hello.default.us-east-1.workloads" in out
    assert "+    serving.chat/x  (kubernetes:apps/v1:Deployment)" in out
