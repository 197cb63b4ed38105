"""`llmform schema`: the JSON Schema of the language, for editors."""

from __future__ import annotations

import argparse
from typing import Any

from stacks.cli.output import add_output, check_outputs, write_out


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "schema",
        help="print the JSON Schema of the language",
        description="Print the JSON Schema of the language: editors complete keys and show hover text with it.",
        epilog="example: llmform schema -o llmform.schema.json; the spec's first line is then\n"
        "# yaml-language-server: $schema=llmform.schema.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print or write the schema."""
    from specs.json_schema import schema_text

    check_outputs((arguments.output,))
    write_out(arguments.output, schema_text())
    return 0
