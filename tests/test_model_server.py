"""Facts about the workloads: model servers, the mirror of their weights, and the choices behind them."""

from __future__ import annotations

import json
from itertools import combinations_with_replacement, product
from typing import Any

import pytest

from components.graph import Graph, references
from components.resolve import demand
from components.resolve.placement import Demand, affordable, choose_rollout, holds, nodes_needed
from specs.catalog.reader import load_edition
from stacks.compile import compile_spec
from tests.test_explain_pages import merged

EDITION = load_edition("2026-11")
GIB = 2**30
REVISION = "a09a35458c702b33eeacc393d103063234e8bc28"
NEXT_REVISION = "bb46c15ee4bb56c5b63245ef50fd7637234d6f75"

AWS: dict[str, Any] = {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}}
ON_PREM: dict[str, Any] = {
    "dresden": {"provider": "on-prem", "kubeContext": "dresden", "storage": {"shared": "cephfs"}}
}

BASE: dict[str, Any] = {
    "apiVersion": "llmform/v1",
    "name": "hello",
    "models": {"chat": {"source": "hf://Qwen/Qwen2.5-7B-Instruct", "revision": REVISION}},
    "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": 2}},
    "serving": {"chat": {"model": "chat", "pool": "l40s"}},
}

WEIGHTS = 15_231_233_024
"""Bytes: 7,615,616,512 parameters of 2 bytes (model card of Qwen2.5-7B-Instruct)."""


def workloads(targets: dict[str, Any] = AWS, **changes: Any) -> Graph:
    """Return the graph of the workloads of the base spec with these sections merged in."""
    spec = merged(BASE | {"targets": targets}, changes)
    compiled = compile_spec(json.dumps(spec).encode(), "spec.yaml")
    assert compiled.compilation is not None, compiled.diagnostics
    [graph] = [s.graph for s in compiled.compilation.stacks if s.layer == "workloads"]
    return graph


def renamed(section: str, old: str, new: str, **changes: Any) -> dict[str, Any]:
    """Return the base spec with one entry renamed by `moved`."""
    spec: dict[str, Any] = merged(BASE, changes)
    return spec | {
        section: {new if name == old else name: entry for name, entry in spec[section].items()},
        "moved": {f"{section}.{old}": f"{section}.{new}"},
    }


def compiled_whole(spec: dict[str, Any]) -> Graph:
    compiled = compile_spec(json.dumps(spec | {"targets": AWS}).encode(), "spec.yaml")
    assert compiled.compilation is not None, compiled.diagnostics
    return compiled.compilation.stacks[-1].graph


def inputs(graph: Graph, kind: str, name: str = "chat") -> Any:
    return graph.node(f"serving.{name}/{kind}/{name}").inputs


def pod(graph: Graph, name: str = "chat") -> Any:
    return inputs(graph, "Deployment", name)["spec"]["template"]["spec"]


def engine(graph: Graph, name: str = "chat") -> Any:
    [container] = pod(graph, name)["containers"]
    return container


def job(graph: Graph) -> Any:
    [found] = [n.inputs for n in graph.nodes if n.inputs.get("kind") == "Job"]
    return found


BOTH = pytest.mark.parametrize("targets", [AWS, ON_PREM], ids=["aws", "on-prem"])


# ---- the pod ----


@BOTH
def test_no_pod_of_the_workloads_runs_as_root(targets: dict[str, Any]) -> None:
    """Pod Security Standard `restricted`, and a root file system that cannot be written, for every container."""
    graph = workloads(targets)
    pods = [n.inputs["spec"]["template"]["spec"] for n in graph.nodes if n.inputs.get("kind") in ("Job", "Deployment")]
    assert len(pods) == 2
    for spec in pods:
        own = spec["securityContext"]
        assert own["runAsNonRoot"] is True and own["runAsUser"] > 0 and own["runAsGroup"] > 0
        assert own["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*spec.get("initContainers", ()), *spec["containers"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert all("hostPath" not in v for v in spec["volumes"])


@pytest.mark.parametrize("tensor", [1, 2, 4])
def test_gpu_requests_equal_tensor_parallelism(tensor: int) -> None:
    """A replica asks for as many GPUs as vLLM splits the model over, and has no limit above the request."""
    graph = workloads(serving={"chat": {"parallelism": {"tensor": tensor}}})
    resources = engine(graph)["resources"]
    assert resources["requests"]["nvidia.com/gpu"] == resources["limits"]["nvidia.com/gpu"] == str(tensor)
    assert f"--tensor-parallel-size={tensor}" in engine(graph)["args"]


@pytest.mark.parametrize("tensor", [1, 2, 4])
def test_memory_request_holds_shared_memory(tensor: int) -> None:
    """Shared memory is counted as the pod's memory: 4 GiB + (4 + 2) GiB a GPU, of which 2 GiB a GPU are /dev/shm."""
    graph = workloads(serving={"chat": {"parallelism": {"tensor": tensor}}})
    assert engine(graph)["resources"]["limits"]["memory"] == f"{4 + 6 * tensor}Gi"
    [shm] = [v for v in pod(graph)["volumes"] if v["name"] == "shm"]
    assert shm["emptyDir"] == {"medium": "Memory", "sizeLimit": f"{2 * tensor}Gi"}


def test_cpu_has_a_request_and_no_limit() -> None:
    """2 cores and one a GPU; a limit would throttle the scheduler between two tokens."""
    resources = engine(workloads())["resources"]
    assert resources["requests"]["cpu"] == "3"
    assert "cpu" not in resources["limits"]


def test_termination_grace_period_covers_pre_stop_drain_and_teardown() -> None:
    """15 s to leave the Service + 120 s to finish requests + 30 s to tear down = 165 s."""
    spec = pod(workloads())
    assert spec["terminationGracePeriodSeconds"] == 15 + 120 + 30
    assert engine(workloads())["lifecycle"]["preStop"] == {"sleep": {"seconds": 15}}
    assert "--shutdown-timeout=120" in engine(workloads())["args"]


@pytest.mark.parametrize(
    ("size", "seconds"),
    [
        ("250M", 310),  # 300 + 250e6 / 250e6 = 301, rounded up to 10 s
        ("2500M", 310),  # 300 + 10 = 310
        ("2501M", 320),  # 300 + 10.004
        ("140G", 860),  # 300 + 560
    ],
)
def test_startup_budget_is_300_s_and_the_weights_at_250_mb_a_second(size: str, seconds: int) -> None:
    """The startup probe waits for the engine, 300 s, and for reading the weights, and no longer."""
    own = {"source": "hf://acme/own", "revision": REVISION, "size": size}
    probe = engine(workloads(models={"chat": own}))["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == seconds


def test_startup_budget_of_the_quickstart() -> None:
    """300 s + 15,231,233,024 bytes / 250,000,000 bytes/s = 360.9 s, rounded up to 370 s."""
    assert demand.startup_seconds(WEIGHTS) == 370
    probe = engine(workloads())["startupProbe"]
    assert (probe["periodSeconds"], probe["failureThreshold"]) == (10, 37)


def test_progress_deadline_is_longer_than_a_start() -> None:
    """Node 300 s + image 300 s + 15.23 GB from S3 at 200 MB/s 76.2 s + start 370 s = 1,046.2 s, up to a minute."""
    assert inputs(workloads(), "Deployment")["spec"]["progressDeadlineSeconds"] == 1080
    # on-prem there are the nodes, and a volume with the weights: 300 + 370 = 670
    assert inputs(workloads(ON_PREM), "Deployment")["spec"]["progressDeadlineSeconds"] == 720


def test_pulumi_waits_for_every_round_of_a_rollout() -> None:
    """Three replicas, one after the other: each round an old pod goes in 165 s of grace, and a new one starts in its
    progress deadline. Where no GPU is spare, the one does not begin before the other is done."""
    for pool in (4, 3):
        graph = workloads(nodePools={"l40s": {"max": pool}}, serving={"chat": {"replicas": 3}})
        options = graph.node("serving.chat/Deployment/chat").options
        assert (options.create_timeout, options.update_timeout) == (3 * (1080 + 165), 3 * (1080 + 165))


@BOTH
def test_pod_never_talks_to_the_hub(targets: dict[str, Any]) -> None:
    """A server has its weights on disk, is told to look nowhere else, and never sees the token."""
    token = {"chat": {"token": {"secret": "hf-token"}}}
    graph = workloads(targets, models=token)
    assert {"name": "HF_HUB_OFFLINE", "value": "1"} in engine(graph)["env"]
    assert engine(graph)["args"][0] == "/weights"
    assert "hf-token" not in json.dumps(pod(graph))
    assert "hf://" not in json.dumps(pod(graph))
    [mirror] = job(graph)["spec"]["template"]["spec"]["containers"]
    assert {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf-token", "key": "token"}}} in mirror["env"]


def test_on_prem_server_reaches_nothing() -> None:
    """Its weights are on a volume, so it needs no connection of its own, not even DNS: the type without a rule."""
    policy = inputs(workloads(ON_PREM), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "egress" not in policy


@BOTH
def test_network_policies_have_no_empty_list_of_rules(targets: dict[str, Any]) -> None:
    """The API server drops an empty list and counts a new generation at each apply of it (seen with kube-apiserver
    1.34.4): `kubectl diff --server-side` would never be empty."""
    policies = [n.inputs["spec"] for n in workloads(targets).nodes if n.inputs.get("kind") == "NetworkPolicy"]
    assert len(policies) >= 2
    assert not [spec for spec in policies if [] in spec.values()]


@BOTH
def test_weights_are_read_only_for_the_engine(targets: dict[str, Any]) -> None:
    """Nothing that a client can make the engine do changes the weights."""
    [mount] = [m for m in engine(workloads(targets))["volumeMounts"] if m["name"] == "weights"]
    assert mount["readOnly"] is True


def test_services_do_not_leak_into_the_engine() -> None:
    """A Service named `vllm` would set VLLM_PORT, which vLLM takes for its own."""
    assert pod(workloads())["enableServiceLinks"] is False


def test_server_runs_on_its_pool_only() -> None:
    """It selects the pool's label and tolerates the GPU taint and the pool's own taints."""
    taints = [{"key": "team.example/reserved", "value": "ml", "effect": "NoExecute"}]
    spec = pod(workloads(nodePools={"l40s": {"taints": taints}}))
    assert spec["nodeSelector"] == {"llmform.dev/pool": "l40s"}
    assert spec["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "team.example/reserved", "operator": "Equal", "value": "ml", "effect": "NoExecute"},
    ]


def test_spec_env_wins_and_args_follow_the_own_ones() -> None:
    """What the spec says of the engine is there once, in an order that does not depend on the spec's."""
    server = {"env": {"VLLM_NO_USAGE_STATS": "0", "NCCL_DEBUG": "WARN"}, "args": {"seed": 1, "max-num-seqs": 64}}
    container = engine(workloads(serving={"chat": server}))
    names = [v["name"] for v in container["env"]]
    assert names == sorted(set(names))
    assert {"name": "VLLM_NO_USAGE_STATS", "value": "0"} in container["env"]
    assert container["args"][-2:] == ["--max-num-seqs=64", "--seed=1"]


def test_new_owner_restarts_no_pod() -> None:
    """Labels of the spec are on objects and not in pod templates, so a change of them is no rollout."""
    before, after = workloads(), workloads(owner="ml", labels={"cost-center": "4711"})
    assert inputs(after, "Deployment")["metadata"]["labels"]["cost-center"] == "4711"
    assert inputs(after, "Deployment")["spec"] == inputs(before, "Deployment")["spec"]


# ---- around the pod ----


@pytest.mark.parametrize("replicas", [1, 2])
def test_one_replica_does_not_block_a_drain(replicas: int) -> None:
    """The budget lets one pod go, also the only one, and pods that never became ready."""
    budget = inputs(workloads(serving={"chat": {"replicas": replicas}}), "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert "minAvailable" not in budget


def test_service_port_stays_80() -> None:
    """The provider cannot preview a changed Service port: only the target port may move."""
    [port] = inputs(workloads(), "Service")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (80, "http")
    assert engine(workloads())["ports"] == [{"name": "http", "containerPort": 8000, "protocol": "TCP"}]


def test_selectors_agree() -> None:
    """Deployment, Service, budget and policy select the same pods, and those have the labels."""
    graph = workloads()
    labels = inputs(graph, "Deployment")["spec"]["template"]["metadata"]["labels"]
    wanted = {"app.kubernetes.io/name": "vllm", "app.kubernetes.io/instance": "chat"}
    assert wanted.items() <= labels.items()
    assert inputs(graph, "Deployment")["spec"]["selector"] == {"matchLabels": wanted}
    assert inputs(graph, "Service")["spec"]["selector"] == wanted
    assert inputs(graph, "PodDisruptionBudget")["spec"]["selector"] == {"matchLabels": wanted}
    assert inputs(graph, "NetworkPolicy")["spec"]["podSelector"] == {"matchLabels": wanted}


# ---- the mirror ----


def test_mirror_jobs_name_changes_with_the_revision() -> None:
    """A new revision is a new Job, because a finished Job cannot be changed."""
    before, after = workloads(), workloads(models={"chat": {"revision": NEXT_REVISION}})
    assert job(before)["metadata"]["name"] != job(after)["metadata"]["name"]


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": "ml"},
        {"models": {"chat": {"contextLength": "8k"}}},
        {"models": {"other": {"source": "hf://BAAI/bge-m3", "revision": "5617a9f61b028005a4858fdac845db406aefb181"}}},
        {"nodePools": {"l40s": {"max": 8}}},
        {"serving": {"chat": {"replicas": 2, "args": {"seed": 1}}}},
    ],
    ids=["owner", "context", "other-model", "pool", "server"],
)
def test_mirror_job_changes_only_with_the_revision(changes: dict[str, Any]) -> None:
    """What is not about the model's source leaves the Job's name and its immutable pod template as they are."""
    name = job(workloads())["metadata"]["name"]
    after = [n for n in workloads(**changes).nodes if n.inputs.get("metadata", {}).get("name") == name]
    assert [n.inputs["spec"] for n in after] == [job(workloads())["spec"]]


def test_mirrors_do_not_wait_for_each_other() -> None:
    """A Job needs what all Jobs share, and no other Job: one model more changes none that are there."""
    other = {"other": {"source": "hf://BAAI/bge-m3", "revision": "5617a9f61b028005a4858fdac845db406aefb181"}}
    jobs = [n for n in workloads(models=other).nodes if n.inputs.get("kind") == "Job"]
    assert len(jobs) == 2
    assert not any("/Job/" in need for n in jobs for need in n.needs)


def test_server_waits_for_its_weights() -> None:
    """The Deployment comes after the Job that mirrors its model."""
    graph = workloads()
    [mirror] = [n.id for n in graph.nodes if n.inputs.get("kind") == "Job"]
    assert mirror in graph.node("serving.chat/Deployment/chat").needs


def test_volume_holds_the_weights_with_room() -> None:
    """15,231,233,024 bytes are 14.19 GiB; 5 % more is 14.89, up to 15, and 1 GiB for the file system: 16 GiB."""
    [claim] = [n.inputs for n in workloads(ON_PREM).nodes if n.inputs.get("kind") == "PersistentVolumeClaim"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "16Gi"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["spec"]["storageClassName"] == "cephfs"


# ---- renames ----


def test_served_model_name_survives_a_moved_rename() -> None:
    """Clients go on asking for the name that they know; objects and address stay, only ids and aliases change."""
    before, after = workloads(), compiled_whole(renamed("serving", "chat", "support"))
    assert "--served-model-name=chat" in engine(after, "support")["args"]
    for kind in ("ServiceAccount", "Service", "Deployment", "PodDisruptionBudget", "NetworkPolicy"):
        node = after.node(f"serving.support/{kind}/support")
        assert node.inputs == inputs(before, kind)
        assert node.options.aliases == (f"serving.chat/{kind}/chat",)


def test_moved_model_is_not_mirrored_again() -> None:
    """The Job keeps its name through a rename of the model."""
    spec = renamed("models", "chat", "qwen", serving={"chat": {"model": "qwen"}})
    after = compiled_whole(spec)
    assert job(after) == job(workloads())


def test_moved_pool_keeps_its_nodes() -> None:
    """Servers go on selecting the label that the pool's nodes have."""
    spec = renamed("nodePools", "l40s", "inference", serving={"chat": {"pool": "inference"}})
    assert pod(compiled_whole(spec)) == pod(workloads())


# ---- rollout and placement ----


def _fits(sizes: tuple[int, ...], per_node: int, nodes: int) -> bool:
    """Say by trying everything whether replicas of these sizes fit on so many nodes."""
    if not sizes:
        return True
    return any(
        all(sum(s for s, n in zip(sizes, places, strict=True) if n == node) <= per_node for node in range(nodes))
        for places in product(range(nodes), repeat=len(sizes))
    )


def _always_room(sizes: tuple[int, ...], gpus: int, per_node: int, nodes: int) -> bool:
    """Say by trying everything whether some node has `gpus` free however the replicas lie."""
    for places in product(range(nodes), repeat=len(sizes)):
        taken = [sum(s for s, n in zip(sizes, places, strict=True) if n == node) for node in range(nodes)]
        if max(taken) <= per_node and per_node - min(taken) < gpus:
            return False
    return True


def test_surge_is_never_planned_when_the_pool_has_no_spare_gpu() -> None:
    """For every small pool and up to three replicas: with a surge, one more fits however those that run lie.

    With replicas of one size the rule is exact; with several it may pass over a surge that would have been possible.
    """
    for per_node, maximum in product((1, 2, 4), (1, 2, 3)):
        for sizes in (s for n in (1, 2, 3) for s in combinations_with_replacement((1, 2, 3, 4), n)):
            if not _fits(sizes, per_node, maximum):
                continue
            demands = [Demand(f"s{n}", 1, size, 3, 10 * GIB) for n, size in enumerate(sizes)]
            for server in demands:
                choice = choose_rollout(
                    server, demands, per_node=per_node, minimum=0, maximum=maximum, pool="p", starts_nodes=True
                )
                assert (choice.max_surge, choice.max_unavailable) in ((1, 0), (0, 1))
                room = _always_room(sizes, server.gpus, per_node, maximum)
                assert choice.max_surge <= room
                if len(set(sizes)) == 1:
                    assert choice.max_surge == room


def test_surge_is_not_planned_where_the_running_replicas_can_block_every_node() -> None:
    """Two nodes of 4 GPUs with replicas of 3, 1 and 1: (3) and (1, 1) leave no node with 3, though 8 - 5 = 3."""
    demands = [Demand(f"s{n}", 1, size, 3, 10 * GIB) for n, size in enumerate((3, 1, 1))]
    choice = choose_rollout(demands[0], demands, per_node=4, minimum=0, maximum=2, pool="p", starts_nodes=True)
    assert (choice.max_surge, choice.max_unavailable) == (0, 1)
    assert "no node is sure to have 3 left" in choice.reason


@pytest.mark.parametrize("maximum", [1, 2])
def test_strategy_says_both_numbers(maximum: int) -> None:
    """Never 0 and 0, which the API server refuses, and never left to its default of 25 %."""
    rolling = inputs(workloads(nodePools={"l40s": {"max": maximum}}), "Deployment")["spec"]["strategy"]
    assert rolling["type"] == "RollingUpdate"
    assert rolling["rollingUpdate"] == {"maxSurge": maximum - 1, "maxUnavailable": 2 - maximum}


@pytest.mark.parametrize(
    ("gpus", "per_node", "nodes"),
    [
        ([], 8, 0),
        ([1], 1, 1),
        ([1, 1, 1], 1, 3),
        ([4, 4], 8, 1),
        ([4, 4, 1], 8, 2),  # the third has no room beside 4 + 4
        ([3, 3, 2], 4, 3),  # 3 + 2 is more than 4, and what is left on two nodes does not add up
        ([2, 2, 3, 1], 4, 2),  # 3 + 1 and 2 + 2
        ([8, 1], 4, None),  # no node has 8
    ],
)
def test_nodes_needed(gpus: list[int], per_node: int, nodes: int | None) -> None:
    """A replica takes its GPUs from one node."""
    assert nodes_needed(gpus, per_node) == nodes


def test_affordable_is_within_one_and_a_half_times_the_cheapest() -> None:
    """1.5 times the $1.861 an hour of g6e.xlarge is $2.7915: g6e.2xlarge ($2.24208) is in, .4xlarge ($3.00424) not."""
    some = [EDITION.instances[f"g6e.{size}"] for size in ("4xlarge", "2xlarge", "xlarge")]
    assert [i.usd_per_hour for i in some] == ["3.00424", "2.24208", "1.861"]
    assert [i.name for i in affordable(some)] == ["g6e.xlarge", "g6e.2xlarge"]


def test_replica_fits_beside_the_nodes_own_pods() -> None:
    """g6e.xlarge lets pods have 3,920 millicores and 29,317 MiB; 300 millicores and 512 MiB are the node's own."""
    node = EDITION.instances["g6e.xlarge"]
    assert (node.allocatable_cpu_millis, node.allocatable_memory_mib) == (3920, 29317)
    left = (29317 - 512) * 2**20
    assert holds(node, Demand("a", 1, 1, 3, left))
    assert not holds(node, Demand("a", 1, 1, 4, left))  # 4,000 of 3,620 millicores
    assert not holds(node, Demand("a", 1, 1, 3, left + 1))
    assert not holds(node, Demand("a", 1, 2, 3, left))  # it has one GPU


def test_demand_of_a_replica() -> None:
    """Two GPUs: 2 + 2 cores, 4 + 2 × 4 + 2 × 2 = 16 GiB, of which 4 GiB are shared memory."""
    assert (demand.cpu_cores(2), demand.memory(2), demand.shared_memory(2)) == (4, 16 * GIB, 4 * GIB)


# ---- patches ----


def patched(**patch: Any) -> Any:
    graph = workloads(patches=[{"match": "serving.chat/Deployment/chat"} | patch])
    return inputs(graph, "Deployment")["spec"]


def in_container(**change: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "vllm"} | change]}}}}


def variables(spec: Any) -> dict[str, Any]:
    return {v["name"]: v.get("value") for v in spec["template"]["spec"]["containers"][0]["env"]}


def test_merge_patch_merges_lists_by_name() -> None:
    """A variable more, and everything else of the container as it was."""
    before, after = (
        inputs(workloads(), "Deployment")["spec"],
        patched(
            merge=in_container(env=[{"name": "NCCL_DEBUG", "value": "WARN"}, {"name": "HF_HUB_OFFLINE", "value": "0"}])
        ),
    )
    assert variables(after) == variables(before) | {"NCCL_DEBUG": "WARN", "HF_HUB_OFFLINE": "0"}
    [old], [new] = before["template"]["spec"]["containers"], after["template"]["spec"]["containers"]
    assert {k: v for k, v in old.items() if k != "env"} == {k: v for k, v in new.items() if k != "env"}


def test_merge_patch_deletes_an_entry_of_a_list() -> None:
    """`$patch: delete` takes the entry of this name out."""
    after = patched(merge=in_container(env=[{"name": "VLLM_NO_USAGE_STATS", "$patch": "delete"}]))
    before = variables(inputs(workloads(), "Deployment")["spec"])
    assert variables(after).keys() == before.keys() - {"VLLM_NO_USAGE_STATS"}


def test_merge_patch_replaces_and_removes() -> None:
    """`$patch: replace` takes the map as it is written; `null` removes a key."""
    after = patched(merge={"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}, "minReadySeconds": None}})
    assert after["strategy"] == {"type": "Recreate"}
    assert "minReadySeconds" not in after


def test_json_patch_reaches_a_position() -> None:
    """RFC 6902: test, then insert before the first toleration."""
    toleration = {"key": "a", "operator": "Exists"}
    after = patched(
        json=[
            {"op": "test", "path": "/spec/replicas", "value": 1},
            {"op": "add", "path": "/spec/template/spec/tolerations/0", "value": toleration},
        ]
    )
    assert after["template"]["spec"]["tolerations"][0] == toleration
    assert len(after["template"]["spec"]["tolerations"]) == 2


@pytest.mark.parametrize(
    ("patch", "reason"),
    [
        ({"merge": {"metadata": {"name": "other"}}}, "it changes `metadata.name`"),
        ({"merge": {"metadata": {"namespace": "other"}}}, "it changes `metadata.namespace`"),
        ({"json": [{"op": "replace", "path": "/kind", "value": "StatefulSet"}]}, "it changes `kind`"),
        (
            {"json": [{"op": "test", "path": "/spec/replicas", "value": 2}]},
            "operation 1, `test /spec/replicas`: the node",
        ),
        ({"json": [{"op": "add", "path": "/spec/paused"}]}, "operation 1, `add /spec/paused` needs a `value`"),
        ({"json": [{"op": "remove", "path": "/spec/paused"}]}, "operation 1, `remove /spec/paused`: the node has no"),
        ({"merge": in_container() | {"metadata": None}}, "it changes `metadata.name`"),
    ],
    ids=["name", "namespace", "kind", "test", "no-value", "no-place", "metadata"],
)
def test_patch_that_is_refused(patch: dict[str, Any], reason: str) -> None:
    """A patch that changes what the object is makes another one."""
    spec = BASE | {"targets": AWS, "patches": [{"match": "serving.chat/Deployment/chat"} | patch]}
    compiled = compile_spec(json.dumps(spec).encode(), "spec.yaml")
    [found] = compiled.diagnostics
    assert compiled.compilation is None
    assert found.code == "patch-failed"
    assert reason in found.message


def test_patch_keeps_what_is_known_after_apply() -> None:
    """A patch of a node with references leaves them references, and everything else as it was."""
    patches = [{"match": "cluster/Cluster/cluster", "merge": {"tags": {"team": "ml"}}}]
    made = [
        compile_spec(json.dumps(BASE | {"targets": AWS} | s).encode(), "spec.yaml") for s in ({}, {"patches": patches})
    ]
    old, new = (m.compilation.stacks[0].graph.node("cluster/Cluster/cluster").inputs for m in made if m.compilation)
    assert any(True for _ in references(old))
    assert new == {**old, "tags": {**old.get("tags", {}), "team": "ml"}}


def test_replicas_spread_over_nodes_only_where_all_servers_of_the_pool_are_of_one_size() -> None:
    """With sizes 1 and 2 on nodes of 2 GPUs, two small replicas on two nodes leave none for the large one."""

    def keys(*sizes: int) -> set[tuple[str, ...]]:
        serving = {
            f"s{n}": {"model": "chat", "pool": "p", "parallelism": {"tensor": gpus}} for n, gpus in enumerate(sizes)
        }
        pools = {"p": {"accelerator": "nvidia-l40s", "perNode": 4, "max": 4}}
        graph = workloads(serving=serving, nodePools=pools)
        return {
            tuple(c["topologyKey"] for c in n.inputs["spec"]["template"]["spec"]["topologySpreadConstraints"])
            for n in graph.nodes
            if n.id.startswith("serving.s") and n.id.split("/")[1] == "Deployment"
        }

    zone, host = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
    assert keys(2) == keys(2, 2) == {(zone, host)}
    assert keys(1, 4) == {(zone,)}


def test_a_token_is_a_secret_that_somebody_else_makes() -> None:
    """The plan says so where it shows the model."""
    models = {"chat": BASE["models"]["chat"] | {"token": {"secret": "hf-token"}}}
    summary = workloads(models=models).component("models.chat").summary
    assert "the Secret `hf-token`, key `token`, must exist in namespace hello-default first" in summary
    assert not any("Secret" in line for line in workloads().component("models.chat").summary)


def test_metrics_are_read_by_pods_of_labelled_namespaces_alone() -> None:
    """A pod's label alone is no right: whoever may make pods in any namespace could take it."""
    policy = workloads().node("serving.chat/NetworkPolicy/chat").inputs["spec"]
    (rule,) = policy["ingress"]
    for peer in rule["from"]:
        assert peer == {"podSelector": {}} or peer["namespaceSelector"]["matchLabels"]
    assert {
        "namespaceSelector": {"matchLabels": {"metrics.llmform.dev/hello-default": "true"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    } in rule["from"]
