"""Physical names by the public contract: nothing random, nothing read from the cloud.

Namespaces and cluster-scoped objects are `<spec>-<environment>[-<x>]`, AWS names
`<spec>-<environment>-<target>-<x>`. A name that is too long is cut and ends in 8 hex digits of the SHA-256 of
the whole name, so two long names that differ only at their end stay two names.
"""

from __future__ import annotations

from hashlib import sha256

# Longest name the service accepts, in characters. Sources: the services' API references (CreateBucket,
# CreateRole, CreateCluster, CreateNodegroup, CreateQueue, PutRule, CreateLaunchTemplate), read 2026-11-21; Kubernetes:
# "Object Names and IDs" (DNS label 63, DNS subdomain 253).
BUCKET = 63
IAM_ROLE = 64
EKS_CLUSTER = 100
NODE_GROUP = 63
QUEUE = 80
EVENT_RULE = 64
LAUNCH_TEMPLATE = 128
DNS_LABEL = 63
LABEL_VALUE = 63


def digest(text: str) -> str:
    """Return 8 hex digits of the SHA-256 of the text."""
    return sha256(text.encode()).hexdigest()[:8]


def fit(name: str, limit: int) -> str:
    """Return the name, cut and with 8 hex digits of its hash at the end if it is longer than `limit`.

    Example:
        >>> fit("hello-default", 63)
        'hello-default'
        >>> len(fit("x" * 80, 63))
        63
    """
    if len(name) <= limit:
        return name
    return name[: limit - 9].rstrip("-.") + "-" + digest(name)


def kubernetes_name(spec: str, environment: str, *rest: str) -> str:
    """Return the name of a namespace or of a cluster-scoped object, at most 63 characters."""
    return fit("-".join((spec, environment, *rest)), DNS_LABEL)


def aws_name(spec: str, environment: str, target: str, *rest: str, limit: int) -> str:
    """Return the name of an AWS resource, at most `limit` characters."""
    return fit("-".join((spec, environment, target, *rest)), limit)


def bucket_name(spec: str, environment: str, target: str, store: str, account: str) -> str:
    """Return a bucket's name: buckets share one space over all accounts, so the hash takes in `account`."""
    whole = "-".join((spec, environment, target, store))
    suffix = digest(f"{account}/{whole}")
    return f"{whole[: BUCKET - 9].rstrip('-')}-{suffix}"
