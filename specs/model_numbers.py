"""What is known of a model: from the spec itself, from its `config.json` beside the spec, or from the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from specs.catalog.architecture import Architecture, Experts, LatentAttention, Vision
from specs.catalog.parameters import parameters
from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.files import Files
from specs.finding import finding
from specs.load import Case
from specs.model_config import ConfigError, from_config, inconsistency
from specs.schema.architectures import ModelArchitecture
from specs.source import read
from specs.tree import Path, Tree, at, plain

BYTES: Mapping[str, int] = {"float32": 4, "bfloat16": 2, "float16": 2}
"""Of one element."""


class ModelNumbers(NamedTuple):
    """A model's architecture and what goes with it."""

    architecture: Architecture
    dtype: str
    """Of the published weights; empty where nothing says it."""
    quantization: str
    """Of the published weights (`fp8`, `mxfp4`, `awq`, …); empty where they are not quantized."""
    native_context: int
    """Tokens; 0 where nothing says it."""
    weight_bytes: int
    """Of the published weights; 0 where it does not follow from the architecture (quantized, or of unknown type)."""
    source: str
    """Where the numbers come from, in words."""


Read = tuple[ModelNumbers | None, tuple[Diagnostic, ...]]


def architecture_of(
    case: Case, model_name: str, edition: Edition, files: Files, spec_file: str = ""
) -> tuple[Architecture | None, tuple[Diagnostic, ...]]:
    """Return the architecture of a model of the spec, or None where nothing says it, and what is wrong with its file.

    What the spec says goes before the catalog. `spec_file` is the name that diagnostics show for the spec.
    """
    numbers, found = numbers_of(case, model_name, edition, files, spec_file)
    return (numbers.architecture if numbers else None), found


def numbers_of(case: Case, model_name: str, edition: Edition, files: Files, spec_file: str = "") -> Read:
    """Return all that is known of a model, or None where nothing says its architecture; and what is wrong."""
    model = case.spec.models[model_name]
    given = model.architecture
    if given is None:
        row = edition.models.get(model.repository)
        if row is None:
            return None, ()
        size = row.files.get(model.file, 0) if model.file else row.weight_bytes
        known = (row.architecture, row.dtype, row.quantization, row.native_context, size)
        return ModelNumbers(*known, "catalog"), ()
    path: Path = ("models", model_name, "architecture")
    read_from = _from_file if given.config is not None else _from_keys
    numbers, found = read_from(case, path, given, files, spec_file)
    if numbers is None:
        return None, found
    if model.file is not None and model.file.lower().endswith(".gguf"):  # how it is quantized, its config does not say
        numbers = numbers._replace(quantization="gguf", weight_bytes=0)
    return numbers, tuple(found) + tuple(_contradictions(case, model_name, numbers))


def read_models(
    case: Case, edition: Edition, files: Files, spec_file: str
) -> tuple[Mapping[str, ModelNumbers], tuple[Diagnostic, ...]]:
    """Return what is known of every model of a case, and what is wrong with the files that say it."""
    numbers: dict[str, ModelNumbers] = {}
    found: list[Diagnostic] = []
    for name in case.spec.models:
        known, wrong = numbers_of(case, name, edition, files, spec_file)
        found.extend(wrong)
        if known is not None:
            numbers[name] = known
    return numbers, tuple(found)


def _from_keys(case: Case, path: Path, given: ModelArchitecture, files: Files, spec_file: str) -> Read:
    architecture = _explicit(given)
    problem = inconsistency(architecture)
    if problem:
        help = "`config: config.json`, the model's own file beside the spec, says them all"
        return None, (finding(case, "bad-architecture", path, problem, help=help, key=True),)
    dtype = given.dtype or "bfloat16"
    size = parameters(architecture) * BYTES[dtype]
    return ModelNumbers(architecture, dtype, "", given.native_context or 0, size, "the spec"), ()


def _explicit(given: ModelArchitecture) -> Architecture:
    values: dict[str, Any] = {f: getattr(given, f) for f in Architecture._fields}
    if given.latent is not None:
        values["latent"] = LatentAttention(**given.latent.model_dump())
    if given.experts is not None:
        values["experts"] = Experts(**given.experts.model_dump())
    if given.vision is not None:
        values["vision"] = Vision(given.vision.parameters, given.vision.dtype or "")
    return Architecture(**values)


def _from_file(case: Case, path: Path, given: ModelArchitecture, files: Files, spec_file: str) -> Read:
    name = given.config or ""
    place = PurePosixPath(name)
    outside = place.is_absolute() or ".." in place.parts
    data = None if outside else files.read(str(place))
    if data is None:
        where = "is outside the spec's folder" if outside else "is no file beside the spec"
        help = "put the `config.json` of the model's repository beside the spec, at the revision that is served"
        return None, (finding(case, "config-missing", (*path, "config"), f"`{name}` {where}", help=help),)
    shown = str(PurePosixPath(spec_file).parent / name)
    tree, wrong = read(data, shown)
    if tree is None:
        return None, wrong
    content = plain(tree)
    try:
        architecture = from_config(content)
    except ConfigError as error:
        return None, (*wrong, _at(tree, error))
    dtype, quantization = given.dtype or _dtype(content), _quantization(content)
    size = 0 if quantization or dtype not in BYTES else parameters(architecture) * BYTES[dtype]
    context = given.native_context or _context(content, architecture)
    return ModelNumbers(architecture, dtype, quantization, context, size, shown), wrong


def _at(tree: Tree, error: ConfigError) -> Diagnostic:
    found = at(tree, error.path) or tree
    return Diagnostic("bad-config", error.message, found.span, ".".join(error.path), help=error.help)


def _parts(config: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    text = config.get("text_config")
    return (text, config) if isinstance(text, Mapping) else (config,)


def _dtype(config: Mapping[str, Any]) -> str:
    """`torch_dtype`, which newer configs call `dtype`; of the whole model or of its text part."""
    for part in reversed(_parts(config)):
        for key in ("dtype", "torch_dtype"):
            if isinstance(part.get(key), str):
                return str(part[key]).removeprefix("torch.")
    return ""


def _quantization(config: Mapping[str, Any]) -> str:
    for part in _parts(config):
        said = part.get("quantization_config")
        if isinstance(said, Mapping):
            return str(said.get("quant_method") or "quantized")
    return ""


def _context(config: Mapping[str, Any], a: Architecture) -> int:
    """`max_position_embeddings`, or more where YaRN stretches what it began with (an engine takes the product).

    Roberta's table begins behind the padding's place (`modeling_roberta.py`).
    """
    for part in _parts(config):
        longest = _whole(part.get("max_position_embeddings"))
        if longest > 2 and a.encoder and a.family != "bert":
            return longest - 2
        scaling = part.get("rope_scaling") or part.get("rope_parameters")
        if isinstance(scaling, Mapping) and "yarn" in (scaling.get("rope_type"), scaling.get("type")):
            factor = scaling.get("factor")
            stretched = _whole(scaling.get("original_max_position_embeddings"))
            longest = max(longest, int(stretched * factor) if isinstance(factor, int | float) else 0)
        if longest:
            return longest
    return 0


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _contradictions(case: Case, name: str, numbers: ModelNumbers) -> tuple[Diagnostic, ...]:
    """Return what the rest of the model's entry asks of this architecture and cannot have."""
    model, path = case.spec.models[name], ("models", name)
    found: list[Diagnostic] = []
    if model.context_length is not None and 0 < numbers.native_context < model.context_length:
        message = (
            f"`{model.repository}` was trained for {numbers.native_context:,} tokens, not {model.context_length:,}"
        )
        help = f"write at most `{numbers.native_context}`"
        found.append(finding(case, "context-too-long", (*path, "contextLength"), message, help=help))
    if model.size is None and not numbers.weight_bytes:
        why = (
            f"its weights are quantized ({numbers.quantization})" if numbers.quantization else "nothing says their type"
        )
        help = f"add `size:`, the sum of its weight files, such as `models.{name}.size: 15Gi`"
        message = f"the size of `{model.repository}` does not follow from its architecture: {why}"
        found.append(finding(case, "unknown-model-size", path, message, help=help, key=True))
    return tuple(found)
