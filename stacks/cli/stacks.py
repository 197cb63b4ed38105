"""`llmform stacks`: the stacks of a spec, in the order in which they are deployed."""

from __future__ import annotations

import argparse
import json
from typing import Any

from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import read_spec, sound, write


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "stacks",
        help="list the stacks of a spec",
        description="List the stacks of a spec: one an environment, target and layer.",
        epilog="example: llmform stacks spec.yaml --environment prod",
        allow_abbrev=False,
    )
    add_spec(parser)
    add_selection(parser)
    parser.add_argument(
        "--format", choices=("human", "json"), default="human", help="how they are printed (default: human)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the stacks' names, what they hold and where they are."""
    chosen = sound(read_spec(arguments.spec), arguments).selected.stacks
    if arguments.format == "json":
        rows = [
            {
                "name": s.name,
                "environment": s.environment,
                "target": s.target,
                "layer": s.layer,
                "place": s.place,
                "resources": len(s.graph.nodes),
            }
            for s in chosen
        ]
        write(json.dumps({"format": 1, "stacks": rows}, indent=2) + "\n")
        return 0
    widest = max(len(s.name) for s in chosen)
    write("".join(f"{s.name:<{widest}}  {len(s.graph.nodes):>4} resources  {s.place}\n" for s in chosen))
    return 0
