"""Two graphs of one stack → typed edits: what the engine will do, as data.

Nodes are matched by id, then by alias. A property's effect comes from the catalog
(`specs/catalog/replacement.py`), from the options of the node, and from what happens to the nodes that it refers to.
`origin`, `reads` and `summary` mean nothing to the engine and make no edit: `apply(diff(a, b), a)` equals `b` but
for these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from graphlib import CycleError, TopologicalSorter
from typing import Any

from components.graph import (
    Format,
    Graph,
    JsonText,
    Node,
    Options,
    Ref,
    StackOutput,
    Value,
    assemble,
    component_chain,
    references,
)
from specs.catalog.replacement import replacement
from stacks.changes import ABSENT, Difference, differences, keys, renamed, same
from stacks.edits import (
    RECORD,
    Change,
    ComponentEdit,
    Create,
    Delete,
    Edit,
    Effect,
    Kind,
    Move,
    NodeEdit,
    OutputEdit,
    Replace,
    Update,
    without_words,
)
from stacks.import_ids import own_id


def diff(
    before: Graph | None, after: Graph | None, changed_outputs: Mapping[tuple[str, str], str] | None = None
) -> tuple[Edit, ...]:
    """Return the edits that lead from one graph of a stack to another, by id.

    `changed_outputs` are outputs of lower layers whose value is new: (layer, name) → cause.
    """
    old = before or assemble("", (), (), {})
    new = after or assemble("", (), (), {})
    # equality alone takes `1` for `true`
    if before is after or (not changed_outputs and before and before == after and repr(before) == repr(after)):
        return ()
    comparison = _Comparison(old, new, changed_outputs or {})
    edits: list[Edit] = list(_component_edits(old, new))
    edits.extend(comparison.nodes())
    edits.extend(comparison.outputs())
    return tuple(edits)


def partners(before: Graph, after: Graph) -> Mapping[str, str]:
    """Return the id of each node's old self: its own id, or the alias under which it was there."""
    return _Comparison(before, after, {}).partner


def _component_edits(before: Graph, after: Graph) -> Iterator[ComponentEdit]:
    old = {c.id: c for c in before.components}
    new = {c.id: c for c in after.components}
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if (was and without_words(was)) != (now and without_words(now)):
            yield ComponentEdit(was, now)


class _Comparison:
    """One comparison of two graphs: what is matched with what, and what has been found out so far."""

    def __init__(self, before: Graph, after: Graph, changed_outputs: Mapping[tuple[str, str], str]) -> None:
        self.before, self.after = before, after
        self.changed_outputs = changed_outputs
        self.old = {n.id: n for n in before.nodes}
        self.new = {n.id: n for n in after.nodes}
        self.types_before = {c.id: _types(before, c.id) for c in before.components}
        self.types_after = {c.id: _types(after, c.id) for c in after.components}
        self.partner = self._match()
        self.names = {old: new for new, old in self.partner.items() if old != new}
        self.found: dict[str, Update | Replace | Move] = {}

    def _match(self) -> dict[str, str]:
        """Return the id of each new node's old self."""
        partner = {name: name for name in self.new if name in self.old}
        if len(partner) == len(self.old):
            return partner
        chains = {c.id: component_chain(self.after, c.id) for c in self.after.components}
        free = set(self.old) - set(partner)
        for node in self.after.nodes:
            if node.id in partner or not free:
                continue
            earlier = [*node.options.aliases]
            for component in chains.get(node.component, ()):
                # Pulumi aliases a child whose name begins with its parent's under the parent's aliases too.
                if node.id.startswith(component.id + "/"):
                    earlier.extend(alias + node.id[len(component.id) :] for alias in component.aliases)
            for alias in earlier:
                # An alias names the old URN, whose types are today's: a node of another type is another node.
                if alias in free and self._identity_types(self.old[alias], old=True) == self._identity_types(node):
                    partner[node.id] = alias
                    free.discard(alias)
                    break
        return partner

    def _identity_types(self, node: Node, *, old: bool = False) -> tuple[str, ...]:
        types = self.types_before if old else self.types_after
        return (*types.get(node.component, ()), node.type)

    def nodes(self) -> list[NodeEdit]:
        """Return the edits of all nodes, by id."""
        if not self.old:  # nothing to compare with, so the order of the comparison does not matter
            return [Create(node) for node in sorted(self.new.values(), key=lambda n: n.id)]
        edits: dict[str, NodeEdit] = {}
        for name in self._order():
            node = self.new[name]
            old_id = self.partner.get(name)
            if old_id is None:
                edits[name] = Create(node)
            elif edit := self._pair(self.old[old_id], node):
                edits[name] = self.found[name] = edit
        kept = set(self.partner.values())
        out = [*edits.values(), *(Delete(n) for n in self.before.nodes if n.id not in kept)]
        return sorted(out, key=lambda e: (e.id, isinstance(e, Create)))

    def _order(self) -> Iterable[str]:
        """Return the new nodes so that each comes after what it refers to."""
        edges = {
            n.id: {r.node for r in references(n.inputs) if isinstance(r, Ref) and r.node in self.new}
            | ({n.provider} & self.new.keys())
            for n in self.after.nodes
        }
        try:
            return tuple(TopologicalSorter(edges).static_order())
        except CycleError:  # such a graph is refused elsewhere; here any order will do
            return tuple(self.new)

    def _pair(self, old: Node, new: Node) -> Update | Replace | Move | None:
        changes = (*self._identity(old, new), *self._inputs(old, new), *self._options(old, new))
        if not changes:
            return None
        replacing = [c for c in changes if c.effect.kind == "replace"]
        if replacing:
            # A changed name lets the new one stand beside the old one, whatever else changes.
            first = new.options.delete_before_replace or all(c.effect.delete_first for c in replacing)
            return Replace(old, changes, first)
        return Move(old, changes) if old.id != new.id else Update(old, changes)

    def _identity(self, old: Node, new: Node) -> Iterator[Change]:
        """Yield the changes of what the engine knows a resource by: name, type, place, provider."""
        if old.id != new.id:
            yield Change("id", (), old.id, new.id)
        if old.type != new.type:
            yield Change("type", (), old.type, new.type, Effect("replace", note="another type is another resource"))
        if old.component != new.component:
            yield Change("component", (), old.component, new.component)
        was, now = self.types_before.get(old.component, ()), self.types_after.get(new.component, ())
        if was != now:
            note = "the types of the components above it are part of its identity"
            yield Change("urn", (), "$".join(was), "$".join(now), Effect("replace", note=note))
        if self.names.get(old.provider, old.provider) != new.provider:
            effect = Effect("replace", note="another provider: the engine replaces what it manages")
            yield Change("provider", (), old.provider, new.provider, effect)
        elif isinstance(self.found.get(new.provider), Replace):
            effect = Effect("replace", note="its provider is replaced, and all that it manages with it")
            yield Change("provider", (), old.provider, new.provider, effect, new.provider)
        elif place := self._other_place(new.provider):
            note = f"its provider works in another {place} afterwards: whether the engine replaces it is not recorded"
            yield Change("provider", (), old.provider, new.provider, Effect("unknown", note=note), new.provider)
        elif old.provider != new.provider:
            yield Change("provider", (), old.provider, new.provider)
        if old.needs != new.needs:
            yield Change("needs", (), old.needs, new.needs)

    def _other_place(self, provider: str) -> str:
        """Return `region` or `account` if the provider's one is another afterwards; empty if not."""
        edit = self.found.get(provider)
        return other_place(edit.changes) if edit is not None and edit.before.type == _AWS_PROVIDER else ""

    def _options(self, old: Node, new: Node) -> Iterator[Change]:
        if old.options == new.options:
            return
        for f in fields(Options):
            was, now = getattr(old.options, f.name), getattr(new.options, f.name)
            if was != now:
                effect = _import_effect(old, new) if f.name == "import_id" else RECORD
                yield Change("options", (f.name,), was, now, effect)

    def _inputs(self, old: Node, new: Node) -> Iterator[Change]:
        anything = bool(self.found or self.changed_outputs)
        cascade = anything and any(self._cause(ref) for ref in references(new.inputs))
        if not cascade and old.inputs is new.inputs:
            return
        provider = self.new.get(new.provider)
        configured = provider.inputs if provider else {}
        for d in differences(old.inputs, new.inputs, self._cause if cascade else None):
            yield Change("inputs", d.path, d.before, d.after, self._effect(new, d, configured), d.cause)

    def _cause(self, ref: Ref | StackOutput) -> str:
        """Return what makes the value of the reference new after apply; empty if nothing does."""
        if isinstance(ref, StackOutput):
            return self.changed_outputs.get((ref.layer, ref.name), "")
        edit = self.found.get(ref.node)
        if edit is None:
            return ""
        attribute = tuple(part for part in re.split(r"[.\[\]]+", ref.attribute) if part)
        touched = [
            keys(c.path) for c in edit.changes if c.part == "inputs" and c.effect.kind not in ("record", "ignored")
        ]
        if any(path[: len(attribute)] == attribute[: len(path)] for path in touched):
            return ref.node
        if _computed_anew(edit.before.type, attribute, touched):
            return ref.node
        elsewhere = any(c.part == "provider" and c.effect.kind == "unknown" for c in edit.changes)
        if not (elsewhere or isinstance(edit, Replace)) or _literal(edit.after.inputs, attribute):
            return ""
        return ref.node

    def _effect(self, node: Node, d: Difference, provider: Mapping[str, Value]) -> Effect:
        """Return what the change does, the node's own options and its references counted in."""
        options = node.options
        names = keys(d.path)
        if any(covers(pattern, names) for pattern in options.ignore_changes):
            return Effect("ignored", note="`ignoreChanges` names it")
        if not d.cause and d.before is not ABSENT and d.after is not ABSENT:
            if self.names and same(renamed(d.before, self.names), d.after):
                return Effect("record", note="the same object under its new id")
        effect = _looked_up(node, d, provider)
        if effect.kind != "replace" and any(
            covers(pattern, names) or _inside(pattern, names) for pattern in options.replace_on_changes
        ):
            return Effect("replace", effect.delete_first, "`replaceOnChanges` names it")
        return effect

    def outputs(self) -> Iterator[OutputEdit]:
        """Yield the edits of the declared outputs, by name."""
        old, new = self.before.outputs, self.after.outputs
        for name in sorted({*old, *new}):
            was, now = old.get(name, ABSENT), new.get(name, ABSENT)
            if was is ABSENT or now is ABSENT:
                yield OutputEdit(name, was, now)
                continue
            causes = sorted({cause for ref in references(now) if (cause := self._cause(ref))})
            if causes or not same(was, now):
                moved = bool(self.names) and not causes and same(renamed(was, self.names), now)
                yield OutputEdit(name, was, now, causes[0] if causes else "", moved)


def _import_effect(old: Node, new: Node) -> Effect:
    """Return what another import id does to a resource that the stack has already.

    The engine leaves a resource with that id as it is, and replaces any other one: it imports the new one and deletes
    the one that is there (Pulumi's developer docs, architecture/import.md, read 2026-11-21).
    """
    was, now = old.options.import_id, new.options.import_id
    if not now:
        return RECORD
    was = was or own_id(old)
    if not was:
        return Effect("unknown", note="replaces it unless it has this id already")
    return RECORD if was == now else Effect("replace", note="the engine imports that one, and deletes the one it has")


_AWS_PROVIDER = "pulumi:providers:aws"


def other_place(changes: Iterable[Change]) -> str:
    """Return what the changes of an AWS provider make another: `region`, `account`; empty if its place stays.

    An account that is named for the first time, or no longer, moves nothing.
    """
    for change in changes:
        if change.part == "inputs" and keys(change.path)[:1] == ("region",):
            return "region"
    for change in changes:
        if change.part == "inputs" and keys(change.path)[:1] == ("allowedAccountIds",):
            if change.before is not ABSENT and change.after is not ABSENT:
                return "account"
    return ""


_COMPUTED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "aws:ec2/launchTemplate:LaunchTemplate": (
        ("latestVersion", "defaultVersion"),
        ("name", "namePrefix", "description", "defaultVersion", "updateDefaultVersion"),
    ),
    "aws:eks/cluster:Cluster": (("platformVersion",), ("tags", "tagsAll")),
}
"""Type → attributes that the service counts anew when the resource is updated, and the inputs that leave them alone.

terraform-provider-aws, `CustomizeDiff` of aws_launch_template: for any other property `latest_version` is known after
apply. An EKS cluster's platform version moves with its updates.
"""


def _computed_anew(type_token: str, attribute: tuple[str, ...], touched: Iterable[tuple[str, ...]]) -> bool:
    """Say whether an update of these inputs gives the attribute another value."""
    attributes, indifferent = _COMPUTED.get(type_token, ((), ()))
    return attribute[:1] != () and attribute[0] in attributes and any(p[0] not in indifferent for p in touched if p)


def _types(graph: Graph, component: str) -> tuple[str, ...]:
    return tuple(c.type for c in component_chain(graph, component))


_STRENGTH: tuple[Kind, ...] = ("record", "ignored", "update", "unknown", "refused", "replace")


def _looked_up(node: Node, d: Difference, provider: Mapping[str, Value]) -> Effect:
    """Return the catalog's answer; where it answers only for the properties inside, the strongest of theirs."""
    if node.type.startswith("pulumi:providers:"):
        return _provider_effect(node, keys(d.path))
    found = replacement(node.type, keys(d.path), provider)
    if found.kind == "unknown":
        inside = {
            (*keys(d.path), *inner)
            for value in (d.before, d.after)
            if value is not ABSENT
            for inner in _inner_paths(value)
        } - {keys(d.path)}
        answers = [replacement(node.type, path, provider) for path in sorted(inside)]
        if answers:
            found = max(answers, key=lambda r: _STRENGTH.index(r.kind))
    if d.after is ABSENT and found.removal:
        found = found._replace(kind=found.removal)
    return Effect(found.kind, found.delete_first, found.note, found.source, found.one_way)


def _inner_paths(value: Value) -> Iterator[tuple[str, ...]]:
    match value:
        case JsonText():
            yield ()
        case Mapping() if value:
            for key, item in value.items():
                for inner in _inner_paths(item):
                    yield (key, *inner)
        case list() | tuple() if value:
            for item in value:
                yield from _inner_paths(item)
        case _:
            yield ()


def _provider_effect(node: Node, names: tuple[str, ...]) -> Effect:
    """Return what a change of a provider's own settings does.

    Kubernetes (pulumi-kubernetes 4.3x, `DiffConfig`): with `clusterIdentifier` only its change replaces the provider;
    without it a changed cluster, context or kubeconfig does.
    """
    if node.type != "pulumi:providers:kubernetes":
        return Effect("update")  # what another region or account means is said of all that it manages
    if names[:1] == ("clusterIdentifier",):
        return Effect("replace", note="another cluster: all that the provider manages is replaced")
    if "clusterIdentifier" not in node.inputs and names[:1] in (("cluster",), ("context",), ("kubeconfig",)):
        return Effect("replace", note="no `clusterIdentifier`: the provider takes this for another cluster")
    return Effect("update")


def _literal(inputs: Mapping[str, Value], attribute: tuple[str, ...]) -> bool:
    """Say whether the attribute is an input with a plain value, which a replacement keeps."""
    value: Any = inputs
    for step in attribute:
        if not isinstance(value, Mapping) or step not in value:
            return False
        value = value[step]
    return isinstance(value, str | int | float) or (isinstance(value, Format | list) and not references(value))


def _pattern(text: str) -> tuple[str, ...]:
    """Return the keys of a Pulumi property path (`spec.rules`, `data["a.b"]`, `spec.ports[*].port`)."""
    found = re.findall(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.\[\]]+)', text)
    return tuple(quoted or name for quoted, index, name in found if not index)


def covers(pattern: str, names: tuple[str, ...]) -> bool:
    """Say whether the property path names the property or something around it."""
    parts = _pattern(pattern)
    return len(parts) <= len(names) and all(p in ("*", n) for p, n in zip(parts, names, strict=False))


def _inside(pattern: str, names: tuple[str, ...]) -> bool:
    """Say whether the property path names something inside the property."""
    parts = _pattern(pattern)
    return len(parts) > len(names) and all(p in ("*", n) for p, n in zip(parts, names, strict=False))
