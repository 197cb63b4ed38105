"""Policy: nothing talks to a pod, nor a pod to anything, unless a NetworkPolicy says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.pods import all_of, kind
from policies.resources import UNKNOWN, Finding, Resource, broken

PRIVILEGED = "pod-security.kubernetes.io/enforce"
"""Namespaces with this label at `privileged` are for agents of the node (device plugins). NetworkPolicies do not bind
pods in the node's own network (Kubernetes, network policies), and their traffic is their operator's."""

WAYS = ("Ingress", "Egress")
"""The directions that a NetworkPolicy can be about (networking.k8s.io/v1, `policyTypes`)."""


def namespaces_isolated(resources: Sequence[Resource]) -> Iterator[Finding]:
    """Every namespace denies by default what no NetworkPolicy allows; those of node agents excepted."""
    policies = [r for r in resources if kind(r) == "NetworkPolicy"]
    for namespace in (r for r in resources if kind(r) == "Namespace"):
        level = namespace.at("metadata", "labels", PRIVILEGED)
        if level.value == "privileged":
            continue
        missing = [way for way in WAYS if not any(_denies(p, namespace, way) is True for p in policies)]
        if not missing:
            continue
        maybe = next((p for way in missing for p in policies if _denies(p, namespace, way) is None), None)
        if maybe is not None or level.unknown:
            text = f"{maybe.name} is not all known" if maybe is not None else f"`{level.path}` is known"
            yield Finding(f"{text} before apply", namespace.name, "" if maybe else level.path, unknown=True)
        else:
            what = (
                "what"
                if missing == list(WAYS)
                else "incoming traffic that"
                if "Ingress" in missing
                else "outgoing traffic that"
            )
            yield broken(namespace, None, f"no NetworkPolicy denies {what} is not allowed")


def _denies(policy: Resource, namespace: Resource, way: str) -> bool | None:
    """Say whether a NetworkPolicy denies everything in the namespace that comes in (`Ingress`) or goes out (`Egress`);
    None if that is known only after apply."""
    ours, theirs = policy.at("metadata", "namespace").value, namespace.at("metadata", "name").value
    parts = [policy.at("spec", "podSelector", key) for key in ("matchLabels", "matchExpressions")]
    parts.append(policy.at("spec", way.lower()))
    answers = [
        None if UNKNOWN in (ours, theirs) else ours == theirs,
        policy.at("spec", "podSelector").value is not None,
        *(None if part.unknown else not part.value for part in parts),  # what is there takes pods out, or lets traffic
        _one_of(way, {view.value for view in policy.at("spec", "policyTypes").items()}),
    ]
    return all_of(answers)


def _one_of(way: str, types: set[object]) -> bool | None:
    return True if way in types else None if UNKNOWN in types else False
