"""Options that kinds call for because their provider does not know them, in every graph."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.engine_options import with_engine_options
from components.graph import Component, Graph, Node, Options, assemble
from specs.catalog.replacement import create_collides, immutable, replacement
from specs.catalog.tables import read_table
from stacks.compile import compile_spec
from stacks.diff import diff
from stacks.edits import Replace, Update
from tests.memory_files import MemoryFiles

PROVIDER = Node("t/Provider/kubernetes", "pulumi:providers:kubernetes", {"enableSecretMutable": True}, "t", "t")


def one(api_version: str, kind: str, **inputs: Any) -> Graph:
    """Return a graph of one object of one's own."""
    token = f"kubernetes:{api_version if '/' in api_version else f'core/{api_version}'}:{kind}"
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **inputs}
    node = Node(f"m/{kind}/x", token, manifest, "m", "m", provider=PROVIDER.id)
    components = (Component("m", "llmform:manifests:Manifests", "m"), Component("t", "llmform:stack:Target", "t"))
    return with_engine_options(assemble("s", components, (PROVIDER, node), {}))


# Recorded runs of the engine with Kubernetes 1.34.4 (2026-11-21): the engine says update, the API server refuses.
REFUSED = [
    ("storage.k8s.io/v1", "StorageClass", "reclaimPolicy", "Delete", "Retain"),
    ("storage.k8s.io/v1", "StorageClass", "volumeBindingMode", "WaitForFirstConsumer", "Immediate"),
    ("scheduling.k8s.io/v1", "PriorityClass", "value", 1000, 2000),
]


@pytest.mark.parametrize(("api", "kind", "key", "before", "after"), REFUSED, ids=lambda v: str(v))
def test_a_field_that_the_server_alone_knows_to_be_immutable_replaces(
    api: str, kind: str, key: str, before: Any, after: Any
) -> None:
    """The old object goes first: names are fixed."""
    [edit] = diff(one(api, kind, **{key: before}), one(api, kind, **{key: after}))
    assert isinstance(edit, Replace) and edit.delete_first


def test_a_rollouts_selector_replaces() -> None:
    before, after = ({"selector": {"matchLabels": {"app": a}}} for a in "ab")
    [edit] = diff(
        one("argoproj.io/v1alpha1", "Rollout", spec=before), one("argoproj.io/v1alpha1", "Rollout", spec=after)
    )
    assert isinstance(edit, Replace) and edit.delete_first


def test_a_secrets_type_replaces_where_its_data_are_mutable() -> None:
    """`enableSecretMutable` makes the provider try an update of the type too, which the API server refuses."""
    [edit] = diff(one("v1", "Secret", type="Opaque"), one("v1", "Secret", type="kubernetes.io/basic-auth"))
    assert isinstance(edit, Replace)
    [edit] = diff(one("v1", "Secret", stringData={"a": "1"}), one("v1", "Secret", stringData={"a": "2"}))
    assert isinstance(edit, Update)


@pytest.mark.parametrize("kind", ["Service", "ConfigMap"])
def test_kinds_that_the_provider_knows_are_left_alone(kind: str) -> None:
    assert one("v1", kind).node(f"m/{kind}/x").options == Options()


def test_no_claim_is_ever_replaced_because_it_cannot_grow() -> None:
    """A claim's size is refused where its class cannot expand; to replace the claim would lose what it holds."""
    graph = one("v1", "PersistentVolumeClaim", spec={"resources": {"requests": {"storage": "1Gi"}}})
    assert graph.node("m/PersistentVolumeClaim/x").options == Options()


def test_every_refused_row_of_the_catalog_is_covered() -> None:
    for kind, rows in read_table("replace_kubernetes.json")["kinds"].items():
        api, _, name = kind.rpartition("/")
        token = f"kubernetes:{api if '/' in api else f'core/{api}'}:{name}"
        refused = {path for path, row in rows.items() if row["effect"] == "refused"}
        assert refused <= set(immutable(token, {})), kind


def test_objects_of_ones_own_get_them_too() -> None:
    manifest = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "p"}, "value": 1}
    spec = {
        "apiVersion": "llmform/v1",
        "name": "hello",
        "manifests": {"own": {"file": "own.json"}},
        "targets": {"d": {"provider": "on-prem", "kubeContext": "d", "storage": {"shared": "s"}, "addons": "existing"}},
    }
    files = MemoryFiles({"own.json": json.dumps(manifest).encode()})
    made = compile_spec(json.dumps(spec).encode(), "spec.json", files).compilation
    assert made is not None
    options = made.stacks[0].graph.node("manifests.own/PriorityClass/p").options
    assert options.replace_on_changes == ("preemptionPolicy", "value") and options.delete_before_replace


def test_an_aws_resource_that_cannot_stand_beside_its_successor_goes_first() -> None:
    """One access entry a principal: a new one of another type would be refused while the old one is there."""
    token = "aws:eks/accessEntry:AccessEntry"
    node = Node("c/AccessEntry/a", token, {"type": "STANDARD"}, "c", "c")
    graph = with_engine_options(assemble("s", (Component("c", "llmform:a:B", "c"),), (node,), {}))
    assert graph.nodes[0].options.delete_before_replace


def test_types_that_collide_are_replaced_by_more_than_what_tells_them_apart() -> None:
    """Where only the identity replaces, a new resource is another one and nothing collides."""
    told_apart = {
        "aws:ec2/natGateway:NatGateway": {"allocationId", "region"},
        "aws:eks/accessEntry:AccessEntry": {"clusterName", "principalArn", "region"},
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": {
            "clusterName",
            "principalArn",
            "policyArn",
            "region",
        },
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {"bucket", "region"},
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {"bucket", "region"},
        "aws:s3/bucketVersioning:BucketVersioning": {"bucket", "region"},
    }
    table = read_table("replace_aws.json")
    assert set(table["create_collides"]) == set(told_apart)
    for token, identity in told_apart.items():
        assert set(table["types"][token]["replace"]) - identity, token
        assert create_collides(token) and table["create_collides"][token]["source"]
    assert replacement("aws:eks/accessEntry:AccessEntry", ("type",), {}).kind == "replace"
