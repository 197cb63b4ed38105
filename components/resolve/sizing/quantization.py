"""How many bytes a matrix takes in each format of weights, and which matrices keep the model's own type.

vLLM's formats quantize the linear layers between the embedding and the head; embeddings, the head, norms, biases and
routers keep the model's type (`ignore: ["lm_head"]` and `modules_to_not_convert` of the published checkpoints;
measured: an fp8 Llama-3.1-8B takes 8.49 GiB under vLLM 0.19.0, which is 6.50 GiB of linear layers at one byte and
1.96 GiB of embedding and head at two). MXFP4 as published (gpt-oss) quantizes the experts only. GGUF files quantize
everything but vectors, each tensor by a rule of its own: gguf.py.
"""

from __future__ import annotations

from typing import NamedTuple

BYTES_OF_TYPE = {
    "bfloat16": 2, "float16": 2, "half": 2, "float32": 4, "float": 4, "fp8": 1, "fp8_e4m3": 1, "fp8_e5m2": 1,
}  # fmt: skip
"""Bytes of an element, by the names that configs and engines use."""


class Format(NamedTuple):
    """A format of quantized weights, of matrices with `rows` outputs and `columns` inputs."""

    name: str
    bits: int
    """Of one weight."""
    group: int = 0
    """Inputs that share a scale; 0: a scale for each output."""
    group_bits: int = 0
    """Of a group's scale and zero point together."""
    block: int = 0
    """Scales for squares of so many outputs and inputs; a split has to end at their edges."""
    only_experts: bool = False
    experts_padded_to: int = 1
    """The model's width inside expert matrices is rounded up to a multiple of this."""
    compute: str = "bf16"
    """The unit that multiplies: the type of the activations."""
    capability: float = 7.5
    """The least compute capability for which vLLM has kernels."""
    source: str = ""


FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        Format("fp8", 8, compute="fp8", capability=8.0, source="one byte a weight, one float32 scale an output (vLLM "
               "docs, FP8 W8A8); computes in fp8 from 8.9 on, below that weights only (Marlin)"),
        Format("fp8-block", 8, block=128, compute="fp8", capability=8.0, source="DeepSeek-V3 and Qwen3 FP8: float32 "
               "scales for blocks of 128 x 128 (`weight_block_size` of their configs)"),
        Format("int8", 8, compute="int8", capability=7.5, source="w8a8: one byte a weight, a float32 scale an output"),
        Format("awq", 4, group=128, group_bits=16 + 4, source="AutoAWQ: groups of 128, an fp16 scale and a 4-bit zero"),
        Format("gptq", 4, group=128, group_bits=16 + 4, source="GPTQ, groups of 128: an fp16 scale, a 4-bit zero"),
        Format("nvfp4", 4, group=16, group_bits=8, compute="fp4", capability=8.0, source="NVFP4: an fp8 scale for 16 "
               "weights (4.5 bits a weight), one float32 scale a matrix"),
        Format("mxfp4", 4, group=32, group_bits=8, only_experts=True, experts_padded_to=256, capability=8.0,
               source="OCP MX: an 8-bit scale for 32 weights; gpt-oss quantizes experts only; vLLM pads their width to "
               "256 (measured: gpt-oss-120b 64.38 GiB)"),
    )
}  # fmt: skip
"""By the names that a spec uses; a model's own type has no row."""


def matrix_bytes(form: Format | None, rows: int, columns: int, element: int) -> int:
    """Return the bytes of a matrix with its scales; `element`: bytes of the model's own type, used without a format.

    Example:
        >>> matrix_bytes(FORMATS["awq"], 4096, 4096, 2)  # 16,777,216 x 4 bits + 131,072 groups x 20 bits
        8716288
    """
    if form is None:
        return rows * columns * element
    weights = rows * columns * form.bits // 8
    if form.block:
        return weights + 4 * -(-rows // form.block) * -(-columns // form.block)
    if form.group:
        return weights + rows * -(-columns // form.group) * form.group_bits // 8
    return weights + 4 * rows


def is_known(quantization: str) -> bool:
    """Say whether there is arithmetic for a format: "" and "none" are the model's own type."""
    from components.resolve.sizing.gguf import TYPES

    return quantization in ("", "none", *BYTES_OF_TYPE) or quantization in FORMATS or quantization in TYPES


def as_published(family: str, dtype: str) -> tuple[str, str]:
    """Return the quantization and the type of activations of a model as its maker publishes it.

    Args:
        family: `model_type` of its config.
        dtype: of its weights, as the catalog has it.

    Example:
        >>> as_published("deepseek_v3", "float8_e4m3"), as_published("llama", "bfloat16")
        (('fp8-block', 'bfloat16'), ('', 'bfloat16'))
    """
    if family == "gpt_oss":
        return "mxfp4", "bfloat16"
    if dtype.startswith("float8"):
        return "fp8-block", "bfloat16"
    return "", dtype if dtype in BYTES_OF_TYPE else "bfloat16"
