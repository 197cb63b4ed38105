"""Layouts: how a replica is split over GPUs, which splits vLLM accepts, and all of them for a pool's shape.

Rules of vLLM (`ParallelConfig`, `ModelConfig.verify_with_parallel_config`, `VocabParallelEmbedding`, the quantized
linear layers): attention heads divide by the tensor split; KV heads divide by it, or it divides by them and they are
copied; the vocabulary, padded to 64, and the MLP divide by it; a split matrix ends at the edges of its quantization's
blocks. A pipeline has at most as many stages as the model has layers. Data parallelism inside one engine is for
mixtures of experts: their experts are split over all ranks (whole experts with expert parallelism, columns without),
attention is copied. A dense model has more replicas instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from components.resolve.sizing.quantization import FORMATS
from specs.catalog.architecture import Architecture

VOCABULARY_PADDING = 64
"""`DEFAULT_VOCAB_PADDING_SIZE` of vLLM."""


class Layout(NamedTuple):
    """How one replica lies on GPUs: `tensor` x `pipeline` x `data` of them."""

    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: bool = False
    """Whole experts on each GPU (`--enable-expert-parallel`), instead of a part of every expert."""

    @property
    def gpus(self) -> int:
        """GPUs of a replica."""
        return self.tensor * self.pipeline * self.data

    @property
    def expert_ranks(self) -> int:
        """GPUs over which a layer's experts are split: tensor x data, with and without expert parallelism."""
        return self.tensor * self.data

    def __str__(self) -> str:
        parts = [f"tensor {self.tensor}"]
        parts += [f"{name} {size}" for name, size in (("pipeline", self.pipeline), ("data", self.data)) if size > 1]
        return ", ".join(parts) + (", expert parallel" if self.expert else "")


class Shape(NamedTuple):
    """The GPUs that a replica may have: nodes of a pool."""

    per_node: int
    nodes: int = 1


def padded_vocabulary(a: Architecture) -> int:
    """Return the rows of the embedding as vLLM makes it, added rows of its own included."""
    rows = a.vocab + a.added_embeddings
    return -(-rows // VOCABULARY_PADDING) * VOCABULARY_PADDING


def kv_heads_per_gpu(a: Architecture, tensor: int) -> int:
    """Return the KV heads that each GPU of a tensor split keeps: at least one, copied where there are fewer."""
    return max(1, a.kv_heads // tensor)


def nodes_of(layout: Layout, per_node: int) -> int:
    """Return how many nodes a layout takes. A tensor split stays inside a node; 0 if it is larger than one."""
    groups = per_node // layout.tensor
    return -(-layout.pipeline * layout.data // groups) if groups else 0


def refusal(a: Architecture, quantization: str, layout: Layout) -> str:
    """Return why vLLM does not start a model in this layout; "" if it does."""
    t = layout.tensor
    if a.heads % t:
        return f"{a.heads} attention heads do not divide by tensor {t}"
    if a.latent is None and a.kv_heads % t and t % a.kv_heads:
        return f"{a.kv_heads} KV heads do not divide by tensor {t}, nor it by them"
    if padded_vocabulary(a) % t:
        return f"the vocabulary, padded to {padded_vocabulary(a):,}, does not divide by tensor {t}"
    if layout.pipeline > a.layers:
        return f"{a.layers} layers make no {layout.pipeline} stages"
    if a.encoder and layout.pipeline > 1:
        return "encoders have no pipeline split"
    if (layout.data > 1 or layout.expert) and a.experts is None:
        return "data and expert parallelism split experts, and the model has none: use more replicas"
    if layout.expert and layout.expert_ranks == 1:
        return "one GPU has nobody to share experts with"
    if a.experts is not None and layout.expert and layout.expert_ranks > a.experts.total:
        return f"{a.experts.total} experts are fewer than the {layout.expert_ranks} GPUs that would share them"
    return _uneven_mlp(a, quantization, layout)


def _uneven_mlp(a: Architecture, quantization: str, layout: Layout) -> str:
    """Return which MLP does not divide by the split, or not at the edges of its quantization's blocks."""
    form = FORMATS.get(quantization)
    edge = (form.block or form.group) if form else 0
    parts = []
    experts = a.experts
    if experts is None or experts.layers < a.layers:
        parts.append(("MLP", a.intermediate, layout.tensor, bool(form and not form.only_experts)))
    if experts is not None:
        if experts.shared_intermediate:
            parts.append(("shared expert", experts.shared_intermediate, layout.tensor, bool(form)))
        if not layout.expert:
            parts.append(("expert", experts.intermediate, layout.expert_ranks, bool(form)))
    for name, size, ranks, quantized in parts:
        if size % ranks:
            return f"the {name}'s width {size:,} does not divide by {ranks}"
        # mxfp4 is padded; nvfp4's 16 is below any width that divides
        if (
            quantized
            and form is not None
            and not form.only_experts
            and edge > 16
            and ranks > 1
            and size // ranks % edge
        ):
            part = size // ranks
            return f"the {name}'s width {size:,} over {ranks} GPUs is {part:,}, no multiple of {edge} ({form.name})"
    return ""


def usual(layout: Layout, shape: Shape) -> bool:
    """Say whether people who run vLLM would write it so: a tensor split that divides the node; stages only between
    nodes that the tensor split fills; data ranks with expert parallelism, and then a part that divides the node, or
    whole nodes.

    vLLM docs, Parallelism and Scaling: tensor parallelism inside a node, pipeline parallelism between nodes; Expert
    Parallel Deployment: data x tensor ranks share the experts.
    """
    if shape.per_node % layout.tensor:
        return False
    if layout.data > 1 and not layout.expert:
        return False
    if layout.gpus % shape.per_node and shape.per_node % layout.gpus:
        return False
    return layout.pipeline == 1 or (layout.data == 1 and layout.tensor == shape.per_node)


@lru_cache(maxsize=256)
def layouts(a: Architecture, quantization: str, shape: Shape) -> tuple[Layout, ...]:
    """Return every layout that vLLM accepts within the shape: the usual ones, the one with the fewest GPUs first, then
    the others.

    With equally many GPUs: fewer nodes, then fewer stages and ranks (a tensor split is the quickest for one request),
    plain before expert parallel.
    """
    found = (x for x in _all(shape) if not refusal(a, quantization, x))
    return tuple(sorted(found, key=lambda x: (not usual(x, shape), *_cost(x, shape))))


def _cost(x: Layout, shape: Shape) -> tuple[int, ...]:
    return (x.gpus, nodes_of(x, shape.per_node), x.pipeline, x.data, x.expert)


def _all(shape: Shape) -> Iterator[Layout]:
    for tensor in range(1, shape.per_node + 1):
        most = shape.per_node // tensor * shape.nodes
        for pipeline in range(1, most + 1):
            for data in range(1, most // pipeline + 1):
                yield Layout(tensor, pipeline, data)
                yield Layout(tensor, pipeline, data, expert=True)


def stages(a: Architecture, pipeline: int) -> tuple[tuple[int, int], ...]:
    """Return each stage's first layer and number of layers, as vLLM cuts them (`get_pp_indices`).

    Layers left over go to the stages before the last, the last one of them first; the last stage has the head.
    """
    base, left = divmod(a.layers, pipeline)
    sizes = [base] * pipeline
    for i in range(2, left + 2):
        sizes[-i] += 1
    starts = [sum(sizes[:i]) for i in range(pipeline)]
    return tuple(zip(starts, sizes, strict=True))
