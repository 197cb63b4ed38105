"""Labels that somebody else sets: llmform, Kubernetes or Karpenter."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case

OBJECTS = {"llmform.dev": "llmform", "app.kubernetes.io": "llmform"}
"""Domains of labels that every object gets, and who sets them."""

NODES = {
    "llmform.dev": "llmform",
    "karpenter.sh": "Karpenter",
    "karpenter.k8s.aws": "Karpenter",
    "kubernetes.io": "Kubernetes",
}
"""Domains of labels of nodes. Karpenter's NodePool refuses its own and `kubernetes.io/hostname` (CRD karpenter.sh/v1,
release 1.14.1); the others of `kubernetes.io` say what the node is (kubernetes.io, "Well-Known Labels")."""


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield labels that would be overwritten, or that no node could have."""
    for key in case.spec.labels:
        if (owner := _owner(key, OBJECTS)) is not None:
            yield _reserved(case, ("labels", key), key, owner)
    for name, pool in case.spec.node_pools.items():
        for key in pool.labels:
            if (owner := _owner(key, NODES)) is not None:
                yield _reserved(case, ("nodePools", name, "labels", key), key, owner)


def _owner(key: str, domains: dict[str, str]) -> str | None:
    domain, slash, _ = key.partition("/")
    return domains.get(domain) if slash else None


def _reserved(case: Case, path: tuple[str, ...], key: str, owner: str) -> Diagnostic:
    help = "use a domain of your own, such as `team.example/…`"
    return finding(case, "reserved-label", path, f"the label `{key}` is set by {owner}", help=help, key=True)
