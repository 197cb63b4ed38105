"""`llmform urns`: the resources of one component, as the engine names them, safe to hand to a shell."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from components.graph import Component, Graph, Node, Ref, assemble
from stacks.urns import urns
from tests.case_runner import run
from tests.oracles.urn import urn

EXAMPLES = Path(__file__).resolve().parent.parent / "specs" / "examples"
STACK = "hello.default.dresden.workloads"


def named(*types: str, name: str) -> str:
    return urn("s.d.t.workloads", "llmform", list(types), name)


def node(name: str, component: str, *needs: str, ref: str = "") -> Node:
    inputs = {"x": Ref(ref, "id")} if ref else {}
    return Node(id=f"{component}/K/{name}", type="k:v:K", inputs=inputs, component=component, origin="", needs=needs)


GRAPH: Graph = assemble(
    "s.d.t.workloads",
    (
        Component("serving.chat", "llmform:serving:ModelServer", ""),
        Component("serving.chat.inner", "llmform:serving:Inner", "", parent="serving.chat"),
        Component("models.chat", "llmform:models:Model", ""),
        Component("serving.other", "llmform:serving:ModelServer", ""),
        Component("gateway", "llmform:gateway:Gateway", ""),
        Component("targets.t", "llmform:stack:Target", ""),
    ),
    (
        Node("targets.t/Provider/p", "pulumi:providers:k", {}, "targets.t", ""),
        node("a", "serving.chat", "models.chat/K/job"),
        node("b", "serving.chat.inner"),
        node("job", "models.chat", ref="models.chat/K/store"),
        node("store", "models.chat"),
        node("unused", "models.chat"),
        node("o", "serving.other", "models.chat/K/job"),
        node("route", "gateway", "serving.chat/K/a", "serving.other/K/o"),
    ),
    {},
)

SERVER, INNER, MODEL, GATEWAY = (
    "llmform:serving:ModelServer",
    "llmform:serving:Inner",
    "llmform:models:Model",
    "llmform:gateway:Gateway",
)
OWN = {
    named(SERVER, name="serving.chat"),
    named(SERVER, INNER, name="serving.chat.inner"),
    named(SERVER, "k:v:K", name="serving.chat/K/a"),
    named(SERVER, INNER, "k:v:K", name="serving.chat.inner/K/b"),
}
NEEDED = {
    named(MODEL, name="models.chat"),
    named(MODEL, "k:v:K", name="models.chat/K/job"),
    named(MODEL, "k:v:K", name="models.chat/K/store"),
}


def test_a_component_is_all_below_it() -> None:
    """The component's own resource, the components inside it, and all their nodes."""
    assert set(urns(GRAPH, "serving.chat", needs=False)) == OWN


def test_what_is_needed_comes_along() -> None:
    """What its nodes need or refer to, however far, with the components around; no provider, no other server."""
    assert set(urns(GRAPH, "serving.chat")) == OWN | NEEDED


def test_dependents_come_on_request() -> None:
    """What needs the component, and, unless told otherwise, what that needs in turn."""
    route = {named(GATEWAY, name="gateway"), named(GATEWAY, "k:v:K", name="gateway/K/route")}
    assert set(urns(GRAPH, "serving.chat", needs=False, dependents=True)) == OWN | route
    assert named(SERVER, "k:v:K", name="serving.other/K/o") in urns(GRAPH, "serving.chat", dependents=True)


def test_a_part_names_its_whole() -> None:
    """Of a component inside another, the outer one's resource is a target too: nothing is made without its parent."""
    assert set(urns(GRAPH, "serving.chat.inner")) == {
        named(SERVER, name="serving.chat"),
        named(SERVER, INNER, name="serving.chat.inner"),
        named(SERVER, INNER, "k:v:K", name="serving.chat.inner/K/b"),
    }


def test_no_such_component() -> None:
    """A component that is not there is an error, not an empty answer, which `pulumi` would take for everything."""
    with pytest.raises(KeyError):
        urns(GRAPH, "serving.chta")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_hands_on_every_urn(shell: str, tmp_path: Path) -> None:
    """In `$(…)` and pasted from `lines`, a `$` in a URN reaches the program as it is."""
    arguments = ["urns", str(EXAMPLES / "on-prem.yaml"), "serving.chat", "--stack", STACK]
    found = json.loads(run([*arguments, "--format", "json"], tmp_path)[1])["urns"]
    assert any("$kubernetes:apps/v1:Deployment::" in one for one in found)
    (tmp_path / "args").write_text(run(arguments, tmp_path)[1])
    show = f"{shlex.quote('printf')} '%s\\n'"
    flags = subprocess.run(
        [shell, "-c", f"{show} $(cat args)"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert flags == [f"--target={one}" for one in found]
    lines = run([*arguments, "--format", "lines"], tmp_path)[1].splitlines()
    pasted = subprocess.run([shell, "-c", f"{show} {' '.join(lines)}"], capture_output=True, text=True, check=True)
    assert pasted.stdout.splitlines() == found


def test_a_slip_of_the_finger_is_answered(tmp_path: Path) -> None:
    """An unknown component and an unknown stack each name the nearest; several stacks with the component are named."""
    spec = str(EXAMPLES / "quickstart.yaml")
    status, out, err = run(["urns", spec, "serving.chta", "--layer", "workloads"], tmp_path)
    assert (status, out) == (2, "") and "did you mean `serving.chat`?" in err
    status, out, err = run(["urns", spec, "serving.chat", "--stack", "hello.default.us-esat-1.workloads"], tmp_path)
    assert (status, out) == (2, "") and "did you mean `hello.default.us-east-1.workloads`?" in err
    status, out, err = run(["urns", spec, "serving.chat"], tmp_path)
    assert (status, out) == (2, "")
    assert "`hello.default.us-east-1.foundation`, `hello.default.us-east-1.workloads`" in err
    edge = (EXAMPLES / "store-edge.yaml").read_text()
    sites = "".join(f"s{n},c{n},z\n" for n in range(1_012))
    (tmp_path / "shops.csv").write_text("name,kubeContext,zone\n" + sites)
    (tmp_path / "spec.yaml").write_text(edge)
    status, out, err = run(["urns", "spec.yaml", "serving.shop"], tmp_path)
    assert (status, out) == (2, "")
    assert "1,012 stacks have a component" in err and err.rstrip().endswith("and 1,000 more")


def test_what_gitops_delivers_is_no_target(tmp_path: Path) -> None:
    """`pulumi up` would refuse the stack: the flags are not printed, and the other way is named."""
    text = (EXAMPLES / "on-prem.yaml").read_text()
    (tmp_path / "spec.yaml").write_text(text.replace("provider: on-prem", "provider: on-prem\n    delivery: gitops"))
    status, out, err = run(["urns", "spec.yaml", "serving.chat"], tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: `{STACK}` is delivered by GitOps, and `pulumi up` refuses it\n")
    assert "`llmform render`" in err and "`serving.chat_`" in err
