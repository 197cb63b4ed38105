"""The hooks under the real pre-commit, and the scripts under the real shellcheck."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.case_runner import _environment

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH")
    return found


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)


def test_shellcheck_has_nothing_to_say() -> None:
    """Every shell script of the project that this part adds."""
    done = call(ROOT, program("shellcheck"), "stacks/ci/plan.sh")
    assert (done.returncode, done.stdout) == (0, "")


def test_pre_commit_takes_the_manifest() -> None:
    """pre-commit's own rules for .pre-commit-hooks.yaml."""
    done = call(ROOT, program("pre-commit"), "validate-manifest", ".pre-commit-hooks.yaml")
    assert done.returncode == 0, done.stdout


def test_pre_commit_installs_and_runs_the_hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a repository with this one, at its last commit, as the hooks' source: needs a package index."""
    command = program("pre-commit")
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))
    revision = call(ROOT, "git", "rev-parse", "HEAD").stdout.strip()
    made = tmp_path / "made"
    (made / "specs").mkdir(parents=True)
    config = f"repos: [{{repo: {ROOT}, rev: {revision}, hooks: [{{id: llmform-check}}, {{id: llmform-schema}}]}}]\n"
    (made / ".pre-commit-config.yaml").write_text(config)
    shutil.copy(ROOT / "specs/examples/quickstart.yaml", made / "specs/a.yaml")
    (made / "values.yaml").write_text("not: a spec\n")
    call(made, "git", "init", "-q")
    call(made, "git", "add", ".")
    done = call(made, command, "run", "--all-files")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (made / "llmform.schema.json").is_file()
    (made / "specs/b.yaml").write_text("a: 1\n")
    call(made, "git", "add", ".")
    done = call(made, command, "run", "--all-files")
    assert done.returncode == 1 and "specs/b.yaml:1:1: error[" in done.stdout, done.stdout
