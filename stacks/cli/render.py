"""`llmform render`: a Kubernetes layer as a folder of plain manifests."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stacks.cli.own_files import first_line, refuse_foreign, write_files
from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import BrokenInput, UsageError, read_spec, sound, write
from stacks.compilation import CompiledStack

EPILOG = """\
examples:
  llmform render spec.yaml --stack hello.prod.dresden.workloads -o manifests/dresden
  llmform render spec.yaml --stack hello.prod.us-east-1.platform -o manifests/platform \\
    --outputs foundation.json --helm helmrelease

FILE is what `pulumi stack output --json --stack STACK` prints for a layer below; `-` is standard input. `LAYER=FILE`
says of which layer it is, where two have an output of the same name. A second run changes no byte of an unchanged
stack. Files that llmform did not write are left alone; one of its own that the stack no longer has is removed.
"""

PRINTS = "`pulumi stack output --json --stack STACK` prints such a map"
"""What is said of a file that is no map of outputs."""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "render",
        help="write a Kubernetes layer as plain manifests",
        description="Write the objects of a platform or workloads stack as manifests with a kustomization.yaml, in\n"
        "the order in which they are applied: for kubectl, Flux or Argo CD.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    add_selection(parser)
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="the folder to write")
    parser.add_argument(
        "--outputs",
        action="append",
        default=[],
        metavar="[LAYER=]FILE",
        help="outputs of a layer below, as `pulumi stack output --json` prints them; may be repeated",
    )
    parser.add_argument(
        "--helm",
        choices=("none", "helmrelease", "helmchart"),
        default="none",
        help="what a Helm release becomes: nothing, Flux's HelmRelease, or the HelmChart of k3s (default: none)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder and say what changed and what is not in it."""
    from stacks.manifest_layer import CannotRender, manifest_layer
    from stacks.render.manifest_files import manifest_files, manifest_summary

    stack = _one(sound(read_spec(arguments.spec), arguments).selected.stacks)
    folder = _folder(arguments.output)
    try:
        layer = manifest_layer(stack.graph, stack.layer, _outputs(arguments.outputs), arguments.helm)
    except CannotRender as error:
        raise BrokenInput(error.message, error.advice) from None
    try:
        written, removed = _write(folder, manifest_files(layer, stack.name), stack.name)
    except OSError as error:
        raise UsageError(f"`{error.filename or folder}` cannot be written: {error.strerror or error}") from None
    write(manifest_summary(layer, stack.name, folder.as_posix(), written, removed))
    if stack.delivery != "gitops":
        target = f"targets.{stack.target}.delivery"
        write(f"`{target}: gitops` would make `pulumi up` refuse this stack, so that it has one owner\n")
    return 0


def _one(chosen: tuple[CompiledStack, ...]) -> CompiledStack:
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(f"`{s.name}`" for s in chosen if s.layer != "foundation")
    raise UsageError(f"{len(chosen)} stacks are selected, and a folder holds one", f"name one with `--stack`: {names}")


def _folder(name: str) -> Path:
    """Return the folder of that name; UsageError for what cannot be one."""
    folder = Path(name)
    if name in ("", "-") or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"`{name}` is no folder, and several files are written", "name a folder with `-o`")
    return folder


def _outputs(given: list[str]) -> Mapping[tuple[str, str], Any]:
    """Return the outputs in all files; BrokenInput for what is no map, UsageError for two values of one name."""
    outputs: dict[tuple[str, str], Any] = {}
    for argument in given:
        layer, equals, name = argument.partition("=")
        if layer not in ("foundation", "platform") or not equals:
            layer, name = "", argument
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise UsageError(f"`{name}` cannot be read: {reason}") from None
        try:
            found = json.loads(data.decode("utf-8-sig"))
        except json.JSONDecodeError as error:
            raise BrokenInput(f"{name}:{error.lineno}:{error.colno}: not JSON: {error.msg}", PRINTS) from None
        except (ValueError, RecursionError) as error:
            raise BrokenInput(f"`{name}` is not JSON: {error}", PRINTS) from None
        if not isinstance(found, dict):
            raise BrokenInput(f"`{name}` is not a map of outputs", PRINTS)
        for key, value in found.items():
            if outputs.setdefault((layer, key), value) != value:
                raise UsageError(
                    f"`--outputs` gives two values for `{key}`",
                    "say of which layer each file is: `--outputs foundation=FILE --outputs platform=FILE`",
                )
    return outputs


def _write(folder: Path, files: Mapping[str, str], stack: str) -> tuple[list[str], list[str]]:
    """Write what differs and remove what is stale; return both. Nothing is written if a file is not ours to write."""
    from stacks.render.manifest_files import mark

    def ours(path: str) -> bool:
        return first_line(folder / path) == mark(path, stack)

    advice = "a folder holds one stack: name another with `-o`"
    refuse_foreign(folder, files, ours, f"`llmform render` from `{stack}`", advice)
    return write_files(folder, files, lambda: [path for path in _present(folder) if ours(path)])


def _present(folder: Path) -> Iterator[str]:
    """Yield the manifests in the folder and its waves."""
    for path in sorted((*folder.glob("*.yaml"), *folder.glob("wave-*/*.yaml"))):
        if path.is_file():
            yield path.relative_to(folder).as_posix()
