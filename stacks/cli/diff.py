"""`llmform diff`: what differs between two environments, and why."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from stacks.cli.output import add_output, check_outputs, write_out
from stacks.cli.selection import add_layer, add_spec
from stacks.cli.session import CHANGES, SpecErrors, UsageError, coloured, compile_file, read_spec
from stacks.render.comparisons import FORMATS, rendered

EPILOG = """\
examples:
  llmform diff spec.yaml --from staging --to prod                      what prod lacks, what differs and why
  llmform diff spec.yaml --from staging --to prod --layer workloads    the models and servers alone
  llmform diff spec.yaml --from staging --to prod --format html -o diff.html
  llmform diff spec.yaml --from staging --to prod --exit-code          exit with 3 if they differ
"""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "diff",
        help="compare two environments: what one lacks, what differs and why",
        description="Compare what two environments of a spec compile to: what the second lacks, what differs, and the\n"
        "lines of the spec and its overlays that say so. What has to differ, such as names and accounts, is left out\n"
        "and told. No cloud is read.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    parser.add_argument("--from", required=True, dest="source", metavar="NAME", help="the environment to promote from")
    parser.add_argument("--to", required=True, dest="destination", metavar="NAME", help="the environment to promote to")
    parser.add_argument("--target", default="", metavar="NAME", help="only this target, by its name in either of them")
    add_layer(parser)
    parser.add_argument("--details", action="store_true", help="list every resource")
    parser.add_argument(
        "--format", choices=FORMATS, default="human", help="how the differences are printed (default: human)"
    )
    add_output(parser)
    parser.add_argument("--exit-code", action="store_true", help="exit with 3 if there are differences")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what differs between the two environments."""
    from stacks.compare import compare
    from stacks.review import Reading

    check_outputs((arguments.output,))
    spec = read_spec(arguments.spec)
    compiled = compile_file(spec)
    if compiled.compilation is None:
        raise SpecErrors(spec, compiled.diagnostics)
    _check_names(arguments, [(s.environment, s.target, s.layer) for s in compiled.compilation.stacks])
    found = compare(compiled, arguments.source, arguments.destination, arguments.target, arguments.layer)
    colour = arguments.output == "-" and coloured(sys.stdout)
    write_out(arguments.output, rendered(found, arguments.format, Reading(arguments.details, colour)))
    return CHANGES if arguments.exit_code and not found.same else 0


def _check_names(arguments: argparse.Namespace, stacks: list[tuple[str, str, str]]) -> None:
    """Raise UsageError for a name that the two environments do not have."""
    one, other = arguments.source, arguments.destination
    environments = {environment for environment, _, _ in stacks}
    for name in (one, other):
        _known("the spec has no environment", name, environments, "environments")
    if one == other:
        raise UsageError(f"`--from` and `--to` are both `{one}`", "name two environments of the spec")
    here = [stack for stack in stacks if stack[0] in (one, other)]
    _known(f"neither `{one}` nor `{other}` has a target", arguments.target, {t for _, t, _ in here}, "targets")
    _known(f"neither `{one}` nor `{other}` has a layer", arguments.layer, {layer for _, _, layer in here}, "layers")


def _known(problem: str, name: str, known: set[str], what: str) -> None:
    if name and name not in known:
        from specs.suggest import did_you_mean

        raise UsageError(f"{problem} `{name}`", did_you_mean(name, known, what))
