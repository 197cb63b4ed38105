"""Policy: no pod that is as good as root on its node."""

from __future__ import annotations

from collections.abc import Iterator

from policies.pods import containers, named, pod_specs
from policies.resources import Finding, Resource, broken, cannot_say

HOST = ("hostNetwork", "hostPID", "hostIPC")
"""The namespaces of the node that a pod can ask for (Kubernetes 1.34, PodSpec)."""


def pods_unprivileged(resource: Resource) -> Iterator[Finding]:
    """No pod is privileged or shares its node's network, processes or memory."""
    for spec in pod_specs(resource):
        for key in HOST:
            yield from cannot_say(resource, spec.at(key))
            if spec.at(key).value is True:
                yield broken(resource, spec.at(key), f"`{key}`: the pod shares what is its node's")
        for container in containers(spec):
            privileged = container.at("securityContext", "privileged")
            yield from cannot_say(resource, privileged)
            if privileged.value is True:
                yield broken(resource, privileged, f"{named(container)} is privileged: it is root on its node")
