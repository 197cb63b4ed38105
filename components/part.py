"""What a lowering returns: its share of a stack's graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.graph import Component, Node, Value
from components.resolve.platform import Platform


@dataclass(frozen=True, slots=True)
class Part:
    """Components, nodes and declared outputs that one lowering adds to a stack."""

    components: tuple[Component, ...] = ()
    nodes: tuple[Node, ...] = ()
    outputs: Mapping[str, Value] = field(default_factory=dict)


def moved_component(platform: Platform, component: str) -> tuple[str, ...]:
    """Return the ids that a component had before a `moved` rename, for its `aliases`."""
    old = platform.moved.get(component)
    return (old,) if old else ()


def moved_node(platform: Platform, component: str, kind: str, old_name: str) -> tuple[str, ...]:
    """Return the ids that a node had before a `moved` rename of its component, for its options' `aliases`."""
    old = platform.moved.get(component)
    return (f"{old}/{kind}/{old_name}",) if old else ()
