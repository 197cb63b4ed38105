"""`llmform graph`: the resource graph of one stack."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from typing import Any, TypeVar

from components.graph_json import canonical, encode_graph, encode_value
from specs.suggest import did_you_mean
from stacks.cli.output import add_output, check_outputs, write_out
from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import SpecErrors, UsageError, compile_file, read_spec, selected, selection, sound
from stacks.compilation import CompiledStack
from stacks.render.style import safe_json
from stacks.render.tree import tree

T = TypeVar("T")

EPILOG = """\
examples:
  llmform graph spec.yaml --stack hello.default.us-east-1.workloads --tree
  llmform graph spec.yaml --node serving.chat/Deployment/chat
  llmform graph spec.yaml --layer workloads --format svg -o chat.svg
  llmform graph spec.yaml --layer workloads --format mermaid --against git:main
"""

FORMS = {"svg": "picture_svg", "dot": "picture_dot", "mermaid": "picture_mermaid"}
"""The forms of a picture, each with the module beside `stacks/render/tree.py` that draws it, loaded when asked for."""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "graph",
        help="print the resource graph of a stack",
        description="Print the resource graph: as JSON of one stack, as a tree, or as a picture of its components.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    add_selection(parser)
    parser.add_argument("--node", default="", metavar="ID", help="only the inputs of this node, as JSON")
    parser.add_argument("--tree", action="store_true", help="components and ids, indented, of every selected stack")
    parser.add_argument("--format", choices=("json", *FORMS), default="json", help="json, or a picture of one stack")
    parser.add_argument(
        "--against",
        default=None,
        metavar="SIDE",
        help="colour a picture by what changes since: git:REF, file:COMPILATION or state:EXPORT, as in `llmform plan`",
    )
    add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the graph of the selected stack."""
    check_outputs((arguments.output,))
    picture = arguments.format != "json"
    if arguments.against is not None and not picture:
        raise UsageError("`--against` colours a picture", f"add `--format`, one of {', '.join(FORMS)}")
    if picture and (arguments.tree or arguments.node):
        other = "--tree" if arguments.tree else "--node"
        raise UsageError(f"`--format {arguments.format}` is a picture, and `{other}` is not", "leave one of them out")
    if picture:
        return _draw(arguments)
    chosen = sound(read_spec(arguments.spec), arguments).selected.stacks
    if arguments.tree:
        return _put(arguments, "\n".join(tree(s.graph) for s in chosen))
    if arguments.node:
        return _put(arguments, safe_json(_node(chosen, arguments.node)))
    stack = _only([s.name for s in chosen], chosen, "the JSON form")
    return _put(arguments, safe_json(canonical(encode_graph(stack.graph))))


def _put(arguments: argparse.Namespace, text: str) -> int:
    write_out(arguments.output, text)
    return 0


def _only(names: Sequence[str], chosen: Sequence[T], form: str) -> T:
    """Return the one that is chosen; UsageError if it is one of many."""
    if len(chosen) > 1:
        more = f"; {len(names) - 12} more" if len(names) > 12 else ""
        raise UsageError(
            f"{len(chosen)} stacks are selected, and {form} is of one",
            "name one with `--stack`: " + ", ".join(f"`{name}`" for name in names[:12]) + more,
        )
    return chosen[0]


def _draw(arguments: argparse.Namespace) -> int:
    """Draw the selected stack; with another side, one that is only there can be drawn too."""
    from stacks.against import AgainstError, find_other
    from stacks.cli.plan import nothing_to_compare
    from stacks.compile import select
    from stacks.picture import picture
    from stacks.plan import plan

    spec = read_spec(arguments.spec)
    compiled = compile_file(spec)
    if compiled.compilation is None:
        raise SpecErrors(spec, compiled.diagnostics)
    after, asked = compiled.compilation, selection(arguments)
    if arguments.against is None:
        chosen = selected(after, arguments).stacks
        drawn = picture(None, _only([s.name for s in chosen], chosen, "a picture"))
    else:
        try:
            other = find_other(arguments.against, spec.path, after, asked)
        except AgainstError as error:
            return nothing_to_compare(error)
        # the whole of both sides is compared: a step may follow from another layer
        made = plan(other.compilation, after, other.against)
        sides = [{s.name: s for s in select(c, asked).stacks} for c in (other.compilation, after) if c is not None]
        names = list(dict.fromkeys(name for side in reversed(sides) for name in side))
        if not names:
            selected(after, arguments)  # says which name neither side has
        name = _only(names, names, "a picture")
        before = sides[0].get(name) if len(sides) == 2 else None
        drawn = picture(before, sides[-1].get(name), next(s.steps for s in made.stacks if s.name == name))
    module = import_module(f"stacks.render.{FORMS[arguments.format]}")
    return _put(arguments, getattr(module, arguments.format)(drawn))


def _node(chosen: tuple[CompiledStack, ...], wanted: str) -> str:
    """Return the inputs of one node: a Kubernetes object is its manifest."""
    found = [(s.name, n) for s in chosen for n in s.graph.nodes if n.id == wanted]
    if not found:
        known = {n.id for s in chosen for n in s.graph.nodes}
        raise UsageError(f"no selected stack has a node `{wanted}`", did_you_mean(wanted, known, "nodes"))
    if len({canonical(encode_value(n.inputs)) for _, n in found}) > 1:
        stacks = ", ".join(f"`{name}`" for name, _ in found[:12])
        raise UsageError(f"`{wanted}` is not the same in {len(found)} stacks", f"name one with `--stack`: {stacks}")
    return canonical(encode_value(found[0][1].inputs))
