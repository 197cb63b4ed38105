"""The platform of one environment at one target: what the lowerings read.

Everything here is decided: no `None` that means "default". `values` holds each decided value with where it came from
or why it is so; `llmform explain` and the plan print it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from specs.catalog.reader import Edition, Instance


@dataclass(frozen=True, slots=True)
class Explained:
    """A decided value: `where` it stands in a file (`spec.yaml:9:12`), or else the `reason` for it."""

    value: Any
    where: str = ""
    overlay: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Existing:
    """A foundation that exists already: the facts file that says so, and its outputs by name."""

    file: str
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Aws:
    """An AWS region with an EKS cluster of its own, or with the one of an `existing` foundation.

    `account` is empty when the spec names none. `protect` is for what holds state: VPC, cluster, keys.
    """

    name: str
    region: str
    account: str
    zones: tuple[str, ...]
    cidr: str
    nat_per_zone: bool
    api_allow: tuple[str, ...]
    admins: tuple[str, ...]
    karpenter_managed: bool
    device_plugin_managed: bool
    protect: bool = True
    existing: Existing | None = None
    delivery: str = "pulumi"


@dataclass(frozen=True, slots=True)
class OnPrem:
    """A Kubernetes cluster that exists, reached by a kubeconfig context."""

    name: str
    kube_context: str
    shared_storage_class: str
    gpu_operator_managed: bool
    delivery: str = "pulumi"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's weights. `size` is in bytes; `prefix` is their place in the store or volume.

    `context_length` is in tokens, 0 where the model's own is not known; `object_name` is the name that its objects keep
    through a `moved` rename; `key` is 8 hex digits that stand for source and revision.
    """

    model: str
    object_name: str
    key: str
    repository: str
    revision: str
    size: int
    context_length: int
    token_secret: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Taint:
    """A taint of a pool's nodes."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A node pool. `object_name` is the name that its objects keep through a `moved` rename.

    `instances` are the EC2 types it may use, cheapest first; empty on-prem. `minimum` and `maximum` count nodes.
    `per_node` is GPUs a node, 0 for a pool without GPUs.
    """

    name: str
    object_name: str
    accelerator: str
    per_node: int
    capacity: tuple[str, ...]
    minimum: int
    maximum: int
    instances: tuple[Instance, ...]
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """An object store. `retention_days` is 0 for ever; `bucket` is its name, llmform's own unless `adopted`."""

    name: str
    object_name: str
    bucket: str
    versioned: bool
    encrypted: bool
    retention_days: int
    holds_weights: bool
    protect: bool = True
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class RolloutChoice:
    """The rolling update that the pool can carry out: the two numbers, and why these."""

    max_surge: int
    max_unavailable: int
    reason: str


@dataclass(frozen=True, slots=True)
class Server:
    """A model server. CPU is in cores, memory in bytes, times in seconds, `gpus` a replica."""

    name: str
    object_name: str
    weights: Weights
    pool: Pool
    engine: str
    engine_version: str
    replicas: int
    gpus: int
    cpu: int
    memory: int
    shared_memory: int
    startup_seconds: int
    drain_seconds: int
    progress_deadline_seconds: int
    rollout: RolloutChoice
    env: Mapping[str, str]
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Extra:
    """An object from the user's own manifests; `source` is the file it stands in."""

    group: str
    manifest: Mapping[str, Any]
    source: str


@dataclass(frozen=True, slots=True)
class Platform:
    """Everything about one environment at one target, decided."""

    spec: str
    environment: str
    target: Aws | OnPrem
    edition: Edition
    owner: str
    labels: Mapping[str, str]
    namespace: str
    weights: tuple[Weights, ...]
    pools: tuple[Pool, ...]
    stores: tuple[Store, ...]
    servers: tuple[Server, ...]
    extras: tuple[Extra, ...] = ()
    values: Mapping[str, Explained] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    """New spec path → the old one (`nodePools.inference` → `nodePools.l40s`)."""
