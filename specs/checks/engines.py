"""What an engine of the edition cannot do, and keys that only other engines act on."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.engines import EngineRow, engine_rows
from specs.catalog.reader import Edition
from specs.checks.triton import owns_image
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.model_task import task_of
from specs.schema.models import Model
from specs.schema.serving import Server
from specs.tree import Path, at

_CUSTOM_ONLY = ("image", "port", "healthPath", "metrics")
_UNKNOWN_TO_IT = ("kvCache", "traffic")
"""What an image of one's own is not told, and what nobody can compute for it."""

_ESTIMATED = ("vllm",)
"""Engines whose replicas and latencies are estimated from `traffic`."""

_NEEDED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("availability", "the share of requests that are answered", ("requests", "errors")),
    ("timeToFirstToken", "the time to the first token", ("timeToFirstToken",)),
    ("interTokenLatency", "the time between two tokens", ("interTokenLatency",)),
)
"""The objectives, what each is about in words, and the roles of the metrics that it is judged by."""


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield what each server asks of an engine that has nothing for it."""
    rows = engine_rows(edition.name)
    for name, server in case.spec.serving.items():
        row = rows.get(server.engine)
        if row is None:
            continue
        yield from _keys_of_others(case, name, server, row)
        yield from _objectives(case, name, server, row)
        yield from _splits(case, name, server, row)
        if server.kv_cache not in row.kv_caches and server.engine != "custom":
            yield finding(
                case,
                "engine-cannot",
                ("serving", name, "kvCache"),
                f"{_title(row)} has no {server.kv_cache} cache for keys and values",
                help=_EIGHT_BIT.get(row.name, "drop `kvCache`"),
            )
        model = case.spec.models.get(server.model)
        if model is not None:
            yield from _task(case, edition, name, server, model, row)
            yield from _format(case, edition, name, server, model, row)


_EIGHT_BIT = {"llama-cpp": "its own 8-bit type is an argument: `args: {cache-type-k: q8_0, cache-type-v: q8_0}`"}


def _title(row: EngineRow) -> str:
    return f"{row.title} {row.version}".strip()


def _keys_of_others(case: Case, name: str, server: Server, row: EngineRow) -> Iterator[Diagnostic]:
    path: Path = ("serving", name)
    for key in _CUSTOM_ONLY if server.engine != "custom" else _UNKNOWN_TO_IT:
        if at(case.tree, (*path, key)) is None or (key == "image" and owns_image(server)):
            continue
        why = f"llmform knows it of {row.title}" if server.engine != "custom" else "the image alone decides that"
        yield finding(
            case,
            "no-effect",
            (*path, key),
            f"`{key}` does nothing with the engine `{server.engine}`: {why}",
            help=f"remove `{key}`" + (", or write `engine: custom`" if server.engine != "custom" else ""),
            key=True,
        )
    if server.engine not in (*_ESTIMATED, "custom") and server.traffic is not None:
        yield finding(
            case,
            "no-effect",
            (*path, "traffic"),
            f"`traffic` does nothing with the engine `{server.engine}`: the estimates that read it are vLLM's",
            help="remove `traffic`, and say `replicas`",
            key=True,
        )
    if server.engine == "custom" and server.image is None:
        yield finding(
            case,
            "missing-key",
            path,
            f"`serving.{name}` has no `image`, which the engine `custom` runs",
            help="add `image:`, by digest or version, such as `image: registry.example/chat:1.4.0`",
            key=True,
        )


def _objectives(case: Case, name: str, server: Server, row: EngineRow) -> Iterator[Diagnostic]:
    given = server.objectives
    if given is None:
        return
    exported = set(row.metrics) if server.engine != "custom" else _declared(server)
    for key, about, roles in _NEEDED:
        path: Path = ("serving", name, "objectives", key)
        lacking = [r for r in roles if r not in exported]
        if at(case.tree, path) is None or not lacking:
            continue
        what = " and ".join(f"`{role}`" for role in lacking)
        if server.engine == "custom":
            message = f"nothing says under which name the image exports {what}, so nobody can judge {about}"
            help = f"add `metrics: {{{lacking[0]}: …}}`, the name under `/metrics`, or drop the objective"
        else:
            message = f"{_title(row)} exports no metric of {about}, so nobody can judge this objective"
            help = "drop it, or choose an engine that exports one, such as `vllm`"
        yield finding(case, "metric-not-exported", path, message, help=help, key=True)


def _declared(server: Server) -> set[str]:
    """Return the roles that an image of one's own exports, in camelCase as the spec has them."""
    return set(server.metrics.model_dump(by_alias=True, exclude_none=True)) if server.metrics else set()


def _splits(case: Case, name: str, server: Server, row: EngineRow) -> Iterator[Diagnostic]:
    if server.parallelism == "auto":
        return
    asked = {
        "tensor": server.parallelism.tensor > 1,
        "pipeline": server.parallelism.pipeline > 1,
        "data": server.parallelism.data > 1,
        "expert": server.parallelism.expert,
    }
    if server.engine == "llama-cpp" and asked["tensor"] and asked["pipeline"]:
        yield finding(
            case,
            "engine-cannot",
            ("serving", name, "parallelism", "pipeline"),
            f"{_title(row)} splits by rows (`tensor`) or by layers (`pipeline`), not by both",
            help="write one of the two",
            related=(place_of(case, ("serving", name, "parallelism", "tensor"), "`tensor` is set here"),),
        )
    for kind, wanted in asked.items():
        if wanted and kind not in row.splits:
            able = f"it splits by `{'`, `'.join(row.splits)}`" if row.splits else "it splits over nothing"
            yield finding(
                case,
                "engine-cannot",
                ("serving", name, "parallelism", kind),
                f"{_title(row)} has no split of the kind `{kind}`",
                help=f"{able}; or choose another engine",
            )


def _task(
    case: Case, edition: Edition, name: str, server: Server, model: Model, row: EngineRow
) -> Iterator[Diagnostic]:
    task = task_of(model, edition)
    if task not in row.tasks:
        words = {"generate": "generates text", "embed": "makes embeddings", "rerank": "reranks"}
        yield finding(
            case,
            "engine-cannot",
            ("serving", name, "engine"),
            f"`{server.model}` {words[task]}, and {_title(row)} does not",
            help="choose `engine: vllm`, or another one that does",
            related=(place_of(case, ("models", server.model), "the model is set here"),),
        )


def _format(
    case: Case, edition: Edition, name: str, server: Server, model: Model, row: EngineRow
) -> Iterator[Diagnostic]:
    """Yield an engine that cannot read the model's file, or a model of several files where it reads one."""
    known = edition.models.get(model.repository)
    gguf = model.file is not None and model.file.lower().endswith(".gguf")
    several = model.file is None and known is not None and known.quantization == "gguf"
    related = (place_of(case, ("models", server.model), "the model is set here"),)
    path: Path = ("serving", name, "engine")
    if "gguf" not in row.formats and (gguf or several):
        message = f"{_title(row)} does not read GGUF, which `{server.model}` is"
        help = "choose `engine: llama-cpp`, or the repository with the model's safetensors"
        yield finding(case, "wrong-format", path, message, help=help, related=related)
    elif "safetensors" not in row.formats and not gguf:
        files = tuple(known.files) if known is not None else ()
        example = files[0] if files else "model-q4_k_m.gguf"
        message = f"{_title(row)} reads one GGUF file, and `{server.model}` names none"
        help = f"add `models.{server.model}.file: {example}`, a file of its repository"
        yield finding(case, "wrong-format", path, message, help=help, related=related)
