"""Policy: nothing talks to a pod, nor a pod to anything, unless a NetworkPolicy says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.pods import kind
from policies.resources import UNKNOWN, Finding, Resource, broken

PRIVILEGED = "pod-security.kubernetes.io/enforce"
"""Namespaces with this label at `privileged` are for agents of the node (device plugins). NetworkPolicies do not bind
pods in the node's own network (Kubernetes, network policies), and their traffic is their operator's."""


def namespaces_isolated(resources: Sequence[Resource]) -> Iterator[Finding]:
    """Every namespace denies by default what no NetworkPolicy allows; those of node agents excepted."""
    policies = [r for r in resources if kind(r) == "NetworkPolicy"]
    for namespace in (r for r in resources if kind(r) == "Namespace"):
        level = namespace.at("metadata", "labels", PRIVILEGED)
        if level.value == "privileged":
            continue
        answers = [(policy, _denies(policy, namespace)) for policy in policies]
        if any(answer is True for _, answer in answers):
            continue
        maybe = next((policy for policy, answer in answers if answer is None), None)
        if maybe is not None or level.unknown:
            text = f"{maybe.name} is not all known" if maybe is not None else f"`{level.path}` is known"
            yield Finding(f"{text} before apply", namespace.name, "" if maybe else level.path, unknown=True)
        else:
            yield broken(namespace, None, "no NetworkPolicy denies what is not allowed")


def _denies(policy: Resource, namespace: Resource) -> bool | None:
    """Say whether a NetworkPolicy denies everything in the namespace; None if that is known only after apply."""
    ours, theirs = policy.at("metadata", "namespace").value, namespace.at("metadata", "name").value
    parts = [policy.at("spec", "podSelector", key) for key in ("matchLabels", "matchExpressions")]
    parts += [policy.at("spec", key) for key in ("ingress", "egress")]
    answers = [
        None if UNKNOWN in (ours, theirs) else ours == theirs,
        policy.at("spec", "podSelector").value is not None,
        *(
            None if part.unknown else not part.value for part in parts
        ),  # what is there takes pods out, or lets traffic in
        _both_ways({view.value for view in policy.at("spec", "policyTypes").items()}),
    ]
    if False in answers:
        return False
    return None if None in answers else True


def _both_ways(types: set[object]) -> bool | None:
    return True if {"Ingress", "Egress"} <= types else None if UNKNOWN in types else False
