"""`llmform schema`: the JSON Schema of the language, for editors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from stacks.cli.compile import write_whole
from stacks.cli.session import write


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
    parser.add_argument(
        "-o", "--output", default="-", metavar="FILE", help="the file to write (default: standard output)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print or write the schema."""
    from specs.json_schema import schema_text

    if arguments.output == "-":
        write(schema_text())
    else:
        write_whole(Path(arguments.output), schema_text())
    return 0
