"""`llmform plan`: what will exist, why, and what changes."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stacks.cli.compile import write_whole
from stacks.cli.policies import add_day
from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import (
    CHANGES,
    FINDINGS,
    BrokenInput,
    Spec,
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
from stacks.compile import Compiled, Selection, select
from stacks.render.reviews import FORMATS, rendered

if TYPE_CHECKING:
    from stacks.against import Other
    from stacks.review import Review, SpecReview

OF_ERRORS = ("github", "sarif", "dotenv")
"""Forms that show a spec with errors as they show a plan."""

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
    parser.add_argument(
        "--write",
        type=_form_and_file,
        action="append",
        default=[],
        metavar="FORM=FILE",
        help="also write the plan to a file in another form, such as json=plan.json; may be given several times",
    )
    parser.add_argument("--exit-code", action="store_true", help="exit with 3 if there are changes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the plan of the selected stacks."""
    from stacks.against import AgainstError
    from stacks.review import Broken, Reading, Review

    spec = read_spec(arguments.spec)
    compiled = compile_file(spec)
    if compiled.compilation is None:
        found = compiled.diagnostics
        review = Review((), (Broken(spec.shown, found, sources(spec, found)),))
        write_forms(review, arguments)
        if arguments.format in OF_ERRORS:
            write(rendered(review, arguments.format, Reading()))
        else:
            # the machine-readable forms go where a machine reads them
            machine = arguments.format == "json"
            print_diagnostics(spec, found, "json" if machine else "human", sys.stdout if machine else sys.stderr)
        return status(found)
    try:
        made, _ = review_spec(spec, compiled, arguments)
    except AgainstError as error:
        return nothing_to_compare(error)
    review = Review((made,))
    write_forms(review, arguments)
    write(rendered(review, arguments.format, Reading(arguments.details, coloured(sys.stdout))))
    if review.fails:
        return FINDINGS
    return CHANGES if arguments.exit_code and not review.empty else 0


def review_spec(spec: Spec, compiled: Compiled, arguments: argparse.Namespace) -> tuple[SpecReview, Other | None]:
    """Return the review of a sound spec, and what it is compared with; AgainstError if that is not there."""
    from stacks.against import find_other
    from stacks.plan import Against, plan
    from stacks.policy_report import report
    from stacks.review import SpecReview

    assert compiled.compilation is not None
    asked = Selection(arguments.environment, arguments.target, arguments.layer, arguments.stack, arguments.site)
    before, against = None, Against()
    other = None
    if arguments.against is not None:
        other = find_other(arguments.against, spec.path, compiled.compilation, asked)
        before, against = other.compilation, other.against
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
    found = compiled.diagnostics
    policies = report(after, compiled.loaded, today(arguments.day))
    return SpecReview(spec.shown, made, found, sources(spec, found), policies), other


def write_forms(review: Review, arguments: argparse.Namespace) -> None:
    """Write the review in every form that `--write` asks for, each file whole or not at all."""
    from stacks.review import Reading

    for form, path in arguments.write:
        write_whole(Path(path), rendered(review, form, Reading(arguments.details)))


def _form_and_file(text: str) -> tuple[str, str]:
    """Return the parts of `FORM=FILE`; UsageError for a form that is not there."""
    form, _, path = text.partition("=")
    if form not in FORMATS or not path:
        raise UsageError(
            f"`--write {text}` names no form and file", f"forms are {', '.join(FORMATS)}: `json=plan.json`"
        )
    return form, path


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
