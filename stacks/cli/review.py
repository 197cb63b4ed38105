"""`llmform review`: whether a change has the consent that the spec's `review` rules ask for."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from stacks.cli.plan import extras, nothing_to_compare, review_of
from stacks.cli.policies import add_day
from stacks.cli.session import FINDINGS, UsageError, coloured, print_findings, write
from stacks.cli.specs import add_specs
from stacks.cli.workers import add_jobs
from stacks.render.reviews import Form

EPILOG = """\
examples:
  llmform review gate spec.yaml --against git:main... --labels approved-destructive --approvals 2
  llmform review gate spec.yaml --against git:main... --format json
"""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "review",
        help="say whether a change has the consent that its spec asks for",
        description="Judge a change by the `review` rules of its spec.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=_no_question)
    questions = parser.add_subparsers(title="questions", metavar="QUESTION", dest="question")
    asked = questions.add_parser(
        "gate",
        help="exit 1 if labels or approvals are missing",
        description="Say which labels and approvals a change needs and lacks: exit status 1 if any is missing. It is "
        "judged by the rules before and after the change, all of them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_specs(asked)
    asked.add_argument("--against", required=True, metavar="git:REF", help="the commit that the change goes onto")
    asked.add_argument(
        "--labels", action="append", default=[], metavar="A,B", help="labels that the pull request has, by commas"
    )
    asked.add_argument("--approvals", type=_count, default=0, metavar="N", help="people who approved it (default: 0)")
    add_day(asked)
    add_jobs(asked)
    asked.add_argument(
        "--format", choices=("human", "json"), default="human", help="how it is printed (default: human)"
    )
    asked.set_defaults(run=run, environment="", target="", layer="", stack="", site="")


def _no_question(arguments: argparse.Namespace) -> int:
    raise UsageError("`llmform review` needs a question", "write `llmform review gate SPEC --against git:main...`")


def _count(text: str) -> int:
    """Return a number of people; UsageError if the text is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(
            f"`--approvals {text}` is no number of people", "write a whole number, such as `--approvals 2`"
        )
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Print what is asked for and what is missing."""
    from stacks.against import AgainstError
    from stacks.gate import Given, gate
    from stacks.render.gate import as_json, human
    from stacks.render.style import Style
    from stacks.review_rules import THIS

    if not arguments.against.startswith("git:"):
        raise UsageError(
            f"the rules of `{arguments.against}` are not known: only a commit has them",
            "write `--against git:main...`, the commit that the change goes onto",
        )
    try:
        review = review_of(arguments, extras(Form()))
    except AgainstError as error:
        return nothing_to_compare(error)
    for broken in review.broken:
        print_findings(broken.diagnostics, broken.texts, "human", sys.stderr)
        if broken.refused:
            print(f"error: {broken.file}: {broken.refused}", file=sys.stderr)
    if review.broken:
        return FINDINGS
    alone = tuple(
        f"{s.file} is not in {s.plan.against.label}: it is judged by its own rules alone"
        for s in review.specs
        if len(s.rules) == 1 and s.rules[0].side == THIS
    )
    given = Given(frozenset(_labels(arguments.labels)), arguments.approvals)
    verdict = gate(review.specs, given)
    verdict = replace(verdict, notes=(*alone, *verdict.notes))
    write(as_json(verdict, given) if arguments.format == "json" else human(verdict, Style(coloured(sys.stdout))))
    return 0 if verdict.passes else FINDINGS


def _labels(given: list[str]) -> list[str]:
    return [label.strip() for text in given for label in text.split(",") if label.strip()]
