"""The KV cache of vLLM: blocks of tokens, layers in groups, and how many requests of a length they hold.

- A block of one layer: `block` tokens x KV heads of this GPU x head dimension x 2 (key and value) x bytes; with a
  latent (MLA) `block` x (latent + rope) x bytes, the same on every GPU of a tensor split.
- Layers of one kind form groups of equal size; all groups draw blocks from one pool, and a block is one page for each
  layer of a group. A request takes ceil(context / block) blocks in each group of full layers and, in each group of
  layers with a window, those for the window and the tokens of one step, and one more: the window need not begin at a
  block's edge.
- The group size is the number of layers of the rarer kind; that of the more common one if that is less than 1.25
  times as many (`_get_kv_cache_groups_uniform_page_size`). One block of the pool is never used (the null block).

Sources: vllm/v1/kv_cache_interface.py and vllm/v1/core/kv_cache_utils.py. Measured runs agree to the block: see
docs/concepts/sizing.md.
"""

from __future__ import annotations

from typing import NamedTuple

from components.resolve.sizing.engine import Settings
from components.resolve.sizing.layouts import Layout, kv_heads_per_gpu
from components.resolve.sizing.quantization import BYTES_OF_TYPE
from components.resolve.sizing.terms import Line, up
from specs.catalog.architecture import Architecture

SOURCE = "vllm/v1/kv_cache_interface.py, vllm/v1/core/kv_cache_utils.py"


class Pool(NamedTuple):
    """The cache of one stage's GPU: what a block and a request take."""

    page: int
    """Bytes of a block in one layer."""
    group: int
    """Layers of a group: a block takes `page` bytes in each."""
    full_groups: int
    window_groups: int
    block: int
    window: int

    @property
    def block_bytes(self) -> int:
        """Bytes of a block of the pool."""
        return self.page * self.group

    def blocks_of(self, context: int, batched_tokens: int) -> int:
        """Return the blocks that a request of that many tokens takes."""
        full = self.full_groups * up(context, self.block)
        if not self.window_groups:
            return full
        kept = min(self.window - 1 + batched_tokens, context)
        return full + self.window_groups * (up(kept, self.block) + 1)


def element_bytes(settings: Settings) -> int:
    """Return the bytes of one cached number: the model's type unless the cache has its own."""
    return BYTES_OF_TYPE[settings.dtype] if settings.kv_dtype == "auto" else BYTES_OF_TYPE[settings.kv_dtype]


def pool(a: Architecture, layout: Layout, settings: Settings, layers: int) -> Pool | None:
    """Return the cache of a stage with that many layers; None for an encoder, which has none."""
    if a.encoder:
        return None
    if a.latent is not None:
        numbers = a.latent.kv_rank + a.latent.rope_head_dim
    else:
        numbers = 2 * kv_heads_per_gpu(a, layout.tensor) * a.head_dim
    page = settings.block * numbers * element_bytes(settings)
    if not a.window or not settings.hybrid_cache:
        return Pool(page, layers, 1, 0, settings.block, 0)
    full = min(layers, up(a.full_layers * layers, a.layers))
    windowed = layers - full
    if not full or not windowed:
        return Pool(page, layers, int(full > 0), int(windowed > 0), settings.block, a.window)
    fewer, more = min(full, windowed), max(full, windowed)
    group = more if more < fewer * 1.25 else fewer
    return Pool(page, group, up(full, group), up(windowed, group), settings.block, a.window)


def line(
    p: Pool, a: Architecture, layout: Layout, settings: Settings, context: int, requests: int, tokens: int
) -> Line:
    """Return the cache that these requests of full length need on this GPU."""
    blocks = requests * p.blocks_of(context, tokens) + 1
    if a.latent is not None:
        one = f"block x (latent {a.latent.kv_rank} + rope {a.latent.rope_head_dim}) x bytes, on every GPU of the split"
    else:
        heads = kv_heads_per_gpu(a, layout.tensor)
        one = f"block x {heads} KV heads x {a.head_dim} x 2 x bytes"
    formula = f"(requests x blocks a request + 1) x layers a group x page; page = {one}"
    inputs: tuple[tuple[str, str | int | float], ...] = (
        ("requests", requests), ("context", context), ("blocks a request", p.blocks_of(context, tokens)),
        ("block", p.block), ("groups", p.full_groups + p.window_groups), ("layers a group", p.group), ("page", p.page),
        ("bytes", element_bytes(settings)),
    )  # fmt: skip
    if p.window_groups:
        inputs += (("window", p.window), ("tokens a step", tokens))
    return Line("KV cache", formula, inputs, blocks * p.block_bytes, SOURCE)
