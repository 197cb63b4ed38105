"""Stack config files: the spec's path comes into them, and nothing else changes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stacks.stack_configs import NotEditable, Project, read_project, spec_in, with_spec
from tests.case_runner import run

EXAMPLES = Path(__file__).resolve().parent.parent / "specs" / "examples"

SPEC = "specs/acme.yaml"

EDITS = {
    "an empty file": ("", "config:\n  llmform:spec: specs/acme.yaml\n"),
    "only a comment": ("# ours\n", "# ours\nconfig:\n  llmform:spec: specs/acme.yaml\n"),
    "no config": (
        "encryptionsalt: v1:abc=\n# end\n",
        "encryptionsalt: v1:abc=\n# end\nconfig:\n  llmform:spec: specs/acme.yaml\n",
    ),
    "no line break at the end": (
        "secretsprovider: awskms://alias/x",
        "secretsprovider: awskms://alias/x\nconfig:\n  llmform:spec: specs/acme.yaml\n",
    ),
    "other keys": (
        "config:\n    # whose\n    aws:profile: ml # ours\nencryptionsalt: v1\n",
        "config:\n    llmform:spec: specs/acme.yaml\n    # whose\n    aws:profile: ml # ours\nencryptionsalt: v1\n",
    ),
    "no value": (
        "config: # soon\nencryptionsalt: v1\n",
        "config: # soon\n  llmform:spec: specs/acme.yaml\nencryptionsalt: v1\n",
    ),
    "another spec": (
        "config:\n  llmform:spec: old.yaml # here\n  a:b: {secure: v1:x}\n",
        "config:\n  llmform:spec: specs/acme.yaml # here\n  a:b: {secure: v1:x}\n",
    ),
    "a quoted key and value": (
        'config:\n  "llmform:spec": "old.yaml"\n',
        'config:\n  "llmform:spec": specs/acme.yaml\n',
    ),
    "the key in its old spelling": (
        "config:\n  llmform:config:spec: old.yaml\n",
        "config:\n  llmform:config:spec: specs/acme.yaml\n",
    ),
    "an empty map in braces": ("config: {}\n", 'config: {"llmform:spec": "specs/acme.yaml"}\n'),
    "JSON": (
        '{"config": {"a:b": {"secure": "v1:x"}}}',
        '{"config": {"llmform:spec": "specs/acme.yaml", "a:b": {"secure": "v1:x"}}}',
    ),
    "JSON without config": (
        '{"encryptionsalt": "v1"}',
        '{"config": {"llmform:spec": "specs/acme.yaml"}, "encryptionsalt": "v1"}',
    ),
    "line ends of Windows": (
        "config:\r\n  a:b: 1\r\n",
        "config:\r\n  llmform:spec: specs/acme.yaml\r\n  a:b: 1\r\n",
    ),
    "what YAML readers disagree about": (
        "config:\n  a:b: yes\n  a:c: 0o17\n",
        "config:\n  llmform:spec: specs/acme.yaml\n  a:b: yes\n  a:c: 0o17\n",
    ),
    "a document's marks": (
        "---\nencryptionsalt: v1\n...\n",
        "---\nencryptionsalt: v1\nconfig:\n  llmform:spec: specs/acme.yaml\n...\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), EDITS.values(), ids=EDITS)
def test_an_edit_is_one_line_or_one_value(before: str, after: str) -> None:
    """The path comes in where a person would write it, and what was there stays, comments and order included."""
    assert with_spec(before, SPEC) == after
    assert with_spec(after, SPEC) == after
    assert spec_in(after) == SPEC


REFUSED = {
    "not YAML": "config: [\n",
    "not a map": "- a\n",
    "config is a list": "config: [a]\n",
    "config is an alias": "a: &x {b:c: 1}\nconfig: *x\n",
    "two documents": "a: 1\n---\nb: 2\n",
    "the key twice": "config:\n  llmform:spec: a\n  llmform:config:spec: b\n",
    "config twice": "config: {}\nconfig: {}\n",
    "a secret": "config:\n  llmform:spec:\n    secure: v1:abc\n",
    "a block of text": "config:\n  llmform:spec: |\n    old\n  a:b: 1\n",
    "an anchor": "config: &x\n  a:b: 1\nother: *x\n",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_edited_safely_is_refused(text: str) -> None:
    """No guess is made about a file that is no stack config, or whose form leaves no place for one line."""
    with pytest.raises(NotEditable):
        with_spec(text, SPEC)


@pytest.mark.parametrize(
    "path", ["a b.yaml", "yes", "on/off.yaml", "1e3", "ü.yaml", "a: b.yaml", "#x", "'q'.yaml", "~"]
)
def test_any_path_is_read_as_it_is(path: str) -> None:
    """A YAML reader takes the path for the text that it is, whatever it looks like."""
    assert yaml.safe_load(with_spec("", path)) == {"config": {"llmform:spec": path}}
    assert yaml.safe_load(with_spec("config: {}", path)) == {"config": {"llmform:spec": path}}


KEYS = st.from_regex(r"[a-z]{1,5}:[a-z]{1,5}", fullmatch=True).filter(lambda k: not k.startswith("llmform:"))
VALUES = st.recursive(
    st.text(max_size=20) | st.booleans() | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=6,
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "encryptionsalt": st.text(max_size=20),
        "config": st.dictionaries(KEYS, VALUES | st.builds(lambda s: {"secure": s}, st.text(max_size=20)), max_size=4),
    },
)


@given(CONFIGS, st.sampled_from([None, True, False]), st.integers(2, 6))
def test_nothing_else_changes(config: dict[str, Any], flow: bool | None, indent: int) -> None:
    """Whatever a file holds and however PyYAML writes it, every line stays, and every value but the one."""
    before = yaml.safe_dump(config, default_flow_style=flow, indent=indent, sort_keys=False)
    after = with_spec(before, SPEC)
    wanted = {**config, "config": {**(config.get("config") or {}), "llmform:spec": SPEC}}
    assert yaml.safe_load(after) == wanted
    if flow is False and config.get("config"):
        lines = after.splitlines(keepends=True)
        [added] = [line for line in lines if "llmform:spec" in line]
        lines.remove(added)
        assert "".join(lines) == before


def test_a_project_says_where_its_stack_configs_are() -> None:
    """`stackConfigDir` is the folder; a text under `config` is its old spelling; a map there is something else."""
    assert read_project("name: llmform\nstackConfigDir: stacks/config\n") == Project("llmform", "stacks/config")
    assert read_project("name: llmform\nconfig: old\n") == Project("llmform", "old")
    assert read_project("name: llmform\nconfig: {aws:region: us-east-1}\n") == Project("llmform", "")
    with pytest.raises(NotEditable):
        read_project("runtime: python\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one spec, whose stack configs are in `deploy/`."""
    (tmp_path / "Pulumi.yaml").write_text("name: llmform\nruntime: python\nstackConfigDir: deploy\n")
    (tmp_path / "specs").mkdir()
    shutil.copy(EXAMPLES / "on-prem.yaml", tmp_path / "specs" / "hello.yaml")
    return tmp_path


STACK = "hello.default.dresden.workloads"


@pytest.mark.parametrize(
    ("ending", "text"),
    [
        ("yml", "config:\n  llmform:spec: specs/hello.yaml\n"),
        ("json", '{"config": {"llmform:spec": "specs/hello.yaml"}}\n'),
    ],
)
def test_a_config_ends_as_the_projects_file(ending: str, text: str, project: Path) -> None:
    """Pulumi looks for `Pulumi.<stack>.yml` beside a Pulumi.yml, and reads JSON where a file ends so."""
    described = yaml.safe_load((project / "Pulumi.yaml").read_text())
    (project / "Pulumi.yaml").unlink()
    (project / f"Pulumi.{ending}").write_text(json.dumps(described))
    gone = project / "deploy" / f"Pulumi.gone.{ending}"
    gone.parent.mkdir()
    gone.write_text(text)
    assert run(["stacks", "specs/hello.yaml", "--write"], project)[1].startswith(
        f"created      deploy/Pulumi.{STACK}.{ending}\nleft         deploy/Pulumi.gone.{ending} "
    )
    assert (project / "deploy" / f"Pulumi.{STACK}.{ending}").read_text() == text
    assert run(["stacks", "specs/hello.yaml", "--write", "--check"], project)[0] == 0


def test_what_is_wrong_with_a_config_has_a_place() -> None:
    """Line and column of what stands in the way, counted from 1."""
    places = {}
    for name in ("config is a list", "a secret", "config twice", "the key twice", "not a map"):
        with pytest.raises(NotEditable) as caught:
            with_spec(REFUSED[name], SPEC)
        places[name] = caught.value.place
    assert places == {
        "config is a list": ":1:9",
        "a secret": ":3:5",
        "config twice": ":2:9",
        "the key twice": ":3:24",
        "not a map": ":1:1",
    }


def test_each_stack_gets_its_config(project: Path) -> None:
    """A config is made for each stack where Pulumi.yaml says, with the path from Pulumi.yaml; the second run changes
    nothing."""
    status, out, err = run(["stacks", "specs/hello.yaml", "--write"], project)
    assert (status, err) == (0, "")
    assert out == f"created      deploy/Pulumi.{STACK}.yaml\n"
    config = project / "deploy" / f"Pulumi.{STACK}.yaml"
    assert config.read_text() == "config:\n  llmform:spec: specs/hello.yaml\n"
    before = config.stat()
    assert run(["stacks", "hello.yaml", "--write"], project / "specs")[1].startswith("unchanged    ../deploy/")
    assert (config.stat().st_ino, config.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_check_changes_nothing_and_says_so(project: Path) -> None:
    """`--check` exits with 1 while a file would be written, and with 0 when none would."""
    assert run(["stacks", "specs/hello.yaml", "--write", "--check"], project)[:2] == (
        1,
        f"would create deploy/Pulumi.{STACK}.yaml\n",
    )
    assert not (project / "deploy").exists()
    run(["stacks", "specs/hello.yaml", "--write"], project)
    assert run(["stacks", "specs/hello.yaml", "--write", "--check"], project)[0] == 0


def test_a_stack_that_is_gone_is_listed_and_left(project: Path) -> None:
    """A config that names the spec and is of no stack of it stays; one that names another spec is not spoken of."""
    (project / "deploy").mkdir()
    gone = project / "deploy" / "Pulumi.hello.default.leipzig.workloads.yaml"
    gone.write_text("config:\n  llmform:spec: specs/hello.yaml\n")
    (project / "deploy" / "Pulumi.other.yaml").write_text("config:\n  llmform:spec: specs/other.yaml\n")
    _, out, _ = run(["stacks", "specs/hello.yaml", "--write"], project)
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["created", f"deploy/Pulumi.{STACK}.yaml"],
        ["left", "deploy/Pulumi.hello.default.leipzig.workloads.yaml"],
    ]
    assert gone.read_text() == "config:\n  llmform:spec: specs/hello.yaml\n"


def test_a_file_that_names_another_spec_is_changed_aloud(project: Path) -> None:
    """The output says which spec the stack named before; permissions of the file stay."""
    (project / "deploy").mkdir()
    config = project / "deploy" / f"Pulumi.{STACK}.yaml"
    config.write_text("encryptionsalt: v1:x\nconfig:\n  llmform:spec: old.yaml\n")
    config.chmod(0o600)
    _, out, _ = run(["stacks", "specs/hello.yaml", "--write"], project)
    assert out == f"updated      deploy/Pulumi.{STACK}.yaml  (llmform:spec was old.yaml)\n"
    assert config.read_text() == "encryptionsalt: v1:x\nconfig:\n  llmform:spec: specs/hello.yaml\n"
    assert config.stat().st_mode & 0o777 == 0o600


def test_one_broken_file_stops_all(tmp_path: Path) -> None:
    """If one config cannot be edited, no other is written: the run is one change or none."""
    (tmp_path / "Pulumi.yaml").write_text("name: llmform\n")
    shutil.copy(EXAMPLES / "quickstart.yaml", tmp_path / "spec.yaml")
    (tmp_path / "Pulumi.hello.default.us-east-1.workloads.yaml").write_text("config: [\n")
    status, out, err = run(["stacks", "spec.yaml", "--write"], tmp_path)
    assert (status, out) == (1, "")
    assert err.startswith(
        "error: `Pulumi.hello.default.us-east-1.workloads.yaml:2:1` cannot be edited: it is not YAML:"
    )
    assert "write `llmform:spec: spec.yaml` below `config:` yourself" in err
    assert sorted(p.name for p in tmp_path.glob("Pulumi.*.yaml")) == ["Pulumi.hello.default.us-east-1.workloads.yaml"]


def test_a_folder_of_ones_own_for_configs(project: Path) -> None:
    """`--config-dir` writes there, and says that Pulumi looks elsewhere."""
    status, out, _ = run(["stacks", "specs/hello.yaml", "--write", "--config-dir", "mine"], project)
    assert status == 0
    assert out == (
        f"created      mine/Pulumi.{STACK}.yaml\n"
        "note: Pulumi looks for them in `deploy`; give it `--config-file` for each\n"
    )
    assert "note" not in run(["stacks", "specs/hello.yaml", "--write", "--config-dir", "deploy"], project)[1]


def test_without_a_project_one_error_says_so(tmp_path: Path) -> None:
    """There is no Pulumi.yaml, or it is of another project: URNs would not be those of the plan."""
    shutil.copy(EXAMPLES / "on-prem.yaml", tmp_path / "spec.yaml")
    status, _, err = run(["stacks", "spec.yaml", "--write"], tmp_path)
    assert status == 2 and "llmform init --project DIR" in err
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    status, _, err = run(["stacks", "spec.yaml", "--write"], tmp_path)
    assert status == 1 and err.startswith("error: `Pulumi.yaml` is of the project `shop`, not `llmform`")
    (tmp_path / "Pulumi.yaml").write_text("name: [\n")
    status, _, err = run(["stacks", "spec.yaml", "--write"], tmp_path)
    assert status == 1 and err.startswith("error: `Pulumi.yaml:2:1` cannot be read: it is not YAML")
    assert os.listdir(tmp_path) and not list(tmp_path.glob("Pulumi.*.yaml"))


def test_options_of_write_alone_do_nothing() -> None:
    """`--check` without `--write` is a mistake and not a silent no."""
    assert run(["stacks", "x.yaml", "--check"], EXAMPLES)[0] == 2
    assert run(["stacks", "on-prem.yaml", "--write", "--format", "json"], EXAMPLES)[0] == 2
