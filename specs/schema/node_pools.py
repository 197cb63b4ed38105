"""`nodePools`: the nodes that models run on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from specs.schema.base import LabelKey, LabelValue, Section, Text, Whole, problem


class Taint(Section):
    """A taint of every node of the pool; the pool's own servers tolerate it."""

    key: LabelKey
    """The taint's key, such as `team.example/reserved`."""

    value: LabelValue = ""
    """The taint's value."""

    effect: Literal["NoSchedule", "NoExecute", "PreferNoSchedule"] = "NoSchedule"
    """What happens to pods that do not tolerate it."""


class NodePool(Section):
    """A pool of equal nodes. On AWS Karpenter starts and stops them; on-prem they are there and carry labels."""

    accelerator: Text | None = None
    """The GPU, by its name in the catalog: `nvidia-l40s`, `nvidia-h100-80gb`, … Needed unless `instance` says it."""

    instance: Text | None = None
    """One EC2 instance type, such as `g6e.2xlarge`. Default: the cheapest types with the accelerator that hold the
    servers."""

    per_node: Annotated[Whole, Field(ge=1, le=16)] | None = None
    """GPUs a node has. Default: 1, or what `instance` has."""

    capacity: Annotated[tuple[Literal["on-demand", "spot"], ...], Field(min_length=1)] = ("on-demand",)
    """How EC2 sells the nodes. With both, Karpenter takes spot first. Default: on-demand."""

    min: Annotated[Whole, Field(ge=0, le=1000)] = 0
    """Nodes that are always there, kept by a managed node group. Default: 0."""

    max: Annotated[Whole, Field(ge=1, le=1000)]
    """Most nodes that the pool can have."""

    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of every node, beside those that llmform sets."""

    taints: tuple[Taint, ...] = ()
    """Taints of every node, beside `nvidia.com/gpu` on GPU nodes."""

    @model_validator(mode="after")
    def _sound(self) -> NodePool:
        if self.accelerator is None and self.instance is None:
            raise problem(
                "pool-without-hardware",
                "the pool says neither `accelerator` nor `instance`",
                "add one, such as `accelerator: nvidia-l40s`",
            )
        if self.min > self.max:
            raise problem(
                "min-above-max",
                f"`min: {self.min}` is more than `max: {self.max}`",
                f"lower `min`, or raise `max` to {self.min}",
            )
        return self
