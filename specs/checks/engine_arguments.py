"""Engine arguments that the pinned version does not know or take, that llmform sets itself, or that contradict what
the spec says elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from specs.catalog.engines import engine_rows
from specs.catalog.reader import Edition, Flag, check_argument, engine_flags, has_flags, removed_flags
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.serving import Server
from specs.suggest import did_you_mean
from specs.tree import Path

_SERVICE = "the Service"
_SPLIT = "serving.X.parallelism"
_IN_CLEAR = "nothing yet: a key on the command line would stand in the pod's manifest in clear"
_MIRROR = "the mirror of the weights"

OWNED: Mapping[str, Mapping[str, str]] = {
    "vllm": {
        "model": "serving.X.model",
        "served-model-name": "the server's name",
        "revision": "models.X.revision",
        "tokenizer-revision": "models.X.revision",
        "code-revision": "models.X.revision",
        "download-dir": _MIRROR,
        "host": _SERVICE,
        "port": _SERVICE,
        "uds": _SERVICE,
        "max-model-len": "models.X.contextLength",
        "tensor-parallel-size": f"{_SPLIT}.tensor",
        "pipeline-parallel-size": f"{_SPLIT}.pipeline",
        "data-parallel-size": f"{_SPLIT}.data",
        "data-parallel-size-local": f"{_SPLIT}.data",
        "data-parallel-rank": f"{_SPLIT}.data",
        "data-parallel-start-rank": f"{_SPLIT}.data",
        "data-parallel-address": f"{_SPLIT}.data",
        "enable-expert-parallel": f"{_SPLIT}.expert",
        "distributed-executor-backend": _SPLIT,
        "nnodes": _SPLIT,
        "node-rank": _SPLIT,
        "master-addr": _SPLIT,
        "master-port": _SPLIT,
        "headless": _SPLIT,
        "quantization": "models.X.quantization",
        "shutdown-timeout": "the pod's termination grace period",
        "api-key": _IN_CLEAR,
        "hf-token": "models.X.token",
    },
    "tgi": {
        "model-id": "serving.X.model",
        "revision": "models.X.revision",
        "huggingface-hub-cache": _MIRROR,
        "weights-cache-override": _MIRROR,
        "hostname": _SERVICE,
        "port": _SERVICE,
        "shard-uds-path": "the pod's scratch folder",
        "max-total-tokens": "models.X.contextLength",
        "max-input-tokens": "models.X.contextLength",
        "max-input-length": "models.X.contextLength",
        "num-shard": f"{_SPLIT}.tensor",
        "sharded": f"{_SPLIT}.tensor",
        "graceful-termination-timeout": "the pod's termination grace period",
        "usage-stats": "the network policy: nothing is reported to anybody",
        "ngrok": "the network policy: a tunnel would go around it",
        "ngrok-authtoken": "the network policy: a tunnel would go around it",
        "ngrok-edge": "the network policy: a tunnel would go around it",
        "api-key": _IN_CLEAR,
    },
    "llama-cpp": {
        "model": "models.X.file",
        "model-url": "models.X.source",
        "hf-repo": "models.X.source",
        "hf-file": "models.X.file",
        "hf-token": "models.X.token",
        "docker-repo": "models.X.source",
        "models-dir": "serving.X.model",
        "models-preset": "serving.X.model",
        "alias": "the server's name",
        "host": _SERVICE,
        "port": _SERVICE,
        "reuse-port": _SERVICE,
        "api-prefix": _SERVICE,
        "ssl-key-file": _SERVICE,
        "ssl-cert-file": _SERVICE,
        "ctx-size": "models.X.contextLength and serving.X.concurrency",
        "parallel": "serving.X.concurrency",
        "kv-unified": "serving.X.concurrency",
        "threads": "the cores that the pool's nodes leave to a replica",
        "gpu-layers": "the pool: every layer on its GPUs, or none where it has no GPU",
        "split-mode": _SPLIT,
        "metrics": "llmform: rules and objectives read them",
        "embedding": "what the model is for",
        "rerank": "what the model is for",
        "offline": _MIRROR,
        "api-key": _IN_CLEAR,
    },
    "triton": {
        **dict.fromkeys(("model-repository", "model-store", "load-model"), "serving.X.model and serving.X.backend"),
        **dict.fromkeys(
            ("model-control-mode", "repository-poll-secs", "model-config-name"),
            "who may change what is served: the spec, and not whoever reaches the port",
        ),
        **dict.fromkeys(
            ("disable-auto-complete-config", "strict-model-config", "exit-on-error"),
            "the plan: what it shows is what runs",
        ),
        **dict.fromkeys(
            ("strict-readiness", "allow-metrics", "metrics-address", "metrics-port"), "the pod's probes and rules"
        ),
        **dict.fromkeys(
            ("allow-http", "http-address", "http-port", "allow-grpc", "grpc-address", "grpc-port"), _SERVICE
        ),
        **dict.fromkeys(("reuse-http-port", "reuse-grpc-port"), _SERVICE),
        **dict.fromkeys(("http-restricted-api", "grpc-restricted-protocol"), _IN_CLEAR),
        "exit-timeout-secs": "the pod's termination grace period",
    },
}
"""Arguments that llmform computes, by engine and the flag's first name, and what sets each."""

_SAID_BY: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "vllm": {
        "max-num-seqs": ("concurrency", "concurrency"),
        "kv-cache-dtype": ("kv_cache", "kvCache"),
    },
    "tgi": {
        "max-batch-size": ("concurrency", "concurrency"),
        "kv-cache-dtype": ("kv_cache", "kvCache"),
    },
}
"""Arguments that are free unless a key of the server says the same thing: the field, and its key."""

_TOGETHER: Mapping[tuple[str, str], tuple[str, str]] = {
    # vllm/entrypoints/openai/cli_args.py refuses it when the arguments are validated
    ("vllm", "enable-auto-tool-choice"): ("tool-call-parser", "the form in which the model writes calls"),
    # launcher/src/main.rs: `rope_factor` goes together with it; the router gets both or neither
    ("tgi", "rope-scaling"): ("rope-factor", "by how much"),
}
"""Flags that need another one beside them."""


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield the arguments that the engines of the edition would refuse, and those that contradict the spec."""
    for name, server in case.spec.serving.items():
        if not has_flags(server.engine):
            continue  # nothing is known of an image of one's own
        for given, value in server.args.items():
            yield from _argument(case, edition, name, given, value)


def _normal(args: Mapping[str, Any]) -> set[str]:
    return {given.replace("_", "-") for given in args}


def _argument(case: Case, edition: Edition, name: str, given: str, value: Any) -> Iterator[Diagnostic]:
    path: Path = ("serving", name, "args", given)
    server = case.spec.serving[name]
    flags = engine_flags(server.engine, edition.engines[server.engine])
    flag = flags.get(given.replace("_", "-")) if not given.startswith("-") else None
    if flag is None:
        yield _unknown(case, edition, server.engine, path, given, flags)
        return
    owned = next((OWNED[server.engine][n] for n in flag.names if n in OWNED.get(server.engine, {})), None)
    if owned is not None:
        owned = owned.replace("models.X", f"models.{server.model}").replace("serving.X", f"serving.{name}")
        message = f"`--{given}` is set by llmform"
        yield finding(case, "owned-argument", path, message, help=f"it follows from {owned}", key=True)
        return
    others = {flags[n].name for n in _normal(server.args) if n in flags}
    wrong = check_argument(flag, value, others)
    needed = _TOGETHER.get((server.engine, flag.name))
    if wrong is None and needed and value is not False and needed[0] not in others:
        wrong = f"needs `{needed[0]}` beside it, {needed[1]}"
    if wrong:
        yield finding(case, "bad-argument", path, f"`--{given}`: {wrong}", help=flag.help)
        return
    yield from _contradiction(case, name, server, flag, path, given, value)


def _contradiction(
    case: Case, name: str, server: Server, flag: Flag, path: Path, given: str, value: Any
) -> Iterator[Diagnostic]:
    """Yield an argument of which a key of the server says something else."""
    field, key = _SAID_BY.get(server.engine, {}).get(flag.name, ("", ""))
    said = getattr(server, field) if field else None
    if said in (None, "auto") or value == said:
        return
    yield finding(
        case,
        "contradicting-argument",
        path,
        f"`--{given}` says {value}, and `{key}` says {said}",
        help=f"drop one of the two: `{key}` is what the sizes are computed with",
        related=(place_of(case, ("serving", name, key), f"`{key}` is set here"),),
    )


def _unknown(
    case: Case, edition: Edition, engine: str, path: Path, given: str, flags: Mapping[str, Flag]
) -> Diagnostic:
    version = edition.engines[engine]
    title = f"{engine_rows(edition.name)[engine].title} {version}"
    bare, dot, below = given.lstrip("-").replace("_", "-").partition(".")
    gone = removed_flags(engine, version).get(bare)
    message, help = f"{title} has no argument `--{bare}`", did_you_mean(bare, _long_names(flags), "arguments")
    if gone is not None:
        message, help = f"{title} no longer has `--{bare}`", gone
    elif bare in flags and dot:
        message, help = f"`{given}` is no argument of its own", f"write a map: `{bare}: {{{below}: …}}`"
    elif bare in flags:
        message, help = f"an argument is written without dashes in front, not as `{given}`", f"write `{bare}:`"
    return finding(case, "unknown-argument", path, message, help=help, key=True)


def _long_names(flags: Mapping[str, Flag]) -> list[str]:
    return [n for n in flags if len(n) > 3]
