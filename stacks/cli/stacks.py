"""`llmform stacks`: the stacks of a spec, in the order in which they are deployed, and their config files."""

from __future__ import annotations

import argparse
import json
from typing import Any

from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import FINDINGS, Spec, UsageError, read_spec, sound, write
from stacks.compilation import Compilation, CompiledStack
from stacks.render.style import safe

EPILOG = """\
examples:
  llmform stacks spec.yaml --environment prod
  llmform stacks spec.yaml --write             a Pulumi.<stack>.yaml for each stack, with the spec's path in it
  llmform stacks spec.yaml --write --check     exit 1 if that would change a file
"""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "stacks",
        help="list the stacks of a spec, or write their config files",
        description="List the stacks of a spec: one an environment, target and layer. With --write, set the spec's\n"
        "path in the config file of each; what else is in these files stays as it is.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    add_selection(parser)
    parser.add_argument(
        "--format", choices=("human", "json"), default="human", help="how they are printed (default: human)"
    )
    parser.add_argument("--write", action="store_true", help="write or update the stacks' Pulumi config files")
    parser.add_argument("--check", action="store_true", help="with --write: change nothing, exit 1 if it would")
    parser.add_argument(
        "--config-dir",
        default="",
        metavar="DIR",
        help="with --write: the folder of the config files (default: the one that Pulumi.yaml above the spec names)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the stacks' names, what they hold and where they are; or write their config files."""
    if not arguments.write and (arguments.check or arguments.config_dir):
        raise UsageError("`--check` and `--config-dir` are about `--write`")
    if arguments.write and arguments.format == "json":
        raise UsageError("`--write` prints no JSON")
    spec = read_spec(arguments.spec)
    checked = sound(spec, arguments)
    chosen = checked.selected.stacks
    if arguments.write:
        return _written(arguments, spec, checked.every, chosen)
    if arguments.format == "json":
        write(_as_json(chosen))
        return 0
    widest = max(len(s.name) for s in chosen)
    write("".join(f"{s.name:<{widest}}  {len(s.graph.nodes):>4} resources  {safe(s.place)}\n" for s in chosen))
    return 0


def _written(arguments: argparse.Namespace, spec: Spec, every: Compilation, chosen: tuple[CompiledStack, ...]) -> int:
    from stacks.cli.pulumi_project import find_project, listed, plan_configs, write_configs

    place = find_project(spec.path, arguments.config_dir)
    known = {s.name for s in every.stacks}
    configs = plan_configs(place, spec.path, [s.name for s in chosen], known)
    if not arguments.check:
        write_configs(configs)
    write(listed(configs, check=arguments.check) + place.note)
    changes = any(c.state in ("created", "updated") for c in configs)
    return FINDINGS if arguments.check and changes else 0


def _as_json(chosen: tuple[CompiledStack, ...]) -> str:
    rows = [
        {
            "name": s.name,
            "environment": s.environment,
            "target": s.target,
            **({"site": s.site} if s.site else {}),
            "layer": s.layer,
            "place": s.place,
            "resources": len(s.graph.nodes),
        }
        for s in chosen
    ]
    return json.dumps({"format": 1, "stacks": rows}, indent=2) + "\n"
