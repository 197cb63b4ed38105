"""`llmform init`: a commented starter spec that plans without errors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from stacks.cli.session import UsageError, write

STARTER = Path(__file__).resolve().parents[2] / "specs" / "examples" / "starter.yaml"


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "init",
        help="write a starter spec",
        description="Write a commented starter spec. It never overwrites a file.",
        epilog="example: llmform init spec.yaml && llmform plan spec.yaml",
        allow_abbrev=False,
    )
    parser.add_argument(
        "file", nargs="?", default="spec.yaml", metavar="FILE", help="the file to write (default: spec.yaml)"
    )
    parser.set_defaults(run=run)


def starter() -> str:
    """Return the starter spec; its modeline names the schema where the user would write it."""
    _, _, rest = STARTER.read_text(encoding="utf-8").partition("\n")
    return "# `llmform schema -o llmform.schema.json`, then an editor completes keys with this as the first line:\n" + (
        "#   yaml-language-server: $schema=llmform.schema.json\n" + rest
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the starter spec."""
    path = Path(arguments.file)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter())
    except FileExistsError:
        raise UsageError(f"`{path}` exists already, and is left as it is", "name another file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"`{path}` cannot be written: {reason}") from None
    write(f"wrote {path}; next:\n\n    llmform plan {path}\n\n")
    return 0
