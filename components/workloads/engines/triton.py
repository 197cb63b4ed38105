"""NVIDIA Triton with the backends TensorRT-LLM, ONNX Runtime and Python.

Recorded from tritonserver 2.51.0 on 2026-11-21, Python backend without a GPU:
- Until every model is loaded no port is open; `/v2/health/ready` is then 200 and 400 while a model is not there.
- A backend process that died is not seen by `/v2/health/ready`, nor by the model's own: requests get 500.
- From SIGTERM on, new connections fail, and over one that is open requests are still answered; there is no phase in
  which it says that it drains. It waits `--exit-timeout-secs` for open connections, idle ones too, and ends with status
  1 if one is still there.
- The backend's Python is isolated: it sees no PYTHONPATH, so programs are packages of the image's own Python.
- In control mode `explicit` whoever reaches the port can unload a model; in mode `none` such a request gets 503.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.resolve.platform import Server
from components.workloads.engines.contract import CONFIG_PATH, WEIGHTS_PATH, Container, Engine, Health, Port, Scratch
from components.workloads.engines.triton_repository import (
    ENGINE_FOLDER,
    FOLDER,
    MAX_BATCH,
    ONNX_FOLDER,
    OWN_PROGRAM,
    Served,
    repository,
    weights_folders,
)

USER = 1000
"""The user `triton-server` of NVIDIA's image (triton-inference-server/server, build.py, tag r24.10)."""

TENSORRT_LLM = "0.14.0"
"""The TensorRT-LLM of the release with tritonserver 2.51.0 (NVIDIA, Triton compatibility matrix, 24.10)."""


def served(server: Server) -> Served:
    """Return what the server's model repository holds."""
    return Served(
        name=server.object_name,
        backend=server.backend,
        task=server.weights.task,
        gpus=server.gpus,
        weights=WEIGHTS_PATH,
        context=server.weights.context_length,
        batch=server.concurrency or MAX_BATCH,
        token_types=server.weights.token_types,
    )


def container(server: Server, image: str) -> Container:
    """Return the container of `tritonserver`."""
    what = served(server)
    return Container(
        name="triton",
        image=image,
        command=("tritonserver",),
        args=arguments(server.drain_seconds, server.args),
        user=USER,
        ports=(
            Port("http", 8000, service=80),
            Port("grpc", 8001, service=8001, app_protocol="kubernetes.io/h2c"),
            Port("metrics", 8002),
        ),
        health=Health("/v2/health/ready", "/v2/health/ready", "/v2/health/live"),
        env={
            "HOME": "/cache",
            "HF_HUB_OFFLINE": "1",  # the weights are on disk
            "TOKENIZERS_PARALLELISM": "false",  # several instances tokenize; threads of each would only be in the way
            **_processes(server),
        },
        config=repository(what),
        notes=notes(server),
        scratch=(Scratch("cache", "/cache", 2), Scratch("tmp", "/tmp", 2)),
        weights_folders={f"{CONFIG_PATH}/{path}": folder for path, folder in weights_folders(what).items()},
    )


def notes(server: Server) -> tuple[str, ...]:
    """Return what has to be in the weights or in the image that llmform does not make."""
    repository = server.weights.repository
    match server.backend:
        case "tensorrt-llm":
            files = "config.json, rank0.engine" + (f" to rank{server.gpus - 1}.engine" if server.gpus > 1 else "")
            return (
                f"the engine is yours: `{ENGINE_FOLDER}/` in {repository} has to hold {files}, built by TensorRT-LLM "
                f"{TENSORRT_LLM} for {server.gpus} × {server.pool.accelerator} with a batch of "
                f"{server.concurrency or MAX_BATCH} or more; an engine for another GPU or version does not load",
            )
        case "onnx":
            given = "input_ids, attention_mask" + (", token_type_ids" if server.weights.token_types else "")
            made = "logits" if server.weights.task == "rerank" else "last_hidden_state"
            return (
                f"the export is yours: `{ONNX_FOLDER}/model.onnx` in {repository} has to take {given} and give {made}",
            )
        case _:
            return (f"the program is yours: the image has the Python module `{OWN_PROGRAM}`",)


def _processes(server: Server) -> Mapping[str, str]:
    """A split engine has a process a GPU. The server starts them itself, so that it stays the one that gets SIGTERM:
    `mpirun` in front of it would end all of them at once."""
    return {"TRTLLM_ORCHESTRATOR": "1"} if server.backend == "tensorrt-llm" and server.gpus > 1 else {}


def arguments(drain_seconds: int, args: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments of `tritonserver`: llmform's own first, then the spec's by name."""
    given = [word for name, value in sorted(args.items()) for word in argument(name, value)]
    return (
        f"--model-repository={CONFIG_PATH}/{FOLDER}",
        "--model-control-mode=none",
        "--disable-auto-complete-config",
        "--strict-readiness=true",
        "--http-port=8000",
        "--grpc-port=8001",
        "--metrics-port=8002",
        f"--exit-timeout-secs={drain_seconds}",
        *given,
    )


def argument(name: str, value: Any) -> list[str]:
    """Return the words of one argument. A list is a flag that is given several times; true and false are written out.

    Example:
        >>> argument("allow_gpu_metrics", False), argument("metrics-config", ["a=1", "b=2"])
        (['--allow-gpu-metrics=false'], ['--metrics-config=a=1', '--metrics-config=b=2'])
    """
    flag = f"--{name.replace('_', '-')}"
    values = value if isinstance(value, list | tuple) else [value]
    return [f"{flag}={str(v).lower() if isinstance(v, bool) else v}" for v in values]


def image(server: Server) -> str:
    """Return which image of the edition the server runs: the one with TensorRT-LLM is a release of its own."""
    return "triton-tensorrt-llm" if server.backend == "tensorrt-llm" else "triton"


ENGINE = Engine("triton", "Triton", container, image)
