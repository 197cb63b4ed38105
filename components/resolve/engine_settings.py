"""What a server's arguments tell vLLM that decides memory, as the sizing's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.resolve.sizing.engine import Adapters, Settings
from components.resolve.sizing.quantization import BYTES_OF_TYPE
from specs.catalog.reader import find_flag

_TYPES = {"half": "float16", "float": "float32"}

_CACHES = ("auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2")
"""Types of the cache that the arithmetic knows; the other ones of vLLM pack scales of their own beside the numbers."""

UNCOMPUTED: Mapping[str, str] = {
    "speculative-config": "a draft model takes memory of its own",
    "hf-overrides": "it changes the model's architecture",
    "quantization-config": "it quantizes layers one by one",
    "cpu-offload-gb": "a part of the weights is in the node's memory",
    "kv-cache-memory-bytes": "it sets the size of the cache itself",
    "num-gpu-blocks-override": "it sets the size of the cache itself",
    "decode-context-parallel-size": "the cache is split over GPUs",
    "prefill-context-parallel-size": "it adds GPUs that share a prompt",
    "enable-dbo": "two half batches are alive at once",
    "enable-eplb": "copies of busy experts take memory",
}
"""Arguments with which nothing is computed, and why."""


def settings_of(
    args: Mapping[str, Any], version: str, *, dtype: str, kv_cache: str, concurrency: int, native_context: int
) -> tuple[Settings, str]:
    """Return the settings, and why nothing can be computed with these arguments ("" if it can).

    Args:
        args: `serving.X.args`, checked.
        dtype: type of activations unless the arguments say another one.
        kv_cache: `serving.X.kvCache`.
        concurrency: `serving.X.concurrency` of one data rank; 0 where the spec leaves it open.
        native_context: positions that the model was published for; 0 where nothing says it.
    """
    given = dict(_named(name, value, version) for name, value in args.items())
    for name, why in UNCOMPUTED.items():
        if given.get(name):
            return Settings(), f"`args.{name}` is set: {why}"
    named = str(given.get("dtype", "auto"))
    cache = str(given.get("kv-cache-dtype", "auto"))
    if cache not in _CACHES:
        return Settings(), f"the arithmetic knows no `{cache}` cache"
    adapters = None
    if given.get("enable-lora"):
        adapters = Adapters(int(given.get("max-loras", 1)), int(given.get("max-lora-rank", 16)))
    kind = dtype if named == "auto" else _TYPES.get(named, named)
    return Settings(
        dtype=kind if kind in BYTES_OF_TYPE else dtype,
        kv_dtype=cache if cache != "auto" else kv_cache,
        utilization=float(given.get("gpu-memory-utilization", 0.0)),
        batched_tokens=human_number(given.get("max-num-batched-tokens", 0)),
        batched_requests=concurrency or int(given.get("max-num-seqs") or 0),
        block=int(given.get("block-size") or 16),
        graphs=not given.get("enforce-eager", False),
        hybrid_cache=not given.get("disable-hybrid-kv-cache-manager", False),
        adapters=adapters,
        native_context=native_context,
    ), ""  # fmt: skip


def _named(given: str, value: Any, version: str) -> tuple[str, Any]:
    """Return an argument under the flag's first name: `no-enable-lora: true` is `enable-lora: false`."""
    flag, plain = find_flag("vllm", version, given), given.replace("_", "-")
    if flag is None:
        return plain, value
    opposite = isinstance(value, bool) and plain.startswith("no-") != flag.name.startswith("no-")
    return flag.name, (not value if opposite else value)


_UNITS = {"k": 1000, "m": 10**6, "g": 10**9, "t": 10**12, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def human_number(value: Any) -> int:
    """Return a number as vLLM reads it: small letters are decimal, large ones binary.

    Example:
        >>> human_number("8k"), human_number("1K"), human_number("25.6k"), human_number(2048)
        (8000, 1024, 25600, 2048)
    """
    if isinstance(value, str) and value[-1:] in _UNITS:
        return int(float(value[:-1]) * _UNITS[value[-1]])
    return int(value or 0)
