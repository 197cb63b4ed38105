"""`manifests`: the user's own Kubernetes objects, read from files beside the spec. Strict YAML, several documents a
file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from specs.catalog.reader import kinds
from specs.diagnostics import Diagnostic
from specs.files import Files
from specs.finding import finding
from specs.load import Case
from specs.source import MOST_BYTES, read_beside
from specs.tree import Path, Tree, plain

_ENDINGS = (".yaml", ".yml", ".json")
_LINE_BREAK = re.compile(rb"\r\n|\r|\n")  # a lone CR ends a line too (YAML 1.2.2, 5.4)
_BOUNDARY = re.compile(rb"(?:(?<=[\r\n])|\A)(---|\.\.\.)(?=[ \t\r\n]|\Z)")
_NOTHING = re.compile(rb"(?:\s|#[^\n]*)*")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object: the entry of `manifests` that it belongs to, its content, and the file it stands in.

    `tree` is the content with the place of every value.
    """

    group: str
    content: dict[str, Any]
    source: str
    namespaced: bool
    tree: Tree


def read_manifests(case: Case, files: Files, spec_file: str) -> tuple[tuple[Manifest, ...], tuple[Diagnostic, ...]]:
    """Return every object that the case's `manifests` name for its target, and what is wrong with the files."""
    found: list[Diagnostic] = []
    objects: list[Manifest] = []
    for group, entry in case.spec.manifests.items():
        if entry.targets is not None and case.target not in entry.targets:
            continue
        key = "dir" if entry.dir is not None else "file"
        path: Path = ("manifests", group, key)
        given = entry.dir if entry.dir is not None else entry.file or ""
        folder = PurePosixPath(given)
        if folder.is_absolute() or ".." in folder.parts:
            found.append(
                finding(
                    case,
                    "manifest-outside",
                    path,
                    f"`{given}` is outside the spec's folder",
                    help="put the files beside the spec",
                )
            )
            continue
        names = _names(files, entry.dir, entry.file)
        if not names:
            folder_of = "with `.yaml`, `.yml` or `.json` files beside the spec"
            missing = f"no folder `{given}` {folder_of}" if key == "dir" else f"no file `{given}` beside the spec"
            found.append(finding(case, "manifest-missing", path, f"there is {missing}"))
            continue
        before = len(objects), len(found)
        for name in names:
            data = files.read(name)
            if data is None:
                found.append(
                    finding(
                        case,
                        "manifest-missing",
                        path,
                        f"`{name}` cannot be read",
                        help="it must be a file inside the spec's folder",
                    )
                )
                continue
            shown = str(PurePosixPath(spec_file).parent / name)
            trees, wrong = read_documents(data, shown)
            found.extend(wrong)
            for tree in trees:
                read = object_of(tree, group, shown)
                if isinstance(read, Manifest):
                    objects.append(read)
                else:
                    found.append(read)
        if before == (len(objects), len(found)):
            found.append(finding(case, "manifest-missing", path, f"there is no object in `{given}`"))
    scopes = dict(s for o in objects for s in _defined(o.content))
    return tuple(replace(o, namespaced=_namespaced(o.content, scopes)) for o in objects), tuple(found)


def read_documents(data: bytes, file: str) -> tuple[tuple[Tree, ...], tuple[Diagnostic, ...]]:
    """Return the tree of every document of a file, as strict as a spec; empty documents are left out.

    A line that begins with `---` or `...` ends a document wherever it stands (YAML 1.2.2, 9.1.2), so the text is
    cut there and each
    part is read at its own lines.
    """
    if len(data) > MOST_BYTES:
        return (), _read(data, file)[1]
    starts = [(0, 0), *((m.start(), m.end()) for m in _BOUNDARY.finditer(data))]
    trees: list[Tree] = []
    found: list[Diagnostic] = []
    for position, (start, content) in enumerate(starts):
        end = starts[position + 1][0] if position + 1 < len(starts) else len(data)
        if _NOTHING.fullmatch(data, content, end):
            continue
        padding = b"\n" * len(_LINE_BREAK.findall(data, 0, start)) + b" " * (content - start)
        tree, wrong = _read(padding + data[content:end], file)
        found.extend(wrong)
        if tree is not None:
            trees.append(tree)
    return tuple(trees), tuple(found)


def _read(data: bytes, file: str) -> tuple[Tree | None, tuple[Diagnostic, ...]]:
    return read_beside(data, file, "a Kubernetes object", "apiVersion: v1")


def object_of(tree: Tree, group: str, file: str) -> Manifest | Diagnostic:
    """Return the object that a document is, or what it lacks. Whether it has a namespace is what the catalog knows."""
    problem = _problem(tree)
    if problem is not None:
        return problem
    content = plain(tree)
    return Manifest(group, content, file, _namespaced(content, {}), tree)


def _names(files: Files, folder: str | None, file: str | None) -> tuple[str, ...]:
    if file is not None:
        return (str(PurePosixPath(file)),) if files.read(str(PurePosixPath(file))) is not None else ()
    base = PurePosixPath(folder or ".")
    return tuple(str(base / n) for n in files.names(str(base)) or () if n.endswith(_ENDINGS))


def _problem(tree: Tree) -> Diagnostic | None:
    missing = next(_missing(tree), None)
    if missing is None:
        return None
    return Diagnostic(
        "not-an-object",
        f"this is no Kubernetes object: it has no {missing}",
        tree.span,
        help="every object has `apiVersion`, `kind` and `metadata.name`; a List is written as its items",
    )


def _missing(tree: Tree) -> Iterator[str]:
    for key in ("apiVersion", "kind"):
        member = tree.members.get(key)
        if member is None or not isinstance(member.tree.value, str) or not member.tree.value:
            yield f"`{key}`"
    metadata = tree.members.get("metadata")
    name = metadata.tree.members.get("name") if metadata else None
    if name is None or not isinstance(name.tree.value, str):
        yield "`metadata.name`"
    elif "/" in name.tree.value:
        yield "`metadata.name` that is a name"
    namespace = metadata.tree.members.get("namespace") if metadata else None
    if namespace is not None and not isinstance(namespace.tree.value, str):
        yield "`metadata.namespace` that is text"


def _defined(content: dict[str, Any]) -> Iterator[tuple[tuple[str, str], bool]]:
    """Yield the group and kind that an object defines, and whether it lives in a namespace."""
    spec = content.get("spec")
    if content["kind"] != "CustomResourceDefinition" or not isinstance(spec, dict):
        return
    names = spec.get("names")
    group, kind = spec.get("group"), names.get("kind") if isinstance(names, dict) else None
    if isinstance(group, str) and isinstance(kind, str) and spec.get("scope") in ("Cluster", "Namespaced"):
        yield (group, kind), spec["scope"] == "Namespaced"


def _namespaced(content: dict[str, Any], scopes: Mapping[tuple[str, str], bool]) -> bool:
    """Say whether objects of this kind live in a namespace.

    The catalog knows, or a definition among the user's own objects (`scopes`); any other kind is taken to, as Pulumi
    does.
    """
    row = kinds().get(f"{content['apiVersion']}/{content['kind']}")
    group = content["apiVersion"].rpartition("/")[0]
    return row.namespaced if row is not None else scopes.get((group, content["kind"]), True)
