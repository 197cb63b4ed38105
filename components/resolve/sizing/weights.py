"""The weights that each GPU of a layout holds, in bytes, part by part.

vLLM's layers: queries, gate and up are cut by outputs (ColumnParallelLinear), the attention's output and down by
inputs (RowParallelLinear), keys and values by heads, which are copied where there are more GPUs than heads; the
embedding and the head by rows of the padded vocabulary (VocabParallelEmbedding); norms, routers, biases of row-cut
layers and the projections down to a latent are on every GPU. The stage with the embedding and the stage with the head
are different GPUs in a pipeline; a tied head is then a copy. Sources: vllm/model_executor/layers/linear.py,
vocab_parallel_embedding.py, fused_moe/config.py (experts are split over tensor x data ranks), models/llama.py and
models/deepseek_v2.py.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from components.resolve.sizing.gguf import TYPES, gguf_bytes, more_layers
from components.resolve.sizing.layouts import Layout, kv_heads_per_gpu, padded_vocabulary, stages
from components.resolve.sizing.quantization import BYTES_OF_TYPE, FORMATS, Format, matrix_bytes
from components.resolve.sizing.terms import Line, up
from specs.catalog.architecture import Architecture, Experts, LatentAttention

SOURCE = "vllm/model_executor/layers: linear.py, vocab_parallel_embedding.py, fused_moe"


class _Kind(NamedTuple):
    """How matrices are stored: in one of vLLM's formats, as ggml blocks, or in the model's own type."""

    form: Format | None
    gguf: str
    element: int
    """Bytes of the model's own type."""

    def matrix(self, rows: int, columns: int, *, expert: bool = False, kept: bool = False, gguf: str = "") -> int:
        """Return a matrix' bytes. `kept`: not quantized by vLLM's formats; `gguf`: ggml type other than the base."""
        if self.gguf:
            return gguf_bytes(gguf or TYPES[self.gguf].base, rows, columns)
        form = None if kept or (self.form and self.form.only_experts and not expert) else self.form
        return matrix_bytes(form, rows, columns, self.element)

    def vector(self, size: int) -> int:
        """Return a vector's bytes: never quantized; float32 in GGUF files."""
        return size * (4 if self.gguf else self.element)


def _kind(quantization: str, dtype: str) -> _Kind:
    form, gguf = FORMATS.get(quantization), quantization if quantization in TYPES else ""
    element = BYTES_OF_TYPE[quantization if quantization in BYTES_OF_TYPE and quantization != "fp8" else dtype]
    if quantization not in ("", "none") and form is None and not gguf and quantization not in BYTES_OF_TYPE:
        raise KeyError(quantization)
    return _Kind(form, gguf, element)


def _attention(a: Architecture, kind: _Kind, tensor: int) -> int:
    """Return one layer's attention on one GPU, its larger GGUF types left out (see `_sensitive`)."""
    if a.latent is not None:
        return _latent(a, a.latent, kind, tensor)
    query, key = a.heads // tensor * a.head_dim, kv_heads_per_gpu(a, tensor) * a.head_dim
    size = kind.matrix(query, a.hidden) + 2 * kind.matrix(key, a.hidden) + kind.matrix(a.hidden, query)
    size += kind.vector(query + 2 * key) if a.attention_bias else 0
    size += kind.vector(a.hidden) if a.output_bias else 0
    size += kind.vector(2 * a.head_dim) if a.qk_norm else 0
    return size + (kind.vector(a.heads // tensor) if a.sinks else 0)


def _latent(a: Architecture, m: LatentAttention, kind: _Kind, tensor: int) -> int:
    """Return one layer's latent attention: projections down are copied, projections up are cut by heads.

    From quantized weights vLLM makes a second copy of the up projection in the model's type, to fold it into queries
    and outputs (`MLACommonImpl.process_weights_after_loading`).
    """
    heads = a.heads // tensor
    query, value = heads * (m.nope_head_dim + m.rope_head_dim), heads * m.value_head_dim
    if m.q_rank:
        size = kind.matrix(m.q_rank, a.hidden) + kind.vector(m.q_rank) + kind.matrix(query, m.q_rank)
    else:
        size = kind.matrix(query, a.hidden)
    size += kind.matrix(m.kv_rank + m.rope_head_dim, a.hidden) + kind.vector(m.kv_rank)
    both = heads * (m.nope_head_dim + m.value_head_dim)
    size += kind.matrix(both, m.kv_rank) + kind.matrix(a.hidden, value)
    folded = both * m.kv_rank * kind.element if kind.form and not kind.form.only_experts else 0
    biases = (m.q_rank + m.kv_rank + m.rope_head_dim if a.attention_bias else 0) + (a.hidden if a.output_bias else 0)
    return size + folded + kind.vector(biases)


def _mlp(a: Architecture, kind: _Kind, width: int, *, bias: bool = False) -> int:
    """Return an MLP of that width (this GPU's part of it)."""
    into = 2 if a.gated_mlp else 1
    size = into * kind.matrix(width, a.hidden) + kind.matrix(a.hidden, width)
    return size + (kind.vector(into * width + a.hidden) if bias else 0)


def _experts(a: Architecture, e: Experts, kind: _Kind, layout: Layout) -> tuple[int, int]:
    """Return one layer's routed experts on one GPU, and its router with the shared experts."""
    ranks = layout.expert_ranks
    number, width = (up(e.total, ranks), e.intermediate) if layout.expert else (e.total, e.intermediate // ranks)
    padding = kind.form.experts_padded_to if kind.form else 1
    hidden, into = up(a.hidden, padding) * padding, 2 if a.gated_mlp else 1
    one = into * kind.matrix(width, hidden, expert=True) + kind.matrix(hidden, width, expert=True)
    one += kind.vector(into * width + a.hidden) if e.expert_bias else 0
    router = kind.matrix(e.total, a.hidden, kept=True, gguf="f32") + (kind.vector(e.total) if e.router_bias else 0)
    shared = _mlp(a, kind, e.shared_intermediate // layout.tensor) if e.shared_intermediate else 0
    return number * one, router + shared + (kind.vector(a.hidden) if e.shared_gate else 0)


def _sensitive(a: Architecture, kind: _Kind, first: int, number: int) -> int:
    """Return what a GGUF mixture adds in a range of layers: values and the way down in the larger type."""
    if not kind.gguf or TYPES[kind.gguf].more == TYPES[kind.gguf].base:
        return 0
    base, more = TYPES[kind.gguf].base, TYPES[kind.gguf].more
    larger = more_layers(kind.gguf, a.layers) * number / a.layers
    value = (a.kv_heads * a.head_dim, a.hidden)
    width = a.intermediate if a.experts is None else a.experts.intermediate * a.experts.total
    return round(
        larger * sum(gguf_bytes(more, *m) - gguf_bytes(base, *m) for m in (value, (a.hidden, width)) if m[0] and m[1])
    )


class Part(NamedTuple):
    """The weights of one pipeline stage on one of its GPUs."""

    first: int
    layers: int
    attention: int
    mlp: int
    experts: int
    norms: int
    embedding: int
    head: int
    vision: int

    @property
    def total(self) -> int:
        """All of them, in bytes."""
        return self.attention + self.mlp + self.experts + self.norms + self.embedding + self.head + self.vision


@lru_cache(maxsize=4096)
def parts(a: Architecture, quantization: str, dtype: str, layout: Layout) -> tuple[Part, ...]:
    """Return the weights of one GPU of every stage. Dense layers of a mixture are taken to come first (DeepSeek), which
    is never less for the largest stage than spread ones.

    Raises KeyError for a quantization that has no arithmetic (`quantization.is_known`).
    """
    kind, t, e = _kind(quantization, dtype), layout.tensor, a.experts
    attention, dense = _attention(a, kind, t), _mlp(a, kind, a.intermediate // t, bias=a.mlp_bias)
    routed, beside = _experts(a, e, kind, layout) if e else (0, 0)
    norm = kind.vector(a.norms * a.hidden * (2 if a.norm_bias else 1))
    cross = kind.vector(2 * a.head_dim + 2) * a.cross_layers // a.layers
    first_mixture = a.layers - (e.layers if e else 0)
    found = []
    for number, (first, layers) in enumerate(stages(a, layout.pipeline)):
        mixed = max(0, first + layers - max(first, first_mixture)) if e else 0
        last = number == layout.pipeline - 1
        found.append(
            Part(
                first,
                layers,
                attention=layers * (attention + cross) + _sensitive(a, kind, first, layers),
                mlp=(layers - mixed) * dense + mixed * beside,
                experts=mixed * routed,
                norms=layers * norm + (kind.vector(a.hidden * (2 if a.norm_bias else 1)) if last else 0),
                embedding=_embedding(a, kind, t) if number == 0 else 0,
                head=_head(a, kind, t, first_too=number == 0) if last else 0,
                vision=_vision(a, kind, t) if number == 0 else 0,
            )
        )
    return tuple(found)


def _embedding(a: Architecture, kind: _Kind, tensor: int) -> int:
    rows = padded_vocabulary(a) // tensor
    tables = a.positions + a.token_types
    if kind.gguf and a.tied_embeddings:
        return gguf_bytes(TYPES[kind.gguf].head, rows, a.hidden)
    return kind.matrix(rows, a.hidden, kept=True) + (kind.matrix(tables, a.hidden, kept=True) if tables else 0)


def _head(a: Architecture, kind: _Kind, tensor: int, *, first_too: bool) -> int:
    """Return the head. A tied one is the embedding itself, unless the stage with the embedding is another GPU."""
    size = kind.matrix(a.hidden, a.hidden, kept=True) + kind.vector(a.hidden) if a.pooler else 0
    size += kind.matrix(a.labels, a.hidden, kept=True) + kind.vector(a.labels) if a.labels else 0
    if a.encoder or a.no_head or a.labels or (a.tied_embeddings and first_too):
        return size
    rows = -(-a.vocab // 64) * 64 // tensor
    return size + kind.matrix(rows, a.hidden, kept=True, gguf=TYPES[kind.gguf].head if kind.gguf else "")


def _vision(a: Architecture, kind: _Kind, tensor: int) -> int:
    """Return the vision tower, in its own type, cut like the rest: most towers of vLLM are; those that are not need at
    most this much more."""
    if a.vision is None or kind.gguf:
        return 0
    return a.vision.parameters * (BYTES_OF_TYPE.get(a.vision.dtype) or kind.element) // tensor


def rope_bytes(a: Architecture, native_context: int, element: int) -> int:
    """Return the table of rotary angles on every GPU: a row for each position of the model's own context
    (`RotaryEmbedding.cos_sin_cache`)."""
    if a.positions:
        return 0
    return native_context * (a.latent.rope_head_dim if a.latent else a.head_dim) * element


def lines(part: Part, a: Architecture, quantization: str, dtype: str, layout: Layout) -> tuple[Line, ...]:
    """Return a stage's weights as lines; parts that the stage does not have are left out."""
    kept = "as published" if quantization in ("", "none") else f"{quantization}; embedding, head, norms, router {dtype}"
    split = f"/ {layout.tensor}" if layout.tensor > 1 else ""
    e = a.experts
    rows: list[tuple[str, str, tuple[tuple[str, str | int | float], ...], int]] = [
        ("embedding", f"padded vocabulary x hidden x bytes {split}".strip(),
         (("vocabulary", padded_vocabulary(a)), ("hidden", a.hidden)), part.embedding),
        ("attention", f"layers x (q + k + v + output) {split}, KV heads copied beyond {a.kv_heads}".replace(" ,", ","),
         (("layers", part.layers), ("heads", a.heads), ("KV heads", a.kv_heads), ("weights", kept)), part.attention),
        ("MLP", f"dense layers x matrices, router and shared experts {split}".strip(),
         (("hidden", a.hidden), ("intermediate", a.intermediate), ("weights", kept)), part.mlp),
        ("experts", f"mixture layers x experts x matrices / {layout.expert_ranks}",
         (("experts", e.total), ("width", e.intermediate), ("weights", kept)) if e else (), part.experts),
        ("norms", "copied on every GPU", (("norms a layer", a.norms), ("hidden", a.hidden)), part.norms),
        ("head", f"padded vocabulary x hidden x bytes {split}".strip(), (("hidden", a.hidden),), part.head),
        ("vision", f"parameters x bytes {split}".strip(),
         (("parameters", a.vision.parameters),) if a.vision else (), part.vision),
    ]  # fmt: skip
    return tuple(Line(f"weights: {n}", f, i, size, SOURCE) for n, f, i, size in rows if size)
