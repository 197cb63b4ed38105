"""One environment compiled under the names of another, so that what is left of their difference is real.

Nothing is renamed in a graph, where a name cannot be told from a value that happens to be equal. The spec of the one
environment is compiled once more as if it were the other one: the compiler itself makes every name, label, reference
and hash of both. `IDENTITIES` are what two environments have to say differently beside that; where both say it, the
other's is taken, and what was taken is told (`Ignored`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from components.graph import Graph
from specs.facts_file import Facts
from specs.load import Case
from specs.tree import Member, Path, Tree, at, dotted, plain
from specs.validate import validate
from stacks.compilation import CompiledStack
from stacks.compile import Checked, lowered

IDENTITIES: tuple[tuple[str, ...], ...] = (("account",), ("kubeContext",), ("foundation", "existing"))
"""What a target is, and not how it is made: keys of a target that differ wherever there are two of it.

Beside them: the facts of an existing foundation but for `REAL_FACTS`, the contexts of sites, the ids of what is
adopted, and the account inside the ARNs of one's own account.
"""

REAL_FACTS = frozenset({"vpcCidr"})
"""Facts of an existing foundation that are a choice and no identity."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A target of the one environment and the one of the other that it is compared with; `named`: by its name, else as
    the only target of its provider on each side."""

    source: str
    destination: str
    named: bool


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which targets are compared, and those that only one environment has."""

    pairs: tuple[Pair, ...]
    only_source: tuple[str, ...]
    only_destination: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """What differs because it has to: `path` is the destination's, the places are of both sides (`spec.yaml:9:12`)."""

    path: str
    before: Any
    after: Any
    was: str = ""
    where: str = ""


class _Side(NamedTuple):
    """A case and what was read beside it."""

    case: Case
    read: Any


def pairs(cases: Iterable[Case], source: str, destination: str) -> Pairs:
    """Return which targets of two environments are compared."""
    sides: dict[str, dict[str, str]] = {source: {}, destination: {}}
    for case in cases:
        if case.environment in sides:
            sides[case.environment][case.target] = case.spec.targets[case.target].provider
    one, other = sides[source], sides[destination]
    found = [Pair(name, name, True) for name in one if name in other]
    counted = [Counter(one.values()), Counter(other.values())]
    for name, provider in one.items():
        if name not in other and counted[0][provider] == counted[1][provider] == 1:
            partner = next(n for n, p in other.items() if p == provider)
            if partner not in one:
                found.append(Pair(name, partner, False))
    paired, partners = {p.source for p in found}, {p.destination for p in found}
    return Pairs(tuple(found), tuple(n for n in one if n not in paired), tuple(n for n in other if n not in partners))


def under_names_of(
    checked: Checked, found: Sequence[Pair], source: str, destination: str, own: Iterable[CompiledStack]
) -> tuple[tuple[CompiledStack, ...], tuple[Ignored, ...]]:
    """Return the stacks of these pairs' sources with the names of their destinations, and what was ignored for that.

    `own` are the source's stacks under their own names. The spec must be sound.
    """
    sides = {(c.environment, c.target): _Side(c, r) for c, r in zip(checked.loaded.cases, checked.read, strict=True)}
    renames = {p.source: p.destination for p in found}
    ignored: list[Ignored] = []
    renamed: list[_Side] = []
    positions: list[int] = []
    for (environment, target), side in sides.items():
        if environment != source:
            continue
        if target in renames:  # the others are there for the sites that fetch from them
            positions.append(len(renamed))
        other = sides.get((destination, renames[target])) if target in renames else None
        renamed.append(_renamed(side, other, destination, renames, ignored.append))
    cases, read = tuple(s.case for s in renamed), tuple(s.read for s in renamed)
    made = lowered(replace(checked, loaded=replace(checked.loaded, cases=cases), read=read), positions).stacks
    before = {(renames.get(s.target, s.target), s.site, s.layer): s for s in own}
    missing = {k for k, s in before.items() if s.target in renames and k[1] == ""} - {
        (s.target, s.site, s.layer) for s in made
    }
    assert not missing, f"under the names of {destination} there is no {missing}"
    stacks = tuple(_adoptions_of(s, before[s.target, s.site, s.layer]) for s in made)
    return stacks, tuple(dict.fromkeys(ignored))


def _renamed(
    side: _Side, other: _Side | None, destination: str, renames: Mapping[str, str], ignore: Callable[[Ignored], None]
) -> _Side:
    """Return a case of the source as one of the destination; `other` is the case that it is compared with."""
    case = side.case
    target = renames.get(case.target, case.target)
    tree = _target_renamed(case.tree, case.target, target, renames)
    read = side.read
    if other is not None:
        tree = _identities(tree, target, other.case, ignore)
        tree = _lists_of_targets(tree, other.case.tree)
        tree = _own_arns(tree, case, other.case, ignore)
        tree = _put(tree, ("adopt",), at(other.case.tree, ("adopt",)))
        read = read._replace(
            facts=_facts(side, other, target, ignore),
            sites=_sites(side, other, target, ignore),
            objects={},  # the objects are those of the destination, and nothing of the source need equal them
        )
        _adoptions(case, other.case, ignore)
    spec, wrong = validate(tree)
    assert spec is not None, wrong
    there = {name: tuple(getattr(case.spec, name)) for name in ("serving", "models", "node_pools")}
    kept = {name: _only(getattr(spec, name), names) for name, names in there.items()}
    spec = spec.model_copy(update=kept)
    return _Side(replace(case, environment=destination, target=target, spec=spec, tree=tree), read)


def _only(section: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: section[name] for name in names}


def _target_renamed(tree: Tree, old: str, new: str, renames: Mapping[str, str]) -> Tree:
    targets = tree.members["targets"]
    entry = targets.tree.members[old]
    upstream = entry.tree.members.get("upstream")
    inside = entry.tree
    if upstream is not None and upstream.tree.value in renames:
        inside = _put(inside, ("upstream",), replace(upstream.tree, value=renames[str(upstream.tree.value)]))
    return _put(tree, ("targets",), replace(targets.tree, value={new: Member(entry.key, inside)}))


def _put(tree: Tree, path: Path, value: Tree | None) -> Tree:
    """Return the tree with this value at a path of keys, all but the last of which are there; without it for None."""
    name, members = str(path[0]), dict(tree.members)
    if len(path) > 1:
        members[name] = replace(members[name], tree=_put(members[name].tree, path[1:], value))
    elif value is None:
        members.pop(name, None)
    else:
        members[name] = Member(members[name].key if name in members else value.span, value)
    return replace(tree, value=members)


def _identities(tree: Tree, target: str, other: Case, ignore: Callable[[Ignored], None]) -> Tree:
    """Return the tree with the other's identity of the target, key by key where both say one."""
    for key in IDENTITIES:
        path: Path = ("targets", target, *key)
        mine, its = at(tree, path), at(other.tree, path)
        if mine is None or its is None or plain(mine) == plain(its):
            continue
        ignore(Ignored(dotted(path), plain(mine), plain(its), str(mine.span), str(its.span)))
        tree = _put(tree, path, replace(mine, value=its.value))
    return tree


def _lists_of_targets(tree: Tree, other: Tree) -> Tree:
    """Return the tree with the other's lists of targets, by name: what they keep away has been left out already."""
    for section in ("serving", "manifests"):
        for name in (at(tree, (section,)) or tree).members if at(tree, (section,)) else ():
            path: Path = (section, name, "targets")
            mine, its = at(tree, path), at(other, path)
            if mine is not None and its is not None:
                tree = _put(tree, path, replace(mine, value=its.value))
    return tree


def _own_arns(tree: Tree, case: Case, other: Case, ignore: Callable[[Ignored], None]) -> Tree:
    """Return the tree with the other's account in every ARN of the case's own account that the other has with its."""
    mine, its = (at(c.tree, ("targets", c.target, "account")) for c in (case, other))
    if mine is None or its is None or mine.value == its.value:
        return tree

    def inside(here: Tree, path: Path) -> Tree:
        value = here.value
        if isinstance(value, Mapping):
            below = {name: replace(m, tree=inside(m.tree, (*path, name))) for name, m in value.items()}
            return here if all(below[n].tree is m.tree for n, m in value.items()) else replace(here, value=below)
        if isinstance(value, tuple):
            items = tuple(inside(item, (*path, position)) for position, item in enumerate(value))
            return here if all(a is b for a, b in zip(items, value, strict=True)) else replace(here, value=items)
        parts = value.split(":", 5) if isinstance(value, str) and value.startswith("arn:") else []
        if len(parts) < 6 or parts[4] != mine.value:
            return here
        theirs = ":".join((*parts[:4], str(its.value), parts[5]))
        said = _said_there(other.tree, path, theirs)
        if said is None:
            return here
        ignore(Ignored(dotted(path), value, theirs, str(here.span), str(said.span)))
        return replace(here, value=theirs)

    return inside(tree, ())


def _said_there(tree: Tree, path: Path, value: str) -> Tree | None:
    """Return where the tree says the value: at the path itself, or anywhere in the list that the path is in."""
    whole = at(tree, path[:-1]) if isinstance(path[-1], int) else None
    items = whole.value if whole is not None and isinstance(whole.value, tuple) else (at(tree, path),)
    return next((item for item in items if item is not None and item.value == value), None)


def _facts(side: _Side, other: _Side, target: str, ignore: Callable[[Ignored], None]) -> Facts | None:
    """Return the source's facts with the destination's identities; a list of another length is no identity."""
    mine: Facts | None = side.read.facts
    its: Facts | None = other.read.facts
    if mine is None or its is None:
        return mine
    outputs = dict(mine.outputs)
    for name, fact in mine.outputs.items():
        theirs = its.outputs.get(name)
        if theirs is None or name in REAL_FACTS or fact.value == theirs.value:
            continue
        if isinstance(fact.value, tuple) and len(fact.value) != len(theirs.value):
            continue
        path = f"targets.{target}.foundation.{name}"
        ignore(Ignored(path, fact.value, theirs.value, str(fact.span), str(theirs.span)))
        outputs[name] = replace(fact, value=theirs.value)
    return Facts(its.file, outputs)


def _sites(side: _Side, other: _Side, target: str, ignore: Callable[[Ignored], None]) -> tuple[Any, ...]:
    """Return the sites that both have, with the contexts of the destination's; all of them if there is none."""
    theirs = {s.name: s for s in other.read.sites}
    found = []
    for site in side.read.sites:
        if its := theirs.get(site.name):
            if site.kube_context != its.kube_context:
                path = f"targets.{target}.sites.{site.name}.kubeContext"
                ignore(Ignored(path, site.kube_context, its.kube_context, str(site.span), str(its.span)))
            found.append(site._replace(kube_context=its.kube_context))
    return tuple(found) or tuple(side.read.sites)


def _adoptions(case: Case, other: Case, ignore: Callable[[Ignored], None]) -> None:
    for node, adoption in case.spec.adopt.items():
        theirs = other.spec.adopt.get(node)
        if theirs is not None and theirs.id != adoption.id:
            spans = [str(found.span) for c in (case, other) if (found := at(c.tree, ("adopt", node, "id")))]
            ignore(Ignored(f"adopt.{node}.id", adoption.id, theirs.id, *spans))


def _adoptions_of(stack: CompiledStack, own: CompiledStack) -> CompiledStack:
    """Return the stack with what it adopts itself: that much of an adoption is a real difference.

    It was compiled with the adoptions of the other environment, so that the names that these bring are equal.
    """
    adopted = {n.id: n.options.import_id for n in own.graph.nodes if n.options.import_id}
    taken = {n.id: n.options.import_id for n in stack.graph.nodes if n.options.import_id}
    if not adopted and not taken:
        return stack
    nodes, readers = [], defaultdict[str, list[str]](list)
    for node in stack.graph.nodes:
        import_id = (taken.get(node.id) or adopted[node.id]) if node.id in adopted else ""
        if node.id in adopted and node.id not in taken:
            readers[node.component].append(f"adopt.{node.id}")
        nodes.append(replace(node, options=replace(node.options, import_id=import_id)))
    components = (replace(c, reads=(*c.reads, *readers[c.id])) for c in stack.graph.components)
    graph: Graph = replace(stack.graph, nodes=tuple(nodes), components=tuple(components))
    both = tuple(f"adopt.{node}." for node in adopted.keys() & taken.keys())
    values = {p: e for p, e in stack.values.items() if not p.startswith("adopt.") or p.startswith(both)}
    values |= {p: e for p, e in own.values.items() if p.startswith("adopt.") and not p.startswith(both)}
    return replace(stack, graph=graph, values=values)
