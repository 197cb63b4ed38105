"""The files that commands write: whole or not at all, and never in the place of a spec."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from stacks.cli.session import UsageError, read_spec, write


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the file to write."""
    parser.add_argument(
        "-o",
        "--output",
        default="-",
        metavar="FILE",
        help="the file to write, whole or not at all (default: standard output)",
    )


def write_out(name: str, text: str) -> None:
    """Write to a file, whole or not at all, or to standard output (`-`); UsageError if it cannot be."""
    if name == "-":
        write(text)
        return
    write_whole(Path(name), text.encode("utf-8", "backslashreplace").decode())


def check_outputs(written: Iterable[str], read: Iterable[str] = ()) -> None:
    """Raise UsageError if a file would be written twice, or in the place of a spec or of a file that is read."""
    from stacks.cli.specs import ENDINGS, begins_spec

    specs = {Path(name).resolve() for name in read}
    seen: set[Path] = set()
    for name in (name for name in written if name != "-"):
        path = Path(name).resolve()
        if path in specs or path.suffix in ENDINGS and path.is_file() and begins_spec(read_spec(name).data):
            raise UsageError(f"`{name}` is a spec, and would be lost", "name another file to write")
        if path in seen:
            raise UsageError(f"`{name}` would be written twice", "name a file for each form")
        seen.add(path)


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
