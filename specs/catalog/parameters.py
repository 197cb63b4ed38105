"""Parameters of an architecture, by arithmetic: what each part of a model has, in the order of its layers.

The shapes are those of the public model definitions (`transformers`, by `model_type`); that they are right is what
tests/test_model_catalog.py shows against published counts.
"""

from __future__ import annotations

from typing import NamedTuple

from specs.catalog.architecture import Architecture, Experts, LatentAttention


class Term(NamedTuple):
    """A part of a model: how many parameters all of it has, and the formula that says so, with its numbers."""

    name: str
    parameters: int
    formula: str


def parameters(a: Architecture) -> int:
    """Return the parameters of the whole model: language model, vision tower, adapters; without modules for further
    tokens."""
    return sum(term.parameters for term in terms(a))


def active_parameters(a: Architecture) -> int:
    """Return the parameters that one token uses: all of them, less the routed experts that it is not sent to."""
    if a.experts is None:
        return parameters(a)
    e = a.experts
    return parameters(a) - e.layers * (e.total - e.active) * expert_parameters(a, e)


def next_token_parameters(a: Architecture) -> int:
    """Return the parameters of the modules that predict further tokens (DeepSeek-V3, GLM-4.5), with the copies of
    embedding and head that the files hold for them.

    A module is one layer like the last one, a norm for each of its two inputs and for its output, and a matrix that
    brings the two inputs together (`modeling_deepseek_v3.py`, `eh_proj`).
    """
    if a.experts is None or not a.next_token_layers:
        return 0
    layer = attention_parameters(a) + a.norms * a.hidden + _experts(a, a.experts).parameters // a.experts.layers
    around = 3 * a.hidden + 2 * a.hidden * a.hidden + 2 * a.vocab * a.hidden
    return a.next_token_layers * (layer + around)


def terms(a: Architecture) -> tuple[Term, ...]:
    """Return the parts that the model has; parts without parameters are left out."""
    all_of_them = (
        _embedding(a),
        _attention(a),
        _mlp(a),
        *((_experts(a, a.experts),) if a.experts else ()),
        _norms(a),
        _head(a),
        _adapters(a),
        Term("vision", a.vision.parameters if a.vision else 0, "the tower and its projector"),
    )
    return tuple(t for t in all_of_them if t.parameters)


def attention_parameters(a: Architecture) -> int:
    """Return the parameters of one layer's attention, without norms over `hidden`."""
    if a.latent is not None:
        return _latent(a, a.latent)
    query, key_value = a.heads * a.head_dim, a.kv_heads * a.head_dim
    weights = a.hidden * query + 2 * a.hidden * key_value + query * a.hidden
    biases = (query + 2 * key_value if a.attention_bias else 0) + (a.hidden if a.output_bias else 0)
    return weights + biases + (2 * a.head_dim if a.qk_norm else 0) + (a.heads if a.sinks else 0)


def mlp_parameters(a: Architecture, intermediate: int, *, bias: bool) -> int:
    """Return the parameters of one MLP: into `intermediate` (twice where it is gated), and back to `hidden`."""
    into = 2 if a.gated_mlp else 1
    return (into + 1) * a.hidden * intermediate + (into * intermediate + a.hidden if bias else 0)


def expert_parameters(a: Architecture, e: Experts) -> int:
    """Return the parameters of one routed expert."""
    return mlp_parameters(a, e.intermediate, bias=e.expert_bias)


def _embedding(a: Architecture) -> Term:
    rows = a.vocab + a.added_embeddings + a.positions + a.token_types
    return Term("embedding", rows * a.hidden, f"{rows:,} rows x {a.hidden:,}")


def _attention(a: Architecture) -> Term:
    one = attention_parameters(a)
    formula = f"{a.layers} layers x {one:,}"
    if not a.cross_layers:
        return Term("attention", a.layers * one, formula)
    more = 2 * a.head_dim + 2  # norms of queries and keys, a gate for attention and one for the MLP
    return Term("attention", a.layers * one + a.cross_layers * more, f"{formula} + {a.cross_layers} layers x {more:,}")


def _latent(a: Architecture, m: LatentAttention) -> int:
    """Down to the latents, a norm over each, up to the heads, and out."""
    query = a.heads * (m.nope_head_dim + m.rope_head_dim)
    down = a.hidden * (m.kv_rank + m.rope_head_dim) + m.kv_rank
    up = m.kv_rank * a.heads * (m.nope_head_dim + m.value_head_dim)
    queries = a.hidden * m.q_rank + m.q_rank + m.q_rank * query if m.q_rank else a.hidden * query
    # biases, where there are any, are those of the projections down to the latents (deepseek_v3's `attention_bias`)
    biases = (m.q_rank + m.kv_rank + m.rope_head_dim) if a.attention_bias else 0
    return queries + down + up + a.heads * m.value_head_dim * a.hidden + biases + (a.hidden if a.output_bias else 0)


def _mlp(a: Architecture) -> Term:
    dense = a.layers - (a.experts.layers if a.experts else 0)
    one = mlp_parameters(a, a.intermediate, bias=a.mlp_bias)
    return Term("MLP", dense * one, f"{dense} layers x {one:,}")


def _experts(a: Architecture, e: Experts) -> Term:
    one = expert_parameters(a, e)
    router = a.hidden * e.total + (e.total if e.router_bias else 0)
    shared = mlp_parameters(a, e.shared_intermediate, bias=False) + (a.hidden if e.shared_gate else 0)
    return Term(
        "experts",
        e.layers * (e.total * one + router + shared),
        f"{e.layers} layers x ({e.total} experts x {one:,} + router {router:,} + shared {shared:,})",
    )


def _norms(a: Architecture) -> Term:
    # a decoder has one after its last layer, an encoder one after its embedding
    number, size = a.layers * a.norms + 1, a.hidden * (2 if a.norm_bias else 1)
    return Term("norms", number * size, f"{number} x {size:,}")


def _head(a: Architecture) -> Term:
    first = a.hidden * a.hidden + a.hidden if a.pooler else 0
    labels = a.labels * (a.hidden + (1 if a.encoder else 0))
    language = 0 if a.encoder or a.tied_embeddings or a.no_head or a.labels else a.vocab * a.hidden
    return Term("head", first + labels + language, f"pooler {first:,} + labels {labels:,} + language {language:,}")


def _adapters(a: Architecture) -> Term:
    """A LoRA of rank r on a matrix of n x m has r x (n + m); query, key and value are one matrix here."""
    if not a.adapter_ranks:
        return Term("adapters", 0, "")
    query, key_value = a.heads * a.head_dim, a.kv_heads * a.head_dim
    layer = (a.hidden + query + 2 * key_value) + (query + a.hidden) + 2 * (a.hidden + a.intermediate)
    tables = sum(rows + a.hidden for rows in (a.vocab, a.token_types) if rows)
    sides = a.layers * layer + tables + (2 * a.hidden if a.pooler else 0)
    return Term("adapters", a.adapter_ranks * sides, f"ranks {a.adapter_ranks} x {sides:,} rows and columns")
