"""`llmform cost`: what a spec costs a month, and what a change does to that."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import (
    FINDINGS,
    BrokenInput,
    Spec,
    UsageError,
    coloured,
    print_diagnostics,
    read_spec,
    sound,
    write,
)
from stacks.compilation import Compilation
from stacks.compile import Selection

_VIEWS = ("stack", "model", "environment", "target", "owner")

EPILOG = """\
Prices are the catalog's list prices of us-east-1, and those of the price sheets that `targets.X.prices` name. What has
no price is listed and never counted as nothing. Exit status 1: a budget of the spec is exceeded.

examples:
  llmform cost spec.yaml                                  a month, by stack
  llmform cost spec.yaml --by model --by owner            by model, and by owner
  llmform cost spec.yaml --environment prod --lines       every line of prod, with its price and where that is from
  llmform cost spec.yaml --against git:main               what changes since main
"""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "cost",
        help="show what a spec costs a month, and what a change does to that",
        description="Show what a spec costs a month: at minimum, at the expected load, at maximum. No cloud is read.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    parser.add_argument(
        "--against", default=None, metavar="SIDE", help="what to compare with, as `llmform plan` takes it"
    )
    add_selection(parser)
    parser.add_argument(
        "--by",
        action="append",
        choices=_VIEWS,
        help="what the sums are by; can be given several times (default: stack)",
    )
    parser.add_argument("--lines", action="store_true", help="list every line with its price")
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="how it is printed (default: table)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the costs of the selected stacks."""
    from stacks.cost.review import costs
    from stacks.render.cost import cost_values, human_table
    from stacks.render.style import Style

    spec = read_spec(arguments.spec)
    checked = sound(spec, arguments)
    asked = Selection(arguments.environment, arguments.target, arguments.layer, arguments.stack, arguments.site)
    before = None if arguments.against is None else _other_side(arguments.against, spec, checked.every, asked)
    change, found = costs(checked.compiled, before, asked)
    if arguments.format == "json":
        write(json.dumps(cost_values(change), indent=2) + "\n")
    else:
        views = tuple(dict.fromkeys(arguments.by or ("stack",)))
        write(human_table(change, views, details=arguments.lines, style=Style(coloured(sys.stdout))))
    if found:
        print_diagnostics(spec, found, "human", sys.stderr)
    return FINDINGS if found else 0


def _other_side(given: str, spec: Spec, after: Compilation, asked: Selection) -> Compilation | None:
    """Return what the costs are compared with; None if that side holds nothing."""
    from stacks.against import AgainstError, find_other
    from stacks.render import diagnostics

    try:
        return find_other(given, spec.path, after, asked).compilation
    except AgainstError as error:
        if error.found:
            sys.stderr.write(diagnostics.human(error.found, error.texts) + "\n")
        refused = BrokenInput if error.found or error.broken else UsageError
        raise refused(error.message, error.advice) from None
