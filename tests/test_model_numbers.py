"""`models.X.architecture`: configs and explicit numbers give one architecture; what they lack is said, not guessed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.catalog.architecture import Architecture
from specs.catalog.parameters import parameters
from specs.catalog.reader import load_edition
from specs.diagnostics import Diagnostic
from specs.load import Case, load
from specs.model_config import ConfigError, from_config
from specs.model_numbers import ModelNumbers, architecture_of, numbers_of
from stacks.compile import compile_spec
from tests.architectures import DENSE, MIXED, as_config, as_keys, decoders, encoders
from tests.memory_files import MemoryFiles

EDITION = load_edition("2026-11")
LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}
PLAIN = LLAMA | {"model_type": "brand-new", "tie_word_embeddings": False, "hidden_act": "silu"}


def case_of(model: dict[str, Any]) -> Case:
    """The one case of a spec with this model."""
    spec = {
        "apiVersion": "llmform/v1",
        "name": "hello",
        "models": {"chat": {"source": "hf://acme/own@" + "a" * 40} | model},
        "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": 2}},
        "serving": {"chat": {"model": "chat", "pool": "l40s"}},
        "targets": {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}},
    }
    loaded = load(json.dumps(spec).encode(), "spec.json")
    assert loaded.cases, loaded.diagnostics
    return loaded.cases[0]


def read(
    architecture: dict[str, Any] | None = None, config: Any = None, **model: Any
) -> tuple[ModelNumbers | None, tuple[Diagnostic, ...]]:
    """What is known of a model that says this of itself, with this `config.json` beside the spec."""
    files = MemoryFiles({"config.json": json.dumps(config, indent=1).encode()} if config is not None else {})
    more = {"architecture": architecture} if architecture is not None else {}
    return numbers_of(case_of(more | model), "chat", EDITION, files, "spec.json")


# ---- properties ------------------------------------------------------------------------------------------


@given(decoders() | encoders())
def test_the_config_of_an_architecture_gives_it_back(a: Architecture) -> None:
    """Written by hand from each family's keys, in tests/architectures.py."""
    assert from_config(as_config(a)) == a


@pytest.mark.parametrize("name", [n for n in EDITION.models if EDITION.models[n].architecture.vision is None])
def test_the_config_form_of_a_row_gives_its_architecture(name: str) -> None:
    """Rows with a vision tower have their published configs in tests/model_configs.json."""
    a = EDITION.models[name].architecture
    config = as_config(a)
    said = from_config(config)
    if a.no_head:  # Qwen3-Embedding-8B: only the files show that the head is missing
        assert said == a._replace(no_head=False)
        said = from_config(config | {"architectures": ["Qwen3Model"]})
    assert said == a


@given(decoders() | encoders())
def test_numbers_in_a_spec_give_the_same_architecture(a: Architecture) -> None:
    numbers, found = read(as_keys(a))
    assert found == ()
    assert numbers is not None and numbers.architecture == a
    assert numbers.weight_bytes == 2 * parameters(a)


@given(decoders(DENSE + MIXED), st.data())
def test_a_number_that_is_left_out_is_an_error_or_the_familys_own_value(a: Architecture, data: st.DataObject) -> None:
    """Never a guess: without one of its keys a config means the same, or what `transformers` says, or nothing."""
    config = as_config(a)
    gone = data.draw(st.sampled_from(("hidden_size", "num_hidden_layers", "intermediate_size", "model_type")))
    del config[gone]
    with pytest.raises(ConfigError, match=gone):
        from_config(config)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3)))
def test_no_value_of_a_config_is_a_crash(value: Any) -> None:
    for key in LLAMA:
        try:
            from_config(LLAMA | {key: value})
        except ConfigError as error:
            assert error.message


# ---- files and diagnostics --------------------------------------------------------------------------------


def test_a_config_beside_the_spec_is_read_as_it_is() -> None:
    """The published form: floats with exponents, nulls, nested maps, lists of tokens."""
    config = LLAMA | {
        "architectures": ["LlamaForCausalLM"],
        "eos_token_id": [128001, 128008],
        "rms_norm_eps": 1e-05,
        "rope_scaling": {"factor": 8.0, "rope_type": "llama3", "original_max_position_embeddings": 8192},
        "max_position_embeddings": 131072,
        "pretraining_tp": 1,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "sliding_window": None,
    }
    numbers, found = read({"config": "config.json"}, config)
    assert found == ()
    row = EDITION.models["meta-llama/Llama-3.1-8B-Instruct"]
    assert numbers is not None
    assert numbers.architecture == row.architecture
    assert (numbers.dtype, numbers.native_context, numbers.weight_bytes) == ("bfloat16", 131072, row.weight_bytes)


def test_the_catalog_answers_where_the_spec_says_nothing() -> None:
    case = case_of({"source": "hf://Qwen/Qwen2.5-7B-Instruct@" + "a" * 40})
    architecture, found = architecture_of(case, "chat", EDITION, MemoryFiles())
    assert (architecture, found) == (EDITION.models["Qwen/Qwen2.5-7B-Instruct"].architecture, ())


def test_the_spec_goes_before_the_catalog() -> None:
    a = EDITION.models["BAAI/bge-m3"].architecture
    case = case_of({"source": "hf://Qwen/Qwen2.5-7B-Instruct@" + "a" * 40, "architecture": as_keys(a)})
    assert architecture_of(case, "chat", EDITION, MemoryFiles())[0] == a


def test_a_size_alone_leaves_the_architecture_open() -> None:
    assert read(size="15Gi") == (None, ())


def test_the_size_of_a_model_follows_from_its_architecture() -> None:
    """8,030,261,248 parameters (Llama 3.1 8B) of 2 and of 4 bytes."""
    for dtype, size in (("bfloat16", 16_060_522_496), ("float32", 32_121_044_992)):
        numbers, found = read({"config": "config.json", "dtype": dtype}, LLAMA)
        assert found == ()
        assert numbers is not None and numbers.weight_bytes == size


def test_the_size_reaches_the_plan() -> None:
    spec = case_of({"architecture": {"config": "config.json", "dtype": "bfloat16"}})
    assert spec.spec.models["chat"].size is None
    text = json.dumps(
        {
            "apiVersion": "llmform/v1",
            "name": "hello",
            "models": {
                "chat": {
                    "source": "hf://acme/own@" + "a" * 40,
                    "architecture": {"config": "c.json", "dtype": "bfloat16"},
                }
            },
            "targets": {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}},
        }
    ).encode()
    compiled = compile_spec(text, "spec.json", MemoryFiles({"c.json": json.dumps(LLAMA).encode()}))
    assert compiled.compilation is not None, compiled.diagnostics
    [value] = {
        s.values["models.chat.size"].value for s in compiled.compilation.stacks if "models.chat.size" in s.values
    }
    assert value == 16_060_522_496


def test_yarn_in_a_config_stretches_the_context() -> None:
    """Qwen2.5's card: factor 4 over 32,768 positions gives 131,072."""
    scaling = {"factor": 4.0, "original_max_position_embeddings": 32768, "type": "yarn"}
    numbers, _ = read(
        {"config": "config.json"},
        LLAMA | {"torch_dtype": "float16", "max_position_embeddings": 32768, "rope_scaling": scaling},
    )
    assert numbers is not None and numbers.native_context == 131072


@pytest.mark.parametrize(
    ("config", "line", "part"),
    [
        ({}, 1, "no `model_type`"),
        (LLAMA | {"num_key_value_heads": 7}, 1, "32 heads cannot share 7"),
        (LLAMA | {"num_attention_heads": 3}, 6, "do not divide"),
        (LLAMA | {"vocab_size": "128256"}, 8, "`vocab_size` must be a whole number"),
        (LLAMA | {"vocab_size": True}, 8, "`vocab_size` must be a whole number"),
        (LLAMA | {"tie_word_embeddings": 1}, 9, "must be `true` or `false`"),
        (
            LLAMA | {"layer_types": ["linear_attention"], "sliding_window": 4},
            9,
            "`linear_attention` are not understood",
        ),
        (LLAMA | {"vision_config": {"hidden_size": 8}}, 9, "vision tower of a `llama` is not known"),
        ({"model_type": "gemma3", "vision_config": {}}, 1, "no `text_config`"),
        ({"model_type": "bert"} | {k: v for k, v in LLAMA.items() if k != "model_type"}, 1, "not as `nothing`"),
        (PLAIN | {"num_experts": 8}, 11, "`num_experts` says that it is no plain decoder"),
        (PLAIN | {"hidden_act": "relu"}, 1, "of two or of three matrices"),
        ({k: v for k, v in PLAIN.items() if k != "tie_word_embeddings"}, 1, "does not say `tie_word_embeddings`"),
    ],
)
def test_a_config_that_says_too_little_is_one_error_at_its_place(config: Any, line: int, part: str) -> None:
    numbers, found = read({"config": "config.json"}, config)
    assert numbers is None
    [error] = found
    assert (error.code, error.span.file) == ("bad-config", "config.json")
    assert part in error.message
    assert error.span.line == line
    assert error.help


def test_a_plain_decoder_of_an_unknown_family_is_read() -> None:
    numbers, found = read({"config": "config.json"}, PLAIN | {"torch_dtype": "bfloat16"})
    assert found == ()
    assert numbers is not None
    assert numbers.architecture == from_config(LLAMA)._replace(family="brand-new")


def test_an_embedder_without_head_and_a_classifier_are_told_by_their_class() -> None:
    whole = from_config(LLAMA)
    bare = from_config(LLAMA | {"architectures": ["LlamaModel"]})
    labels = {"0": "no", "1": "yes"}
    two = from_config(LLAMA | {"architectures": ["LlamaForSequenceClassification"], "id2label": labels})
    assert parameters(whole) - parameters(bare) == 128256 * 4096
    assert parameters(two) - parameters(bare) == 2 * 4096
