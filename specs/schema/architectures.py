"""`models.X.architecture`: the numbers of a model that the catalog does not know."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from specs.schema.base import Flag, Section, Text, Whole, problem, unit
from specs.units import tokens

Count = Annotated[Whole, Field(ge=1, le=2**40)]
Zero = Annotated[Whole, Field(ge=0, le=2**40)]

Dtype = Literal["bfloat16", "float16", "float32"]

_NEEDED = ("family", "layers", "hidden", "intermediate", "heads", "kv_heads", "head_dim", "vocab")


class LatentAttentionNumbers(Section):
    """Multi-head latent attention (DeepSeek): keys and values are kept as one latent vector a token and layer."""

    q_rank: Zero = 0
    """Rank of the queries. Default: they are not compressed."""

    kv_rank: Count
    """Rank of keys and values."""

    nope_head_dim: Count
    """Elements of a head without positions."""

    rope_head_dim: Count
    """Elements of a head with rotary positions."""

    value_head_dim: Count
    """Elements of a value's head."""


class ExpertNumbers(Section):
    """A mixture of experts."""

    total: Count
    """Routed experts of a layer."""

    active: Count
    """Routed experts that a token uses."""

    intermediate: Count
    """Width of one routed expert."""

    layers: Count
    """Layers whose MLP is a mixture; the others are dense."""

    shared_intermediate: Zero = 0
    """Width of all shared experts together. Default: there are none."""

    shared_gate: Flag = False
    """Whether shared experts have a gate."""

    router_bias: Flag = False
    """Whether the router has a bias."""

    expert_bias: Flag = False
    """Whether the experts' matrices have biases."""


class VisionNumbers(Section):
    """The vision tower with its projector."""

    parameters: Count
    """Their parameters."""

    dtype: Dtype | None = None
    """Type of their weights. Default: that of the model."""


class ModelArchitecture(Section):
    """What decides a model's weights and its KV cache: its `config.json`, or the numbers themselves."""

    config: Annotated[Text, Field(min_length=1, max_length=1000)] | None = None
    """The model's `config.json` from the hub, as it is: a file beside the spec. No other key is needed then."""

    dtype: Dtype | None = None
    """Type of the published weights; with the number of parameters it gives their size. Default: what `config` says,
    else bfloat16."""

    native_context: Annotated[int, unit(tokens, written=int | str), Field(ge=128, le=16_777_216)] | None = None
    """Positions that the model was trained for, in tokens, such as `32k`. Default: what `config` says."""

    family: Annotated[Text, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")] | None = None
    """`model_type` of the model's config, such as `llama`."""

    layers: Count | None = None
    """Layers."""

    hidden: Count | None = None
    """Width of a token between layers (`hidden_size`)."""

    intermediate: Count | None = None
    """Width of a dense MLP (`intermediate_size`)."""

    heads: Count | None = None
    """Query heads."""

    kv_heads: Count | None = None
    """Key and value heads; the KV cache holds these."""

    head_dim: Count | None = None
    """Elements of a head."""

    vocab: Count | None = None
    """Rows of the embedding."""

    positions: Zero = 0
    """Rows of a learned position table. Default: positions are rotary."""

    tied_embeddings: Flag = False
    """Whether the head is the embedding."""

    attention_bias: Flag = False
    """Whether query, key and value projections have biases."""

    output_bias: Flag = False
    """Whether the attention's output projection has a bias."""

    mlp_bias: Flag = False
    """Whether the MLP's matrices have biases."""

    gated_mlp: Flag = True
    """Whether the MLP has three matrices (gate, up, down) instead of two."""

    qk_norm: Flag = False
    """Whether queries and keys have norms."""

    norms: Annotated[Whole, Field(ge=0, le=16)] = 2
    """Norms a layer."""

    window: Zero = 0
    """Sliding window, in tokens, of the layers that have one. Default: none has."""

    full_layers: Zero = 0
    """Layers that see the whole context beside those with a window."""

    latent: LatentAttentionNumbers | None = None
    """Multi-head latent attention. Default: none."""

    experts: ExpertNumbers | None = None
    """A mixture of experts. Default: none."""

    vision: VisionNumbers | None = None
    """The vision tower. Default: none."""

    added_embeddings: Zero = 0
    """Rows of the embedding that the head has no outputs for."""

    token_types: Zero = 0
    """Rows of an encoder's token type table."""

    norm_bias: Flag = False
    """Whether norms have biases."""

    encoder: Flag = False
    """Whether every token sees every other: there is no KV cache then."""

    pooler: Flag = False
    """Whether an encoder ends in a dense layer."""

    labels: Zero = 0
    """Outputs of a classifier. Default: it is none."""

    no_head: Flag = False
    """Whether a decoder was published without its language head."""

    sinks: Flag = False
    """Whether every head has a learned logit that attention may go to (gpt-oss)."""

    cross_layers: Zero = 0
    """Layers whose keys and values come from an image."""

    next_token_layers: Zero = 0
    """Modules behind the layers that predict further tokens; an engine does not load them by itself."""

    adapter_ranks: Zero = 0
    """Ranks, in sum, of LoRA adapters that the weights hold for every matrix."""

    @model_validator(mode="after")
    def _one_kind(self) -> ModelArchitecture:
        given = self.model_fields_set - {"config", "dtype", "native_context"}
        if self.config is not None and given:
            raise problem(
                "architecture-twice",
                "an architecture is a `config` or numbers, one of the two",
                "keep `config`: it says all of them",
            )
        missing = [name for name in _NEEDED if getattr(self, name) is None]
        if self.config is None and missing:
            fields = type(self).model_fields
            names = [fields[name].alias or name for name in missing]
            raise problem(
                "architecture-incomplete",
                f"`architecture` has no {', '.join(f'`{n}`' for n in names)}",
                "`config: config.json`, the model's own file beside the spec, says everything",
            )
        return self
