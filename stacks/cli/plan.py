"""`llmform plan`: what will exist, why, and what changes."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from stacks.cli.policies import add_day
from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import (
    CHANGES,
    FINDINGS,
    BrokenInput,
    UsageError,
    coloured,
    compile_file,
    print_diagnostics,
    read_spec,
    selected,
    sources,
    status,
    today,
    write,
)
from stacks.compile import Selection, select
from stacks.render.reviews import FORMATS, rendered

EPILOG = """\
examples:
  llmform plan spec.yaml                                  everything, as new
  llmform plan spec.yaml --against git:main               what changes since main
  llmform plan spec.yaml --against file:release.json      what changes since a recorded compilation
  llmform plan spec.yaml --against state:exports/         what changes in what is deployed
  llmform plan spec.yaml --environment prod --details     one environment, every resource
"""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "plan",
        help="show what will exist, why, and what changes",
        description="Compile a spec and show its plan: risk first, then what changes and why. No cloud is read.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    parser.add_argument(
        "--against",
        default=None,
        metavar="SIDE",
        help="what to compare with: git:REF, file:COMPILATION, or what is deployed: state:EXPORT[,EXPORT…], "
        "state:FOLDER, or state: alone (default: nothing, all is new)",
    )
    add_selection(parser)
    add_day(parser)
    parser.add_argument("--details", action="store_true", help="list every resource")
    parser.add_argument("--format", choices=FORMATS, default="human", help="how the plan is printed (default: human)")
    parser.add_argument("--exit-code", action="store_true", help="exit with 3 if there are changes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the plan of the selected stacks."""
    from stacks.cost.review import costs
    from stacks.plan import Against, plan
    from stacks.policy_report import report
    from stacks.review import Reading, Review, SpecReview

    spec = read_spec(arguments.spec)
    compiled = compile_file(spec)
    if compiled.compilation is None:
        # the machine-readable forms go where a machine reads them
        machine = arguments.format == "json"
        print_diagnostics(
            spec, compiled.diagnostics, "json" if machine else "human", sys.stdout if machine else sys.stderr
        )
        return status(compiled.diagnostics)
    asked = Selection(arguments.environment, arguments.target, arguments.layer, arguments.stack, arguments.site)
    before, against = None, Against()
    other = None
    if arguments.against is not None:
        from stacks.against import AgainstError, find_other

        try:
            other = find_other(arguments.against, spec.path, compiled.compilation, asked)
        except AgainstError as error:
            return _nothing_to_compare(error)
        before, against = other.compilation, other.against
    cost, exceeded = costs(compiled, before, asked)
    if before is not None:
        before = select(before, asked)
    if before is None or not before.stacks:
        after = selected(compiled.compilation, arguments)  # a name that neither side has is a mistake
    else:
        after = select(compiled.compilation, asked)
    made = plan(before, after, against)
    if other is not None:
        notes = (*made.notes, *other.notes)
        made = replace(made, notes=notes, unfinished=other.unfinished, unsaid=other.unsaid)
    found = (*compiled.diagnostics, *exceeded)
    policies = report(after, compiled.loaded, today(arguments.day))
    review = Review((SpecReview(spec.shown, made, found, sources(spec, found), policies, cost),))
    write(rendered(review, arguments.format, Reading(arguments.details, coloured(sys.stdout))))
    if review.fails:
        return FINDINGS
    return CHANGES if arguments.exit_code and not review.empty else 0


def _nothing_to_compare(error: Any) -> int:
    if error.found:
        from stacks.render import diagnostics as render

        sys.stderr.write(render.human(error.found, error.texts) + "\n")
        print(f"error: {error.message}", file=sys.stderr)
        print(f"  = help: {error.advice}", file=sys.stderr)
        return FINDINGS
    if error.broken:
        raise BrokenInput(error.message, error.advice)
    raise UsageError(error.message, error.advice)
