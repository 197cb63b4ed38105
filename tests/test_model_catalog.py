"""The model catalog: every row's parameters, computed from its architecture, are the published ones.

A published count is that of the hub (the total of the safetensors files' headers) or of the model card; where it is
written with fewer digits, half a unit of the last one is allowed, which is what rounding leaves open.
"""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from specs.catalog.architecture import Architecture, Experts, LatentAttention
from specs.catalog.parameters import (
    active_parameters,
    attention_parameters,
    expert_parameters,
    next_token_parameters,
    parameters,
    terms,
)
from specs.catalog.reader import EDITIONS, ModelRow, load_edition
from specs.model_config import from_config, inconsistency

EDITION = load_edition("2026-11")
ROWS = tuple(EDITION.models.values())
CONFIGS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("model_configs.json").read_text())["configs"]
BYTES = {
    "bfloat16": Fraction(2),
    "float16": Fraction(2),
    "float32": Fraction(4),
    "float8_e4m3": Fraction(1),
    # OCP Microscaling Formats 1.0, 5.2: 32 elements of 4 bits share a scale of 8 bits
    "mxfp4": Fraction(32 * 4 + 8, 32 * 8),
}


def by_name(row: ModelRow) -> str:
    return row.name


def published(text: str) -> tuple[Decimal, Decimal]:
    """The count that a text such as `7.62B` states, and half a unit of its last digit."""
    unit = {"B": Decimal(10) ** 9, "M": Decimal(10) ** 6}.get(text[-1], Decimal(1))
    number = Decimal(text.rstrip("BM"))
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    exact = unit == 1
    return number * unit, Decimal(0) if exact else unit * Decimal(10) ** exponent / 2


def quantization_scales(a: Architecture) -> int:
    """Scales of DeepSeek's fp8 files: one for each block of 128 x 128 of every matrix but embedding, head, router and
    the matrix that joins the inputs of the next-token module (config.json, `weight_block_size`)."""
    m, e = a.latent, a.experts
    assert m is not None and e is not None

    def blocks(rows: int, columns: int) -> int:
        return -(-rows // 128) * -(-columns // 128)

    attention = (
        blocks(m.q_rank, a.hidden)
        + blocks(a.heads * (m.nope_head_dim + m.rope_head_dim), m.q_rank)
        + blocks(m.kv_rank + m.rope_head_dim, a.hidden)
        + blocks(a.heads * (m.nope_head_dim + m.value_head_dim), m.kv_rank)
        + blocks(a.hidden, a.heads * m.value_head_dim)
    )
    mixed = e.layers + a.next_token_layers
    mlp = (a.layers - e.layers) * 3 * blocks(a.intermediate, a.hidden)
    experts = mixed * (e.total * 3 * blocks(e.intermediate, a.hidden) + 3 * blocks(e.shared_intermediate, a.hidden))
    return (a.layers + a.next_token_layers) * attention + mlp + experts


def elements_in_files(row: ModelRow) -> int:
    """The model, the head that is stored beside an embedding it is tied to, modules for further tokens, scales."""
    a = row.architecture
    twice = a.vocab * a.hidden if a.tied_embeddings else 0
    scales = quantization_scales(a) if row.quantization == "fp8" else 0
    return parameters(a) + twice + next_token_parameters(a) + scales


# ---- the proof ---------------------------------------------------------------------------------------


def test_there_are_the_models_that_people_serve() -> None:
    assert len(ROWS) >= 40
    families = {row.architecture.family for row in ROWS}
    assert families >= {
        "llama", "llama4", "mllama", "qwen2", "qwen3", "qwen3_moe", "qwen3_vl", "mistral", "mistral3", "mixtral",
        "gemma2", "gemma3", "gemma3_text", "phi3", "deepseek_v3", "gpt_oss", "glm4", "glm4_moe", "bert", "xlm-roberta",
    }  # fmt: skip
    assert {row.task for row in ROWS} == {"generate", "embed", "rerank"}


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_the_parameters_are_the_published_ones(row: ModelRow) -> None:
    assert row.parameters == parameters(row.architecture)
    count, allowed = published(row.published)
    mine = parameters(row.architecture) if row.counts == "model" else elements_in_files(row)
    assert abs(mine - count) <= allowed, (mine, row.published)


def test_most_counts_are_exact() -> None:
    """A count of nine or more digits cannot agree by accident: layers, widths, heads and vocabulary are all in it."""
    exact = [row for row in ROWS if row.published.isdigit()]
    assert len(exact) >= 50
    assert all(int(row.published) > 10**8 for row in exact)


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_the_terms_add_up_and_are_parts_that_the_model_has(row: ModelRow) -> None:
    found = terms(row.architecture)
    assert sum(term.parameters for term in found) == row.parameters
    names = [term.name for term in found]
    assert len(names) == len(set(names))
    assert ("experts" in names) == (row.architecture.experts is not None)
    assert ("vision" in names) == (row.architecture.vision is not None)


@pytest.mark.parametrize("row", [r for r in ROWS if not r.files], ids=by_name)
def test_weights_are_elements_times_the_size_of_their_type(row: ModelRow) -> None:
    stored = row.stored or {row.dtype: row.parameters}
    assert row.weight_bytes == sum(BYTES[dtype] * elements for dtype, elements in stored.items())
    mine = elements_in_files(row) if row.counts == "files" else row.parameters
    assert sum(stored.values()) == mine


def test_what_is_quantized_are_the_matrices_of_the_experts() -> None:
    """gpt-oss: 24 layers x 32 experts x three matrices of 2,880 x 2,880 (its card: MXFP4 on the MoE weights)."""
    row = EDITION.models["openai/gpt-oss-20b"]
    assert row.stored["mxfp4"] == 24 * 32 * 3 * 2880 * 2880
    assert row.weight_bytes == 13_761_264_768  # `total_size` of model.safetensors.index.json


def test_what_deepseek_keeps_in_float32_are_scales_and_the_biases_of_routers() -> None:
    row = EDITION.models["deepseek-ai/DeepSeek-V3"]
    a = row.architecture
    assert a.experts is not None
    biases = (a.experts.layers + a.next_token_layers) * a.experts.total
    assert row.stored["float32"] == quantization_scales(a) + biases == 41_555_600


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        # model cards; llama4's and gpt-oss's leave the embedding out
        ("Qwen/Qwen3-30B-A3B", "3.3"),
        ("Qwen/Qwen3-235B-A22B", "22"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "12.9"),
        ("mistralai/Mixtral-8x22B-Instruct-v0.1", "39"),
    ],
)
def test_active_parameters_are_the_published_ones(name: str, billions: str) -> None:
    active = active_parameters(EDITION.models[name].architecture)
    unit = Decimal(1).scaleb(-len(billions.partition(".")[2]))
    assert abs(Decimal(active) / 10**9 - Decimal(billions)) <= unit, active


def test_active_parameters_of_gpt_oss_without_its_embedding() -> None:
    """The card's table: 3.61 and 5.13 billion."""
    for name, billions in (("openai/gpt-oss-20b", "3.61"), ("openai/gpt-oss-120b", "5.13")):
        a = EDITION.models[name].architecture
        assert round(Decimal(active_parameters(a) - a.vocab * a.hidden) / 10**9, 2) == Decimal(billions)


def test_formulas_by_hand() -> None:
    """A tiny model, counted on paper: 10 words, 8 wide, 2 heads of 4 that share one key and value head."""
    a = Architecture("tiny", 2, 8, 16, 2, 1, 4, 10)
    attention = 8 * 8 + 8 * 4 + 8 * 4 + 8 * 8
    assert attention_parameters(a) == attention == 192
    assert parameters(a) == 10 * 8 + 2 * (192 + 3 * 8 * 16 + 2 * 8) + 8 + 10 * 8 == 1352
    assert parameters(a._replace(tied_embeddings=True)) == 1352 - 80
    assert attention_parameters(a._replace(attention_bias=True)) == 192 + 8 + 4 + 4
    assert attention_parameters(a._replace(output_bias=True)) == 192 + 8
    assert attention_parameters(a._replace(qk_norm=True)) == 192 + 4 + 4
    assert parameters(a._replace(gated_mlp=False)) == 1352 - 2 * 8 * 16
    mixed = a._replace(experts=Experts(total=4, active=2, intermediate=3, layers=1, shared_intermediate=5))
    one = 3 * 8 * 3
    assert expert_parameters(mixed, mixed.experts or Experts(0, 0, 0, 0)) == one
    assert parameters(mixed) == 1352 - 3 * 8 * 16 + 4 * one + 8 * 4 + 3 * 8 * 5
    assert active_parameters(mixed) == parameters(mixed) - 2 * one
    latent = a._replace(latent=LatentAttention(q_rank=3, kv_rank=2, nope_head_dim=4, rope_head_dim=2, value_head_dim=5))
    down, up, out = 8 * 3 + 3 + 8 * (2 + 2) + 2, 3 * 2 * 6 + 2 * 2 * (4 + 5), 2 * 5 * 8
    assert attention_parameters(latent) == down + up + out


# ---- facts of the rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_a_row_is_consistent(row: ModelRow) -> None:
    a = row.architecture
    assert inconsistency(a) == ""
    assert row.license in EDITION.licenses
    assert row.published and row.published_source and row.source
    assert row.verified or row.note
    assert row.counts in ("model", "files")
    assert (row.extended_context > row.native_context) == bool(row.extension)
    assert not row.files or (row.weight_bytes == 0 and all(name.endswith(".gguf") for name in row.files))
    assert a.window == 0 or 0 <= a.full_layers < a.layers
    if a.positions:  # bert reads as many positions as its table has; roberta's counts from the padding's place on
        assert row.native_context == a.positions - (2 if a.family == "xlm-roberta" else 0)


def test_the_gated_models_are_metas_and_googles() -> None:
    gated = {row.name for row in ROWS if row.gated}
    assert gated == {row.name for row in ROWS if row.name.startswith(("meta-llama/", "google/"))}


def test_licences_have_the_limits_that_their_texts_have() -> None:
    limited = {name: (row.commercial, row.users) for name, row in EDITION.licenses.items() if row.limit}
    assert limited == {
        "llama3.1": (True, 700_000_000),
        "llama3.2": (True, 700_000_000),
        "llama3.3": (True, 700_000_000),
        "llama4": (True, 700_000_000),
        "qwen": (True, 100_000_000),
        "qwen-research": (False, 0),
        "cc-by-nc-4.0": (False, 0),
    }
    assert EDITION.models["jinaai/jina-embeddings-v3"].license == "cc-by-nc-4.0"
    assert set(EDITION.licenses) == {row.license for row in ROWS}


@pytest.mark.parametrize(
    ("name", "window", "full"),
    [
        # cards and configs: gemma 2 alternates, gemma 3 has one global layer in six, gpt-oss alternates,
        # every fourth layer of Llama 4 has no rotary positions and sees everything
        ("google/gemma-2-9b-it", 4096, 21),
        ("google/gemma-3-27b-it", 1024, 10),
        ("google/gemma-3-1b-it", 512, 4),
        ("openai/gpt-oss-20b", 128, 12),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", 8192, 12),
        ("Qwen/Qwen2.5-7B-Instruct", 0, 0),
    ],
)
def test_windows(name: str, window: int, full: int) -> None:
    a = EDITION.models[name].architecture
    assert (a.window, a.full_layers) == (window, full)


def test_rows_are_built_once_and_cannot_be_changed() -> None:
    models = EDITION.models
    assert models["BAAI/bge-m3"] is models["BAAI/bge-m3"]
    assert "acme/own" not in models and models.get("acme/own") is None
    with pytest.raises(TypeError):
        models["BAAI/bge-m3"] = ROWS[0]  # type: ignore[index]
    assert all(len(load_edition(name).models) == len(set(load_edition(name).models)) for name in EDITIONS)


# ---- configs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
def test_a_published_config_gives_the_architecture_of_its_row(name: str) -> None:
    assert from_config(CONFIGS[name]) == EDITION.models[name].architecture
