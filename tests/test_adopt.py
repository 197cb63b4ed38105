"""`adopt`: what exists becomes a node, with nothing changed, or is refused."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.graph import Graph
from components.graph_json import encode_value
from specs.diagnostics import Diagnostic
from stacks.adopt import pruned
from stacks.compilation import Compilation
from stacks.compile import compile_spec
from stacks.import_ids import FORMS
from stacks.plan import Action, Against, plan
from stacks.render.human_plan import human_plan
from stacks.risk.finding import Risk
from tests.memory_files import MemoryFiles

SPEC: dict[str, Any] = {
    "apiVersion": "llmform/v1",
    "name": "hello",
    "models": {"chat": "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"},
    "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": 2}},
    "stores": {"logs": {"kind": "object"}},
    "serving": {"chat": {"model": "chat", "pool": "l40s"}},
    "targets": {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}},
}
DEPLOYMENT = "serving.chat/Deployment/chat"


def compiled(
    adopt: dict[str, Any], files: dict[str, bytes] | None = None, **changes: Any
) -> tuple[Compilation | None, tuple[Diagnostic, ...]]:
    spec = {**SPEC, "adopt": adopt, **changes}
    made = compile_spec(json.dumps(spec).encode(), "spec.json", MemoryFiles(files or {}))
    return made.compilation, made.diagnostics


def graph(layer: str, adopt: dict[str, Any], files: dict[str, bytes] | None = None, **changes: Any) -> Graph:
    compilation, found = compiled(adopt, files, **changes)
    assert compilation is not None, found
    return next(s.graph for s in compilation.stacks if s.layer == layer)


def live(**changes: Any) -> bytes:
    """Return the Deployment as the API server has it: with what it fills in, and a status."""
    made: dict[str, Any] = encode_value(graph("workloads", {}).node(DEPLOYMENT).inputs)
    made["metadata"] |= {"uid": "0b9b1f2e-8f5c-4d61-9c55-3f3f7b3e2d11", "resourceVersion": "4711", "generation": 1}
    spec = made["spec"]["template"]["spec"]
    spec |= {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler"}
    spec["containers"][0] |= {"terminationMessagePath": "/dev/termination-log"}
    made["spec"] |= changes
    return yaml.safe_dump(made | {"status": {"replicas": 1}}).encode()


def test_an_adopted_node_carries_the_id_that_it_is_imported_by() -> None:
    node = graph("workloads", {DEPLOYMENT: "hello-default/chat"}).node(DEPLOYMENT)
    assert node.options.import_id == "hello-default/chat"
    assert node == graph("workloads", {DEPLOYMENT: {"id": "hello-default/chat"}}).node(DEPLOYMENT)


def test_the_plan_shows_it_as_adopted_and_counts_it_apart() -> None:
    compilation, _ = compiled({DEPLOYMENT: "hello-default/chat"})
    alone, _ = compiled({})
    assert compilation is not None and alone is not None
    made, without = (plan(None, c, Against()) for c in (compilation, alone))
    assert made.totals.adopt == 1 and made.totals.add == without.totals.add - 1
    text = human_plan(made)
    assert "      = Deployment/chat adopts hello-default/chat\n" in text
    assert "1 to adopt" in text
    [edit] = [r for step in made.steps for r in step.edits if r.action is Action.ADOPT]
    assert edit.edit.id == DEPLOYMENT


def test_the_workloads_namespace_takes_the_adopted_name_with_all_that_is_in_it() -> None:
    """Its objects, the service accounts that roles trust, and the output that other layers read."""
    adopt = {"namespaces/Namespace/workloads": "llm", DEPLOYMENT: "llm/vllm-chat"}
    workloads = graph("workloads", adopt)
    places = {n.inputs["metadata"]["namespace"] for n in workloads.nodes if "metadata" in n.inputs}
    assert places == {"llm"}
    assert workloads.node(DEPLOYMENT).inputs["metadata"]["name"] == "vllm-chat"
    foundation = graph("foundation", adopt)
    assert foundation.node("serving.chat/PodIdentityAssociation/chat").inputs["namespace"] == "llm"
    assert graph("platform", adopt).outputs["namespace"] == "llm"


def test_a_store_takes_the_adopted_bucket_and_guards_what_is_in_it() -> None:
    foundation = graph("foundation", {"stores.logs/Bucket/logs": "acme-logs"})
    node = foundation.node("stores.logs/Bucket/logs")
    assert node.inputs["bucket"] == "acme-logs" and node.options.import_id == "acme-logs"
    weights = graph("foundation", {"stores.weights/Bucket/weights": "acme-weights"}).node(
        "stores.weights/Bucket/weights"
    )
    # llmform did not fill it, so nothing that it holds may go with it
    assert weights.options.protect is True and weights.inputs["forceDestroy"] is False


def test_ids_of_aws_are_taken_as_they_are() -> None:
    node = graph("foundation", {"network/Vpc/network": "vpc-0123456789abcdef0"}).node("network/Vpc/network")
    assert node.options.import_id == "vpc-0123456789abcdef0"


def test_an_adoption_holds_in_the_environment_whose_overlay_says_it() -> None:
    environments = {"prod": {"overlay": {"adopt": {DEPLOYMENT: "hello-prod/chat"}}}, "dev": {}}
    compilation, found = compiled({}, environments=environments)
    assert compilation is not None, found
    ids = {
        s.environment: s.graph.node(DEPLOYMENT).options.import_id for s in compilation.stacks if s.layer == "workloads"
    }
    assert ids == {"prod": "hello-prod/chat", "dev": ""}


def test_an_object_that_is_as_the_graph_says_is_adopted() -> None:
    """What the server filled in, and the status, are no difference."""
    adopt = {DEPLOYMENT: {"id": "hello-default/chat", "object": "chat.yaml"}}
    assert graph("workloads", adopt, {"chat.yaml": live()}).node(DEPLOYMENT).options.import_id == "hello-default/chat"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"replicas": 3}, "to adopt it would change it: `spec.replicas` is 3 there and 1 in the graph"),
        ({"selector": {"matchLabels": {"app": "chat"}}}, "to adopt it would replace it: `spec.selector"),
    ],
    ids=["change", "replace"],
)
def test_an_object_that_is_otherwise_is_refused_with_the_difference(change: dict[str, Any], words: str) -> None:
    """A Deployment's selector is immutable; its replicas are not (recorded runs of the engine)."""
    adopt = {DEPLOYMENT: {"id": "hello-default/chat", "object": "chat.yaml"}}
    compilation, found = compiled(adopt, {"chat.yaml": live(**change)})
    assert compilation is None
    assert [d.code for d in found] == ["adoption-differs"]
    assert found[0].message.startswith(words)


def test_a_recorded_secret_with_its_value_is_a_secret_in_the_repository() -> None:
    """`kubectl get secret -o yaml` prints the value; the file lies beside the spec. No message repeats it."""
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine", "namespace": "hello-default"}}
    files = {
        "mine.yaml": yaml.safe_dump(manifest | {"stringData": {"a": ""}}).encode(),
        "live.yaml": yaml.safe_dump(manifest | {"stringData": {"a": "old-value"}}).encode(),
    }
    adopt = {"manifests.own/Secret/mine": {"id": "hello-default/mine", "object": "live.yaml"}}
    compilation, found = compiled(adopt, files, manifests={"own": {"file": "mine.yaml"}})
    assert compilation is None
    assert [(d.code, d.span.file) for d in found] == [("secret-in-clear", "live.yaml")]
    assert all("old-value" not in f"{d.message}{d.help}{d.label}" for d in found)


def test_a_secret_is_adopted_without_its_value() -> None:
    """The value is its owner's: neither the file nor the graph has it."""
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine", "namespace": "hello-default"}}
    text = yaml.safe_dump(manifest).encode()
    adopt = {"manifests.own/Secret/mine": {"id": "hello-default/mine", "object": "live.yaml"}}
    workloads = graph(
        "workloads", adopt, {"mine.yaml": text, "live.yaml": text}, manifests={"own": {"file": "mine.yaml"}}
    )
    assert "data" not in workloads.node("manifests.own/Secret/mine").inputs


def test_a_patch_makes_the_graph_say_what_is_there() -> None:
    """The way to adopt what differs: patch, adopt, and change afterwards with a plan."""
    adopt = {DEPLOYMENT: {"id": "hello-default/chat", "object": "chat.yaml"}}
    patches = [{"match": DEPLOYMENT, "merge": {"spec": {"replicas": 3}}}]
    compilation, found = compiled(adopt, {"chat.yaml": live(replicas=3)}, patches=patches)
    assert compilation is not None, found


def test_only_what_the_graph_speaks_of_is_compared() -> None:
    """Entries of a list are those of the same name, wherever they stand."""
    there = {"env": [{"name": "B", "value": "2", "x": 1}, {"name": "A", "value": "1"}], "status": {}}
    wanted = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}]}
    assert pruned(there, wanted) == {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}


def replanned(adopt: dict[str, Any], before: dict[str, Any] | None = None) -> Any:
    """Return the plan from the spec with `before` adopted, by default nothing, to the one with `adopt`."""
    (old, _), (new, found) = compiled(before or {}), compiled(adopt)
    assert old is not None and new is not None, found
    return plan(old, new, Against("file", "before.json"))


def test_to_adopt_what_the_stack_has_already_changes_nothing() -> None:
    """The engine leaves a resource alone that has the id already; an object's id is its place."""
    made = replanned({DEPLOYMENT: "hello-default/chat"})
    [step] = made.steps
    assert (made.totals.change, made.totals.replace, step.risk) == (1, 0, Risk.NONE)


def test_to_adopt_another_resource_than_the_stack_has_may_delete_that() -> None:
    """Only AWS knows the id of a VPC: a compilation cannot say that it is this one."""
    [step] = replanned({"network/Vpc/network": "vpc-0123456789abcdef0"}).steps
    assert step.risk is Risk.DESTRUCTIVE
    assert "deletes the one that the stack has" in step.findings[0].reason


def test_to_adopt_another_resource_than_before_replaces_it() -> None:
    vpc = "network/Vpc/network"
    made = replanned({vpc: "vpc-0123456789abcdef1"}, {vpc: "vpc-0123456789abcdef0"})
    [edit] = [e for step in made.steps for e in step.edits if e.edit.id == vpc]
    assert edit.action is Action.REPLACE


@pytest.mark.parametrize(
    ("node", "given", "words"),
    [
        ("network/Vpc/network", "my-vpc", "`my-vpc` cannot be the id of a Vpc"),
        ("network/RouteTableAssociation/private-us-east-1a", "rtbassoc-0123456789abcdef0", "cannot be the id of a"),
        ("encryption/Key/secrets", "alias/x", "cannot be the id of a Key"),
        (DEPLOYMENT, "apps/v1/Deployment/hello-default/chat", "cannot be the id of a Deployment"),
        ("stores.logs/BucketPolicy/logs", "other", "`other` is not the graph's `hello-default-us-east-1-logs-"),
        ("namespaces/Namespace/workloads", "kube-system", "is the cluster's own namespace"),
    ],
)
def test_an_id_of_another_form_or_place_is_refused(node: str, given: str, words: str) -> None:
    compilation, found = compiled({node: given})
    assert compilation is None and len(found) == 1
    assert words in found[0].message


def test_what_is_set_of_a_bucket_is_adopted_by_the_name_of_the_adopted_bucket() -> None:
    adopt = {"stores.logs/Bucket/logs": "acme-logs", "stores.logs/BucketPolicy/logs": "acme-logs"}
    assert graph("foundation", adopt).node("stores.logs/BucketPolicy/logs").options.import_id == "acme-logs"


def test_help_does_not_send_what_is_not_in_the_workloads_namespace_there() -> None:
    for node, given in (("addons.karpenter/Release/karpenter", "karpenter/karpenter"), (DEPLOYMENT, "default/chat")):
        [refused] = compiled({node: given})[1]
        assert "namespaces/Namespace/workloads" not in refused.help


@pytest.mark.parametrize("token", sorted(FORMS))
def test_the_forms_of_ids_are_those_of_the_providers_documentation(token: str) -> None:
    """Every id that the documentation of the installed pulumi_aws imports has the form."""
    package = find_spec("pulumi_aws")
    assert package is not None and package.origin is not None
    name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", token.split(":")[1]).lower()
    text = (Path(package.origin).parent / f"{name}.py").read_text()
    ids = re.findall(rf"pulumi import {re.escape(token)} \S+ (\S+)", text)
    form, sample = FORMS[token]
    assert form.fullmatch(sample)
    assert ids and all(form.fullmatch(i) for i in ids), ids
