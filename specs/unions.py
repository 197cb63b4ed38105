"""Where pydantic's errors point, and which of a union's alternatives was meant.

pydantic's path also holds tags of unions, and a value that fits no alternative has errors of every one of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_core import ErrorDetails

from specs.tree import Path, Tree, at

KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "`true` or `false`",
    "float_type": "a number",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "tuple_type": "a list",
    "list_type": "a list",
}
"""pydantic's errors about a value's type, and the type that it asks for in the user's words."""

NO_ALTERNATIVE = "no_alternative"
"""The type of an error that stands for the errors of all alternatives."""


def real_path(tree: Tree, loc: tuple[int | str, ...]) -> Path:
    """Return the part of pydantic's path that is in the tree."""
    return _taken_apart(tree, loc)[0]


def _taken_apart(tree: Tree, loc: tuple[int | str, ...]) -> tuple[Path, tuple[tuple[Path, int | str], ...]]:
    """Return the part of the path that is in the tree, and every tag of a union with the path that it stands at."""
    path: Path = ()
    tags: list[tuple[Path, int | str]] = []
    current = tree
    for part in loc:
        below = at(current, (part,))
        if below is not None:
            path, current = (*path, part), below
        elif part != "[key]" and not (len(path) == 2 and path[0] == "targets"):  # a target says which one it is
            tags.append((path, part))
    return path, tuple(tags)


def meant(tree: Tree, errors: list[ErrorDetails], depth: int = 0) -> Iterator[ErrorDetails]:
    """Yield the errors of the alternative that was meant: the one whose type the value has.

    If the value has the type of none, all their errors are one of the type `NO_ALTERNATIVE`.
    """
    unions: dict[Path, dict[int | str, list[ErrorDetails]]] = {}
    for error in errors:
        _, tags = _taken_apart(tree, error["loc"][:-1] if error["type"] == "missing" else error["loc"])
        if len(tags) <= depth:
            yield error
        else:
            path, tag = tags[depth]
            unions.setdefault(path, {}).setdefault(tag, []).append(error)
    for path, alternatives in unions.items():
        fitting = [found for found in alternatives.values() if not any(_of_type(tree, e, path, depth) for e in found)]
        if fitting:
            yield from meant(tree, fitting[0], depth + 1)
        else:
            [first, *_] = next(iter(alternatives.values()))
            yield ErrorDetails(type=NO_ALTERNATIVE, loc=path, msg=first["msg"], input=first["input"])


def _of_type(tree: Tree, error: ErrorDetails, path: Path, depth: int) -> bool:
    """Say whether the error is that the value of the union itself has another type."""
    there, tags = _taken_apart(tree, error["loc"])
    return error["type"] in KINDS and there == path and len(tags) == depth + 1
