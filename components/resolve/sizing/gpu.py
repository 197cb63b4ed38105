"""The memory and the speed that one process has: a whole GPU, a MIG slice, or its part of a shared one."""

from __future__ import annotations

from typing import Literal, NamedTuple

from components.resolve.sizing.terms import MIB
from specs.catalog.devices import Device

Sharing = Literal["none", "mig", "mps", "time-slicing"]


class Gpu(NamedTuple):
    """What a pod's `nvidia.com/gpu: 1` is."""

    device: Device
    usable: int
    """Bytes that are this process's to use."""
    seen: int
    """Bytes that CUDA reports as the total, of which `--gpu-memory-utilization` is a share. With MPS and time-slicing
    it is the whole GPU: an engine that is not told so takes its neighbours' memory too."""
    bandwidth: float
    """Bytes a second, at peak."""
    compute: float
    """The part of the GPU's units."""
    capability: float
    sharing: Sharing = "none"
    note: str = ""

    @property
    def name(self) -> str:
        """The GPU's name in the catalog."""
        return self.device.name


def whole(device: Device, capability: str) -> Gpu:
    """Return a GPU that one process has for itself."""
    size = device.usable_mib * MIB
    return Gpu(device, size, size, device.bandwidth_gbs * 1e9, 1.0, float(capability))


def mig(device: Device, capability: str, profile: str) -> Gpu:
    """Return a MIG slice. Raises KeyError for a profile that the catalog does not have for this GPU."""
    found = {m.name: m for m in device.mig}[profile]
    size = found.memory_mib * MIB
    bandwidth, note = device.bandwidth_gbs * 1e9 / found.memory_parts, f"MIG {profile}: {found.instances} on a GPU"
    return Gpu(device, size, size, bandwidth, found.compute / found.of, float(capability), "mig", note)


def shared(device: Device, capability: str, mode: Literal["mps", "time-slicing"], replicas: int) -> Gpu:
    """Return one of equal parts of a shared GPU.

    MPS limits each client's memory to its part (the device plugin sets CUDA_MPS_PINNED_DEVICE_MEM_LIMIT) and its
    threads; CUDA still reports the whole total (recorded on a T4: limit 1 GiB, free 1,000 MiB of 14,930 MiB).
    Time-slicing limits nothing: the part holds only if every engine is told its share. Bandwidth and compute are shared
    by whoever is busy; the estimate is that all are.
    """
    size = device.usable_mib * MIB
    kept = "limited by MPS" if mode == "mps" else "limited by nothing but the engines' own settings"
    return Gpu(
        device, size // replicas, size, device.bandwidth_gbs * 1e9 / replicas, 1 / replicas, float(capability), mode,
        f"1 of {replicas} parts, {kept}",
    )  # fmt: skip
