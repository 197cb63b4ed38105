"""Sizing: by hand, against a slow independent calculation, and against what other people measured."""

from __future__ import annotations

import random
import re
import time
from math import isclose
from pathlib import Path

import pytest

from components.resolve.sizing import overhead
from components.resolve.sizing.cache import pool
from components.resolve.sizing.choose import Offer, alternatives, choose
from components.resolve.sizing.engine import Adapters, Settings, batch_defaults, captured_sizes
from components.resolve.sizing.fit import Model, Need, fit
from components.resolve.sizing.gguf import BLOCKS, gguf_bytes
from components.resolve.sizing.gpu import Gpu, mig, shared, whole
from components.resolve.sizing.layouts import Layout, Shape, layouts, refusal, stages, usual
from components.resolve.sizing.quantization import FORMATS, as_published, is_known, matrix_bytes
from components.resolve.sizing.speed import Estimate, Machine, coverage, decode_step, prefill
from components.resolve.sizing.terms import GIB, MIB
from components.resolve.sizing.traffic import BUSY, Traffic, load, replicas, verdict
from components.resolve.sizing.weights import parts
from specs.catalog.architecture import Architecture, Experts, LatentAttention
from specs.catalog.devices import devices, efficiency, overheads
from specs.catalog.parameters import parameters
from specs.catalog.reader import load_edition
from tests.oracles import sizing_slow
from tests.sizing_measurements import MEASURED, error, predicted, table

EDITION = "2026-11"
DEVICES, MEASURES, SHARES = devices(EDITION), overheads(EDITION), efficiency(EDITION)
CATALOG = load_edition(EDITION)

# config.json of meta-llama/Llama-3.3-70B-Instruct, Qwen/Qwen3-235B-A22B and deepseek-ai/DeepSeek-V3
LLAMA = Architecture("llama", 80, 8192, 28672, 64, 8, 128, 128256)
QWEN = Architecture(
    "qwen3_moe", 94, 4096, 12288, 64, 4, 128, 151936, qk_norm=True, experts=Experts(128, 8, 1536, layers=94)
)
DEEPSEEK = Architecture(
    "deepseek_v3", 61, 7168, 18432, 128, 128, 128, 129280,
    latent=LatentAttention(1536, 512, 128, 64, 128),
    experts=Experts(256, 8, 2048, layers=58, shared_intermediate=2048, router_bias=True),
)  # fmt: skip


def gpu(name: str = "nvidia-h100-80gb") -> Gpu:
    return whole(DEVICES[name], CATALOG.accelerators[name].compute_capability)


# ---- by hand -----------------------------------------------------------------------------------------


def test_llama_70b_in_bf16_does_not_fit_one_h100_and_two_changes_are_computed() -> None:
    """70,553,706,496 parameters x 2 bytes = 141,107,412,992; of 81,080 MiB the engine may use 0.92, which is
    floor(85,018,542,080 x 0.92) = 78,217,058,713."""
    assert 2 * parameters(LLAMA) == 141_107_412_992
    choice = choose(Model(LLAMA), gpu(), Shape(1), Need(8192, 8), Settings(), MEASURES)
    assert choice.chosen is None and choice.nearest is not None
    assert choice.nearest.budget.bytes == 78_217_058_713
    weights = sum(x.bytes for x in choice.nearest.lines if x.name.startswith("weights"))
    assert weights == 141_107_412_992
    assert choice.rejected[0].reason == "weights alone take 131.4 GiB; a GPU has 79.2 GiB"
    offers = [Offer(gpu(n), Shape(8)) for n in DEVICES]
    found = alternatives(Model(LLAMA), gpu(), Shape(1), Need(8192, 8), Settings(), MEASURES, offers)
    assert {a.kind for a in found} >= {"quantization", "split", "accelerator"}
    assert all(a.fit.fits for a in found)
    assert [str(a.fit.layout) for a in found if a.kind == "split"] == ["tensor 4"]


def test_llama_70b_in_fp8_fits_two_h100() -> None:
    """On each of two GPUs: half of the matrices at one byte and their scales, half of embedding and head at two bytes,
    all norms; and 8 x 8,192 tokens of 163,840 bytes (80 layers x 4 heads x 128 x 2 x 2) with one block more."""
    q, k, v, o = 4096 * 8192, 512 * 8192, 512 * 8192, 8192 * 4096
    gate, up, down = 14336 * 8192, 14336 * 8192, 8192 * 14336
    scales = 4 * (4096 + 512 + 512 + 8192 + 14336 + 14336 + 8192)
    matrices = 80 * (q + k + v + o + gate + up + down + scales)
    ends, norms = 2 * (64128 * 8192) * 2, (2 * 80 + 1) * 8192 * 2
    choice = choose(Model(LLAMA, "fp8"), gpu(), Shape(2), Need(8192, 8), Settings(), MEASURES)
    assert choice.chosen is not None and choice.chosen.layout == Layout(2)
    found = choice.chosen
    assert (
        sum(x.bytes for x in found.lines if x.name.startswith("weights")) == matrices + ends + norms == 36_345_561_088
    )
    cache = found.stages[0].cache
    assert cache is not None and cache.bytes == (8 * 8192 + 16) * 163_840 == 10_740_039_680
    assert [r.layout for r in choice.rejected] == [Layout(1)]
    assert found.used < found.budget.bytes and found.requests >= 8
    assert found.requests * 8192 <= found.tokens


def test_32_contexts_of_128k_are_refused_with_what_would_fit() -> None:
    """32 x 131,072 tokens x 163,840 bytes = 640 GiB on each of two GPUs, and a block."""
    need = Need(131_072, 32)
    choice = choose(Model(LLAMA, "fp8"), gpu(), Shape(2), need, Settings(), MEASURES)
    assert choice.chosen is None and choice.nearest is not None
    two = fit(Model(LLAMA, "fp8"), gpu(), Layout(2), need, Settings(), MEASURES)
    cache = two.stages[0].cache
    assert cache is not None and cache.bytes == 32 * 131_072 * 163_840 + 16 * 163_840 == 687_197_388_800
    assert "640.0 GiB of KV cache" in two.refused and "room for 1" in two.refused
    found = alternatives(Model(LLAMA, "fp8"), gpu(), Shape(2), need, Settings(), MEASURES)
    by_kind = {a.kind: a.fit for a in found}
    context, requests = by_kind["context"], by_kind["requests"]
    assert context.fits and context.need.context == 6 * 1024 and context.need.requests == 32
    more = context.need._replace(context=7 * 1024)
    assert not fit(context.model, gpu(), Layout(2), more, Settings(), MEASURES).fits
    assert requests.fits and requests.need == Need(131_072, 1)
    assert by_kind["split"].fits


def test_smaller_steps_free_what_the_sampler_of_a_large_step_takes() -> None:
    """A step of 1,024 requests keeps logits of 1,024 x 201,088 numbers; one of 64 a sixteenth of that."""
    gpt = CATALOG.models["openai/gpt-oss-120b"]
    quantization, dtype = as_published(gpt.architecture.family, gpt.dtype)
    model, need, settings = Model(gpt.architecture, quantization), Need(8192, 8), Settings(dtype=dtype)
    assert choose(model, gpu(), Shape(1), need, settings, MEASURES).chosen is None
    found = {a.kind: a for a in alternatives(model, gpu(), Shape(1), need, settings, MEASURES)}
    steps = found["steps"]
    assert steps.fit.fits and steps.fit.layout == Layout(1) and steps.fit.need == need
    assert steps.text == "steps of 2,048 tokens and 64 requests instead of 8,192 and 1,024: fits with tensor 1"
    small = settings._replace(batched_tokens=2048, batched_requests=64)
    again = {a.kind for a in alternatives(model, gpu(), Shape(1), Need(8192, 4096), small, MEASURES)}
    assert "steps" not in again


def test_the_longest_context_that_fits_may_be_the_next_lower_multiple_of_1024() -> None:
    model, settings = Model(LLAMA, "awq"), Settings(native_context=1 << 20)
    room = choose(model, gpu(), Shape(1), Need(8192, 1), settings, MEASURES).chosen
    assert room is not None and room.tokens % 1024
    need = Need(room.tokens + 1, 1)
    assert choose(model, gpu(), Shape(1), need, settings, MEASURES).chosen is None
    found = {a.kind: a.fit for a in alternatives(model, gpu(), Shape(1), need, settings, MEASURES)}
    assert found["context"].need.context == room.tokens // 1024 * 1024


def test_qwen3_235b_shares_its_experts_over_two_nodes() -> None:
    """16 GPUs as 4 x 4: 8 of 128 experts each, 94 layers x 8 x 3 x 4096 x 1536 x 2 bytes = 28,387,049,472; KV heads:
    one of four on each GPU, so a token takes 94 x 1 x 128 x 2 x 2 = 48,128 bytes."""
    choice = choose(Model(QWEN), gpu(), Shape(8, 2), Need(32_768, 64), Settings(), MEASURES)
    assert choice.chosen is not None and choice.chosen.layout == Layout(4, 1, 4, expert=True)
    lines = {x.name: x.bytes for x in choice.chosen.lines}
    assert lines["weights: experts"] == 94 * 8 * 3 * 4096 * 1536 * 2 == 28_387_049_472
    assert lines["KV cache"] == (64 // 4 * 32_768 + 16) * 48_128
    # one node would not do: 437.9 GiB of weights, 8 x 72.8 GiB of budget, and the rest for 64 contexts is too little
    assert choose(Model(QWEN), gpu(), Shape(8), Need(32_768, 64), Settings(), MEASURES).chosen is None


def test_qwen3_235b_in_fp8_blocks_splits_over_eight_only_with_whole_experts() -> None:
    """1,536 columns over 8 GPUs are 192, and the scales are for blocks of 128."""
    assert "no multiple of 128" in refusal(QWEN, "fp8-block", Layout(8))
    assert refusal(QWEN, "fp8-block", Layout(8, expert=True)) == ""
    assert refusal(QWEN, "fp8-block", Layout(4)) == ""
    choice = choose(Model(QWEN, "fp8-block"), gpu(), Shape(8), Need(32_768, 16), Settings(), MEASURES)
    assert choice.chosen is not None and choice.chosen.layout == Layout(8, expert=True)


def test_deepseek_v3_takes_two_nodes_of_h100_with_expert_parallelism() -> None:
    """16 of 256 experts on each of 16 GPUs: 58 layers x 16 x 3 matrices of 7168 x 2048 bytes and 4 bytes for each of
    56 x 16 blocks; the latent of a token, 61 x (512 + 64) x 2 = 70,272 bytes, is on every GPU of a tensor split."""
    choice = choose(Model(DEEPSEEK, "fp8-block"), gpu(), Shape(8, 2), Need(32_768, 16), Settings(), MEASURES)
    assert choice.chosen is not None and choice.chosen.layout == Layout(8, 1, 2, expert=True)
    lines = {x.name: x.bytes for x in choice.chosen.lines}
    assert lines["weights: experts"] == 58 * 16 * 3 * (7168 * 2048 + 4 * 56 * 16)
    assert lines["KV cache"] == (16 // 2 * 32_768 + 16) * 70_272
    assert all(r.layout.gpus <= 8 for r in choice.rejected)
    one = pool(DEEPSEEK, Layout(8), Settings(), 61)
    assert one is not None and one.page // one.block == pool(DEEPSEEK, Layout(1), Settings(), 61).page // 16  # type: ignore[union-attr]


def test_layers_with_a_window_keep_the_window() -> None:
    """Gemma 3 27B: 10 full and 52 windowed layers make groups of 10, 1 + 6; at 32,768 tokens the windowed ones keep
    1,023 and the 8,192 of a step: ceil(9,215 / 16) + 1 = 577 blocks each, the full ones 2,048."""
    a = CATALOG.models["google/gemma-3-27b-it"].architecture
    p = pool(a, Layout(), Settings(), a.layers)
    assert p is not None and (p.group, p.full_groups, p.window_groups) == (10, 1, 6)
    assert p.blocks_of(32_768, 8192) == 2048 + 6 * 577
    plain = pool(a, Layout(), Settings(hybrid_cache=False), a.layers)
    assert plain is not None and plain.block_bytes * plain.blocks_of(32_768, 8192) == 62 * 2048 * p.page


def test_a_context_is_rounded_up_to_blocks() -> None:
    """8,193 tokens take 513 blocks of 16; with a window of 4,096 and steps of 2,048 tokens, 384 blocks and one."""
    full = pool(LLAMA, Layout(), Settings(), 80)
    assert full is not None and [full.blocks_of(n, 2048) for n in (8192, 8193)] == [512, 513]
    windowed = pool(LLAMA._replace(window=4096, full_layers=0), Layout(), Settings(), 80)
    assert windowed is not None and windowed.blocks_of(8193, 2048) == 385


def test_kinds_of_nearly_as_many_layers_share_a_group_of_the_larger_size() -> None:
    """22 layers against 20 are one group each, of 22; 25 against 20 is 1.25 times as many: groups of 20."""
    near = LLAMA._replace(layers=42, window=1024, full_layers=20)
    far = LLAMA._replace(layers=45, window=1024, full_layers=20)
    one, other = pool(near, Layout(), Settings(), 42), pool(far, Layout(), Settings(), 45)
    assert one is not None and (one.group, one.full_groups, one.window_groups) == (22, 1, 1)
    assert other is not None and (other.group, other.full_groups, other.window_groups) == (20, 1, 2)


def test_an_encoder_keeps_no_cache() -> None:
    row = CATALOG.models["BAAI/bge-m3"]
    found = fit(
        Model(row.architecture), gpu("nvidia-l4"), Layout(), Need(8192, 64), Settings(dtype="float32"), MEASURES
    )
    assert found.fits and found.stages[0].cache is None and found.requests == 0


def test_adapters_take_slots_of_their_rank() -> None:
    """q: 16 x (8192 + 8192), k and v: 16 x (8192 + 1024), output 16 x (8192 + 8192); gate and up 16 x (8192 +
    28672), down 16 x (28672 + 8192): 80 layers, 4 slots, 2 bytes."""
    line = overhead.adapters(LLAMA, Layout(), 80, Adapters(slots=4, rank=16), 2)
    one = (8192 + 8192) + 2 * (8192 + 1024) + (8192 + 8192) + 3 * (8192 + 28672)
    assert line.bytes == 4 * 16 * 80 * one * 2


# ---- rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "quantization", "layout", "reason"),
    [
        (LLAMA, "", Layout(3), "64 attention heads do not divide by tensor 3"),
        (LLAMA._replace(kv_heads=6), "", Layout(4), "6 KV heads do not divide by tensor 4, nor it by them"),
        (LLAMA, "", Layout(16), ""),  # 8 KV heads, each on two GPUs
        (LLAMA, "", Layout(1, 81), "80 layers make no 81 stages"),
        (LLAMA, "", Layout(2, 1, 2), "data and expert parallelism split experts"),
        (LLAMA._replace(intermediate=28670), "", Layout(4), "does not divide by 4"),
        (LLAMA._replace(intermediate=11008), "awq", Layout(4), "is 2,752, no multiple of 128 (awq)"),
        (QWEN, "", Layout(1, expert=True), "one GPU has nobody"),
        (CATALOG.models["BAAI/bge-m3"].architecture, "", Layout(1, 2), "encoders have no pipeline"),
    ],
)
def test_layouts_that_vllm_refuses(architecture: Architecture, quantization: str, layout: Layout, reason: str) -> None:
    found = refusal(architecture, quantization, layout)
    assert reason in found and bool(found) == bool(reason)


def test_stages_are_cut_as_vllm_cuts_them() -> None:
    """vLLM's parallelism docs: 61 layers make 31 + 30, and 15 + 15 + 16 + 15."""
    assert [n for _, n in stages(DEEPSEEK, 2)] == [31, 30]
    assert [n for _, n in stages(DEEPSEEK, 4)] == [15, 15, 16, 15]
    assert [first for first, _ in stages(DEEPSEEK, 4)] == [0, 15, 30, 46]


def test_layouts_are_the_ones_the_slow_search_finds() -> None:
    for a, quantization in ((LLAMA, "awq"), (QWEN, "fp8-block"), (DEEPSEEK, "")):
        ours = {(x.tensor, x.pipeline, x.data, x.expert) for x in layouts(a, quantization, Shape(4, 2))}
        theirs = {
            (t, p, d, e)
            for t in range(1, 5)
            for p in range(1, 9)
            for d in range(1, 9)
            for e in (False, True)
            if -(-p * d // (4 // t)) <= 2 and sizing_slow.accepted(a, quantization, t, p, d, e)
        }
        assert ours == theirs


def test_usual_layouts_come_first() -> None:
    found = layouts(LLAMA, "", Shape(8, 2))
    kinds = [usual(x, Shape(8, 2)) for x in found]
    assert kinds == sorted(kinds, reverse=True)
    assert found[:5] == (Layout(1), Layout(2), Layout(4), Layout(8), Layout(8, 2))


def test_defaults_of_a_step_follow_the_gpu() -> None:
    """vLLM's API server: 8,192 tokens and 1,024 requests from 70 GiB on, A100 excepted; 51 graphs then (measured)."""
    assert batch_defaults(80 * GIB, "nvidia-h100-80gb") == (8192, 1024)
    assert batch_defaults(79 * GIB, "nvidia-a100-80gb") == batch_defaults(22 * GIB, "nvidia-l4") == (2048, 256)
    assert captured_sizes(1024) == 51 and captured_sizes(256) == 51 and captured_sizes(128) == 35


def test_a_small_gpu_in_a_split_gets_a_lower_utilization() -> None:
    """An L4 with 22.03 GiB has 2.28 GiB less once NCCL is up: 0.92 of it is not free, 0.89 is."""
    small = CATALOG.models["Qwen/Qwen2.5-7B-Instruct"].architecture
    split = fit(Model(small), gpu("nvidia-l4"), Layout(2), Need(8192), Settings(), MEASURES)
    assert split.settings.utilization == 0.89 and split.fits
    alone = fit(Model(small), gpu("nvidia-l4"), Layout(), Need(8192), Settings(), MEASURES)
    assert alone.settings.utilization == 0.92
    told = fit(Model(small), gpu("nvidia-l4"), Layout(2), Need(8192), Settings(utilization=0.92), MEASURES)
    assert not told.fits and "lower the utilization" in told.refused


def test_types_that_a_gpu_has_no_units_for() -> None:
    small = Model(CATALOG.models["Qwen/Qwen2.5-1.5B-Instruct"].architecture)
    assert "no bfloat16" in fit(small, gpu("nvidia-t4"), Layout(), Need(4096), Settings(), MEASURES).refused
    assert fit(small, gpu("nvidia-t4"), Layout(), Need(4096), Settings(dtype="float16"), MEASURES).fits
    fp8 = small._replace(quantization="fp8")
    assert (
        "compute capability 8.0"
        in fit(fp8, gpu("nvidia-t4"), Layout(), Need(4096), Settings(dtype="float16"), MEASURES).refused
    )


def test_an_unknown_quantization_is_a_key_error() -> None:
    assert not is_known("int3") and is_known("q4_k_m") and is_known("") and is_known("fp8")
    with pytest.raises(KeyError, match="int3"):
        fit(Model(LLAMA, "int3"), gpu(), Layout(), Need(4096), Settings(), MEASURES)


def test_parts_of_a_gpu() -> None:
    """A slice has its own memory; a part of a shared GPU sees all of it and has to be told its share."""
    small = Model(CATALOG.models["Qwen/Qwen3-0.6B"].architecture)
    slice_ = mig(DEVICES["nvidia-h100-80gb"], "9.0", "1g.10gb")
    assert slice_.usable == 9984 * MIB and isclose(slice_.bandwidth, 3350e9 / 8)
    assert fit(small, slice_, Layout(), Need(4096), Settings(), MEASURES).engine_utilization == 0.92
    half = shared(DEVICES["nvidia-l40s"], "8.9", "mps", 2)
    found = fit(small, half, Layout(), Need(4096), Settings(), MEASURES)
    assert found.fits and isclose(found.engine_utilization, 0.46)
    assert found.budget.bytes == int(45486 * MIB // 2 * 0.92)
    with pytest.raises(KeyError):
        mig(DEVICES["nvidia-l4"], "8.9", "1g.10gb")


def test_bytes_of_formats() -> None:
    """4-bit groups of 128 with a 16-bit scale and a 4-bit zero are 4.15625 bits a weight; NVFP4 is 4.5, MXFP4 4.25."""
    number = 4096 * 4096
    for name, bits in (("awq", 4.15625), ("gptq", 4.15625), ("nvfp4", 4.5), ("mxfp4", 4.25)):
        assert matrix_bytes(FORMATS[name], 4096, 4096, 2) == number * bits / 8
    assert matrix_bytes(FORMATS["fp8"], 4096, 4096, 2) == number + 4 * 4096
    assert matrix_bytes(FORMATS["fp8-block"], 4096, 4100, 2) == 4096 * 4100 + 4 * 32 * 33
    assert matrix_bytes(None, 3, 5, 4) == 60
    assert as_published("gpt_oss", "bfloat16") == ("mxfp4", "bfloat16")


def test_ggml_blocks_have_the_bits_that_their_files_state() -> None:
    """bits a weight: q4_k 4.5, q5_k 5.5, q6_k 6.5625, q8_0 8.5 (the names' comments in ggml-common.h)."""
    bits = {kind: 8 * size / weights for kind, (weights, size) in BLOCKS.items()}
    assert [bits[k] for k in ("q4_k", "q5_k", "q6_k", "q8_0", "q4_0")] == [4.5, 5.5, 6.5625, 8.5, 4.5]
    assert gguf_bytes("q4_k", 10, 896) == 10 * 896 // 32 * 22  # 896 is no multiple of 256: q5_0


def test_weights_of_every_model_are_its_parameters() -> None:
    """Unquantized on one GPU: two bytes a parameter, and the padding of the vocabulary."""
    for name, row in CATALOG.models.items():
        a = row.architecture
        rows = (
            a.vocab + a.added_embeddings,
            *(() if a.tied_embeddings or a.encoder or a.no_head or a.labels else (a.vocab,)),
        )
        padding = sum(-r % 64 for r in rows) * a.hidden
        vision = a.vision.parameters if a.vision else 0
        adapters = parameters(a) - parameters(a._replace(adapter_ranks=0))
        ours = parts(a._replace(vision=None), "", "bfloat16", Layout())[0].total
        theirs = 2 * (parameters(a) - vision - adapters + padding)
        assert abs(ours - theirs) <= theirs * 1e-4, (name, ours, theirs)


def test_every_line_names_its_source_and_the_lines_add_up() -> None:
    found = fit(Model(LLAMA, "fp8"), gpu(), Layout(2), Need(8192, 8), Settings(adapters=Adapters()), MEASURES)
    assert all(x.source and x.formula and x.bytes > 0 for x in found.lines)
    inside = [x for x in found.lines if x.name not in ("budget", "CUDA context")]
    assert sum(x.bytes for x in inside) == found.used
    assert {x.name for x in inside} >= {"KV cache", "activations", "CUDA graphs", "CUDA and NCCL", "adapters"}


# ---- against a slow independent calculation ------------------------------------------------------------

QUANTIZATIONS = ("", "", "fp8", "fp8-block", "int8", "awq", "nvfp4", "mxfp4")


def test_two_hundred_random_triples_agree_with_the_slow_calculation() -> None:
    """A chosen layout fits by the slow calculation; where none is chosen, the slow search through all finds none."""
    chance, chosen, refused = random.Random(20261121), 0, 0
    models = sorted(CATALOG.models)
    for _ in range(200):
        row = CATALOG.models[chance.choice(models)]
        name = chance.choice(sorted(DEVICES))
        quantization, context = chance.choice(QUANTIZATIONS), chance.choice((512, 4096, 16_384, 40_000, 131_072))
        requests, shape = (
            chance.choice((1, 4, 16, 100)),
            chance.choice(((1, 1), (2, 1), (4, 1), (8, 1), (4, 2), (8, 2))),
        )
        capability = float(CATALOG.accelerators[name].compute_capability)
        dtype = "bfloat16" if capability >= 8 else "float16"
        form = FORMATS.get(quantization)
        if form is not None and capability < form.capability:
            quantization = ""
        a, device = row.architecture, DEVICES[name]
        found = choose(
            Model(a, quantization), gpu(name), Shape(*shape), Need(context, requests), Settings(dtype=dtype), MEASURES
        )
        given = (a, quantization, dtype, device._asdict(), name)
        if found.chosen is not None:
            x = found.chosen.layout
            layout = (x.tensor, x.pipeline, x.data, x.expert)
            assert sizing_slow.fits(*given, layout, context, requests), (row.name, name, quantization, layout)
            chosen += 1
        else:
            theirs = sizing_slow.search(*given, shape, context, requests)
            assert theirs is None, (row.name, name, quantization, context, requests, shape, theirs)
            refused += 1
    assert chosen > 60 and refused > 40  # the triples are of both kinds


def test_weights_agree_with_the_slow_calculation_on_every_stage() -> None:
    for a, layout in (
        (LLAMA, Layout(16)), (LLAMA, Layout(2, 3)), (QWEN, Layout(4, 1, 4, expert=True)), (QWEN, Layout(2, 2)),
        (DEEPSEEK, Layout(8, 4)), (DEEPSEEK, Layout(1, 1, 7, expert=True)),
        (CATALOG.models["google/gemma-3-12b-it"].architecture, Layout(2, 2)),
    ):  # fmt: skip
        for quantization in ("", "fp8", "fp8-block", "nvfp4"):
            if refusal(a, quantization, layout):
                continue
            ours = [p.total for p in parts(a, quantization, "bfloat16", layout)]
            slow = sizing_slow.ranks(a, quantization, "bfloat16", *layout)
            theirs = [max(r.bytes for r in slow if r.stage == s) for s in range(layout.pipeline)]
            assert ours == pytest.approx(theirs, rel=1e-6), (a.family, quantization, layout)


# ---- against what was measured ---------------------------------------------------------------------------


def test_published_measurements_are_met_within_ten_percent() -> None:
    """Weights, and all memory but the cache, within 10 %; the tokens of a published pool within 2 %."""
    assert len({m.source for m in MEASURED}) >= 8 and len(MEASURED) >= 12
    for m in MEASURED:
        p = predicted(m)
        if m.weights:
            assert abs(error(p.weights, m.weights)) < 10, m
        if m.beside_cache:
            assert abs(error(p.beside_cache, m.beside_cache)) < 10, m
        if m.tokens:
            assert abs(error(p.tokens, m.tokens)) < 2, m


def test_the_table_in_the_docs_is_the_one_that_is_computed() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs/concepts/sizing.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|") and "github.com" in line]
    assert rows == list(table())[2:], "run `python -m tests.sizing_measurements` and paste its table"


def test_every_device_is_an_accelerator_with_a_source() -> None:
    assert set(DEVICES) == set(CATALOG.accelerators)
    for name, row in DEVICES.items():
        assert row.source and re.fullmatch(r"\d{4}-\d\d-\d\d", row.as_of), name
        assert 0.9 * CATALOG.accelerators[name].memory_mib < row.usable_mib < CATALOG.accelerators[name].memory_mib, (
            name
        )
        assert row.bf16_tflops > 0 and row.bandwidth_gbs > 0 and row.pcie_gbs > 0
        assert row.fp8_tflops == 0 or row.fp8_tflops >= row.bf16_tflops
        assert (row.fp8_tflops > 0) == (float(CATALOG.accelerators[name].compute_capability) >= 8.9), name
        for m in row.mig:
            assert m.instances * m.memory_mib <= row.usable_mib * 1.01 and m.compute <= m.of, (name, m.name)


# ---- speed ---------------------------------------------------------------------------------------------------


def machine(
    a: Architecture, layout: Layout | None = None, name: str = "nvidia-h100-80gb", quantization: str = ""
) -> Machine:
    layout = layout or Layout()
    found = fit(Model(a, quantization), gpu(name), layout, Need(8192), Settings(), MEASURES)
    return Machine(found.model, found.gpu, layout, found.settings, 8, 400.0, SHARES)


def test_a_step_of_one_request_reads_the_weights() -> None:
    """Llama 8B on an A100: (8,030,261,248 - 525,336,576 of the embedding) x 2 bytes at 0.72 x 2,039 GB/s, with the
    fixed times: 10.2 ms + 1.5 ms + 32 x 15 us. Published: 80 tokens a second with vLLM on an A100 for models of
    that size (github.com/hao-ai-lab/JacobiForcing/issues/6), which is 12.5 ms."""
    a = CATALOG.models["meta-llama/Llama-3.1-8B-Instruct"].architecture
    step = decode_step(machine(a, name="nvidia-a100-80gb"), 1, 0)
    reading = (8_030_261_248 - 128_256 * 4096) * 2 / (0.72 * 2039e9)
    assert isclose(step.value, reading + 0.0015 + 32 * 15e-6, rel_tol=1e-3)
    assert step.low < 0.0125 < step.high and abs(step.value / 0.0125 - 1) < 0.1


def test_a_prompt_takes_two_operations_a_parameter_and_token() -> None:
    """2,000 tokens of Llama 70B fp8 on two H100: 2 x (34.2e9 numbers of a GPU) x 2,000 at 0.5 x 1,979 TFLOPS are 138
    ms."""
    estimate = prefill(machine(LLAMA, Layout(2), quantization="fp8"), 2000)
    assert 0.138 < estimate.value < 0.138 * 1.35  # attention, all-reduces and fixed times are the rest
    assert estimate.low < estimate.value < estimate.high


def test_more_requests_take_longer_and_a_tensor_split_is_quicker() -> None:
    one, many = (decode_step(machine(LLAMA, Layout(4)), n, 2000).value for n in (1, 64))
    assert one < many < 64 * one
    assert decode_step(machine(LLAMA, Layout(8)), 1, 2000).value < one


def test_experts_are_read_as_they_are_chosen() -> None:
    assert coverage(LLAMA, 5) == 0
    assert coverage(QWEN, 1) == 8 / 128
    assert isclose(coverage(QWEN, 10), 1 - (120 / 128) ** 10)
    alone, busy = (decode_step(machine(QWEN, Layout(8, expert=True)), n, 100).value for n in (1, 64))
    assert busy > 2.5 * alone


def test_littles_law_holds_at_the_fixed_point() -> None:
    m = machine(CATALOG.models["meta-llama/Llama-3.1-8B-Instruct"].architecture)
    traffic = Traffic(4, 1500, 300)
    found = load(m, traffic, 200)
    assert found is not None
    step = decode_step(m, found.requests, 1650).value / (1 - found.prompts)
    stays = prefill(m, 1500).value + 300 * step
    assert isclose(found.requests, 4 * stays, rel_tol=0.01)
    assert isclose(found.prompts, 4 * prefill(m, 1500).value)
    assert found.first_token_p50.value < found.first_token_p95.value
    assert found.between_tokens_p50.value <= found.between_tokens_p95.value


def test_replicas_are_the_fewest_that_keep_up() -> None:
    m = machine(CATALOG.models["meta-llama/Llama-3.1-8B-Instruct"].architecture)
    traffic = Traffic(60, 1500, 300)
    found = replicas(m, traffic, 250)
    assert found.number > 1 and found.load is not None and found.load.prompts < BUSY
    assert load(m, traffic._replace(requests_per_second=60 / (found.number - 1)), 250) is None
    assert f"{found.number - 1} replica" in found.limit
    strict = replicas(m, traffic, 250, first_token_p95=found.load.first_token_p95.value * 0.9)
    assert strict.number > found.number and "time to first token" in strict.limit
    assert replicas(m, traffic, 250, first_token_p95=0.001).number == 0


def test_an_objective_is_missed_only_outside_the_range() -> None:
    estimate = Estimate(0.1, 0.07, 0.14)
    assert [verdict(estimate, x) for x in (0.06, 0.07, 0.1, 0.14)] == ["missed", "uncertain", "uncertain", "met"]


def test_choosing_takes_a_few_milliseconds() -> None:
    """The median of nine; the caches are warm, as they are for a plan's second environment."""
    times = []
    for _ in range(9):
        start = time.perf_counter()
        choose(Model(DEEPSEEK, "fp8-block"), gpu(), Shape(8, 2), Need(32_768, 16), Settings(), MEASURES)
        times.append(time.perf_counter() - start)
    assert sorted(times)[4] < 0.02
