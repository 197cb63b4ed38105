"""The Pulumi program: the spec that the stack's config names, compiled as `llmform` compiles it, handed to the engine.

What stops it is one `pulumi.RunError` with the text that a person needs, raised before anything is registered; the
engine shows it once, without a traceback, and ends with exit status 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import pulumi
from google.protobuf import struct_pb2
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_monitor

from components.emit import emit
from components.graph import PROJECT, Graph, StackOutput, references
from specs.catalog.reader import load_edition
from specs.diagnostics import Diagnostic
from specs.suggest import did_you_mean
from stacks.cli.session import Spec, UsageError, compile_file, diagnostics_text, read_spec
from stacks.compilation import CompiledStack
from stacks.compile import Compiled
from stacks.project import PROJECT_FILES

SPEC = "spec"
"""The one key of the stack's config, `llmform:spec`: the spec's path, relative to Pulumi.yaml."""

READ_OUTPUTS = "pulumi:pulumi:readStackOutputs"
"""The engine's own function behind a StackReference (pulumi/pulumi, pkg/resource/deploy/builtins.go)."""


def run(spec_path: str = "", project_dir: Path | None = None) -> None:
    """Register the resources of the stack that the engine runs, and export its outputs.

    Without arguments, the path of the spec is the stack's config `llmform:spec`, relative to the folder of Pulumi.yaml.
    RunError where the spec, the stack, or what a lower layer has to give is not there.
    """
    if pulumi.get_project() != PROJECT:
        raise _stopped(
            f"Pulumi.yaml names the project `{pulumi.get_project()}`",
            f"write `name: {PROJECT}`: the name is part of every resource's URN, and plans say `{PROJECT}`",
        )
    # Paths in diagnostics are those that a person sees who runs `llmform check` beside Pulumi.yaml.
    with chdir(project_dir or _project_folder()):
        spec = _spec(spec_path or _configured())
        stack, below, versions, warnings = _compiled(spec, compile_file(spec))
        texts = [diagnostics_text(spec, (warning,)) for warning in warnings]
    outputs = _lower_outputs(stack, below)
    for text in texts:
        pulumi.log.warn(text)
    for name, value in emit(stack.graph, outputs, versions).items():
        pulumi.export(name, value)


def _stopped(message: str, advice: str = "") -> pulumi.RunError:
    return pulumi.RunError(f"{message}\n  = help: {advice}" if advice else message)


def _project_folder() -> Path:
    """Return the folder of Pulumi.yaml: the engine starts the program in it, or in the folder of `main` inside it."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / name).is_file() for name in PROJECT_FILES):
            return folder
    raise _stopped(f"there is no Pulumi.yaml in `{here}` or above it")


def _configured() -> str:
    path = pulumi.Config(PROJECT).get(SPEC)
    if path:
        return path
    stack = pulumi.get_stack()
    raise _stopped(
        f"the config of stack `{stack}` names no spec",
        f"`llmform stacks SPEC --write` writes it, or `pulumi config set --stack {stack} {PROJECT}:{SPEC} SPEC`",
    )


def _spec(path: str) -> Spec:
    try:
        return read_spec(path)
    except UsageError as problem:
        where = f"`{PROJECT}:{SPEC}` of stack `{pulumi.get_stack()}`, relative to `{Path.cwd()}`"
        advice = "`llmform stacks SPEC --write` sets it to where the spec is"
        raise _stopped(f"{problem.message} ({where})", advice) from None


def _compiled(
    spec: Spec, compiled: Compiled
) -> tuple[CompiledStack, CompiledStack | None, Mapping[str, str], tuple[Diagnostic, ...]]:
    """Return the stack that runs, the one below it, the versions of its provider plugins, and the spec's warnings."""
    found = compiled.compilation
    if found is None:
        raise pulumi.RunError(
            f"nothing is changed: `{spec.shown}` has errors\n\n{diagnostics_text(spec, compiled.diagnostics)}"
        )
    name = pulumi.get_stack()
    stack = next((s for s in found.stacks if s.name == name), None)
    if stack is None:
        raise _stopped(
            f"`{spec.shown}` has no stack `{name}`", did_you_mean(name, (s.name for s in found.stacks), "stacks")
        )
    if stack.delivery != "pulumi":
        raise _stopped(
            f"`{name}` is delivered by GitOps: the spec says so in `targets.{stack.target}.delivery`",
            "what applies it is your GitOps controller; two owners of one object undo each other",
        )
    place = [s for s in found.stacks if s.somewhere == stack.somewhere]
    at = place.index(stack)
    return stack, place[at - 1] if at else None, load_edition(found.edition).providers, compiled.diagnostics


def _lower_outputs(stack: CompiledStack, next_below: CompiledStack | None) -> Callable[[str, str], Any]:
    """Return the look-up of lower layers' outputs; RunError where a layer or an output that is needed is not there.

    Each stack is asked once before anything is registered. A StackReference alone would fail in the middle of the
    deployment, as an error of the engine that says neither what needs it nor what to run. The layer next below has to
    be there even if the graph reads nothing of it: this one stands on its namespace, definitions and operators.
    """
    needed = _needed(stack.graph)
    if next_below is not None:
        needed.setdefault(next_below.layer, set(next_below.graph.outputs))
    for layer, names in needed.items():
        below = _below(stack, layer)
        missing = sorted(names - _outputs_of(below))
        if missing:
            raise _stopped(
                f"stack `{below}` has no output {', '.join(f'`{n}`' for n in missing)}, which `{stack.name}` needs",
                f"run `pulumi up --stack {below}` first",
            )

    @cache
    def reference(layer: str) -> pulumi.StackReference:
        below = _below(stack, layer)
        return pulumi.StackReference(below, _full_name(below))

    @cache
    def output(layer: str, name: str) -> pulumi.Output[Any]:
        return reference(layer).require_output(name)

    return output


def _needed(graph: Graph) -> dict[str, set[str]]:
    """Return the outputs that the graph reads, by layer."""
    needed: dict[str, set[str]] = defaultdict(set)
    values: Iterable[Any] = (*(node.inputs for node in graph.nodes), graph.outputs)
    for ref in (r for value in values for r in references(value)):
        if isinstance(ref, StackOutput):
            needed[ref.layer].add(ref.name)
    return needed


def _below(stack: CompiledStack, layer: str) -> str:
    return f"{stack.name.removesuffix(stack.layer)}{layer}"


def _full_name(stack: str) -> str:
    """Return the name by which a reference finds the stack: the same project, and the organization of this backend.

    A backend in files or a bucket knows one organization, which is called `organization` (pulumi/pulumi,
    pkg/backend/diy/store.go, read 2026-11-21).
    """
    return f"{pulumi.get_organization()}/{PROJECT}/{stack}"


def _outputs_of(stack: str) -> frozenset[str]:
    """Return the names of a stack's outputs; RunError if the engine cannot read it."""
    arguments = struct_pb2.Struct()
    arguments.update({"name": _full_name(stack)})
    monitor = get_monitor()
    assert monitor is not None, "a Pulumi program runs under the engine"
    try:
        # Not `pulumi.runtime.invoke`: what fails there ends the program later, with a traceback.
        answer = monitor.Invoke(resource_pb2.ResourceInvokeRequest(tok=READ_OUTPUTS, args=arguments))
    except grpc.RpcError as problem:
        details = str(problem.details())
        if "unknown stack" in details:
            raise _stopped(f"stack `{stack}` is not deployed", f"run `pulumi up --stack {stack}` first") from None
        raise _stopped(f"the outputs of stack `{stack}` cannot be read: {details.rpartition('error: ')[2]}") from None
    outputs = getattr(answer, "return").fields["outputs"].struct_value
    return frozenset(outputs.fields)
