"""The URNs of one component: what `pulumi up --target` is given to ship or roll back one server alone."""

from __future__ import annotations

from collections.abc import Iterable

from components.graph import PROJECT, Component, Graph, Node, Ref, component_chain, references, urn


def component_urn(graph: Graph, component: Component) -> str:
    """Return the URN of a component's own resource, which holds nothing but its children."""
    types = "$".join(c.type for c in component_chain(graph, component.id))
    return f"urn:pulumi:{graph.stack}::{PROJECT}::{types}::{component.id}"


def urns(graph: Graph, component: str, *, needs: bool = True, dependents: bool = False) -> tuple[str, ...]:
    """Return the URNs of a component and all below it; KeyError if the graph has no such component.

    With `needs` also what they need, however far: the engine refuses to create a resource whose dependency is
    neither there nor a target ("depends on … which was not specified in --target list", Pulumi 3.215, diagnostic 2013),
    and a new revision brings new ones. With `dependents` also what needs them. Providers are left out, since the engine
    counts every provider as a target (pulumi/pulumi#17746). The components around each resource are part of the answer
    for the same reason as needs.
    """
    graph.component(component)
    inside = {c.id for c in graph.components if component in (a.id for a in component_chain(graph, c.id))}
    depends = {n.id: _depends_on(n) for n in graph.nodes}
    wanted = {n.id for n in graph.nodes if n.component in inside}
    if dependents:
        wanted |= _reached(wanted, {n: {d for d, on in depends.items() if n in on} for n in depends})
    if needs:
        wanted |= _reached(wanted, depends)
    nodes = [n for n in graph.nodes if n.id in wanted and not n.type.startswith("pulumi:providers:")]
    around = {c.id for n in nodes for c in component_chain(graph, n.component)} | inside
    components = [component_urn(graph, c) for c in graph.components if c.id in around]
    return (*components, *(urn(graph, n) for n in nodes))


def _depends_on(node: Node) -> set[str]:
    return {*node.needs, *(r.node for r in references(node.inputs) if isinstance(r, Ref))}


def _reached(start: Iterable[str], edges: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = list(start)
    while ahead:
        for other in edges.get(ahead.pop(), ()):
            if other not in found:
                found.add(other)
                ahead.append(other)
    return found
