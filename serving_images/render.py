"""Build contexts of images from their templates: values in, text of every file out.

A folder of `serving_images` is an image. Its files become the build context: `NAME.j2` is a Jinja2 template and gives
`NAME`, everything else goes in as it is. Templates beside the folders are parts that several of them include. What
describes the folder to people and to llmform stays out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, meta

HERE = Path(__file__).resolve().parent
VALUES = "values.json"
"""What a folder knows of itself: the base image with the date and source of that fact."""
_LEFT_OUT = ("README.md", "CONTRACT.md", "requirements.in", VALUES)


class UnfitValues(ValueError):
    """A template needs a value that was not given, or a value was given that no template needs."""


def facts(folder: str) -> dict[str, Any]:
    """Return the whole of the folder's `values.json`, with the date and source of what it states; {} without one."""
    path = HERE / folder / VALUES
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def defaults(folder: str) -> dict[str, Any]:
    """Return the values that the image's folder states itself; `values.json` says their date and source."""
    return dict(facts(folder).get("values", {}))


def render(folder: str, values: Mapping[str, object]) -> dict[str, str]:
    """Return the build context of an image: the text of each file by its path, in the order of the paths.

    The same values always give the same bytes. Raises `UnfitValues` if a template and the values do not fit together,
    KeyError if there is no such image.

    Example:
        >>> sorted(render("weights", {**defaults("weights"), "edition": "2026-11"}))[:2]
        ['Dockerfile', 'program/__init__.py']
    """
    needed: set[str] = set()
    context: dict[str, str] = {}
    for path, text in _files(folder):
        if path.endswith(".j2"):
            needed |= _needed(text)
            path = path.removesuffix(".j2")
            if missing := needed - values.keys():
                raise UnfitValues(f"{folder}/{path} needs {', '.join(sorted(missing))}")
            text = _environment().from_string(text).render(values)
        if path in context:
            raise UnfitValues(f"{folder} has {path} twice, as a file and as a template")
        context[path] = text
    if unknown := values.keys() - needed:
        raise UnfitValues(f"nothing in {folder} needs {', '.join(sorted(unknown))}")
    return dict(sorted(context.items()))


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _needed(text: str) -> set[str]:
    """Return the names of the values that a template and the parts that it includes need."""
    tree = _environment().parse(text)
    parts = [(HERE / name).read_text(encoding="utf-8") for name in meta.find_referenced_templates(tree) if name]
    return meta.find_undeclared_variables(tree).union(*(_needed(part) for part in parts))


def _files(folder: str) -> Iterator[tuple[str, str]]:
    root = HERE / folder
    if not folder.isidentifier() or not root.is_dir():
        raise KeyError(folder)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        ours = name.name in _LEFT_OUT or name.as_posix() == "__init__.py"  # which makes the folder a package of llmform
        if path.is_file() and not ours and "__pycache__" not in name.parts:
            yield name.as_posix(), path.read_text(encoding="utf-8")
