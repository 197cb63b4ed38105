"""What must be there first, read off the objects themselves: namespaces, definitions of custom kinds, and what pods
refer to.

Pulumi makes everything at once that no dependency holds back, so a pod's ServiceAccount, claim or PriorityClass
would race with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from components.graph import Node, kubernetes_object

Key = tuple[str, str, str]
"""Kind, namespace (empty for cluster-scoped objects), name."""


def ordered(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return the nodes with `needs` for everything in the same stack that their objects refer to."""
    known = tuple(nodes)
    objects = {_key(n.inputs): n.id for n in known if kubernetes_object(n)}
    definitions = {kind: n.id for n in known for kind in _defines(n)}
    return tuple(_with_needs(n, objects, definitions) if kubernetes_object(n) else n for n in known)


def _with_needs(node: Node, objects: Mapping[Key, str], definitions: Mapping[tuple[str, str], str]) -> Node:
    wanted = [objects[key] for key in _refers_to(node.inputs) if key in objects]
    group = str(node.inputs.get("apiVersion", "")).rpartition("/")[0]
    definition = definitions.get((group, str(node.inputs.get("kind"))))
    if definition:
        wanted.append(definition)
    new = [w for w in dict.fromkeys(wanted) if w not in node.needs and w != node.id]
    return replace(node, needs=(*node.needs, *new)) if new else node


def _metadata(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    found = manifest.get("metadata")
    return found if isinstance(found, Mapping) else {}


def _key(manifest: Mapping[str, Any]) -> Key:
    metadata = _metadata(manifest)
    return str(manifest.get("kind")), str(metadata.get("namespace", "")), str(metadata.get("name"))


def _defines(node: Node) -> Iterator[tuple[str, str]]:
    if node.inputs.get("kind") == "CustomResourceDefinition":
        spec = node.inputs.get("spec")
        names = spec.get("names") if isinstance(spec, Mapping) else None
        if isinstance(spec, Mapping) and isinstance(names, Mapping):
            yield str(spec.get("group")), str(names.get("kind"))


def _refers_to(manifest: Mapping[str, Any]) -> Iterator[Key]:
    namespace = str(_metadata(manifest).get("namespace", ""))
    if namespace:
        yield "Namespace", "", namespace
    pod = _pod_spec(manifest)
    if not pod:
        return
    if pod.get("serviceAccountName"):
        yield "ServiceAccount", namespace, str(pod["serviceAccountName"])
    if pod.get("priorityClassName"):
        yield "PriorityClass", "", str(pod["priorityClassName"])
    if pod.get("runtimeClassName"):
        yield "RuntimeClass", "", str(pod["runtimeClassName"])
    for volume in _entries(pod, "volumes"):
        if isinstance(volume, Mapping):
            yield from _volume(volume, namespace)
    for container in [*_entries(pod, "initContainers"), *_entries(pod, "containers")]:
        if isinstance(container, Mapping):
            yield from _environment(container, namespace)


def _pod_spec(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    current: Any = manifest.get("spec")
    if manifest.get("kind") == "Pod":
        return current if isinstance(current, Mapping) else {}
    if manifest.get("kind") == "CronJob" and isinstance(current, Mapping):
        job = current.get("jobTemplate")
        current = job.get("spec") if isinstance(job, Mapping) else None
    for part in ("template", "spec"):
        current = current.get(part) if isinstance(current, Mapping) else None
    return current if isinstance(current, Mapping) else {}


def _entries(owner: Mapping[str, Any], key: str) -> Sequence[Any]:
    """Return a list of a manifest; nothing where a user's object or patch has something else there."""
    found = owner.get(key)
    return found if isinstance(found, list | tuple) else ()


def _volume(volume: Mapping[str, Any], namespace: str) -> Iterator[Key]:
    for source, key, kind in (
        ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
        ("configMap", "name", "ConfigMap"),
        ("secret", "secretName", "Secret"),
    ):
        found = volume.get(source)
        if isinstance(found, Mapping) and found.get(key):
            yield kind, namespace, str(found[key])


def _environment(container: Mapping[str, Any], namespace: str) -> Iterator[Key]:
    for variable in _entries(container, "env"):
        source = variable.get("valueFrom") if isinstance(variable, Mapping) else None
        for reference, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            found = source.get(reference) if isinstance(source, Mapping) else None
            if isinstance(found, Mapping) and found.get("name"):
                yield kind, namespace, str(found["name"])
    for source in _entries(container, "envFrom"):
        for reference, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            found = source.get(reference) if isinstance(source, Mapping) else None
            if isinstance(found, Mapping) and found.get("name"):
                yield kind, namespace, str(found["name"])
