"""The families of models whose `config.json` is understood, and what their configs leave out.

Values: `transformers` 5.23.0, `models/<family>/configuration_<family>.py`, which is what the weights are loaded with.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Family(NamedTuple):
    """What the code of a `model_type` decides, and the values of keys that its configs leave out (0: it must be
    there)."""

    norms: int = 2
    qk_norm: bool | str = False
    """A text is the key that says so."""
    query_bias: bool | str = "attention_bias"
    """Biases of query, key and value; a text is the key that says so."""
    output_bias: bool | str = "attention_bias"
    bias: bool = False
    """The value of those keys where they are absent."""
    tied: bool = False
    kv_heads: int = 0
    """0: as many as heads."""
    head_dim: int = 0
    """0: `hidden_size` over heads."""
    heads: int = 0
    vocab: int = 0
    window: int = 0
    """Of `sliding_window`, where that key is absent."""
    period: int = 0
    """Of every so many layers the last one sees everything; 0: no layer does if there is a window, 1: all do."""
    sinks: bool = False
    latent: bool = False
    first_dense: int = 0
    router_bias: bool = False


_GEMMA2 = Family(norms=4, tied=True, heads=8, kv_heads=4, head_dim=256, vocab=256_000, window=4096, period=2)
_GEMMA3 = _GEMMA2._replace(qk_norm=True, vocab=262_208, period=6)
_GLM4 = Family(norms=4, output_bias=False, bias=True, kv_heads=2, head_dim=128, period=1)
_QWEN3 = Family(qk_norm=True, period=1)
LLAMA = Family(period=1)
_LATENT = Family(latent=True, period=1)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "llama": LLAMA,
        "mistral": Family(query_bias=False, output_bias=False, kv_heads=8, window=4096),
        "mixtral": Family(query_bias=False, output_bias=False, kv_heads=8),
        "qwen2": Family(query_bias=True, output_bias=False, kv_heads=32, period=1),
        "qwen2_moe": Family(query_bias="qkv_bias", output_bias=False, bias=True, kv_heads=16, period=1),
        "qwen3": _QWEN3._replace(kv_heads=32, head_dim=128),
        "qwen3_moe": _QWEN3._replace(kv_heads=4),
        "qwen3_vl_text": _QWEN3._replace(kv_heads=32, head_dim=128),
        "qwen3_vl_moe_text": _QWEN3._replace(kv_heads=16),
        "gemma2": _GEMMA2,
        "gemma3_text": _GEMMA3,
        "phi3": Family(query_bias=False, output_bias=False),
        "deepseek_v2": _LATENT,
        "deepseek_v3": _LATENT._replace(first_dense=3, router_bias=True),
        "kimi_k2": _LATENT._replace(first_dense=3, router_bias=True),
        "gpt_oss": Family(bias=True, kv_heads=8, head_dim=64, window=128, period=2, sinks=True, router_bias=True),
        "glm": _GLM4._replace(norms=2),
        "glm4": _GLM4,
        "glm4_moe": Family(
            qk_norm="use_qk_norm", output_bias=False, kv_heads=8, period=1, first_dense=1, router_bias=True
        ),
        "llama4_text": Family(heads=40, kv_heads=8, head_dim=128, vocab=202_048, period=4),
        "mllama_text_model": Family(query_bias=False, output_bias=False, heads=32, kv_heads=8, vocab=128_256, period=1),
    }
)
"""By `model_type`; of a config with a `text_config`, by that one's."""

ENCODERS = ("bert", "roberta", "xlm-roberta", "camembert")
"""Families of encoders with learned positions, biases everywhere and a pooler."""

WRAPPERS: Mapping[str, str] = {
    "gemma3": "gemma3_text",
    "llama4": "llama4_text",
    "mllama": "mllama_text_model",
    "qwen3_vl": "qwen3_vl_text",
    "qwen3_vl_moe": "qwen3_vl_moe_text",
    "mistral3": "mistral",
}
"""Families with a `text_config`, and the family of the text where it does not say."""
