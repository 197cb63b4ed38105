"""The mirror of weights: copied from the hub once a revision, so that no serving pod needs the hub.

Component `weights-mirror` (once a stack): ServiceAccount, NetworkPolicy.
Component `models.<name>` (each model): Job; on-prem also the PersistentVolumeClaim that it fills.

What the Job's program is given and leaves behind: `serving_images/weights/CONTRACT.md`.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from components import aws
from components.graph import Component, Node, Options
from components.manifests import POOL_LABEL, kubernetes_node, on_prem, pod_labels, recommended_labels
from components.part import Part, moved_component
from components.resolve import demand
from components.resolve.defaults import GIB
from components.resolve.platform import Aws, OnPrem, Platform, Store, Weights
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
    if on_prem(platform):
        outside = "HTTPS to the hub, which has no fixed addresses"
    return f"the mirror Jobs may reach DNS{inside} and {outside}; nothing reaches them"


def _identity_contract(platform: Platform) -> tuple[str, ...]:
    """Return what the owner of an existing foundation gives the mirror Jobs; elsewhere llmform makes it."""
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


def weights_store(platform: Platform) -> Store:
    """Return the store that holds the weights."""
    for store in platform.stores:
        if store.holds_weights:
            return store
    raise LookupError("an AWS target with models always has the store `weights`")


def _summary(platform: Platform, weights: Weights) -> tuple[str, ...]:
    what = f"{weights.repository} @{weights.revision[:7]}, {weights.size / 1e9:.1f} GB, mirrored once by a Job"
    if not weights.token_secret:
        return (what,)
    secret = f"the Secret `{weights.token_secret}`, key `token`"
    return (what, f"{secret}, must exist in namespace {platform.namespace} first")


def _model(platform: Platform, weights: Weights, needs: tuple[str, ...]) -> Part:
    origin = f"models.{weights.model}"
    component = Component(
        id=origin,
        type="llmform:models:Model",
        origin=origin,
        reads=(origin, *place_paths(platform), "owner", "labels"),
        summary=_summary(platform, weights),
        aliases=moved_component(platform, origin),
    )
    nodes: list[Node] = []
    if isinstance(platform.target, OnPrem):
        claim = _claim(platform, weights, platform.target)
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
            options=Options(create_timeout=demand.mirror_seconds(weights.size)),
        )
    )
    return Part((component,), tuple(nodes))


def mirror_environment(platform: Platform) -> list[dict[str, Any]]:
    """Return the environment of the mirror's program, but for the hub's token."""
    environment: list[dict[str, Any]] = [{"name": "HOME", "value": "/tmp"}]
    if isinstance(platform.target, Aws):
        environment.append({"name": "AWS_REGION", "value": platform.target.region})
    return environment


def job_node_id(weights: Weights) -> str:
    """Return the id of the node of a model's mirror Job."""
    return f"models.{weights.model}/Job/mirror-{weights.model}-{weights.key}"


def _claim(platform: Platform, weights: Weights, target: OnPrem) -> dict[str, Any]:
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
            "accessModes": ["ReadWriteMany"],
            "storageClassName": target.shared_storage_class,
            "resources": {"requests": {"storage": f"{gib}Gi"}},
            "volumeMode": "Filesystem",
        },
    }


def _job(platform: Platform, weights: Weights) -> dict[str, Any]:
    labels = recommended_labels(platform, "weights-mirror", weights.object_name, "mirror")
    environment = mirror_environment(platform)
    if weights.token_secret:
        token = {"secretKeyRef": {"name": weights.token_secret, "key": "token"}}
        environment.append({"name": "HF_TOKEN", "valueFrom": token})
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]
    if on_prem(platform):
        volumes.append({"name": "weights", "persistentVolumeClaim": {"claimName": claim_name(weights)}})
        mounts.append({"name": "weights", "mountPath": VOLUME_PATH})
    container = {
        "name": "mirror",
        "image": platform.edition.images["weights"].reference,
        "imagePullPolicy": "IfNotPresent",
        "args": [
            "mirror",
            f"--from=hf://{weights.repository}@{weights.revision}",
            f"--to={location(platform, weights)}",
        ],
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
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job_name(weights), "namespace": platform.namespace, "labels": labels},
        "spec": {
            "backoffLimit": 6,
            "completions": 1,
            "parallelism": 1,
            "completionMode": "NonIndexed",
            "template": {"metadata": {"labels": pod_labels(labels)}, "spec": spec},
        },
    }
