"""The invariants of ARCHITECTURE.md that are about the code itself: who imports whom, and who touches the world."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(p for folder in ("specs", "components", "stacks", "policies") for p in (ROOT / folder).rglob("*.py"))
MAY_IMPORT = {
    "specs": {"specs"},
    "components": {"specs", "components"},
    "stacks": {"specs", "components", "stacks", "policies", "serving_images"},
    "policies": {"specs", "components", "policies"},
}
OURS = {"specs", "components", "stacks", "serving_images", "policies", "tests", "docs", "benchmarks"}
NETWORK = {"socket", "ssl", "http", "urllib", "asyncio", "requests", "httpx", "grpc", "boto3", "botocore"}
WORLD = {
    "os",
    "subprocess",
    "time",
    "datetime",
    "random",
    "secrets",
    "uuid",
    "tempfile",
    "shutil",
    "threading",
} | NETWORK

ALLOWED_WORLD = {
    "stacks/files.py": {"os", "subprocess"},  # reads specs from disk, states from Pulumi by running it
    "stacks/git.py": {"os", "subprocess"},  # reads specs from git, by running it
    "specs/catalog/tables.py": {"os"},  # os.path joins the paths of the tables; it is quicker to import than pathlib
    "stacks/program.py": {"grpc"},  # the type of the error that the engine answers with
    "stacks/ci/rest.py": {"time", "http", "urllib"},  # the one place that speaks to a forge
    "stacks/ci/history.py": {"subprocess"},  # git, which fetches the base
    "stacks/ci/plan_files.py": {"os", "subprocess"},  # the plan, in a process that has no token
    "stacks/ci/github_job.py": {"os", "tempfile"},  # the runner's variables and files
    "stacks/ci/gitlab_job.py": {"os"},
    "stacks/ci/comment.py": {"urllib"},  # of these three only urllib.parse, which quotes text
    "stacks/ci/gitlab.py": {"urllib"},
    "stacks/render/sarif.py": {"urllib"},
    "specs/catalog/engines.py": {"datetime"},
    "specs/catalog/reader.py": {"datetime"},
    "specs/catalog/models.py": {"datetime"},  # the type of a date in a table; what reads the clock is looked for below
}
"""Files outside stacks/cli that may import what touches the world, and why."""


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    """Yield the first part of every module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{named(path)}: a relative import hides which way it goes"
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("path", FILES, ids=named)
def test_imports_go_one_way(path: Path) -> None:
    """specs imports nothing above it, components nothing of stacks; nobody imports tests or docs."""
    allowed = MAY_IMPORT[path.relative_to(ROOT).parts[0]]
    assert not {m for m in imported(path) if m in OURS} - allowed


@pytest.mark.parametrize("path", [p for p in FILES if "stacks/cli" not in named(p)], ids=named)
def test_the_pure_part_does_not_touch_the_world(path: Path) -> None:
    """Outside the command line no stage has a clock, chance, the environment, other programs or the network."""
    assert not set(imported(path)) & WORLD - ALLOWED_WORLD.get(named(path), set())
    text = path.read_text(encoding="utf-8")
    assert not {call for call in (".today()", ".now(", "utcnow(") if call in text}


def test_every_module_can_be_the_first_that_is_imported() -> None:
    """No two modules import each other, by way of the packages that hold them included."""
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in FILES}
    needs: dict[str, set[str]] = {}
    for module, path in modules.items():
        names: set[str] = set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        packages = {name.rpartition(".")[0] for name in names} | names
        needs[module] = {n for n in packages & modules.keys() if not f"{module}.".startswith(f"{n}.")}
    assert tuple(TopologicalSorter(needs).static_order())


def test_every_exception_of_the_pure_part_is_needed() -> None:
    """The list of exceptions holds nothing that its file no longer imports."""
    assert {name: modules - set(imported(ROOT / name)) for name, modules in ALLOWED_WORLD.items()} == {
        name: set() for name in ALLOWED_WORLD
    }


def test_only_the_emitter_and_the_program_name_pulumi_in_an_import() -> None:
    """The graph is data: one file hands it to the engine, and two are what the engine starts."""
    engine = {named(p) for p in FILES if any(m.startswith("pulumi") for m in imported(p))}
    assert engine == {"components/emit.py", "stacks/program.py", "policies/__main__.py"}


def test_nobody_but_the_program_imports_the_emitter() -> None:
    """Whoever imports it imports the engine's SDK: half a second, and not there in a base installation."""
    users = {named(p) for p in FILES if "components.emit" in p.read_text(encoding="utf-8")}
    assert users == {"stacks/program.py"}
    assert not [named(p) for p in FILES if "stacks.program" in p.read_text(encoding="utf-8")]


@pytest.mark.parametrize("against", [[], ["--against", "git:HEAD"]], ids=["alone", "git"])
def test_planning_loads_neither_pulumi_nor_the_network(against: list[str], tmp_path: Path) -> None:
    """What `llmform plan` really loads, its dependencies included, holds no engine, no cloud SDK and no network."""
    spec = tmp_path / "spec.yaml"
    spec.write_bytes((ROOT / "specs/examples/quickstart.yaml").read_bytes())
    if against:
        commit = ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "a"]
        for words in (["init", "-q"], ["add", "spec.yaml"], commit):
            subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    code = (
        "import json, sys; from stacks.cli import main; "
        f"status = main({['plan', str(spec), *against]!r}); "
        "print(json.dumps([status, sorted({m.partition('.')[0] for m in sys.modules})]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    status, loaded = json.loads(done.stderr.splitlines()[-1])
    assert status == 0
    assert not {m for m in loaded if m.startswith("pulumi")}
    assert "jinja2" not in loaded  # only what renders images or a page pays for it
    assert not (NETWORK - {"urllib"}) & set(loaded)  # pydantic loads urllib.parse, which only splits text


POLICIES = sorted((ROOT / "policies").rglob("*.py"))


@pytest.mark.parametrize("path", POLICIES, ids=named)
def test_policies_read_the_graph_and_the_catalog_only(path: Path) -> None:
    """A rule judges a graph; it knows neither how one is made nor how a plan is shown. The pack knows levels too."""
    text = path.read_text(encoding="utf-8")
    ours = {m for m in modules(ast.parse(text)) if m.partition(".")[0] in OURS - {"policies"}}
    levels = ("specs.schema.policies",) if named(path) == "policies/engine.py" else ()
    known = ("components.graph", "specs.catalog", "specs.diagnostics", "specs.secret_names", *levels)
    assert {m for m in ours if not m.startswith(known)} == set()


def modules(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of every module that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def tracked() -> list[Path]:
    """Return the files that belong to the project: what git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


VAGUE = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc", "core", "base_utils"}


def test_no_file_has_a_name_that_says_nothing() -> None:
    """A name says what is in the file; these say that nobody knew."""
    assert [named(p) for p in tracked() if VAGUE & {part.partition(".")[0] for part in p.relative_to(ROOT).parts}] == []


# put together here, so that this file does not hold what it looks for
_ELSEWHERE = [
    "".join(parts)
    for parts in (
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("registry.npmjs", ".org"),
        ("deb.debian", ".org"),
        ("index.crates", ".io"),
        ("proxy.golang", ".org"),
        ("--index", "-url"),
        ("/ro", "ot/"),
        ("/wo", "rk/"),
        ("/ho", "me/"),
        ("/Us", "ers/"),
    )
]
_MACHINE = re.compile(
    "|".join(rf"(?<![\w.])/{part[1:]}" if part.startswith("/") else re.escape(part) for part in _ELSEWHERE)
)


def test_no_file_names_a_registry_or_a_machine() -> None:
    """The project installs from wherever its user's pip does, and runs wherever it is cloned to."""
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # compressed test data
        found += [f"{named(path)}: {match[0]}" for match in _MACHINE.finditer(text)]
    assert found == []
