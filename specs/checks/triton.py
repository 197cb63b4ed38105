"""What a backend of Triton cannot do, and what it needs to be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.model_task import task_of
from specs.schema.models import Model
from specs.schema.serving import Parallelism, Server
from specs.tree import Path

TASKS: Mapping[str, tuple[str, ...]] = {
    "tensorrt-llm": ("generate",),
    "onnx": ("embed", "rerank"),
    "python": ("generate", "embed", "rerank"),
}
"""What a model is served for by each backend."""

SPLITS: Mapping[str, tuple[str, ...]] = {
    "tensorrt-llm": ("tensor", "pipeline"),  # as the engine was built
    "onnx": ("data",),  # one instance a GPU, each with the whole model
    "python": ("tensor", "pipeline", "data"),  # its own matter
}
"""How each backend uses several GPUs."""

_WORDS = {"generate": "generates text", "embed": "makes embeddings", "rerank": "reranks"}


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield servers of Triton without a backend or with one that cannot serve their model, and backends elsewhere."""
    for name, server in case.spec.serving.items():
        path: Path = ("serving", name)
        if server.engine != "triton":
            if server.backend is not None:
                message = f"`backend` does nothing with the engine `{server.engine}`: Triton alone has several"
                help = "remove `backend`, or write `engine: triton`"
                yield finding(case, "no-effect", (*path, "backend"), message, help=help, key=True)
        elif server.backend is None:
            message = f"`serving.{name}` has no `backend`, which the engine `triton` needs"
            help = f"add `backend:`, one of {', '.join(f'`{b}`' for b in TASKS)}"
            yield finding(case, "missing-key", path, message, help=help, key=True)
        else:
            yield from _backend(case, edition, name, server, server.backend)


def _backend(case: Case, edition: Edition, name: str, server: Server, backend: str) -> Iterator[Diagnostic]:
    path: Path = ("serving", name)
    if backend == "python" and server.image is None and case.spec.images is None:
        message = f"`serving.{name}` has no `image`: the program of `backend: python` is in an image of your own"
        help = "add `image:` such as `registry.example/chat:1.4.0`, or `images:`, the registry of images that you build"
        yield finding(case, "missing-key", path, message, help=help, key=True)
    model = case.spec.models.get(server.model)
    if model is not None:
        yield from _task(case, edition, name, server, model, backend)
    given = server.parallelism
    for kind in ("tensor", "pipeline", "data", "expert") if isinstance(given, Parallelism) else ():
        value = getattr(given, kind)
        if value not in (1, False) and kind not in SPLITS[backend]:
            able = " or ".join(f"`{split}`" for split in SPLITS[backend])
            message = f"the backend `{backend}` has no split of the kind `{kind}`"
            where = (*path, "parallelism", kind)
            yield finding(case, "engine-cannot", where, message, help=f"it splits by {able}")


def _task(case: Case, edition: Edition, name: str, server: Server, model: Model, backend: str) -> Iterator[Diagnostic]:
    known = edition.models.get(model.repository)
    task = task_of(model, edition)
    related = (place_of(case, ("models", server.model), "the model is set here"),)
    where: Path = ("serving", name, "backend")
    if task not in TASKS[backend]:
        able = next(b for b, tasks in TASKS.items() if task in tasks)
        message = f"`{server.model}` {_WORDS[task]}, and the backend `{backend}` does not"
        yield finding(case, "engine-cannot", where, message, help=f"write `backend: {able}`", related=related)
    elif backend == "onnx" and known is not None and not known.architecture.encoder:
        message = f"`{server.model}` is a decoder, and `backend: onnx` serves encoders"
        help = "choose `engine: vllm`: an exported decoder has inputs for its cache that nothing here fills"
        yield finding(case, "engine-cannot", where, message, help=help, related=related)


def owns_image(server: Server) -> bool:
    """Say whether a server of Triton runs an image of one's own: `backend: python`, whose program is in it."""
    return server.engine == "triton" and server.backend == "python"
