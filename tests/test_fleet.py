"""Many stacks and many specs: the same plan whoever makes its parts, in whatever order."""

from __future__ import annotations

import os
import pty
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from specs.diagnostics import has_errors
from stacks.alike import groups, in_short, marked
from stacks.cli import main
from stacks.cli.workers import WorkerDied, spread
from stacks.compile import Selection, check_spec, compile_spec
from stacks.fleet import Both, Question, Reviewed, joined, part, places
from stacks.plan import Against, plan
from stacks.policy_report import report
from stacks.render.json_plan import json_plan
from stacks.review import Broken
from tests.memory_files import MemoryFiles

ROOT = Path(__file__).resolve().parents[1]
QUESTION = Question(Selection(), "2026-11-21")
CONFIG = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own, namespace: shared}\n"


def spec(count: int, max: int = 2, rest: str = "", name: str = "fleet") -> str:
    targets = "".join(
        f'  place-{n}:\n    provider: aws\n    account: "{100000000000 + n}"\n    region: us-east-1\n'
        "    api: {allow: [198.51.100.0/24]}\n"
        for n in range(count)
    )
    return (
        f"apiVersion: llmform/v1\nname: {name}\nowner: ml\n"
        'models: {chat: "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"}\n'
        f"nodePools: {{l40s: {{accelerator: nvidia-l40s, max: {max}}}}}\n"
        f"serving: {{chat: {{model: chat, pool: l40s}}}}\n{rest}targets:\n{targets}"
    )


SHARED = "manifests: {extras: {dir: k8s/}}\nenvironments: {dev: {}, prod: {overlay: {owner: other}}}\n"
ON_PREM = "  dresden: {provider: on-prem, kubeContext: dresden, storage: {shared: cephfs}, addons: existing}\n"
PATCHES = (
    "patches:\n  - {match: serving.chat/Deployment/chat, merge: {metadata: {annotations: {a: b}}}}\n"
    "environments: {dev: {targets: [place-0]}, prod: {targets: [place-0, place-1, place-2], "
    "overlay: {serving.chat.replicas: 2}}}\n"
)


@pytest.mark.parametrize(
    ("after", "before"),
    [
        (spec(5), None),
        (spec(5, max=3), spec(5)),
        (spec(3), spec(5)),
        (spec(5), spec(3)),
        (spec(4, name="other"), spec(4)),
        (spec(3, rest=PATCHES), spec(3)),
        (spec(3), spec(3, rest=PATCHES)),
        ((ROOT / "specs/examples/store-edge.yaml").read_text(), None),
    ],
    ids=["new", "changed", "fewer", "more", "renamed", "patched", "environments-gone", "edge"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_parts_are_the_whole(after: str, before: str | None, seed: int) -> None:
    """However the places are cut and in whatever order the parts come, plan, policies and diagnostics are those of the
    spec planned in one go, with members of a group in short; and the plan as JSON is the same byte for byte."""
    files = MemoryFiles({"shops.csv": (ROOT / "specs/examples/shops.csv").read_bytes()})
    new = compile_spec(after.encode(), "spec.yaml", files)
    old = compile_spec(before.encode(), "spec.yaml", files) if before else None
    assert new.compilation is not None
    against = Against("git", "main", new.compilation.compiler, new.compilation.edition) if old else Against()
    whole = plan(old.compilation if old else None, new.compilation, against)
    both = Both(
        "spec.yaml",
        check_spec(after.encode(), "spec.yaml", files),
        check_spec(before.encode(), "spec.yaml", files) if before else None,
        against,
    )
    chance = random.Random(seed)
    here = list(places(both))
    cuts = sorted(chance.sample(range(1, len(here)), min(2, len(here) - 1)))
    chunks = [here[a:b] for a, b in zip([0, *cuts], [*cuts, len(here)], strict=True)]
    order = list(range(len(chunks)))
    chance.shuffle(order)
    made = {n: part(both, chunks[n], QUESTION) for n in order}
    found = joined(both, [made[n] for n in range(len(chunks))])
    assert isinstance(found, Reviewed)
    assert found.review.plan == replace(whole, stacks=tuple(in_short(marked(whole.stacks))))
    assert json_plan(found.review.plan) == json_plan(whole)
    told = [[(g.names, g.own_names, g.own_lines) for g in groups(one)] for one in (found.review.plan, whole)]
    assert told[0] == told[1]
    assert found.review.diagnostics == new.diagnostics
    assert found.review.policies == report(new.compilation, new.loaded, QUESTION.day)


@pytest.mark.parametrize(
    "text",
    [
        spec(1, rest=SHARED) + ON_PREM,
        spec(3, rest="patches: [{match: nothing/Here, merge: {}}]\n"),
        spec(3, rest="patches: [{match: serving.chat/Deployment/chat, merge: {kind: Deployment}}]\n"),
        spec(3, rest="adopt: {nothing/Here: llm/vllm}\n"),
    ],
    ids=["object-twice", "patch-without-match", "idle-patch", "unknown-adoption"],
)
def test_what_concerns_all_places_is_still_seen(text: str) -> None:
    """Each of these is wrong only with all environments and targets in view; the parts find it too."""
    files = MemoryFiles({"k8s/own.yaml": CONFIG})
    whole = compile_spec(text.encode(), "spec.yaml", files)
    assert has_errors(whole.diagnostics)
    both = Both("spec.yaml", check_spec(text.encode(), "spec.yaml", files))
    found = joined(both, [part(both, [place], QUESTION) for place in places(both)])
    assert isinstance(found, Broken)
    assert found.diagnostics == whole.diagnostics


# --- processes ---------------------------------------------------------------------------------------------------


def test_results_come_in_order_whoever_is_first() -> None:
    """The first task takes longest, and ends last."""

    def work(n: int) -> tuple[int, int]:
        time.sleep(0.05 if n == 0 else 0)
        return n, os.getpid()

    found = spread(work, 200, 3)
    assert [n for n, _ in found] == list(range(200))
    assert os.getpid() not in {pid for _, pid in found}


def test_a_large_result_crosses_whole() -> None:
    """More than a pipe holds (64 KiB on Linux), from several processes at once."""
    assert [len(x) for x in spread(lambda n: bytes(n * 700_000), 5, 3)] == [n * 700_000 for n in range(5)]


def test_an_exception_is_the_one_that_the_work_raises() -> None:
    """As if it were done here: with its own type, the first by number."""

    def work(n: int) -> int:
        if n in (3, 5):
            raise LookupError(str(n))
        return n

    with pytest.raises(LookupError, match="3"):
        spread(work, 8, 2)


def test_a_worker_that_dies_is_one_clear_error() -> None:
    """The kernel ends processes when memory runs out: by SIGKILL, without a word."""

    def work(n: int) -> int:
        if n == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    with pytest.raises(WorkerDied, match="was ended by signal 9"):
        spread(work, 50, 2)


def llmform(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "import sys; from stacks.cli import main; sys.exit(main())", *arguments]


def test_ctrl_c_ends_all_processes(tmp_path: Path) -> None:
    """The terminal gives SIGINT to the whole group: exit 130, nothing said, nobody left."""
    (tmp_path / "spec.yaml").write_text(spec(150))
    command = llmform("plan", str(tmp_path / "spec.yaml"), "--jobs", "2")
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    time.sleep(2.5)
    os.killpg(process.pid, signal.SIGINT)
    out, said = process.communicate(timeout=20)
    assert (process.returncode, out, said) == (130, b"", b"")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_jobs_change_nothing_that_is_printed(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """One process and three print the same bytes, in every form."""
    (tmp_path / "spec.yaml").write_text(spec(9))
    for form in ("human", "json", "markdown"):
        printed = set()
        for jobs in ("1", "3"):
            assert main(["plan", str(tmp_path / "spec.yaml"), "--format", form, "--jobs", jobs]) == 0
            printed.add(capsysbinary.readouterr().out)
        assert len(printed) == 1


def test_a_small_spec_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork costs more than it gains there."""

    def never() -> int:
        raise AssertionError("forked")

    monkeypatch.setattr(os, "fork", never)
    (tmp_path / "spec.yaml").write_text(spec(2))
    assert main(["plan", str(tmp_path / "spec.yaml"), "--jobs", "8"]) == 0


def test_progress_is_for_terminals_and_leaves_nothing(tmp_path: Path) -> None:
    """On a terminal a line is shown and cleared; elsewhere nothing is written to standard error."""
    (tmp_path / "spec.yaml").write_text(spec(60))
    command = llmform("plan", str(tmp_path / "spec.yaml"), "--jobs", "2")
    quiet = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    assert quiet.stderr == b""
    terminal, inside = pty.openpty()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=inside, check=True)
    os.close(inside)
    said = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux says so at the end
            break
        if not piece:
            break
        said += piece
    os.close(terminal)
    assert b"planning, parts done: " in said
    assert said.endswith(b"\r\x1b[K")


# --- folders -----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sound specs, one with an error, and what is no spec of this folder."""
    for name, text in {
        "b/two.yml": spec(1, name="two"),
        "a/one.yaml": spec(1, name="one"),
        "a/broken.yaml": "apiVersion: llmform/v1\nname: broken\nmodles: {}\n",
        "a/values.yaml": "name: helm\n",
        ".hidden/spec.yaml": spec(1, name="hidden"),
        "notes.md": "apiVersion: llmform/v1\n",
    }.items():
        path = tmp_path / "fleet" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "spec.yaml").write_text(spec(1, name="outside"))
    (tmp_path / "fleet/linked").symlink_to(outside)
    (tmp_path / "fleet/link.yaml").symlink_to(outside / "spec.yaml")
    return tmp_path / "fleet"


def test_a_folder_is_all_specs_in_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those with errors are told, the others planned; hidden and linked-out files are left alone. Exit 1."""
    assert main(["plan", str(folder)]) == 1
    text = capsys.readouterr().out
    assert text.startswith("2 specs, 6 stacks, ")
    assert "unknown-key" in text and "hidden" not in text and "outside" not in text
    assert "1 spec has errors and no plan: " in " ".join(text.split())
    assert "the same in 2 stacks, e.g. two.default.place-0.foundation, each with its own names" in " ".join(
        text.split()
    )


def test_check_takes_folders_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One list over all specs, sorted by file."""
    assert main(["check", str(folder), "--format", "concise"]) == 1
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [str(folder / "a/broken.yaml")]
    (folder / "a/broken.yaml").unlink()
    assert main(["check", str(folder)]) == 0
    assert capsys.readouterr().out == "2 specs: no errors, no warnings\n"


def test_a_folder_without_specs_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing planned would look like nothing changed."""
    assert main(["plan", str(tmp_path)]) == 2
    assert "there is no spec in" in capsys.readouterr().err


def test_the_same_file_is_planned_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file and the folder that it is in."""
    assert main(["plan", str(folder / "a/one.yaml"), str(folder / "b")]) == 0
    assert capsys.readouterr().out.startswith("2 specs, 6 stacks, ")
    assert main(["plan", str(folder / "b/two.yml"), str(folder / "b")]) == 0
    assert "1 spec" not in capsys.readouterr().out  # one spec is told as one plan


def test_an_environment_of_some_specs_leaves_the_others_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only if no spec has the name it is a mistake."""
    (folder / "a/broken.yaml").unlink()
    (folder / "a/one.yaml").write_text(spec(1, name="one", rest="environments: {prod: {}}\n"))
    assert main(["plan", str(folder), "--environment", "prod"]) == 0
    assert "two." not in capsys.readouterr().out
    assert main(["plan", str(folder), "--environment", "prdo"]) == 2
    assert "did you mean `prod`" in capsys.readouterr().err
