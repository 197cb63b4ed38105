"""What is deployed of a stack → the other side of a comparison: a compiled stack whose graph holds the state.

Nodes are matched with those of the new graph as the engine does it, by URN and alias; their values are lifted into
the new graph's words (`stacks/lift.py`), so that `diff` finds what the engine will do. What nobody can say from the
state is told in notes, never taken for a change or for none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from components.graph import Component, Graph, Node, Options, Ref, StackOutput, assemble, urn
from stacks.added_inputs import added_by_provider
from stacks.causes import under
from stacks.changes import written
from stacks.compilation import CompiledStack
from stacks.diff import partners
from stacks.lift import NEW, SECRET, Doubt, Lift, concrete
from stacks.state import STACK, STACK_REFERENCE, UNKNOWN, Resource, Secret, State
from stacks.unordered import unordered

Outputs = Mapping[str, Mapping[str, Any]]
"""Declared outputs by the name of their stack."""

LOOSE = "stack"
"""The component of resources that are deployed outside every component."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """One stack as it is deployed, and what has to be said about it.

    `unfinished`: the next update does more than what the plan shows; `unsaid`: of some values nobody can say whether
    they change.
    """

    stack: CompiledStack
    notes: tuple[str, ...] = ()
    unfinished: bool = False
    unsaid: bool = False


def deployed(state: State, after: CompiledStack | None, outputs: Outputs | None = None) -> Deployed:
    """Return the deployed side of a stack. Without `after` the spec has no such stack any more, and all of it goes.

    `outputs` are those of other stacks as they are deployed; for a stack that is not in it, what this one read of it
    in its last update is taken.
    """
    spec, environment, target, site, layer = _placed(state.stack)
    new = after.graph if after else assemble(state.stack, (), (), {})
    given = {**_read_outputs(state), **(outputs or {})}
    lifted, doubts = _lifted(_Raw(state, new), given)
    values = dict(after.values) if after else {}
    here = {c.id for c in lifted.components}
    added = [c.origin for c in new.components if c.id not in here and not here.intersection(c.aliases)]
    # Nobody recorded which values the state came from: only those of what is not there yet are known to be new.
    known = {path: e for path, e in values.items() if not under(path, added)}
    place = after.place if after else ""
    stack = CompiledStack(spec, environment, target, layer, place, known, lifted, site=site)
    left = bool(state.pending) or any(r.marks & {"delete", "taint", "initErrors"} for r in state.resources)
    notes = (*_oddities(state), *_doubts(state.stack, doubts))
    return Deployed(stack, notes, unfinished=left, unsaid=bool(doubts or state.damage))


def _placed(name: str) -> tuple[str, str, str, str, str]:
    """Return spec, environment, target, site and layer of a stack's name; the site is empty in a name of four parts."""
    spec, environment, *target, layer = name.split(".")
    return spec, environment, ".".join(target[:1]), ".".join(target[1:]), layer


def _read_outputs(state: State) -> dict[str, Mapping[str, Any]]:
    """Return the outputs of other stacks that this one read when it was last updated."""
    found: dict[str, Mapping[str, Any]] = {}
    for resource in state.resources:
        if resource.type == STACK_REFERENCE:
            name = resource.outputs.get("name", resource.inputs.get("name"))
            read = resource.outputs.get("outputs")
            if isinstance(read, Secret):
                read = read.value
            if isinstance(name, str) and isinstance(read, Mapping):
                found[name.rpartition("/")[2]] = read  # organization/project/stack
    return found


def _managed(resource: Resource) -> bool:
    """Say whether the resource is there, and one that the program declared and the engine would delete."""
    if resource.type in (STACK, STACK_REFERENCE):
        return False
    if resource.marks & {"delete", "external", "viewOf", "pendingReplacement"}:
        return False
    # The engine makes default providers by itself, and takes them away.
    provider = resource.type.startswith("pulumi:providers:")
    return not (provider and len(resource.types) == 1 and resource.name.startswith("default"))


class _Raw:
    """The state as a graph of plain values, with the ids of the new graph where the URN is the same."""

    def __init__(self, state: State, new: Graph) -> None:
        self.state = state
        self.managed = tuple(r for r in state.resources if _managed(r))
        self.by_urn = {r.urn: r for r in self.managed}
        self.new = new
        wanted = {urn(new, n): n.id for n in new.nodes}
        self.ids: dict[str, str] = {}
        for custom in (True, False):
            taken = {wanted[r.urn] for r in self.managed if custom and r.urn in wanted}
            for r in (r for r in self.managed if r.custom is custom):
                # Two resources may have one name if their types differ: the URN is what tells them apart.
                name = wanted.get(r.urn) if custom else None
                self.ids[r.urn] = name or (r.name if r.name not in taken else r.urn)
                taken.add(self.ids[r.urn])

    def graph(self) -> Graph:
        """Return the graph. Words and origins are those of the new graph."""
        known = {c.id: c for c in self.new.components}
        components = []
        for r in self.managed:
            if not r.custom:
                name = self.ids[r.urn]
                like = known.get(name, Component(name, r.type, name))
                components.append(replace(like, type=r.type, parent=self._component(r.parent, not_below=r.urn)))
        nodes = [self._node(r) for r in self.managed if r.custom]
        if any(n.component == LOOSE for n in nodes) and LOOSE not in {c.id for c in components}:
            components.append(Component(LOOSE, STACK, ""))
        outputs = {name: value for name, value in self.state.outputs.items() if value is not None}
        return assemble(self.state.stack, components, nodes, outputs)

    def _component(self, parent: str, not_below: str = "") -> str:
        """Return the nearest component above; empty where there is none, or the parents go in a circle."""
        nearest, seen = "", {not_below}
        while parent in self.by_urn:
            if parent in seen:
                return ""
            seen.add(parent)
            if not self.by_urn[parent].custom and not nearest:
                nearest = self.ids[parent]
            parent = self.by_urn[parent].parent
        return nearest

    def _node(self, r: Resource) -> Node:
        name = self.ids[r.urn]
        component = self._component(r.parent) or LOOSE
        provider = self.ids.get(r.provider, r.provider.rpartition("::")[2])
        options = Options(
            protect=r.protect,
            retain_on_delete=r.retain_on_delete,
            ignore_changes=r.ignore_changes or (),
            replace_on_changes=r.replace_on_changes or (),
            import_id=r.import_id,
            create_timeout=r.timeouts.get("create", 0),
            update_timeout=r.timeouts.get("update", 0),
            delete_timeout=r.timeouts.get("delete", 0),
        )
        if r.type.startswith("pulumi:providers:"):
            provider = ""
        return Node(name, r.type, dict(r.inputs), component, component, provider, (), options)


def _lifted(deployed: _Raw, outputs: Outputs) -> tuple[Graph, dict[str, list[Doubt]]]:
    """Return the graph with its values in the words of the new one, and what cannot be said, by node."""
    raw, new = deployed.graph(), deployed.new
    old = {n.id: n for n in raw.nodes}
    partner = partners(raw, new)
    resources = {deployed.ids[r.urn]: r for r in deployed.managed if r.custom}
    doubts: dict[str, list[Doubt]] = {}
    gone = {r.urn for r in deployed.state.resources if "pendingReplacement" in r.marks}
    again = {n.id: n.inputs for n in new.nodes if gone and urn(new, n) in gone}
    resolve = _resolver(new, partner, resources, outputs, again)
    made: dict[str, Node] = {}
    for node in new.nodes:
        if node.id in partner:
            was = old[partner[node.id]]
            provider = old.get(partner.get(node.provider, ""))
            lift = Lift(
                resolve,
                added_by_provider(was.type, dict(provider.inputs) if provider else {}),
                node.options.ignore_changes,
                loose=not was.type.startswith("kubernetes:"),
                json_texts=was.type.startswith("pulumi:providers:"),
                unordered=partial(unordered, was.type),
            )
            made[was.id] = _node_before(was, node, resources[was.id], partner, resources, lift)
            if lift.doubts:
                doubts[node.id] = lift.doubts
    nodes = [made.get(n.id) or replace(n, inputs=concrete(n.inputs)) for n in raw.nodes]
    lift = Lift(resolve)
    told = {
        name: lift.value(new.outputs[name], value, (name,)) if name in new.outputs else concrete(value)
        for name, value in raw.outputs.items()
    }
    if lift.doubts:
        doubts["outputs"] = lift.doubts
    components = [replace(c, aliases=_aliases(c, new)) for c in raw.components]
    return assemble(raw.stack, components, nodes, told), doubts


def _aliases(component: Component, new: Graph) -> tuple[str, ...]:
    """The state does not say under which names a component is known too: what the spec says about one is no change."""
    return next((c.aliases for c in new.components if c.id == component.id), ())


def _resolver(
    new: Graph,
    partner: Mapping[str, str],
    resources: Mapping[str, Resource],
    outputs: Outputs,
    again: Mapping[str, Mapping[str, Any]],
) -> Callable[[Ref | StackOutput], Any]:
    prefix = new.stack.rpartition(".")[0]

    def resolve(ref: Ref | StackOutput) -> Any:
        if isinstance(ref, StackOutput):
            return _at(outputs.get(f"{prefix}.{ref.layer}", {}), (ref.name,))
        steps = tuple(p for p in ref.attribute.replace("[", ".").replace("]", "").split(".") if p)
        if ref.node not in partner:
            given = _at(again.get(ref.node, {}), steps)  # it comes back with the plain inputs that it had
            return given if isinstance(given, str | int | float) else NEW
        resource = resources[partner[ref.node]]
        if ref.attribute == "id":
            return resource.id or UNKNOWN
        return _at(resource.outputs, steps)

    return resolve


def _at(value: Any, path: Iterable[str]) -> Any:
    """Return what stands at a path; a secret on the way makes it secret."""
    secret = False
    for step in path:
        if isinstance(value, Secret):
            if not value.known:
                return value
            value, secret = value.value, True
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return UNKNOWN
    if value is None:
        return UNKNOWN
    return Secret(value, True) if secret and not isinstance(value, Secret) else value


def _node_before(
    was: Node,
    new: Node,
    resource: Resource,
    partner: Mapping[str, str],
    resources: Mapping[str, Resource],
    lift: Lift,
) -> Node:
    """Return the deployed node in the words of the new one."""
    o, n = was.options, new.options
    taken_over = n.import_id in (resource.id, resource.import_id)
    options = replace(
        n,  # what the state does not record is taken to be as it is now: aliases, deleteBeforeReplace
        protect=o.protect,
        retain_on_delete=o.retain_on_delete,
        ignore_changes=n.ignore_changes if resource.ignore_changes is None else o.ignore_changes,
        replace_on_changes=n.replace_on_changes if resource.replace_on_changes is None else o.replace_on_changes,
        # another id than the one that the state has: the engine imports that, and deletes this
        import_id=n.import_id if taken_over or not n.import_id else resource.id or o.import_id,
        create_timeout=o.create_timeout,
        update_timeout=o.update_timeout,
        delete_timeout=o.delete_timeout,
    )

    def followed(need: str) -> bool:
        return need in partner and resources[partner[need]].urn in resource.dependencies

    # The state knows all that it waited for, references too, but not which of it had been asked for by name: only
    # an order that is new is a change.
    needs = tuple(need for need in new.needs if followed(need))
    return replace(
        was, inputs=lift.value(new.inputs, dict(was.inputs)), origin=new.origin, options=options, needs=needs
    )


def _oddities(state: State) -> Iterator[str]:
    """Yield what is unusual about the state itself."""
    if state.damage:
        yield f"{state.stack}: Pulumi itself found its state damaged: {state.damage}"
    for what, name in state.pending:
        touched = f"`{name.rpartition('::')[2]}`" if name else "something"
        yield (
            f"{state.stack}: an update was cut off while {what} {touched}; whether that happened, "
            "only `pulumi refresh` can say"
        )
    words = {
        "delete": "is still to be deleted, left over from a replacement that did not finish",
        "taint": "is tainted: the next update replaces it, whatever this plan says",
        "pendingReplacement": "was deleted for a replacement that did not finish",
        "initErrors": "was not ready when its last update ended: the next update touches it again",
        "external": "is only read, not managed",
    }
    for mark, text in words.items():
        for r in state.resources:
            if mark in r.marks and r.type != STACK_REFERENCE:
                yield f"{state.stack}: `{r.name}` {text}"


def _doubts(stack: str, doubts: Mapping[str, Iterable[Doubt]]) -> Iterator[str]:
    """Yield one sentence a reason: what cannot be said, and of which values."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for node, found in doubts.items():
        for doubt in dict.fromkeys(found):
            by_reason[doubt.reason].append(f"`{node}` {written(doubt.path)}".strip())
    for reason, where in by_reason.items():
        values = ", ".join(dict.fromkeys(where))
        if reason == SECRET:
            reason = "the state keeps it secret (`pulumi stack export --show-secrets` does not)"
        yield f"{stack}: cannot say whether it changes: {values}: {reason}"
