"""Random architectures, and the forms that a spec may write one in: a Hugging Face config, or the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from pydantic.alias_generators import to_camel

from specs.catalog.architecture import Architecture, Experts, LatentAttention

NORMS = {"gemma2": 4, "gemma3_text": 4, "glm4": 4}
TIED = {"gemma2", "gemma3_text"}
EVERY = {"gemma2": 2, "gemma3_text": 6, "gpt_oss": 2}
"""Of so many layers the last one has no window."""
DENSE = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text", "phi3", "glm", "glm4")
MIXED = ("mixtral", "qwen2_moe", "qwen3_moe", "gpt_oss", "deepseek_v2", "deepseek_v3", "glm4_moe")
ENCODERS = ("bert", "roberta", "xlm-roberta")


@st.composite
def decoders(draw: st.DrawFn, families: tuple[str, ...] = DENSE + MIXED) -> Architecture:
    """A decoder as the code of its family builds it; what the family's config can say is drawn."""
    family = draw(st.sampled_from(families))
    layers, kv_heads, head_dim = draw(st.integers(1, 24)), draw(st.integers(1, 4)), draw(st.sampled_from((32, 64)))
    heads = kv_heads * draw(st.integers(1, 4))
    hidden, intermediate = heads * draw(st.sampled_from((32, 96))), draw(st.integers(16, 512))
    window, full = 0, 0
    if family in (*EVERY, "mistral", "phi3") and (family in EVERY or draw(st.booleans())):
        full = layers // EVERY[family] if family in EVERY else 0
        window = draw(st.integers(16, 512)) if full < layers else 0
        full = full if window else 0
    biased = family in ("qwen2", "qwen2_moe") or (
        family not in ("mistral", "mixtral", "phi3", "deepseek_v2", "deepseek_v3") and draw(st.booleans())
    )
    everywhere = family in ("llama", "qwen3", "qwen3_moe", "gemma2", "gemma3_text", "gpt_oss")
    latent = None
    if family.startswith("deepseek"):
        latent = LatentAttention(draw(st.sampled_from((0, 24))), 16, head_dim, 8, head_dim)
        kv_heads = heads
    return Architecture(
        family=family,
        layers=layers,
        hidden=hidden,
        intermediate=intermediate,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        vocab=draw(st.integers(64, 4096)),
        tied_embeddings=draw(st.booleans()),
        attention_bias=biased,
        output_bias=biased and everywhere,
        mlp_bias=family == "llama" and draw(st.booleans()),
        qk_norm=family in ("qwen3", "qwen3_moe", "gemma3_text") or (family == "glm4_moe" and draw(st.booleans())),
        norms=NORMS.get(family, 2),
        window=window,
        full_layers=full,
        latent=latent,
        experts=draw(_experts(family, layers, intermediate)) if family in MIXED else None,
        sinks=family == "gpt_oss",
        next_token_layers=draw(st.integers(0, 1)) if family in ("deepseek_v3", "glm4_moe") else 0,
    )


@st.composite
def _experts(draw: st.DrawFn, family: str, layers: int, intermediate: int) -> Experts:
    total = draw(st.integers(1, 16))
    active, size = draw(st.integers(1, total)), draw(st.integers(8, 64))
    first = draw(st.integers(0, layers - 1))
    match family:
        case "mixtral" | "gpt_oss":
            own = family == "gpt_oss"
            return Experts(total, active, intermediate, layers, router_bias=own, expert_bias=own)
        case "qwen3_moe" | "qwen2_moe":
            step = draw(st.integers(1, min(3, layers)))
            own = family == "qwen2_moe"
            return Experts(total, active, size, layers // step, size * 4 if own else 0, shared_gate=own)
        case _:
            shared = size * draw(st.integers(0, 2))
            return Experts(total, active, size, layers - first, shared, router_bias=family != "deepseek_v2")


@st.composite
def encoders(draw: st.DrawFn) -> Architecture:
    """An embedder or a reranker of the bert families."""
    heads, head_dim = draw(st.integers(1, 8)), draw(st.sampled_from((32, 64)))
    family, rotary = draw(st.sampled_from(ENCODERS)), draw(st.booleans())
    return Architecture(
        family=family,
        layers=draw(st.integers(1, 24)),
        hidden=heads * head_dim,
        intermediate=draw(st.integers(16, 512)),
        heads=heads,
        kv_heads=heads,
        head_dim=head_dim,
        vocab=draw(st.integers(64, 4096)),
        positions=0 if rotary else draw(st.integers(16, 1024)),
        attention_bias=True,
        output_bias=True,
        mlp_bias=True,
        gated_mlp=False,
        token_types=draw(st.integers(1, 2)),
        norm_bias=True,
        encoder=True,
        pooler=True,
        labels=draw(st.integers(0, 3)),
        adapter_ranks=draw(st.sampled_from((0, 20))),
    )


def as_config(a: Architecture) -> dict[str, Any]:
    """The keys of a `config.json` that say this architecture, every one of them written out."""
    config: dict[str, Any] = {
        "model_type": a.family,
        "hidden_size": a.hidden,
        "intermediate_size": a.intermediate,
        "num_hidden_layers": a.layers,
        "num_attention_heads": a.heads,
        "vocab_size": a.vocab,
    }
    if a.encoder:
        name = "ForSequenceClassification" if a.labels else "Model"
        config |= {"architectures": [f"Any{name}"], "type_vocab_size": a.token_types, "pad_token_id": 1}
        config |= {"position_embedding_type": "absolute" if a.positions else "rotary"}
        config |= {"max_position_embeddings": a.positions or 8194}
        config |= {"id2label": {str(n): f"LABEL_{n}" for n in range(a.labels)}} if a.labels else {}
        return config | (
            {"lora_rank": 4, "lora_adaptations": ["a"] * (a.adapter_ranks // 4)} if a.adapter_ranks else {}
        )
    config |= {"architectures": ["AnyForCausalLM"], "max_position_embeddings": 32768}
    config |= {"num_key_value_heads": a.kv_heads, "head_dim": a.head_dim, "tie_word_embeddings": a.tied_embeddings}
    config |= {"attention_bias": a.attention_bias, "mlp_bias": a.mlp_bias, "sliding_window": a.window or None}
    config |= {"use_qk_norm": a.qk_norm, "num_nextn_predict_layers": a.next_token_layers, "use_sliding_window": False}
    if a.latent is not None:
        config |= {"q_lora_rank": a.latent.q_rank or None, "kv_lora_rank": a.latent.kv_rank}
        config |= {"qk_nope_head_dim": a.latent.nope_head_dim, "qk_rope_head_dim": a.latent.rope_head_dim}
        config |= {"v_head_dim": a.latent.value_head_dim}
    return config | (_of_experts(a, a.experts) if a.experts else {})


def _of_experts(a: Architecture, e: Experts) -> dict[str, Any]:
    if a.family in ("mixtral", "gpt_oss"):
        return {"num_local_experts": e.total, "num_experts_per_tok": e.active}
    if a.family in ("qwen2_moe", "qwen3_moe"):
        dense = list(range(e.layers, a.layers))
        shared = {"shared_expert_intermediate_size": e.shared_intermediate} if e.shared_intermediate else {}
        return shared | {
            "num_experts": e.total,
            "num_experts_per_tok": e.active,
            "moe_intermediate_size": e.intermediate,
            "mlp_only_layers": dense,
            "decoder_sparse_step": 1,
        }
    return {
        "n_routed_experts": e.total,
        "num_experts_per_tok": e.active,
        "moe_intermediate_size": e.intermediate,
        "n_shared_experts": e.shared_intermediate // e.intermediate,
        "first_k_dense_replace": a.layers - e.layers,
        "moe_layer_freq": 1,
    }


def as_keys(a: Architecture) -> dict[str, Any]:
    """The explicit map of a spec: the catalog's fields in camelCase, those with their default left out."""
    return _changed(a._asdict(), Architecture._field_defaults)


def _changed(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    found = {to_camel(k): v for k, v in values.items() if k not in defaults or v != defaults[k]}
    return {k: _changed(v._asdict(), v._field_defaults) if hasattr(v, "_asdict") else v for k, v in found.items()}
