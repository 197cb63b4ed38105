"""A plan against what is deployed: exports of Pulumi's state → the same edits as between the graphs.

The exports come from two sources: what the SDK registers with the in-process monitor (`tests/monitor`), and what
`tests/state_files.py` writes from a graph alone. Neither is a real engine's.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import shutil
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components.emit import emit
from components.graph import Component, Graph, Node, Options, Ref, StackOutput, assemble
from stacks.changes import ABSENT
from stacks.cli import main
from stacks.compilation import Compilation, CompiledStack
from stacks.compile import compile_spec
from stacks.deployed import deployed
from stacks.diff import diff
from stacks.edits import ComponentEdit, Create, Delete, Edit, Move, OutputEdit, Replace, Update
from stacks.files import DiskFiles
from stacks.plan import Against, plan
from stacks.render.human_plan import human_plan
from stacks.render.json_plan import json_plan
from stacks.sensitive import HIDDEN
from stacks.state import read_state, urn_parts
from stacks.state_file import NotAState
from tests.graph_strategies import pairs
from tests.monitor.run import run
from tests.monitor.state import export
from tests.state_files import SIGNATURE, ciphertext, exported, outputs_of, plaintext, row
from tests.test_catalog import path_of, recorded

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "specs/examples").glob("*.yaml"))
QUICKSTART = ROOT / "specs/examples/quickstart.yaml"
STACK = "hello.default.here.workloads"


@cache
def compiled(path: Path) -> Compilation:
    """Return the compilation of a spec on disk."""
    found = compile_spec(path.read_bytes(), path.name, DiskFiles(path.parent)).compilation
    assert found is not None
    return found


def stack_of(graph: Graph) -> CompiledStack:
    """Return a compiled stack that holds this graph."""
    spec, environment, target, *site, layer = graph.stack.split(".")
    return CompiledStack(spec, environment, target, layer, "somewhere", {}, graph, site=".".join(site))


def written(compilation: Compilation) -> dict[str, dict[str, Any]]:
    """Return the export of every stack, lower layers first, as `tests/state_files.py` writes it."""
    found: dict[str, dict[str, Any]] = {}
    outputs: dict[str, dict[str, Mapping[str, Any]]] = {}
    for stack in compilation.stacks:
        lower = outputs.setdefault(stack.name.rpartition(".")[0], {})
        found[stack.name] = exported(stack.graph, lower)
        lower[stack.layer] = outputs_of(found[stack.name])
    return found


@cache
def registered(path: Path) -> dict[str, dict[str, Any]]:
    """Return the export of every stack as the SDK's registrations with the monitor leave it."""
    found: dict[str, dict[str, Any]] = {}
    outputs: dict[str, Mapping[str, Any]] = {}
    for stack in compiled(path).stacks:
        ran = run(lambda stack=stack: _program(stack), stack=stack.name, stacks=outputs)  # type: ignore[misc]
        assert not ran.error, ran.error
        outputs[stack.name] = dict(ran.outputs)
        found[stack.name] = export(ran)
    return found


def _program(stack: CompiledStack) -> None:
    lower: dict[str, pulumi.StackReference] = {}

    def lookup(layer: str, name: str) -> Any:
        if layer not in lower:
            lower[layer] = pulumi.StackReference(f"organization/llmform/{stack.name.rpartition('.')[0]}.{layer}")
        return lower[layer].require_output(name)

    versions = {"aws": "7.51.1", "kubernetes": "4.34.2"}
    for name, value in emit(stack.graph, lookup, versions).items():
        pulumi.export(name, value)


def state(document: Mapping[str, Any]) -> bytes:
    """Return an export as the bytes of its file."""
    return json.dumps(document).encode()


def edits(document: Mapping[str, Any], after: Graph) -> tuple[Edit, ...]:
    """Return the edits that lead from an export to a graph."""
    return diff(deployed(read_state(state(document)), stack_of(after)).stack.graph, after)


def operations(found: tuple[Edit, ...]) -> dict[str, str]:
    """Return what the engine does to each resource; what only changes its own record is nothing."""
    done: dict[str, str] = {}
    for edit in found:
        match edit:
            case Create():
                done[f"+ {edit.id}"] = "create"
            case Delete():
                done[f"- {edit.id}"] = "delete"
            case Replace():
                done[edit.id] = f"replace, {'delete' if edit.delete_first else 'create'} first"
            case Move() | Update() if any(c.effect.kind not in ("record", "ignored") for c in edit.changes):
                done[edit.id] = "update"
            case Move():
                done[edit.id] = "move"
            case Update() | ComponentEdit() | OutputEdit():
                pass
    return done


# ---- what was deployed from the graph equals the graph ----------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_what_the_sdk_registered_is_no_change(path: Path) -> None:
    """The state that the recorded program leaves equals the graph: no difference, nothing that cannot be said."""
    for stack in compiled(path).stacks:
        side = deployed(read_state(state(registered(path)[stack.name])), stack)
        assert diff(side.stack.graph, stack.graph) == ()
        assert side.notes == ()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_what_was_written_from_the_graph_is_no_change(path: Path) -> None:
    """With the defaults that providers add, a lower layer's outputs given or taken from what was read last."""
    documents = written(compiled(path))
    outputs = {name: outputs_of(document) for name, document in documents.items()}
    for stack in compiled(path).stacks:
        for given_outputs in ({}, outputs):
            side = deployed(read_state(state(documents[stack.name])), stack, given_outputs)
            assert diff(side.stack.graph, stack.graph) == () and side.notes == ()


@pytest.mark.parametrize("wrap", ["export 4", "no version", "bare", "checkpoint"])
def test_every_form_of_a_deployment_is_read(wrap: str) -> None:
    """Version 4 has the body of 3; a file backend keeps the deployment inside a checkpoint."""
    stack = compiled(QUICKSTART).stacks[0]
    inner = exported(stack.graph)["deployment"]
    document = {
        "export 4": {"version": 4, "features": ["taint"], "deployment": inner},
        "no version": {"deployment": inner},
        "bare": inner,
        "checkpoint": {"version": 3, "checkpoint": {"stack": f"organization/llmform/{stack.name}", "latest": inner}},
    }[wrap]
    assert edits(document, stack.graph) == ()


# ---- the same edits as between the graphs -----------------------------------------------------------------


def case_pairs() -> Iterator[Any]:
    """Yield the specs of every case that has one before and one after."""
    for folder in sorted((ROOT / "tests/cases").glob("*/before")):
        if (folder / "spec.yaml").is_file() and (folder.parent / "spec.yaml").is_file():
            yield pytest.param(folder / "spec.yaml", folder.parent / "spec.yaml", id=folder.parent.name)


@pytest.mark.parametrize(("before", "after"), list(case_pairs()))
def test_a_change_of_the_spec_does_the_same_to_what_is_deployed(before: Path, after: Path) -> None:
    """Each case's edit gives the same operations against its state as against its spec; renames by `moved` included."""
    old = compile_spec(before.read_bytes(), "spec.yaml", DiskFiles(before.parent)).compilation
    new = compile_spec(after.read_bytes(), "spec.yaml", DiskFiles(after.parent)).compilation
    if old is None or new is None:  # what a case shows is then that there is nothing to compare
        return
    documents = written(old)
    was = {s.name: s for s in old.stacks}
    for stack in new.stacks:
        if stack.name in was:
            expected = operations(diff(was[stack.name].graph, stack.graph))
            assert operations(edits(documents[stack.name], stack.graph)) == expected


def without_nulls(graph: Graph) -> Graph:
    """Leave out keys without a value, which are nothing to a provider."""

    def plain(value: Any) -> Any:
        match value:
            case dict():
                return {key: plain(item) for key, item in value.items() if item is not None}
            case list():
                return [plain(item) for item in value]
        return value

    return replace(graph, nodes=tuple(replace(n, inputs=plain(n.inputs)) for n in graph.nodes))


@settings(deadline=None, max_examples=60)
@given(pairs())
def test_any_edit_is_seen_in_the_state_too(pair: tuple[Graph, Graph]) -> None:
    """What comes, goes and is replaced is the same whether a graph or its export stands on the other side."""
    before, after = pair
    # a default of the provider cannot be told from an input of the same value, nor a null from nothing
    lower = {"foundation": {"vpcId": "vpc-1", "role": "role-1"}}
    before, after = without_nulls(before), without_nulls(after)
    assert operations(edits(exported(before, lower), after)) == operations(diff(before, after))


def nested(path: tuple[str | int, ...], value: Any) -> Any:
    """Return a value at a path of maps and lists."""
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


MUTABLE = {"clusterIdentifier": "x", "enableConfigMapMutable": True, "enableSecretMutable": True}


def one_object(kind: str, inputs: dict[str, Any], provider: Mapping[str, Any] = MUTABLE) -> Graph:
    """Return a graph of one object and its provider."""
    reach = Node("c/Provider/k", "pulumi:providers:kubernetes", dict(provider), "c", "c")
    inputs = {"apiVersion": "v1", **inputs}
    return assemble(
        STACK, [Component("c", "llmform:a:A", "c")], [reach, Node("c/Kind/a", kind, inputs, "c", "c", reach.id)], {}
    )


@pytest.mark.parametrize(("kind", "path", "effect"), list(recorded()))
def test_an_edit_of_a_deployed_object_does_what_the_engine_did(kind: str, path: str, effect: str) -> None:
    """The recorded runs, row by row: update, or replace with the old object gone first."""
    before, after = ({**nested(path_of(path), value)} for value in ("1", "2"))
    plain = {"clusterIdentifier": "x"}
    found = operations(edits(exported(one_object(kind, before, plain)), one_object(kind, after, plain)))
    words = "replace, delete first" if effect == "replace" else "update"
    assert found == {"c/Kind/a": words}


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_config_data_is_updated_where_the_deployed_provider_is_mutable(kind: str) -> None:
    """`enableConfigMapMutable` and `enableSecretMutable` make a change of data an update in place (recorded)."""
    before, after = (one_object(f"kubernetes:core/v1:{kind}", {"data": {"a": value}}) for value in ("1", "2"))
    assert operations(edits(exported(before), after)) == {"c/Kind/a": "update"}


def test_a_changed_name_of_object_and_node_is_a_new_one_and_an_old_one() -> None:
    """Recorded: create new and delete old, without an order, if the resource's name changes with the object's."""
    before = one_object("kubernetes:apps/v1:Deployment", {"metadata": {"name": "d"}})
    after = one_object("kubernetes:apps/v1:Deployment", {"metadata": {"name": "d2"}})
    renamed = replace(after, nodes=tuple(replace(n, id=n.id.replace("Kind/a", "Kind/b")) for n in after.nodes))
    assert operations(edits(exported(before), renamed)) == {"+ c/Kind/b": "create", "- c/Kind/a": "delete"}
    aliased = replace(
        before,
        nodes=tuple(
            replace(n, id="c/Kind/b", options=Options(aliases=("c/Kind/a",))) if n.id == "c/Kind/a" else n
            for n in before.nodes
        ),
    )
    assert operations(edits(exported(before), aliased)) == {"c/Kind/b": "move"}


def test_a_replaced_network_takes_along_what_refers_to_it() -> None:
    """A VPC's block replaces it; the subnet's `vpcId` is new after apply, and replaces the subnet."""
    aws = Node("t/Provider/aws", "pulumi:providers:aws", {"region": "us-east-1"}, "c", "c")
    vpc = Node("c/Vpc/v", "aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, "c", "c", aws.id)
    subnet = Node(
        "c/Subnet/s",
        "aws:ec2/subnet:Subnet",
        {"vpcId": Ref(vpc.id, "id"), "cidrBlock": "10.0.0.0/24"},
        "c",
        "c",
        aws.id,
    )
    component = Component("c", "llmform:a:A", "c")
    before = assemble(STACK, [component], [aws, vpc, subnet], {"vpcId": Ref(vpc.id, "id")})
    after = assemble(
        STACK,
        [component],
        [aws, replace(vpc, inputs={"cidrBlock": "10.1.0.0/16"}), subnet],
        {"vpcId": Ref(vpc.id, "id")},
    )
    found = edits(exported(before), after)
    assert operations(found) == {vpc.id: "replace, create first", subnet.id: "replace, create first"}
    (moved,) = (c for e in found if e.id == subnet.id and isinstance(e, Replace) for c in e.changes)
    assert moved.cause == vpc.id
    assert [e.cause for e in found if isinstance(e, OutputEdit)] == [vpc.id]


def test_another_value_behind_a_reference_is_a_change() -> None:
    """Somebody gave the foundation another cluster: its ARN is no longer what the provider was made with."""
    platform = compiled(QUICKSTART).stacks[1]
    documents = written(compiled(QUICKSTART))
    foundation = compiled(QUICKSTART).stacks[0].name
    given_outputs = {foundation: {**outputs_of(documents[foundation]), "clusterArn": "arn:another"}}
    side = deployed(read_state(state(documents[platform.name])), platform, given_outputs)
    found = diff(side.stack.graph, platform.graph)
    provider = next(e for e in found if e.id.endswith("/Provider/kubernetes"))
    assert isinstance(provider, Replace)
    (change,) = (c for c in provider.changes if c.path == ("clusterIdentifier",))
    assert isinstance(change.after, StackOutput) and change.before == outputs_of(documents[foundation])["clusterArn"]


# ---- what the provider and the engine keep for themselves -------------------------------------------------


def test_what_the_bridge_and_the_engine_fill_in_is_no_change() -> None:
    """`__defaults` and what it lists, default tags and region, settings as JSON text, numbers as text."""
    provider = Node(
        "c/Provider/aws", "pulumi:providers:aws", {"region": "r", "defaultTags": {"tags": {"o": "me"}}}, "c", "c"
    )
    bucket = Node("c/Bucket/b", "aws:s3/bucket:Bucket", {"bucket": "b", "count": 3}, "c", "c", provider.id)
    graph = assemble(STACK, [Component("c", "llmform:a:A", "c")], [provider, bucket], {})
    document = exported(graph)
    assert json.loads(row(document, provider.id)["inputs"]["defaultTags"]) == {"tags": {"o": "me"}}
    inputs = row(document, bucket.id)["inputs"]
    inputs |= {"__defaults": ["acl"], "acl": "private", "tags": {"o": "me"}, "tagsAll": {"o": "me"}, "count": "3"}
    assert edits(document, graph) == ()
    inputs["tags"] = {"o": "me", "by": "hand"}
    (edit,) = edits(document, graph)
    assert isinstance(edit, Update) and [(c.path, c.before) for c in edit.changes] == [
        (("tags",), {"o": "me", "by": "hand"})
    ]


SETS = {
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("routeTableIds",),
    "aws:eks/cluster:Cluster": ("enabledClusterLogTypes", "vpcConfig.subnetIds", "vpcConfig.publicAccessCidrs"),
    "aws:eks/nodeGroup:NodeGroup": ("subnetIds", "taints"),
}
"""What is `TypeSet` in terraform-provider-aws (vpc_endpoint.go, cluster.go, node_group.go) and has several entries."""


def turned_around(inputs: dict[str, Any], path: str) -> int:
    """Reverse the list at a path and return its length; 0 if there is none."""
    *above, last = path.split(".")
    at: Any = inputs
    for step in above:
        at = at.get(step, {})
    found = at.get(last, [])
    found.reverse()
    return len(found)


def test_the_order_of_a_set_is_no_change() -> None:
    """`pulumi refresh` writes sets back in the provider's order (pulumi-terraform-bridge#1904); nothing is replaced."""
    stack = compiled(ROOT / "specs/examples/environments.yaml").stacks[0]
    assert stack.layer == "foundation"
    document = exported(stack.graph)
    longest: dict[str, int] = {}
    for resource in document["deployment"]["resources"]:
        for path in SETS.get(resource["type"], ()):
            number = turned_around(resource["inputs"], path)
            longest[path] = max(longest.get(path, 0), number)
    assert {path for path, number in longest.items() if number > 1} >= {
        "routeTableIds",
        "enabledClusterLogTypes",
        "vpcConfig.subnetIds",
        "subnetIds",
    }
    assert edits(document, stack.graph) == ()


def test_an_entry_that_a_set_lacks_is_the_one_change() -> None:
    """In any order: what was deployed without a subnet gets it, and no other subnet is told."""
    component = Component("c", "llmform:a:A", "c")
    before, after = (
        assemble(
            STACK,
            [component],
            [
                Node(
                    "c/NodeGroup/n", "aws:eks/nodeGroup:NodeGroup", {"subnetIds": ids, "instanceTypes": types}, "c", "c"
                )
            ],
            {},
        )
        for ids, types in ((["d", "b"], ["x", "y"]), (["a", "b", "d"], ["y", "x"]))
    )
    (edit,) = edits(exported(before), after)
    assert isinstance(edit, Replace)
    sets = [(c.before, c.after) for c in edit.changes if c.path[0] == "subnetIds"]
    assert sets == [(ABSENT, "a")]
    assert [c for c in edit.changes if c.path[0] == "instanceTypes"]


def test_what_the_kubernetes_provider_keeps_is_no_change() -> None:
    """`__fieldManager`, `__initialApiVersion` and `__inputs` (recorded); whole numbers come back as 3.0."""
    graph = one_object("kubernetes:apps/v1:Deployment", {"metadata": {"name": "d"}, "spec": {"replicas": 3}})
    document = exported(graph)
    inputs = row(document, "c/Kind/a")["inputs"]
    inputs |= {"__fieldManager": "pulumi", "__initialApiVersion": "apps/v1", "__inputs": {}}
    inputs["spec"]["replicas"] = 3.0
    inputs["metadata"]["namespace"] = "default"
    assert edits(document, graph) == ()
    inputs["metadata"]["namespace"] = "other"
    assert operations(edits(document, graph)) == {"c/Kind/a": "replace, create first"}


def test_an_ignored_property_stays_as_it_is_deployed() -> None:
    """With `ignoreChanges` the engine puts the old input in the place of the new one: no operation."""
    graph = one_object("kubernetes:x/v1:HTTPRoute", {"spec": {"rules": [1]}})
    graph = replace(
        graph,
        nodes=tuple(replace(n, options=Options(ignore_changes=("spec.rules",))) for n in graph.nodes),
    )
    document = exported(graph)
    row(document, "c/Kind/a")["inputs"]["spec"]["rules"] = [2]
    assert edits(document, graph) == ()


def test_options_are_compared_where_the_state_records_them() -> None:
    """`protect` and timeouts always; `ignoreChanges` only if the engine that wrote the state records it at all."""
    graph = one_object("kubernetes:core/v1:ConfigMap", {})
    strict = replace(
        graph,
        nodes=tuple(
            replace(n, options=Options(protect=True, ignore_changes=("data",), create_timeout=900))
            if n.id == "c/Kind/a"
            else n
            for n in graph.nodes
        ),
    )
    (edit,) = edits(exported(graph), strict)
    assert isinstance(edit, Update) and {c.path[0] for c in edit.changes} == {"protect", "create_timeout"}
    document = exported(graph)
    row(document, "c/Provider/k")["ignoreChanges"] = ["context"]
    found = {
        c.path[0] for e in edits(document, strict) if isinstance(e, Update) for c in e.changes if e.id == "c/Kind/a"
    }
    assert found == {"protect", "create_timeout", "ignore_changes"}


def test_resources_that_the_engine_makes_or_only_reads_are_not_deleted() -> None:
    """Default providers, stack references and what `.get()` read are no resources of the program."""
    graph = one_object("kubernetes:core/v1:ConfigMap", {})
    document = exported(graph, {"foundation": {"x": 1}})
    start = f"urn:pulumi:{STACK}::llmform::"
    document["deployment"]["resources"] += [
        {"urn": f"{start}pulumi:providers:pulumi::default", "custom": True, "id": "1"},
        {"urn": f"{start}pulumi:providers:aws::default_7_51_1", "custom": True, "id": "2"},
        {"urn": f"{start}aws:ec2/vpc:Vpc::read", "custom": True, "id": "vpc-1", "external": True},
    ]
    assert edits(document, graph) == ()


def test_what_is_deployed_and_not_in_the_graph_goes_with_its_risk() -> None:
    """Also a resource outside every component, of a type and a component that this version does not know."""
    graph = one_object("kubernetes:core/v1:ConfigMap", {})
    document = exported(graph)
    start = f"urn:pulumi:{STACK}::llmform::"
    document["deployment"]["resources"] += [
        {"urn": f"{start}kubernetes:core/v1:PersistentVolumeClaim::by-hand", "custom": True, "id": "x"},
        {"urn": f"{start}llmform:old:Thing::old", "custom": False},
        {
            "urn": f"{start}llmform:old:Thing$some:where/thing:Thing::old/Thing/t",
            "custom": True,
            "id": "y",
            "parent": f"{start}llmform:old:Thing::old",
            "protect": True,
        },
    ]
    side = deployed(read_state(state(document)), stack_of(graph))
    found = plan(Compilation("", "", "hello", "", (side.stack,)), _one(graph), Against("state", "state of x"))
    assert found.totals.remove == 2 and str(found.risk) == "destructive" and found.fails
    reasons = {f.reason for step in found.steps for f in step.findings}
    assert "the volume's data is lost unless its class retains it" in reasons
    assert any("it is protected" in reason for reason in reasons)


def _one(graph: Graph) -> Compilation:
    return Compilation("1.0.0", "2026-11", "hello", "0" * 64, (stack_of(graph),))


def test_unusual_states_are_told() -> None:
    """A cut-off update, a tainted resource, one that waits to be deleted: said, since the next update does more."""
    graph = one_object("kubernetes:core/v1:ConfigMap", {})
    document = exported(graph)
    old = {**deepcopy(row(document, "c/Kind/a")), "delete": True}
    row(document, "c/Kind/a")["taint"] = True
    document["deployment"]["resources"].append(old)
    document["deployment"]["pending_operations"] = [{"type": "creating", "resource": {"urn": old["urn"]}}]
    document["deployment"]["metadata"] = {"integrity_error": {"error": "out of order"}}
    side = deployed(read_state(state(document)), stack_of(graph))
    assert diff(side.stack.graph, graph) == ()
    told = "\n".join(side.notes)
    for words in ("cut off while creating", "is tainted", "still to be deleted", "out of order"):
        assert words in told
    assert side.unfinished
    document = exported(graph)
    assert not deployed(read_state(state(document)), stack_of(graph)).unfinished
    document["deployment"]["pending_operations"] = [{"type": "creating", "resource": {}}, {"type": "creating"}]
    (note,) = deployed(read_state(state(document)), stack_of(graph)).notes
    assert "cut off while creating something" in note


def test_a_plan_of_an_unfinished_state_is_not_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A tainted resource is replaced by the next update, so nobody is told that nothing changes."""
    states = folder_of(compiled(QUICKSTART), tmp_path / "states")
    name = compiled(QUICKSTART).stacks[2].name
    against = ["plan", str(QUICKSTART), "--stack", name, "--against", f"state:{states}", "--exit-code"]
    assert main(against) == 0
    assert "No changes. 1 stack matches the deployed state." in capsys.readouterr().out
    document = json.loads((states / f"{name}.json").read_text())
    row(document, "serving.chat/Deployment/chat")["taint"] = True
    (states / f"{name}.json").write_bytes(state(document))
    assert main(against) == 3
    out = " ".join(capsys.readouterr().out.split())
    assert "The spec changes nothing, and the next update still does something: the notes above say what." in out
    assert "No changes" not in out
    assert main([*against, "--format", "json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert not found["empty"] and [s["status"] for s in found["stacks"]] == ["unchanged"]
    assert main([*against, "--format", "markdown"]) == 3
    assert "No changes" not in capsys.readouterr().out


def test_no_changes_is_not_said_of_what_cannot_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With values that the state keeps secret, the last line says that it does not speak of them."""
    states = folder_of(compiled(QUICKSTART), tmp_path / "states")
    name = compiled(QUICKSTART).stacks[2].name
    document = json.loads((states / f"{name}.json").read_text())
    inputs = row(document, "serving.chat/Deployment/chat")["inputs"]
    inputs["spec"] = ciphertext(inputs["spec"])
    (states / f"{name}.json").write_bytes(state(document))
    against = ["plan", str(QUICKSTART), "--stack", name, "--against", f"state:{states}", "--exit-code"]
    assert main(against) == 0
    assert "No changes, as far as can be said. 1 stack matches the deployed state." in capsys.readouterr().out


def test_what_a_cut_off_replacement_deleted_is_created() -> None:
    """`pendingReplacement`: the object is gone, so the next update creates it; what refers to its name stays."""
    component = Component("c", "llmform:a:A", "c")
    space = Node("c/Namespace/n", "kubernetes:core/v1:Namespace", {"metadata": {"name": "n"}}, "c", "c")
    inputs = {"metadata": {"name": "m", "namespace": Ref(space.id, "metadata.name")}}
    inside = Node("c/ConfigMap/m", "kubernetes:core/v1:ConfigMap", inputs, "c", "c")
    graph = assemble(STACK, [component], [space, inside], {})
    document = exported(graph)
    row(document, space.id)["pendingReplacement"] = True
    assert operations(edits(document, graph)) == {f"+ {space.id}": "create"}
    without = assemble(STACK, [component], [], {})
    row(document, inside.id)["pendingReplacement"] = True
    row(document, inside.id)["protect"] = True
    assert operations(edits(document, without)) == {}


# ---- secrets ----------------------------------------------------------------------------------------------


def test_a_secret_is_neither_a_change_nor_no_change() -> None:
    """What the state keeps secret is said to be unsaid; the names of what holds it are told."""
    graph = one_object("kubernetes:core/v1:Secret", {"stringData": {"a": "1"}})
    document = exported(graph)
    row(document, "c/Kind/a")["inputs"]["stringData"] = ciphertext({"a": "1"})
    side = deployed(read_state(state(document)), stack_of(graph))
    assert diff(side.stack.graph, graph) == ()
    (note,) = side.notes
    assert "cannot say" in note and "`c/Kind/a` stringData" in note and "secret" in note


def test_a_secret_in_the_clear_is_compared_and_never_shown() -> None:
    """`--show-secrets` lets a change be seen; the plan hides both sides."""
    graph = one_object("kubernetes:core/v1:Secret", {"stringData": {"a": "hunter2", "b": "same"}})
    document = exported(graph)
    row(document, "c/Kind/a")["inputs"]["stringData"] = plaintext({"a": "hunter2", "b": "same"})
    assert edits(document, graph) == ()
    row(document, "c/Kind/a")["inputs"]["stringData"] = plaintext({"a": "correct-horse", "b": "same"})
    row(document, "c/Kind/a")["inputs"]["immutable"] = plaintext("battery-staple")
    side = deployed(read_state(state(document)), stack_of(graph))
    found = plan(Compilation("", "", "hello", "", (side.stack,)), _one(graph), Against("state", "state of x"))
    for text in (human_plan(found, details=True), json_plan(found)):
        assert not [word for word in ("hunter2", "correct-horse", "battery-staple") if word in text]
    assert side.stack.graph.node("c/Kind/a").inputs["immutable"] == HIDDEN
    assert operations(diff(side.stack.graph, graph)) == {"c/Kind/a": "update"}


@pytest.mark.parametrize("value", [[plaintext([1])], {"a": plaintext("hunter2")}])
def test_a_secret_inside_what_should_be_a_scalar_is_a_change_and_never_shown(value: Any) -> None:
    """Where the graph has a scalar of a provider, which also comes as text, and where it has a reference."""
    foundation, platform, _ = compiled(QUICKSTART).stacks
    documents = written(compiled(QUICKSTART))
    known = read_state(state(documents[foundation.name])).outputs
    provider = next(n for n in platform.graph.nodes if n.type == "pulumi:providers:kubernetes")
    row(documents[platform.name], provider.id)["inputs"] |= {"clusterIdentifier": value, "enableServerSideApply": value}
    side = deployed(read_state(state(documents[platform.name])), platform, {foundation.name: known})
    seen = side.stack.graph.node(provider.id).inputs
    assert {name for name in seen if seen[name] != provider.inputs[name]} == {
        "clusterIdentifier",
        "enableServerSideApply",
    }
    assert "hunter2" not in repr(seen)


def test_a_reference_to_a_secret_cannot_be_said() -> None:
    """Nor can text that holds one, unless its other parts differ."""
    foundation, *rest = compiled(QUICKSTART).stacks
    documents = written(compiled(QUICKSTART))
    outputs = {k: ciphertext(v) for k, v in outputs_of(documents[foundation.name]).items()}
    documents[foundation.name]["deployment"]["resources"][0]["outputs"] = outputs
    secret = read_state(state(documents[foundation.name])).outputs
    for stack in rest:
        side = deployed(read_state(state(documents[stack.name])), stack, {foundation.name: secret})
        assert diff(side.stack.graph, stack.graph) == ()
        assert "clusterIdentifier" in "".join(side.notes)


def test_an_unknown_source_of_a_reference_is_said() -> None:
    """A lower stack whose outputs nobody has: the values that come from it are named."""
    platform = compiled(QUICKSTART).stacks[1]
    document = written(compiled(QUICKSTART))[platform.name]
    document["deployment"]["resources"] = [
        r for r in document["deployment"]["resources"] if "StackReference" not in r["urn"]
    ]
    side = deployed(read_state(state(document)), platform)
    assert diff(side.stack.graph, platform.graph) == ()
    assert any("what the foundation stack gives as `clusterArn` is not known" in note for note in side.notes)


# ---- broken states ----------------------------------------------------------------------------------------


def _good() -> bytes:
    return state(exported(one_object("kubernetes:core/v1:ConfigMap", {})))


BROKEN = [
    (b"", "it is empty"),
    (_good()[:-200], "it is cut off"),
    (_good()[:60], "it is cut off"),
    (b"not json", "it is not JSON"),
    (gzip.compress(_good()), "it is compressed"),
    (bz2.compress(_good()), "`bunzip2 FILE`"),
    (lzma.compress(_good()), "`unxz FILE`"),
    (b"PK\x03\x04\x14\x00", "`unzip FILE`"),
    (_good().decode().encode("utf-16"), "it is UTF-16, as `>` of Windows PowerShell writes it"),
    (b"\x8c\x0d\xff\xfe\x00secret", "it is not text"),
    (b"-----BEGIN PGP MESSAGE-----\n\nhQEMA", "it is encrypted"),
    (b'{"sops": {}, "data": "ENC[AES256_GCM,data:x]"}', "it is encrypted with SOPS"),
    (b'{"version": 3, "deployment": "v1:abc"}', "is encrypted"),
    (b'{"version": 5, "deployment": {}}', "it has version 5; this version of llmform reads 3 and 4"),
    (b'{"version": 1, "deployment": {}}', "it has version 1"),
    (b'{"version": "3", "deployment": {}}', "it is damaged"),
    (b'{"format": 1, "stacks": []}', "it is a recorded compilation"),
    (b"[]", "it is no state"),
    (b'{"a": 1}', "it has no `deployment`"),
    (b'{"version": 3, "deployment": {"resources": {}}}', "`resources` is not a list"),
    (b'{"version": 3, "deployment": {"resources": [{"urn": "x"}]}}', "resource 1: `x` is not a URN"),
    (b'{"deployment": {"resources": [{"urn": "urn:pulumi:s::p::t::n"}]}}', "it is of the Pulumi project `p`"),
    (b'{"deployment": {"resources": [{"urn": "urn:pulumi:s::llmform::t::n", "inputs": NaN}]}}', "it is not JSON"),
    (
        b'{"deployment": {"resources": [{"urn": "urn:pulumi:s::llmform::t::n", "inputs": 1e999}]}}',
        "is no number of JSON",
    ),
    (
        b'{"deployment": {"resources": [{"urn": "urn:pulumi:a.b.c.d::llmform::t::n"}, '
        b'{"urn": "urn:pulumi:b::llmform::t::n"}]}}',
        "it mixes resources of several stacks",
    ),
    (
        b'{"deployment": {"resources": [{"urn": "urn:pulumi:a.b.c.d::llmform::t::n"}, '
        b'{"urn": "urn:pulumi:a.b.c.d::llmform::t::n"}]}}',
        "two resources have the URN",
    ),
    (b'{"deployment":' + b"[" * 100_000, "nested deeper"),
    (
        b'{"deployment": {"resources": [{"urn": "urn:pulumi:a.b.c.d::llmform::t::n", "inputs": {"a":'
        + b"[" * 400
        + b"]" * 400
        + b"}}]}}",
        "nested deeper than 150 levels",
    ),
]


@pytest.mark.parametrize(("data", "said"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_state_is_one_error_and_exit_status_1(
    data: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Truncated, encrypted, of another project, of a newer version: one clear error, no traceback."""
    file = tmp_path / "state.json"
    file.write_bytes(data)
    assert main(["plan", str(QUICKSTART), "--against", f"state:{file}"]) == 1
    out, err = capsys.readouterr()
    assert not out and said in err and err.count("error:") == 1 and "  = help: " in err


def test_an_empty_state_is_a_stack_that_is_not_deployed() -> None:
    """After `destroy`, and before the first update, nothing is there."""
    for data in (b'{"version": 3, "deployment": {}}', b'{"version": 3, "checkpoint": {"stack": "x", "latest": null}}'):
        assert read_state(data).resources == ()


def test_a_stack_that_was_only_made_has_nothing_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file backend exports `"deployment": null` between `stack init` and the first `up` (pkg/backend/diy)."""
    file = tmp_path / "state.json"
    file.write_bytes(b'{"version": 3, "deployment": null}')
    one = ["plan", str(QUICKSTART), "--stack", compiled(QUICKSTART).stacks[0].name, "--format", "json"]
    assert main([*one, "--against", f"state:{file}"]) == 0
    assert [s["status"] for s in json.loads(capsys.readouterr().out)["stacks"]] == ["new"]
    (tmp_path / "Pulumi.yaml").write_text("name: llmform\n")
    (tmp_path / "spec.yaml").write_bytes(QUICKSTART.read_bytes())
    fake_pulumi(tmp_path, monkeypatch, f"cat {file}")
    one[1] = str(tmp_path / "spec.yaml")
    assert main([*one, "--against", "state:"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["notes"] == [f"{one[3]} is not deployed: all of it is shown as new"]


def fake_pulumi(folder: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    """Put a `pulumi` on PATH that runs these lines of a shell."""
    program = folder / "bin" / "pulumi"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _paths(item, (*path, key))


@cache
def _victim() -> tuple[Compilation, str, tuple[tuple[Any, ...], ...]]:
    compilation = compiled(ROOT / "specs/examples/on-prem.yaml")
    text = json.dumps(written(compilation)[compilation.stacks[0].name])
    return compilation, text, tuple(_paths(json.loads(text)))[1:]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.just({SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "plaintext": "[1, {}]"})
    | st.just({SIGNATURE: ["?"]}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=120)
@given(st.data())
def test_a_changed_state_is_planned_or_refused(data: st.DataObject) -> None:
    """Whatever stands in the file, there is a plan that can be printed, or one error."""
    compilation, text, paths = _victim()
    document = json.loads(text)
    for path in data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=3)):
        at = document
        try:
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = data.draw(ANYTHING)
        except (KeyError, IndexError, TypeError):
            continue
    raw = json.dumps(document).encode()
    if data.draw(st.integers(0, 9)) == 0:
        raw = raw[: data.draw(st.integers(0, len(raw)))]
    try:
        found = read_state(raw)
    except NotAState:
        return
    assume(found.stack.count(".") >= 3)
    side = deployed(found, compilation.stacks[0])
    made = plan(Compilation("", "", "hello", "", (side.stack,)), compilation, Against("state", "state of x"))
    human_plan(made, details=True)
    json_plan(made)


# ---- the command line -------------------------------------------------------------------------------------


def folder_of(compilation: Compilation, folder: Path) -> Path:
    """Write the export of every stack to a folder."""
    folder.mkdir()
    for name, document in written(compilation).items():
        (folder / f"{name}.json").write_bytes(state(document))
    return folder


def test_files_and_folders_of_states_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file, several, or a folder; a stack without a state is new, and it is said."""
    states = folder_of(compiled(QUICKSTART), tmp_path / "states")
    names = [s.name for s in compiled(QUICKSTART).stacks]
    assert main(["plan", str(QUICKSTART), "--against", f"state:{states}"]) == 0
    out = capsys.readouterr().out
    assert "No changes. 3 stacks match the deployed state." in out and "against state of" in out
    files = ",".join(str(states / f"{name}.json") for name in names[:2])
    assert main(["plan", str(QUICKSTART), "--against", f"state:{files}", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["against"]["kind"] == "state" and found["against"]["label"] == "state of 2 files"
    assert [s["status"] for s in found["stacks"]] == ["unchanged", "unchanged", "new"]
    assert found["notes"] == [f"{names[2]} has no state here: all of it is shown as new"]
    one = ["--stack", names[0], "--against", f"state:{states / names[0]}.json", "--format", "markdown"]
    assert main(["plan", str(QUICKSTART), *one]) == 0
    assert "1 stack as in the deployed state" in capsys.readouterr().out


def test_a_state_of_another_stack_is_refused_or_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is named has to be of the spec; a folder may hold other specs', and stacks that the spec lost."""
    environments = ROOT / "specs/examples/environments.yaml"
    states = folder_of(compiled(environments), tmp_path / "states")
    wrong = states / "assistant.dev.us-east-1.platform.json"
    assert main(["plan", str(QUICKSTART), "--against", f"state:{wrong}"]) == 1
    assert "the spec has no such stack" in capsys.readouterr().err
    assert main(["plan", str(QUICKSTART), "--against", f"state:{states}"]) == 1
    assert "no state in" in capsys.readouterr().err
    folder_of(compiled(QUICKSTART), tmp_path / "more")
    shutil.copytree(states, tmp_path / "more", dirs_exist_ok=True)
    lost = exported(replace(compiled(QUICKSTART).stacks[0].graph, stack="hello.default.eu-west-1.foundation"))
    (tmp_path / "more" / "lost.json").write_bytes(state(lost))
    assert main(["plan", str(QUICKSTART), "--against", f"state:{tmp_path / 'more'}", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {s["status"] for s in found["stacks"] if "eu-west-1" in s["name"]} == {"removed"}
    assert found["totals"]["remove"] == len(compiled(QUICKSTART).stacks[0].graph.nodes) and found["fails"]
    assert "8 states of other specs left out" in found["notes"]
    assert any("pulumi destroy --stack hello.default.eu-west-1.foundation" in note for note in found["notes"])
    once = tmp_path / "more" / f"{compiled(QUICKSTART).stacks[0].name}.json"
    shutil.copy(once, tmp_path / "twice.json")
    assert main(["plan", str(QUICKSTART), "--against", f"state:{once},{tmp_path / 'twice.json'}"]) == 1
    err = capsys.readouterr().err
    assert f"are both of {compiled(QUICKSTART).stacks[0].name}" in err and "  = help: name one of the two" in err


def test_a_folder_with_something_else_is_refused_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no state may be a damaged one: it is not passed over."""
    states = folder_of(compiled(QUICKSTART), tmp_path / "states")
    (states / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    assert main(["plan", str(QUICKSTART), "--against", f"state:{states}"]) == 1
    err = capsys.readouterr().err
    assert "package.json` is no state to compare with" in err and "or take it out of the folder" in err


def test_many_stacks_without_a_state_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file of a fleet: what else the spec has is told in a line, not in one a stack."""
    environments = ROOT / "specs/examples/environments.yaml"
    states = folder_of(compiled(environments), tmp_path / "states")
    names = [s.name for s in compiled(environments).stacks]
    one = f"state:{states / names[0]}.json"
    assert main(["plan", str(environments), "--against", one, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == [
        "7 stacks have no state here: all of each is shown as new; `--stack`, `--target` or `--environment` leaves "
        "them out"
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere.json", "cannot be read"),
        ("empty", "there is no `*.json`"),
        ("nowhere,empty", "cannot be read"),
        (",", "`state:,` names no file"),
        (" ", "`state: ` names no file"),
    ],
)
def test_a_state_that_cannot_be_had_is_wrong_usage(
    given: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, as for a commit that git does not know."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["plan", str(QUICKSTART), "--against", f"state:{given}"]) == 2
    assert said in capsys.readouterr().err


SCRIPT = """\
#!/bin/sh
test -f Pulumi.yaml || {{ echo "error: no project" >&2; exit 255; }}
test "$1 $2 $3" = "stack export --stack" || exit 9
test "$4" != broken || exit 1
if test -f "{states}/$4.json"; then cat "{states}/$4.json"; else
echo "error: no stack named '$4' found" >&2; exit 255; fi
"""


def test_the_states_are_exported_where_the_cli_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`state:` alone runs `pulumi stack export` in the project's folder; a stack that does not exist is new."""
    states = folder_of(compiled(QUICKSTART), tmp_path / "states")
    names = [s.name for s in compiled(QUICKSTART).stacks]
    (states / f"{names[2]}.json").unlink()
    project = tmp_path / "project"
    project.mkdir()
    spec = project / "spec.yaml"
    spec.write_bytes(QUICKSTART.read_bytes())
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(SCRIPT.format(states=states))
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    assert main(["plan", str(spec), "--against", "state:"]) == 2
    assert "there is no Pulumi.yaml" in capsys.readouterr().err
    (project / "Pulumi.yaml").write_text("name: llmform\n")
    assert main(["plan", str(spec), "--against", "state:", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [s["status"] for s in found["stacks"]] == ["unchanged", "unchanged", "new"]
    assert f"{names[2]} is not deployed: all of it is shown as new" in found["notes"]
    program.write_text("#!/bin/sh\necho 'error: passphrase must be set' >&2\nexit 255\n")
    assert main(["plan", str(spec), "--against", "state:"]) == 2
    assert "passphrase must be set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("does", "status", "said"),
    [
        ("echo 'warning: an older version' >&2; echo 'error: passphrase must be set' >&2; exit 255", 2, "failed: pass"),
        ("printf 'panic: x\n\ngoroutine 1' >&2; exit 2", 2, "failed: panic: x"),
        ("exit 255", 2, "failed: exit status 255"),
        ("kill -9 $$", 2, "failed: exit status -9"),
        ("sleep 30", 2, "gave no answer in 1 s"),
        ("echo hello", 1, "`pulumi stack export --stack hello.default.us-east-1.foundation` is no state to compare"),
    ],
)
def test_whatever_the_cli_does_there_is_one_error(
    does: str,
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its own error and not the warning before it; a CLI that waits for somebody is not waited for."""
    (tmp_path / "Pulumi.yaml").write_text("name: llmform\n")
    (tmp_path / "spec.yaml").write_bytes(QUICKSTART.read_bytes())
    fake_pulumi(tmp_path, monkeypatch, does)
    monkeypatch.setattr("stacks.files.EXPORT_SECONDS", 1)
    stack = compiled(QUICKSTART).stacks[0].name
    assert main(["plan", str(tmp_path / "spec.yaml"), "--stack", stack, "--against", "state:"]) == status
    err = capsys.readouterr().err
    assert said in err and err.count("error:") == 1 and "  = help: " in err
    assert "writes such a file" not in err


def test_without_the_cli_there_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its absence is told, with the way that needs none."""
    (tmp_path / "Pulumi.yaml").write_text("name: llmform\n")
    (tmp_path / "spec.yaml").write_bytes(QUICKSTART.read_bytes())
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert main(["plan", str(tmp_path / "spec.yaml"), "--against", "state:"]) == 2
    err = capsys.readouterr().err
    assert "the Pulumi CLI is not installed" in err and "state:FILE" in err and err.count("error:") == 1


def test_a_stack_that_goes_and_is_protected_says_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`pulumi destroy` refuses protected resources, and without the target in the spec no update can unprotect them."""
    states = folder_of(compiled(QUICKSTART), tmp_path / "states")
    first = compiled(QUICKSTART).stacks[0].graph
    lost = exported(replace(first, stack="hello.default.eu-west-1.foundation"))
    (states / "lost.json").write_bytes(state(lost))
    assert main(["plan", str(QUICKSTART), "--against", f"state:{states}", "--format", "json"]) == 0
    number = sum(n.options.protect for n in first.nodes)
    assert number > 1
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert note == (
        "hello.default.eu-west-1.foundation is deployed, and the spec has no such stack: only `pulumi destroy --stack "
        f"hello.default.eu-west-1.foundation` removes it, and refuses while {number} of its resources are protected: "
        "take the stack back into the spec with `protect: false` and run `pulumi up` before"
    )


def test_what_pulumi_still_has_of_a_stack_that_gitops_delivers_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A target that goes over to GitOps has two owners until Pulumi forgets its objects."""
    example = ROOT / "specs/examples/on-prem.yaml"
    states = folder_of(compiled(example), tmp_path / "states")
    (name,) = (s.name for s in compiled(example).stacks)
    spec = tmp_path / "spec.yaml"
    spec.write_text(example.read_text().replace("provider: on-prem", "provider: on-prem\n    delivery: gitops"))
    assert "gitops" in spec.read_text()
    assert main(["plan", str(spec), "--against", f"state:{states}", "--format", "json"]) == 0
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert note.startswith(f"{name} is delivered by GitOps, and Pulumi still has 12 resources of it")
    assert f"`pulumi stack rm --force --stack {name}`" in note


def test_a_fleet_is_compared_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of 30 stacks: ten regions with three layers each, one pool larger than deployed in all of them."""
    regions = [f"us-east-{n}" for n in range(1, 11)]
    text = QUICKSTART.read_text()
    head, _, _ = text.partition("targets:")
    targets = "".join(
        f"  t{n}: {{provider: aws, region: us-east-1, api: {{allow: [198.51.100.0/24]}}}}\n"
        for n in range(len(regions))
    )
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"{head}targets:\n{targets}")
    states = folder_of(compiled(spec), tmp_path / "states")
    assert len(list(states.iterdir())) == 30
    assert main(["plan", str(spec), "--against", f"state:{states}"]) == 0
    assert "No changes. 30 stacks match the deployed state." in capsys.readouterr().out
    spec.write_text(spec.read_text().replace("max: 2", "max: 4"))
    assert main(["plan", str(spec), "--against", f"state:{states}"]) == 0
    assert "Plan: 0 to add, 10 to change, 0 to remove. Highest risk: in-place." in capsys.readouterr().out


def test_urns_are_taken_apart() -> None:
    """A name may hold `/`; the stack's part may hold dots; what is none is refused."""
    urn = "urn:pulumi:hello.default.here.workloads::llmform::llmform:a:A$aws:ec2/vpc:Vpc::network/Vpc/v"
    assert urn_parts(urn) == (STACK, "llmform", ("llmform:a:A", "aws:ec2/vpc:Vpc"), "network/Vpc/v")
    for wrong in ("", "urn:pulumi:a::b::c", "urn:aws:a::b::c::d", "urn:pulumi:::b::c::d"):
        with pytest.raises(ValueError):
            urn_parts(wrong)
