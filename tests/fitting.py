"""Whether a model of a drawn spec fits a drawn pool, by the slow calculation: what makes a drawn spec a valid one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from specs.catalog.architecture import Architecture, Experts, LatentAttention, Vision
from specs.catalog.reader import NEWEST, load_edition
from tests.oracles import sizing_slow

EDITION = load_edition(NEWEST)

AT_LOAD_CAPABILITY = 8.9
"""GPUs from here on have fp8 units."""

OF_MEMORY = {
    "dtype", "kv-cache-dtype", "gpu-memory-utilization", "max-num-batched-tokens", "max-num-seqs", "block-size",
    "enforce-eager", "disable-hybrid-kv-cache-manager", "enable-lora", "max-loras", "max-lora-rank",
}  # fmt: skip
"""Arguments that change what fits."""


class Known(NamedTuple):
    """What decides a model's size."""

    architecture: Architecture
    quantization: str
    dtype: str
    context: int
    native: int
    """Rows of the rotary table; 0 where nothing says it."""


def repository(model: Any) -> str:
    """Return `<organisation>/<name>` of a model as a spec writes it."""
    source = model if isinstance(model, str) else model["source"]
    return str(source).removeprefix("hf://").partition("@")[0]


def known(model: Any, own: Architecture) -> Known | None:
    """Return what is known of a drawn model, None where its size cannot be computed; `own` is the one in the file."""
    given = {} if isinstance(model, str) else model
    said: Mapping[str, Any] | None = given.get("architecture")
    if said is not None:
        if "config" in said:
            architecture, dtype, native = own, "bfloat16", 32_768
        else:
            architecture = _from_keys(said)
            dtype, native = said.get("dtype", "bfloat16"), _tokens(said.get("nativeContext", 0))
        published = ""
    else:
        row = EDITION.models.get(repository(model))
        if row is None or row.quantization == "gguf":
            return None
        architecture, native = row.architecture, row.native_context
        published = {"fp8": "fp8-block", "mxfp4": "mxfp4"}.get(row.quantization, "")
        # `--dtype auto`: float16 for float32 models
        dtype = {"float32": "float16", "float8_e4m3": "bfloat16"}.get(row.dtype, row.dtype)
    context = _tokens(given.get("contextLength", min(16_384, native)))
    format_ = given.get("quantization", published)
    if format_ in ("none", published.partition("-")[0]):
        format_ = published
    return Known(architecture, format_, dtype, context, native) if context else None


def _from_keys(said: Mapping[str, Any]) -> Architecture:
    fields = {_snake(k): v for k, v in said.items() if k not in ("dtype", "nativeContext")}
    for name, kind in (("latent", LatentAttention), ("experts", Experts), ("vision", Vision)):
        if name in fields:
            fields[name] = kind(**{_snake(k): v for k, v in fields[name].items()})
    return Architecture(**fields)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def _tokens(value: str | int) -> int:
    return int(value[:-1]) * 1024 if isinstance(value, str) else value


def accelerator(pool: Mapping[str, Any]) -> str:
    """Return the GPU of a drawn pool."""
    return str(pool.get("accelerator") or EDITION.instances[pool["instance"]].accelerator)


def slices(pool: Mapping[str, Any]) -> list[str]:
    """Return the names of its MIG slices."""
    return [row[0] for row in sizing_slow.TABLE["devices"][accelerator(pool)].get("mig", ())]


def capability(pool: Mapping[str, Any]) -> float:
    """Return its compute capability."""
    return float(EDITION.accelerators[accelerator(pool)].compute_capability)


def fits(model: Known, pool: Mapping[str, Any], layout: tuple[int, int, int, bool], requests: int = 1) -> bool:
    """Say whether a replica in this layout holds so many requests of the model's context; with more than one the engine
    is told so."""
    return _has_units(model, pool) and sizing_slow.fits(*_given(model, pool), layout, *_asked(model, requests))


def search(
    model: Known, pool: Mapping[str, Any], shape: tuple[int, int], requests: int
) -> tuple[int, int, int, bool] | None:
    """Return a layout that fits within the shape (GPUs a node, nodes), by trying all of them; None if there is none."""
    if not _has_units(model, pool):
        return None
    return sizing_slow.search(*_given(model, pool), shape, *_asked(model, requests))


def _has_units(model: Known, pool: Mapping[str, Any]) -> bool:
    newer = model.dtype == "bfloat16" or model.quantization in ("fp8", "fp8-block", "mxfp4")
    return capability(pool) >= 8.0 or not newer


def _given(model: Known, pool: Mapping[str, Any]) -> tuple[Architecture, str, str, dict[str, Any], str]:
    name = accelerator(pool)
    return model.architecture, model.quantization, model.dtype, sizing_slow.TABLE["devices"][name], name


def _asked(model: Known, requests: int) -> tuple[int, int, int, int]:
    return model.context, requests, requests if requests > 1 else 0, model.native
