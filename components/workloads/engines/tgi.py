"""Text Generation Inference (TGI) with its router's OpenAI-compatible API.

From the sources of the launcher and the router: `/health` answers once the shards are loaded and warm, and asks them;
on SIGTERM the launcher lets the router finish its requests, for 90 s unless it is told otherwise, and then stops the
shards; a crashed shard or router ends the launcher. The router answers to every model name: a name that is no adapter's
is the base model.
Its image reads Python from `/root`, which no other user may (huggingface/text-generation-inference#3082, open).
"""

from __future__ import annotations

from components.resolve.platform import Server
from components.workloads.engines.contract import WEIGHTS_PATH, Container, Engine, Health, Port, Scratch
from components.workloads.engines.words import given_arguments

USER = 65532
"""Any user id: the image knows none but root."""

PORT = 8080
"""The image's own default is 80, which a user without rights may not open everywhere."""

NOTE = (
    "the release's own image does not start for a user other than root "
    "(huggingface/text-generation-inference#3082): build one whose Python that user may read"
)


def container(server: Server, image: str) -> Container:
    """Return the container of `text-generation-launcher`."""
    return Container(
        name="tgi",
        image=image,
        command=("text-generation-launcher",),
        args=arguments(server),
        user=USER,
        ports=(Port("http", PORT, service=80),),
        health=Health("/health", "/health", "/health"),
        env={
            "HOME": "/cache",  # torch and Triton keep compiled kernels here
            "USER": "tgi",  # torch asks for the user's name, and the image has no passwd entry for the id
            "HF_HOME": "/cache/huggingface",
            "HF_HUB_OFFLINE": "1",  # the weights are on disk: a look-up at the hub would only be blocked
            "TORCHINDUCTOR_CACHE_DIR": "/cache/torchinductor",
            "TRITON_CACHE_DIR": "/cache/triton",
        },
        scratch=(Scratch("cache", "/cache", 10), Scratch("tmp", "/tmp", 2)),
        published_notes=(NOTE,),
    )


def arguments(server: Server) -> tuple[str, ...]:
    """Return the arguments of the launcher: llmform's own first, then the spec's by name.

    `max-input-tokens` is one less than `max-total-tokens`: the launcher refuses them equal, and without it takes at
    most 4,095 tokens of a prompt (launcher/src/main.rs).
    """
    own = [
        f"--model-id={WEIGHTS_PATH}",
        "--hostname=0.0.0.0",
        f"--port={PORT}",
        f"--num-shard={server.layout.tensor}",
        "--shard-uds-path=/tmp/text-generation-server",
        "--usage-stats=off",
        f"--graceful-termination-timeout={server.drain_seconds}",
    ]
    length = server.weights.context_length
    if length:
        own += [f"--max-total-tokens={length}", f"--max-input-tokens={length - 1}"]
    if server.concurrency:
        own.append(f"--max-batch-size={server.concurrency}")
    if server.kv_cache == "fp8":
        own.append("--kv-cache-dtype=fp8_e4m3fn")  # the 8-bit type of the two that keeps more digits
    return (*own, *given_arguments("tgi", server.engine_version, server.args))


ENGINE = Engine("tgi", "Text Generation Inference", container)
