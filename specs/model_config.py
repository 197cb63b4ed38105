"""A Hugging Face `config.json` as an `Architecture`: `from_config`.

What a family's config leaves out has the value that `transformers` gives it (release 5.23.0, `configuration_*.py`),
because that is what the weights were saved with. A family that is not in `FAMILIES` is read only where its config
says everything and nothing points at a part that is not understood; never is a number guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specs.catalog.architecture import Architecture, Experts, LatentAttention, Vision
from specs.model_families import ENCODERS, FAMILIES, LLAMA, WRAPPERS, Family
from specs.vision_towers import TOWERS


class ConfigError(Exception):
    """What a config lacks or says wrongly: the keys down to the place, a message, and what helps."""

    def __init__(self, path: tuple[str, ...], message: str, help: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.help = help


_COMMON = (
    "hidden_size",
    "num_hidden_layers",
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
    "tie_word_embeddings",
)
_NOT_UNDERSTOOD: tuple[str, ...] = (
    "expert",
    "moe",
    "lora",
    "ssm",
    "mamba",
    "conv",
    "linear_",
    "sliding",
    "chunk",
    "vision",
    "audio",
)
_NOT_UNDERSTOOD += ("text_config", "latent", "recurrent", "rwkv", "index", "encoder", "layers_block", "hybrid")
_WAY_OUT = "write the numbers: `architecture: {family: …, layers: …, …}`; or `size` alone, and no fit is computed"


@dataclass(frozen=True, slots=True)
class _Reader:
    """One map of a config, and where it stands. A key with `null` is absent."""

    values: Mapping[str, Any]
    path: tuple[str, ...] = ()

    def get(self, key: str) -> Any:
        return self.values.get(key)

    def number(self, key: str, default: int | None = None) -> int:
        value = self.values.get(key)
        if value is None:
            if default:
                return default
            raise ConfigError(self.path, f"the config has no `{key}`", "take the model's whole `config.json`")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**40:
            raise ConfigError((*self.path, key), f"`{key}` must be a whole number above 0", _WAY_OUT)
        return value

    def optional(self, key: str) -> int:
        """Return the number, or 0 where the key is absent or 0."""
        return 0 if self.values.get(key) in (None, 0) else self.number(key)

    def flag(self, key: str, default: bool = False) -> bool:
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise ConfigError((*self.path, key), f"`{key}` must be `true` or `false`", _WAY_OUT)
        return value

    def text(self, key: str) -> str:
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def entries(self, key: str) -> Sequence[Any]:
        value = self.values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise ConfigError((*self.path, key), f"`{key}` must be a list", _WAY_OUT)
        return value

    def count(self, key: str, default: int) -> int:
        return len(self.entries(key)) or default

    def below(self, key: str) -> _Reader | None:
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise ConfigError((*self.path, key), f"`{key}` must be a map", _WAY_OUT)
        return _Reader(value, (*self.path, key))


def from_config(config: Mapping[str, Any]) -> Architecture:
    """Return the architecture that a `config.json` describes. Raises ConfigError, which says what is missing."""
    whole = _Reader(config)
    family = whole.text("model_type")
    if not family:
        raise ConfigError((), "the config has no `model_type`", "take the model's whole `config.json`")
    if family in ENCODERS:
        return _checked(_encoder(whole, family), whole)
    text = whole.below("text_config") if family in WRAPPERS else whole
    if text is None:
        raise ConfigError(
            (), f"the config of a `{family}` has no `text_config`", "take the model's whole `config.json`"
        )
    own = text.text("model_type") or WRAPPERS.get(family, "")
    own = WRAPPERS.get(own, own)  # mllama's text calls itself mllama
    rules = FAMILIES.get(own)
    if rules is None:
        return _checked(_unknown(whole, family), whole)
    decoder = _decoder(text, rules, own)._replace(family=family)
    if family in WRAPPERS:
        tied = whole.flag("tie_word_embeddings", decoder.tied_embeddings)
        decoder = decoder._replace(tied_embeddings=text.flag("tie_word_embeddings", tied))
    tower = whole.below("vision_config")
    if tower is not None:
        if family not in TOWERS:
            raise ConfigError(
                tower.path,
                f"the vision tower of a `{family}` is not known",
                f"{_WAY_OUT}, with `vision: {{parameters: …}}`",
            )
        decoder = decoder._replace(vision=Vision(TOWERS[family](tower, decoder.hidden)))
    return _checked(decoder._replace(**_head(whole)), text)


def _decoder(c: _Reader, f: Family, family: str) -> Architecture:
    hidden, heads = c.number("hidden_size"), c.number("num_attention_heads", f.heads)
    layers = c.number("num_hidden_layers")
    latent = _latent(c) if f.latent else None
    window, full = _window(c, f, layers, family)
    experts = _experts(c, f, layers, family)
    dense = "intermediate_size_mlp" if family == "llama4_text" else "intermediate_size"
    cross = len(c.entries("cross_attention_layers")) if family == "mllama_text_model" else 0
    if family == "mllama_text_model" and c.get("cross_attention_layers") is None:
        cross = 8  # transformers: layers 3, 8, 13, … 38
    # latent attention has its own widths; what stands under `head_dim` there is not one of them
    width = latent.value_head_dim if latent else _head_dim(c, f, hidden, heads)
    return Architecture(
        family=family,
        layers=layers,
        hidden=hidden,
        intermediate=c.number(dense, 16_384 if family == "llama4_text" else None),
        heads=heads,
        kv_heads=heads if latent else c.number("num_key_value_heads", f.kv_heads or heads),
        head_dim=width,
        vocab=c.number("vocab_size", f.vocab),
        tied_embeddings=c.flag("tie_word_embeddings", f.tied),
        attention_bias=_said(c, f.query_bias, f.bias),
        output_bias=_said(c, f.output_bias, f.bias),
        mlp_bias=c.flag("mlp_bias") if family in ("llama", "deepseek_v2") else False,
        qk_norm=_said(c, f.qk_norm, False),
        norms=f.norms,
        window=window,
        full_layers=full,
        latent=latent,
        experts=experts if experts and experts.layers else None,
        added_embeddings=8 if family == "mllama_text_model" else 0,
        sinks=f.sinks,
        cross_layers=cross,
        next_token_layers=c.optional("num_nextn_predict_layers"),
    )


def _said(c: _Reader, rule: bool | str, default: bool) -> bool:
    return c.flag(rule, default) if isinstance(rule, str) else rule


def _head_dim(c: _Reader, f: Family, hidden: int, heads: int) -> int:
    return c.number("head_dim") if c.get("head_dim") else f.head_dim or _whole(hidden, heads, c)


def _whole(hidden: int, heads: int, c: _Reader) -> int:
    if hidden % heads:
        raise ConfigError(
            (*c.path, "num_attention_heads"), f"{heads} heads do not divide `hidden_size` {hidden:,}", "add `head_dim`"
        )
    return hidden // heads


def _latent(c: _Reader) -> LatentAttention:
    return LatentAttention(
        q_rank=c.optional("q_lora_rank"),
        kv_rank=c.number("kv_lora_rank"),
        nope_head_dim=c.number("qk_nope_head_dim"),
        rope_head_dim=c.number("qk_rope_head_dim"),
        value_head_dim=c.number("v_head_dim"),
    )


def _window(c: _Reader, f: Family, layers: int, family: str) -> tuple[int, int]:
    """Return the window and the number of layers that see the whole context; (0, 0) where no layer has a window."""
    kinds = c.entries("layer_types")
    known = {"full_attention", "sliding_attention", "chunked_attention"}
    if not known.issuperset(str(k) for k in kinds):
        other = next(str(k) for k in kinds if str(k) not in known)
        raise ConfigError((*c.path, "layer_types"), f"layers of the kind `{other[:80]}` are not understood", _WAY_OUT)
    if family.startswith("qwen") and not c.flag("use_sliding_window"):
        return 0, 0
    key = "attention_chunk_size" if family == "llama4_text" else "sliding_window"
    default = 8192 if family == "llama4_text" else f.window
    window = c.optional(key) if key in c.values else default
    if not window or window >= c.number("max_position_embeddings", 2**40 - 1):
        return 0, 0
    if kinds:
        full = sum(k == "full_attention" for k in kinds)
    elif family.startswith("qwen"):
        full = min(layers, c.number("max_window_layers", 28))
    elif family == "llama4_text" and c.entries("no_rope_layers"):
        full = sum(not rope for rope in c.entries("no_rope_layers"))
    elif f.period == 1:
        return 0, 0  # a window that the family's code does not use
    else:
        period = c.number("sliding_window_pattern", f.period) if family == "gemma3_text" else f.period
        full = layers // period if period else 0
    return (window, full) if full < layers else (0, 0)


def _experts(c: _Reader, f: Family, layers: int, family: str) -> Experts | None:
    match family:
        case "mixtral" | "gpt_oss":
            active = "num_experts_per_tok" if "num_experts_per_tok" in c.values else "experts_per_token"
            defaults = (8, 2) if family == "mixtral" else (128, 4)
            return Experts(
                c.number("num_local_experts", defaults[0]),
                c.number(active, defaults[1]),
                c.number("intermediate_size"),
                layers,
                router_bias=f.router_bias,
                expert_bias=f.sinks,
            )
        case "llama4_text":
            step = c.number("interleave_moe_layer_step", 1)
            size = c.number("intermediate_size")
            mixed = len(c.entries("moe_layers")) if c.get("moe_layers") is not None else layers // step
            return Experts(
                c.number("num_local_experts", 16),
                c.number("num_experts_per_tok", 1),
                size,
                mixed,
                shared_intermediate=size,
            )
        case "qwen2_moe" | "qwen3_moe" | "qwen3_vl_moe_text":
            dense = set(c.entries("mlp_only_layers"))
            step = c.number("decoder_sparse_step", 1)
            mixed = sum(n not in dense and (n + 1) % step == 0 for n in range(layers))
            own = family == "qwen2_moe"
            return Experts(
                c.number("num_experts"),
                c.number("num_experts_per_tok"),
                c.number("moe_intermediate_size"),
                mixed,
                shared_intermediate=c.number("shared_expert_intermediate_size", 5632) if own else 0,
                shared_gate=own,
            )
        case "deepseek_v2" | "deepseek_v3" | "kimi_k2" | "glm4_moe":
            if f.latent and c.get("n_routed_experts") is None:
                return None
            first = c.optional("first_k_dense_replace") if "first_k_dense_replace" in c.values else f.first_dense
            every, size = c.number("moe_layer_freq", 1), c.number("moe_intermediate_size")
            return Experts(
                c.number("n_routed_experts"),
                c.number("num_experts_per_tok"),
                size,
                sum(n >= first and n % every == 0 for n in range(layers)),
                shared_intermediate=size * c.optional("n_shared_experts"),
                router_bias=f.router_bias,
            )
    return None


def _head(c: _Reader) -> dict[str, Any]:
    """Return the fields of a decoder that is no language model: an embedder without head, a classifier."""
    name = next((str(a) for a in c.entries("architectures")), "")
    if name.endswith("ForSequenceClassification"):
        return {"labels": _labels(c)}
    return {"no_head": True} if name.endswith("Model") and not name.endswith("LMHeadModel") else {}


def _labels(c: _Reader) -> int:
    named = c.below("id2label")
    return len(named.values) if named else c.number("num_labels", 2)


def _encoder(c: _Reader, family: str) -> Architecture:
    hidden, heads = c.number("hidden_size"), c.number("num_attention_heads")
    name = next((str(a) for a in c.entries("architectures")), "")
    if c.flag("is_decoder") or not name.endswith(("Model", "ForSequenceClassification")):
        message = f"a `{family}` is understood as an embedder or a classifier, not as `{name[:80] or 'nothing'}`"
        raise ConfigError((*c.path, "architectures"), message, _WAY_OUT)
    width = _whole(hidden, heads, c)
    rotary = c.text("position_embedding_type") == "rotary"
    return Architecture(
        family=family,
        layers=c.number("num_hidden_layers"),
        hidden=hidden,
        intermediate=c.number("intermediate_size"),
        heads=heads,
        kv_heads=heads,
        head_dim=width,
        vocab=c.number("vocab_size"),
        positions=0 if rotary else c.number("max_position_embeddings"),
        attention_bias=True,
        output_bias=True,
        mlp_bias=True,
        gated_mlp=False,
        token_types=c.number("type_vocab_size", 2),
        norm_bias=True,
        encoder=True,
        pooler=True,
        labels=_labels(c) if name.endswith("ForSequenceClassification") else 0,
        adapter_ranks=c.optional("lora_rank") * len(c.entries("lora_adaptations")),
    )


def _unknown(c: _Reader, family: str) -> Architecture:
    """Read a family that nobody described: only a plain decoder with a gated MLP, of which every number is there."""
    strange = [k for k, v in c.values.items() if v not in (None, False, 0) and any(w in k for w in _NOT_UNDERSTOOD)]
    strange += ["layer_types"] * (set(map(str, c.entries("layer_types"))) - {"full_attention"} != set())
    if strange:
        message = (
            f"`{family[:80]}` is no family that llmform knows, and `{strange[0][:80]}` says that it is no plain decoder"
        )
        raise ConfigError((*c.path, strange[0]), message, _WAY_OUT)
    missing = [k for k in _COMMON if c.get(k) is None]
    gated = c.text("hidden_act") in ("silu", "swiglu", "swish")
    missing += ["hidden_act"] * (c.get("hidden_act") is None)
    if missing or not gated:
        says = f"its config does not say {', '.join(f'`{k}`' for k in missing)}" if missing else ""
        says = says or f"its MLP is `{c.text('hidden_act')[:80]}`, of two or of three matrices"
        raise ConfigError(c.path, f"`{family[:80]}` is no family that llmform knows, and {says}", _WAY_OUT)
    return _decoder(c, LLAMA, family)._replace(**_head(c))


def _checked(a: Architecture, c: _Reader) -> Architecture:
    problem = inconsistency(a)
    if problem:
        raise ConfigError(c.path, problem, "take the model's own `config.json`")
    return a


def inconsistency(a: Architecture) -> str:
    """Return what no model can be about these numbers, or nothing."""
    e = a.experts
    if a.heads % a.kv_heads:
        return f"{a.heads} heads cannot share {a.kv_heads} key and value heads"
    if a.full_layers > a.layers or a.cross_layers > a.layers:
        return f"there are more layers of one kind than the {a.layers} of the model"
    if e is not None and (e.active > e.total or e.layers > a.layers):
        return f"{e.active} of {e.total} experts in {e.layers} of {a.layers} layers cannot be"
    return ""
