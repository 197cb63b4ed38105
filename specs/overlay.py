"""A spec + the overlays of one target and one environment → the spec that holds there.

Precedence: the spec < `targets.X.overlay` < `environments.Y.overlay`. Maps merge, lists and scalars replace, `null`
removes. Every value keeps the span of its text and the name of the overlay that it came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from specs.diagnostics import Diagnostic, Label, Span
from specs.suggest import did_you_mean
from specs.tree import Member, Path, Tree, at, dotted, key_span, nearest

FIXED = frozenset({"apiVersion", "name", "edition", "environments", "review", "moved"})
"""Keys that are the same everywhere: they name the platform, or relate one version of the spec to the next."""

# A short form, as a path pattern, and the key that its text stands for.
SHORT_FORMS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("models", "*"), "source"),
    (("targets", "*", "addons"), "default"),
    (("adopt", "*"), "id"),
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
    for name, overlay in _layers(base, target, environment):
        if not isinstance(overlay.value, Mapping):
            found.append(_no_map(name, overlay))
            continue
        for path, key, value in _entries(overlay):
            problems = tuple(
                _points_into_nothing(_within(tree, base, environment), path, key, value, name, named, known)
            )
            found.extend(problems)
            if not problems and not _in_wrong_section(tree, path, named):
                change = expand_short_forms(_nest(path, key, _stamp(value, name)))
                tree = _merge(tree, change)
    kept = at(tree, ("targets", target))
    if kept is None:
        return tree, tuple(found)
    targets = tree.members["targets"]
    only = replace(targets.tree, value={target: targets.tree.members[target]})
    tree = replace(tree, value={**tree.members, "targets": Member(targets.key, only)})
    return _without(tree, ("targets", target, "overlay")), tuple(found)


def _within(tree: Tree, base: Tree, environment: str) -> Tree:
    """Return the tree with only the targets of the environment: an overlay of any other would do nothing."""
    chosen = at(base, ("environments", environment, "targets"))
    targets = tree.members.get("targets")
    if chosen is None or targets is None or not isinstance(chosen.value, tuple):
        return tree
    names = {item.value for item in chosen.value}
    kept = {name: member for name, member in targets.tree.members.items() if name in names}
    return replace(tree, value={**tree.members, "targets": Member(targets.key, replace(targets.tree, value=kept))})


def _layers(base: Tree, target: str, environment: str) -> Iterator[tuple[str, Tree]]:
    """Yield the overlays that apply, the weaker one first, each with the name of what it belongs to."""
    for owner in (("targets", target), ("environments", environment)):
        overlay = at(base, (*owner, "overlay"))
        if overlay is not None:
            yield dotted(owner), overlay


def _no_map(name: str, overlay: Tree) -> Diagnostic:
    given = "a list" if isinstance(overlay.value, tuple) else "empty" if overlay.value is None else f"`{overlay.value}`"
    return Diagnostic(
        "wrong-type",
        f"`overlay` must be a map, not {given[:100]}",
        overlay.span,
        f"{name}.overlay",
        help="write paths and their values, such as `overlay: {serving.chat: {replicas: 2}}`",
    )


def removal(base: Tree, target: str, environment: str, path: Path) -> tuple[Label, ...]:
    """Return the place at which an overlay removes what stands at the path, if one does; for a diagnostic."""
    found: tuple[Label, ...] = ()
    for name, overlay in _layers(base, target, environment):
        for above, key, value in _entries(overlay) if isinstance(overlay.value, Mapping) else ():
            if path[: len(above)] != above:
                continue
            inside = nearest(value, path[len(above) :])
            if inside[1].value is None:
                whole = (*above, *inside[0])
                span = key_span(value, inside[0]) if inside[0] else key
                found = (Label(span, f"`{name}.overlay` removes `{dotted(whole)}` here"),)
    return found


def _entries(overlay: Tree) -> Iterator[tuple[Path, Span, Tree]]:
    """Yield what an overlay sets; a section of named entries is taken apart into its entries."""
    for name, member in overlay.members.items():
        yield tuple(name.split(".")), member.key, member.tree


def _points_into_nothing(
    tree: Tree, path: Path, key: Span, value: Tree, overlay: str, named: frozenset[str], known: frozenset[str]
) -> Iterator[Diagnostic]:
    """Yield what is wrong with one entry of an overlay: everything that it names has to be there."""
    first = str(path[0])
    where = f"{overlay}.overlay"
    if first in FIXED or (first == "targets" and overlay.startswith("targets.")):
        message, help = f"an overlay cannot change `{first}`: it is the same everywhere", "change it in the spec itself"
        if first == "targets":
            message = "the overlay of a target cannot change `targets`"
            help = "write the value beside the overlay, or in the overlay of an environment"
        yield Diagnostic("overlay-fixed-key", message, key, where, help=help, overlay=overlay)
        return
    if first not in known:
        yield Diagnostic(
            "overlay-into-nothing",
            f"the overlay path `{dotted(path)}` points into nothing: there is no key `{first}`",
            _part(key, path, 0),
            where,
            help=did_you_mean(first, known - FIXED, "keys that an overlay can change"),
            overlay=overlay,
        )
        return
    if first not in named:
        return
    if _in_wrong_section(tree, path, named):
        return
    section = at(tree, (first,))
    there = section.members if section is not None else {}
    asked = [(str(path[1]), _part(key, path, 1), value)] if len(path) > 1 else []
    if len(path) == 1:
        asked = [(name, member.key, member.tree) for name, member in value.members.items()]
    for name, span, below in asked:
        if name not in there:
            missing = f"the spec has no `{name}` in `{first}`"
            if first == "targets":
                missing = f"this environment has no target `{name}`"
            yield Diagnostic(
                "overlay-into-nothing",
                f"the overlay path `{first}.{name}` points into nothing: {missing}",
                span,
                where,
                help=did_you_mean(name, there, f"entries of `{first}`"),
                overlay=overlay,
            )
        elif first == "targets" and below.value is None and len(path) <= 2:
            yield Diagnostic(
                "overlay-fixed-key",
                "an overlay cannot remove a target",
                span,
                where,
                help=f"leave `{name}` out of the environment's `targets`",
                overlay=overlay,
            )
        elif problem := _through_a_scalar(tree, path, key, overlay, where):
            yield problem


def _in_wrong_section(tree: Tree, path: Path, named: frozenset[str]) -> bool:
    """Say whether a section of named entries is no map: the schema says so, and an overlay must not hide it."""
    section = at(tree, (str(path[0]),))
    return path[0] in named and section is not None and not isinstance(section.value, Mapping)


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
