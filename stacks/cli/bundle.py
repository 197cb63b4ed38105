"""`llmform bundle`: what has to be brought to a target that has no network."""

from __future__ import annotations

import argparse
from typing import Any

from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import read_spec, sound, write

EPILOG = """\
examples:
  llmform bundle spec.yaml --target shops
  llmform bundle spec.yaml --target shops --format json
"""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "bundle",
        help="list the images, charts and weights that a target needs, for a place without a network",
        description="List every image, chart and weight that the selected stacks name, with sizes and digests as far\n"
        "as the spec and the catalog know them. Nothing is downloaded.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    add_selection(parser)
    parser.add_argument(
        "--format", choices=("human", "json"), default="human", help="how it is printed (default: human)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the bundle of the selected stacks."""
    from stacks.bundle import bundle
    from stacks.render.bundle import bundle_json, bundle_text

    checked = sound(read_spec(arguments.spec), arguments)
    found = bundle(checked.selected, checked.compiled.loaded)
    write(bundle_json(found) if arguments.format == "json" else bundle_text(found))
    return 0
