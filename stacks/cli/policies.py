"""`llmform policies`: which policies hold in a spec, at which level."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import FINDINGS, UsageError, coloured, read_spec, sound, today, write

EPILOG = """\
examples:
  llmform policies spec.yaml                                          every policy, its level, what it found
  llmform policies spec.yaml --stack S --format pulumi >levels.json   for `pulumi preview --policy-pack-config`
"""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "policies",
        help="list the policies with their levels, and what breaks them",
        description="List the policies with their levels in a spec, and what breaks them. "
        "`llmform explain NAME` prints the page of a policy.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    add_selection(parser)
    add_day(parser)
    parser.add_argument(
        "--format",
        choices=("human", "json", "pulumi"),
        default="human",
        help="how they are printed; pulumi: the levels of one stack, as the policy pack takes them (default: human)",
    )
    parser.set_defaults(run=run)


def add_day(parser: argparse.ArgumentParser) -> None:
    """Add the day on which exceptions from policies are judged."""
    parser.add_argument(
        "--day", default="", metavar="DATE", help="the day on which exceptions from policies count (default: today)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the policies of the selected stacks."""
    from stacks.policy_report import report
    from stacks.render.policies import list_policies, policy_values
    from stacks.render.style import Style

    checked = sound(read_spec(arguments.spec), arguments)
    chosen, loaded = checked.selected, checked.compiled.loaded
    day = today(arguments.day)
    if arguments.format == "pulumi":
        write(_pulumi(chosen, loaded, day))
        return 0
    made = report(chosen, loaded, day)
    if arguments.format == "json":
        write(json.dumps({"format": 1, **policy_values(made)}, indent=2) + "\n")
    else:
        write("\n".join(list_policies(made, Style(coloured(sys.stdout)))) + "\n")
    return FINDINGS if made.fails else 0


def _pulumi(chosen: Any, loaded: Any, day: str) -> str:
    """Return the levels of one stack as `--policy-pack-config` takes them: every policy by name."""
    from stacks.compile import case_of
    from stacks.policy_report import levels

    if len({(s.environment, s.target) for s in chosen.stacks}) > 1:
        raise UsageError("the stacks have levels of their own", "name one with `--stack`")
    stack = chosen.stacks[0]
    case = case_of(loaded, stack.environment, stack.target)
    assert case is not None
    return json.dumps(levels(case, day), indent=2) + "\n"
