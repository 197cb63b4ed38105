"""Triton's model repository for a server: every file of it but the weights, as text by its path.

What clients call is one model with the server's name:

| backend | generate | embed | rerank |
|---|---|---|---|
| `tensorrt-llm` | a Python model that tokenizes, asks the engine and streams text; the engine beside it | | |
| `onnx` | | ensemble: tokenize, encode, pool | ensemble: tokenize, encode, score |
| `python` | one model of one's own | one model of one's own | one model of one's own |

Tensors have the names of Triton's generate extension: `text_input` and `text_output`; `embedding`; `query` and
`score`.

The fields are those of the schema that tritonserver 2.51.0 has in itself (`specs/catalog/2026-11/triton.json`). Every
field is said: the server does not complete a configuration by itself, so what a plan shows is what runs. A version
folder is there because a file is in it; where a model has no file of its own, a note is put there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from components.workloads.engines.pbtxt import Field, Word, entries, pbtxt

FOLDER = "models"
"""The repository, below the engine's config files."""

MAX_BATCH = 64
"""Requests that a batch may hold, where the spec says no `concurrency`. Assumed: an encoder of 0.5 B parameters is
bound by compute from 64 requests of 128 tokens on; a TensorRT-LLM engine must have been built for so many."""

QUEUE_MICROSECONDS = 2_000
"""How long a request may wait for others to share its batch: little beside the 10 ms and more of a batch."""

REJECT_MICROSECONDS = 30_000_000
"""A request that has waited so long gets 503, and only that way is a metric counted for overload: a full queue counts
nothing (tritonserver 2.51.0, recorded 2026-11-21)."""

ENGINE_FOLDER = "engine"
"""Where the TensorRT-LLM engine is in the weights: `config.json` and one `rank<N>.engine` a GPU."""

ONNX_FOLDER = "onnx"
"""Where the model is in the weights, as Optimum exports it: `model.onnx`, with `model.onnx_data` from 2 GB on."""

PROGRAMS = "llmform_triton"
"""The Python package with our models, in the image (`serving_images/triton`)."""

OWN_PROGRAM = "serving_model"
"""The Python module that an image of one's own has for `backend: python`: its class `TritonPythonModel`."""

_EXECUTOR = "/opt/tritonserver/backends/tensorrtllm/trtllmExecutorWorker"
"""The program that the backend starts for each GPU (triton-inference-server/tensorrtllm_backend, v0.14.0, config.pbtxt
of inflight_batcher_llm/tensorrt_llm, where the names of its tensors and parameters are from too)."""


class Served(NamedTuple):
    """What the repository serves."""

    name: str
    backend: str
    """`tensorrt-llm`, `onnx` or `python`."""
    task: str
    """`generate`, `embed` or `rerank`."""
    gpus: int
    """0 for a pool without GPUs."""
    weights: str
    """Where the weights lie in the container."""
    context: int
    """Tokens; 0 for the model's own length."""
    batch: int = MAX_BATCH
    """Requests that a batch may hold."""
    token_types: bool = False
    """Whether the encoder has the input `token_type_ids`: exports of BERT do, those of XLM-RoBERTa do not."""


Config = Mapping[str, Field]


def repository(served: Served) -> dict[str, str]:
    """Return the repository: text by its path below the engine's config files. Raises LookupError for a task that the
    backend does not do: a bug, the checks refuse it.

    Example:
        >>> sorted(repository(Served("embed", "onnx", "embed", 1, "/weights", 512)))[:3]
        ['models/embed-encode/config.pbtxt', 'models/embed-pool/1/model.py', 'models/embed-pool/config.pbtxt']
    """
    match served.backend, served.task:
        case "tensorrt-llm", "generate":
            models = _tensorrt_llm(served)
        case "onnx", "embed" | "rerank":
            models = _onnx(served)
        case "python", "generate" | "embed" | "rerank":
            models = {served.name: (_own(served), OWN_PROGRAM)}
        case _:
            raise LookupError((served.backend, served.task))
    files: dict[str, str] = {}
    for name, (config, program) in models.items():
        files[f"{FOLDER}/{name}/config.pbtxt"] = pbtxt({"name": name, **config})
        if program:
            files[f"{FOLDER}/{name}/1/model.py"] = f"from {program} import TritonPythonModel\n"
        elif config.get("backend") != "onnxruntime":  # whose version folder is one of the weights
            files[f"{FOLDER}/{name}/1/README"] = "This model has no files here, and Triton asks for the folder.\n"
    return dict(sorted(files.items()))


def weights_folders(served: Served) -> dict[str, str]:
    """Return which folder of the weights has to be at which path of the repository: ONNX Runtime reads its model from
    the version folder and from nowhere else."""
    return {f"{FOLDER}/{served.name}-encode/1": ONNX_FOLDER} if served.backend == "onnx" else {}


def _tensorrt_llm(served: Served) -> dict[str, tuple[Config, str]]:
    """A Python model that tokenizes, asks the engine, and streams text, since an ensemble cannot keep a character back
    whose bytes are in two tokens."""
    engine = f"{served.name}-engine"
    chat: Config = {
        "backend": "python",
        "max_batch_size": 0,  # requests are batched by the engine, token by token
        "input": _generate_inputs(),
        "output": (_tensor("text_output", "TYPE_STRING", 1),),
        "instance_group": _on_cpu(),
        "model_transaction_policy": {"decoupled": True},
        "parameters": _parameters(engine=engine, weights=served.weights, context=served.context),
    }
    optional = {
        "end_id": "TYPE_INT32", "pad_id": "TYPE_INT32", "temperature": "TYPE_FP32", "runtime_top_k": "TYPE_INT32",
        "runtime_top_p": "TYPE_FP32", "repetition_penalty": "TYPE_FP32", "random_seed": "TYPE_UINT64",
    }  # fmt: skip
    scalar: dict[str, Field] = {"reshape": {"shape": ()}}
    flags = tuple(_tensor(name, "TYPE_BOOL", 1) | {"optional": True} for name in ("streaming", "stop"))
    runs: Config = {
        "backend": "tensorrtllm",
        "max_batch_size": served.batch,
        "input": (
            _tensor("input_ids", "TYPE_INT32", -1) | {"allow_ragged_batch": True},
            _tensor("input_lengths", "TYPE_INT32", 1) | scalar,
            _tensor("request_output_len", "TYPE_INT32", 1),
            *(_tensor(name, kind, 1) | scalar | {"optional": True} for name, kind in optional.items()),
            *flags,
        ),
        "output": (_tensor("output_ids", "TYPE_INT32", -1, -1), _tensor("sequence_length", "TYPE_INT32", -1)),
        "instance_group": _on_cpu(),  # the backend starts a process for each GPU by itself
        "dynamic_batching": {"preferred_batch_size": (served.batch,), "max_queue_delay_microseconds": 0},
        "model_transaction_policy": {"decoupled": True},
        "parameters": _parameters(
            gpt_model_path=f"{served.weights}/{ENGINE_FOLDER}",
            gpt_model_type="inflight_fused_batching",
            batch_scheduler_policy="guaranteed_no_evict",
            max_beam_width=1,
            kv_cache_free_gpu_mem_fraction=0.9,
            exclude_input_in_output="true",
            executor_worker_path=_EXECUTOR,
            FORCE_CPU_ONLY_INPUT_TENSORS="no",
        ),
    }
    return {served.name: (chat, f"{PROGRAMS}.generate"), engine: (runs, "")}


def _onnx(served: Served) -> dict[str, tuple[Config, str]]:
    """tokenize → encode → pool (embed) or score (rerank). What a step gives goes into the next by its tensor's name."""
    rerank = served.task == "rerank"
    texts = ("query", "text_input") if rerank else ("text_input",)
    tokens = ("input_ids", "attention_mask", *(("token_type_ids",) if served.token_types else ()))
    encoded, last, result = ("logits", "score", "score") if rerank else ("last_hidden_state", "pool", "embedding")
    of_tokens = tuple(_tensor(name, "TYPE_INT64", -1) for name in tokens)
    of_texts = tuple(_tensor(name, "TYPE_STRING", 1) for name in texts)
    of_encoded = _tensor(encoded, "TYPE_FP32", 1) if rerank else _tensor(encoded, "TYPE_FP32", -1, -1)
    of_result = _tensor(result, "TYPE_FP32", 1 if rerank else -1)
    masked = () if rerank else (_tensor("attention_mask", "TYPE_INT64", -1),)
    tokenize: Config = {
        "backend": "python",
        "max_batch_size": served.batch,
        "input": of_texts,
        "output": of_tokens,
        "instance_group": _on_cpu(max(1, served.gpus)),
        "parameters": _parameters(weights=served.weights, context=served.context),
    }
    encode: Config = {
        "backend": "onnxruntime",
        "max_batch_size": served.batch,
        "default_model_filename": "model.onnx",
        "input": of_tokens,
        "output": (of_encoded,),
        "instance_group": _on_gpus(served.gpus),
        "dynamic_batching": _shared_batches(),
    }
    after: Config = {
        "backend": "python",
        "max_batch_size": served.batch,
        "input": (of_encoded, *masked),
        "output": (of_result,),
        "instance_group": _on_cpu(max(1, served.gpus)),
        "parameters": _parameters(weights=served.weights),
    }
    steps = {"tokenize": (texts, tokens), "encode": (tokens, (encoded,)), last: ((encoded,), (result,))}
    if not rerank:
        steps[last] = ((encoded, "attention_mask"), (result,))
    whole: Config = {
        "platform": "ensemble",
        "max_batch_size": served.batch,
        "input": of_texts,
        "output": (of_result,),
        "ensemble_scheduling": {
            "step": tuple(_step(f"{served.name}-{name}", given, made) for name, (given, made) in steps.items())
        },
    }
    return {
        served.name: (whole, ""),
        f"{served.name}-tokenize": (tokenize, f"{PROGRAMS}.tokenize"),
        f"{served.name}-encode": (encode, ""),
        f"{served.name}-{last}": (after, f"{PROGRAMS}.{last}"),
    }


def _own(served: Served) -> Config:
    """A model of one's own: what it is given and gives is fixed, how it uses the GPUs is its own matter."""
    inputs, outputs = {
        "generate": (_generate_inputs(), (_tensor("text_output", "TYPE_STRING", 1),)),
        "embed": ((_tensor("text_input", "TYPE_STRING", 1),), (_tensor("embedding", "TYPE_FP32", -1),)),
        "rerank": (
            (_tensor("query", "TYPE_STRING", 1), _tensor("text_input", "TYPE_STRING", 1)),
            (_tensor("score", "TYPE_FP32", 1),),
        ),
    }[served.task]
    streams = served.task == "generate"
    config: dict[str, Field] = {
        "backend": "python",
        "max_batch_size": 0 if streams else served.batch,
        "input": inputs,
        "output": outputs,
        "instance_group": ({"count": 1, "kind": Word("KIND_MODEL" if served.gpus else "KIND_CPU")},),
        "model_transaction_policy": {"decoupled": streams},
        "parameters": _parameters(weights=served.weights, context=served.context, gpus=served.gpus),
    }
    return config if streams else config | {"dynamic_batching": _shared_batches()}


def _generate_inputs() -> tuple[Field, ...]:
    """Return the inputs of Triton's generate extension, as its own engines name them."""
    optional = {"max_tokens": "TYPE_INT32", "temperature": "TYPE_FP32", "stream": "TYPE_BOOL"}
    return (
        _tensor("text_input", "TYPE_STRING", 1),
        *(_tensor(name, kind, 1) | {"optional": True} for name, kind in optional.items()),
    )


def _tensor(name: str, kind: str, *dims: int) -> dict[str, Field]:
    return {"name": name, "data_type": Word(kind), "dims": dims}


def _parameters(**values: str | int | float) -> tuple[Field, ...]:
    """Return the backend's parameters, whose values are text whatever they mean."""
    return entries({name: {"string_value": str(value)} for name, value in values.items()})


def _on_cpu(count: int = 1) -> tuple[Field, ...]:
    return ({"count": count, "kind": Word("KIND_CPU")},)


def _on_gpus(gpus: int) -> tuple[Field, ...]:
    """One instance a GPU: each has a copy of the model, and takes the next batch."""
    return ({"count": 1, "kind": Word("KIND_GPU"), "gpus": tuple(range(gpus))},) if gpus else _on_cpu()


def _shared_batches() -> dict[str, Field]:
    policy = {
        "timeout_action": Word("REJECT"),
        "default_timeout_microseconds": REJECT_MICROSECONDS,
        "allow_timeout_override": True,
    }
    return {"max_queue_delay_microseconds": QUEUE_MICROSECONDS, "default_queue_policy": policy}


def _step(model: str, given: tuple[str, ...], made: tuple[str, ...]) -> dict[str, Field]:
    # the names inside the ensemble are those of the models' own tensors
    return {
        "model_name": model,
        "model_version": -1,
        "input_map": entries({name: name for name in given}),
        "output_map": entries({name: name for name in made}),
    }
