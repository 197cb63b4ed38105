"""Parameters of a vision tower with its projector, from the `vision_config` of a Hugging Face config.

Each function adds up the modules of one tower in `transformers` (release 5.23.0, `modeling_*.py` of the family named);
tests/test_model_catalog.py compares the sums with the published counts of models that have them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol


class Numbers(Protocol):
    """Reads whole numbers of a config: the value of a key, `default` where it is absent, else an error."""

    def number(self, key: str, default: int | None = None) -> int: ...
    def count(self, key: str, default: int) -> int:
        """Return how many entries the list of that key has."""
        ...


def _linear(into: int, out: int, *, bias: bool = True) -> int:
    return into * out + (out if bias else 0)


def _block(hidden: int, intermediate: int, *, attention_bias: bool) -> int:
    """A transformer layer: four square matrices, an MLP of two with biases, two norms with biases."""
    attention = 4 * _linear(hidden, hidden, bias=attention_bias)
    return attention + _linear(hidden, intermediate) + _linear(intermediate, hidden) + 4 * hidden


def siglip(tower: Numbers, text_hidden: int) -> int:
    """Gemma 3: a SigLIP tower without head; the projector is one matrix and a norm."""
    hidden, patch = tower.number("hidden_size"), tower.number("patch_size")
    positions = (tower.number("image_size") // patch) ** 2
    embedding = _linear(tower.number("num_channels", 3) * patch * patch, hidden) + positions * hidden
    block = _block(hidden, tower.number("intermediate_size"), attention_bias=True)
    projector = hidden * text_hidden + hidden
    return embedding + tower.number("num_hidden_layers") * block + 2 * hidden + projector


def mllama(tower: Numbers, text_hidden: int) -> int:
    """Llama 3.2: local and gated global layers, tables for tiles and aspect ratios (one more than ratios: none)."""
    hidden, patch = tower.number("hidden_size", 1280), tower.number("patch_size", 14)
    positions = (tower.number("image_size", 448) // patch) ** 2 + 1
    tiles, ratios = tower.number("max_num_tiles", 4), tower.count("supported_aspect_ratios", 8) + 1
    patches = _linear(tower.number("num_channels", 3) * patch * patch, hidden, bias=False) + hidden
    places = 1 + positions * hidden + ratios * tiles * positions * hidden
    around = 2 * (1 + ratios * tiles * hidden) + 4 * hidden
    block = _block(hidden, tower.number("intermediate_size", 5120), attention_bias=False)
    layers = tower.number("num_hidden_layers", 32) * block + tower.number("num_global_layers", 8) * (block + 2)
    return patches + places + around + layers + _linear(tower.number("vision_output_dim", 7680), text_hidden)


def llama4(tower: Numbers, text_hidden: int) -> int:
    """Llama 4: a tower with biases; the adapter and the projector have none."""
    hidden, patch = tower.number("hidden_size", 768), tower.number("patch_size", 14)
    intermediate = tower.number("intermediate_size", 5632)
    positions = (tower.number("image_size", 448) // patch) ** 2 + 1
    embedding = _linear(tower.number("num_channels", 3) * patch * patch, hidden, bias=False) + hidden
    block = _block(hidden, intermediate, attention_bias=True)
    layers = tower.number("num_hidden_layers", 34) * block + 4 * hidden
    inner, out = tower.number("projector_input_dim", 4096), tower.number("projector_output_dim", 4096)
    adapter = intermediate * inner + inner * out
    return embedding + positions * hidden + layers + adapter + tower.number("vision_output_dim", 7680) * text_hidden


def qwen3_vl(tower: Numbers, text_hidden: int) -> int:
    """Qwen3-VL: patches over time, and one merger at the end and one for each layer that feeds the text layers."""
    hidden, patch = tower.number("hidden_size", 1152), tower.number("patch_size", 16)
    out = tower.number("out_hidden_size", text_hidden)
    volume = tower.number("in_channels", 3) * tower.number("temporal_patch_size", 2) * patch * patch
    embedding = _linear(volume, hidden) + tower.number("num_position_embeddings", 2304) * hidden
    block = _block(hidden, tower.number("intermediate_size", 4304), attention_bias=True)
    merged = hidden * tower.number("spatial_merge_size", 2) ** 2
    merger = _linear(merged, merged) + _linear(merged, out)
    deep = tower.count("deepstack_visual_indexes", 3) * (2 * merged + merger)
    return embedding + tower.number("depth", 27) * block + 2 * hidden + merger + deep


def pixtral(tower: Numbers, text_hidden: int) -> int:
    """Mistral 3: a tower without biases and with a gated MLP; patches of 2 x 2 are merged before two matrices."""
    hidden, patch = tower.number("hidden_size", 1024), tower.number("patch_size", 16)
    embedding = _linear(tower.number("num_channels", 3) * patch * patch, hidden, bias=False) + hidden
    block = 4 * hidden * hidden + 3 * hidden * tower.number("intermediate_size", 4096) + 2 * hidden
    merged = hidden * 2**2
    projector = hidden + merged * hidden + hidden * text_hidden + text_hidden * text_hidden
    return embedding + tower.number("num_hidden_layers", 24) * block + projector


TOWERS: Mapping[str, Callable[[Numbers, int], int]] = {
    "gemma3": siglip,
    "mllama": mllama,
    "llama4": llama4,
    "qwen3_vl": qwen3_vl,
    "qwen3_vl_moe": qwen3_vl,
    "mistral3": pixtral,
}
"""By the `model_type` of the whole config."""
