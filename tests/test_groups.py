"""Facts about replicas that span nodes (LeaderWorkerSet), and about servers that KServe runs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from components.graph import Graph
from components.graph_json import encode_value
from components.lowering import layers
from components.platform import lws
from components.resolve.platform import Aws
from components.workloads.leader_worker_set import efa_interfaces, set_name
from specs.catalog.reader import load_edition
from stacks.compile import compile_spec
from tests.oracles import kubernetes
from tests.oracles.vllm import problems as vllm_problems
from tests.platforms import POOL, SERVER, aws_platform, on_prem_platform
from tests.test_explain_pages import merged

EDITION = load_edition("2026-11")

GROUP: dict[str, Any] = {
    "apiVersion": "llmform/v1",
    "name": "hello",
    "models": {
        "v3": {
            "source": "hf://deepseek-ai/DeepSeek-V3",
            "revision": "e815299b0bcbac849fa540c768ef21845365c9eb",
            "contextLength": "16k",
        }
    },
    "nodePools": {"h100": {"accelerator": "nvidia-h100-80gb", "perNode": 8, "max": 4}},
    "serving": {"v3": {"model": "v3", "pool": "h100", "parallelism": {"tensor": 8, "pipeline": 2}}},
    "targets": {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}},
}
"""Sixteen GPUs, eight a node: two nodes a replica."""

KSERVE: dict[str, Any] = {
    "apiVersion": "llmform/v1",
    "name": "hello",
    "models": {"chat": "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"},
    "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": 3}},
    "serving": {"chat": {"model": "chat", "pool": "l40s", "runtime": "kserve"}},
    "targets": {
        "us-east-1": {
            "provider": "aws", "region": "us-east-1", "account": "123456789012", "addons": {"kserve": "existing"},
        }
    },
}  # fmt: skip

ON_PREM = {"provider": "on-prem", "kubeContext": "lab", "storage": {"shared": "cephfs"}}


def graphs(spec: dict[str, Any]) -> dict[str, Graph]:
    """Return the graphs of the spec's one target by layer; every object in them is one that its server takes."""
    compiled = compile_spec(json.dumps(spec).encode(), "spec.yaml")
    assert compiled.compilation is not None, compiled.diagnostics
    found = {s.layer: s.graph for s in compiled.compilation.stacks}
    for layer in ("platform", "workloads"):
        for node in found[layer].nodes if layer in found else ():
            if "kind" in node.inputs:
                assert kubernetes.problems(json.loads(json.dumps(encode_value(node.inputs)))) == [], node.id
    return found


def group(graph: Graph) -> Any:
    return graph.node("serving.v3/LeaderWorkerSet/v3").inputs["spec"]


def templates(graph: Graph) -> tuple[Any, Any]:
    """Return the pods of the leader and of a worker."""
    found = group(graph)["leaderWorkerTemplate"]
    return found["leaderTemplate"]["spec"], found["workerTemplate"]["spec"]


def engine(pod: Any) -> Any:
    [container] = pod["containers"]
    return container


# ---- groups ----


def test_a_replica_over_nodes_is_a_group_that_restarts_as_one() -> None:
    """Two pods of eight GPUs: 8 × 2 = 16. A rank that is gone never comes back to the others, so all start anew."""
    graph = graphs(GROUP)["workloads"]
    spec = group(graph)
    assert spec["leaderWorkerTemplate"]["size"] == 2 and spec["replicas"] == 1
    assert spec["leaderWorkerTemplate"]["restartPolicy"] == "RecreateGroupOnPodRestart"
    assert [engine(p)["resources"]["limits"]["nvidia.com/gpu"] for p in templates(graph)] == ["8", "8"]
    assert not [n for n in graph.nodes if n.inputs.get("kind") == "Deployment"]


def test_workers_are_made_with_the_leader() -> None:
    """The leader is ready only once the workers have joined: a set that waited for it would wait for ever."""
    assert group(graphs(GROUP)["workloads"])["startupPolicy"] == "LeaderCreated"


def test_both_know_their_place_in_the_group() -> None:
    """The recorded parser takes every word; the address and the rank are put in by Kubernetes from what LeaderWorkerSet
    sets: the variable, and the label of the pod."""
    graph = graphs(GROUP)["workloads"]
    leader, worker = (engine(pod) for pod in templates(graph))
    for container in (leader, worker):
        words = container["args"]
        put_in = [w.replace("$(NODE_RANK)", "1").replace("$(LWS_LEADER_ADDRESS)", "v3-group-0.v3-group") for w in words]
        assert vllm_problems(put_in) == []
        assert {"--nnodes=2", "--node-rank=$(NODE_RANK)", "--master-addr=$(LWS_LEADER_ADDRESS)"} <= set(words)
        [rank] = [e for e in container["env"] if e["name"] == "NODE_RANK"]
        path = "metadata.labels['leaderworkerset.sigs.k8s.io/worker-index']"
        assert rank["valueFrom"] == {"fieldRef": {"fieldPath": path}}
    assert "--headless" in worker["args"] and "--headless" not in leader["args"]
    assert [w for w in worker["args"] if w != "--headless"] == leader["args"]


def test_a_worker_has_no_port_and_no_probe() -> None:
    """It has no API server: a probe would kill it, and readiness is the leader's."""
    leader, worker = (engine(pod) for pod in templates(graphs(GROUP)["workloads"]))
    asked = {"ports", "startupProbe", "readinessProbe", "livenessProbe"}
    assert asked <= leader.keys() and not asked & worker.keys()


def test_a_worker_stays_until_its_leader_has_drained() -> None:
    """All pods of a group are told to stop at once. The leader leaves the Service for 15 s and drains for 120 s; a
    worker that went before would take the requests in flight with it."""
    leader, worker = templates(graphs(GROUP)["workloads"])
    assert engine(leader)["lifecycle"]["preStop"] == {"sleep": {"seconds": 15}}
    assert engine(worker)["lifecycle"]["preStop"] == {"sleep": {"seconds": 15 + 120}}
    assert worker["terminationGracePeriodSeconds"] == leader["terminationGracePeriodSeconds"] == 15 + 120 + 30


def test_clients_are_sent_to_leaders_alone() -> None:
    """A worker would refuse the connection. The set has another name than the Service, because LeaderWorkerSet makes a
    headless Service of its own name."""
    graph = graphs(GROUP)["workloads"]
    service = graph.node("serving.v3/Service/v3").inputs
    assert service["spec"]["selector"]["leaderworkerset.sigs.k8s.io/worker-index"] == "0"
    assert graph.node("serving.v3/LeaderWorkerSet/v3").inputs["metadata"]["name"] != service["metadata"]["name"]


@pytest.mark.parametrize("target", [GROUP["targets"]["us-east-1"], ON_PREM], ids=["aws", "on-prem"])
def test_ranks_reach_each_other_and_the_name_of_their_leader(target: dict[str, Any]) -> None:
    """NCCL and torch choose their ports, so all are open among the pods of the server, and to nobody else."""
    graph = graphs(GROUP | {"targets": {"here": target}})["workloads"]
    rules = graph.node("serving.v3/NetworkPolicy/v3").inputs["spec"]
    among = [{"podSelector": rules["podSelector"]}]
    assert {"from": among} in rules["ingress"] and {"to": among} in rules["egress"]
    assert [r for r in rules["egress"] if {"port": 53, "protocol": "UDP"} in r.get("ports", ())]
    assert all("ports" in rule for rule in rules["ingress"] if rule != {"from": among})


def test_a_group_keeps_to_one_zone() -> None:
    """Every token crosses the network between the nodes of a group; replicas need not be near each other."""
    for pod in templates(graphs(GROUP)["workloads"]):
        assert "topologySpreadConstraints" not in pod
        [near] = pod["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        term = near["podAffinityTerm"]
        assert term["topologyKey"] == "topology.kubernetes.io/zone"
        assert term["matchLabelKeys"] == ["leaderworkerset.sigs.k8s.io/group-key"]


def test_efa_is_asked_for_where_its_plugin_is() -> None:
    """A p5.48xlarge has 32 EFA interfaces (EC2), all of them for the pod that has all of its GPUs. Without the device
    plugin no node ever offers the resource, and the pods would wait for ever."""
    assert EDITION.instances["p5.48xlarge"].efa == 32
    there = merged(GROUP, {"targets": {"us-east-1": {"addons": {"efa-device-plugin": "existing"}}}})
    for spec, efa in ((there, "32"), (GROUP, None)):
        for pod in templates(graphs(spec)["workloads"]):
            resources = engine(pod)["resources"]
            assert resources["limits"].get("vpc.amazonaws.com/efa") == efa
            assert resources["requests"].get("vpc.amazonaws.com/efa") == efa
            assert ({"name": "FI_PROVIDER", "value": "efa"} in engine(pod)["env"]) == (efa is not None)


def test_part_of_a_node_has_no_efa() -> None:
    """Two pods on one node would each ask for all of the node's interfaces."""
    pool = replace(POOL, per_node=8, instances=(EDITION.instances["p5.48xlarge"],))
    server = replace(SERVER, pool=pool, gpus=8, nodes=2)
    platform = aws_platform(efa=True, pools=(pool,), servers=(server,))
    assert efa_interfaces(platform, server) == 32
    assert efa_interfaces(platform, replace(server, gpus=4)) == 0
    assert efa_interfaces(on_prem_platform(), server) == 0


@pytest.mark.parametrize("name", ["a", "a" * 40])
def test_names_of_pods_fit(name: str) -> None:
    """LeaderWorkerSet makes StatefulSets `<set>` and `<set>-<group>`; their revision label adds a dash and ten
    characters, and is at most 63 long (Kubernetes, label values)."""
    assert len(f"{set_name(replace(SERVER, object_name=name))}-9999") + 11 <= 63


# ---- the operator ----


def test_the_operator_is_installed_where_a_replica_spans_nodes() -> None:
    """And nowhere else; `addons: {lws: existing}` leaves it to its owner."""
    managed = graphs(GROUP)["platform"]
    assert managed.node("addons.lws/Release/lws").inputs["version"] == EDITION.charts["lws"].version == "0.10.0"
    other = merged(GROUP, {"targets": {"us-east-1": {"addons": {"lws": "existing"}}}})
    assert not [n for n in graphs(other)["platform"].nodes if n.component == "addons.lws"]
    assert not lws.managed(aws_platform())


def test_on_prem_the_operator_brings_a_platform_stack() -> None:
    """A cluster whose GPU operator exists has no platform stack, unless something else has to be installed."""
    server = replace(SERVER, nodes=2)
    assert "platform" in layers(on_prem_platform(servers=(server,)))
    assert "platform" not in layers(on_prem_platform(servers=(server,), lws_managed=False))


def test_the_operator_reaches_the_api_and_the_api_its_webhook() -> None:
    """The namespace denies everything by default, and opens the webhook's port (9443 in the chart) and the API's."""
    graph = graphs(GROUP)["platform"]
    deny = graph.node("addons.lws/NetworkPolicy/default-deny").inputs["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    rules = graph.node("addons.lws/NetworkPolicy/lws").inputs["spec"]
    assert rules["ingress"] == [{"ports": [{"port": 9443, "protocol": "TCP"}]}]
    assert {p["port"] for rule in rules["egress"] for p in rule["ports"]} == {53, 443, 6443}


# ---- KServe ----


def kserve(spec: dict[str, Any] = KSERVE) -> Graph:
    return graphs(spec)["workloads"]


def service(graph: Graph) -> Any:
    return graph.node("serving.chat/LLMInferenceService/chat").inputs["spec"]


def test_kserve_gets_the_pod_that_a_deployment_would_have() -> None:
    """But for the container's name, which KServe looks for, the scheme of the probes, and the label to be found by."""
    deployment = merged(KSERVE, {"serving": {"chat": {"runtime": "deployment"}}})
    pod = json.loads(
        json.dumps(kserve(deployment).node("serving.chat/Deployment/chat").inputs["spec"]["template"]["spec"])
    )
    engine(pod)["name"] = "main"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        engine(pod)[probe]["httpGet"]["scheme"] = "HTTP"
    for spread in pod["topologySpreadConstraints"]:
        spread["labelSelector"] = {"matchLabels": {"llmform.dev/server": "chat"}}
    assert service(kserve())["template"] == pod


def test_kserve_fetches_no_weights() -> None:
    """They come from the mirror, as everywhere; the address only says what they are."""
    spec = service(kserve())
    assert spec["storageInitializer"] == {"enabled": False}
    assert spec["model"]["uri"] == "hf://Qwen/Qwen2.5-7B-Instruct:a09a35458c702b33eeacc393d103063234e8bc28"
    assert spec["model"]["name"] == "chat"


def test_the_labels_by_which_kserve_selects_are_left_alone() -> None:
    """Its Deployment selects by name, component and part-of; `spec.labels` goes over the pods' labels."""
    labels = service(kserve())["labels"]
    assert not {f"app.kubernetes.io/{k}" for k in ("name", "component", "part-of")} & labels.keys()


def test_all_that_is_around_the_pods_stays() -> None:
    """Service, budget and network policy find KServe's pods by a label of ours; clients notice nothing."""
    graph, labels = kserve(), service(kserve())["labels"]
    selectors = [
        graph.node("serving.chat/Service/chat").inputs["spec"]["selector"],
        graph.node("serving.chat/PodDisruptionBudget/chat").inputs["spec"]["selector"]["matchLabels"],
        graph.node("serving.chat/NetworkPolicy/chat").inputs["spec"]["podSelector"]["matchLabels"],
    ]
    assert selectors == [{"llmform.dev/server": "chat"}] * 3
    assert labels["llmform.dev/server"] == "chat"
    assert not [n for n in graph.nodes if n.inputs.get("kind") == "Deployment"]


@pytest.mark.parametrize(("replicas", "nodes", "stalls"), [(1, 1, True), (1, 2, False), (3, 3, True), (4, 4, False)])
def test_an_update_that_kserve_cannot_carry_out_is_told(replicas: int, nodes: int, stalls: bool) -> None:
    """KServe's Deployment has maxSurge and maxUnavailable 25 %, rounded up and down: 1 and 0 of three replicas, 1 and 1
    of four. On a full pool three wait for a node that never comes, and of four one makes room."""
    spec = merged(KSERVE, {"nodePools": {"l40s": {"max": nodes}}, "serving": {"chat": {"replicas": replicas}}})
    [component] = [c for c in kserve(spec).components if c.id == "serving.chat"]
    assert any("every update stalls" in line for line in component.summary) == stalls


def test_the_platforms_target_says_what_is_there() -> None:
    """EFA is only what the spec says is there; LeaderWorkerSet is llmform's unless the spec says otherwise."""
    target = aws_platform().target
    assert isinstance(target, Aws) and target.lws_managed and not target.efa
