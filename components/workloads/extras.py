"""Objects from the user's own manifests.

Component `manifests.<name>`: one node an object.
"""

from __future__ import annotations

from components.graph import Component
from components.manifests import kubernetes_node
from components.part import Part
from components.resolve.platform import Platform


def lower(platform: Platform) -> Part:
    """Return the objects of every entry of `manifests`."""
    components = []
    for group in dict.fromkeys(e.group for e in platform.extras):
        count = sum(e.group == group for e in platform.extras)
        origin = f"manifests.{group}"
        components.append(
            Component(
                id=origin,
                type="llmform:manifests:Manifests",
                origin=origin,
                reads=(origin,),
                summary=(f"{count} object{'s' if count > 1 else ''} of your own",),
            )
        )
    nodes = []
    for extra in platform.extras:
        origin = f"manifests.{extra.group}"
        metadata = extra.manifest["metadata"]
        name = metadata["name"]
        if metadata.get("namespace", platform.namespace) != platform.namespace:
            name = f"{metadata['namespace']}.{name}"
        nodes.append(kubernetes_node(platform, origin, extra.manifest, origin=origin, name=name))
    return Part(tuple(components), tuple(nodes))
