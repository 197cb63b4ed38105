"""The specs that a command line names: files, and folders with all the specs in them."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from stacks.cli.selection import complete_spec
from stacks.cli.session import Spec, UsageError, read_spec

ENDINGS = (".yaml", ".yml", ".json")

_BEGINS = re.compile(rb"""^(?:\xef\xbb\xbf)?[ \t{]*["']?apiVersion["']?[ \t]*:[ \t]*["']?llmform/""", re.MULTILINE)
"""The line that says what a spec is, at the beginning of a line or of the JSON object."""

_LOOK = 65_536
"""Bytes of a file in which that line is looked for: a spec says first what it is."""


def add_specs(parser: argparse.ArgumentParser) -> None:
    """Add the paths of specs."""
    complete_spec(
        parser.add_argument(
            "specs", metavar="PATH", nargs="+", help="a spec file, or a folder: all specs in it and below"
        )
    )


def begins_spec(data: bytes) -> bool:
    """Say whether a file with this content says that it is a spec."""
    return _BEGINS.search(data[:_LOOK]) is not None


def find_specs(given: Sequence[str], *, may_be_gone: bool = False) -> list[Spec]:
    """Return the specs that these paths name, each once: a file as it was given, a folder's in the order of their
    paths. UsageError if a path is not there, or a folder has none, unless it `may_be_gone`: a commit may have had it.

    Below a folder, hidden folders and linked ones are left out, and so are files that a link leads out of it to.
    """
    found: dict[Path, Spec] = {}
    for name in given:
        if may_be_gone and not os.path.lexists(name):
            continue
        if not os.path.isdir(name):
            spec = read_spec(name)
            found.setdefault(spec.path.resolve(), spec)
            continue
        below = list(_below(name))
        if not below and not may_be_gone:
            raise none_in(name)
        for spec in below:
            found.setdefault(spec.path.resolve(), spec)
    return list(found.values())


def none_in(folder: str) -> UsageError:
    """Return the error of a folder without a spec."""
    return UsageError(
        f"there is no spec in `{folder}`", "a spec is a .yaml, .yml or .json file with `apiVersion: llmform/v1`"
    )


def _below(folder: str) -> Iterator[Spec]:
    root = Path(folder).resolve()
    names: list[str] = []
    for at, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [os.path.join(at, name) for name in files if name.endswith(ENDINGS)]
    for name in sorted(names):
        path = Path(name)
        if not path.is_file() or path.is_symlink() and not path.resolve().is_relative_to(root):
            continue
        spec = read_spec(name)
        if begins_spec(spec.data):
            yield replace(spec, folder=folder)
