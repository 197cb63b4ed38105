"""Policy: the cluster's API does not answer the whole internet."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from policies.resources import Finding, Resource, broken, cannot_say

SHORTEST = {4: 8, 6: 16}
"""The shortest prefix, by IP version, that can be somebody's network: IANA gives away IPv4 by the /8, and IPv6 by the
/12, but that to registries. So `0.0.0.0/1` is a half of the world and no network."""


def cluster_api_closed(resource: Resource) -> Iterator[Finding]:
    """The EKS API has no public address, or one for named networks only."""
    if resource.type != "aws:eks/cluster:Cluster":
        return
    public = resource.at("vpcConfig", "endpointPublicAccess")
    networks = resource.at("vpcConfig", "publicAccessCidrs")
    if public.value is False:
        return
    # EKS opens the API where `endpointPublicAccess` is absent, and to 0.0.0.0/0 where no network is named
    # (Amazon EKS API reference, VpcConfigRequest)
    open_to = [n for n in networks.items() if _of_many(n.value)]
    unknown = [v for v in (public, networks, *networks.items()) if v.unknown]
    if public.unknown or (unknown and not open_to):
        yield from cannot_say(resource, *unknown)
    elif open_to:
        wide = f"the cluster's API answers `{open_to[0].value}`, which is more than anybody's own network"
        yield broken(resource, open_to[0], wide)
    elif not networks.items():
        yield broken(resource, networks, "the cluster's API has a public address and names no network: it answers all")


def _of_many(network: object) -> bool:
    """Say whether a network is too wide to be anybody's. What is no network at all, EKS refuses."""
    try:
        found = ipaddress.ip_network(network, strict=False) if isinstance(network, str) else None
    except ValueError:
        return False
    return found is not None and found.prefixlen < SHORTEST[found.version]
