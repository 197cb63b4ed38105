"""What a GPU leaves to an engine, how fast it is, and what an engine takes beside weights and cache; by edition.

The tables `devices`, `overheads` and `efficiency` of accelerators.json; each row names its source. A row that does not
fit its class raises at once: the catalog is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from specs.catalog.tables import read_table


class MigProfile(NamedTuple):
    """A kind of MIG slice of a GPU."""

    name: str
    """As nvidia-smi and the device plugin name it: `1g.10gb`."""
    memory_mib: int
    """As `nvidia-smi mig -lgip` lists it."""
    instances: int
    """How many of them a GPU has, if it has nothing else."""
    compute: int
    """Compute slices of `of`."""
    of: int
    memory_parts: int
    """The slice has one of so many parts of the memory's bandwidth."""


class Device(NamedTuple):
    """One kind of GPU. Speeds are peaks without sparsity; 0 TFLOPS: the GPU has no such unit."""

    name: str
    usable_mib: int
    """The total that CUDA reports, of which `--gpu-memory-utilization` is a share; less than nvidia-smi shows."""
    bandwidth_gbs: int
    """Of the GPU's memory, in 10^9 bytes a second."""
    bf16_tflops: int
    """fp16 where the GPU has no bf16."""
    fp8_tflops: int
    fp4_tflops: int
    nvlink_gbs: int
    """All links of one GPU, both directions; 0: GPUs talk over PCIe."""
    pcie_gbs: int
    """One direction."""
    as_of: str
    source: str
    verified: bool = True
    note: str = ""
    mig: tuple[MigProfile, ...] = ()


class Overheads(NamedTuple):
    """What vLLM was measured to take beside weights and KV cache; the formulas are in components/resolve/sizing."""

    utilization: float
    """The engine's default of `--gpu-memory-utilization`."""
    context_one_mib: int
    context_several_mib: int
    runtime_one_mib: int
    runtime_several_mib: int
    activation_mib: int
    bytes_per_logit: int
    graphs_mib: int
    graphs_kib_per_layer: int
    """For each captured batch size and layer."""
    source: str


class Share(NamedTuple):
    """A number that is an estimate: the value used, and the range in which published measurements lie."""

    value: float
    low: float
    high: float
    source: str


class Efficiency(NamedTuple):
    """Shares of a data sheet's peaks, and fixed times in microseconds."""

    bandwidth: Share
    compute: Share
    link: Share
    allreduce_us: Share
    step_us: Share
    layer_us: Share
    mixture_us: Share


@cache
def devices(edition: str) -> Mapping[str, Device]:
    """Return the GPUs of an edition by llmform's name (`nvidia-l40s`)."""
    table: dict[str, dict[str, Any]] = read_table(edition, "accelerators.json")["devices"]
    rows = {
        name: Device(**{**row, "name": name, "mig": tuple(MigProfile(*m) for m in row.get("mig", ()))})
        for name, row in table.items()
    }
    return MappingProxyType(rows)


@cache
def overheads(edition: str) -> Overheads:
    """Return what the edition's engine takes beside weights and cache."""
    rows = read_table(edition, "accelerators.json")["overheads"]
    return Overheads(
        utilization=rows["utilization"]["default"],
        context_one_mib=rows["context_mib"]["one"],
        context_several_mib=rows["context_mib"]["several"],
        runtime_one_mib=rows["runtime_mib"]["one"],
        runtime_several_mib=rows["runtime_mib"]["several"],
        activation_mib=rows["activation_mib"]["constant"],
        bytes_per_logit=rows["sampler_bytes"]["per_logit"],
        graphs_mib=rows["graphs"]["fixed_mib"],
        graphs_kib_per_layer=rows["graphs"]["per_layer_kib"],
        source=rows["source"],
    )


@cache
def efficiency(edition: str) -> Efficiency:
    """Return the shares of peak speed that an edition's estimates assume."""
    table = read_table(edition, "accelerators.json")["efficiency"]
    return Efficiency(**{name: Share(**table[name]) for name in Efficiency._fields})


@cache
def least_capability(edition: str, engine: str) -> tuple[float, str]:
    """Return the least compute capability that an engine's release image has kernels for, and who says so; 0.0 for an
    engine of which nothing is recorded."""
    row = read_table(edition, "accelerators.json")["capabilities"].get(engine)
    return (float(row["least"]), row["source"]) if row else (0.0, "")
