"""`llmform plan`: what will exist, why, and what changes."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from stacks.cli.output import add_output, check_outputs, write_out
from stacks.cli.policies import add_day
from stacks.cli.report import link_base
from stacks.cli.selection import add_selection
from stacks.cli.session import (
    CHANGES,
    FINDINGS,
    BrokenInput,
    UsageError,
    coloured,
    print_findings,
    selection,
    today,
)
from stacks.cli.specs import add_specs, find_specs
from stacks.cli.workers import add_jobs
from stacks.render.reviews import FORMATS, Form, rendered

if TYPE_CHECKING:  # `--help` does without what plans
    from stacks.fleet import Extras
    from stacks.review import Review

OF_ERRORS = ("markdown", "html", "github", "sarif", "dotenv")
"""Forms that show a spec with errors as they show a plan."""

EPILOG = """\
examples:
  llmform plan spec.yaml                                  everything, as new
  llmform plan spec.yaml --against git:main               what changes since the tip of main
  llmform plan platforms/ --against git:main...           all specs of a folder, since their merge base with main
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
        help="what to compare with: git:REF, git:REF... (its merge base with HEAD), file:COMPILATION, or what is "
        "deployed: state:EXPORT[,EXPORT…], state:FOLDER, or state: alone (default: nothing, all is new)",
    )
    add_selection(parser)
    add_day(parser)
    add_jobs(parser)
    parser.add_argument("--details", action="store_true", help="list every resource")
    parser.add_argument("--format", choices=FORMATS, default="human", help="how the plan is printed (default: human)")
    add_output(parser)
    parser.add_argument(
        "--write",
        type=_form_and_file,
        action="append",
        default=[],
        metavar="FORM=FILE",
        help="also write the plan to a file in another form, such as json=plan.json; may be given several times",
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

    base = link_base(arguments.link_base)
    check_outputs((arguments.output, *(path for _, path in arguments.write)), arguments.specs)
    forms = [FORMATS[form] for form in (arguments.format, *(form for form, _ in arguments.write))]
    wanted = Form(sizing=any(f.sizing for f in forms), pictures=any(f.pictures for f in forms))
    try:
        review = review_of(arguments, extras(wanted))
    except AgainstError as error:
        if error.found:
            _write_refused(error, arguments, base)
        return nothing_to_compare(error)
    _write(review, arguments, base)
    if review.fails:
        return FINDINGS
    return CHANGES if arguments.exit_code and not review.empty else 0


def review_of(arguments: argparse.Namespace, extras: Extras) -> Review:
    """Return the review of the specs that the command line names, with `extras`; AgainstError if what they are compared
    with is not there, UsageError if a path is on neither side."""
    from stacks.cli.review_specs import review_file, review_files
    from stacks.fleet import Question
    from stacks.review import Broken, Review

    question = Question(selection(arguments), today(arguments.day), extras)
    may_be_gone = (arguments.against or "").startswith("git:")
    specs = find_specs(arguments.specs, may_be_gone=may_be_gone)
    if len(specs) > 1 or not all(map(os.path.isfile, arguments.specs)):
        return review_files(specs, arguments.specs, arguments.against, question, arguments.jobs)
    found = review_file(specs[0], arguments.against, question, arguments.jobs)
    return Review((), (found,)) if isinstance(found, Broken) else found


def _write(review: Review, arguments: argparse.Namespace, base: str) -> None:
    """Write the review in every form that is asked for, each file whole or not at all."""
    from stacks.review import Reading

    _write_forms(review, arguments, base)
    if review.broken and not review.many and arguments.format not in OF_ERRORS:
        # the machine-readable forms go where a machine reads them
        machine = arguments.format == "json"
        (broken,) = review.broken
        stream = sys.stdout if machine else sys.stderr
        print_findings(broken.diagnostics, broken.texts, "json" if machine else "human", stream)
        return
    colour = arguments.output == "-" and coloured(sys.stdout)
    write_out(arguments.output, rendered(review, arguments.format, Reading(arguments.details, colour, base)))


def _write_forms(review: Review, arguments: argparse.Namespace, base: str) -> None:
    from stacks.review import Reading

    for form, path in arguments.write:
        write_out(path, rendered(review, form, Reading(arguments.details, link_base=base)))


def _write_refused(error: Any, arguments: argparse.Namespace, base: str) -> None:
    """Write in every form that a comment or a page is made of that the other side has errors: who reads them would else
    look at what the last run said."""
    from stacks.review import Broken, Reading, Review

    review = Review((), (Broken(arguments.specs[0], error.found, error.texts, error.message),))
    _write_forms(review, arguments, base)
    if arguments.format in OF_ERRORS:
        write_out(arguments.output, rendered(review, arguments.format, Reading(arguments.details, link_base=base)))


def _form_and_file(text: str) -> tuple[str, str]:
    """Return the parts of `FORM=FILE`; UsageError for a form that is not there."""
    form, _, path = text.partition("=")
    if form not in FORMATS or not path:
        raise UsageError(
            f"`--write {text}` names no form and file", f"forms are {', '.join(FORMATS)}: `json=plan.json`"
        )
    return form, path


def extras(form: Form) -> Extras:
    """Return what a form needs beside plans, diagnostics and policies."""
    from stacks.cost.cost import cost_change
    from stacks.fleet import Extras

    if form == Form():
        return Extras(cost=cost_change)
    from stacks.picture import picture
    from stacks.sizing import sizing_of_all

    sizing, drawn = sizing_of_all if form.sizing else None, picture if form.pictures else None
    return Extras(cost=cost_change, sizing=sizing, picture=drawn)


def nothing_to_compare(error: Any) -> int:
    """Say why there is nothing to compare with: return the exit status, or raise BrokenInput or UsageError."""
    if error.found:
        from stacks.render import diagnostics as render

        sys.stderr.write(render.human(error.found, error.texts) + "\n")
        print(f"error: {error.message}", file=sys.stderr)
        print(f"  = help: {error.advice}", file=sys.stderr)
        return FINDINGS
    if error.broken:
        raise BrokenInput(error.message, error.advice)
    raise UsageError(error.message, error.advice)
