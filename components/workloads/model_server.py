"""A vLLM model server.

Component `serving.<name>`: ServiceAccount, Deployment, Service, PodDisruptionBudget, NetworkPolicy.

What the Deployment relies on was recorded from vLLM 0.32.0 on 2026-11-21: the port refuses connections until the
model is
loaded, `/health` is 200 from the first successful connect and stays 200 while it drains, `--shutdown-timeout` lets
requests in
flight finish but new ones get 500, and a dead engine ends the process with exit status 0.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from components import aws
from components.foundation.identities import readable_folder
from components.graph import Component, Options
from components.manifests import GPU_TAINT, POOL_LABEL, kubernetes_node, on_prem, pod_labels, recommended_labels
from components.part import Part, moved_component
from components.resolve import defaults
from components.resolve.defaults import GIB
from components.resolve.platform import Platform, Server
from components.workloads.pods import (
    DNS_RULE,
    POD_IDENTITY_RULE,
    container_security,
    https_rule,
    place_paths,
    pod_security,
)
from components.workloads.vllm_arguments import arguments
from components.workloads.weights_mirror import claim_name, job_node_id, location, mirror_environment, weights_store

USER = 2000
"""The user `vllm` of the image (vllm-project/vllm#40275, 2026-04): torch fails for a user id without a passwd entry."""

PORT = 8000
WEIGHTS_PATH = "/weights"


def lower(platform: Platform) -> Part:
    """Return every model server of the platform."""
    parts = [_lower_one(platform, server) for server in platform.servers]
    return Part(
        tuple(c for p in parts for c in p.components),
        tuple(n for p in parts for n in p.nodes),
        {name: value for p in parts for name, value in p.outputs.items()},
    )


def _lower_one(platform: Platform, server: Server) -> Part:
    origin = f"serving.{server.name}"
    component = Component(
        id=origin,
        type="llmform:serving:ModelServer",
        origin=origin,
        reads=(
            origin,
            f"models.{server.weights.model}",
            *(f"nodePools.{server.pool.name}.{key}" for key in ("max", "min", "perNode", "taints")),
            # the rollout that the pool can carry out depends on everything that runs on it
            *(
                f"serving.{s.name}.{key}"
                for s in _neighbours(platform, server)
                for key in ("pool", "replicas", "parallelism")
            ),
            *place_paths(platform),
            "owner",
            "labels",
        ),
        summary=(_summary(server), _times(platform, server), *identity_contract(platform, server)),
        aliases=moved_component(platform, origin),
    )
    labels = recommended_labels(platform, "vllm", server.object_name, "model-server")
    metadata = {"name": server.object_name, "namespace": platform.namespace, "labels": labels}
    selector = {k: labels[k] for k in ("app.kubernetes.io/name", "app.kubernetes.io/instance")}
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }
    objects = (
        account,
        _service(metadata, selector),
        _budget(metadata, selector),
        _policy(platform, metadata, selector),
    )
    nodes = [
        kubernetes_node(platform, origin, m, origin=origin, name=server.name, old_name=server.object_name)
        for m in objects
    ]
    rounds = ceil(server.replicas / max(server.rollout.max_surge, server.rollout.max_unavailable))
    # each round an old pod may take all of its grace to give its GPU back before the new one starts
    timeout = (server.progress_deadline_seconds + grace_seconds(server)) * rounds
    nodes.append(
        kubernetes_node(
            platform,
            origin,
            _deployment(platform, server, metadata, selector),
            origin=origin,
            name=server.name,
            old_name=server.object_name,
            needs=(*(n.id for n in nodes), job_node_id(server.weights)),
            options=Options(create_timeout=timeout, update_timeout=timeout),
        )
    )
    address = f"http://{server.object_name}.{platform.namespace}.svc:80/v1"
    return Part((component,), tuple(nodes), {f"endpoint.{server.name}": address})


def _neighbours(platform: Platform, server: Server) -> list[Server]:
    return [s for s in platform.servers if s.pool.name == server.pool.name and s.name != server.name]


def _summary(server: Server) -> str:
    replicas = f"{server.replicas} replica{'s' if server.replicas > 1 else ''}"
    what = f"{server.gpus} × {server.pool.accelerator}"
    length = server.weights.context_length
    context = f"context {length:,} tokens" if length else "the model's own context length"
    if length and length % 1024 == 0:
        context = f"context {length // 1024}k = {length:,} tokens"
    return f"vLLM {server.engine_version}, {replicas}, {what} each, {context}"


def _times(platform: Platform, server: Server) -> str:
    budget = f"{server.startup_seconds} s to load (estimate), {server.drain_seconds} s to finish requests when it stops"
    rollout = f"maxSurge {server.rollout.max_surge}, maxUnavailable {server.rollout.max_unavailable}"
    return f"rolling update with {rollout}; {budget}"


def identity_contract(platform: Platform, server: Server) -> tuple[str, ...]:
    """Return what the owner of an existing foundation gives the server's pods; elsewhere llmform makes it."""
    if not aws.existing(platform):
        return ()
    folder = readable_folder(server.weights)
    return (
        f"its role is yours: a Pod Identity association of {platform.namespace}/{server.object_name} "
        f"that may read {folder}/ in {weights_store(platform).bucket}",
    )


def grace_seconds(server: Server) -> int:
    """Return the termination grace period: leave the Service, drain, tear down."""
    return defaults.PRE_STOP_SECONDS + server.drain_seconds + defaults.TEARDOWN_SECONDS


def _service(metadata: dict[str, Any], selector: dict[str, str]) -> dict[str, Any]:
    # the port stays 80 for ever and only targetPort may move: the provider cannot preview a changed Service port
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"type": "ClusterIP", "selector": selector, "ports": [port]},
    }


def _budget(metadata: dict[str, Any], selector: dict[str, str]) -> dict[str, Any]:
    # maxUnavailable 1 also with one replica: a budget that never lets the only pod go would block every drain for ever
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _policy(platform: Platform, metadata: dict[str, Any], selector: dict[str, str]) -> dict[str, Any]:
    """Clients are the pods of this namespace and of namespaces labelled for it; Prometheus scrapes the same port,
    from a namespace labelled for that: a pod's label alone is no right, since anyone who makes pods can set it."""
    clients = [
        {"podSelector": {}},
        {"namespaceSelector": {"matchLabels": {f"client.llmform.dev/{platform.namespace}": "true"}}},
        {
            "namespaceSelector": {"matchLabels": {f"metrics.llmform.dev/{platform.namespace}": "true"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
        },
    ]
    spec: dict[str, Any] = {
        "podSelector": {"matchLabels": selector},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": clients, "ports": [{"port": PORT, "protocol": "TCP"}]}],
    }
    if not on_prem(platform):  # no empty list: the API server drops it, and takes each apply of it for a change
        spec["egress"] = [DNS_RULE, POD_IDENTITY_RULE, https_rule(platform)]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _deployment(
    platform: Platform, server: Server, metadata: dict[str, Any], selector: dict[str, str]
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": server.replicas,
            "selector": {"matchLabels": selector},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {
                    "maxSurge": server.rollout.max_surge,
                    "maxUnavailable": server.rollout.max_unavailable,
                },
            },
            "minReadySeconds": 10,
            "progressDeadlineSeconds": server.progress_deadline_seconds,
            "revisionHistoryLimit": 5,
            "template": {
                "metadata": {"labels": pod_labels(metadata["labels"])},
                "spec": _pod(platform, server, selector),
            },
        },
    }


def _pod(platform: Platform, server: Server, selector: dict[str, str]) -> dict[str, Any]:
    tolerations: list[dict[str, str]] = [{"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}]
    for taint in server.pool.taints:
        value = {"operator": "Equal", "value": taint.value} if taint.value else {"operator": "Exists"}
        tolerations.append({"key": taint.key, "effect": taint.effect} | value)
    pod: dict[str, Any] = {
        "serviceAccountName": server.object_name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # a Service named `vllm` would set VLLM_PORT, which vLLM reads as its own
        "nodeSelector": {POOL_LABEL: server.pool.object_name},
        "tolerations": tolerations,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector},
                "matchLabelKeys": ["pod-template-hash"],
            }
            for key in _spread(platform, server)
        ],
        "securityContext": pod_security(USER),
        "terminationGracePeriodSeconds": grace_seconds(server),
        "containers": [_engine(platform, server)],
        "volumes": _volumes(platform, server),
    }
    if not on_prem(platform):
        pod["initContainers"] = [_fetch(platform, server)]
    return pod


def _spread(platform: Platform, server: Server) -> tuple[str, ...]:
    """Return what replicas are spread over: zones, and nodes where every server of the pool is of one size.

    With several sizes, small replicas that keep apart leave a few GPUs free on every node and no node whole, so
    that a server which needs more of a node finds none although the pool has the GPUs.
    """
    sizes = {s.gpus for s in platform.servers if s.pool.name == server.pool.name}
    return ("topology.kubernetes.io/zone", *(("kubernetes.io/hostname",) if len(sizes) == 1 else ()))


def _volumes(platform: Platform, server: Server) -> list[dict[str, Any]]:
    weights: dict[str, Any] = {"name": "weights"}
    if on_prem(platform):
        weights["persistentVolumeClaim"] = {"claimName": claim_name(server.weights), "readOnly": True}
    else:
        weights["emptyDir"] = {"sizeLimit": f"{_disk_gib(server)}Gi"}
    return [
        weights,
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{server.shared_memory // GIB}Gi"}},
        {"name": "cache", "emptyDir": {"sizeLimit": "10Gi"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}},
    ]


def _disk_gib(server: Server) -> int:
    """Return the room for weights on the node's disk in GiB: the weights, 5 % and 1 GiB for the files beside them."""
    return ceil(server.weights.size * 105 / 100 / GIB) + 1


def _mount(platform: Platform, server: Server, *, read_only: bool) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": "weights", "mountPath": WEIGHTS_PATH, "readOnly": read_only}
    if on_prem(platform):
        mount["subPath"] = server.weights.prefix
    return mount


def _fetch(platform: Platform, server: Server) -> dict[str, Any]:
    """Copy the weights from the mirror to the node's disk; it fails if the mirror is not complete."""
    return {
        "name": "fetch-weights",
        "image": platform.edition.images["weights"].reference,
        "imagePullPolicy": "IfNotPresent",
        "args": ["fetch", f"--from={location(platform, server.weights)}", f"--to=file://{WEIGHTS_PATH}"],
        "env": mirror_environment(platform),
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "securityContext": container_security(),
        "volumeMounts": [_mount(platform, server, read_only=False), {"name": "tmp", "mountPath": "/tmp"}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _engine(platform: Platform, server: Server) -> dict[str, Any]:
    own = {
        "HOME": "/cache",  # the root file system is read-only; vLLM, torch and Triton keep compiled kernels here
        "VLLM_CACHE_ROOT": "/cache/vllm",
        "TORCHINDUCTOR_CACHE_DIR": "/cache/torchinductor",
        "TRITON_CACHE_DIR": "/cache/triton",
        "HF_HUB_OFFLINE": "1",  # the weights are on disk: a look-up at the hub would only be blocked
        "VLLM_NO_USAGE_STATS": "1",
    }
    health = {"httpGet": {"path": "/health", "port": "http"}}
    disk = 0 if on_prem(platform) else _disk_gib(server)
    gpu = {"nvidia.com/gpu": str(server.gpus)}
    memory = f"{server.memory // GIB}Gi"
    return {
        "name": "vllm",
        "image": platform.edition.images["vllm"].reference,
        "imagePullPolicy": "IfNotPresent",
        "command": ["vllm", "serve"],
        "args": arguments(server, WEIGHTS_PATH, PORT),
        "env": [{"name": name, "value": value} for name, value in sorted((own | dict(server.env)).items())],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        # no CPU limit: throttling would stop the scheduler between two tokens; the node has no other work
        "resources": {
            "requests": {"cpu": str(server.cpu), "memory": memory, "ephemeral-storage": f"{disk + 12}Gi"} | gpu,
            "limits": {"memory": memory} | gpu,
        },
        "startupProbe": health
        | {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": server.startup_seconds // 10},
        "readinessProbe": health | {"periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3},
        # a dead engine ends the process by itself; this is for one that hangs, and slow answers under load must not
        # count
        "livenessProbe": health | {"periodSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 6},
        # new requests fail once vLLM has the signal, so the endpoint leaves the Service first
        "lifecycle": {"preStop": {"sleep": {"seconds": defaults.PRE_STOP_SECONDS}}},
        "securityContext": container_security(),
        "volumeMounts": [
            _mount(platform, server, read_only=True),
            {"name": "shm", "mountPath": "/dev/shm"},
            {"name": "cache", "mountPath": "/cache"},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
