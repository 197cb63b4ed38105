"""`serving`: the model servers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from specs.schema.base import Flag, Name, Number, Section, Text, Whole
from specs.schema.traffic import Objectives, Traffic

EnvName = Annotated[Text, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

Argument = Flag | Whole | Number | Text | tuple[Whole | Number | Text, ...] | dict[Text, Any]
"""The value of an engine argument: a list for a flag that takes several, a map for one that takes JSON."""


class Parallelism(Section):
    """How one replica is split over GPUs. What is left out is 1."""

    tensor: Annotated[Whole, Field(ge=1, le=64)] = 1
    """GPUs that share every layer (tensor parallelism). Default: 1."""

    pipeline: Annotated[Whole, Field(ge=1, le=64)] = 1
    """Stages that share the layers, one after the other (pipeline parallelism). Default: 1."""

    data: Annotated[Whole, Field(ge=1, le=64)] = 1
    """Copies of the attention, each with its own requests (data parallelism); for a mixture of experts. Default: 1."""

    expert: Flag = False
    """Spread whole experts over the GPUs of `tensor` × `data` instead of cutting each expert. Default: false."""


class Server(Section):
    """A model server: a model, an engine, and the pool that it runs on."""

    model: Name
    """The model that it serves, an entry of `models`. Clients ask for it by the server's name, after
    `moved` by the first one that it had."""

    engine: Literal["vllm"] = "vllm"
    """The serving engine. Default: vllm."""

    pool: Name
    """The pool that it runs on, an entry of `nodePools`."""

    replicas: Annotated[Whole, Field(ge=1, le=1000)] | None = None
    """Number of equal replicas. Default: what `traffic` needs, else 1."""

    parallelism: Parallelism | Literal["auto"] = "auto"
    """How one replica is split over GPUs. Default: auto, the cheapest split of the pool's GPUs that fits, as far as the
    architecture of the model is known; else one GPU."""

    concurrency: Annotated[Whole, Field(ge=1, le=65_536)] | None = None
    """Requests that one replica works on at a time, each with room for the whole context. Default: what `traffic`
    needs, else what fits."""

    kv_cache: Literal["auto", "fp8"] = "auto"
    """The type of the keys and values in the cache: `auto` is the model's own. Default: auto."""

    traffic: Traffic | None = None
    """The load at its busiest. Replicas and latencies are estimated from it."""

    objectives: Objectives | None = None
    """What clients are promised."""

    allow_single_point: Flag = False
    """Accept that nothing serves while the only replica, or the only node, is away. Default: false."""

    env: dict[EnvName, Text] = Field(default_factory=dict)
    """Environment variables for the engine."""

    args: dict[Text, Argument] = Field(default_factory=dict)
    """Arguments for the engine, checked against the pinned version, such as `max-num-seqs: 64`."""
