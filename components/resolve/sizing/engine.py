"""What the engine is told that decides memory: vLLM's settings, with its own defaults where a spec says nothing."""

from __future__ import annotations

from typing import NamedTuple

from components.resolve.sizing.terms import GIB

LARGE_GPU = 70 * GIB
"""From here on vLLM's server takes more tokens and requests a step, A100 excepted (`EngineArgs.get_batch_defaults`)."""


class Adapters(NamedTuple):
    """LoRA adapters: `--max-loras` slots of `--max-lora-rank`, for these kinds of matrices."""

    slots: int = 1
    rank: int = 16
    attention: bool = True
    mlp: bool = True


class Settings(NamedTuple):
    """vLLM's settings. 0 or "" is the engine's own default for the GPU."""

    dtype: str = "bfloat16"
    kv_dtype: str = "auto"
    utilization: float = 0.0
    """`--gpu-memory-utilization`; 0: the engine's default, or what a smaller GPU lets it have."""
    batched_tokens: int = 0
    """`--max-num-batched-tokens`."""
    batched_requests: int = 0
    """`--max-num-seqs`."""
    block: int = 16
    """Tokens a KV block; kernels of some GPUs choose a multiple."""
    graphs: bool = True
    """CUDA graphs; False is `--enforce-eager`."""
    hybrid_cache: bool = True
    """Layers with a window keep the window only; False is `--disable-hybrid-kv-cache-manager`."""
    adapters: Adapters | None = None
    native_context: int = 0
    """Rows of the rotary table; 0: the context that is asked for."""


def batch_defaults(usable_bytes: int, accelerator: str) -> tuple[int, int]:
    """Return the server's default tokens and requests a step (`EngineArgs.get_batch_defaults`, API server).

    Example:
        >>> batch_defaults(79 * GIB, "nvidia-h100-80gb"), batch_defaults(79 * GIB, "nvidia-a100-80gb")
        ((8192, 1024), (2048, 256))
    """
    return (8192, 1024) if usable_bytes >= LARGE_GPU and "a100" not in accelerator else (2048, 256)


def captured_sizes(batched_requests: int) -> int:
    """Return how many batch sizes vLLM captures as CUDA graphs: 1, 2, 4, from 8 in steps of 8, from 256 in steps of 16,
    up to the smaller of 512 and twice the requests a step (`VllmConfig._set_cudagraph_sizes`).

    Example:
        >>> captured_sizes(1024), captured_sizes(8)
        (51, 5)
    """
    most = min(512, 2 * batched_requests)
    sizes = {s for s in (1, 2, 4) if s <= most} | set(range(8, min(most + 1, 256), 8)) | set(range(256, most + 1, 16))
    return len(sizes)
