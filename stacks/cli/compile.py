"""`llmform compile`: record the graphs of a spec in one file."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from stacks.cli.output import add_output, check_outputs, write_out
from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import compile_file, print_diagnostics, read_spec, selected, status
from stacks.compilation import encode
from stacks.render.style import safe_json


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "compile",
        help="record the graphs of a spec in a file",
        description="Compile a spec and write every selected stack's values and graph as one JSON file.",
        epilog="example: llmform compile spec.yaml -o release.json; llmform plan spec.yaml --against file:release.json",
        allow_abbrev=False,
    )
    add_spec(parser)
    add_output(parser)
    add_selection(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the compilation, whole or not at all."""
    check_outputs((arguments.output,))
    spec = read_spec(arguments.spec)
    compiled = compile_file(spec)
    if compiled.diagnostics:
        print_diagnostics(spec, compiled.diagnostics, "human", sys.stderr)
    if compiled.compilation is not None:
        text = safe_json(encode(selected(compiled.compilation, arguments)))
        write_out(arguments.output, text)
    return status(compiled.diagnostics)
