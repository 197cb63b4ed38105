"""`llmform compile`: record the graphs of a spec in one file."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from stacks.cli.selection import add_selection, add_spec
from stacks.cli.session import UsageError, compile_file, print_diagnostics, read_spec, selected, status, write
from stacks.compilation import encode
from stacks.render.style import safe_json


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "compile",
        help="record the graphs of a spec in a file",
        description="Compile a spec and write every selected stack's values and graph as one JSON file.",
        epilog="example: llmform compile spec.yaml -o release.json; llmform plan spec.yaml --against file:release.json",
        allow_abbrev=False,
    )
    add_spec(parser)
    parser.add_argument(
        "-o", "--output", default="-", metavar="FILE", help="the file to write (default: standard output)"
    )
    add_selection(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the compilation, whole or not at all."""
    spec = read_spec(arguments.spec)
    compiled = compile_file(spec)
    if compiled.diagnostics:
        print_diagnostics(spec, compiled.diagnostics, "human", sys.stderr)
    if compiled.compilation is not None:
        text = safe_json(encode(selected(compiled.compilation, arguments)))
        if arguments.output == "-":
            write(text)
        else:
            write_whole(Path(arguments.output), text)
    return status(compiled.diagnostics)


def write_whole(path: Path, text: str) -> None:
    """Write a file by renaming a finished one into its place, so that nobody ever reads half of it.

    A file that was there keeps its permissions. What is no file (`/dev/null`, a pipe) is written to and stays.
    """
    import tempfile  # only commands that write a file pay for the import

    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_text(text, encoding="utf-8")
            return
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            try:
                file.write(text)
                file.close()
                os.chmod(file.name, mode)
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise UsageError(f"`{path}` cannot be written: {error.strerror or error}") from None
