"""The user's own Kubernetes objects beside those of llmform: who owns what."""

from __future__ import annotations

from typing import Any

import pytest

from tests.test_groups import GROUP
from tests.test_model_server import AWS, ON_PREM
from tests.test_regressions import QUICKSTART, codes, compiled

OWN = {"own": {"dir": "k8s"}}


def with_objects(*objects: dict[str, Any], **keys: Any) -> Any:
    return compiled({f"k8s/{n}.json": o for n, o in enumerate(objects)}, manifests=OWN, **keys)


def object_of(api_version: str, kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata} | more


@pytest.mark.parametrize("targets", [AWS, ON_PREM])
@pytest.mark.parametrize(
    ("api_version", "kind", "name"),
    [
        ("v1", "Namespace", "hello-default"),
        ("networking.k8s.io/v1", "NetworkPolicy", "default-deny"),
        ("apps/v1", "Deployment", "chat"),
    ],
)
def test_an_object_of_any_stack_has_one_owner(api_version: str, kind: str, name: str, targets: dict[str, Any]) -> None:
    """The namespace and its default are in the platform stack, the user's objects in the one of the workloads."""
    assert codes(with_objects(object_of(api_version, kind, name), targets=targets)) == ["manifest-conflict"]
    assert codes(with_objects(object_of(api_version, kind, f"{name}-2"), targets=targets)) == []


def test_an_object_of_two_environments_in_one_cluster_has_one_owner() -> None:
    """Each environment's stack would make it; in a namespace of the environment there are two."""
    dresden = {**ON_PREM["dresden"], "addons": {"gpu-operator": "existing"}}
    keys: dict[str, Any] = {"targets": {"dresden": dresden}, "environments": {"dev": {}, "prod": {}}}
    role = object_of("rbac.authorization.k8s.io/v1", "ClusterRole", "reader")
    assert codes(with_objects(role, **keys)) == ["manifest-conflict"]
    once = {"dev": {}, "prod": {"overlay": {"manifests.own": None}}}
    assert codes(with_objects(role, **(keys | {"environments": once}))) == []
    assert codes(with_objects(object_of("v1", "ConfigMap", "limits"), **keys)) == []
    assert codes(with_objects(role, targets=AWS, environments={"dev": {}, "prod": {}})) == []


CLUSTER = {"scope": "Cluster", "group": "team.example", "names": {"kind": "Quota", "plural": "quotas"}}


@pytest.mark.parametrize("scope", ["Cluster", "Namespaced"])
def test_the_scope_of_a_kind_is_what_its_definition_says(scope: str) -> None:
    """The definition may stand in another group and a later file than its objects."""
    crd = object_of(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", "quotas.team.example", spec=CLUSTER | {"scope": scope}
    )
    quota = object_of("team.example/v1", "Quota", "small")
    found = compiled(
        {"a/quota.json": quota, "b/crd.json": crd}, manifests={"quotas": {"dir": "a"}, "zkinds": {"dir": "b"}}
    )
    assert found.compilation is not None, found.diagnostics
    (metadata,) = (
        n.inputs["metadata"]
        for s in found.compilation.stacks
        for n in s.graph.nodes
        if n.id == "manifests.quotas/Quota/small"
    )
    assert metadata.get("namespace") == (None if scope == "Cluster" else "hello-default")


@pytest.mark.parametrize(
    "spec",
    [None, 1, "x", [], {}, {"scope": 1}, {"scope": "Cluster"}, {"scope": "Cluster", "names": []}, {"group": {}}],
)
def test_a_definition_without_sense_is_no_traceback(spec: Any) -> None:
    """The API server judges it."""
    crd = object_of("apiextensions.k8s.io/v1", "CustomResourceDefinition", "quotas.team.example", spec=spec)
    assert with_objects(crd, object_of("team.example/v1", "Quota", "small")).compilation is not None


@pytest.mark.parametrize("key", ["data", "stringData"])
def test_a_secret_with_a_value_is_a_secret_in_clear(key: str) -> None:
    """base64 hides nothing; the finding stands at the value, in the file."""
    (found,) = with_objects(object_of("v1", "Secret", "hf-token") | {key: {"token": "aGVsbG8="}}).diagnostics
    assert (found.code, found.span.file, found.is_error) == ("secret-in-clear", "k8s/0.json", True)
    assert "aGVsbG8" not in found.message + found.help + found.label


@pytest.mark.parametrize("more", [{}, {"data": None}, {"data": {}}, {"data": {"token": ""}}, {"data": 1}])
def test_a_secret_without_a_value_is_none(more: dict[str, Any]) -> None:
    assert codes(with_objects(object_of("v1", "Secret", "made-elsewhere") | more)) == []


HPA = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"}, "maxReplicas": 4}
KEDA = {"scaleTargetRef": {"name": "chat"}}


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "expected"),
    [
        ("autoscaling/v2", "HorizontalPodAutoscaler", HPA, ["scaled-twice"]),
        ("autoscaling/v1", "HorizontalPodAutoscaler", HPA, ["scaled-twice"]),
        ("keda.sh/v1alpha1", "ScaledObject", KEDA, ["scaled-twice"]),
        ("keda.sh/v1alpha1", "ScaledObject", {"scaleTargetRef": {"name": "web"}}, []),
        ("keda.sh/v1alpha1", "ScaledObject", {"scaleTargetRef": {"name": "chat", "kind": "StatefulSet"}}, []),
        ("keda.sh/v1alpha1", "ScaledObject", {"scaleTargetRef": 1}, []),
        ("keda.sh/v1alpha1", "ScaledObject", "x", []),
        ("keda.sh/v1alpha1", "ScaledObject", {"scaleTargetRef": {"name": ["chat"]}}, []),
    ],
)
def test_one_hand_sets_the_replicas(api_version: str, kind: str, spec: Any, expected: list[str]) -> None:
    """KEDA's `scaleTargetRef.kind` is a Deployment unless it says more (keda.sh, ScaledObject specification)."""
    assert codes(with_objects(object_of(api_version, kind, "chat", spec=spec))) == expected
    assert codes(with_objects(object_of(api_version, kind, "chat", "elsewhere", spec=spec))) == []


@pytest.mark.parametrize(("kind", "expected"), [("LeaderWorkerSet", ["scaled-twice"]), ("Deployment", [])])
def test_one_hand_sets_the_groups_of_a_server_over_nodes(kind: str, expected: list[str]) -> None:
    """A LeaderWorkerSet has a subresource `scale` as well; a Deployment of its name is another object."""
    target = {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": kind, "name": "v3-group"}
    own = object_of(
        "autoscaling/v2", "HorizontalPodAutoscaler", "v3", spec={"scaleTargetRef": target, "maxReplicas": 4}
    )
    assert codes(with_objects(own, **GROUP)) == expected


def test_an_autoscaler_may_scale_a_server_whose_replicas_are_patched_away() -> None:
    """What the help proposes is accepted."""
    patch = {"match": "serving.chat/Deployment/chat", "json": [{"op": "remove", "path": "/spec/replicas"}]}
    assert (
        codes(with_objects(object_of("autoscaling/v2", "HorizontalPodAutoscaler", "chat", spec=HPA), patches=[patch]))
        == []
    )


def test_a_server_that_moved_is_scaled_under_its_first_name() -> None:
    """The Deployment keeps it."""
    keys: dict[str, Any] = {
        "serving": {"talk": {"model": "chat", "pool": "l40s"}},
        "moved": {"serving.chat": "serving.talk"},
    }
    assert codes(with_objects(object_of("autoscaling/v2", "HorizontalPodAutoscaler", "c", spec=HPA), **keys)) == [
        "scaled-twice"
    ]


def test_a_kept_pool_that_serves_the_users_own_pods_is_used() -> None:
    """Their selector names the pool's label; without it the nodes are there for nothing."""
    pools = QUICKSTART["nodePools"] | {"batch": {"accelerator": "nvidia-l40s", "min": 1, "max": 1}}
    spec = {"nodeSelector": {"llmform.dev/pool": "batch"}, "containers": [{"name": "a", "image": "a"}]}
    pod = object_of("v1", "Pod", "a", spec=spec)
    assert codes(with_objects(pod, nodePools=pools)) == []
    assert codes(compiled(nodePools=pools)) == ["unused-pool"]
    pools["batch"]["min"] = 0
    assert codes(compiled(nodePools=pools)) == []


def test_a_model_that_some_environment_serves_is_used() -> None:
    """Only one that is served nowhere is worth a word."""
    models = QUICKSTART["models"] | {"other": QUICKSTART["models"]["chat"]}
    serving = QUICKSTART["serving"] | {"other": {"model": "other", "pool": "l40s"}}
    environments = {"dev": {"overlay": {"serving.other": None}}, "prod": {}}
    assert codes(compiled(models=models, serving=serving, environments=environments)) == []
    assert codes(compiled(models=models, environments={"dev": {}, "prod": {}})) == ["unused-model"]
