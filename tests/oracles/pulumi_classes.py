"""Which properties a Pulumi resource has, read from the source of a generated Python package.

The package is parsed, never imported: importing all of pulumi_aws takes seconds, the text of one class
milliseconds. Names are the provider's camelCase, which the generated getters carry
(`@pulumi.getter(name="clusterName")`); types come from the annotations of the `…Args` constructors.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from .placeholders import is_placeholder

Type = Any
"""`"str"`, `"int"`, `"float"`, `"bool"`, `"any"`, or a list `["list", T]`, `["map", T]`, `["union", T…]`,
`["object", CLASS]`, `["literal", VALUE…]`: plain JSON, so that a table can be kept in a file."""

Table = Mapping[str, Mapping[str, Any]]
"""Property name to `{"type": Type, "required": bool}`."""

_SCALARS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}


class UnknownToken(KeyError):
    """The package has no resource of this type token."""


class Package:
    """The generated package unpacked at `folder` (`…/site-packages/pulumi_aws`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._texts: dict[Path, str] = {}
        self._tables: dict[str, dict[str, Table]] = {}

    def _text(self, path: Path) -> str:
        if path not in self._texts:
            self._texts[path] = path.read_text(encoding="utf-8")
        return self._texts[path]

    @cached_property
    def _resources(self) -> Mapping[str, tuple[str, str]]:
        """Type token to (folder below the package, class), as the package registers them."""
        text = self._text(self.folder / "__init__.py")
        found: dict[str, tuple[str, str]] = {}
        for name in ("resource_modules", "resource_packages"):
            for entry in json.loads(re.search(rf'{name}="""\n(.*?)"""', text, re.DOTALL)[1]):  # type: ignore[index]
                below = entry["fqn"].removeprefix(self.folder.name).strip(".").replace(".", "/")
                classes = entry.get("classes") or {entry["token"]: entry["class"]}
                found.update({token: (below, cls) for token, cls in classes.items()})
        return found

    def root(self, token: str) -> str:
        """Return the name of the arguments class of a resource; UnknownToken if the package lacks it."""
        return self._arguments(token)[1]

    def _arguments(self, token: str) -> tuple[Path, str]:
        if token not in self._resources:
            raise UnknownToken(token)
        below, cls = self._resources[token]
        folder = self.folder / below
        guess = folder / (re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls).lower() + ".py")
        others = sorted(folder.glob("*.py"))
        for path in [guess, *others] if guess in others else others:
            match = re.search(rf"^__all__ = \['(\w+)', '{cls}'\]", self._text(path), re.MULTILINE)
            if match:
                return path, match[1]
        raise UnknownToken(token)

    def tables(self, token: str) -> Mapping[str, Table]:
        """Return the property tables of a resource's arguments class and of all classes nested in it."""
        if token not in self._tables:
            path, root = self._arguments(token)
            tables: dict[str, Table] = {}
            todo = [(path, root)]
            while todo:
                path, cls = todo.pop()
                tables[cls] = self._table(path, cls)
                nested = {n for row in tables[cls].values() for n in _objects(row["type"])} - tables.keys()
                todo.extend((self._inputs(path, name), name) for name in nested)
            self._tables[token] = tables
        return self._tables[token]

    def _inputs(self, path: Path, cls: str) -> Path:
        """The file of a nested class: beside `path`, or of the module in `_iam.PolicyStatementArgs`."""
        module = cls.rpartition(".")[0].lstrip("_")
        return (self.folder / module if module else path.parent) / "_inputs.py"

    def _table(self, path: Path, cls: str) -> Table:
        text = self._text(path)
        start = text.index(f"\nclass {cls.rpartition('.')[2]}:\n") + 1
        end = re.compile(r"^(?:class |@pulumi\.)", re.MULTILINE).search(text, start + 1)
        body = ast.parse(text[start : end.start() if end else len(text)]).body[0]
        assert isinstance(body, ast.ClassDef)
        wire: dict[str, str] = {}
        for function in (n for n in body.body if isinstance(n, ast.FunctionDef)):
            for decorator in function.decorator_list:
                if ast.unparse(decorator) == "pulumi.getter":
                    wire[function.name] = function.name
                elif isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pulumi.getter":
                    wire[function.name] = ast.literal_eval(decorator.keywords[0].value)
        init = next(n for n in body.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
        arguments = [a for a in (*init.args.args, *init.args.kwonlyargs) if a.arg != "__self__"]
        defaults = [None] * (len(init.args.args) - 1 - len(init.args.defaults)) + list(init.args.defaults)
        defaults += list(init.args.kw_defaults)
        return {
            wire[a.arg]: {"type": _type(a.annotation), "required": default is None}
            for a, default in zip(arguments, defaults, strict=True)
        }


def _type(annotation: ast.expr | None) -> Type:
    if isinstance(annotation, ast.Constant):
        # a class of _inputs.py, or an enum, whose members are strings
        name = str(annotation.value)
        return ["object", name] if name.endswith("Args") else "str"
    if not isinstance(annotation, ast.Subscript):
        name = ast.unparse(annotation).rpartition(".")[2] if annotation else "Any"
        return name if name in _SCALARS else "any"  # Any, and pulumi.Asset and pulumi.Archive
    outer = ast.unparse(annotation.value).rpartition(".")[2]
    inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    if outer in ("Input", "Optional"):
        return _type(inner[0])
    if outer == "Sequence":
        return ["list", _type(inner[0])]
    if outer == "Mapping":
        return ["map", _type(inner[1])]
    if outer == "Literal":
        return ["literal", *(ast.literal_eval(i) for i in inner)]
    if outer == "Union":
        return ["union", *(_type(i) for i in inner)]
    raise ValueError(f"annotation {ast.unparse(annotation)}")


def _objects(kind: Type) -> Iterator[str]:
    if isinstance(kind, list):
        if kind[0] == "object":
            yield kind[1]
        else:
            for part in kind[1:]:
                yield from _objects(part)


def table_problems(tables: Mapping[str, Table], cls: str, value: Any, path: str = "") -> Iterator[str]:
    """Yield `path: message` for what an object of class `cls` may not be: names, types, required."""
    if is_placeholder(value):
        return
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is not an object"
        return
    table = tables[cls]
    for key, item in value.items():
        where = f"{path}.{key}" if path else str(key)
        if key in table:
            yield from _type_problems(tables, table[key]["type"], item, where)
        else:
            yield f"{where}: unknown property"
    for key, row in table.items():
        if row["required"] and key not in value:
            yield f"{path}.{key}: required".lstrip(".")


def _type_problems(tables: Mapping[str, Table], kind: Type, value: Any, path: str) -> Iterator[str]:
    if is_placeholder(value) or kind == "any":
        return
    if isinstance(kind, str):
        if isinstance(value, bool) != (kind == "bool") or not isinstance(value, _SCALARS[kind]):
            yield f"{path}: {value!r} is not of type {kind}"
    elif kind[0] == "object":
        yield from table_problems(tables, kind[1], value, path)
    elif kind[0] == "list":
        if not isinstance(value, list):
            yield f"{path}: {value!r} is not a list"
            return
        for index, item in enumerate(value):
            yield from _type_problems(tables, kind[1], item, f"{path}[{index}]")
    elif kind[0] == "map":
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is not a map"
            return
        for key, item in value.items():
            yield from _type_problems(tables, kind[1], item, f"{path}[{key!r}]")
    elif kind[0] == "literal":
        if value not in kind[1:]:
            yield f"{path}: {value!r} is not one of {kind[1:]}"
    elif all(any(_type_problems(tables, option, value, path)) for option in kind[1:]):
        yield f"{path}: {value!r} fits none of {kind[1:]}"
