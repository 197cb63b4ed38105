"""What the API server enforces on metadata and label selectors beyond their schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import names
from .placeholders import is_placeholder
from .schema import child

# Names that are stricter or looser than a DNS subdomain: `pkg/apis/*/validation` of Kubernetes 1.34.
_NAMES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "v1/Namespace": (names.is_dns_label, "a DNS label"),
    "v1/Service": (names.is_dns_1035_label, "a DNS label that starts with a letter"),
    "rbac.authorization.k8s.io/v1/Role": (names.is_path_segment, "a path segment"),
    "rbac.authorization.k8s.io/v1/RoleBinding": (names.is_path_segment, "a path segment"),
    "rbac.authorization.k8s.io/v1/ClusterRole": (names.is_path_segment, "a path segment"),
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding": (names.is_path_segment, "a path segment"),
}

# The object's name becomes a label value (63), with a suffix that a controller adds where it is shorter:
# a Job's pods carry `job-name`; a CronJob adds `-` and 10 digits; a StatefulSet's pods carry
# `controller-revision-hash`, the name, `-` and 10 characters; a node carries its NodePool's name.
_NAME_LENGTHS: Mapping[str, int] = {
    "batch/v1/Job": 63,
    "batch/v1/CronJob": 52,
    "apps/v1/StatefulSet": 52,
    "karpenter.sh/v1/NodePool": 63,
}

_ANNOTATIONS_BYTES = 256 * 1024
_SERVER_WRITES = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_POD_SECURITY = "pod-security.kubernetes.io/"
_POD_SECURITY_MODES = ("enforce", "audit", "warn")
_POD_SECURITY_LEVELS = ("privileged", "baseline", "restricted")


def metadata_problems(kind: str, metadata: Any, namespaced: bool) -> Iterator[str]:
    """Yield problems of the metadata of a whole object; `kind` is `<apiVersion>/<Kind>`."""
    if not isinstance(metadata, dict):
        yield "metadata: required"
        return
    name = metadata.get("name")
    fits, what = _NAMES.get(kind, (names.is_dns_subdomain, "a DNS subdomain"))
    if name is None:
        yield "metadata.name: required"
    elif not is_placeholder(name) and not fits(name):
        yield f"metadata.name: {name!r} is not {what}"
    elif isinstance(name, str) and len(name) > _NAME_LENGTHS.get(kind, 253):
        yield f"metadata.name: {name!r} is longer than {_NAME_LENGTHS[kind]}"
    namespace = metadata.get("namespace")
    if namespaced and namespace is None:
        yield "metadata.namespace: required"
    elif not namespaced and namespace is not None:
        yield "metadata.namespace: the kind is cluster-scoped"
    elif namespace is not None and not is_placeholder(namespace) and not names.is_dns_label(namespace):
        yield f"metadata.namespace: {namespace!r} is not a DNS label"
    for key in _SERVER_WRITES:
        if key in metadata:
            yield f"metadata.{key}: written by the server"
    for finalizer in metadata.get("finalizers", ()):
        if not names.is_qualified_name(finalizer):
            yield f"metadata.finalizers: {finalizer!r} is not a qualified name"
    yield from map_problems(metadata, "metadata")
    if kind == "v1/Namespace":
        yield from _pod_security(metadata.get("labels"))


def map_problems(metadata: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield problems of labels and annotations, also of a pod template's metadata."""
    labels, annotations = metadata.get("labels"), metadata.get("annotations")
    if isinstance(labels, dict):
        yield from label_problems(labels, child(path, "labels"))
    if isinstance(annotations, dict) and not is_placeholder(annotations):
        where = child(path, "annotations")
        for key in annotations:
            # keys of annotations may have upper case in their domain: the server lowers it first
            if not names.is_qualified_name(str(key).lower()):
                yield f"{child(where, key)}: not a qualified name"
        size = sum(len(str(k).encode()) + len(str(v).encode()) for k, v in annotations.items())
        if size > _ANNOTATIONS_BYTES:
            yield f"{where}: {size} bytes are more than {_ANNOTATIONS_BYTES}"


def label_problems(labels: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield problems of a map of labels: keys, values."""
    if is_placeholder(labels):
        return
    for key, value in labels.items():
        if not names.is_qualified_name(key):
            yield f"{child(path, key)}: not a label key"
        if not is_placeholder(value) and not names.is_label_value(value):
            yield f"{child(path, key)}: {value!r} is not a label value"


def _pod_security(labels: Any) -> Iterator[str]:
    """Labels of PodSecurity admission, which ignores a key it does not know: a typo protects nobody."""
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if not str(key).startswith(_POD_SECURITY):
            continue
        mode = str(key).removeprefix(_POD_SECURITY)
        if mode.removesuffix("-version") not in _POD_SECURITY_MODES:
            yield f"metadata.labels[{key!r}]: not a label of PodSecurity"
        elif not mode.endswith("-version") and value not in _POD_SECURITY_LEVELS:
            yield f"metadata.labels[{key!r}]: {value!r} is not one of {_POD_SECURITY_LEVELS}"


def selector_problems(selector: Any, path: str, may_be_empty: bool = True) -> Iterator[str]:
    """Yield problems of a label selector (`matchLabels`, `matchExpressions`)."""
    if not isinstance(selector, dict) or is_placeholder(selector):
        return
    labels, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or []
    if not may_be_empty and not labels and not expressions:
        yield f"{path}: an empty selector"
    yield from label_problems(labels, child(path, "matchLabels"))
    yield from expression_problems(expressions, child(path, "matchExpressions"), ordered=False)


def expression_problems(expressions: list[Any], path: str, ordered: bool) -> Iterator[str]:
    """Yield problems of selector expressions; `ordered` allows Gt and Lt (node affinity)."""
    for index, expression in enumerate(expressions):
        where = child(path, index)
        operator, values = expression.get("operator"), expression.get("values") or []
        if not names.is_qualified_name(expression.get("key")):
            yield f"{child(where, 'key')}: not a label key"
        if operator in ("In", "NotIn"):
            if not values:
                yield f"{child(where, 'values')}: required with {operator}"
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                yield f"{child(where, 'values')}: not with {operator}"
        elif ordered and operator in ("Gt", "Lt"):
            if len(values) != 1 or not str(values[0]).lstrip("-").isdigit():
                yield f"{child(where, 'values')}: one integer with {operator}"
        else:
            yield f"{child(where, 'operator')}: {operator!r} is not an operator"
        for value in values:
            if not is_placeholder(value) and not names.is_label_value(value):
                yield f"{child(where, 'values')}: {value!r} is not a label value"


def selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Whether the label selector matches an object with these labels (placeholders: taken as matching)."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if key not in labels or (labels[key] != value and not is_placeholder(value)):
            return False
    for expression in selector.get("matchExpressions") or []:
        present, operator = expression.get("key") in labels, expression.get("operator")
        member = present and labels[expression["key"]] in (expression.get("values") or [])
        fits = {"In": member, "NotIn": not member, "Exists": present, "DoesNotExist": not present}
        if not fits.get(operator, False):
            return False
    return True
