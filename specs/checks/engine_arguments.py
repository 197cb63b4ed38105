"""Engine arguments that the pinned version does not know or take, or that llmform sets itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from specs.catalog.reader import Edition, Flag, check_vllm_argument, vllm_flags, vllm_removed
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.suggest import did_you_mean
from specs.tree import Path

OWNED: Mapping[str, str] = {
    "model": "serving.X.model",
    "served-model-name": "the server's name",
    "revision": "models.X.revision",
    "tokenizer-revision": "models.X.revision",
    "code-revision": "models.X.revision",
    "download-dir": "the mirror of the weights",
    "host": "the Service",
    "port": "the Service",
    "uds": "the Service",
    "max-model-len": "models.X.contextLength",
    "tensor-parallel-size": "serving.X.parallelism.tensor",
    "shutdown-timeout": "the pod's termination grace period",
    "api-key": "nothing yet: a key on the command line would stand in the pod's manifest in clear",
    "hf-token": "models.X.token",
}
"""Arguments that llmform computes, by the flag's first name, and what sets each."""


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield what `vllm serve` of the edition would refuse."""
    version = edition.engines["vllm"]
    for name, server in case.spec.serving.items():
        for given, value in server.args.items():
            yield from _argument(case, version, name, given, value)


def _normal(args: Mapping[str, Any]) -> set[str]:
    return {given.replace("_", "-") for given in args}


def _argument(case: Case, version: str, name: str, given: str, value: Any) -> Iterator[Diagnostic]:
    path = ("serving", name, "args", given)
    flags = vllm_flags(version)
    flag = flags.get(given.replace("_", "-")) if not given.startswith("-") else None
    if flag is None:
        yield _unknown(case, version, path, given, flags)
        return
    owned = next((OWNED[n] for n in flag.names if n in OWNED), None)
    if owned is not None:
        model = case.spec.serving[name].model
        owned = owned.replace("models.X", f"models.{model}").replace("serving.X", f"serving.{name}")
        yield finding(
            case,
            "owned-argument",
            path,
            f"`--{given}` is set by llmform",
            help=f"it follows from {owned}",
            key=True,
        )
        return
    others = {flags[n].name for n in _normal(case.spec.serving[name].args) if n in flags}
    wrong = check_vllm_argument(flag, value, others)
    if flag.name == "enable-auto-tool-choice" and value is True and "tool-call-parser" not in others:
        # vllm/entrypoints/openai/cli_args.py refuses it when the arguments are validated
        wrong = "needs `tool-call-parser` beside it, the form in which the model writes calls"
    if wrong:
        yield finding(case, "bad-argument", path, f"`--{given}`: {wrong}", help=flag.help)


def _unknown(case: Case, version: str, path: Path, given: str, flags: Mapping[str, Flag]) -> Diagnostic:
    bare, dot, below = given.lstrip("-").replace("_", "-").partition(".")
    gone = vllm_removed(version).get(bare)
    message, help = f"vLLM {version} has no argument `--{bare}`", did_you_mean(bare, _long_names(flags), "arguments")
    if gone is not None:
        message, help = f"vLLM {version} no longer has `--{bare}`", gone
    elif bare in flags and dot:
        message, help = f"`{given}` is no argument of its own", f"write a map: `{bare}: {{{below}: …}}`"
    elif bare in flags:
        message, help = f"an argument is written without dashes in front, not as `{given}`", f"write `{bare}:`"
    return finding(case, "unknown-argument", path, message, help=help, key=True)


def _long_names(flags: Mapping[str, Flag]) -> list[str]:
    return [n for n in flags if len(n) > 3]
