"""A spec + the overlays of one target and one environment → the spec that holds there.

Precedence: the spec < `targets.X.overlay` < `environments.Y.overlay`. Maps merge, lists and scalars replace, `null`
removes. Every value keeps the span of its text and the name of the overlay that it came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from specs.diagnostics import Diagnostic, Span
from specs.suggest import did_you_mean
from specs.tree import Member, Path, Tree, at, dotted

FIXED = frozenset({"apiVersion", "name", "edition", "environments", "moved"})
"""Keys that are the same everywhere: they name the platform or relate one version of the spec to the next."""

# A short form, as a path pattern, and the key that its text stands for.
SHORT_FORMS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("models", "*"), "source"),
    (("targets", "*", "addons"), "default"),
)


def expand_short_forms(tree: Tree) -> Tree:
    """Return the tree with every short form written out, so that overlays can change one key of it."""
    for pattern, key in SHORT_FORMS:
        tree = _expand(tree, pattern, key)
    return tree


def _expand(tree: Tree, pattern: tuple[str, ...], key: str) -> Tree:
    if not pattern:
        return replace(tree, value={key: Member(tree.span, tree)}) if isinstance(tree.value, str) else tree
    if not isinstance(tree.value, Mapping):
        return tree
    wanted = tree.value if pattern[0] == "*" else {pattern[0]} & tree.value.keys()
    changed = {n: Member(tree.value[n].key, _expand(tree.value[n].tree, pattern[1:], key)) for n in wanted}
    return replace(tree, value={**tree.value, **changed}) if changed else tree


def specialise(
    base: Tree, target: str, environment: str, named: frozenset[str], known: frozenset[str]
) -> tuple[Tree, tuple[Diagnostic, ...]]:
    """Return the spec as it holds for one target in one environment, without the overlays.

    Args:
        base: the spec with its short forms written out
        environment: an entry of `environments`, or the implicit `default`
        named: top-level keys whose entries are named by the user
        known: all top-level keys
    """
    found: list[Diagnostic] = []
    tree = _without(base, ("environments",))
    layers = (
        (f"targets.{target}", at(base, ("targets", target, "overlay"))),
        (f"environments.{environment}", at(base, ("environments", environment, "overlay"))),
    )
    for name, overlay in layers:
        if overlay is None or not isinstance(overlay.value, Mapping):
            continue  # the schema says what is wrong with an overlay that is no map
        for path, key, value in _entries(overlay):
            problem = _points_into_nothing(tree, path, key, value, name, named, known)
            if problem:
                found.append(problem)
            else:
                change = expand_short_forms(_nest(path, key, _stamp(value, name)))
                tree = _merge(tree, change)
    kept = at(tree, ("targets", target))
    if kept is None:
        return tree, tuple(found)
    targets = tree.members["targets"]
    only = replace(targets.tree, value={target: targets.tree.members[target]})
    tree = replace(tree, value={**tree.members, "targets": Member(targets.key, only)})
    return _without(tree, ("targets", target, "overlay")), tuple(found)


def _entries(overlay: Tree) -> Iterator[tuple[Path, Span, Tree]]:
    """Yield what an overlay sets; a section of named entries is taken apart into its entries."""
    for name, member in overlay.members.items():
        yield tuple(name.split(".")), member.key, member.tree


def _points_into_nothing(
    tree: Tree, path: Path, key: Span, value: Tree, overlay: str, named: frozenset[str], known: frozenset[str]
) -> Diagnostic | None:
    first = str(path[0])
    where = f"{overlay}.overlay"
    if first in FIXED or (first == "targets" and overlay.startswith("targets.")):
        return Diagnostic(
            "overlay-fixed-key",
            f"an overlay cannot change `{first}`: it is the same everywhere",
            key,
            where,
            help="change it in the spec itself",
            overlay=overlay,
        )
    if first not in known:
        return Diagnostic(
            "overlay-into-nothing",
            f"the overlay path `{dotted(path)}` points into nothing: there is no key `{first}`",
            _part(key, path, 0),
            where,
            help=did_you_mean(first, known - FIXED, "keys that an overlay can change"),
            overlay=overlay,
        )
    if first not in named:
        return None
    section = at(tree, (first,))
    there = section.members if section is not None else {}
    asked = [(str(path[1]), _part(key, path, 1), value)] if len(path) > 1 else []
    if len(path) == 1:
        asked = [(name, member.key, member.tree) for name, member in value.members.items()]
    for name, span, below in asked:
        if name not in there:
            return Diagnostic(
                "overlay-into-nothing",
                f"the overlay path `{first}.{name}` points into nothing: the spec has no `{name}` in `{first}`",
                span,
                where,
                help=did_you_mean(name, there, f"entries of `{first}`"),
                overlay=overlay,
            )
        if first == "targets" and below.value is None:
            return Diagnostic(
                "overlay-fixed-key",
                "an overlay cannot remove a target",
                span,
                where,
                help=f"leave `{name}` out of the environment's `targets`",
                overlay=overlay,
            )
    return _through_a_scalar(tree, path, key, overlay, where)


def _through_a_scalar(tree: Tree, path: Path, key: Span, overlay: str, where: str) -> Diagnostic | None:
    """Refuse a dotted path that goes on below a value that has nothing below it."""
    for length in range(2, len(path)):
        above = at(tree, path[:length])
        if above is not None and not isinstance(above.value, Mapping) and above.value is not None:
            return Diagnostic(
                "overlay-into-nothing",
                f"the overlay path `{dotted(path)}` points into nothing: `{dotted(path[:length])}` has no keys",
                _part(key, path, length),
                where,
                help=f"end the path at `{dotted(path[:length])}`",
                overlay=overlay,
            )
    return None


def _part(key: Span, path: Path, position: int) -> Span:
    """Return the span of one part of a dotted key; the whole key if it is written in quotes."""
    texts = [str(part) for part in path]
    if key.line != key.end_line or key.end_column - key.column != len(".".join(texts)):
        return key
    start = key.column + sum(len(t) + 1 for t in texts[:position])
    return replace(key, column=start, end_column=start + len(texts[position]))


def _nest(path: Path, key: Span, value: Tree) -> Tree:
    """Return the map that a dotted key stands for."""
    tree = value
    for position in range(len(path) - 1, -1, -1):
        tree = Tree({str(path[position]): Member(_part(key, path, position), tree)}, tree.span, tree.overlay)
    return tree


def _stamp(tree: Tree, overlay: str) -> Tree:
    """Return the tree with the overlay's name on every value."""
    value = tree.value
    if isinstance(value, Mapping):
        value = {name: Member(m.key, _stamp(m.tree, overlay)) for name, m in value.items()}
    elif isinstance(value, tuple):
        value = tuple(_stamp(item, overlay) for item in value)
    return Tree(value, tree.span, overlay)


def _merge(base: Tree, over: Tree) -> Tree:
    if not isinstance(base.value, Mapping) or not isinstance(over.value, Mapping):
        return _no_nulls(over)
    merged = dict(base.value)
    for name, member in over.value.items():
        if member.tree.value is None:
            merged.pop(name, None)
        elif name in merged:
            merged[name] = Member(
                member.key if not isinstance(member.tree.value, Mapping) else merged[name].key,
                _merge(merged[name].tree, member.tree),
            )
        else:
            merged[name] = Member(member.key, _no_nulls(member.tree))
    return replace(base, value=merged)


def _no_nulls(tree: Tree) -> Tree:
    """Return a new map without the keys that it removes: there was nothing to remove."""
    if not isinstance(tree.value, Mapping):
        return tree
    kept = {n: Member(m.key, _no_nulls(m.tree)) for n, m in tree.value.items() if m.tree.value is not None}
    return replace(tree, value=kept)


def _without(tree: Tree, path: tuple[str, ...]) -> Tree:
    """Return the tree without what stands at the path."""
    if path[0] not in tree.members:
        return tree
    rest = dict(tree.members)
    if len(path) == 1:
        del rest[path[0]]
    else:
        rest[path[0]] = Member(rest[path[0]].key, _without(rest[path[0]].tree, path[1:]))
    return replace(tree, value=rest)
