"""`llmform explain SPEC PATH`: any path gets an answer, and only a path that is there gets an explanation."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specs.tree import Tree
from stacks.compilation import Compilation
from stacks.compile import compile_spec
from stacks.explain import Explanation, explain
from tests.case_runner import run
from tests.test_regressions import QUICKSTART

HOSTILE = (
    "serving[chat]", "serving[", "serving]", "serving[]", "serving[-1]", "serving.chat[", "serving.chat.", ".serving",
    "serving..chat", "serving.[0]", "[", "]", "[0]", ".", "..", "", " ", "[[[[", "]]]]", "a[0", "a]0[",
    "serving[0]chat",
    "serving[" + "9" * 5000 + "]", "serving[٣]", "." * 3000, "[" * 3000, "serving\x00", "serving.chat\n", "\ud800",
    'nodePools."l40s"', 'nodePools."p"', "serving.chat/Deployment/chat", "nodePools.nope", "nodePools.nope.max",
    "serving.chat.env.NOPE", "targets.nope.region", "patches[7]", "manifests.nope", "environments.default",
)  # fmt: skip


@cache
def quickstart() -> tuple[Compilation, Tree]:
    compiled = compile_spec(json.dumps(QUICKSTART).encode(), "spec.yaml")
    assert compiled.compilation is not None and compiled.loaded.tree is not None
    return compiled.compilation, compiled.loaded.tree


def explained(path: str) -> Explanation | None:
    return explain(*quickstart(), path)


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_is_not_there_has_no_explanation(path: str) -> None:
    """Some of them never came to an end: a bracket without a number in it was never taken off."""
    assert explained(path) is None


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("ac.[]0serving/\"' \n"), max_size=40))
def test_every_text_gets_an_answer(path: str) -> None:
    """Whatever is asked for, the answer comes."""
    found = explained(path)
    assert found is None or found.path == path


@pytest.mark.parametrize(
    "path",
    [
        "serving", "serving.chat", "serving.chat.replicas", "serving.chat.env", "serving.chat.rollout", "labels",
        "owner", "nodePools.l40s.taints", "targets.us-east-1.api.allow", "targets.us-east-1.overlay",
        "patches", "environments",
        "models.chat.contextLength", "moved",
    ],
)  # fmt: skip
def test_a_path_that_is_there_or_could_be_is_explained(path: str) -> None:
    """A key that the spec leaves out is there with its default."""
    assert explained(path) is not None


def test_the_id_of_a_node_is_not_a_path(tmp_path: Path) -> None:
    """The help names the command that knows ids."""
    (tmp_path / "spec.yaml").write_text(json.dumps(QUICKSTART))
    status, out, err = run(["explain", "spec.yaml", "serving.chat/Deployment/chat"], tmp_path)
    assert (status, out) == (2, "")
    assert "`llmform graph SPEC --node serving.chat/Deployment/chat` shows" in err


@pytest.mark.parametrize(("path", "meant"), [("serving[chat]", "serving.chat"), ('nodePools."l40s"', "nodePools.l40s")])
def test_the_nearest_path_is_proposed(path: str, meant: str, tmp_path: Path) -> None:
    """As for any other unknown path."""
    (tmp_path / "spec.yaml").write_text(json.dumps(QUICKSTART))
    status, out, err = run(["explain", "spec.yaml", path], tmp_path)
    assert (status, out) == (2, "")
    assert f"did you mean `{meant}`?" in err
