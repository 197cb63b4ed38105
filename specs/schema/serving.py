"""`serving`: the model servers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from specs.schema.base import Flag, Name, Number, Section, Text, Whole
from specs.schema.traffic import Objectives, Traffic

EnvName = Annotated[Text, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

# ASCII alone, as the grammar of references has it (distribution/reference); `\w` of all alphabets, bounded, would also
# take 40 ms to compile
_IMAGE = r"^[a-z0-9][A-Za-z0-9_./:-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$"

Argument = Flag | Whole | Number | Text | tuple[Whole | Number | Text, ...] | dict[Text, Any]
"""The value of an engine argument: a list for a flag that takes several, a map for one that takes JSON."""


class Parallelism(Section):
    """How one replica is split over GPUs. What is left out is 1."""

    tensor: Annotated[Whole, Field(ge=1, le=64)] = 1
    """GPUs that share every layer (tensor parallelism). Default: 1."""

    pipeline: Annotated[Whole, Field(ge=1, le=64)] = 1
    """Stages that share the layers, one after the other (pipeline parallelism). Default: 1."""

    data: Annotated[Whole, Field(ge=1, le=64)] = 1
    """Copies of the attention, each with its own requests (data parallelism); for a mixture of experts. Default: 1."""

    expert: Flag = False
    """Spread whole experts over the GPUs of `tensor` × `data` instead of cutting each expert. Default: false."""


MetricName = Annotated[Text, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]{0,199}$")]


class Metrics(Section):
    """Under which names an image of one's own exports what rules, signals and objectives read, without suffixes such
    as `_bucket`. What is left out is not exported."""

    requests_running: MetricName | None = None
    """Requests that are worked on, a gauge."""

    requests_waiting: MetricName | None = None
    """Requests that wait, a gauge."""

    kv_cache: MetricName | None = None
    """Share of the KV cache in use, a gauge from 0 to 1."""

    time_to_first_token: MetricName | None = None
    """Seconds from a request's arrival to the first token, a histogram."""

    inter_token_latency: MetricName | None = None
    """Seconds between two tokens of an answer, a histogram."""

    request_latency: MetricName | None = None
    """Seconds from a request's arrival to the end of its answer, a histogram."""

    requests: MetricName | None = None
    """Requests, a counter."""

    errors: MetricName | None = None
    """Requests that failed by the server's fault, a counter."""

    prompt_tokens: MetricName | None = None
    """Tokens of prompts, a counter."""

    generation_tokens: MetricName | None = None
    """Tokens of answers, a counter."""


class Server(Section):
    """A model server: a model, an engine, and the pool that it runs on."""

    model: Name
    """The model that it serves, an entry of `models`. Clients ask for it by the server's name, after
    `moved` by the first one that it had."""

    engine: Literal["vllm", "triton", "tgi", "llama-cpp", "custom"] = "vllm"
    """The serving engine; `custom` is an image of one's own. Default: vllm."""

    backend: Literal["tensorrt-llm", "onnx", "python"] | None = None
    """What runs the model inside the engine `triton`, which needs it: an engine that TensorRT-LLM built, ONNX Runtime,
    or a Python program of one's own."""

    runtime: Literal["deployment", "kserve"] = "deployment"
    """Who makes the pods: a Deployment, or KServe from an LLMInferenceService (`vllm` alone). Default: deployment."""

    image: Annotated[Text, Field(pattern=_IMAGE)] | None = None
    """The image of the engine `custom`, or of Triton's `backend: python`, by digest or version:
    `registry.example/chat:1.4.0`. Default: the engine's own image of the edition."""

    port: Annotated[Whole, Field(ge=1024, le=65535)] | None = None
    """The port on which an image of one's own serves HTTP. Default: 8000."""

    health_path: Annotated[Text, Field(pattern=r"^/[\w./~-]*$")] | None = None
    """The path that an image of one's own answers with 200 once it has its model. Default: `/healthz`."""

    metrics: Metrics | None = None
    """What an image of one's own exports under `/metrics`. Default: nothing that is known."""

    pool: Name
    """The pool that it runs on, an entry of `nodePools`."""

    targets: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The targets at which it runs, with its model and pool. Default: all."""

    replicas: Annotated[Whole, Field(ge=1, le=1000)] | None = None
    """Number of equal replicas. Default: what `traffic` needs, else 1."""

    parallelism: Parallelism | Literal["auto"] = "auto"
    """How one replica is split over GPUs. Default: auto, the cheapest split of the pool's GPUs that fits, as far as the
    architecture of the model is known; else one GPU."""

    concurrency: Annotated[Whole, Field(ge=1, le=65_536)] | None = None
    """Requests that one replica works on at a time, each with room for the whole context. Default: what `traffic`
    needs, else what fits."""

    kv_cache: Literal["auto", "fp8"] = "auto"
    """The type of the keys and values in the cache: `auto` is the model's own. Default: auto."""

    traffic: Traffic | None = None
    """The load at its busiest. Replicas and latencies are estimated from it."""

    objectives: Objectives | None = None
    """What clients are promised."""

    allow_single_point: Flag = False
    """Accept that nothing serves while the only replica, or the only node, is away. Default: false."""

    env: dict[EnvName, Text] = Field(default_factory=dict)
    """Environment variables for the engine."""

    args: dict[Text, Argument] = Field(default_factory=dict)
    """Arguments for the engine, checked against the pinned version, such as `max-num-seqs: 64`."""
