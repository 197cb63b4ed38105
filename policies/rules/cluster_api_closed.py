"""Policy: the cluster's API does not answer the whole internet."""

from __future__ import annotations

from collections.abc import Iterator

from policies.resources import Finding, Resource, broken, cannot_say

WORLD = {"0.0.0.0/0", "::/0"}


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
    open_to = [n for n in networks.items() if n.value in WORLD]
    unknown = [v for v in (public, networks, *networks.items()) if v.unknown]
    if public.unknown or (unknown and not open_to):
        yield from cannot_say(resource, *unknown)
    elif open_to:
        yield broken(resource, open_to[0], f"the cluster's API answers `{open_to[0].value}`")
    elif not networks.items():
        yield broken(resource, networks, "the cluster's API has a public address and names no network: it answers all")
