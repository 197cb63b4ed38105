"""Servers that KServe runs: what it runs, and where it is."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.targets import EdgeTarget
from specs.tree import Path, at


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield servers with `runtime: kserve` of another engine than vLLM, or at a target that does not say that KServe is
    there; and a target that wants llmform to install it."""
    target = case.spec.targets[case.target]
    addons = {} if isinstance(target, EdgeTarget) else target.addons
    state = addons.get("kserve", "existing" if addons.get("default") == "existing" else "")
    at_target: Path = ("targets", case.target, "addons")
    if addons.get("kserve") == "managed":
        message = "llmform does not install KServe"
        help = "write `kserve: existing` where it runs, with its LLMInferenceService controller and CRDs"
        yield finding(case, "kserve-missing", (*at_target, "kserve"), message, help=help)
        return
    for name, server in case.spec.serving.items():
        if server.runtime != "kserve":
            continue
        path: Path = ("serving", name, "runtime")
        if server.engine != "vllm":
            message = f"`runtime: kserve` runs the engine `vllm`, not `{server.engine}`"
            yield finding(case, "engine-cannot", path, message, help="remove `runtime`, or write `engine: vllm`")
        elif state != "existing":
            here = ("targets", case.target)
            related = (place_of(case, here, "the target is set here"),) if at(case.tree, here) is not None else ()
            message = f"nothing says that KServe is at `{case.target}`, and `{name}` is run by it"
            help = f"add `targets.{case.target}.addons: {{kserve: existing}}` if it is there, or remove `runtime`"
            yield finding(case, "kserve-missing", path, message, help=help, related=related)
