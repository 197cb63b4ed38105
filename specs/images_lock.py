"""`images.lock`: the file beside the spec that says which digest each image was built to.

A map from an image's name to its `reference` (registry, repository and tag) and its `digest`, null for one that nobody
has built yet. `llmform images` writes it; a plan reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from specs.diagnostics import Diagnostic, Severity, Span, has_errors
from specs.files import Files
from specs.finding import finding
from specs.load import Case
from specs.scalars import resolve
from specs.source import read_beside
from specs.suggest import did_you_mean
from specs.tree import Tree

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
"""The one form of digest that registries give to images (OCI image specification, "Digests")."""

MARK = "# Written by `llmform images`. Digests come from the metadata of `docker buildx bake`; do not edit."
"""The first line, by which a later run knows its own file."""

_KEYS = ("reference", "digest")


class Locked(NamedTuple):
    """What the file says of an image. `digest` is empty for one that is not built; `span` is where it stands."""

    reference: str
    digest: str
    span: Span | None = None


def read_lock(case: Case, files: Files, spec_file: str) -> tuple[Mapping[str, Locked] | None, tuple[Diagnostic, ...]]:
    """Return what the case's lock says by image, or None without one, and what is wrong with the file.

    A file that is not there is no error: the first images have to be built before it can be.
    """
    section = case.spec.images
    if section is None or section.lock is None:
        return None, ()
    path = ("images", "lock")
    if not _inside(section.lock):
        message, advice = f"`{section.lock}` is outside the spec's folder", "name a file in it, such as `images.lock`"
        return None, (finding(case, "image-not-pinned", path, message, help=advice),)
    data = files.read(section.lock)
    if data is None:
        message = f"there is no file `{section.lock}` beside the spec: no image is pinned"
        advice = "`llmform images SPEC -o DIR` writes it with the folders to build from"
        return None, (finding(case, "image-not-pinned", path, message, help=advice, severity=Severity.WARNING),)
    shown = str(PurePosixPath(spec_file).parent / section.lock)
    tree, wrong = read_beside(data, shown, "a map of images", "vllm: {reference: …, digest: …}")
    if tree is None:
        return None, wrong
    found = (*wrong, *_problems(tree))
    if has_errors(found):
        return None, found
    return {name: _locked(member.tree) for name, member in tree.members.items()}, found


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def lock_text(images: Mapping[str, Locked]) -> str:
    """Return the file's text, by name; the same images give the same bytes.

    Example:
        >>> print(lock_text({"vllm": Locked("registry.example/llm/vllm:1", "")}).partition(chr(10))[2], end="")
        vllm:
          reference: "registry.example/llm/vllm:1"
          digest: null
    """
    lines = [MARK]
    for name in sorted(images):
        entry = images[name]
        key = name if resolve(name) == name else json.dumps(name)  # a name such as `no` is text too
        lines += [f"{key}:", f"  reference: {json.dumps(entry.reference)}"]
        lines.append(f"  digest: {json.dumps(entry.digest) if entry.digest else 'null'}")
    return "\n".join(lines) + "\n"


def _locked(tree: Tree) -> Locked:
    digest = tree.members["digest"].tree if "digest" in tree.members else None
    value = digest.value if digest is not None else None
    return Locked(str(tree.members["reference"].tree.value), str(value or ""), (digest or tree).span)


def _problems(tree: Tree) -> Iterator[Diagnostic]:
    for name, member in tree.members.items():
        entry = member.tree
        if not isinstance(entry.value, dict):
            message = f"`{name[:100]}` must be a map with `reference` and `digest`"
            yield Diagnostic("wrong-type", message, entry.span, name, help="`llmform images` writes the file")
            continue
        for key, inner in entry.members.items():
            if key not in _KEYS:
                message, advice = f"unknown key `{key[:100]}`", did_you_mean(key, _KEYS, "keys")
                yield Diagnostic("unknown-key", message, inner.key, f"{name}.{key}", help=advice)
        reference = entry.members.get("reference")
        if reference is None:
            yield Diagnostic("missing-key", f"`{name[:100]}` has no `reference`", member.key, name)
        elif not isinstance(reference.tree.value, str):
            yield Diagnostic("wrong-type", "`reference` must be text", reference.tree.span, f"{name}.reference")
        digest = entry.members["digest"].tree if "digest" in entry.members else None
        if digest is not None and digest.value is not None and not _is_digest(digest.value):
            message = f"`{str(digest.value)[:100]}` is no digest of an image"
            advice = "write `sha256:` and 64 hex digits, or null"
            yield Diagnostic("bad-value", message, digest.span, f"{name}.digest", help=advice)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None
