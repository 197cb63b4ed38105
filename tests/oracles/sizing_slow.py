"""A second, slow opinion on whether a model fits: every tensor of every GPU is listed, every block is counted.

Knows vLLM's rules and nothing of components/resolve/sizing: tensors are walked layer by layer and rank by rank, layouts
are all triples of numbers, the cache is filled request by request. The measured overheads come from the catalog's file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from specs.catalog.architecture import Architecture

TABLE = json.loads(
    (Path(__file__).resolve().parents[2] / "specs/catalog/2026-11/accelerators.json").read_text(encoding="utf-8")
)
MEASURED = TABLE["overheads"]
TYPES = {"bfloat16": 2, "float16": 2, "float32": 4}


class Rank:
    """One GPU of a replica, and the tensors it was given."""

    def __init__(self, stage: int, data: int, tensor: int) -> None:
        self.stage, self.data, self.tensor = stage, data, tensor
        self.bytes = 0.0
        self.layers = 0


def accepted(a: Architecture, quantization: str, tp: int, pp: int, dp: int, ep: bool) -> bool:
    """Say whether vLLM starts the model in this layout."""
    vocabulary = math.ceil((a.vocab + a.added_embeddings) / 64) * 64
    if a.heads % tp or vocabulary % tp or pp > a.layers or (a.encoder and pp > 1):
        return False
    if a.latent is None and not (a.kv_heads % tp == 0 or tp % a.kv_heads == 0):
        return False
    if a.experts is None:
        if dp > 1 or ep:
            return False
    elif ep and (tp * dp == 1 or tp * dp > a.experts.total):
        return False
    edge = {"fp8-block": 128, "awq": 128, "gptq": 128}.get(quantization, 1)

    def cut(width: int, ranks: int) -> bool:
        return width % ranks == 0 and (ranks == 1 or (width // ranks) % edge == 0)

    e = a.experts
    if (e is None or e.layers < a.layers) and not cut(a.intermediate, tp):
        return False
    if e is None:
        return True
    if e.shared_intermediate and not cut(e.shared_intermediate, tp):
        return False
    return ep or cut(e.intermediate, tp * dp)


def ranks(a: Architecture, quantization: str, dtype: str, tp: int, pp: int, dp: int, ep: bool) -> list[Rank]:
    """Return every GPU with the bytes of its weights."""
    found = [Rank(s, d, t) for s in range(pp) for d in range(dp) for t in range(tp)]
    element = TYPES[dtype]

    layer_bytes: dict[tuple[bool, int], float] = {}  # layers of one kind are equal on all ranks with the same heads

    def give(rank: Rank, *shape: int, quantized: bool = False, expert: bool = False) -> None:
        count = math.prod(shape)
        if not quantized or not quantization or (quantization == "mxfp4" and not expert):
            rank.bytes += count * element
        elif quantization == "fp8-block":
            rank.bytes += count + 4 * math.ceil(shape[0] / 128) * math.ceil(shape[1] / 128)
        elif quantization in ("fp8", "int8"):
            rank.bytes += count + 4 * shape[0]
        elif quantization in ("awq", "gptq"):
            rank.bytes += count / 2 + shape[0] * math.ceil(shape[1] / 128) * 20 // 8
        else:
            group = {"nvfp4": 16, "mxfp4": 32}[quantization]
            rank.bytes += count / 2 + shape[0] * math.ceil(shape[1] / group)

    share = [a.layers // pp] * pp
    for extra in range(a.layers % pp):
        share[pp - 2 - extra] += 1
    e = a.experts
    dense = a.layers - (e.layers if e else 0)
    for rank in found:
        rank.layers = share[rank.stage]
        start = sum(share[: rank.stage])
        for layer in range(start, start + rank.layers):
            kind = (e is not None and layer >= dense, rank.tensor)
            if kind not in layer_bytes:
                one = Rank(rank.stage, rank.data, rank.tensor)
                for tensor in _layer(a, kind[0], one, tp, dp, ep, quantization):
                    give(one, *tensor[0], quantized=tensor[1], expert=tensor[2])
                if a.latent is not None and quantization and quantization != "mxfp4":
                    m = a.latent
                    give(one, a.heads // tp, m.nope_head_dim + m.value_head_dim, m.kv_rank)
                layer_bytes[kind] = one.bytes
            rank.bytes += layer_bytes[kind]
        first, last = rank.stage == 0, rank.stage == pp - 1
        norm = a.hidden * (2 if a.norm_bias else 1)
        if first:
            give(rank, math.ceil((a.vocab + a.added_embeddings) / 64) * 64 // tp, a.hidden)
            give(rank, a.positions + a.token_types, a.hidden)
            if a.vision:
                rank.bytes += a.vision.parameters * TYPES.get(a.vision.dtype, element) // tp
        if last:
            give(rank, norm)
            if a.pooler:
                give(rank, a.hidden + 1, a.hidden)
            if a.labels:
                give(rank, a.labels, a.hidden + 1)
            elif not a.encoder and not a.no_head and not (a.tied_embeddings and first):
                give(rank, math.ceil(a.vocab / 64) * 64 // tp, a.hidden)
    return found


def _layer(
    a: Architecture, mixture: bool, rank: Rank, tp: int, dp: int, ep: bool, quantization: str
) -> Iterator[tuple[tuple[int, ...], bool, bool]]:
    """Yield shape, quantized, and of an expert, for each tensor of a layer on a rank."""
    for _ in range(a.norms):
        yield (a.hidden * (2 if a.norm_bias else 1),), False, False
    m, into = a.latent, 2 if a.gated_mlp else 1
    if m is not None:
        heads = a.heads // tp
        if m.q_rank:
            yield (m.q_rank, a.hidden), True, False
            yield (m.q_rank,), False, False
        yield (heads * (m.nope_head_dim + m.rope_head_dim), m.q_rank or a.hidden), True, False
        yield (m.kv_rank + m.rope_head_dim, a.hidden), True, False
        yield (m.kv_rank,), False, False
        yield (heads * (m.nope_head_dim + m.value_head_dim), m.kv_rank), True, False
        yield (a.hidden, heads * m.value_head_dim), True, False
        if a.attention_bias:
            yield (m.q_rank + m.kv_rank + m.rope_head_dim,), False, False
    else:
        # this rank's heads by number, as vLLM hands them out
        mine = {rank.tensor * a.kv_heads // tp + i for i in range(max(1, a.kv_heads // tp))}
        query, key = a.heads // tp * a.head_dim, len(mine) * a.head_dim
        for shape in ((query, a.hidden), (key, a.hidden), (key, a.hidden), (a.hidden, query)):
            yield shape, True, False
        if a.attention_bias:
            yield (query + 2 * key,), False, False
        if a.qk_norm:
            yield (2 * a.head_dim,), False, False
        if a.sinks:
            yield (a.heads // tp,), False, False
    if a.output_bias:
        yield (a.hidden,), False, False
    e = a.experts
    if not mixture or e is None:
        width = a.intermediate // tp
        for _ in range(into):
            yield (width, a.hidden), True, False
        yield (a.hidden, width), True, False
        if a.mlp_bias:
            yield (into * width + a.hidden,), False, False
        return
    yield (e.total, a.hidden), False, False
    if e.router_bias:
        yield (e.total,), False, False
    if e.shared_gate:
        yield (a.hidden,), False, False
    if e.shared_intermediate:
        width = e.shared_intermediate // tp
        for _ in range(into):
            yield (width, a.hidden), True, False
        yield (a.hidden, width), True, False
    world = tp * dp
    # with a remainder the first ranks have one expert more; the plan has to hold for all of them
    number, width = (math.ceil(e.total / world), e.intermediate) if ep else (e.total, e.intermediate // world)
    hidden = math.ceil(a.hidden / 256) * 256 if quantization == "mxfp4" else a.hidden
    for _ in range(number):
        for _ in range(into):
            yield (width, hidden), True, True
        yield (hidden, width), True, True
        if e.expert_bias:
            yield (into * width + a.hidden,), False, False


def blocks_of_request(a: Architecture, layers: int, context: int, tokens: int, block: int) -> tuple[int, int]:
    """Return how many blocks a request takes from the pool, and how many layers a block is for."""
    if not a.window:
        return math.ceil(context / block), layers
    full = min(layers, math.ceil(a.full_layers * layers / a.layers))
    kinds = [["full"] * full, ["window"] * (layers - full)]
    kinds = [k for k in kinds if k]
    size = min(len(k) for k in kinds)
    if len(kinds) == 2 and max(len(k) for k in kinds) < 1.25 * size:
        size = max(len(k) for k in kinds)
    taken = 0
    for kind in kinds:
        for start in range(0, len(kind), size):  # a group
            if kind[start] == "full":
                taken += len(range(0, context, block))
            else:
                taken += len(range(0, min(a.window - 1 + tokens, context), block)) + 1
    return taken, size


def fits(
    a: Architecture,
    quantization: str,
    dtype: str,
    device: dict[str, Any],
    name: str,
    layout: tuple[int, int, int, bool],
    context: int,
    requests: int,
    most: int = 0,
    native: int = 0,
) -> bool:
    """Say whether vLLM with default settings starts and holds that many requests of that length at once.

    `most` is `--max-num-seqs`, 0 for the default; `native` the positions of the rotary table, 0 for the context.
    """
    tp, pp, dp, ep = layout
    if not accepted(a, quantization, tp, pp, dp, ep):
        return False
    total = device["usable_mib"] * 2**20
    several = tp * pp * dp > 1
    outside = MEASURED["context_mib"]["several" if several else "one"] * 2**20
    utilization = min(MEASURED["utilization"]["default"], math.floor((1 - outside / total) * 100) / 100)
    budget = int(total * utilization)
    large = total >= 70 * 2**30 and "a100" not in name
    tokens, seqs = (8192, 1024) if large else (2048, 256)
    seqs = min(most or seqs, tokens)
    element = TYPES[dtype]
    for rank in ranks(a, quantization, dtype, tp, pp, dp, ep):
        used = rank.bytes
        if not a.positions:
            used += (native or context) * (a.latent.rope_head_dim if a.latent else a.head_dim) * element
        used += _activations(a, rank.stage == pp - 1, tokens, seqs, element, context, tp, pp, dp, ep)
        if not a.encoder:
            sizes = sum(1 for s in (1, 2, 4, *range(8, 256, 8), *range(256, 513, 16)) if s <= min(512, 2 * seqs))
            used += MEASURED["graphs"]["fixed_mib"] * 2**20
            used += sizes * rank.layers * MEASURED["graphs"]["per_layer_kib"] * 1024
        used += MEASURED["runtime_mib"]["several" if tp > 1 or dp > 1 else "one"] * 2**20
        if not a.encoder:
            if a.latent is not None:
                page = 16 * (a.latent.kv_rank + a.latent.rope_head_dim) * element
            else:
                page = 16 * 2 * max(1, a.kv_heads // tp) * a.head_dim * element
            mine = len(range(rank.data, requests, dp)) if rank.data else math.ceil(requests / dp)
            taken, size = blocks_of_request(a, rank.layers, context, tokens, 16)
            used += sum(taken for _ in range(mine)) * size * page + size * page
        if used > budget:
            return False
    return True


def _activations(
    a: Architecture, head: bool, tokens: int, seqs: int, element: int, context: int, tp: int, pp: int, dp: int, ep: bool
) -> float:
    """Return the peak of one step."""
    into = 2 if a.gated_mlp else 1
    e = a.experts
    width = a.intermediate if e is None or e.layers < a.layers else e.shared_intermediate
    stream = (2 if pp == 1 else 4) * tokens * a.hidden * element
    forward = stream + tokens * (into + 1) * width // tp * element
    if a.latent is not None:
        unfolded = min(65536, max(8 * context, 64 * seqs))
        each = a.heads // tp * (a.latent.nope_head_dim + a.latent.value_head_dim)
        forward = max(forward, stream + unfolded * each * element)
    sampler = seqs * a.vocab * MEASURED["sampler_bytes"]["per_logit"] + tokens * a.hidden * element
    peak = max(forward, sampler if head and not a.encoder else 0) + MEASURED["activation_mib"]["constant"] * 2**20
    if e is not None:
        part = e.intermediate if ep else e.intermediate // (tp * dp)
        peak += min(tokens * dp, 32768) * e.active * (max(2 * part, a.hidden) + part) * element
    return float(peak)


def search(
    a: Architecture,
    quantization: str,
    dtype: str,
    device: dict[str, Any],
    name: str,
    shape: tuple[int, int],
    context: int,
    requests: int,
    most: int = 0,
    native: int = 0,
) -> tuple[int, int, int, bool] | None:
    """Return a layout that fits within the shape (GPUs a node, nodes), by trying all of them; None if there is none."""
    per_node, nodes = shape
    for tp in range(1, per_node + 1):
        for pp in range(1, per_node * nodes + 1):
            for dp in range(1, per_node * nodes + 1):
                if tp * pp * dp > per_node * nodes or math.ceil(pp * dp / (per_node // tp)) > nodes:
                    continue
                for ep in (False, True):
                    if fits(a, quantization, dtype, device, name, (tp, pp, dp, ep), context, requests, most, native):
                        return tp, pp, dp, ep
    return None
