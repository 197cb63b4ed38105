"""Policy: no pod that is as good as root on its node."""

from __future__ import annotations

from collections.abc import Iterator

from policies.pods import containers, named, pod_specs
from policies.resources import Finding, Resource, View, broken, cannot_say

HOST = ("hostNetwork", "hostPID", "hostIPC")
"""The namespaces of the node that a pod can ask for (Kubernetes 1.34, PodSpec)."""

HARMLESS = frozenset(
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID"
    " SYS_CHROOT".split()
)
"""The capabilities that a pod may add at level `baseline` (Kubernetes, Pod Security Standards)."""


def pods_unprivileged(resource: Resource) -> Iterator[Finding]:
    """No pod is privileged, mounts its node's files, or shares its node's network, processes or memory."""
    for spec in pod_specs(resource):
        for key in HOST:
            yield from cannot_say(resource, spec.at(key))
            if spec.at(key).value is True:
                yield broken(resource, spec.at(key), f"`{key}`: the pod shares what is its node's")
        for volume in spec.at("volumes").items():
            files = volume.at("hostPath")
            yield from cannot_say(resource, files)
            if files.value is not None and not files.unknown:
                yield broken(resource, files, f"`hostPath`: the pod mounts `{files.at('path').value}` of its node")
        for container in containers(spec):
            yield from _container(resource, container)


def _container(resource: Resource, container: View) -> Iterator[Finding]:
    privileged = container.at("securityContext", "privileged")
    yield from cannot_say(resource, privileged)
    if privileged.value is True:
        yield broken(resource, privileged, f"{named(container)} is privileged: it is root on its node")
    added = container.at("securityContext", "capabilities", "add")
    for capability in added.items():
        yield from cannot_say(resource, capability)
        if not capability.unknown and str(capability.value).removeprefix("CAP_") not in HARMLESS:
            yield broken(resource, capability, f"{named(container)} adds the capability `{capability.value}`")
