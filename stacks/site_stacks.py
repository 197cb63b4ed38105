"""The stacks of an edge target: one graph, and for every site the few nodes that name it.

A thousand sites have a thousand graphs, and all but two nodes of each are the same objects in memory. Nothing else may
differ from site to site: what does is made by a lowering that says so (`of_site`, components/lowering.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from components.graph import Graph
from components.lowering import lower_site
from components.places import place
from components.resolve.platform import Edge, Explained, Platform
from specs.diagnostics import Diagnostic, Span
from specs.sites import Site
from stacks.compilation import CompiledStack, stack_name

Finish = Callable[[Graph], tuple[Graph, set[Span], tuple[Diagnostic, ...]]]
"""Adds to lowered nodes what comes after lowering: patches, engine options, adoptions."""


def at_sites(
    platform: Platform, first: Sequence[CompiledStack], sites: Sequence[Site], finish: Finish
) -> Iterator[CompiledStack]:
    """Yield the stacks of every site. `first` are those of the first site, which `platform` is of.

    What is wrong with patches of a site's own nodes has been said of the first.
    """
    assert isinstance(platform.target, Edge)
    for stack in first:
        own = frozenset(n.id for n in lower_site(platform, stack.layer, stack.name).nodes)
        places = {n.id: position for position, n in enumerate(stack.graph.nodes)}
        # a list of sites in the spec is not what each of them is planned by
        listed = f"targets.{stack.target}.sites"
        common = {
            p: e for p, e in stack.values.items() if p != listed and not p.startswith((f"{listed}[", f"{listed}."))
        }
        for site in sites:
            target = replace(platform.target, site=site.name, kube_context=site.kube_context, zone=site.zone)
            there = replace(platform, target=target)
            name = stack_name(stack.spec, stack.environment, stack.target, site.name, stack.layer)
            made, _, _ = finish(lower_site(there, stack.layer, name))
            nodes = list(stack.graph.nodes)
            for node in made.nodes:
                if node != nodes[places[node.id]]:  # what is equal stays one object
                    nodes[places[node.id]] = node
            yield replace(
                stack,
                site=site.name,
                place=place(there, stack.layer),
                values={**common, **_values(stack.target, site)},
                graph=replace(stack.graph, stack=name, nodes=tuple(nodes)),
                common=stack.graph,
                own=own,
            )


def _values(target: str, site: Site) -> Mapping[str, Explained]:
    """Return what the spec says of one site."""
    path = f"targets.{target}.sites.{site.name}"
    return {
        f"{path}.kubeContext": Explained(site.kube_context, str(site.span)),
        f"{path}.zone": Explained(site.zone, str(site.span)),
    }
