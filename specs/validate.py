"""A spec's tree against the schema: the Spec, or diagnostics in the user's words.

pydantic's errors are translated: paths of the spec instead of its own, the smallest span, one error for one mistake
(a misspelt key is both "missing" and "extra" to pydantic).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from specs.diagnostics import Diagnostic, Span
from specs.schema.base import NAME_PATTERN
from specs.schema.spec import Spec
from specs.schema.walk import choices, keys, place
from specs.suggest import closest, did_you_mean
from specs.tree import Path, Tree, at, dotted, key_span, nearest, plain

_KINDS = {
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


def validate(tree: Tree) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """Return the spec that the tree says, or what is wrong with it."""
    try:
        return Spec.model_validate(plain(tree)), ()
    except ValidationError as error:
        return None, tuple(_translate(tree, error.errors(include_url=False)))


def _translate(tree: Tree, errors: list[ErrorDetails]) -> Iterable[Diagnostic]:
    provider = _provider(tree)
    extra = {_real(tree, e["loc"]) for e in errors if e["type"] == "extra_forbidden"}
    missing = [e for e in errors if e["type"] == "missing"]
    explained = {m for m in (_typo_of(tree, e, extra) for e in missing) if m}
    unions = _union_paths(tree, errors)
    for error in errors:
        path = _real(tree, error["loc"])
        if error["type"] == "missing" and (*path, str(error["loc"][-1])) in explained:
            continue
        if path in unions and error["type"] != "llmform":
            if unions[path] is error:
                yield _wrong_union(tree, path, provider)
            continue
        yield _one(tree, path, error, provider)


def _provider(tree: Tree) -> str:
    for member in (at(tree, ("targets",)) or tree).members.values():
        found = member.tree.members.get("provider")
        if found is not None and isinstance(found.tree.value, str):
            return found.tree.value
    return ""


def _real(tree: Tree, loc: tuple[int | str, ...]) -> Path:
    """Return the part of pydantic's path that is there: it also holds tags of unions and other marks."""
    path: list[str | int] = []
    current = tree
    for part in loc:
        below = at(current, (part,))
        if below is not None:
            path.append(part)
            current = below
    return tuple(path)


def _typo_of(tree: Tree, error: ErrorDetails, extra: set[Path]) -> Path | None:
    """Return the missing key's path if a key beside it is a misspelling of it."""
    parent, name = _real(tree, error["loc"][:-1]), str(error["loc"][-1])
    beside = [str(p[-1]) for p in extra if p[:-1] == parent]
    return (*parent, name) if closest(name, beside) else None


def _union_paths(tree: Tree, errors: list[ErrorDetails]) -> dict[Path, ErrorDetails]:
    """Return the paths at which every alternative of a union failed, with the first error of each."""
    counts: dict[Path, list[ErrorDetails]] = {}
    for error in errors:
        path = _real(tree, error["loc"])
        if len(path) < len(error["loc"]) and error["type"] not in ("missing", "extra_forbidden", "llmform"):
            first = error["loc"][len(path) :]
            if first != ("[key]",) and not error["type"].startswith("union_tag"):
                counts.setdefault(path, []).append(error)
    return {path: found[0] for path, found in counts.items() if len(found) > 1}


def _wrong_union(tree: Tree, path: Path, provider: str) -> Diagnostic:
    known = place(path, provider)
    about = known.description if known else ""
    found = at(tree, path) or tree
    return Diagnostic(
        "wrong-type",
        f"`{path[-1]}` cannot be {_shown(found.value)}",
        found.span,
        dotted(path),
        help=about,
        overlay=found.overlay,
    )


def _one(tree: Tree, path: Path, error: ErrorDetails, provider: str) -> Diagnostic:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(tree, path, provider)
    if kind == "missing":
        return _missing(tree, path, str(error["loc"][-1]), provider)
    if error["loc"] and error["loc"][-1] == "[key]":
        return _bad_key(tree, path, error)
    return _bad_value(tree, path, error, provider)


def _unknown_key(tree: Tree, path: Path, provider: str) -> Diagnostic:
    name, parent = str(path[-1]), path[:-1]
    above = place(parent, provider)
    known = keys(above.section) if above and above.section else ()
    inside = f"`{parent[-1]}`" if parent else "a spec"
    found = at(tree, path)
    return Diagnostic(
        "unknown-key",
        f"unknown key `{name}`",
        key_span(tree, path),
        dotted(path),
        label=f"not a key of {inside}",
        help=did_you_mean(name, known, f"keys of {inside}"),
        overlay=found.overlay if found else "",
    )


def _missing(tree: Tree, path: Path, name: str, provider: str) -> Diagnostic:
    known = place((*path, name), provider)
    about = known.description if known else ""
    found = at(tree, path) or tree
    owner = f"`{dotted(path)}`" if path else "the spec"
    span = (
        key_span(tree, path)
        if path
        else Span(found.span.file, found.span.line, found.span.column, found.span.line, found.span.column + 1)
    )
    return Diagnostic(
        "missing-key",
        f"{owner} has no `{name}`",
        span,
        dotted((*path, name)),
        label=f"`{name}` is needed here",
        help=f"add `{name}:`. {about}".strip(),
        overlay=found.overlay,
    )


def _bad_key(tree: Tree, path: Path, error: ErrorDetails) -> Diagnostic:
    """A key that is no name: pydantic marks it with `[key]` behind the key itself."""
    name = str(path[-1]) if path else ""
    parent = at(tree, path[:-1])
    names = error.get("ctx", {}).get("pattern") == NAME_PATTERN
    rule = (
        "lower-case letters, digits and dashes, a letter first, at most 40 characters"
        if names
        else f"the form is {error.get('ctx', {}).get('pattern') or error['msg']}"
    )
    return Diagnostic(
        "bad-name",
        f"`{name[:100]}` is not a name that can stand here" if names else f"`{name[:100]}` cannot be a key here",
        key_span(tree, path),
        dotted(path),
        help=rule,
        overlay=parent.overlay if parent else "",
    )


def _bad_value(tree: Tree, path: Path, error: ErrorDetails, provider: str) -> Diagnostic:
    kind, ctx = error["type"], error.get("ctx", {})
    found = at(tree, path) or tree
    name = str(path[-1]) if path else "the spec"
    given = _shown(found.value)
    known = place(path, provider)
    about = known.description if known else ""
    code, message, advice = "bad-value", f"`{name}` cannot be {given}", about
    span = found.span
    match kind:
        case "llmform":
            code, message, advice = ctx["code"], ctx["text"], ctx["help"]
            if isinstance(found.value, Mapping):
                path, span = _blamed(tree, path, code)
        case "literal_error" | "union_tag_invalid":
            options = _allowed(known, ctx, path)
            if kind == "union_tag_invalid":
                tag = found.members.get("provider")
                span, given, path = (
                    (tag.tree.span if tag else span),
                    f"`{ctx.get('tag')}`",
                    (*path, "provider"),
                )
                options, name = ("aws", "on-prem"), "provider"
            code, message = "unknown-value", f"`{name}` cannot be {given}"
            advice = did_you_mean(given.strip("`"), options, "values") if options else about
        case "union_tag_not_found":
            return _missing(tree, path, "provider", provider)
        case "too_short" | "too_long":
            code = "out-of-range"
            limit = ctx.get("min_length", ctx.get("max_length"))
            message = f"`{name}` needs at {'least' if kind == 'too_short' else 'most'} {limit} {_entries(limit)}"
        case "greater_than_equal" | "less_than_equal":
            code = "out-of-range"
            limit, side = (ctx["ge"], "least") if kind == "greater_than_equal" else (ctx["le"], "most")
            message = f"`{name}` must be at {side} {limit}, not {given}"
        case "string_pattern_mismatch":
            message = f"`{name}` cannot be {given}"
            advice = f"{about} The form is `{ctx['pattern']}`.".strip()
        case _ if kind in _KINDS:
            code, message = "wrong-type", f"`{name}` must be {_KINDS[kind]}, not {given}"
            if kind == "string_type" and isinstance(found.value, int | float | bool):
                advice = f'in quotes it is text: `{name}: "{_source(found.value)}"`'
    return Diagnostic(code, message, span, dotted(path), help=advice, overlay=found.overlay)


def _blamed(tree: Tree, path: Path, code: str) -> tuple[Path, Span]:
    """Return the key that a whole map's problem is about, for the smallest span."""
    key = {
        "min-above-max": "min",
        "unpinned-revision": "source",
        "revision-twice": "revision",
        "patch-twice": "json",
    }.get(code)
    found = at(tree, (*path, key)) if key else None
    if key and found is not None:
        return (*path, key), found.span
    return path, key_span(tree, path)


def _allowed(known: Any, ctx: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    return choices(known.annotation) if known is not None else ()


def _entries(limit: Any) -> str:
    return "entry" if limit == 1 else "entries"


def _source(value: Any) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _shown(value: Any) -> str:
    """Return a value as an error quotes it."""
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, tuple):
        return "a list"
    if value is None:
        return "empty"
    text = _source(value)
    return f"`{text[:100]}{'…' if len(text) > 100 else ''}`"


def nearest_span(tree: Tree, path: Path) -> Span:
    """Return the span of the value at the path, or of what is nearest above it."""
    return nearest(tree, path)[1].span
