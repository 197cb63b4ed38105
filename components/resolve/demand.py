"""What one replica of a server asks for: CPU, memory, shared memory, and the times it needs. Formulas with their
terms."""

from __future__ import annotations

from math import ceil

from components.resolve import defaults


def cpu_cores(gpus: int) -> int:
    """Return the CPU request in cores: 2 + GPUs."""
    return defaults.CPU_BASE_CORES + defaults.CPU_CORES_PER_GPU * gpus


def shared_memory(gpus: int) -> int:
    """Return the size of /dev/shm in bytes: 2 GiB a GPU, for the workers' exchange of tensors and requests."""
    return defaults.SHARED_MEMORY_PER_GPU * gpus


def memory(gpus: int) -> int:
    """Return the memory request in bytes, shared memory included."""
    return defaults.MEMORY_BASE + defaults.MEMORY_PER_GPU * gpus + shared_memory(gpus)


def startup_seconds(weight_bytes: int, engine_seconds: int = defaults.ENGINE_START_SECONDS) -> int:
    """Return the startup probe's budget: engine start + reading the weights, rounded up to 10 s.

    Example:
        >>> startup_seconds(15_231_233_024)  # 300 + 15.23e9 / 250e6 = 300 + 60.9
        370
    """
    return _up(engine_seconds + weight_bytes / defaults.READ_BYTES_PER_SECOND, 10)


def progress_deadline_seconds(
    weight_bytes: int, starts_nodes: bool, engine_seconds: int = defaults.ENGINE_START_SECONDS
) -> int:
    """Return how long a new pod may take to be ready: node, image, weights, engine; rounded up to a minute.

    A deadline that is shorter than that would call every healthy rollout failed.
    """
    node = defaults.NODE_SECONDS if starts_nodes else 0
    fetch = weight_bytes / defaults.FETCH_BYTES_PER_SECOND if starts_nodes else 0
    return _up(node + defaults.IMAGE_SECONDS + fetch + startup_seconds(weight_bytes, engine_seconds), 60)


def mirror_seconds(weight_bytes: int) -> int:
    """Return how long the mirror Job may take: the image and the copy from the hub, rounded up to a minute."""
    return _up(defaults.IMAGE_SECONDS + weight_bytes / defaults.MIRROR_BYTES_PER_SECOND, 60)


def site_seconds(weight_bytes: int) -> int:
    """Return how long a site may take to fetch weights: the image and the copy over its line, rounded up to a
    minute.

    Example:
        >>> site_seconds(1_117_320_736)  # 300 + 1.117e9 / 2e6 = 300 + 558.7
        900
    """
    return _up(defaults.IMAGE_SECONDS + weight_bytes / defaults.SITE_BYTES_PER_SECOND, 60)


def _up(seconds: float, step: int) -> int:
    return ceil(seconds / step) * step
