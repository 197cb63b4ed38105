"""`llmform graph`: the resource graph of one stack."""

from __future__ import annotations

import argparse
from typing import Any

from components.graph_json import canonical, encode_graph, encode_value
from specs.suggest import did_you_mean
from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import UsageError, read_spec, sound, write
from stacks.compilation import CompiledStack
from stacks.render.style import safe_json
from stacks.render.tree import tree


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "graph",
        help="print the resource graph of a stack",
        description="Print the resource graph: as JSON of one stack, or as a tree of components and resources.",
        epilog="examples:\n  llmform graph spec.yaml --stack hello.default.us-east-1.workloads --tree\n"
        "  llmform graph spec.yaml --node serving.chat/Deployment/chat",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    add_selection(parser)
    parser.add_argument("--node", default="", metavar="ID", help="only the inputs of this node, as JSON")
    parser.add_argument("--tree", action="store_true", help="components and ids, indented, of every selected stack")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the graph of the selected stack."""
    chosen = sound(read_spec(arguments.spec), arguments).selected.stacks
    if arguments.tree:
        write("\n".join(tree(s.graph) for s in chosen))
        return 0
    if arguments.node:
        return _node(chosen, arguments.node)
    if len(chosen) > 1:
        raise UsageError(
            f"{len(chosen)} stacks are selected, and the JSON form is of one",
            "name one with `--stack`: " + ", ".join(f"`{s.name}`" for s in chosen[:12]),
        )
    write(safe_json(canonical(encode_graph(chosen[0].graph))))
    return 0


def _node(chosen: tuple[CompiledStack, ...], wanted: str) -> int:
    """Print the inputs of one node: a Kubernetes object is its manifest."""
    found = [(s.name, n) for s in chosen for n in s.graph.nodes if n.id == wanted]
    if not found:
        known = {n.id for s in chosen for n in s.graph.nodes}
        raise UsageError(f"no selected stack has a node `{wanted}`", did_you_mean(wanted, known, "nodes"))
    if len({canonical(encode_value(n.inputs)) for _, n in found}) > 1:
        stacks = ", ".join(f"`{name}`" for name, _ in found[:12])
        raise UsageError(f"`{wanted}` is not the same in {len(found)} stacks", f"name one with `--stack`: {stacks}")
    write(safe_json(canonical(encode_value(found[0][1].inputs))))
    return 0
