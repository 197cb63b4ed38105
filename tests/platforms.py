"""Platforms made by hand, as `resolve` would make them from the quickstart: for tests of lowerings.

`aws_platform(cidr="10.0.0.0/20")` and `on_prem_platform(owner="ml")` change one thing: a field of the
target if the target has one of that name, else a field of the platform.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from components import names
from components.resolve.platform import (
    Aws,
    OnPrem,
    Platform,
    Pool,
    RolloutChoice,
    Server,
    Store,
    Weights,
)
from specs.catalog.reader import load_edition

GIB = 2**30
EDITION = load_edition("2026-11")

REVISION = "a09a35458c702b33eeacc393d103063234e8bc28"

WEIGHTS = Weights(
    model="chat",
    object_name="chat",
    key="0f1e2d3c",
    repository="Qwen/Qwen2.5-7B-Instruct",
    revision=REVISION,
    size=15_231_233_024,  # 7,615,616,512 parameters of 2 bytes (model card)
    context_length=32_768,
    token_secret="",
    prefix=f"models/Qwen/Qwen2.5-7B-Instruct/{REVISION}",
)

POOL = Pool(
    name="l40s",
    object_name="l40s",
    accelerator="nvidia-l40s",
    per_node=1,
    capacity=("on-demand",),
    minimum=0,
    maximum=2,
    instances=(EDITION.instances["g6e.xlarge"], EDITION.instances["g6e.2xlarge"]),
    labels={},
    taints=(),
)

SERVER = Server(
    name="chat",
    object_name="chat",
    weights=WEIGHTS,
    pool=POOL,
    engine="vllm",
    engine_version="0.32.0",
    replicas=1,
    gpus=1,
    cpu=2,
    memory=20 * GIB,
    shared_memory=GIB,
    startup_seconds=600,
    drain_seconds=60,
    progress_deadline_seconds=1500,
    rollout=RolloutChoice(1, 0, "the pool has a free GPU for one more replica"),
    env={},
    args={},
)

AWS = Aws(
    name="us-east-1",
    region="us-east-1",
    account="",
    zones=("us-east-1a", "us-east-1b", "us-east-1c"),
    cidr="10.0.0.0/16",
    nat_per_zone=False,
    api_allow=("198.51.100.0/24",),
    admins=(),
    karpenter_managed=True,
    device_plugin_managed=True,
)

ON_PREM = OnPrem(name="dresden", kube_context="dresden", shared_storage_class="cephfs", gpu_operator_managed=False)


def store(name: str, **changes: Any) -> Store:
    """Return an encrypted, versioned store of the quickstart's target, with these fields changed."""
    own = Store(
        name=name,
        object_name=name,
        bucket=names.bucket_name("hello", "default", "us-east-1", name, ""),
        versioned=True,
        encrypted=True,
        retention_days=0,
        holds_weights=False,
    )
    return replace(own, **changes)


def aws_platform(**changes: Any) -> Platform:
    """Return the quickstart at an AWS region, with these fields of target or platform changed."""
    weights = store("weights", encrypted=False, holds_weights=True, protect=False)
    return _platform(AWS, (POOL,), (weights,), SERVER, changes)


def on_prem_platform(**changes: Any) -> Platform:
    """Return the quickstart on a cluster of one's own, with these fields of target or platform changed."""
    pool = replace(POOL, instances=(), capacity=(), minimum=2)
    return _platform(ON_PREM, (pool,), (), replace(SERVER, pool=pool), changes)


def _platform(
    target: Aws | OnPrem,
    pools: tuple[Pool, ...],
    stores: tuple[Store, ...],
    server: Server,
    changes: dict[str, Any],
) -> Platform:
    of_target = {f.name for f in fields(target)}
    target = replace(target, **{name: value for name, value in changes.items() if name in of_target})
    platform = Platform(
        spec="hello",
        environment="default",
        target=target,
        edition=EDITION,
        owner="",
        labels={},
        namespace="hello-default",
        weights=(WEIGHTS,),
        pools=pools,
        stores=stores,
        servers=(server,),
    )
    return replace(platform, **{name: value for name, value in changes.items() if name not in of_target})
