"""Servers that KServe runs: what it runs, and where it is."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.targets import EdgeTarget
from specs.tree import Path, at

NOT_INSTALLED = ("kserve", "efa-device-plugin")
"""Add-ons that a spec can only say are there."""


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield servers with `runtime: kserve` of another engine than vLLM, or at a target that does not say that KServe is
    there; and add-ons that llmform does not install."""
    target = case.spec.targets[case.target]
    addons: dict[str, str] = {} if isinstance(target, EdgeTarget) else {str(k): v for k, v in target.addons.items()}
    state = addons.get("kserve", "existing" if addons.get("default") == "existing" else "")
    for addon in NOT_INSTALLED:
        if addons.get(addon) == "managed":
            where: Path = ("targets", case.target, "addons", addon)
            message = f"llmform does not install `{addon}`"
            yield finding(case, "unmanaged-addon", where, message, help=f"write `{addon}: existing` where it is there")
    for name, server in case.spec.serving.items():
        if server.runtime != "kserve":
            continue
        path: Path = ("serving", name, "runtime")
        if server.engine != "vllm":
            message = f"`runtime: kserve` runs the engine `vllm`, not `{server.engine}`"
            yield finding(case, "engine-cannot", path, message, help="remove `runtime`, or write `engine: vllm`")
        elif state != "existing" and addons.get("kserve") != "managed":
            here = ("targets", case.target)
            related = (place_of(case, here, "the target is set here"),) if at(case.tree, here) is not None else ()
            message = f"nothing says that KServe is at `{case.target}`, and `{name}` is run by it"
            help = f"add `targets.{case.target}.addons: {{kserve: existing}}` if it is there, or remove `runtime`"
            yield finding(case, "kserve-missing", path, message, help=help, related=related)
