"""The platform of one environment at one target: what the lowerings read.

Everything here is decided: no `None` that means "default". `values` holds each decided value with where it came from
or why it is so; `llmform explain` and the plan print it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from components.resolve.sizing.layouts import Layout
from components.resolve.sizing.sized import Sized
from specs.catalog.reader import Edition, Instance
from specs.images_lock import Locked


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
    lws_managed: bool = True
    efa: bool = False
    """Whether EFA's device plugin is there."""


@dataclass(frozen=True, slots=True)
class OnPrem:
    """A Kubernetes cluster that exists, reached by a kubeconfig context."""

    name: str
    kube_context: str
    shared_storage_class: str
    gpu_operator_managed: bool
    delivery: str = "pulumi"
    lws_managed: bool = True


@dataclass(frozen=True, slots=True)
class Upstream:
    """The AWS target that an edge target's sites fetch weights from, with the Secret that lets them."""

    target: str
    bucket: str
    region: str
    secret: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One site of an edge target: a k3s cluster, in most cases of one box.

    What differs from site to site is `site`, `kube_context` and `zone`; nothing else may. `cache` is in bytes,
    `offline_seconds` the longest time without the upstream, `arch` empty for either. Without `upstream` a site
    fetches from the hub.
    """

    name: str
    site: str
    kube_context: str
    zone: str
    upstream: Upstream | None
    cache: int
    offline_seconds: int
    arch: str
    delivery: str = "pulumi"


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's weights. `size` is in bytes; `prefix` is their place in the store or volume.

    `task` is what the model is for, `generate`, `embed` or `rerank`. `file` is the one file that is the model, empty
    where it is the whole repository, and `sha256` its checksum as the spec says it.
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
    task: str = "generate"
    file: str = ""
    sha256: str = ""
    baked: bool = False
    """Whether the weights are in the images of the model's servers; nothing mirrors or fetches them then."""
    token_types: bool = False
    """Whether the model is an encoder that tells two texts apart by the input `token_type_ids`, as BERT is."""


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
    `per_node` is GPUs a node, 0 for a pool without GPUs; such a pool's nodes have at least `cores`, and `memory` in
    bytes, and hold `places` replicas each.
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
    cores: int = 0
    memory: int = 0
    places: int = 0
    sharing: str = "none"
    """How pods share a GPU: `none`, `time-slicing`, `mps` or `mig`."""
    parts: int = 1
    """Pods that one GPU takes."""
    profile: str = ""
    """The slice, for `mig`."""


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
class OwnImage:
    """An image of one's own and what it serves where: the engine `custom`."""

    reference: str
    port: int
    health_path: str


@dataclass(frozen=True, slots=True)
class OwnRegistry:
    """The registry that pods take their images from, and what its lock says by the image's name."""

    registry: str
    locked: Mapping[str, Locked]


@dataclass(frozen=True, slots=True)
class Server:
    """A model server. CPU is in cores, memory in bytes, times in seconds, all of them and `gpus` of one pod.

    `concurrency` is the requests that a replica works on at a time, 0 where the engine decides; `kv_cache` is the type
    of its keys and values, `auto` for the model's own.
    """

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
    cpu_request: int = 0
    """Cores that the pod asks for where it may use more of them, 0 where it asks for `cpu`."""
    concurrency: int = 0
    kv_cache: str = "auto"
    layout: Layout = Layout()
    """How a replica is split; `gpus` of it are on each of its `nodes`."""
    nodes: int = 1
    quantization: str = ""
    """What the engine is told to quantize while it loads; empty where it reads the format from the repository."""
    utilization: float = 0.0
    """The share of the GPU's memory that the engine is told; 0 for its default."""
    sized: Sized | None = None
    unsized: str = ""
    """Why there is no size, for a server on GPUs."""
    own_image: OwnImage | None = None
    backend: str = ""
    """Triton's: `tensorrt-llm`, `onnx` or `python`; empty for another engine."""
    runtime: str = "deployment"
    """Who makes the pods: `deployment`, or `kserve`."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What the environment may cost a month in US dollars, and whom AWS tells at which shares of it (1 is all of
    it)."""

    monthly: Decimal
    alert_at: tuple[Decimal, ...]
    emails: tuple[str, ...]
    topic: str


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
    target: Aws | OnPrem | Edge
    edition: Edition
    owner: str
    labels: Mapping[str, str]
    namespace: str
    weights: tuple[Weights, ...]
    pools: tuple[Pool, ...]
    stores: tuple[Store, ...]
    servers: tuple[Server, ...]
    extras: tuple[Extra, ...] = ()
    images: OwnRegistry | None = None
    """None where pods run the images that the edition names."""
    budget: Budget | None = None
    """Of the whole environment, not of the target alone; None where it may cost what it does."""
    values: Mapping[str, Explained] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)
    """New spec path → the old one (`nodePools.inference` → `nodePools.l40s`)."""
