"""`llmform check`: everything that is wrong with specs, and nothing else."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from specs.diagnostics import Diagnostic, arrange
from stacks.cli.session import Spec, compile_file, print_diagnostics, sources, status, write, write_to
from stacks.cli.specs import add_specs, find_specs
from stacks.cli.workers import add_jobs, cores, spread
from stacks.compile import Compiled

FORMATS = ("human", "concise", "json", "github", "sarif")

OF_NOTHING = ("json", "sarif")
"""Formats that are printed without findings too: a program reads them."""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "check",
        help="say what is wrong with specs",
        description="Check specs against the schema, the catalog and their own references; exit 1 if one has errors.",
        epilog="example: llmform check spec.yaml --format github",
        allow_abbrev=False,
    )
    add_specs(parser)
    add_jobs(parser)
    parser.add_argument("--format", choices=FORMATS, default="human", help="how findings are printed (default: human)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; a sound spec prints one line in the human format."""
    specs = find_specs(arguments.specs)
    if len(specs) == 1 and not os.path.isdir(arguments.specs[0]):
        spec = specs[0]
        found = _checked(spec)
        if found or arguments.format in OF_NOTHING:
            print_diagnostics(spec, found, arguments.format, sys.stdout)
        elif arguments.format == "human":
            write(f"{spec.shown}: no errors, no warnings\n")
        return status(found)
    return _many(specs, arguments.format, arguments.jobs or cores())


def _many(specs: list[Spec], form: str, jobs: int) -> int:
    """Print the findings of all specs as one list, sorted by file."""
    from stacks.cli.progress import Progress

    def work(n: int) -> tuple[tuple[Diagnostic, ...], dict[str, str]]:
        found = _checked(specs[n])
        return found, sources(specs[n], found) if found else {}

    with Progress(len(specs), "checking, specs done") as progress:
        checked = spread(work, len(specs), jobs, progress)
    found = arrange(d for one, _ in checked for d in one)
    texts = {file: text for _, some in checked for file, text in some.items()}
    sound = sum(not one for one, _ in checked)
    if found or form in OF_NOTHING:
        if form == "human":
            from stacks.cli.session import coloured, counted
            from stacks.render.diagnostics import human
            from stacks.render.style import Style

            text = human(found, texts, style=Style(coloured(sys.stdout)))
            write_to(f"{text}\n{counted(found)} in {len(specs) - sound:,} of {len(specs):,} specs\n", sys.stdout)
        else:
            print_diagnostics(specs[0], found, form, sys.stdout)
    elif form == "human":
        write(f"{len(specs):,} specs: no errors, no warnings\n")
    return status(found)


def _checked(spec: Spec) -> tuple[Diagnostic, ...]:
    compiled = compile_file(spec)
    return arrange((*compiled.diagnostics, *_exceeded(compiled)))


def _exceeded(compiled: Compiled) -> tuple[Diagnostic, ...]:
    """Return the budgets that a sound spec exceeds; a spec without one pays for no prices."""
    if compiled.compilation is None or all(case.spec.budget is None for case in compiled.loaded.cases):
        return ()
    from stacks.cost.review import costs

    return costs(compiled, None)[1]
