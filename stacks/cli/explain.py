"""`llmform explain`: why a value is what it is, or what a diagnostic or policy means."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from specs.schema.policies import LEVELS
from specs.suggest import did_you_mean
from stacks.cli.selection import add_selection, complete_spec
from stacks.cli.session import Sound, UsageError, read_spec, sound, write


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "explain",
        help="say why a value is what it is, or what a diagnostic or policy means",
        description="With SPEC and PATH: the path's type, its value, where that comes from, and what it compiles to.\n"
        "With CODE: the page of a diagnostic or a policy.",
        epilog="examples:\n  llmform explain spec.yaml serving.chat.rollout\n"
        "  llmform explain spec.yaml serving.chat --sizing\n  llmform explain unknown-key",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    what = parser.add_argument("what", metavar="SPEC|CODE", help="the spec file, or the code of a diagnostic or policy")
    complete_spec(what)
    parser.add_argument("path", metavar="PATH", nargs="?", default="", help="a path of the spec, such as serving.chat")
    add_selection(parser)
    parser.add_argument(
        "--sizing", action="store_true", help="print the whole calculation of a model server's size, with its sources"
    )
    parser.add_argument(
        "--format", choices=("human", "json"), default="human", help="how it is printed (default: human)"
    )
    parser.set_defaults(run=run)


def _sizing(spec: Sound, arguments: argparse.Namespace) -> int:
    """Print the calculation of a server's size at the selected environments and targets."""
    from stacks.render import sizing as render
    from stacks.sizing import sizing_of

    section, _, name = arguments.path.partition(".")
    wanted = {(s.environment, s.target) for s in spec.selected.stacks}
    there = [p for p in spec.compiled.platforms if (p.environment, p.target.name) in wanted]
    found = sizing_of(there, name) if section == "serving" else []
    if not found:
        known = sorted({f"serving.{s.name}" for p in there for s in p.servers})
        raise UsageError(f"`{arguments.path}` is no model server", did_you_mean(arguments.path, known, "servers"))
    as_json = arguments.format == "json"
    write((render.sizing_as_json if as_json else render.human_sizing)(arguments.path, found))
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Print the explanation."""
    from stacks import explain
    from stacks.render import explanation as render

    if not arguments.path:
        text = explain.page(arguments.what)
        if text is None and Path(arguments.what).is_file():
            raise UsageError("the spec's path is missing", f"for example `llmform explain {arguments.what} serving`")
        if text is None:
            raise UsageError(
                f"there is no diagnostic and no policy `{arguments.what}`",
                did_you_mean(arguments.what, (*explain.codes(), *LEVELS), "codes"),
            )
        write(text)
        return 0
    spec = sound(read_spec(arguments.what), arguments)
    if arguments.sizing:
        return _sizing(spec, arguments)
    chosen, tree = spec.selected, spec.compiled.loaded.tree
    assert tree is not None  # what compiled was read
    found = explain.explain(chosen, tree, arguments.path)
    if found is None:
        if any(n.id == arguments.path for s in chosen.stacks for n in s.graph.nodes):
            raise UsageError(
                f"`{arguments.path}` is the id of a node, not a path of the spec",
                f"`llmform graph SPEC --node {arguments.path}` shows it",
            )
        known = {p for s in chosen.stacks for p in s.values}
        parents = {p.rpartition(".")[0] for p in known}
        raise UsageError(
            f"the spec has no path `{arguments.path}`",
            did_you_mean(arguments.path, known | parents - {""}, "paths"),
        )
    write(render.as_json(found) if arguments.format == "json" else render.human(found))
    return 0
