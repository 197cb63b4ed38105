"""The VPC that a target's cluster lives in.

Nodes, all in the component `network`; a zone's nodes carry its name:
- `Vpc`, `InternetGateway`, `DefaultSecurityGroup` (without rules, so nothing works by accident of being
  in it);
- `Subnet` private-<zone> and public-<zone>;
- `Eip` and `NatGateway` <zone>, in the first zone or in every zone;
- `RouteTable`, `Route` and `RouteTableAssociation`: one table for all public subnets, one for each
  private subnet whether NAT is single or per zone, so that switching changes routes and adds or removes
  gateways, nothing else;
- `VpcEndpoint` s3: weights and image layers reach S3 without NAT.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Network
from typing import NamedTuple

from components import aws
from components.foundation import ids
from components.foundation.aws_resource import resource
from components.graph import Component, Node, Options, Ref
from components.part import Part
from components.resolve.platform import Aws, Platform

ZONE_LETTERS = "abcdef"
"""The letters that zones have in the catalog's regions (specs/catalog, regions.json, as of 2026-11-21)."""

_NAME_TAG = 256  # longest tag value, in characters (EC2 user guide, "Tag your Amazon EC2 resources")
_INTERNET = "0.0.0.0/0"
_GATEWAY = "network/InternetGateway/network"


class SubnetCidrs(NamedTuple):
    """The addresses of one zone's two subnets."""

    private: str
    public: str


def subnet_cidrs(cidr: str, zone: str) -> SubnetCidrs:
    """Return a zone's subnets in the VPC's network, by the zone's letter and by nothing else.

    So no zone's subnets move when zones come, go or change order. The VPC is cut into eight blocks: a to f
    have one each as private subnet, the seventh is cut into eight for the public subnets, the last is free.
    A /16 gives /19 and /22, a /20 gives /23 (507 addresses) and /26 (59 addresses): an Application Load
    Balancer wants a /27 or larger (Elastic Load Balancing user guide, read 2026-11-21).

    Raises:
        ValueError: the zone's letter is not one of a to f; the catalog has no such zone.

    Example:
        >>> subnet_cidrs("10.0.0.0/16", "us-east-1b")
        SubnetCidrs(private='10.0.32.0/19', public='10.0.196.0/22')
    """
    index = ZONE_LETTERS.index(zone[-1])
    blocks = list(IPv4Network(cidr).subnets(prefixlen_diff=3))
    public = list(blocks[6].subnets(prefixlen_diff=3))
    return SubnetCidrs(str(blocks[index]), str(public[index]))


def cluster_zones(target: Aws) -> tuple[str, ...]:
    """Return the zones of the control plane's network interfaces and of the system nodes: the first two.

    EKS refuses subnets in zones that a cluster was not made with (EKS user guide, "networking
    requirements for VPC and subnets", read 2026-11-21), and a node group is replaced when its subnets
    change. So a zone that comes later touches neither, as long as the first two stay. Two zones is the
    least that EKS takes; the control plane itself always runs in more.
    """
    return target.zones[:2]


def nat_zones(target: Aws) -> tuple[str, ...]:
    """Return the zones that have a NAT gateway: every zone, or the first that the spec names."""
    return target.zones if target.nat_per_zone else target.zones[:1]


def egress(target: Aws) -> tuple[str, ...]:
    """Return the ids that must exist before a node in a private subnet can reach the internet."""
    parts = ("public", *(f"private-{zone}" for zone in target.zones))
    routes = (f"network/Route/{part}" for part in parts)
    subnets = (f"{side}-{zone}" for zone in target.zones for side in ("private", "public"))
    return tuple(sorted((*routes, *(f"network/RouteTableAssociation/{subnet}" for subnet in subnets))))


def lower(platform: Platform) -> Part:
    """Return the VPC with its subnets, gateways and routes; nothing for an on-prem target."""
    target = platform.target
    if not isinstance(target, Aws):
        return Part()
    origin = f"targets.{target.name}.network"
    subnets = {zone: subnet_cidrs(target.cidr, zone) for zone in target.zones}
    nodes = (
        *_vpc(platform, target, origin),
        *_nat(platform, target, origin),
        *(n for zone, cidrs in subnets.items() for n in _zone(platform, target, origin, zone, cidrs)),
        *_endpoint(platform, target, origin),
    )
    component = Component(
        id="network",
        type="llmform:foundation:Network",
        origin=origin,
        reads=(origin, "protect", *(f"targets.{target.name}.{key}" for key in ("region", "zones", "protect"))),
        summary=(_summary(target),),
    )
    outputs = {
        "vpcId": Ref(ids.VPC, "id"),
        "vpcCidr": Ref(ids.VPC, "cidrBlock"),
        "privateSubnetIds": [Ref(ids.private_subnet(zone), "id") for zone in sorted(target.zones)],
    }
    return Part((component,), nodes, outputs)


def _summary(target: Aws) -> str:
    count = len(target.zones)
    zones = f"VPC {target.cidr}, {count} zones ({', '.join(target.zones)})"
    if target.nat_per_zone:
        return f"{zones}, {count} NAT gateways (one a zone)"
    more = f"`network.nat: per-zone` adds {count - 1}"
    return f"{zones}, 1 NAT gateway (one zone's failure cuts egress; {more})"


def _name(platform: Platform, *rest: str) -> dict[str, str]:
    return {"Name": aws.aws_name(platform, *rest, limit=_NAME_TAG)}


def _vpc(platform: Platform, target: Aws, origin: str) -> Iterator[Node]:
    make = partial(resource, platform, "network", origin)
    vpc = Ref(ids.VPC, "id")
    yield make(
        "aws:ec2/vpc:Vpc",
        "network",
        {
            "cidrBlock": target.cidr,
            "enableDnsHostnames": True,  # the cluster's private endpoint is a name in the VPC's DNS
            "enableDnsSupport": True,
            "tags": _name(platform),
        },
        # Another network means another cluster and other addresses for everything in it.
        options=Options(protect=target.protect),
    )
    # Empty lists, not left out: a rule that someone adds by hand is taken out again.
    yield make(
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "network",
        {"vpcId": vpc, "ingress": [], "egress": [], "tags": _name(platform, "default")},
    )
    yield make("aws:ec2/internetGateway:InternetGateway", "network", {"vpcId": vpc, "tags": _name(platform)})
    yield make("aws:ec2/routeTable:RouteTable", "public", {"vpcId": vpc, "tags": _name(platform, "public")})
    yield make(
        "aws:ec2/route:Route",
        "public",
        {
            "routeTableId": Ref("network/RouteTable/public", "id"),
            "destinationCidrBlock": _INTERNET,
            "gatewayId": Ref(_GATEWAY, "id"),
        },
    )


def _nat(platform: Platform, target: Aws, origin: str) -> Iterator[Node]:
    make = partial(resource, platform, "network", origin)
    for zone in nat_zones(target):
        tags = _name(platform, "nat", zone)
        # An address and a NAT gateway work only while the VPC has its internet gateway.
        yield make("aws:ec2/eip:Eip", f"nat-{zone}", {"domain": "vpc", "tags": tags}, needs=(_GATEWAY,))
        yield make(
            "aws:ec2/natGateway:NatGateway",
            zone,
            {
                "allocationId": Ref(f"network/Eip/nat-{zone}", "id"),
                "connectivityType": "public",
                "subnetId": Ref(f"network/Subnet/public-{zone}", "id"),
                "tags": tags,
            },
            needs=(_GATEWAY,),
        )


def _zone(platform: Platform, target: Aws, origin: str, zone: str, cidrs: SubnetCidrs) -> Iterator[Node]:
    make = partial(resource, platform, "network", origin)
    vpc = Ref(ids.VPC, "id")
    private, public = f"private-{zone}", f"public-{zone}"
    # The two role tags tell the AWS load balancer controller where to put load balancers, the third tells
    # Karpenter where to put nodes.
    roles = {
        private: {
            "kubernetes.io/role/internal-elb": "1",
            "karpenter.sh/discovery": aws.cluster_name(platform),
        },
        public: {"kubernetes.io/role/elb": "1"},
    }
    for subnet, cidr in ((private, cidrs.private), (public, cidrs.public)):
        yield make(
            "aws:ec2/subnet:Subnet",
            subnet,
            {
                "vpcId": vpc,
                "availabilityZone": zone,
                "cidrBlock": cidr,
                # Only load balancers and NAT gateways live in public subnets, and they bring their addresses.
                "mapPublicIpOnLaunch": False,
                "tags": _name(platform, subnet) | roles[subnet],
            },
        )
        table = private if subnet == private else "public"
        yield make(
            "aws:ec2/routeTableAssociation:RouteTableAssociation",
            subnet,
            {
                "subnetId": Ref(f"network/Subnet/{subnet}", "id"),
                "routeTableId": Ref(f"network/RouteTable/{table}", "id"),
            },
        )
    nat_zone = zone if target.nat_per_zone else nat_zones(target)[0]
    yield make("aws:ec2/routeTable:RouteTable", private, {"vpcId": vpc, "tags": _name(platform, private)})
    yield make(
        "aws:ec2/route:Route",
        private,
        {
            "routeTableId": Ref(f"network/RouteTable/{private}", "id"),
            "destinationCidrBlock": _INTERNET,
            "natGatewayId": Ref(f"network/NatGateway/{nat_zone}", "id"),
        },
    )


def _endpoint(platform: Platform, target: Aws, origin: str) -> Iterator[Node]:
    yield resource(
        platform,
        "network",
        origin,
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "s3",
        {
            "vpcId": Ref(ids.VPC, "id"),
            "serviceName": f"com.amazonaws.{target.region}.s3",
            "vpcEndpointType": "Gateway",
            "routeTableIds": [Ref(f"network/RouteTable/private-{zone}", "id") for zone in sorted(target.zones)],
            "tags": _name(platform, "s3"),
        },
    )
