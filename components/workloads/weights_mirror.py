"""The mirror of weights: copied from the hub once a revision, so that no serving pod needs the hub.

Component `weights-mirror` (once a stack): ServiceAccount, NetworkPolicy.
Component `models.<name>` (each model): Job; on-prem and at a site of the edge also the PersistentVolumeClaim that it
fills. A site with an upstream fetches from the upstream's store, without one it mirrors from the hub itself.

What the Job's program is given and leaves behind: `serving_images/weights/CONTRACT.md`.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from components import aws
from components.graph import Component, Node, Options
from components.manifests import GPU_TAINT, POOL_LABEL, kubernetes_node, on_prem, pod_labels, recommended_labels
from components.part import Part, moved_component
from components.resolve import demand
from components.resolve.defaults import GIB
from components.resolve.platform import Aws, Edge, OnPrem, Platform, Store, Upstream, Weights
from components.workloads.images import mirror_image_paths, weights_reference
from components.workloads.pods import (
    DNS_RULE,
    POD_IDENTITY_RULE,
    container_security,
    https_rule,
    place_paths,
    pod_security,
)

SERVICE_ACCOUNT = "weights-mirror"
USER = 65532
"""The user id of images that have no user of their own ("nonroot" in distroless images)."""

VOLUME_PATH = "/mirror"

LOCAL_PATH = "local-path"
"""The StorageClass that k3s brings: folders of the node's disk, made for the first pod (`WaitForFirstConsumer`) and
deleted with the claim (k3s, "Volumes and Storage", read 2026-11-21)."""

RESTART_SECONDS = 300
"""The longest that the kubelet waits before it restarts a failed container (Kubernetes, "Pod Lifecycle", read
2026-11-21)."""


def lower(platform: Platform) -> Part:
    """Return the mirror of every model of the platform."""
    if not platform.weights:
        return Part()
    component = Component(
        id="weights-mirror",
        type="llmform:models:WeightsMirror",
        origin="models",
        reads=("models", *place_paths(platform), "owner", "labels"),
        summary=(_rules(platform), *_identity_contract(platform)),
    )
    labels = recommended_labels(platform, "weights-mirror", "weights-mirror", "mirror")
    metadata = {"name": SERVICE_ACCOUNT, "namespace": platform.namespace, "labels": labels}
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }
    identity = [] if on_prem(platform) else [POD_IDENTITY_RULE]
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "weights-mirror"}},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [DNS_RULE, *identity, https_rule(platform)],
        },
    }
    nodes = [kubernetes_node(platform, component.id, m, origin="models") for m in (account, policy)]
    components = [component]
    shared = tuple(n.id for n in nodes)
    for weights in platform.weights:
        part = _model(platform, weights, needs=shared)
        components.extend(part.components)
        nodes.extend(part.nodes)
    return Part(tuple(components), tuple(nodes))


def _rules(platform: Platform) -> str:
    inside = "" if on_prem(platform) else ", the Pod Identity agent"
    outside = "HTTPS to anything but the VPC (hub and S3 have no fixed addresses)"
    if upstream_of(platform):
        outside = "HTTPS to the upstream's store, which has no fixed addresses"
    elif on_prem(platform):
        outside = "HTTPS to the hub, which has no fixed addresses"
    return f"the mirror Jobs may reach DNS{inside} and {outside}; nothing reaches them"


def _identity_contract(platform: Platform) -> tuple[str, ...]:
    """Return what the owner of an existing foundation, or of the upstream of a site, gives the mirror Jobs; elsewhere
    llmform makes it."""
    if upstream := upstream_of(platform):
        return (
            f"its access is yours: the Secret `{upstream.secret}` in namespace {platform.namespace} with "
            f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of an identity that may read models/ in {upstream.bucket}",
        )
    if not aws.existing(platform):
        return ()
    folders = " and ".join(sorted({f"{w.prefix.split('/')[0]}/" for w in platform.weights}))
    return (
        f"its role is yours: a Pod Identity association of {platform.namespace}/{SERVICE_ACCOUNT} "
        f"that may write {folders} in {weights_store(platform).bucket}",
    )


def job_name(weights: Weights) -> str:
    """Return the Job's name: it carries the revision, so that a new revision is a new Job."""
    return f"mirror-{weights.object_name}-{weights.key}"


def claim_name(weights: Weights) -> str:
    """Return the name of the volume that holds the weights on-prem: one a revision, so that it is never resized."""
    return f"weights-{weights.object_name}-{weights.key}"


def location(platform: Platform, weights: Weights) -> str:
    """Return the place of the mirrored weights as the program's arguments name it."""
    if on_prem(platform):
        return f"file://{VOLUME_PATH}/{weights.prefix}"
    return f"s3://{weights_store(platform).bucket}/{weights.prefix}"


def upstream_of(platform: Platform) -> Upstream | None:
    """Return where a site fetches weights from; None elsewhere, and where each site uses the hub itself."""
    return platform.target.upstream if isinstance(platform.target, Edge) else None


def weights_store(platform: Platform) -> Store:
    """Return the store that holds the weights."""
    for store in platform.stores:
        if store.holds_weights:
            return store
    raise LookupError("an AWS target with models always has the store `weights`")


def _summary(platform: Platform, weights: Weights) -> tuple[str, ...]:
    how = "mirrored once by a Job"
    if upstream := upstream_of(platform):
        how = f"fetched once by a Job from {upstream.target}, and served without it"
    what = f"{weights.repository} @{weights.revision[:7]}, {weights.size / 1e9:.1f} GB, {how}"
    if not weights.token_secret or upstream:
        return (what,)
    secret = f"the Secret `{weights.token_secret}`, key `token`"
    return (what, f"{secret}, must exist in namespace {platform.namespace} first")


def _model(platform: Platform, weights: Weights, needs: tuple[str, ...]) -> Part:
    origin = f"models.{weights.model}"
    component = Component(
        id=origin,
        type="llmform:models:Model",
        origin=origin,
        reads=(origin, *place_paths(platform), *mirror_image_paths(platform), "owner", "labels"),
        summary=_summary(platform, weights),
        aliases=moved_component(platform, origin),
    )
    nodes: list[Node] = []
    if on_prem(platform):
        claim = _claim(platform, weights)
        old = f"weights-{weights.object_name}-{weights.key}"
        nodes.append(
            kubernetes_node(
                platform,
                origin,
                claim,
                origin=origin,
                name=f"weights-{weights.model}-{weights.key}",
                old_name=old,
            )
        )
    job = _job(platform, weights)
    nodes.append(
        kubernetes_node(
            platform,
            origin,
            job,
            origin=origin,
            name=f"mirror-{weights.model}-{weights.key}",
            old_name=job_name(weights),
            needs=(*needs, *(n.id for n in nodes)),
            options=Options(create_timeout=_seconds(platform, weights)),
        )
    )
    return Part((component,), tuple(nodes))


def _seconds(platform: Platform, weights: Weights) -> int:
    """Return how long an apply waits for the Job; at a site the Job itself goes on for as long as `offline.max`."""
    if isinstance(platform.target, Edge):
        return demand.site_seconds(weights.size)
    return demand.mirror_seconds(weights.size)


def mirror_environment(platform: Platform) -> list[dict[str, Any]]:
    """Return the environment of the mirror's program, but for the hub's token."""
    environment: list[dict[str, Any]] = [{"name": "HOME", "value": "/tmp"}]
    if isinstance(platform.target, Aws):
        environment.append({"name": "AWS_REGION", "value": platform.target.region})
    if upstream := upstream_of(platform):
        environment.append({"name": "AWS_REGION", "value": upstream.region})
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.append({"name": key, "valueFrom": {"secretKeyRef": {"name": upstream.secret, "key": key}}})
    return environment


def job_node_id(weights: Weights) -> str:
    """Return the id of the node of a model's mirror Job."""
    return f"models.{weights.model}/Job/mirror-{weights.model}-{weights.key}"


def _claim(platform: Platform, weights: Weights) -> dict[str, Any]:
    # local-path is k3s' own class: a folder of the box's disk, which no other node can mount
    on_shared = isinstance(platform.target, OnPrem)
    storage_class = platform.target.shared_storage_class if isinstance(platform.target, OnPrem) else LOCAL_PATH
    gib = ceil(weights.size * 105 / 100 / GIB) + 1  # 5 % and 1 GiB for the files beside the weights and the file system
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": claim_name(weights),
            "namespace": platform.namespace,
            "labels": recommended_labels(platform, "weights-mirror", weights.object_name, "weights"),
        },
        "spec": {
            "accessModes": ["ReadWriteMany" if on_shared else "ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": f"{gib}Gi"}},
            "volumeMode": "Filesystem",
        },
    }


def _call(platform: Platform, weights: Weights) -> list[str]:
    """Return the program's arguments: a mirror of the hub, or at a site a copy of what the upstream has mirrored."""
    if upstream := upstream_of(platform):
        return [
            "fetch",
            f"--from=s3://{upstream.bucket}/{weights.prefix}",
            f"--to={location(platform, weights)}",
        ]
    return [
        "mirror",
        f"--from=hf://{weights.repository}@{weights.revision}",
        f"--to={location(platform, weights)}",
        *([f"--file={weights.file}"] if weights.file else []),
        *([f"--sha256={weights.sha256}"] if weights.sha256 else []),
    ]


def _beside_the_server(platform: Platform, weights: Weights, target: Edge) -> dict[str, Any]:
    """Return where the Job of a site runs: its volume becomes a folder of the box that it first runs on, so that has
    to be one of the server's pool."""
    pools = {s.pool.name: s.pool for s in platform.servers if s.weights.model == weights.model}
    arch = {"kubernetes.io/arch": target.arch} if target.arch else {}
    if not pools:
        return {"nodeSelector": arch} if arch else {}
    pool = pools[min(pools)]
    taints: list[dict[str, str]] = []
    if pool.per_node:
        taints.append({"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"})
    for taint in pool.taints:
        value = {"operator": "Equal", "value": taint.value} if taint.value else {"operator": "Exists"}
        taints.append({"key": taint.key, "effect": taint.effect} | value)
    selector = {"nodeSelector": {POOL_LABEL: pool.object_name} | arch}
    return selector | ({"tolerations": taints} if taints else {})


def _job(platform: Platform, weights: Weights) -> dict[str, Any]:
    labels = recommended_labels(platform, "weights-mirror", weights.object_name, "mirror")
    environment = mirror_environment(platform)
    if weights.token_secret and not upstream_of(platform):
        token = {"secretKeyRef": {"name": weights.token_secret, "key": "token"}}
        environment.append({"name": "HF_TOKEN", "valueFrom": token})
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]
    if on_prem(platform):
        volumes.append({"name": "weights", "persistentVolumeClaim": {"claimName": claim_name(weights)}})
        mounts.append({"name": "weights", "mountPath": VOLUME_PATH})
    container = {
        "name": "mirror",
        "image": weights_reference(platform),
        "imagePullPolicy": "IfNotPresent",
        "args": _call(platform, weights),
        "env": environment,
        # streams in parts of 64 MiB, eight at a time: 512 MiB, doubled
        "resources": {
            "requests": {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "1Gi"},
            "limits": {"memory": "1Gi", "ephemeral-storage": "2Gi"},
        },
        "securityContext": container_security(),
        "volumeMounts": mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    spec: dict[str, Any] = {
        "serviceAccountName": SERVICE_ACCOUNT,
        "automountServiceAccountToken": False,
        "restartPolicy": "OnFailure",
        "securityContext": pod_security(USER),
        "containers": [container],
        "volumes": volumes,
    }
    if not on_prem(platform) and not aws.existing(platform):  # whose nodes do not carry our labels
        spec["nodeSelector"] = {POOL_LABEL: "system"}
    patience: dict[str, Any] = {"backoffLimit": 6}
    if isinstance(platform.target, Edge):
        spec |= _beside_the_server(platform, weights, platform.target)
        seconds = platform.target.offline_seconds
        patience = {"activeDeadlineSeconds": seconds, "backoffLimit": max(6, ceil(seconds / RESTART_SECONDS))}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job_name(weights), "namespace": platform.namespace, "labels": labels},
        "spec": {
            **patience,
            "completions": 1,
            "parallelism": 1,
            "completionMode": "NonIndexed",
            "template": {"metadata": {"labels": pod_labels(labels)}, "spec": spec},
        },
    }
