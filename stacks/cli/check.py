"""`llmform check`: everything that is wrong with specs, and nothing else."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from specs.diagnostics import Diagnostic, arrange
from stacks.cli.selection import add_spec
from stacks.cli.session import compile_file, print_diagnostics, read_spec, status, write
from stacks.compile import Compiled

FORMATS = ("human", "concise", "json", "github")


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "check",
        help="say what is wrong with a spec",
        description="Check a spec against the schema, the catalog and its own references; exit 1 if it has errors.",
        epilog="example: llmform check spec.yaml --format github",
        allow_abbrev=False,
    )
    add_spec(parser)
    parser.add_argument("--format", choices=FORMATS, default="human", help="how findings are printed (default: human)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; a sound spec prints one line in the human format."""
    spec = read_spec(arguments.spec)
    compiled = compile_file(spec)
    found = arrange((*compiled.diagnostics, *_exceeded(compiled)))
    if found or arguments.format == "json":
        print_diagnostics(spec, found, arguments.format, sys.stdout)
    elif arguments.format == "human":
        write(f"{spec.shown}: no errors, no warnings\n")
    return status(found)


def _exceeded(compiled: Compiled) -> tuple[Diagnostic, ...]:
    """Return the budgets that a sound spec exceeds; a spec without one pays for no prices."""
    if compiled.compilation is None or all(case.spec.budget is None for case in compiled.loaded.cases):
        return ()
    from stacks.cost.review import costs

    return costs(compiled, None)[1]
