"""A project of one's own: what `llmform init --project` writes, and that nothing in it takes llmform's place."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2_grpc

import llmform_program
from components.graph import PROJECT
from specs import __version__
from specs.schema.policies import LEVELS
from stacks.stack_configs import read_project
from tests.case_runner import run
from tests.oracles.urn import ROOT_STACK_TYPE

ROOT = Path(__file__).resolve().parent.parent

HOSTILE = ("specs", "stacks", "components", "policies", "serving_images", "tests", "yaml", "pydantic", "jsonpatch")
"""Packages that a user may have: llmform's own names, and those of what it depends on."""

HOSTILE_FILES = ("difflib.py", "heapq.py", "graphlib.py", "files.py")
"""Modules that a user may have, called like those of Python that are imported late."""


def hostile(folder: Path) -> Path:
    """Fill a folder with modules that leave a trace when they are imported."""
    for name in HOSTILE:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "__init__.py").write_text(f"print('shadowed by {name}', flush=True)\nraise SystemExit(3)\n")
    for name in HOSTILE_FILES:
        (folder / name).write_text(f"print('shadowed by {name}', flush=True)\nraise SystemExit(3)\n")
    return folder


def call(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, timeout=120
    )


def test_a_project_is_six_kinds_of_files(tmp_path: Path) -> None:
    """Pulumi.yaml, a program of three lines, the policy pack, a spec, its stacks' configs, .gitignore; the spec plans
    without errors."""
    status, out, err = run(["init", "--project", "platforms"], tmp_path)
    assert (status, err) == (0, "")
    project = tmp_path / "platforms"
    layers = ("foundation", "platform", "workloads")
    assert sorted(p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file()) == sorted(
        (".gitignore", "Pulumi.yaml", "__main__.py", "spec.yaml")
        + ("policies/PulumiPolicy.yaml", "policies/__main__.py")
        + tuple(f"config/Pulumi.my-platform.default.us-east-1.{layer}.yaml" for layer in layers)
    )
    assert (project / "__main__.py").read_text() == "from llmform_program import run\n\nrun()\n"
    assert run(["plan", "spec.yaml"], project)[0] == 0
    assert run(["stacks", "spec.yaml", "--write", "--check"], project)[0] == 0
    assert "llmform plan spec.yaml" in out


def test_pulumi_yaml_names_the_program_of_the_same_folder(tmp_path: Path) -> None:
    """The project has the name that URNs have, Python from `.venv`, no `main`: the program is beside the file."""
    run(["init", "--project", "."], tmp_path)
    text = (tmp_path / "Pulumi.yaml").read_text()
    assert read_project(text).name == PROJECT
    written = yaml.safe_load(text)
    assert written["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}
    assert "main" not in written
    assert written["stackConfigDir"] == "config"


def test_init_never_overwrites(tmp_path: Path) -> None:
    """A second run writes nothing; a spec and a .gitignore that are there stay, and the stacks are those of that
    spec."""
    (tmp_path / ".gitignore").write_text("mine\n")
    spec = (ROOT / "specs" / "examples" / "on-prem.yaml").read_text()
    (tmp_path / "acme.yaml").write_text(spec)
    status, out, _ = run(["init", "--project", ".", "acme.yaml"], tmp_path)
    assert status == 0
    assert out.startswith(
        "created      Pulumi.yaml\ncreated      __main__.py\ncreated      policies/PulumiPolicy.yaml\n"
        "created      policies/__main__.py\nkept         .gitignore\nkept         acme"
    )
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert (tmp_path / "acme.yaml").read_text() == spec
    assert [p.name for p in (tmp_path / "config").iterdir()] == ["Pulumi.hello.default.dresden.workloads.yaml"]
    status, out, err = run(["init", "--project", "."], tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith("error: `Pulumi.yaml` and `__main__.py` exist already; no file was written\n")
    assert not (tmp_path / "spec.yaml").exists()


@pytest.mark.parametrize(
    ("name", "text", "status", "said"),
    [
        ("Pulumi.yml", "name: shop\n", 2, "error: `Pulumi.yml` exists already; no file was written"),
        ("config", "", 2, "error: `config` is no folder; no file was written"),
        (
            "config/Pulumi.my-platform.default.us-east-1.platform.yaml",
            "config: [\n",
            1,
            "error: `config/Pulumi.my-platform.default.us-east-1.platform.yaml:2:1` cannot be edited: it is not YAML",
        ),
    ],
)
def test_what_is_in_the_way_is_found_before_anything_is_written(
    name: str, text: str, status: int, said: str, tmp_path: Path
) -> None:
    """Another project's file, a file where the configs' folder comes, a config that cannot be edited."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    found, out, err = run(["init", "--project", "."], tmp_path)
    assert (found, out) == (status, "")
    assert err.startswith(said)
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()] == [name]


def test_a_spec_with_errors_gets_its_configs_later(tmp_path: Path) -> None:
    """The project is made around a spec that is not right yet; its errors are shown, and what to run then."""
    (tmp_path / "spec.yaml").write_text("name: x\n")
    status, out, err = run(["init", "--project", "."], tmp_path)
    assert status == 1 and "created      Pulumi.yaml" in out
    assert "error[" in err and "llmform stacks spec.yaml --write" in err
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize("spec", ["../spec.yaml", "/tmp/spec.yaml"])
def test_the_spec_is_inside_the_project(spec: str, tmp_path: Path) -> None:
    """A spec outside would not travel with the repository."""
    assert run(["init", "--project", "p", spec], tmp_path)[0] == 2
    assert not (tmp_path / "p").exists()


EXECUTOR = """
import json, runpy, sys
sys.path.append({root!r})  # as a .pth of site-packages does: after everything else
import pulumi.runtime      # what the language host's executor has loaded when it starts a program
loaded = set(sys.modules)
from tests.monitor import run
for name in [n for n in sys.modules if n not in loaded and n.partition(".")[0] in {names!r}]:
    del sys.modules[name]
program = lambda: runpy.run_path({program!r}, run_name="__main__")
recorded = run(program, stack={stack!r}, config={{"llmform:spec": "spec.yaml"}}, preview=True)
homes = {{n: sys.modules[n].__file__ for n in ("stacks", "specs", "components", "yaml", "pydantic")}}
print(json.dumps([recorded.error, [r.urn for r in recorded.registrations], homes]))
"""


@pytest.mark.parametrize("program", [".", "ABSOLUTE"])
def test_nothing_in_the_folder_shadows_the_program(program: str, tmp_path: Path) -> None:
    """`pulumi up` in a folder full of modules called like llmform's runs llmform's, and registers the plan's tree."""
    assert run(["init", "--project", "."], tmp_path)[0] == 0
    hostile(tmp_path)
    stack = "my-platform.default.us-east-1.foundation"
    code = EXECUTOR.format(
        root=str(ROOT),
        names={*HOSTILE, *(name.removesuffix(".py") for name in HOSTILE_FILES)} - {"tests"},
        program=str(tmp_path) if program == "ABSOLUTE" else program,
        stack=stack,
    )
    script = tmp_path.parent / f"{tmp_path.name}-executor.py"
    script.write_text(code)
    done = call(sys.executable, str(script), cwd=tmp_path)
    assert "shadowed" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    error, urns, homes = json.loads(done.stdout.splitlines()[-1])
    assert error == ""
    status, text, _ = run(["graph", "spec.yaml", "--stack", stack], tmp_path)
    graph = json.loads(text)
    names = {urn.rpartition("::")[2] for urn in urns if ROOT_STACK_TYPE not in urn}
    assert status == 0 and names == {n["id"] for n in (*graph["nodes"], *graph["components"])}
    assert {n: Path(homes[n]).is_relative_to(tmp_path) for n in homes} == dict.fromkeys(homes, False)
    assert Path(homes["stacks"]).is_relative_to(ROOT)


def test_the_projects_policy_pack_is_llmforms(tmp_path: Path) -> None:
    """`pulumi preview --policy-pack policies` in a project: the engine starts the pack in its folder, with the Python
    that llmform is installed for, and gets llmform's policies, whatever else is in the folders."""
    assert run(["init", "--project", "."], tmp_path)[0] == 0
    pack = tmp_path / "policies"
    written = yaml.safe_load((pack / "PulumiPolicy.yaml").read_text())
    assert written["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": "../.venv"}}
    hostile(tmp_path)
    for package in llmform_program.PACKAGES:
        (pack / package).mkdir()
        (pack / package / "__init__.py").write_text("raise SystemExit(3)\n")
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", "."]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}  # stands for the site-packages of `.venv`
    started = subprocess.Popen(
        command, cwd=pack, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None and started.stderr is not None
    try:
        port = started.stdout.readline().strip()
        assert port.isdecimal(), port + started.stderr.read()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            info = analyzer_pb2_grpc.AnalyzerStub(channel).GetAnalyzerInfo(empty_pb2.Empty())
    finally:
        started.kill()
        started.communicate()
    assert info.name == "llmform" and {p.name for p in info.policies} == set(LEVELS)


def test_a_program_that_imported_its_own_modules_first(tmp_path: Path) -> None:
    """Packages of the user's that are loaded already give way: llmform's are found, the user keeps theirs."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "__init__.py").write_text("mine = True\n")
    (tmp_path / "program.py").write_text(
        textwrap.dedent("""
            import stacks
            import llmform_program
            llmform_program.shut_out(".")
            from stacks.cli import main
            assert stacks.mine
            raise SystemExit(main(["--version"]))
        """)
    )
    done = call(sys.executable, "program.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"llmform {__version__}\n"), done.stderr


def test_nothing_in_the_folder_shadows_the_command(tmp_path: Path) -> None:
    """The installed `llmform` runs its own modules where the user stands, PYTHONPATH or not."""
    hostile(tmp_path)
    scripts = tmp_path.parent / f"{tmp_path.name}-bin"
    scripts.mkdir()
    # what an installer writes for the entry point `llmform_program:main`
    (scripts / "llmform").write_text("import sys\nfrom llmform_program import main\nsys.exit(main())\n")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    for name in llmform_program.PACKAGES:
        shutil.copytree(tmp_path / name, elsewhere / name)
    for environment in ({}, *({"PYTHONPATH": str(path)} for path in (tmp_path, ".", elsewhere))):
        done = call(sys.executable, str(scripts / "llmform"), "init", "--project", "p", cwd=tmp_path, **environment)
        assert "shadowed" not in done.stdout + done.stderr
        assert done.returncode == (0 if not environment else 2), done.stderr


def test_the_package_holds_the_module_that_projects_import() -> None:
    """The wheel has `llmform_program` at its top, the command starts there, and it knows all of llmform's packages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"llmform_program.py": "llmform_program.py"}
    assert sorted(wheel["packages"]) == list(llmform_program.PACKAGES)
    assert project["project"]["scripts"] == {"llmform": "llmform_program:main"}
