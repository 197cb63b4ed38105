"""A foundation that exists: which of its outputs the other layers need, and for what.

No nodes: network, cluster and roles stay their owner's. `docs/reference/facts-file.md` is the contract.
"""

from __future__ import annotations

from collections.abc import Iterator

from components.resolve.platform import Aws, Platform, Pool
from specs.facts_file import BUCKET_PREFIX

CLUSTER = ("clusterName", "clusterArn", "clusterEndpoint", "clusterCertificateAuthority")
"""What the Kubernetes provider is made of."""


def needs(platform: Platform) -> Iterator[tuple[str, str]]:
    """Yield each output that the platform takes from its foundation, with the spec path that needs it.

    `nodeRoleArn` and `vpcId` are declared for what reads a foundation's stack beside llmform; nothing here needs them.
    """
    target = platform.target
    if not isinstance(target, Aws):
        return
    path = f"targets.{target.name}"
    yield from ((name, path) for name in CLUSTER)
    if target.karpenter_managed:
        yield "interruptionQueue", f"{path}.addons.karpenter"
    for pool in platform.pools:
        yield from ((name, f"nodePools.{pool.name}") for name in _pool(pool))
    for store in platform.stores:
        if not store.holds_weights:
            yield f"{BUCKET_PREFIX}{store.name}", f"stores.{store.name}"
    for weights in platform.weights:
        yield f"{BUCKET_PREFIX}weights", f"models.{weights.model}"
        yield "vpcCidr", f"models.{weights.model}"  # the mirror reaches everything but the VPC
    for server in (s for s in platform.servers if not s.weights.baked):
        yield "vpcCidr", f"serving.{server.name}"


def _pool(pool: Pool) -> tuple[str, ...]:
    started = ("nodeRoleName", "clusterSecurityGroupId") if pool.maximum > pool.minimum else ()
    kept = ("nodeGroupRoleArn",) if pool.minimum else ()
    return (*started, *kept, "privateSubnetIds")


def missing(platform: Platform) -> dict[str, tuple[str, ...]]:
    """Return the needed outputs that the facts file does not have, each with the spec paths that need it."""
    target = platform.target
    if not isinstance(target, Aws) or target.existing is None:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for name, path in needs(platform):
        if name not in target.existing.outputs:
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), path)))
    return found
