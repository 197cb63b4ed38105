"""A graph as an indented tree of components and nodes."""

from __future__ import annotations

from components.graph import Component, Graph


def tree(graph: Graph) -> str:
    """Return the stack's components, each with its nodes' ids and types."""
    lines = [graph.stack]

    def show(component: Component, depth: int) -> None:
        lines.append(f"{'  ' * depth}{component.id}  ({component.type})")
        for node in graph.nodes:
            if node.component == component.id:
                lines.append(f"{'  ' * (depth + 1)}{node.id}  ({node.type})")
        for child in graph.components:
            if child.parent == component.id:
                show(child, depth + 1)

    for component in graph.components:
        if not component.parent:
            show(component, 1)
    return "\n".join(lines) + "\n"
