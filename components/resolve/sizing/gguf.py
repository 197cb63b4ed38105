"""GGUF: bits of ggml's block types, and which type each tensor has in a mixed file (`q4_k_m`).

Block sizes: ggml/src/ggml-common.h of llama.cpp (`block_q4_K` is 144 bytes for 256 weights). The mixture:
`llama_tensor_get_type` in src/llama-quant.cpp, for files made without an importance matrix.
"""

from __future__ import annotations

from typing import NamedTuple

BLOCKS: dict[str, tuple[int, int]] = {
    "f32": (1, 4), "f16": (1, 2), "bf16": (1, 2),
    "q4_0": (32, 18), "q4_1": (32, 20), "q5_0": (32, 22), "q5_1": (32, 24), "q8_0": (32, 34),
    "q2_k": (256, 84), "q3_k": (256, 110), "q4_k": (256, 144), "q5_k": (256, 176), "q6_k": (256, 210),
    "iq4_nl": (32, 18), "iq4_xs": (256, 136),
}  # fmt: skip
"""Weights of a block, bytes of a block."""


class Mixture(NamedTuple):
    """A kind of file: the type of most matrices, of the head, and of the sensitive ones."""

    base: str
    head: str
    more: str
    """Of attention's values and the MLP's way down, in the layers of `more_layers`."""


TYPES: dict[str, Mixture] = {
    "q4_k_m": Mixture("q4_k", "q6_k", "q6_k"),
    "q5_k_m": Mixture("q5_k", "q6_k", "q6_k"),
    "q4_k_s": Mixture("q4_k", "q6_k", "q5_k"),
    "q5_k_s": Mixture("q5_k", "q6_k", "q5_k"),
    "q6_k": Mixture("q6_k", "q6_k", "q6_k"),
    "q8_0": Mixture("q8_0", "q8_0", "q8_0"),
    "q4_0": Mixture("q4_0", "q6_k", "q4_0"),
    "q5_0": Mixture("q5_0", "q6_k", "q5_0"),
    "iq4_nl": Mixture("iq4_nl", "q6_k", "iq4_nl"),
    "f16": Mixture("f16", "f16", "f16"),
}
"""By the names of files and specs, in lower case."""

SMALLER = {"q2_k": "q4_0", "q3_k": "q4_0", "q4_k": "q5_0", "q5_k": "q5_1", "q6_k": "q8_0", "iq4_xs": "iq4_nl"}
"""What a matrix gets instead whose rows are no multiple of 256 (the same function's fallback)."""


def gguf_bytes(kind: str, rows: int, columns: int) -> int:
    """Return the bytes of a matrix of that type; the fallback where `columns` is no multiple of the block.

    Example:
        >>> gguf_bytes("q4_k", 4096, 4096), gguf_bytes("q4_k", 896, 896)  # 896 = 3.5 x 256, so q5_0
        (9437184, 551936)
    """
    weights, size = BLOCKS[kind]
    if columns % weights:
        kind = SMALLER.get(kind, "f16")
        weights, size = BLOCKS[kind]
        if columns % weights:
            weights, size = BLOCKS["f16"]
    return rows * columns // weights * size


def more_bits(layer: int, layers: int) -> bool:
    """Say whether the rule gives a layer's sensitive matrices the larger type: the first and the last eighth, and every
    third between (`use_more_bits`)."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def more_layers(kind: str, layers: int) -> int:
    """Return in how many layers the sensitive matrices have the larger type; in `q*_k_s` only the first eighth has it
    in full, counted here as for its MLP (attention's values: the first four)."""
    if kind.endswith("_s"):
        return layers // 8
    return sum(more_bits(i, layers) for i in range(layers))
