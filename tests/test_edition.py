"""An edition is frozen: the recorded examples of every edition compile to the same bytes in every release."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest

from components.graph_json import canonical
from specs.catalog.reader import EDITIONS
from tests import record_edition
from tests.record_edition import FROZEN, NAMES, graphs, main, pinned, record, recording

HELP = f"""{FROZEN}.
If the change is wanted, it belongs in a new edition: copy specs/catalog/<edition> to a new folder, add it to
EDITIONS, make the change
depend on it, and record it with `python -m tests.record_edition <new edition>`. Never rewrite the recording of a
released edition."""


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("name", NAMES)
def test_an_edition_compiles_to_what_it_did(edition: str, name: str) -> None:
    """Byte by byte, the graph of every stack; the compiler's version is not part of it."""
    file = recording(edition, name)
    assert file.exists(), f"edition {edition} has no recording of {name}: `python -m tests.record_edition {edition}`"
    recorded = json.loads(file.read_text(encoding="utf-8"))
    now = {stack: canonical(graph) for stack, graph in graphs(recorded["spec"], recorded["files"]).items()}
    then = {stack: canonical(graph) for stack, graph in recorded["stacks"].items()}
    if now == then:
        return
    lines = [f"stacks: {sorted(then)} -> {sorted(now)}"] if set(now) != set(then) else []
    for stack in sorted(set(now) & set(then)):
        lines += difflib.unified_diff(
            then[stack].splitlines(), now[stack].splitlines(), f"{stack} as recorded", f"{stack} now", lineterm="", n=2
        )
    pytest.fail("\n".join([HELP, "", *lines[:80], *(["…"] if len(lines) > 80 else [])]), pytrace=False)


def test_a_recording_holds_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The spec with its edition and its files, so that a later example or a newer edition changes nothing in it."""
    monkeypatch.setattr(record_edition, "ROOT", tmp_path / "tests")
    assert main([EDITIONS[-1]]) == 0
    for name in NAMES:
        text = recording(EDITIONS[-1], name).read_text(encoding="utf-8")
        made = json.loads(text)
        assert f"\nedition: {EDITIONS[-1]}" in made["spec"]
        assert canonical(made) == text
        assert graphs(made["spec"], made["files"]) == made["stacks"]
        assert record(EDITIONS[-1], name) == text
    with_files = json.loads(recording(EDITIONS[-1], "environments").read_text(encoding="utf-8"))
    assert set(with_files["files"]) == {"k8s/priority-class.yaml"}


def test_a_recorded_edition_is_not_recorded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says why, and changes nothing."""
    monkeypatch.setattr(record_edition, "ROOT", tmp_path / "tests")
    file = recording(EDITIONS[-1], "on-prem")
    file.parent.mkdir(parents=True)
    file.write_text("as it was", encoding="utf-8")
    assert main([EDITIONS[-1]]) == 1
    assert "an edition is frozen" in capsys.readouterr().err
    assert [p.name for p in file.parent.iterdir()] == ["on-prem.json"]
    assert file.read_text(encoding="utf-8") == "as it was"


def test_an_unknown_edition_cannot_be_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    """The command names those that there are."""
    assert main(["1999-01"]) == 2
    assert EDITIONS[-1] in capsys.readouterr().err


def test_a_spec_that_names_its_edition_stays_as_it_is() -> None:
    """The other ones get a line at their end."""
    assert pinned("name: a\nedition: 2026-11 # x\n", "2026-11") == "name: a\nedition: 2026-11 # x\n"
    assert pinned("name: a\n\n", "2026-11") == "name: a\n\nedition: 2026-11\n"
