"""In which format a model's weights are served: as published, or quantized by the engine while it loads them.

vLLM 0.32.0 reads the format of a quantized repository from its config and needs no argument. Of the formats of
sizing/quantization.py it makes one by itself from 16-bit weights: `--quantization=fp8_per_tensor` (vLLM's docs,
Online Quantization; the method is in the parser's recorded list). Its `int8_per_channel_weight_only` is for experts
alone, and awq, gptq, int8, nvfp4 and mxfp4 are made beforehand and published as a repository of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from components.resolve.sizing.quantization import BYTES_OF_TYPE, as_published, is_known
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.model_numbers import ModelNumbers

AT_LOAD = {"fp8": "fp8_per_tensor"}
"""Formats that vLLM makes while it loads, and its argument for each."""

AT_LOAD_CAPABILITY = 8.9
"""GPUs below have no fp8 units: a repository in fp8 is unpacked there (Marlin), but none is made from 16 bits."""

_METHODS = {
    "awq": "awq", "gptq": "gptq", "mxfp4": "mxfp4", "fp8": "fp8-block",
}  # fmt: skip
"""`quant_method` of a config and the format it stands for. Of `fp8` the blocks of 128 are taken: DeepSeek's and Qwen's
have them, and they are the stricter rule for a split."""


class Served(NamedTuple):
    """The weights as the engine holds them."""

    quantization: str
    """A format of sizing/quantization.py or gguf.py; "" for 16 bits as published."""
    dtype: str
    """Type of activations, and of what is not quantized."""
    argument: str = ""
    """Of `--quantization`; "" where the engine reads it from the repository."""
    unknown: str = ""
    """Why the format is not known; nothing is computed then."""


def served(case: Case, model_name: str, numbers: ModelNumbers) -> Served:
    """Return the format of a model, of what the spec asks and the repository has."""
    asked = case.spec.models[model_name].quantization
    published, dtype = as_published(numbers.architecture.family, numbers.dtype)
    if dtype == "float32":
        dtype = "float16"  # `--dtype auto`: "FP16 precision for FP32 and FP16 models"
    if numbers.quantization == "gguf":
        return Served(_gguf(case.spec.models[model_name].file or ""), "float16")
    if numbers.quantization and not published:
        method = asked or _METHODS.get(numbers.quantization, "")
        why = f"its weights are quantized by `{numbers.quantization}`, of which only the spec could say the format"
        return Served(method, dtype, unknown="" if method else why)
    if published or not asked or asked == "none":
        return Served(published, dtype)
    return Served(asked, dtype, AT_LOAD.get(asked, ""))


def _gguf(file: str) -> str:
    """Return the kind of a GGUF file, which is the last part of its name: `qwen2.5-1.5b-instruct-q4_k_m.gguf`.

    Example:
        >>> _gguf("qwen2.5-1.5b-instruct-q4_k_m.gguf"), _gguf("Model.Q8_0.gguf"), _gguf("model.gguf")
        ('q4_k_m', 'q8_0', '')
    """
    kind = file.lower().removesuffix(".gguf").replace(".", "-").rpartition("-")[2]
    return kind if is_known(kind) and kind not in BYTES_OF_TYPE else ""


def check_quantization(case: Case, server_name: str, numbers: ModelNumbers | None) -> Iterator[Diagnostic]:
    """Yield a `quantization` that the model's repository does not have and its server's engine does not make."""
    server = case.spec.serving[server_name]
    asked = case.spec.models[server.model].quantization
    if asked is None:
        return
    path = ("models", server.model, "quantization")
    repository = case.spec.models[server.model].repository
    related = (place_of(case, ("serving", server_name), "it is served here"),)
    if numbers is None:
        yield finding(
            case, "quantization-unknown", path,
            f"nothing says whether the weights of `{repository}` are quantized already",
            help="add `architecture: {config: config.json}`, the model's own file beside the spec, which says it",
            related=related,
        )  # fmt: skip
        return
    published, _ = as_published(numbers.architecture.family, numbers.dtype)
    already = published or numbers.quantization
    same = {published.partition("-")[0], numbers.quantization, _METHODS.get(numbers.quantization, "")}
    if already and asked not in {*same, published} and (published or numbers.quantization in _METHODS):
        yield finding(
            case, "quantization-differs", path,
            f"the weights of `{repository}` are {already.partition('-')[0]} already, not {asked}",
            help="drop `quantization`: vLLM reads the format from the repository", related=related,
        )  # fmt: skip
    elif not already and asked != "none" and (asked not in AT_LOAD or server.engine != "vllm"):
        who = "vLLM" if server.engine == "vllm" else f"`{server.engine}`"
        made = f"{who} makes no {asked} from the 16-bit weights of `{repository}`"
        yield finding(
            case, "quantization-not-made", path, made,
            help=f"name a repository whose weights are {asked}, or write `quantization: fp8`, which vLLM makes while "
            "it loads", related=related,
        )  # fmt: skip
