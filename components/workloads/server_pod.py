"""The pod of a model server: the engine's container, the weights beside it, and what both need of the node."""

from __future__ import annotations

import json
from hashlib import sha256
from math import ceil
from typing import Any

from components.manifests import GPU_TAINT, POOL_LABEL, on_prem
from components.resolve import defaults
from components.resolve.defaults import GIB
from components.resolve.platform import Edge, Platform, Server
from components.workloads.engines.contract import CONFIG_PATH, WEIGHTS_PATH, Container
from components.workloads.images import weights_reference
from components.workloads.pods import container_security, pod_security
from components.workloads.weights_mirror import claim_name, location, mirror_environment


def grace_seconds(server: Server) -> int:
    """Return the termination grace period: leave the Service, drain, tear down."""
    return defaults.PRE_STOP_SECONDS + server.drain_seconds + defaults.TEARDOWN_SECONDS


def pod(
    platform: Platform, server: Server, container: Container, metadata: dict[str, Any], selector: dict[str, str]
) -> dict[str, Any]:
    """Return the pod's spec. `metadata` is the Deployment's, `selector` what its Service selects."""
    tolerations: list[dict[str, str]] = []
    if server.pool.per_node:
        tolerations.append({"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"})
    for taint in server.pool.taints:
        value = {"operator": "Equal", "value": taint.value} if taint.value else {"operator": "Exists"}
        tolerations.append({"key": taint.key, "effect": taint.effect} | value)
    pod: dict[str, Any] = {
        "serviceAccountName": server.object_name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # a Service named `vllm` would set VLLM_PORT, which vLLM reads as its own
        "nodeSelector": {POOL_LABEL: server.pool.object_name} | _processors(platform),
        **({"tolerations": tolerations} if tolerations else {}),
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
        "securityContext": pod_security(container.user),
        "terminationGracePeriodSeconds": grace_seconds(server),
        "containers": [_engine(platform, server, container)],
        "volumes": _volumes(platform, server, container, metadata),
    }
    if not on_prem(platform) and not server.weights.baked:
        pod["initContainers"] = [_fetch(platform, server)]
    return pod


def _processors(platform: Platform) -> dict[str, str]:
    """Return the node label of the processors that a site's boxes have, if the spec says which."""
    arch = platform.target.arch if isinstance(platform.target, Edge) else ""
    return {"kubernetes.io/arch": arch} if arch else {}


def _spread(platform: Platform, server: Server) -> tuple[str, ...]:
    """Return what replicas are spread over: zones, and nodes where every server of the pool is of one size.

    With several sizes, small replicas that keep apart leave a few GPUs free on every node and no node whole, so
    that a server which needs more of a node finds none although the pool has the GPUs.
    """
    sizes = {s.gpus for s in platform.servers if s.pool.name == server.pool.name}
    return ("topology.kubernetes.io/zone", *(("kubernetes.io/hostname",) if len(sizes) == 1 else ()))


def _volumes(
    platform: Platform, server: Server, container: Container, metadata: dict[str, Any]
) -> list[dict[str, Any]]:
    weights: dict[str, Any] = {"name": "weights"}
    if on_prem(platform):
        weights["persistentVolumeClaim"] = {"claimName": claim_name(server.weights), "readOnly": True}
    else:
        weights["emptyDir"] = {"sizeLimit": f"{_disk_gib(server)}Gi"}
    volumes = [] if server.weights.baked else [weights]
    if _own_shared_memory(server, container):
        size = f"{server.shared_memory // GIB}Gi"
        volumes.append({"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": size}})
    volumes += [{"name": s.name, "emptyDir": {"sizeLimit": f"{s.gib}Gi"}} for s in container.scratch]
    if container.config:
        volumes.append({"name": "config", "configMap": {"name": config_name(container, metadata["name"])}})
    return volumes


def _own_shared_memory(server: Server, container: Container) -> bool:
    """Say whether /dev/shm is the pod's own: with MPS the device plugin mounts the control daemon's there."""
    return container.shared_memory and server.pool.sharing != "mps"


def config_name(container: Container, server: str) -> str:
    """Return the name of the engine's ConfigMap: with another content it is another object, so that a rollout that
    goes back finds the content it began with."""
    content = json.dumps(dict(container.config), sort_keys=True, ensure_ascii=False)
    return f"{server}-config-{sha256(content.encode()).hexdigest()[:8]}"


def config_map(container: Container, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the ConfigMap of the engine's files, empty if it has none. Keys hold no slash, so paths are joined by
    `--`."""
    if not container.config:
        return {}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata | {"name": config_name(container, metadata["name"])},
        "data": {path.replace("/", "--"): text for path, text in sorted(container.config.items())},
    }


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
        "image": weights_reference(platform),
        "imagePullPolicy": "IfNotPresent",
        "args": ["fetch", f"--from={location(platform, server.weights)}", f"--to=file://{WEIGHTS_PATH}"],
        "env": mirror_environment(platform),
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "securityContext": container_security(),
        "volumeMounts": [_mount(platform, server, read_only=False), {"name": "tmp", "mountPath": "/tmp"}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _engine(platform: Platform, server: Server, container: Container) -> dict[str, Any]:
    environment = dict(container.env) | dict(server.env)
    port = container.ports[0].name
    # what is in the image is not counted: the kubelet counts what the pod writes
    disk = 0 if on_prem(platform) or server.weights.baked else _disk_gib(server)
    # an engine that does not drain is told to stop only after its requests had the time that others drain in
    wait = defaults.PRE_STOP_SECONDS + (0 if container.drains else server.drain_seconds)
    gpu = {"nvidia.com/gpu": str(server.gpus)} if server.gpus else {}
    scratch = sum(s.gib for s in container.scratch)
    command = {"command": list(container.command)} if container.command else {}
    memory = f"{server.memory // GIB}Gi" if server.memory % GIB == 0 else f"{server.memory // 2**20}Mi"
    return {
        "name": container.name,
        "image": container.image,
        "imagePullPolicy": "IfNotPresent",
        **command,
        "args": list(container.args),
        "env": [{"name": name, "value": value} for name, value in sorted(environment.items())],
        "ports": [{"name": p.name, "containerPort": p.number, "protocol": "TCP"} for p in container.ports],
        # no CPU limit: throttling would stop the scheduler between two tokens; the node has no other work
        "resources": {
            "requests": {
                "cpu": str(server.cpu_request or server.cpu),
                "memory": memory,
                "ephemeral-storage": f"{disk + scratch}Gi",
            }
            | gpu,
            "limits": {"memory": memory} | gpu,
        },
        "startupProbe": _probe(container.health.startup, port)
        | {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": server.startup_seconds // 10},
        "readinessProbe": _probe(container.health.ready, port)
        | {"periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3},
        # a dead engine ends the process by itself; this is for one that hangs, and slow answers under load must not
        # count
        "livenessProbe": _probe(container.health.live, port)
        | {"periodSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 6},
        # new requests fail once vLLM has the signal, so the endpoint leaves the Service first
        "lifecycle": {"preStop": {"sleep": {"seconds": wait}}},
        "securityContext": container_security(),
        "volumeMounts": [
            *([] if server.weights.baked else [_mount(platform, server, read_only=True)]),
            *([{"name": "shm", "mountPath": "/dev/shm"}] if _own_shared_memory(server, container) else []),
            *({"name": s.name, "mountPath": s.path} for s in container.scratch),
            *_config_mounts(container),
            *_folder_mounts(platform, server, container),
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _probe(path: str, port: str) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}}


def _config_mounts(container: Container) -> list[dict[str, Any]]:
    """Return one mount a file: what is mounted by `subPath` never changes under a running engine."""
    return [
        {
            "name": "config",
            "mountPath": f"{CONFIG_PATH}/{path}",
            "subPath": path.replace("/", "--"),
            "readOnly": True,
        }
        for path in sorted(container.config)
    ]


def _folder_mounts(platform: Platform, server: Server, container: Container) -> list[dict[str, Any]]:
    """Return one mount a folder of the weights that the engine wants at a place of its own."""
    base = f"{server.weights.prefix}/" if on_prem(platform) else ""
    return [
        {"name": "weights", "mountPath": path, "subPath": base + folder, "readOnly": True}
        for path, folder in sorted(container.weights_folders.items())
    ]
