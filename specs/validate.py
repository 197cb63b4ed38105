"""A spec's tree against the schema: the Spec, or diagnostics in the user's words.

pydantic's errors are translated: paths of the spec instead of its own, the smallest span, one error for one mistake
(a misspelt key is both "missing" and "extra" to pydantic).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from specs.diagnostics import Diagnostic, Label, Span
from specs.scalars import resolve
from specs.schema.base import NAME_PATTERN
from specs.schema.spec import Spec
from specs.schema.walk import choices, key_choices, keys, place
from specs.suggest import closest, did_you_mean
from specs.tree import Path, Tree, at, dotted, key_span, plain
from specs.unions import KINDS, NO_ALTERNATIVE, meant, real_path

PROVIDERS = ("aws", "on-prem", "edge")
"""The kinds of target (specs/schema/targets.py)."""

_NAME_RULE = "lower-case letters, digits and dashes, a letter first, at most 40 characters"

# Problems of a whole map: the key that each is about, and the other key that takes part.
_BLAMED = {
    "min-above-max": ("min", "max"),
    "unpinned-revision": ("source", ""),
    "revision-twice": ("revision", "source"),
    "patch-twice": ("json", "merge"),
    "manifests-place": ("file", "dir"),
    "architecture-twice": ("config", ""),
}


def validate(tree: Tree) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """Return the spec that the tree says, or what is wrong with it."""
    try:
        return Spec.model_validate(plain(tree)), ()
    except ValidationError as error:
        return None, tuple(_translate(tree, error.errors(include_url=False)))


def _translate(tree: Tree, errors: list[ErrorDetails]) -> Iterator[Diagnostic]:
    unknown = {real_path(tree, e["loc"]) for e in errors if e["type"] == "extra_forbidden"}
    wrong = {real_path(tree, e["loc"]) for e in errors if e["type"] != "missing"}
    names = {e["input"] for e in errors if e["loc"] and e["loc"][-1] == "[key]"}
    absent = [(real_path(tree, e["loc"]), str(e["loc"][-1])) for e in errors if e["type"] == "missing"]
    for error in meant(tree, errors):
        path = real_path(tree, error["loc"])
        if _is_consequence(tree, path, error, unknown, wrong, names, absent):
            continue
        needed = _only_pair(path[:-1], unknown, absent) if error["type"] == "extra_forbidden" else ""
        yield _one(tree, path, error, _provider(tree, path), needed)


def _only_pair(parent: Path, unknown: set[Path], absent: list[tuple[Path, str]]) -> str:
    """Return the key that a map lacks if one is missing and one is unknown there: the one is meant by the other."""
    missing = [name for path, name in absent if path == parent]
    beside = [path for path in unknown if path[:-1] == parent]
    return missing[0] if len(missing) == len(beside) == 1 else ""


def _is_consequence(
    tree: Tree,
    path: Path,
    error: ErrorDetails,
    unknown: set[Path],
    wrong: set[Path],
    names: set[Any],
    absent: list[tuple[Path, str]],
) -> bool:
    """Say whether the error only follows from another one: one mistake is one error."""
    found = at(tree, path)
    match error["type"]:
        case "missing":
            name = str(error["loc"][-1])
            beside = [str(p[-1]) for p in unknown if p[:-1] == path]
            # a source that cannot be read also names no revision
            unreadable = name == "revision" and (*path, "source") in wrong
            return bool(closest(name, beside)) or _only_pair(path, unknown, absent) == name or unreadable
        case "too_short":
            # pydantic does not count the entries that are wrong themselves
            return found is not None and len(found.value or ()) >= error["ctx"]["min_length"]  # type: ignore[arg-type]
        case "string_pattern_mismatch":
            return error["loc"][-1] != "[key]" and found is not None and found.value in names
    return False


def _provider(tree: Tree, path: Path) -> str:
    """Return the provider of the target that the path is in, or of the first target."""
    targets = at(tree, ("targets",)) or tree
    named = targets.members.get(str(path[1])) if len(path) > 1 and path[0] == "targets" else None
    for member in [named] if named is not None else targets.members.values():
        found = member.tree.members.get("provider")
        if found is not None and isinstance(found.tree.value, str):
            return found.tree.value
    return ""


def _one(tree: Tree, path: Path, error: ErrorDetails, provider: str, needed: str) -> Diagnostic:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown_key(tree, path, provider, needed)
    if kind == "missing":
        return _missing(tree, path, str(error["loc"][-1]), provider)
    if error["loc"] and error["loc"][-1] == "[key]":
        return _bad_key(tree, path, error, provider)
    return _bad_value(tree, path, error, provider)


def _unknown_key(tree: Tree, path: Path, provider: str, needed: str = "") -> Diagnostic:
    """Return the finding; `needed` is the one key that is missing beside the unknown one."""
    name, parent = str(path[-1]), path[:-1]
    above = place(parent, provider)
    known: tuple[str, ...] = ()
    if above is not None:
        known = keys(above.section) if above.section else key_choices(above.annotation)
    inside = f"`{_name(parent)}`" if parent else "a spec"
    found = at(tree, path)
    help = did_you_mean(name, known, f"keys of {inside}")
    if needed and not closest(name, known):
        help = f"did you mean `{needed}`? It is missing"
    return Diagnostic(
        "unknown-key",
        f"unknown key `{name}`",
        key_span(tree, path),
        dotted(path),
        label=f"not a key of {inside}",
        help=help,
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


def _bad_key(tree: Tree, path: Path, error: ErrorDetails, provider: str) -> Diagnostic:
    """A key that is no name: pydantic marks it with `[key]` behind the key itself."""
    if error["type"] == "literal_error":
        return _unknown_key(tree, path, provider)
    name = str(path[-1]) if path else ""
    parent = at(tree, path[:-1])
    pattern = error.get("ctx", {}).get("pattern")
    return Diagnostic(
        "bad-name",
        f"`{name[:100]}` is not a name that can stand here"
        if pattern == NAME_PATTERN
        else f"`{name[:100]}` cannot be a key here",
        key_span(tree, path),
        dotted(path),
        help=_NAME_RULE if pattern == NAME_PATTERN else f"the form is `{pattern}`",
        overlay=parent.overlay if parent else "",
    )


def _bad_value(tree: Tree, path: Path, error: ErrorDetails, provider: str) -> Diagnostic:
    kind, ctx = error["type"], error.get("ctx", {})
    found = at(tree, path) or tree
    known = place(path, provider)
    about = known.description if known else ""
    path = _written(tree, path)
    name, given = _name(path), _shown(found.value)
    code, message, advice = "bad-value", f"`{name}` cannot be {given}", about
    match kind:
        case "llmform":
            code, message, advice = ctx["code"], ctx["text"], ctx["help"]
            if isinstance(found.value, Mapping):
                return _bad_map(tree, path, code, message, advice)
        case "literal_error":
            options = choices(known.annotation) if known is not None else ()
            code, advice = "unknown-value", did_you_mean(given.strip("`"), options, "values") if options else about
        case "union_tag_invalid":
            return _unknown_provider(tree, path)
        case "union_tag_not_found":
            return _no_provider(tree, path, found, provider)
        case "too_short" | "too_long":
            code = "out-of-range"
            limit = ctx.get("min_length", ctx.get("max_length"))
            entries = "entry" if limit == 1 else "entries"
            message = f"`{name}` needs at {'least' if kind == 'too_short' else 'most'} {limit} {entries}"
        case "greater_than_equal" | "less_than_equal":
            code = "out-of-range"
            limit, side = (ctx["ge"], "least") if kind == "greater_than_equal" else (ctx["le"], "most")
            message = f"`{name}` must be at {side} {limit}, not {given}"
        case "string_pattern_mismatch" if ctx["pattern"] == NAME_PATTERN:
            code, message, advice = "bad-name", f"{given} is not a name that can stand here", _NAME_RULE
        case "string_pattern_mismatch":
            advice = f"{about} The form is `{ctx['pattern']}`.".strip()
        case _ if kind == NO_ALTERNATIVE:
            code = "wrong-type"
        case _ if kind in KINDS:
            code, message, advice = "wrong-type", *_wrong_type(name, found.value, kind, about)
    return Diagnostic(code, message, found.span, dotted(path), help=advice, overlay=found.overlay)


def _wrong_type(name: str, value: Any, kind: str, about: str) -> tuple[str, str]:
    """Return message and help for a value of another type; the help shows the value as it may be meant."""
    given, key = _shown(value), "" if name.endswith("]") else f"{name}: "
    is_scalar = value is not None and not isinstance(value, Mapping | tuple)
    if kind == "string_type" and is_scalar:
        about = f'in quotes it is text: `{key}"{_source(value)}"`'
    elif kind in ("tuple_type", "list_type") and is_scalar:
        about = f"in brackets it is a list: `{key}[{_source(value)}]`"
    elif isinstance(value, str) and kind in ("int_type", "float_type", "bool_type"):
        meant = resolve(value)
        if not isinstance(meant, str):  # it looks like what is asked for, but it stands in quotes
            given = f'the text `"{_source(value)[:100]}"`'
        if isinstance(meant, bool) == (kind == "bool_type") and isinstance(meant, bool | int | float):
            about = f"without quotes it is {KINDS[kind]}: `{key}{value}`"
    return f"`{name}` must be {KINDS[kind]}, not {given}", about


def _bad_map(tree: Tree, path: Path, code: str, message: str, advice: str) -> Diagnostic:
    """A problem of a whole map: at the key that it is about, with the other key that takes part."""
    key, other = _BLAMED.get(code, ("", ""))
    first, second = at(tree, (*path, key)), at(tree, (*path, other))
    related: tuple[Label, ...] = ()
    if key and first is not None:
        path, span, found = (*path, key), first.span, first
        if other and second is not None:
            related = (Label(second.span, f"`{other}` is here"),)
    else:
        span, found = key_span(tree, path), at(tree, path) or tree
    path = _written(tree, path)
    return Diagnostic(code, message, span, dotted(path), help=advice, overlay=found.overlay, related=related)


def _unknown_provider(tree: Tree, path: Path) -> Diagnostic:
    found = at(tree, (*path, "provider")) or tree
    given = _shown(found.value)
    return Diagnostic(
        "unknown-value",
        f"`provider` cannot be {given}",
        found.span,
        dotted((*path, "provider")),
        help=did_you_mean(given.strip("`"), PROVIDERS, "values"),
        overlay=found.overlay,
    )


def _no_provider(tree: Tree, path: Path, found: Tree, provider: str) -> Diagnostic:
    near = closest("provider", found.members)
    if near is not None:
        return _unknown_key(tree, (*path, near), provider)
    return replace(
        _missing(tree, path, "provider", provider), help="add `provider: aws`, `provider: on-prem` or `provider: edge`"
    )


def _written(tree: Tree, path: Path) -> Path:
    """Return the path as it is written: a short form has no key of its own."""
    while path and isinstance(path[-1], str):
        found = at(tree, path)
        if found is None or found.span != key_span(tree, path):
            break
        path = path[:-1]
    return path


def _name(path: Path) -> str:
    """Return the last key of a path, with the position behind it for an entry of a list."""
    last = max((i for i, part in enumerate(path) if isinstance(part, str)), default=0)
    return dotted(path[last:]) or "the spec"


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
