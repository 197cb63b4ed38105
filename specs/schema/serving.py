"""`serving`: the model servers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from specs.schema.base import Flag, Name, Number, Section, Text, Whole

EnvName = Annotated[Text, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

Argument = Flag | Whole | Number | Text | tuple[Whole | Number | Text, ...] | dict[Text, Any]
"""The value of an engine argument: a list for a flag that takes several, a map for one that takes JSON."""


class Parallelism(Section):
    """How one replica is split over GPUs."""

    tensor: Annotated[Whole, Field(ge=1, le=16)] = 1
    """GPUs that share every layer (tensor parallelism); one replica uses this many GPUs of one node. Default: 1."""


class Server(Section):
    """A model server: a model, an engine, and the pool that it runs on."""

    model: Name
    """The model that it serves, an entry of `models`. Clients ask for it by the server's name, after
    `moved` by the first one that it had."""

    engine: Literal["vllm"] = "vllm"
    """The serving engine. Default: vllm."""

    pool: Name
    """The pool that it runs on, an entry of `nodePools`."""

    replicas: Annotated[Whole, Field(ge=1, le=1000)] = 1
    """Number of equal replicas. Default: 1."""

    parallelism: Parallelism = Parallelism.model_construct(tensor=1)
    """How one replica is split over GPUs. Default: one GPU."""

    env: dict[EnvName, Text] = Field(default_factory=dict)
    """Environment variables for the engine."""

    args: dict[Text, Argument] = Field(default_factory=dict)
    """Arguments for the engine, checked against the pinned version, such as `max-num-seqs: 64`."""
