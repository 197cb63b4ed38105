"""`llmform check`: everything that is wrong with specs, and nothing else."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from specs.diagnostics import arrange
from stacks.cli.selection import complete_spec
from stacks.cli.session import compile_file, print_diagnostics, read_spec, status, write

FORMATS = ("human", "concise", "json", "github", "sarif")


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "check",
        help="say what is wrong with specs",
        description="Check specs against the schema, the catalog and its own references; exit 1 if one has errors.",
        epilog="example: llmform check spec.yaml --format github",
        allow_abbrev=False,
    )
    complete_spec(parser.add_argument("specs", metavar="SPEC", nargs="+", help="the spec files"))
    parser.add_argument("--format", choices=FORMATS, default="human", help="how findings are printed (default: human)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; a sound spec prints one line in the human format."""
    specs = [read_spec(name) for name in dict.fromkeys(arguments.specs)]
    checked = [(spec, arrange(compile_file(spec).diagnostics)) for spec in specs]
    if arguments.format == "human":
        for spec, found in checked:
            if found:
                print_diagnostics(spec, found, "human", sys.stdout)
            else:
                write(f"{spec.shown}: no errors, no warnings\n")
    every = tuple(d for _, found in checked for d in found)
    if arguments.format != "human" and (every or arguments.format in ("json", "sarif")):
        print_diagnostics(specs[0], every, arguments.format, sys.stdout)
    return status(every)
