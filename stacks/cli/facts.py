"""`llmform facts`: draft the facts file of a foundation that exists."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from stacks.cli.output import add_output, write_whole
from stacks.cli.session import BrokenInput, UsageError, write


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "facts",
        help="draft the facts file of a foundation that exists",
        description="Draft the facts file of a network, cluster and roles that exist, from what Terraform or Pulumi "
        "know of them. Nothing is guessed: what is not found is listed in comments, with who needs it.",
        epilog="example: terraform show -json > state.json; "
        "llmform facts --from-terraform state.json -o facts/us-east-1.yaml",
        allow_abbrev=False,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--from-terraform",
        metavar="FILE",
        help="output of `terraform show -json` or `terraform output -json`, or a state file",
    )
    source.add_argument(
        "--from-stack", metavar="FILE", help="output of `pulumi stack export` or `pulumi stack output --json`"
    )
    parser.add_argument("--cluster", default="", metavar="NAME", help="the EKS cluster, if there are several")
    add_output(parser)
    parser.set_defaults(run=run)


def make_folder(folder: Path) -> None:
    """Make the folder that the file goes into."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"`{folder}` cannot be made: {error.strerror or error}") from None


def run(arguments: argparse.Namespace) -> int:
    """Write the draft, and say what is missing."""
    from stacks.facts import NoState, from_stack, from_terraform, text_of

    name = arguments.from_terraform or arguments.from_stack
    try:
        text = Path(name).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
        raise UsageError(f"`{name}` cannot be read: {reason}") from None
    try:
        read = from_terraform if arguments.from_terraform else from_stack
        draft = read(text, arguments.cluster)
    except NoState as error:
        raise BrokenInput(f"`{name}` cannot be used: {error}") from None
    made = text_of(draft, Path(name).name)
    if arguments.output == "-":
        write(made)
    else:
        if Path(arguments.output).exists():
            raise UsageError(f"`{arguments.output}` exists already, and is left as it is", "name another file")
        make_folder(Path(arguments.output).parent)
        write_whole(Path(arguments.output), made)
    count = len(draft.missing)
    if count:
        listed = "it as a comment" if count == 1 else "them as comments"
        print(f"{count} not found: the file lists {listed}", file=sys.stderr)
    return 0
