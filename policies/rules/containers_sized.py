"""Policy: the scheduler knows what a container needs, and a leak ends in the container."""

from __future__ import annotations

from collections.abc import Iterator

from policies.pods import containers, named, pod_specs, zero
from policies.resources import Finding, Resource, View, broken, cannot_say

NEEDED = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"))
"""No limit for the CPU: it would throttle a model server while its node's cores are idle (Linux CFS bandwidth control),
and a container that takes more than its share only slows others down to theirs."""


def containers_sized(resource: Resource) -> Iterator[Finding]:
    """Every container requests CPU and memory and has a memory limit."""
    for spec in pod_specs(resource):
        for container in containers(spec):
            for side, amount in NEEDED:
                places = _places(spec, container, side, amount)
                if any(view.value is not None and not view.unknown and not zero(view.value) for view in places):
                    continue
                if any(view.unknown for view in places):
                    yield from cannot_say(resource, *places)
                else:
                    what = f"requests no {amount}" if side == "requests" else f"has no {amount} limit"
                    yield broken(resource, container.at("resources", side), f"{named(container)} {what}")


def _places(spec: View, container: View, side: str, amount: str) -> tuple[View, ...]:
    """Return where the amount can stand: a limit counts as the request too (Kubernetes, managing resources for
    containers), and one for the pod counts for its containers (pod-level resources, 1.34)."""
    holders = (container, spec)
    sides = ("requests", "limits") if side == "requests" else ("limits",)
    return tuple(holder.at("resources", s, amount) for holder in holders for s in sides)
