"""The emitter, through the real SDK into an in-process engine: what arrives there is the graph, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.emit import emit
from components.graph import (
    Component,
    Format,
    Graph,
    JsonText,
    Node,
    Options,
    Ref,
    StackOutput,
    assemble,
    component_chain,
    references,
    urn,
)
from components.graph_json import canonical
from components.invariants import broken
from specs.catalog.attributes import attribute_table
from specs.catalog.reader import load_edition
from stacks.compilation import CompiledStack
from stacks.compile import compile_spec
from stacks.render.tree import tree
from tests.memory_files import MemoryFiles
from tests.monitor import (
    UNKNOWN,
    Recorded,
    Registration,
    Secret,
    deploy,
    recorded_tree,
    revealed,
    run,
    run_stack,
    stacks_of,
)
from tests.oracles.aws import package

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "specs" / "examples").glob("*.yaml"))
STACKS = [(path, stack) for path in EXAMPLES for stack in stacks_of(path)]
VERSIONS = load_edition("2026-11").providers


def ids(value: Any) -> str:
    return value.name if isinstance(value, CompiledStack) else Path(value).stem


every_stack = pytest.mark.parametrize(("path", "stack"), STACKS, ids=ids)


@cache
def deployed(path: Path) -> Mapping[str, Recorded]:
    return deploy(path)


@cache
def previewed(path: Path) -> Mapping[str, Recorded]:
    """Previews of stacks that are not there yet, while those below them are."""
    below = lower(path)
    return {name: run_stack(path, name, stacks=below, preview=True) for name in below}


def lower(path: Path) -> dict[str, Mapping[str, Any]]:
    return {name: recorded.outputs for name, recorded in deployed(path).items()}


def of_the_graph(recorded: Recorded) -> list[Registration]:
    """What the program registered for the graph: not the stack, its references, nor what the engine adds."""
    return [r for r in recorded.registrations if r.parent and not r.external]


def resolved(value: Any, recorded: Recorded, below: Mapping[str, Any]) -> Any:
    """Return what a value of the graph has to be once everything is known: the rule, written a second time."""
    match value:
        case Ref():
            made = recorded.resource(value.node)
            found: Any = {**made.outputs, "id": made.id}
            for step in value.attribute.split("."):
                found = revealed(found)[step]
            return found
        case StackOutput():
            return revealed(below[f"{recorded.stack.rpartition('.')[0]}.{value.layer}"][value.name])
        case Format():
            parts = [resolved(part, recorded, below) for part in value.parts]
            return "".join(part if isinstance(part, str) else json.dumps(part) for part in parts)
        case JsonText():
            inner = resolved(value.value, recorded, below)
            return json.dumps(inner, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        case dict():
            return {key: resolved(item, recorded, below) for key, item in value.items()}
        case list() | tuple():
            return [resolved(item, recorded, below) for item in value]
    return value


@every_stack
def test_each_node_and_component_is_registered_once(path: Path, stack: CompiledStack) -> None:
    graph, recorded = stack.graph, deployed(path)[stack.name]
    registered = sorted((r.name, r.type, r.custom) for r in of_the_graph(recorded))
    assert registered == sorted(
        [(n.id, n.type, True) for n in graph.nodes] + [(c.id, c.type, False) for c in graph.components]
    )


@every_stack
def test_urns_are_those_of_the_graph(path: Path, stack: CompiledStack) -> None:
    """The URN that the plan shows is the one that the engine makes of the parents it was told."""
    recorded = deployed(path)[stack.name]
    assert {n.id: recorded.resource(n.id).urn for n in stack.graph.nodes} == {
        n.id: urn(stack.graph, n) for n in stack.graph.nodes
    }


@every_stack
def test_inputs_are_those_of_the_graph_byte_for_byte(path: Path, stack: CompiledStack) -> None:
    recorded, below = deployed(path)[stack.name], lower(path)
    for node in stack.graph.nodes:
        expected = canonical(resolved(node.inputs, recorded, below))
        assert canonical(revealed(recorded.resource(node.id).sent)) == expected, node.id


@every_stack
def test_outputs_are_those_of_the_graph(path: Path, stack: CompiledStack) -> None:
    recorded, below = deployed(path)[stack.name], lower(path)
    assert canonical(recorded.outputs) == canonical(resolved(stack.graph.outputs, recorded, below))


@every_stack
def test_what_a_node_refers_to_or_needs_is_a_dependency(path: Path, stack: CompiledStack) -> None:
    """In a preview as in an update: the engine orders deletions by it, also where nothing was ever known."""
    for recorded in (deployed(path)[stack.name], previewed(path)[stack.name]):
        for node in stack.graph.nodes:
            made = recorded.resource(node.id)
            assert {recorded.resource(n).urn for n in node.needs} <= set(made.dependencies)
            for key, value in node.inputs.items():
                refs = {recorded.resource(r.node).urn for r in references(value) if isinstance(r, Ref)}
                assert refs <= set(made.property_dependencies[key]) <= set(made.dependencies), (node.id, key)


@every_stack
def test_provider_version_and_options_are_those_of_the_graph(path: Path, stack: CompiledStack) -> None:
    recorded = deployed(path)[stack.name]
    for node in stack.graph.nodes:
        made, options = recorded.resource(node.id), node.options
        if node.provider:
            assert made.provider.rpartition("::")[0] == recorded.resource(node.provider).urn
        else:
            assert node.type.startswith("pulumi:providers:") and not made.provider
        assert made.version == VERSIONS[node.type.removeprefix("pulumi:providers:").partition(":")[0]]
        assert (made.protect, made.retain_on_delete, made.delete_before_replace, made.import_id) == (
            options.protect,
            options.retain_on_delete,
            options.delete_before_replace,
            options.import_id,
        )
        assert (made.ignore_changes, made.replace_on_changes) == (options.ignore_changes, options.replace_on_changes)
        assert made.timeouts == {
            key: f"{seconds}s"
            for key, seconds in (
                ("create", options.create_timeout),
                ("update", options.update_timeout),
                ("delete", options.delete_timeout),
            )
            if seconds
        }
        assert made.aliases == ()


@every_stack
def test_the_recorded_tree_is_the_tree_of_the_graph(path: Path, stack: CompiledStack) -> None:
    assert recorded_tree(deployed(path)[stack.name]) == tree(stack.graph)
    assert recorded_tree(previewed(path)[stack.name]) == tree(stack.graph)


@pytest.mark.parametrize("path", EXAMPLES, ids=ids)
def test_every_run_is_the_same_in_whatever_order_the_engine_answers(path: Path) -> None:
    def seen(runs: Mapping[str, Recorded]) -> list[Any]:
        return [(r.outputs, {made.urn: made for made in r.registrations}) for r in runs.values()]

    first = seen(deployed(path))
    assert seen(deploy(path)) == first
    assert seen(deploy(path, shuffle=1)) == first


@every_stack
def test_nothing_is_read_but_the_outputs_of_lower_stacks(path: Path, stack: CompiledStack) -> None:
    recorded = deployed(path)[stack.name]
    assert set(recorded.invoked) <= {"pulumi:pulumi:readStackOutputs"}
    layers = {r.layer for n in stack.graph.nodes for r in references(n.inputs) if isinstance(r, StackOutput)}
    read = {r.name for r in recorded.registrations if r.external}
    assert read == {f"{stack.name.rpartition('.')[0]}.{layer}" for layer in layers}


# --- a preview knows less ------------------------------------------------------------------------------------------

QUICKSTART = ROOT / "specs" / "examples" / "quickstart.yaml"
FOUNDATION = "hello.default.us-east-1.foundation"


@every_stack
def test_a_preview_registers_what_an_update_does(path: Path, stack: CompiledStack) -> None:
    """The same resources with the same dependencies, and the same values wherever a preview knows one."""

    def agrees(before: Any, after: Any) -> bool:
        match before, after:
            case dict(), dict():
                return before.keys() == after.keys() and all(agrees(before[k], after[k]) for k in before)
            case list(), list():
                return len(before) == len(after) and all(map(agrees, before, after))
        return before == UNKNOWN or bool(before == after)

    up, preview = deployed(path)[stack.name], previewed(path)[stack.name]
    assert {r.urn for r in up.registrations} == {r.urn for r in preview.registrations}
    for made in of_the_graph(up):
        seen = preview.resource(made.name)
        assert (seen.dependencies, seen.property_dependencies) == (made.dependencies, made.property_dependencies)
        assert agrees(revealed(seen.sent), revealed(made.sent)), made.name


def test_what_only_the_cloud_knows_is_unknown_in_the_first_preview() -> None:
    recorded = previewed(QUICKSTART)[FOUNDATION]
    group = recorded.resource("system/NodeGroup/system").sent
    assert group["launchTemplate"] == {"id": UNKNOWN, "version": UNKNOWN}
    assert group["nodeRoleArn"] == UNKNOWN
    assert group["clusterName"] == "hello-default-us-east-1"  # given, so known
    assert recorded.outputs["clusterCertificateAuthority"] == UNKNOWN
    assert recorded.outputs["clusterName"] == "hello-default-us-east-1"


def test_what_the_cloud_said_before_is_known_in_the_next_preview() -> None:
    up = deployed(QUICKSTART)[FOUNDATION]
    again = run_stack(QUICKSTART, FOUNDATION, preview=True, before=up)
    assert {r.name: r.sent for r in of_the_graph(again)} == {r.name: r.sent for r in of_the_graph(up)}
    assert again.outputs == up.outputs


def test_numbers_that_come_back_from_the_engine_are_whole() -> None:
    """The wire has only doubles; `latestVersion` is 1 and its text `1`, or every preview would show a change."""
    group = deployed(QUICKSTART)[FOUNDATION].resource("system/NodeGroup/system").sent
    assert group["launchTemplate"]["version"] == "1"
    assert [type(n) for n in group["scalingConfig"].values()] == [int] * 3


# --- by hand: what the examples do not hold ------------------------------------------------------------------------


def platform(*nodes: Node, outputs: Mapping[str, Any] | None = None, **component: Any) -> Graph:
    made = Component(id="c", type="llmform:test:C", origin="serving.chat", **component)
    return assemble("s", (made,), nodes, outputs or {})


def node(name: str, inputs: Mapping[str, Any], type_token: str = "kubernetes:core/v1:ConfigMap", **more: Any) -> Node:
    return Node(f"c/{type_token.rpartition(':')[2]}/{name}", type_token, inputs, "c", "serving.chat", **more)


def emitted(graph: Graph, below: Mapping[str, Any] | None = None, **options: Any) -> Recorded:
    """Emit a graph whose lower layers are read as the program reads them."""

    def program() -> None:
        def lookup(layer: str, name: str) -> Any:
            return reference(layer).require_output(name)

        @cache
        def reference(layer: str) -> pulumi.StackReference:
            return pulumi.StackReference(layer, f"organization/llmform/{layer}")

        for name, value in emit(graph, lookup, VERSIONS).items():
            pulumi.export(name, value)

    recorded = run(program, stack="s", stacks={"foundation": below or {}}, **options)
    assert not recorded.error, recorded.error
    return recorded


def test_the_data_of_a_secret_is_secret() -> None:
    secret = node("x", {"metadata": {"name": "x"}, "stringData": {"a": "b"}}, "kubernetes:core/v1:Secret")
    for preview in (True, False):
        sent = emitted(platform(secret), preview=preview).resource(secret.id).sent
        assert sent == {"metadata": {"name": "x"}, "stringData": Secret({"a": "b"})}


def test_what_a_lower_layer_marks_secret_stays_secret() -> None:
    """In a value of its own, inside text and documents, and in what is exported; nothing beside it becomes one."""
    token = StackOutput("foundation", "token")
    reader = node(
        "x",
        {
            "data": {"alone": token, "plain": StackOutput("foundation", "name")},
            "text": Format(("Bearer ", token)),
            "document": JsonText({"token": token}),
            "metadata": {"name": "x"},
        },
    )
    graph = platform(reader, outputs={"again": token, "name": StackOutput("foundation", "name")})
    recorded = emitted(graph, {"token": Secret("t"), "name": "n"})
    sent = recorded.resource(reader.id).sent
    assert sent["data"] == {"alone": Secret("t"), "plain": "n"}
    assert sent["text"] == Secret("Bearer t")
    assert sent["document"] == Secret('{"token":"t"}')
    assert sent["metadata"] == {"name": "x"}
    assert recorded.outputs == {"again": Secret("t"), "name": "n"}


def test_a_reference_to_a_secret_attribute_is_secret() -> None:
    secret = node("x", {"stringData": {"a": "b"}}, "kubernetes:core/v1:Secret")
    reader = node("y", {"data": {"copy": Ref(secret.id, "stringData.a")}})
    assert emitted(platform(secret, reader)).resource(reader.id).sent == {"data": {"copy": Secret("b")}}


def test_an_unknown_part_makes_the_whole_text_unknown() -> None:
    queue = node("q", {"name": "jobs"}, "aws:sqs/queue:Queue")
    reader = node(
        "r",
        {
            "text": Format(("arn of ", Ref(queue.id, "name"), " is ", Ref(queue.id, "arn"))),
            "document": JsonText({"name": Ref(queue.id, "name"), "url": Ref(queue.id, "url")}),
            "known": Format(("name ", Ref(queue.id, "name"))),
        },
    )
    preview = emitted(platform(queue, reader), preview=True).resource(reader.id)
    assert preview.sent == {"text": UNKNOWN, "document": UNKNOWN, "known": "name jobs"}
    up = emitted(platform(queue, reader))
    arn, url = (up.resource(queue.id).outputs[key] for key in ("arn", "url"))
    assert up.resource(reader.id).sent == {
        "text": f"arn of jobs is {arn}",
        "document": json.dumps({"name": "jobs", "url": url}, separators=(",", ":")),
        "known": "name jobs",
    }


def test_what_is_known_inside_a_half_known_object_is_known() -> None:
    cluster = node("k", {"vpcConfig": {"subnetIds": ["a"]}}, "aws:eks/cluster:Cluster")
    reader = node(
        "r", {"data": {k: Ref(cluster.id, f"vpcConfig.{k}") for k in ("subnetIds", "clusterSecurityGroupId")}}
    )
    sent = emitted(platform(cluster, reader), preview=True).resource(reader.id).sent
    assert sent == {"data": {"subnetIds": ["a"], "clusterSecurityGroupId": UNKNOWN}}


def test_an_attribute_that_is_not_there_after_an_update_is_one_clear_error() -> None:
    holder = node("h", {"spec": {"a": 1}}, "kubernetes:core/v1:Service")
    reader = node("r", {"data": {"ip": Ref(holder.id, "spec.clusterIP")}})
    graph = platform(holder, reader)
    assert emitted(graph, preview=True).resource(reader.id).sent == {"data": {"ip": UNKNOWN}}

    def program() -> None:
        emit(graph, lambda layer, name: None, VERSIONS)

    recorded = run(program, stack="s")
    assert not recorded.crashed
    assert recorded.error == "`c/Service/h` is there, but its provider says nothing about `spec.clusterIP`"


def test_options_reach_the_engine() -> None:
    options = Options(
        protect=True,
        retain_on_delete=True,
        delete_before_replace=True,
        ignore_changes=("spec.replicas", 'data["a.b"]'),
        replace_on_changes=("value",),
        import_id="ns/name",
        create_timeout=1800,
        update_timeout=900,
        delete_timeout=60,
    )
    first = node("a", {"metadata": {"name": "a"}}, options=options)
    second = node("b", {"metadata": {"name": "b"}}, needs=(first.id,))
    recorded = emitted(platform(first, second))
    made = recorded.resource(first.id)
    assert (made.protect, made.retain_on_delete, made.delete_before_replace) == (True, True, True)
    assert made.ignore_changes == ("spec.replicas", 'data["a.b"]')
    assert made.replace_on_changes == ("value",)
    assert (made.import_id, made.id) == ("ns/name", "ns/name")
    assert made.timeouts == {"create": "1800s", "update": "900s", "delete": "60s"}
    assert recorded.resource(second.id).dependencies == (made.urn,)
    assert recorded.resource(second.id).protect is False


def test_what_was_moved_is_found_under_its_old_urn() -> None:
    """Every URN of the spec before the rename is one that the engine looks for after it."""
    text = QUICKSTART.read_text(encoding="utf-8")
    renamed = text.replace("l40s:", "inference:").replace("pool: l40s", "pool: inference")
    renamed += "\nmoved: {nodePools.l40s: nodePools.inference}\n"

    def graph_of(spec: str) -> Graph:
        compiled = compile_spec(spec.encode(), "spec.yaml", MemoryFiles({})).compilation
        assert compiled is not None
        return next(s.graph for s in compiled.stacks if s.layer == "platform")

    before, after = graph_of(text), graph_of(renamed)
    outputs = deployed(QUICKSTART)[FOUNDATION].outputs

    def program() -> None:
        emit(after, lambda layer, name: outputs[name], VERSIONS)

    recorded = run(program, stack=after.stack)
    assert not recorded.error
    found = {u for r in recorded.registrations for u in (r.urn, *r.aliases)}
    assert {n.id for n in before.nodes} - {n.id for n in after.nodes}  # something did move
    assert {urn(before, n) for n in before.nodes} <= found
    chains = ["$".join(c.type for c in component_chain(before, c.id)) for c in before.components]
    own = {f"urn:pulumi:{before.stack}::llmform::{t}::{c.id}" for t, c in zip(chains, before.components, strict=True)}
    assert own <= found


def test_components_nest() -> None:
    outer = Component(id="z", type="llmform:test:Outer", origin="serving")
    inner = Component(id="a", type="llmform:test:Inner", origin="serving", parent="z")
    leaf = replace(node("x", {"metadata": {"name": "x"}}), id="a/ConfigMap/x", component="a")
    graph = assemble("s", (outer, inner), (leaf,), {})
    recorded = emitted(graph)
    assert recorded.resource(leaf.id).urn == urn(graph, leaf)
    assert recorded_tree(recorded) == tree(graph)


# --- attributes: known before anything is deployed ------------------------------------------------------------------


@pytest.mark.parametrize("reader", ["node", "output"])
def test_a_reference_to_a_missing_attribute_breaks_the_graph(reader: str) -> None:
    queue = node("q", {"name": "jobs"}, "aws:sqs/queue:Queue")
    wrong = Ref(queue.id, "arm")
    graph = platform(queue, node("r", {"data": {"x": Format(("a", wrong))}}) if reader == "node" else queue)
    if reader == "output":
        graph = platform(queue, outputs={"queue": wrong})
    [problem] = [p for p in broken(graph) if p.rule == "attribute"]
    assert problem.text.endswith("reads `arm` of `c/Queue/q`: a aws:sqs/queue:Queue has no such attribute")


def test_every_attribute_that_the_examples_read_is_in_the_table() -> None:
    assert [p for _, stack in STACKS for p in broken(stack.graph)] == []


@pytest.mark.parametrize("token", sorted(attribute_table()))
def test_attributes_are_those_of_the_installed_classes(token: str) -> None:
    """Inputs are the arguments of the class of pulumi_aws, outputs its other properties."""
    row = attribute_table()[token]
    arguments = set(package().tables(token)[package().root(token)])
    properties = {name for name, _ in properties_of(token)} | {"id"}
    top = {name for name in row.outputs if "." not in name}
    assert row.inputs == arguments
    assert top == properties - arguments
    for name in row.outputs - top:
        first, _, inner = name.partition(".")
        annotation = dict(properties_of(token))[first]
        assert inner in fields_of(token, annotation), name


def properties_of(token: str) -> Iterator[tuple[str, str]]:
    """Yield the properties of a resource class, in camelCase, with their annotations."""
    path, _ = package()._arguments(token)
    yield from getters(path.read_text(encoding="utf-8"), token.rpartition(":")[2])


def fields_of(token: str, annotation: str) -> set[str]:
    """Return the properties of the class in `outputs.py` that an annotation names; a list of them is not one."""
    assert "Sequence" not in annotation
    name = annotation.partition("outputs.")[2].partition("'")[0].partition("]")[0]
    path, _ = package()._arguments(token)
    return {found for found, _ in getters((path.parent / "outputs.py").read_text(encoding="utf-8"), name)}


def getters(text: str, cls: str) -> Iterator[tuple[str, str]]:
    start = text.index(f"\nclass {cls}(") + 1
    end = re.compile(r"^(?:class |@pulumi\.output_type)", re.MULTILINE).search(text, start + 1)
    body = text[start : end.start() if end else len(text)]
    pattern = r'@pulumi\.getter(?:\(name="(\w+)"\))?\s.*?def (\w+)\(self\) -> (.+?):\n'
    yield from ((name or function, kind) for name, function, kind in re.findall(pattern, body, re.DOTALL))
