"""What of a model's `config.json` decides its weights and its KV cache.

Sizes are in elements, lengths in tokens. Where a field is 0 or None the model has no such part.
"""

from typing import NamedTuple


class LatentAttention(NamedTuple):
    """Multi-head latent attention (DeepSeek): keys and values are kept as one latent vector a token and layer.

    The cache of a token and layer is `kv_rank + rope_head_dim` elements, on every GPU of a tensor split.
    """

    q_rank: int
    """0 where queries are not compressed."""
    kv_rank: int
    nope_head_dim: int
    rope_head_dim: int
    value_head_dim: int


class Experts(NamedTuple):
    """A mixture of experts: in `layers` of the model's layers, each token uses `active` of `total` routed experts."""

    total: int
    active: int
    intermediate: int
    """Of one routed expert."""
    layers: int
    """Layers whose MLP is a mixture; the other ones are dense, with `Architecture.intermediate`."""
    shared_intermediate: int = 0
    """Of all shared experts together; every token uses them."""
    shared_gate: bool = False
    router_bias: bool = False
    expert_bias: bool = False


class Vision(NamedTuple):
    """The vision tower with its projector."""

    parameters: int
    """Computed from the tower's own config where the catalog has it; else as published."""
    dtype: str = ""
    note: str = ""


class Architecture(NamedTuple):
    """The language model itself, and the parts beside it."""

    family: str
    """`model_type` of the config."""
    layers: int
    hidden: int
    intermediate: int
    """Of a dense MLP."""
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    positions: int = 0
    """Rows of the learned position table; 0 where positions are rotary."""
    tied_embeddings: bool = False
    attention_bias: bool = False
    """Biases of the query, key and value projections."""
    output_bias: bool = False
    """Bias of the attention's output projection."""
    mlp_bias: bool = False
    gated_mlp: bool = True
    """Three matrices (gate, up, down) instead of two."""
    qk_norm: bool = False
    norms: int = 2
    """Norms a layer, each of `hidden` elements."""
    window: int = 0
    """Sliding window in tokens of the layers that have one."""
    full_layers: int = 0
    """Layers whose cache holds the whole context; with `window` 0 all of them do, whatever stands here."""
    latent: LatentAttention | None = None
    experts: Experts | None = None
    vision: Vision | None = None
    added_embeddings: int = 0
    """Rows of the input embedding beyond `vocab`, which the head has no outputs for (mllama's image tokens)."""
    token_types: int = 0
    """Rows of an encoder's token type table."""
    norm_bias: bool = False
    """Norms have a bias beside their weight (LayerNorm)."""
    encoder: bool = False
    """Every token sees every other: no KV cache, no last norm but one after the embedding, and no language head."""
    pooler: bool = False
    """An encoder's dense layer of `hidden` x `hidden`, with bias, over the first token; also a classifier's first
    layer."""
    labels: int = 0
    """Outputs of an encoder's classifier; the language head is left out where a decoder has them."""
    no_head: bool = False
    """A decoder published without its language head (embedders)."""
    sinks: bool = False
    """One learned logit a head and layer that attention may go to (gpt-oss)."""
    cross_layers: int = 0
    """Of `layers`: those whose keys and values come from the image and not from the text (mllama); each has norms of
    queries and keys and two gates."""
    next_token_layers: int = 0
    """Modules behind `layers` that predict further tokens. They are in the published weights, in no published
    parameter count, and no engine loads them unless it is told to speculate with them: not in `parameters`."""
    adapter_ranks: int = 0
    """Ranks, in sum, of the LoRA adapters that the weights hold for every matrix and embedding (jina: 5 of rank 4)."""
