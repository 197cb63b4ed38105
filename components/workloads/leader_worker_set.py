"""A replica that spans nodes: a LeaderWorkerSet, whose group of pods is one replica and restarts as one.

The group's first pod, the leader, has the API server and is what the Service sends requests to. The others run the
same engine without an API server, and find the leader by the name that LeaderWorkerSet gives it. vLLM's own processes
talk over torch.distributed (`--nnodes`); no Ray is involved. From the number of nodes vLLM infers which ranks of the
split are on which node, data parallelism included (vllm/engine/arg_utils.py, `create_engine_config`).

A group is placed and updated as a whole: `maxSurge` and `maxUnavailable` count groups, and a pod that restarts makes
all of its group start anew, since the others would wait for the dead rank for ever.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from components import names
from components.manifests import on_prem, pod_labels
from components.resolve import defaults
from components.resolve.platform import Aws, Platform, Server
from components.workloads.engines.contract import Container
from components.workloads.pods import DNS_RULE
from components.workloads.server_pod import pod
from components.workloads.workload import Workload

MASTER_PORT = 29_501
"""Where the leader gathers the ranks: vLLM's default (`--master-port`, recorded from vLLM 0.32.0)."""

INDEX_LABEL = "leaderworkerset.sigs.k8s.io/worker-index"
GROUP_LABEL = "leaderworkerset.sigs.k8s.io/group-key"
"""Labels that LeaderWorkerSet gives to each pod: its number in the group, 0 for the leader, and its group (LWS v0.10.0,
api/leaderworkerset/v1)."""

EFA_RESOURCE = "vpc.amazonaws.com/efa"

_NAME_LIMIT = 48
"""Characters: the name is part of the names of StatefulSets, whose revision labels add 11 to it, and of pods."""


def lower_group(
    platform: Platform,
    server: Server,
    container: Container,
    metadata: dict[str, Any],
    selector: dict[str, str],
    nodes: int,
) -> Workload:
    """Return the LeaderWorkerSet of a vLLM server whose replica spans `nodes` nodes, with `server.gpus` GPUs on each.

    `metadata` and `selector` are those that a Deployment would have. The set has a name of its own, because
    LeaderWorkerSet makes a headless Service of its name.
    """
    efa = efa_interfaces(platform, server)
    leader = _pod(platform, server, _leader(container, nodes), metadata, selector, efa)
    worker = _pod(platform, server, _worker(container, nodes), metadata, selector, efa)
    _without_api(worker, server)
    labels = pod_labels(metadata["labels"])
    surge, unavailable = server.rollout.max_surge, server.rollout.max_unavailable
    manifest = {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": metadata | {"name": set_name(server)},
        "spec": {
            "replicas": server.replicas,
            # not LeaderReady: the leader is ready only once every worker has joined it
            "startupPolicy": "LeaderCreated",
            "rolloutStrategy": {
                "type": "RollingUpdate",
                "rollingUpdateConfiguration": {"maxSurge": surge, "maxUnavailable": unavailable},
            },
            "leaderWorkerTemplate": {
                "size": nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": {"metadata": {"labels": labels}, "spec": leader},
                "workerTemplate": {"metadata": {"labels": labels}, "spec": worker},
            },
        },
    }
    among = {"podSelector": {"matchLabels": selector}}
    return Workload(
        manifest=manifest,
        pods=selector,
        answers=selector | {INDEX_LABEL: "0"},
        rollout=f"one group of {nodes} pods after the other, maxSurge {surge}, maxUnavailable {unavailable} groups",
        # ranks meet on ports that NCCL and torch choose
        ingress=({"from": [among]},),
        egress=({"to": [among]}, *([DNS_RULE] if on_prem(platform) or server.weights.baked else [])),
        notes=_notes(platform, server, nodes, efa),
    )


def set_name(server: Server) -> str:
    """Return the name of the server's LeaderWorkerSet."""
    return names.fit(f"{server.object_name}-group", _NAME_LIMIT)


def efa_interfaces(platform: Platform, server: Server) -> int:
    """Return how many EFA interfaces a pod asks for: those of the node that it has for itself, where the target says
    that EFA's device plugin is there. The fewest of the pool's instance types, 0 where one has none."""
    if not (isinstance(platform.target, Aws) and platform.target.efa) or server.gpus < server.pool.per_node:
        return 0
    return min((i.efa for i in server.pool.instances), default=0)


def _notes(platform: Platform, server: Server, nodes: int, efa: int) -> tuple[str, ...]:
    what = f"a replica is a group of {nodes} pods on {nodes} nodes, {server.gpus} GPUs each, and restarts as one"
    if efa:
        return (what, f"{efa} EFA interfaces a pod; NCCL uses them only if the image has the aws-ofi-nccl plugin")
    if isinstance(platform.target, Aws) and any(i.efa for i in server.pool.instances):
        return (what, "the nodes' EFA is not used: no `efa-device-plugin` in `addons`; ranks talk over TCP")
    return (what,)


def _group_arguments(nodes: int) -> tuple[str, ...]:
    # Kubernetes puts the variables in; LeaderWorkerSet sets the address in front of all others, so that it can
    return (
        "--distributed-executor-backend=mp",
        f"--nnodes={nodes}",
        "--node-rank=$(NODE_RANK)",
        "--master-addr=$(LWS_LEADER_ADDRESS)",
        f"--master-port={MASTER_PORT}",
    )


def _leader(container: Container, nodes: int) -> Container:
    return replace(container, args=(*container.args, *_group_arguments(nodes)))


def _worker(container: Container, nodes: int) -> Container:
    return replace(container, args=(*container.args, *_group_arguments(nodes), "--headless"))


def _pod(
    platform: Platform,
    server: Server,
    container: Container,
    metadata: dict[str, Any],
    selector: dict[str, str],
    efa: int,
) -> dict[str, Any]:
    spec = pod(platform, server, container, metadata, selector)
    [engine] = spec["containers"]
    by_name = {e["name"]: e for e in engine["env"]}
    by_name["NODE_RANK"] = {
        "name": "NODE_RANK",
        "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX_LABEL}']"}},
    }
    if efa:
        for name, value in (("FI_PROVIDER", "efa"), ("FI_EFA_USE_HUGE_PAGE", "0")):  # no huge pages are asked for
            by_name.setdefault(name, {"name": name, "value": value})
        engine["resources"]["requests"][EFA_RESOURCE] = engine["resources"]["limits"][EFA_RESOURCE] = str(efa)
    engine["env"] = [by_name[name] for name in sorted(by_name)]
    # groups keep together instead of spreading: every token crosses the network between their nodes
    del spec["topologySpreadConstraints"]
    term = {
        "topologyKey": "topology.kubernetes.io/zone",
        "labelSelector": {"matchLabels": selector},
        "matchLabelKeys": [GROUP_LABEL],
    }
    preferred = [{"weight": 100, "podAffinityTerm": term}]
    spec["affinity"] = {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    return spec


def _without_api(spec: dict[str, Any], server: Server) -> None:
    """Take away what asks a port that a worker does not have; it stays until its leader has drained."""
    [engine] = spec["containers"]
    for key in ("ports", "startupProbe", "readinessProbe", "livenessProbe"):
        del engine[key]
    engine["lifecycle"] = {"preStop": {"sleep": {"seconds": defaults.PRE_STOP_SECONDS + server.drain_seconds}}}
