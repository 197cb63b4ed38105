"""Published measurements of memory, and the table in docs/concepts/sizing.md that compares them with the formulas.

`python -m tests.sizing_measurements` prints the table. The runs of vLLM 0.19.0 are those of
github.com/llm-d-incubation/llm-d-planner/pull/205 (accuracy/results/v0.19.0/results_raw.csv): one engine, one kind of
GPU; the formulas for activations and runtime were fitted to them, weights and cache were not. The other rows are from
other people, GPUs and versions, and nothing was fitted to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from components.resolve.sizing.cache import pool
from components.resolve.sizing.engine import Settings
from components.resolve.sizing.fit import Fit, Model, Need, fit
from components.resolve.sizing.gpu import whole
from components.resolve.sizing.layouts import Layout
from components.resolve.sizing.quantization import as_published
from components.resolve.sizing.terms import GIB
from components.resolve.sizing.weights import parts, rope_bytes
from specs.catalog.devices import devices, overheads
from specs.catalog.reader import load_edition

EDITION = "2026-11"
V19 = "[llm-d-planner, vLLM 0.19.0](https://github.com/llm-d-incubation/llm-d-planner/pull/205)"


def issue(number: int) -> str:
    return f"[vllm#{number}](https://github.com/vllm-project/vllm/issues/{number})"


class Measured(NamedTuple):
    """What somebody's log says of one GPU; 0: it does not say."""

    model: str
    """A row of the catalog."""
    gpu: str
    layout: Layout
    source: str
    weights: float
    """GiB: `Model loading took`."""
    beside_cache: float = 0.0
    """GiB: weights, peak activation and what is not PyTorch's, CUDA graphs not included."""
    pool: float = 0.0
    """GiB: `Available KV cache memory`."""
    tokens: int = 0
    """`GPU KV cache size`."""
    context: int = 8192
    quantization: str | None = None
    """None: as published."""
    dtype: str = ""
    kv_dtype: str = "auto"
    fitted: bool = False
    """Whether activations and runtime were fitted to this run, among others."""


def v19(model: str, weights: float, beside: float, room: float, tokens: int, t: int = 1, **more: object) -> Measured:
    pipeline = more.pop("pipeline", 1)
    assert isinstance(pipeline, int)
    layout = Layout(t, pipeline)
    return Measured(model, "nvidia-h100-80gb", layout, V19, weights, beside, room, tokens, fitted=True, **more)  # type: ignore[arg-type]


LLAMA_8B, LLAMA_70B, LLAMA_33 = (
    "meta-llama/Llama-3.1-8B-Instruct",
    "meta-llama/Llama-3.1-70B-Instruct",
    "meta-llama/Llama-3.3-70B-Instruct",
)
HUB = "https://github.com"
H100_RECORDS = (
    f"[llm-d-benchmark]({HUB}/llm-d/llm-d-benchmark/blob/main/config_explorer/empirical-vllm-memory-results.md)"
)
QUANTIZE = f"[llama.cpp quantize]({HUB}/ggml-org/llama.cpp/blob/master/tools/quantize/README.md)"
MEMORY_ESTIMATOR = (
    f"[vllm-memory-estimator]({HUB}/ashishkamra/vllm-memory-estimator/blob/main/tests/test_validation_db.py)"
)
FOUR_NODES = f"[DeepSeek-V3#205]({HUB}/deepseek-ai/DeepSeek-V3/issues/205), first stage, 24 GB GPUs"
PULL_10511 = f"{issue(10511)}, Llama-3-8B"

MEASURED = (
    v19(LLAMA_8B, 14.99, 17.12, 58.11, 476_016),
    v19(LLAMA_8B, 7.51, 11.47, 63.76, 1_044_688, 2),
    v19(LLAMA_8B, 3.77, 7.79, 67.44, 2_209_792, 4),
    v19(LLAMA_8B, 7.51, 8.69, 66.54, 1_075_312, pipeline=2),
    v19(LLAMA_8B, 14.99, 17.12, 58.11, 952_032, kv_dtype="fp8"),
    v19(LLAMA_8B, 29.98, 32.43, 42.8, 175_296, dtype="float32"),
    v19(LLAMA_8B, 8.49, 10.62, 64.61, 529_248, quantization="fp8"),
    v19(LLAMA_8B, 8.49, 10.63, 64.6, 529_200, quantization="int8"),
    v19(LLAMA_8B, 5.38, 7.51, 67.71, 554_704, quantization="gptq"),
    v19(LLAMA_33, 33.88, 37.95, 37.28, 244_304, 2, quantization="fp8"),
    v19(LLAMA_33, 16.96, 21.14, 54.09, 708_992, 4, quantization="fp8"),
    v19("Qwen/Qwen2.5-7B-Instruct", 14.25, 16.7, 58.53, 1_096_000),
    v19("Qwen/Qwen2.5-7B-Instruct", 3.55, 7.89, 67.34, 5_043_280, 4),
    v19("Qwen/Qwen2.5-72B-Instruct", 67.8, 72.19, 3.04, 19_920, 2),
    v19("Qwen/Qwen3-8B", 15.27, 17.73, 57.5, 418_688),
    v19("Qwen/Qwen3-30B-A3B", 56.88, 59.82, 15.41, 168_288),
    v19("microsoft/phi-4", 27.39, 29.15, 46.08, 241_568),
    v19("mistralai/Mixtral-8x7B-Instruct-v0.1", 43.51, 46.79, 28.44, 465_936, 2),
    v19("google/gemma-2-2b-it", 4.9, 8.76, 66.47, 670_160),
    v19("google/gemma-2-9b-it", 17.22, 21.11, 54.12, 168_880),
    v19("google/gemma-2-27b-it", 50.72, 54.64, 20.59, 58_672),
    v19("google/gemma-3-4b-it", 8.58, 12.72, 62.51, 468_144),
    v19("google/gemma-3-12b-it", 23.31, 27.51, 47.72, 130_304),
    v19("google/gemma-3-27b-it", 51.45, 55.7, 19.53, 36_560),
    v19("openai/gpt-oss-20b", 13.64, 16.76, 58.47, 1_277_184),
    Measured(LLAMA_8B, "nvidia-h100-80gb", Layout(), PULL_10511,
             14.96, pool=53.29),
    Measured(LLAMA_8B, "nvidia-h100-80gb", Layout(2), PULL_10511,
             7.48),
    Measured(LLAMA_70B, "nvidia-h100-80gb", Layout(), issue(12569), 67.7229,
             context=2048, quantization="int8"),
    Measured("Qwen/Qwen2.5-32B-Instruct", "nvidia-l40s", Layout(2), issue(15815), 30.71, 32.27, 7.71, 63_152,
             context=10_000),
    Measured("Qwen/Qwen3-32B", "nvidia-h100-80gb", Layout(), H100_RECORDS, 61.03, context=16_000),
    Measured("Qwen/Qwen3-0.6B", "nvidia-h100-80gb", Layout(), H100_RECORDS, 1.12, context=16_000),
    Measured("mistralai/Mistral-Small-3.2-24B-Instruct-2506", "nvidia-h100-80gb", Layout(), H100_RECORDS,
             44.76, pool=28.20, tokens=184_832, context=16_000),
    Measured("openai/gpt-oss-120b", "nvidia-h100-80gb", Layout(), issue(33155), 64.38, context=16_000),
    Measured("Qwen/Qwen3-235B-A22B", "nvidia-h100-80gb", Layout(4), issue(21348), 0, pool=8.11, tokens=178_880,
             context=40_960, quantization="fp8-block"),
    Measured("deepseek-ai/DeepSeek-R1", "nvidia-h200", Layout(8), MEMORY_ESTIMATOR, 79.739, pool=41.60, tokens=635_648),
    Measured(LLAMA_33, "nvidia-h200", Layout(4), MEMORY_ESTIMATOR, 16.9619, pool=106.17, tokens=1_391_552,
             quantization="fp8"),
    Measured("deepseek-ai/DeepSeek-V3", "nvidia-l4", Layout(8, 4),
             FOUR_NODES, 16.9583, context=128),
    Measured(LLAMA_8B, "nvidia-l40s", Layout(), QUANTIZE, 4.36, quantization="q4_k_s"),
    Measured(LLAMA_8B, "nvidia-l40s", Layout(), QUANTIZE, 4.58, quantization="q4_k_m"),
    Measured(LLAMA_8B, "nvidia-l40s", Layout(), QUANTIZE, 5.21, quantization="q5_k_s"),
    Measured(LLAMA_8B, "nvidia-l40s", Layout(), QUANTIZE, 5.33, quantization="q5_k_m"),
    Measured(LLAMA_8B, "nvidia-l40s", Layout(), QUANTIZE, 6.14, quantization="q6_k"),
    Measured(LLAMA_8B, "nvidia-l40s", Layout(), QUANTIZE, 7.95, quantization="q8_0"),
)  # fmt: skip


class Predicted(NamedTuple):
    """The formulas' answer to a measurement, in its units; 0 where there is nothing to compare."""

    weights: float
    beside_cache: float
    tokens: int
    """Of the published pool: this judges the cache's arithmetic and not what is left for it."""


def calculation(m: Measured) -> Fit:
    """Return the fit of a measured run: its settings, CUDA graphs outside the budget as in its version."""
    row = load_edition(EDITION).models[m.model]
    a = row.architecture
    published, dtype = as_published(a.family, row.dtype)
    quantization = published if m.quantization is None else m.quantization
    # most of these runs were started with --gpu-memory-utilization 0.95; the pool is compared by itself
    settings = Settings(
        dtype=m.dtype or dtype, kv_dtype=m.kv_dtype, utilization=0.95, graphs=False, native_context=row.native_context
    )
    device = devices(EDITION)[m.gpu]
    return fit(Model(a, quantization), whole(device, "9.0"), m.layout, Need(m.context), settings, overheads(EDITION))


def predicted(m: Measured) -> Predicted:
    """Return what the formulas say to a measurement."""
    found = calculation(m)
    a, settings = found.model.architecture, found.settings
    gguf = found.model.quantization.startswith("q")
    first = parts(a, found.model.quantization, settings.dtype, m.layout)[0]
    rope = 0 if gguf else rope_bytes(a, settings.native_context, 4 if settings.dtype == "float32" else 2)
    beside = sum(x.bytes for x in found.stages[0].lines) / GIB if found.stages else 0.0
    tokens = 0
    if m.pool and m.tokens:
        # a pipeline's stages have as many blocks as the poorest; the published pool is that of the first
        p = pool(a, m.layout, settings, first.layers)
        assert p is not None
        blocks = int(m.pool * GIB) // p.block_bytes - 1
        tokens = blocks * m.context // p.blocks_of(m.context, settings.batched_tokens)
        if m.layout.pipeline > 1:
            tokens = found.tokens
    return Predicted((first.total + rope) / GIB, beside if m.beside_cache else 0.0, tokens)


def error(ours: float, theirs: float) -> float:
    """Return the error in percent."""
    return 100 * (ours / theirs - 1)


def table() -> Iterator[str]:
    """Yield the lines of the table in the docs."""
    yield (
        "| model, weights, layout, GPU | weights, GiB: published, computed, error | all but the cache, GiB "
        "| tokens of the published cache | source |"
    )
    yield "|---|---|---|---|---|"
    for m in MEASURED:
        p, found = predicted(m), calculation(m)
        what = ", ".join(
            x for x in (m.model.split("/")[1], found.model.quantization or found.settings.dtype, str(m.layout)) if x
        )
        what += f", {m.gpu.removeprefix('nvidia-')}" + (", fp8 cache" if m.kv_dtype == "fp8" else "")

        def cell(ours: float, theirs: float, form: str) -> str:
            return f"{theirs:{form}}, {ours:{form}}, {error(ours, theirs):+.1f} %" if theirs else ""

        yield "| " + " | ".join(
            (
                what,
                cell(p.weights, m.weights, ".2f"),
                cell(p.beside_cache, m.beside_cache, ".2f"),
                cell(p.tokens, m.tokens, ","),
                m.source,
            )
        ) + " |"  # fmt: skip


if __name__ == "__main__":
    print("\n".join(table()))
