"""A model server, whatever its engine.

Component `serving.<name>`: ServiceAccount, Deployment, Service, PodDisruptionBudget, NetworkPolicy, and for an engine
with config files a ConfigMap whose name carries a hash of its content. What engines differ in is in
`components/workloads/engines/`.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from components import aws
from components.foundation.identities import readable_folder
from components.graph import Component, Options
from components.manifests import kubernetes_node, on_prem, pod_labels, recommended_labels
from components.part import Part, moved_component
from components.resolve.platform import Platform, Server
from components.resolve.sizing_values import words
from components.workloads.engines import engine_named
from components.workloads.engines.contract import Container
from components.workloads.images import server_image_paths, server_reference
from components.workloads.leader_worker_set import lower_group
from components.workloads.llm_inference_service import lower_kserve
from components.workloads.pods import (
    DNS_RULE,
    POD_IDENTITY_RULE,
    https_rule,
    place_paths,
)
from components.workloads.server_pod import config_map, grace_seconds, pod
from components.workloads.weights_mirror import job_node_id, weights_store
from components.workloads.workload import Workload


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
    engine = engine_named(server.engine)
    container = engine.container(server, server_reference(platform, server))
    labels = recommended_labels(platform, engine.name, server.object_name, "model-server")
    metadata = {"name": server.object_name, "namespace": platform.namespace, "labels": labels}
    workload = _workload(platform, server, container, metadata)
    component = _component(platform, server, engine.title, container, workload)
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }
    objects = (
        account,
        _service(container, metadata, workload),
        _budget(metadata, workload),
        _policy(platform, server, container, metadata, workload),
    )
    nodes = [
        kubernetes_node(platform, origin, m, origin=origin, name=server.name, old_name=server.object_name)
        for m in objects
    ]
    config = config_map(container, metadata)
    if config:
        # pods of the revision before may still mount theirs, and Pulumi would delete it in the same update
        nodes.append(kubernetes_node(platform, origin, config, origin=origin, options=Options(retain_on_delete=True)))
    rounds = ceil(server.replicas / max(server.rollout.max_surge, server.rollout.max_unavailable))
    mirror_job = () if server.weights.baked else (job_node_id(server.weights),)
    # each round an old pod may take all of its grace to give its GPU back before the new one starts
    timeout = (server.progress_deadline_seconds + grace_seconds(server)) * rounds
    nodes.append(
        kubernetes_node(
            platform,
            origin,
            workload.manifest,
            origin=origin,
            name=server.name,
            old_name=server.object_name,
            needs=(*(n.id for n in nodes), *mirror_job),
            options=Options(create_timeout=timeout, update_timeout=timeout),
        )
    )
    address = f"http://{server.object_name}.{platform.namespace}.svc:80/v1"
    return Part((component,), tuple(nodes), {f"endpoint.{server.name}": address})


def _component(platform: Platform, server: Server, title: str, container: Container, workload: Workload) -> Component:
    origin = f"serving.{server.name}"
    return Component(
        id=origin,
        type="llmform:serving:ModelServer",
        origin=origin,
        reads=(
            origin,
            f"models.{server.weights.model}",
            *(f"nodePools.{server.pool.name}.{key}" for key in ("max", "min", "perNode", "sharing", "taints")),
            # the split over GPUs and what the engine is told of them
            *(f"nodePools.{server.pool.name}.{key}" for key in ("accelerator", "instance") if server.sized is not None),
            # the share that a replica has of a node without GPU
            *(
                f"nodePools.{server.pool.name}.{key}"
                for key in ("accelerator", "cores", "instance", "memory")
                if not server.pool.per_node
            ),
            # the rollout that the pool can carry out depends on everything that runs on it
            *(
                f"serving.{s.name}.{key}"
                for s in _neighbours(platform, server)
                for key in ("pool", "replicas", "parallelism")
            ),
            *place_paths(platform),
            *server_image_paths(platform, server),
            "owner",
            "labels",
        ),
        summary=(
            _summary(server, title),
            *words(server.sized, server.unsized),
            _times(server, workload),
            *_baked(server),
            *(container.published_notes if platform.images is None else ()),
            *container.notes,
            *workload.notes,
            *identity_contract(platform, server),
        ),
        aliases=moved_component(platform, origin),
    )


def _neighbours(platform: Platform, server: Server) -> list[Server]:
    return [s for s in platform.servers if s.pool.name == server.pool.name and s.name != server.name]


def _summary(server: Server, title: str) -> str:
    replicas = f"{server.replicas} replica{'s' if server.replicas > 1 else ''}"
    what = f"{server.gpus} × {server.pool.accelerator}" if server.gpus else f"{server.cpu} cores"
    if server.pool.parts > 1:
        part = f"1 slice {server.pool.profile}" if server.pool.sharing == "mig" else f"1 of {server.pool.parts} parts"
        what = f"{part} of a {server.pool.accelerator}"
    if server.nodes > 1:
        what = f"{server.nodes} nodes of {what}"
    if server.gpus and str(server.layout) != f"tensor {server.gpus}":
        what += f" ({server.layout})"
    length = server.weights.context_length
    context = f"context {length:,} tokens" if length else "the model's own context length"
    if length and length % 1024 == 0:
        context = f"context {length // 1024}k = {length:,} tokens"
    version = f" {server.engine_version}" if server.engine_version else ""
    return f"{title}{version}, {replicas}, {what} each, {context}"


def _baked(server: Server) -> tuple[str, ...]:
    weights = server.weights
    if not weights.baked:
        return ()
    what = f"{weights.repository} @{weights.revision[:7]}, {weights.size / 1e9:.1f} GB, is baked into its image"
    return (f"{what}: no Job mirrors it, no pod fetches it, and every node pulls it with the image",)


def _times(server: Server, workload: Workload) -> str:
    budget = f"{server.startup_seconds} s to load (estimate), {server.drain_seconds} s to finish requests when it stops"
    return f"{workload.rollout}; {budget}"


def identity_contract(platform: Platform, server: Server) -> tuple[str, ...]:
    """Return what the owner of an existing foundation gives the server's pods; elsewhere llmform makes it."""
    if not aws.existing(platform) or server.weights.baked:
        return ()
    folder = readable_folder(server.weights)
    return (
        f"its role is yours: a Pod Identity association of {platform.namespace}/{server.object_name} "
        f"that may read {folder}/ in {weights_store(platform).bucket}",
    )


def _service(container: Container, metadata: dict[str, Any], workload: Workload) -> dict[str, Any]:
    # a port stays what it is for ever and only targetPort may move: the provider cannot preview a changed Service port
    ports = [
        {"name": p.name, "port": p.service, "targetPort": p.name, "protocol": "TCP", "appProtocol": p.app_protocol}
        for p in container.ports
        if p.service
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"type": "ClusterIP", "selector": dict(workload.answers), "ports": ports},
    }


def _budget(metadata: dict[str, Any], workload: Workload) -> dict[str, Any]:
    # maxUnavailable 1 also with one replica: a budget that never lets the only pod go would block every drain for ever
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": dict(workload.pods)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _policy(
    platform: Platform, server: Server, container: Container, metadata: dict[str, Any], workload: Workload
) -> dict[str, Any]:
    """Clients are the pods of this namespace and of namespaces labelled for it; Prometheus scrapes the same ports,
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
        "podSelector": {"matchLabels": dict(workload.pods)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"from": clients, "ports": [{"port": p.number, "protocol": "TCP"} for p in container.ports]},
            *workload.ingress,
        ],
    }
    fetches = not on_prem(platform) and not server.weights.baked
    egress = [*([DNS_RULE, POD_IDENTITY_RULE, https_rule(platform)] if fetches else []), *workload.egress]
    if egress:  # no empty list: the API server drops it, and takes each apply of it for a change
        spec["egress"] = egress
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _workload(platform: Platform, server: Server, container: Container, metadata: dict[str, Any]) -> Workload:
    """Return what makes the server's pods: a Deployment, groups of pods, or KServe."""
    labels = metadata["labels"]
    selector = {k: labels[k] for k in ("app.kubernetes.io/name", "app.kubernetes.io/instance")}
    if server.runtime == "kserve":
        return lower_kserve(platform, server, container, metadata)
    if server.nodes > 1:
        return lower_group(platform, server, container, metadata, selector, server.nodes)
    surge, unavailable = server.rollout.max_surge, server.rollout.max_unavailable
    return Workload(
        manifest=_deployment(platform, server, container, metadata, selector),
        pods=selector,
        answers=selector,
        rollout=f"rolling update with maxSurge {surge}, maxUnavailable {unavailable}",
    )


def _deployment(
    platform: Platform, server: Server, container: Container, metadata: dict[str, Any], selector: dict[str, str]
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
                "spec": pod(platform, server, container, metadata, selector),
            },
        },
    }
