"""What the API server (and the kubelet, where noted) enforces on pods beyond the schema.

Source: `pkg/apis/core/validation/validation.go` of Kubernetes 1.34 and the field documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import names
from .metadata_rules import expression_problems, label_problems, map_problems, selector_problems
from .placeholders import is_placeholder
from .quantity import amount
from .schema import child

_STANDARD_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOKS = ("exec", "httpGet", "tcpSocket", "sleep")
_ENV_SOURCES = ("configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef")
_ENV_NAME = re.compile(r"[ -<>-~]+")  # printable ASCII without `=`
_DEFAULT_GRACE_SECONDS = 30

# What NVIDIA's device plugin offers: whole, shared (time-slicing, MPS) and MIG devices. The server takes any
# name here; a pod that asks for a misspelt one is never scheduled.
_NVIDIA = re.compile(r"nvidia\.com/(gpu|mig-[1-9]g\.[0-9]+gb(\.me)?)(\.shared)?")


def template_problems(template: Any, path: str, restart_policies: tuple[str, ...]) -> Iterator[str]:
    """Yield problems of a pod template; `restart_policies` are those that its owner allows."""
    if not isinstance(template, dict) or is_placeholder(template):
        return
    metadata, spec = template.get("metadata") or {}, template.get("spec")
    yield from map_problems(metadata, child(path, "metadata"))
    if not isinstance(spec, dict):
        yield f"{child(path, 'spec')}: required"
        return
    where = child(path, "spec")
    policy = spec.get("restartPolicy", "Always")
    if policy not in restart_policies:
        yield f"{child(where, 'restartPolicy')}: {policy!r} is not one of {list(restart_policies)}"
    yield from pod_problems(spec, where)


def pod_problems(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield problems of a pod spec."""
    containers = list(spec.get("containers") or [])
    if not containers:
        yield f"{child(path, 'containers')}: required"
    volumes = [v for v in spec.get("volumes") or [] if isinstance(v, dict)]
    yield from _volumes(volumes, child(path, "volumes"))
    init = [c for c in spec.get("initContainers") or [] if isinstance(c, dict)]
    seen: set[Any] = set()
    for group, items in (("initContainers", init), ("containers", containers)):
        for index, container in enumerate(items):
            where = child(child(path, group), index)
            if container.get("name") in seen:
                yield f"{child(where, 'name')}: {container.get('name')!r} is used twice in the pod"
            seen.add(container.get("name"))
            restarts = group == "containers" or container.get("restartPolicy") == "Always"
            yield from _container(container, where, {v.get("name") for v in volumes}, restarts)
            yield from _lifecycle(container, where, spec)
            yield from _claims(container, where, spec)
    yield from label_problems(spec.get("nodeSelector") or {}, child(path, "nodeSelector"))
    yield from _tolerations(spec.get("tolerations") or [], child(path, "tolerations"))
    yield from _affinity(spec.get("affinity") or {}, child(path, "affinity"))
    yield from _spread(spec.get("topologySpreadConstraints") or [], child(path, "topologySpreadConstraints"))
    grace = spec.get("terminationGracePeriodSeconds", 0)
    if isinstance(grace, int) and grace < 0:
        yield f"{child(path, 'terminationGracePeriodSeconds')}: below 0"
    for key in ("serviceAccountName", "priorityClassName", "runtimeClassName"):
        value = spec.get(key, "x")
        if not is_placeholder(value) and not names.is_dns_subdomain(value):
            yield f"{child(path, key)}: {value!r} is not a DNS subdomain"
    yield from _user(spec, containers + init, path)


def _volumes(volumes: list[dict[str, Any]], path: str) -> Iterator[str]:
    for index, volume in enumerate(volumes):
        where = child(path, index)
        if not names.is_dns_label(volume.get("name")):
            yield f"{child(where, 'name')}: {volume.get('name')!r} is not a DNS label"
        sources = sorted(key for key in volume if key != "name")
        if len(sources) != 1:
            yield f"{where}: exactly one source, not {sources}"
        medium = (volume.get("emptyDir") or {}).get("medium", "")
        if medium not in ("", "Memory") and not str(medium).startswith("HugePages"):
            yield f"{where}.emptyDir.medium: {medium!r} is not a medium"


def _container(container: Any, path: str, volumes: set[Any], restarts: bool) -> Iterator[str]:
    if not isinstance(container, dict) or is_placeholder(container):
        return
    if not names.is_dns_label(container.get("name")):
        yield f"{child(path, 'name')}: {container.get('name')!r} is not a DNS label"
    image = container.get("image")
    if not is_placeholder(image) and (not image or str(image) != str(image).strip() or " " in str(image)):
        yield f"{child(path, 'image')}: {image!r} is not an image"
    yield from _env(container.get("env") or [], child(path, "env"))
    for index, source in enumerate(container.get("envFrom") or []):
        if len({"configMapRef", "secretRef"} & source.keys()) != 1:
            yield f"{child(path, 'envFrom')}[{index}]: exactly one of configMapRef and secretRef"
    for index, mount in enumerate(container.get("volumeMounts") or []):
        where = child(child(path, "volumeMounts"), index)
        if mount.get("name") not in volumes:
            yield f"{child(where, 'name')}: no volume {mount.get('name')!r}"
        if "subPath" in mount and "subPathExpr" in mount:
            yield f"{where}: subPath and subPathExpr exclude each other"
        if ".." in str(mount.get("subPath", "")).split("/") or str(mount.get("subPath", "")).startswith("/"):
            yield f"{child(where, 'subPath')}: leaves the volume"
    ports = [p for p in container.get("ports") or [] if isinstance(p, dict)]
    yield from _ports(ports, child(path, "ports"))
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe in container:
            yield from _probe(probe, container[probe], child(path, probe), {p.get("name") for p in ports})
            if not restarts:
                yield f"{child(path, probe)}: not on an init container that ends"
    yield from _resources(container.get("resources") or {}, child(path, "resources"))
    security = container.get("securityContext") or {}
    if security.get("allowPrivilegeEscalation") is False and security.get("privileged"):
        yield f"{child(path, 'securityContext')}: privileged without allowPrivilegeEscalation"


def _env(variables: list[Any], path: str) -> Iterator[str]:
    for index, variable in enumerate(variables):
        where = child(path, index)
        name = variable.get("name")
        if not isinstance(name, str) or not _ENV_NAME.fullmatch(name):
            yield f"{child(where, 'name')}: {name!r} is not a name"
        source = variable.get("valueFrom")
        if source is not None and variable.get("value", "") != "":
            yield f"{where}: value and valueFrom exclude each other"
        if source is not None and len(source.keys() & set(_ENV_SOURCES)) != 1:
            yield f"{child(where, 'valueFrom')}: exactly one of {list(_ENV_SOURCES)}"


def _ports(ports: list[dict[str, Any]], path: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        where = child(path, index)
        number, name = port.get("containerPort"), port.get("name")
        if isinstance(number, int) and not 1 <= number <= 65535:
            yield f"{child(where, 'containerPort')}: {number} is not a port"
        if name is not None and not names.is_port_name(name):
            yield f"{child(where, 'name')}: {name!r} is not a port name"
        if name is not None and name in seen:
            yield f"{child(where, 'name')}: {name!r} is used twice"
        seen.add(str(name))


def port_reference_problems(port: Any, path: str) -> Iterator[str]:
    """Yield problems of a value that is a port number or the name of a port."""
    if is_placeholder(port):
        return
    if isinstance(port, int) and not 1 <= port <= 65535:
        yield f"{path}: {port} is not a port"
    if isinstance(port, str) and not names.is_port_name(port):
        yield f"{path}: {port!r} is not a port name"


def _probe(kind: str, probe: Any, path: str, ports: set[Any]) -> Iterator[str]:
    handlers = [h for h in _HANDLERS if h in probe]
    if len(handlers) != 1:
        yield f"{path}: exactly one of {list(_HANDLERS)}"
    for key, least in (("initialDelaySeconds", 0), ("timeoutSeconds", 1), ("periodSeconds", 1)):
        if isinstance(probe.get(key), int) and probe[key] < least:
            yield f"{child(path, key)}: below {least}"
    for key in ("successThreshold", "failureThreshold"):
        if isinstance(probe.get(key), int) and probe[key] < 1:
            yield f"{child(path, key)}: below 1"
    if kind != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield f"{child(path, 'successThreshold')}: must be 1 on a {kind}"
    if kind == "readinessProbe" and "terminationGracePeriodSeconds" in probe:
        yield f"{child(path, 'terminationGracePeriodSeconds')}: not on a readinessProbe"
    for handler in ("httpGet", "tcpSocket"):
        if isinstance(probe.get(handler), dict):
            where = child(child(path, handler), "port")
            port = probe[handler].get("port")
            yield from port_reference_problems(port, where)
            # the kubelet finds the number by the name; the API server does not look
            if isinstance(port, str) and port not in ports:
                yield f"{where}: the container has no port {port!r}"


def _resources(resources: Mapping[str, Any], path: str) -> Iterator[str]:
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for part, items in (("requests", requests), ("limits", limits)):
        for key, value in items.items():
            where, number = child(child(path, part), key), amount(value)
            standard = key in _STANDARD_RESOURCES or key.startswith("hugepages-")
            nvidia = not key.startswith("nvidia.com/") or _NVIDIA.fullmatch(key)
            if not standard and ("/" not in key or not names.is_qualified_name(key) or not nvidia):
                yield f"{where}: not a resource"
            if number is not None and number < 0:
                yield f"{where}: below 0"
            if number is not None and not standard and number.denominator != 1:
                yield f"{where}: {value!r} of an extended resource is not whole"
    for key, value in requests.items():
        extended, least, most = "/" in key, amount(value), amount(limits.get(key))
        where = child(child(path, "requests"), key)
        if extended and key not in limits:
            yield f"{where}: an extended resource needs a limit"
        elif least is not None and most is not None and (least != most if extended else least > most):
            yield f"{where}: {value!r} {'differs from' if extended else 'is above'} the limit {limits[key]!r}"


def _lifecycle(container: Any, path: str, spec: Mapping[str, Any]) -> Iterator[str]:
    for hook in ("postStart", "preStop"):
        action = (container.get("lifecycle") or {}).get(hook)
        if action is None:
            continue
        where = child(child(path, "lifecycle"), hook)
        if len([h for h in _HOOKS if h in action]) != 1:
            yield f"{where}: exactly one of {list(_HOOKS)}"
        grace = spec.get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS)
        seconds = (action.get("sleep") or {}).get("seconds", 0)
        if isinstance(seconds, int) and isinstance(grace, int) and not 0 <= seconds <= grace:
            yield f"{where}.sleep.seconds: {seconds} is outside the grace period of {grace}"


def _claims(container: Any, path: str, spec: Mapping[str, Any]) -> Iterator[str]:
    known = {claim.get("name") for claim in spec.get("resourceClaims") or []}
    for claim in (container.get("resources") or {}).get("claims") or []:
        if claim.get("name") not in known:
            yield f"{path}.resources.claims: the pod has no claim {claim.get('name')!r}"


def _tolerations(tolerations: list[Any], path: str) -> Iterator[str]:
    for index, toleration in enumerate(tolerations):
        where, operator = child(path, index), toleration.get("operator", "Equal")
        if operator not in ("Equal", "Exists"):
            yield f"{child(where, 'operator')}: {operator!r} is not an operator"
        if operator == "Exists" and toleration.get("value"):
            yield f"{child(where, 'value')}: not with Exists"
        key = toleration.get("key")
        if key and not names.is_qualified_name(key):
            yield f"{child(where, 'key')}: not a taint key"
        if not key and operator != "Exists":
            yield f"{child(where, 'key')}: required without Exists"
        if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
            yield f"{child(where, 'tolerationSeconds')}: only with NoExecute"


def _affinity(affinity: Mapping[str, Any], path: str) -> Iterator[str]:
    node = affinity.get("nodeAffinity") or {}
    required = node.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = list(required.get("nodeSelectorTerms") or [])
    if required and not terms:
        yield f"{path}.nodeAffinity: no term"
    for preferred in node.get("preferredDuringSchedulingIgnoredDuringExecution") or []:
        terms.append(preferred.get("preference") or {})
        yield from _weight(preferred, f"{path}.nodeAffinity")
    for term in terms:
        expressions = term.get("matchExpressions") or []
        yield from expression_problems(expressions, f"{path}.nodeAffinity", ordered=True)
    for kind in ("podAffinity", "podAntiAffinity"):
        pod, where = affinity.get(kind) or {}, child(path, kind)
        pods = list(pod.get("requiredDuringSchedulingIgnoredDuringExecution") or [])
        for preferred in pod.get("preferredDuringSchedulingIgnoredDuringExecution") or []:
            pods.append(preferred.get("podAffinityTerm") or {})
            yield from _weight(preferred, where)
        for term in pods:
            if not names.is_qualified_name(term.get("topologyKey")):
                yield f"{where}: topologyKey {term.get('topologyKey')!r} is not a label key"
            yield from selector_problems(term.get("labelSelector"), where)


def _weight(preferred: Mapping[str, Any], path: str) -> Iterator[str]:
    weight = preferred.get("weight")
    if isinstance(weight, int) and not 1 <= weight <= 100:
        yield f"{path}: weight {weight} is not in 1 to 100"


def _spread(constraints: list[Any], path: str) -> Iterator[str]:
    seen: set[tuple[Any, Any]] = set()
    for index, constraint in enumerate(constraints):
        where = child(path, index)
        if isinstance(constraint.get("maxSkew"), int) and constraint["maxSkew"] < 1:
            yield f"{child(where, 'maxSkew')}: below 1"
        if not names.is_qualified_name(constraint.get("topologyKey")):
            yield f"{child(where, 'topologyKey')}: not a label key"
        if constraint.get("minDomains") is not None and constraint.get("whenUnsatisfiable") != "DoNotSchedule":
            yield f"{child(where, 'minDomains')}: only with DoNotSchedule"
        identity = (constraint.get("topologyKey"), constraint.get("whenUnsatisfiable"))
        if identity in seen:
            yield f"{where}: twice the same topologyKey and whenUnsatisfiable"
        seen.add(identity)
        yield from selector_problems(constraint.get("labelSelector"), child(where, "labelSelector"))


def _user(spec: Mapping[str, Any], containers: list[Any], path: str) -> Iterator[str]:
    """The kubelet refuses to start a container that must not be root and is."""
    pod = spec.get("securityContext") or {}
    for container in containers:
        security = {**pod, **(container.get("securityContext") or {})}
        if security.get("runAsNonRoot") and security.get("runAsUser") == 0:
            yield f"{path}: container {container.get('name')!r} is runAsNonRoot and runAsUser 0"
