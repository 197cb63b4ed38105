"""Brings a whole spec up in the in-process engine: every stack through the Pulumi program, lower layers first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stacks import program
from stacks.compilation import CompiledStack
from stacks.compile import compile_spec
from stacks.files import DiskFiles
from tests.monitor.engine import REFERENCE_TYPE, STACK_TYPE, Recorded
from tests.monitor.run import run


def stacks_of(spec: Path) -> tuple[CompiledStack, ...]:
    """Return the stacks that a sound spec compiles to, a lower layer before the one above it."""
    compiled = compile_spec(spec.read_bytes(), str(spec), DiskFiles(spec.parent))
    assert compiled.compilation is not None, compiled.diagnostics
    return compiled.compilation.stacks


def deploy(spec: Path, *, shuffle: int | None = None) -> dict[str, Recorded]:
    """Run the program for every stack that Pulumi delivers and return the runs by stack name."""
    outputs: dict[str, dict[str, Any]] = {}
    made: dict[str, Recorded] = {}
    for stack in stacks_of(spec):
        if stack.delivery != "pulumi":
            continue
        up = run_stack(spec, stack.name, stacks=outputs, shuffle=shuffle)
        assert not up.error, up.error
        outputs[stack.name] = dict(up.outputs)
        made[stack.name] = up
    return made


def run_stack(spec: Path, name: str, **options: Any) -> Recorded:
    """Run the Pulumi program for one stack of a spec, as from a project whose Pulumi.yaml is beside the spec."""
    return run(lambda: program.run(spec.name, spec.parent), stack=name, **options)


def recorded_tree(recorded: Recorded) -> str:
    """Return what the engine was given as a tree, in the form of `llmform graph --tree`."""
    lines = [recorded.stack]
    shown = [r for r in recorded.registrations if r.parent and r.type not in (STACK_TYPE, REFERENCE_TYPE)]

    def show(parent: str, depth: int) -> None:
        children = sorted((r for r in shown if r.parent == parent), key=lambda r: (not r.custom, r.name))
        for child in children:
            lines.append(f"{'  ' * depth}{child.name}  ({child.type})")
            show(child.urn, depth + 1)

    show(next(r.urn for r in recorded.registrations if r.type == STACK_TYPE), 1)
    return "\n".join(lines) + "\n"
