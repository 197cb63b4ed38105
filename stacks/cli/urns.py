"""`llmform urns`: the resources of one component, as `pulumi up` is told to touch nothing else."""

from __future__ import annotations

import argparse
import json
from typing import Any

from specs.suggest import did_you_mean
from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import UsageError, read_spec, sound, write
from stacks.compilation import CompiledStack
from stacks.urns import urns

FORMATS = ("args", "lines", "json")

_SHOWN = 12
"""Stacks that an error names; an edge target may have thousands."""

EPILOG = """\
examples:
  pulumi up --stack hello.default.us-east-1.workloads \\
    $(llmform urns spec.yaml serving.chat --stack hello.default.us-east-1.workloads)
  llmform urns spec.yaml serving.chat --stack hello.default.us-east-1.workloads --format lines

`args` is for `$(…)`, which splits at spaces and looks at nothing else: no URN has a space. `lines` is one URN a line,
quoted for a shell, to be pasted.
"""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "urns",
        help="print the --target flags that make `pulumi up` touch one component alone",
        description="Print the URNs of a component, and of what it needs, as --target flags of `pulumi`. With them\n"
        "one model server is shipped or rolled back, and the rest of the stack stays as it is deployed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    parser.add_argument("component", metavar="COMPONENT", help="a component of the graph, such as serving.chat")
    add_selection(parser)
    parser.add_argument("--only", action="store_true", help="leave out what the component needs, such as its model")
    parser.add_argument("--dependents", action="store_true", help="also what needs the component")
    parser.add_argument("--format", choices=FORMATS, default="args", help="how they are printed (default: args)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the URNs of the component in the one selected stack that has it."""
    stack = _holder(sound(read_spec(arguments.spec), arguments).selected.stacks, arguments.component)
    found = urns(stack.graph, arguments.component, needs=not arguments.only, dependents=arguments.dependents)
    match arguments.format:
        case "json":
            rows = {"format": 1, "stack": stack.name, "component": arguments.component, "urns": list(found)}
            write(json.dumps(rows, indent=2) + "\n")
        case "lines":
            import shlex

            write("".join(f"{shlex.quote(one)}\n" for one in found))
        case _:
            write("".join(f"--target={one}\n" for one in found))
    return 0


def _holder(chosen: tuple[CompiledStack, ...], component: str) -> CompiledStack:
    """Return the stack that has the component; UsageError if none has it, several, or one that is not Pulumi's."""
    holders = [s for s in chosen if any(c.id == component for c in s.graph.components)]
    if not holders:
        known = {c.id for s in chosen for c in s.graph.components}
        raise UsageError(
            f"no selected stack has a component `{component}`", did_you_mean(component, known, "components")
        )
    if len(holders) > 1:
        names = ", ".join(f"`{s.name}`" for s in holders[:_SHOWN])
        more = f", and {len(holders) - _SHOWN:,} more" if len(holders) > _SHOWN else ""
        raise UsageError(
            f"{len(holders):,} stacks have a component `{component}`", f"name one with `--stack`: {names}{more}"
        )
    if holders[0].delivery != "pulumi":
        raise UsageError(
            f"`{holders[0].name}` is delivered by GitOps, and `pulumi up` refuses it",
            f"`llmform render` writes one file an object; the names of this component's begin with `{component}_`",
        )
    return holders[0]
