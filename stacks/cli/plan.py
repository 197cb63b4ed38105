"""`llmform plan`: what will exist, why, and what changes."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from stacks.cli.policies import add_day
from stacks.cli.report import link_base, write_out
from stacks.cli.selection import add_selection
from stacks.cli.session import (
    CHANGES,
    FINDINGS,
    BrokenInput,
    UsageError,
    coloured,
    print_diagnostics,
    selection,
    status,
    today,
)
from stacks.cli.specs import add_specs, find_specs
from stacks.cli.workers import add_jobs
from stacks.render.reviews import FORMATS, Form, rendered

if TYPE_CHECKING:  # `--help` does without what plans
    from stacks.fleet import Extras

EPILOG = """\
examples:
  llmform plan spec.yaml                                  everything, as new
  llmform plan spec.yaml --against git:main               what changes since the tip of main
  llmform plan platforms/ --against git:main...           all specs of a folder, since they parted from main
  llmform plan spec.yaml --against file:release.json      what changes since a recorded compilation
  llmform plan spec.yaml --against state:exports/         what changes in what is deployed
  llmform plan spec.yaml --environment prod --details     one environment, every resource
  llmform plan spec.yaml --against git:main --format html -o review.html
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
    add_specs(parser)
    parser.add_argument(
        "--against",
        default=None,
        metavar="SIDE",
        help="what to compare with: git:REF, git:REF... (where HEAD parted from it), file:COMPILATION, or what is "
        "deployed: state:EXPORT[,EXPORT…], state:FOLDER, or state: alone (default: nothing, all is new)",
    )
    add_selection(parser)
    add_day(parser)
    add_jobs(parser)
    parser.add_argument("--details", action="store_true", help="list every resource")
    parser.add_argument("--format", choices=FORMATS, default="human", help="how the plan is printed (default: human)")
    parser.add_argument(
        "-o",
        "--output",
        default="-",
        metavar="FILE",
        help="the file to write, whole or not at all (default: standard output)",
    )
    parser.add_argument(
        "--link-base",
        default="",
        metavar="URL",
        help="what a file's path is put behind to make a link in a comment, such as "
        "https://github.com/o/r/blob/SHA/ (default: no links)",
    )
    parser.add_argument("--exit-code", action="store_true", help="exit with 3 if there are changes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the plan of the selected stacks."""
    from stacks.against import AgainstError
    from stacks.cli.review_specs import review_file, review_files
    from stacks.fleet import Question
    from stacks.review import Broken, Reading

    base = link_base(arguments.link_base)
    specs = find_specs(arguments.specs)
    form = FORMATS[arguments.format]
    question = Question(selection(arguments), today(arguments.day), extras(form))
    folders = [name for name in arguments.specs if os.path.isdir(name)]
    try:
        if len(specs) == 1 and not folders:
            review = review_file(specs[0], arguments.against, question, arguments.jobs)
        else:
            review = review_files(specs, folders, arguments.against, question, arguments.jobs)
    except AgainstError as error:
        return nothing_to_compare(error)
    if isinstance(review, Broken):
        # the machine-readable forms go where a machine reads them
        machine = arguments.format == "json"
        where = sys.stdout if machine else sys.stderr
        print_diagnostics(specs[0], review.diagnostics, "json" if machine else "human", where)
        return status(review.diagnostics)
    colour = arguments.output == "-" and coloured(sys.stdout)
    write_out(arguments.output, rendered(review, arguments.format, Reading(arguments.details, colour, base)))
    if review.fails:
        return FINDINGS
    return CHANGES if arguments.exit_code and not review.empty else 0


def extras(form: Form) -> Extras:
    """Return what a form needs beside plans, diagnostics and policies."""
    from stacks.fleet import Extras

    if form == Form():
        return Extras()
    from stacks.picture import picture
    from stacks.sizing import sizing_of_all

    return Extras(sizing=sizing_of_all if form.sizing else None, picture=picture if form.pictures else None)


def nothing_to_compare(error: Any) -> int:
    """Say why there is no other side; return or raise what becomes the exit status."""
    if error.found:
        from stacks.render import diagnostics as render

        sys.stderr.write(render.human(error.found, error.texts) + "\n")
        print(f"error: {error.message}", file=sys.stderr)
        print(f"  = help: {error.advice}", file=sys.stderr)
        return FINDINGS
    if error.broken:
        raise BrokenInput(error.message, error.advice)
    raise UsageError(error.message, error.advice)
