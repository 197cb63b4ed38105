"""`nodePools`: the nodes that models run on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from specs.schema.base import LabelKey, LabelValue, Section, Text, Whole, problem, unit
from specs.units import bytes_

NO_ACCELERATOR = "none"
"""What a pool says whose nodes have no GPU."""


class Taint(Section):
    """A taint of every node of the pool; the pool's own servers tolerate it."""

    key: LabelKey
    """The taint's key, such as `team.example/reserved`."""

    value: LabelValue = ""
    """The taint's value."""

    effect: Literal["NoSchedule", "NoExecute", "PreferNoSchedule"] = "NoSchedule"
    """What happens to pods that do not tolerate it."""


class Sharing(Section):
    """How pods share a GPU of the pool. Each gets one part, and a replica cannot have two."""

    mode: Literal["none", "time-slicing", "mps", "mig"] = "none"
    """`mps`: CUDA's multi-process service, which limits each pod's memory to its part. `time-slicing`: pods take turns,
    and nothing limits their memory but their own settings. `mig`: slices in hardware, on-prem alone. Default: none."""

    replicas: Annotated[Whole, Field(ge=2, le=16)] | None = None
    """Parts of a GPU, for `mps` and `time-slicing`."""

    profile: Annotated[Text, Field(pattern=r"^[1-9]g\.[1-9][0-9]{0,2}gb$")] | None = None
    """The slice, for `mig`, as nvidia-smi names it: `1g.10gb`."""

    @model_validator(mode="after")
    def _whole(self) -> Sharing:
        needed = {"mps": "replicas", "time-slicing": "replicas", "mig": "profile"}.get(self.mode, "")
        given = {key for key in ("replicas", "profile") if getattr(self, key) is not None}
        if needed and needed not in given:
            example = "profile: 1g.10gb" if needed == "profile" else "replicas: 2"
            raise problem("sharing-incomplete", f"`{self.mode}` needs `{needed}`", f"add it, such as `{example}`")
        if given - {needed}:
            extra = min(given - {needed})
            raise problem(
                "sharing-incomplete", f"`{self.mode}` has no `{extra}`", f"remove `{extra}`, or choose another `mode`"
            )
        return self


class NodePool(Section):
    """A pool of equal nodes. On AWS Karpenter starts and stops them; on-prem they are there and carry labels."""

    accelerator: Text | None = None
    """The GPU, by its name in the catalog: `nvidia-l40s`, `nvidia-h100-80gb`, …; `none` for nodes without one, which
    then say `cores` and `memory`. Needed unless `instance` says it."""

    cores: Annotated[Whole, Field(ge=1, le=1024)] | None = None
    """Cores of a node without GPU. On AWS the cheapest types that have as many are used. Default: what `instance`
    has."""

    memory: Annotated[int, unit(bytes_), Field(ge=2**28)] | None = None
    """Memory of a node without GPU, such as `16Gi`. Default: what `instance` has."""

    instance: Text | None = None
    """One EC2 instance type, such as `g6e.2xlarge`. Default: the cheapest types with the accelerator that hold the
    servers."""

    per_node: Annotated[Whole, Field(ge=1, le=16)] | None = None
    """GPUs a node has. Default: 1, or what `instance` has."""

    sharing: Sharing | None = None
    """How pods share a GPU. Default: each pod has whole ones."""

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
        if self.accelerator == NO_ACCELERATOR and self.instance is None and None in (self.cores, self.memory):
            raise problem(
                "pool-without-hardware",
                "the pool has no accelerator and does not say how large its nodes are",
                "add `cores` and `memory`, such as `cores: 8` and `memory: 16Gi`",
            )
        if self.min > self.max:
            raise problem(
                "min-above-max",
                f"`min: {self.min}` is more than `max: {self.max}`",
                f"lower `min`, or raise `max` to {self.min}",
            )
        return self
