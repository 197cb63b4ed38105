"""Adoptions whose id becomes a name that other nodes take over: it has to be one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.schema.targets import AwsTarget

KEPT = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
"""Namespaces that a cluster has from the beginning (Kubernetes, "Namespaces")."""
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # a DNS label (Kubernetes, "Object Names and IDs")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")  # S3 user guide, bucket naming rules


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield ids of the workloads' namespace and of buckets that cannot be names, and buckets of two stores."""
    buckets: dict[str, str] = {}
    for node, adoption in case.spec.adopt.items():
        form, kind = None, ""
        if node == "namespaces/Namespace/workloads":
            form, kind = _NAMESPACE, "namespace"
            if adoption.id in KEPT:
                yield finding(
                    case,
                    "bad-name",
                    ("adopt", node, "id"),
                    f"`{adoption.id}` is the cluster's own namespace: as the platform's it would be restricted, cut "
                    "off from the network, and deleted with the stack",
                    help="adopt a namespace that holds model servers alone",
                )
        elif re.fullmatch(r"stores\.[^/]+/Bucket/[^/]+", node) and isinstance(
            case.spec.targets[case.target], AwsTarget
        ):
            form, kind = _BUCKET, "bucket"
            other = buckets.setdefault(adoption.id, node)
            if other != node:
                yield finding(
                    case,
                    "adoption-differs",
                    ("adopt", node, "id"),
                    f"`{adoption.id[:100]}` is adopted by `{other}` already",
                    help="a bucket belongs to one store",
                )
        if form is not None and not form.fullmatch(adoption.id):
            message = f"`{adoption.id[:100]}` is not a name that a {kind} can have"
            help = "of a namespace and of a bucket the id is the name alone"
            yield finding(case, "bad-name", ("adopt", node, "id"), message, help=help)
