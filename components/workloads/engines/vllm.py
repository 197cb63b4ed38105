"""vLLM with its OpenAI-compatible server.

Recorded from vLLM 0.32.0 on 2026-11-21: the port refuses connections until the model is loaded, `/health` is 200 from
the first successful connect and stays 200 while it drains, `--shutdown-timeout` lets requests in flight finish but new
ones get 500, and a dead engine ends the process with exit status 0.
"""

from __future__ import annotations

from components.resolve.platform import Server
from components.workloads.engines.contract import WEIGHTS_PATH, Container, Engine, Health, Port, Scratch
from components.workloads.engines.vllm_arguments import arguments

USER = 2000
"""The user `vllm` of the image (vllm-project/vllm#40275, 2026-04): torch fails for a user id without a passwd entry."""

PORT = 8000


def container(server: Server, image: str) -> Container:
    """Return the container of `vllm serve`."""
    return Container(
        name="vllm",
        image=image,
        command=("vllm", "serve"),
        args=tuple(arguments(server, WEIGHTS_PATH, PORT)),
        user=USER,
        ports=(Port("http", PORT, service=80),),
        health=Health("/health", "/health", "/health"),
        env={
            "HOME": "/cache",  # vLLM, torch and Triton keep compiled kernels here
            "VLLM_CACHE_ROOT": "/cache/vllm",
            "TORCHINDUCTOR_CACHE_DIR": "/cache/torchinductor",
            "TRITON_CACHE_DIR": "/cache/triton",
            "HF_HUB_OFFLINE": "1",  # the weights are on disk: a look-up at the hub would only be blocked
            "VLLM_NO_USAGE_STATS": "1",
        },
        scratch=(Scratch("cache", "/cache", 10), Scratch("tmp", "/tmp", 2)),
    )


ENGINE = Engine("vllm", "vLLM", container)
