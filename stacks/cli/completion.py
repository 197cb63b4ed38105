"""`llmform completion`: a script that completes the command line in a shell."""

from __future__ import annotations

import argparse
from typing import Any

from stacks.cli.selection import BASH
from stacks.cli.session import write


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "completion",
        help="print a completion script for a shell",
        description="Print a script that completes llmform's commands, options and file names.",
        epilog='example: eval "$(llmform completion bash)"',
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from stacks.cli import parser

    preamble: Any = {"bash": BASH}  # shtab's annotation says text; what it reads is a map by shell
    write(shtab.complete(parser(), shell=arguments.shell, preamble=preamble) + "\n")
    return 0
