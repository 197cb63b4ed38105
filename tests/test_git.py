"""Comparing with commits: real git in temporary repositories."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks.cli import main
from stacks.git import GitError, find_commit

SPEC = """\
apiVersion: llmform/v1
name: {name}
owner: ml
models: {{chat: "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"}}
nodePools: {{l40s: {{accelerator: nvidia-l40s, max: 9}}}}
serving: {{chat: {{model: chat, pool: l40s, replicas: {replicas}}}}}
targets: {{dresden: {{provider: on-prem, kubeContext: dresden, storage: {{shared: cephfs}}}}}}
"""


def spec(replicas: int = 2, name: str = "hello") -> str:
    return SPEC.format(replicas=replicas, name=name)


class Repository:
    """A repository in a folder; what is committed is told by files and their texts."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", *arguments)

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always"]
        done = subprocess.run(["git", *who, *words], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, **files: str | None) -> str:
        for name, text in files.items():
            self.write(name, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self.git("rev-parse", "HEAD")

    def write(self, name: str, text: str | None) -> None:
        path = self.folder / f"{name.replace('__', '/')}.yaml"
        if text is None:
            path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["plan", *arguments, "--format", "json"]) == 0, capsys.readouterr().err
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def changed(plan: dict[str, Any]) -> list[str]:
    """Return the decided values that are the causes."""
    steps = plan["steps"]
    return sorted({b["path"] for s in steps for b in s["because"]})


def test_a_branch_is_its_tip_and_three_dots_are_where_it_parted(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """main goes on after the branch has left it: its own change is in a plan against the tip, and not in one against
    the merge base."""
    base = repository.commit(spec=spec())
    repository.git("switch", "--quiet", "--create", "topic")
    repository.commit(other="text: 1\n")
    repository.git("switch", "--quiet", "main")
    tip = repository.commit(spec=spec(replicas=5))
    repository.git("switch", "--quiet", "topic")
    path = repository.folder / "spec.yaml"
    against_tip = planned(capsys, str(path), "--against", "git:main")
    assert against_tip["empty"] is False
    assert against_tip["against"]["label"] == f"main ({tip[:7]})"
    for name in ("git:main...", "git:main...HEAD", "git:main...topic"):
        since = planned(capsys, str(path), "--against", name)
        assert since["empty"] is True
        other = "topic" if name.endswith("topic") else "HEAD"
        assert since["against"]["label"] == f"the merge base of main and {other} ({base[:7]})"


def test_a_worktree_has_the_history_of_its_repository(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A linked worktree: `.git` is a file there."""
    repository.commit(spec=spec())
    repository.git("worktree", "add", "--quiet", "-b", "topic", str(tmp_path / "there"))
    (tmp_path / "there" / "spec.yaml").write_text(spec(replicas=3))
    plan = planned(capsys, str(tmp_path / "there" / "spec.yaml"), "--against", "git:main...")
    assert changed(plan) == ["serving.chat.replicas"]


def test_a_shallow_clone_says_what_to_fetch(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a clone of depth 1 the parent is not there, nor where two branches parted; with more history both are."""
    repository.commit(spec=spec())
    repository.git("switch", "--quiet", "--create", "topic")
    repository.commit(spec=spec(replicas=3))
    repository.git("switch", "--quiet", "main")
    repository.commit(other="text: 1\n")
    clone = tmp_path / "clone"
    source = f"file://{repository.folder}"
    flags = ("clone", "--quiet", "--depth", "1", "--no-single-branch", "--branch", "topic", source, str(clone))
    subprocess.run(["git", *flags], check=True, capture_output=True)
    path = str(clone / "spec.yaml")
    assert main(["plan", path, "--against", "git:HEAD~1"]) == 2
    assert "this clone is shallow: `git fetch --unshallow`" in capsys.readouterr().err
    assert main(["plan", path, "--against", "git:origin/main..."]) == 2
    said = capsys.readouterr().err
    assert "git fetch --deepen=100" in said and "git fetch --unshallow" in said
    subprocess.run(["git", "fetch", "--quiet", "--unshallow"], cwd=clone, check=True, capture_output=True)
    assert changed(planned(capsys, path, "--against", "git:origin/main...")) == ["serving.chat.replicas"]


def test_histories_without_a_common_commit_are_told_apart(repository: Repository) -> None:
    """An orphan branch: the clone is whole, and fetching would not help."""
    repository.commit(spec=spec())
    repository.git("switch", "--quiet", "--orphan", "other")
    repository.commit(spec=spec(replicas=3))
    with pytest.raises(GitError, match="have no commit in common"):
        find_commit(repository.folder / "spec.yaml", "main...")


def test_a_renamed_spec_is_found_under_its_old_name(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """The file moves to another folder and one line of it changes: the plan is of that line, and says the name."""
    repository.commit(platforms__old=spec())
    repository.git("mv", "platforms/old.yaml", "platforms/new.yaml")
    repository.commit(platforms__new=spec(replicas=3))
    plan = planned(capsys, str(repository.folder / "platforms/new.yaml"), "--against", "git:HEAD~1")
    assert changed(plan) == ["serving.chat.replicas"]
    assert any("platforms/new.yaml was platforms/old.yaml in HEAD~1" in note for note in plan["notes"])


def test_a_folder_shows_what_is_new_changed_renamed_and_gone(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four specs: one stays, one is renamed, one goes, one comes."""
    repository.commit(fleet__stays=spec(), fleet__old=spec(name="moved"), fleet__goes=spec(name="goes"))
    repository.git("mv", "fleet/old.yaml", "fleet/renamed.yaml")
    repository.commit(fleet__goes=None, fleet__comes="# not like any other\n" * 40 + spec(name="comes"))
    plan = planned(capsys, str(repository.folder / "fleet"), "--against", "git:HEAD~1")
    found = {(Path(s["file"]).name, t["status"]) for s in plan["specs"] for t in s["stacks"]}
    assert found == {
        ("stays.yaml", "unchanged"),
        ("renamed.yaml", "unchanged"),
        ("goes.yaml", "removed"),
        ("comes.yaml", "new"),
    }
    gone = next(s for s in plan["specs"] if s["file"].endswith("goes.yaml"))
    assert {(s["explanation"], len(s["because"])) for s in gone["steps"]} == {("the spec is gone", 0)}


@pytest.fixture
def with_submodule(repository: Repository, tmp_path: Path) -> Iterator[tuple[Repository, Repository]]:
    """A repository with a submodule `part`, whose spec and sites are as in its first commit."""
    inner = Repository(tmp_path / "inner")
    inner.commit(spec=spec())
    repository.commit(top="text: 1\n")
    repository.git("submodule", "--quiet", "add", str(inner.folder), "part")
    repository.commit()
    yield repository, inner


def test_a_spec_in_a_submodule_is_compared_with_the_submodules_commits(
    with_submodule: tuple[Repository, Repository], capsys: pytest.CaptureFixture[str]
) -> None:
    """`main` is the submodule's own."""
    outer, _ = with_submodule
    path = outer.folder / "part" / "spec.yaml"
    path.write_text(spec(replicas=3))
    assert changed(planned(capsys, str(path), "--against", "git:main")) == ["serving.chat.replicas"]


def test_a_spec_of_a_folder_is_compared_as_the_folders_commit_has_its_submodule(
    with_submodule: tuple[Repository, Repository], capsys: pytest.CaptureFixture[str]
) -> None:
    """A change that moves the submodule on changes, and deletes, what it brings; the submodule's own `main` is there
    already. The ids of commits are the outer repository's, as CI has them."""
    outer, inner = with_submodule
    base = outer.git("rev-parse", "HEAD").strip()
    inner.commit(spec=spec(replicas=3))
    outer.git("-C", "part", "pull", "--quiet", str(inner.folder), "main")
    outer.commit()
    words = [str(outer.folder), "--against", f"git:{base}"]
    (one,) = planned(capsys, *words)["specs"]
    assert changed(one) == ["serving.chat.replicas"]
    inner.git("rm", "--quiet", "spec.yaml")
    inner.commit(other="text: 1\n")
    outer.git("-C", "part", "pull", "--quiet", str(inner.folder), "main")
    outer.commit()
    assert [s["file"] for s in planned(capsys, *words)["specs"]] == [str(outer.folder / "part/spec.yaml")]


def test_files_in_a_submodule_below_are_those_of_its_commit(
    with_submodule: tuple[Repository, Repository], capsys: pytest.CaptureFixture[str]
) -> None:
    """A spec above names a folder of manifests in the submodule: the other side reads it as the commit names it, and
    where the submodule is not there, that is said."""
    outer, inner = with_submodule
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: own}}\ndata: {{a: '{}'}}\n"
    inner.commit(k8s__own=config.format(1))
    outer.git("-C", "part", "pull", "--quiet", str(inner.folder), "main")
    outer.commit(spec=spec() + "manifests: {extras: {dir: part/k8s/}}\n")
    (outer.folder / "part/k8s/own.yaml").write_text(config.format(2))
    plan = planned(capsys, str(outer.folder / "spec.yaml"), "--against", "git:HEAD")
    assert [s["component"] for s in plan["steps"]] == ["manifests.extras"]
    clone = outer.folder.parent / "clone"
    subprocess.run(["git", "clone", "--quiet", str(outer.folder), str(clone)], check=True, capture_output=True)
    (clone / "part" / "k8s").mkdir()
    (clone / "part/k8s/own.yaml").write_text(config.format(1))
    assert main(["plan", str(clone / "spec.yaml"), "--against", "git:HEAD"]) == 2
    assert "git submodule update --init" in capsys.readouterr().err


HOOKED = (
    "core.fsmonitor",
    "core.hooksPath",
    "core.pager",
    "diff.external",
    "core.sshCommand",
    "core.alternateRefsCommand",
)


def test_nothing_that_a_repository_configures_is_started(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """fsmonitor, hooks, pager, external diff, filters and textconv of a hostile repository: none of them runs."""
    repository.commit(spec=spec())
    repository.git("mv", "spec.yaml", "platform.yaml")
    (repository.folder / ".gitattributes").write_text("*.yaml filter=trap diff=trap\n")
    repository.commit()
    started = repository.folder.parent / "started"
    trap = repository.folder.parent / "trap.sh"
    trap.write_text(f"#!/bin/sh\necho started >>{started}\ncat\n")
    trap.chmod(0o755)
    hooks = repository.folder / ".git/hooks"
    for name in ("post-index-change", "reference-transaction", "post-checkout"):
        (hooks / name).write_text(trap.read_text())
        (hooks / name).chmod(0o755)
    for key in (
        *HOOKED,
        "filter.trap.clean",
        "filter.trap.smudge",
        "filter.trap.process",
        "diff.trap.textconv",
        "diff.trap.command",
    ):
        repository.git("config", key, str(hooks) if key == "core.hooksPath" else str(trap))
    (repository.folder / "platform.yaml").write_text(spec(replicas=3))
    os.utime(repository.folder / "platform.yaml", (0, 0))
    started.unlink(missing_ok=True)
    for name in ("git:HEAD~1", "git:HEAD", "git:HEAD~1..."):
        assert changed(planned(capsys, str(repository.folder / "platform.yaml"), "--against", name)) == [
            "serving.chat.replicas"
        ]
        planned(capsys, str(repository.folder), "--against", name)
    assert not started.exists()


def test_what_is_no_name_of_a_commit_is_refused(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither an option, nor two lines, nor a file's name is a commit."""
    repository.commit(spec=spec())
    for name in ("--all", "main\nHEAD", "HEAD:spec.yaml", "nothing...", "...nothing", " "):
        assert main(["plan", str(repository.folder / "spec.yaml"), "--against", f"git:{name}"]) == 2
        assert "git knows no commit" in capsys.readouterr().err
