"""The command line at its edges: a full disk, an empty name, the completion of file names."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.case_runner import run
from tests.test_regressions import QUICKSTART

ROOT = Path(__file__).resolve().parents[1]
MAIN = "import sys; from stacks.cli import main; sys.exit(main())"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(json.dumps(QUICKSTART))
    return tmp_path / "spec.yaml"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "SPEC"], ["plan", "SPEC", "--format", "json"], ["compile", "SPEC"], ["stacks", "SPEC"], ["schema"],
        ["completion", "bash"], ["--help"], ["--version"], ["plan", "--help"], [],
    ],
)  # fmt: skip
def test_a_full_disk_is_said_in_one_line(arguments: list[str], unbuffered: str, spec: Path) -> None:
    """`/dev/full` fails every write (Linux, full(4)); it is no bug of llmform, and nothing else complains at exit."""
    words = [str(spec) if a == "SPEC" else a for a in arguments]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", MAIN, *words],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, "error: cannot write: No space left on device\n")


def test_a_file_to_compare_with_has_a_name(spec: Path) -> None:
    """An empty path is the folder itself to the operating system, which says nothing to a reader."""
    status, out, err = run(["plan", spec.name, "--against", "file:"], spec.parent)
    assert (status, out) == (2, "")
    assert "`file:` names no file" in err


def completed(words: list[str], folder: Path) -> set[str]:
    """Return what bash proposes for the last word, with the script that llmform prints."""
    status, script, _ = run(["completion", "bash"], ROOT)
    assert status == 0
    (folder / "completion.bash").write_text(script)
    line = (
        "source ./completion.bash; COMP_WORDS=(llmform "
        + " ".join(f"'{w}'" for w in words)
        + f"); COMP_CWORD={len(words)}; _shtab_llmform llmform '{words[-1]}' '{words[-2]}'; "
        + 'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("command", ["plan", "check", "explain"])
def test_a_spec_is_a_yaml_or_json_file_or_in_a_folder(command: str, tmp_path: Path) -> None:
    """Other files are not proposed."""
    for name in ("a.yaml", "b.yml", "c.json", "d.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    assert completed([command, ""], tmp_path) == {"a.yaml", "b.yml", "c.json", "folder"}


@pytest.mark.parametrize(
    ("option", "choices"),
    [
        ("--layer", {"foundation", "platform", "workloads"}),
        ("--format", {"human", "json", "markdown", "html", "github", "sarif", "dotenv"}),
    ],
)
def test_options_with_few_values_complete_them(option: str, choices: set[str], tmp_path: Path) -> None:
    assert completed(["plan", "a.yaml", option, ""], tmp_path) == choices


@pytest.mark.parametrize("words", [["compile", "spec.yaml"], ["plan", "spec.yaml", "--format", "json"], ["schema"]])
def test_what_is_no_file_is_written_to_and_stays(words: list[str], spec: Path) -> None:
    """`-o` of a pipe, as of `/dev/null`, puts no file in its place."""
    pipe = spec.parent / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        try:
            assert run([*words, "-o", "pipe"], spec.parent)[0] == 0
            assert stat.S_ISFIFO(pipe.stat().st_mode)
            assert json.loads(reader.communicate(timeout=10)[0])
        finally:
            reader.kill()
