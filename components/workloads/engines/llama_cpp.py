"""llama.cpp's `llama-server`, on GPUs or on cores alone, with its OpenAI-compatible API.

Recorded from a CPU build of b11312 on 2026-11-21: the port is open while the model loads, and `/health` answers 503
until it is, 200 from then on. On SIGTERM it writes no further token of an answer in flight and cuts the connection at
its next keep-alive, at most 30 s later, with exit status 0; so the pod waits before it is told. `/metrics` is there
only with `--metrics`. `--ctx-size` is shared by the slots of `--parallel`: each request gets the context of the spec.
"""

from __future__ import annotations

from components.resolve.platform import Server
from components.workloads.engines.contract import WEIGHTS_PATH, Container, Engine, Health, Port, Scratch
from components.workloads.engines.words import given_arguments

USER = 65532
"""Any user id: the image's files are readable for all."""

PORT = 8080

_TASKS = {"generate": (), "embed": ("--embeddings",), "rerank": ("--reranking",)}

_UNLESS_GIVEN = {"ui": "--no-ui", "slots": "--no-slots"}
"""Off, since nobody asked for it: the web page, and an endpoint that shows what others ask. The spec can turn it on."""


def container(server: Server, image: str) -> Container:
    """Return the container of `llama-server`."""
    return Container(
        name="llama-cpp",
        image=image,
        command=("/app/llama-server",),
        args=arguments(server),
        user=USER,
        ports=(Port("http", PORT, service=80),),
        health=Health("/health", "/health", "/health"),
        env={"HOME": "/tmp", "LLAMA_CACHE": "/tmp/llama.cpp"},
        scratch=(Scratch("tmp", "/tmp", 2),),
        shared_memory=False,  # one process, threads
        drains=False,
    )


def arguments(server: Server) -> tuple[str, ...]:
    """Return the arguments of `llama-server`: llmform's own first, then the spec's by name.

    Clients name the model by the server's name, after `moved` by the first.
    """
    weights = server.weights
    slots = max(1, server.concurrency)
    own = ["--model", f"{WEIGHTS_PATH}/{weights.file}", "--alias", server.object_name]
    own += ["--host", "0.0.0.0", "--port", str(PORT), "--offline", "--metrics"]
    own += [*_TASKS[weights.task], "--parallel", str(slots)]
    if weights.context_length:
        # `--no-kv-unified`: a slot's room is its own, whatever the others do
        own += ["--ctx-size", str(weights.context_length * slots), "--no-kv-unified"]
    if weights.task != "generate" and weights.context_length:
        # an embedding needs its whole text in one physical batch; the default of 512 tokens refuses longer ones
        own += ["--batch-size", str(weights.context_length), "--ubatch-size", str(weights.context_length)]
    if server.gpus:
        several = "layer" if server.layout.pipeline > 1 else "row"
        own += ["--gpu-layers", "all", "--split-mode", several if server.gpus > 1 else "none"]
    else:
        own += ["--gpu-layers", "0", "--threads", str(server.cpu)]
    given = {name.replace("_", "-").removeprefix("no-") for name in server.args}
    own += [text for name, text in _UNLESS_GIVEN.items() if name not in given]
    return (*own, *given_arguments("llama-cpp", server.engine_version, server.args))


def image_name(server: Server) -> str:
    """Return the name of the image in the edition: the one for CUDA is for amd64 alone, the other one for arm64 too."""
    return "llama-cpp-cuda" if server.gpus else "llama-cpp"


ENGINE = Engine("llama-cpp", "llama.cpp", container, image_name)
