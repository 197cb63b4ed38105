"""`targets`: the places where the platform runs."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from specs.schema.base import LABEL_VALUE_PATTERN, Flag, Name, Section, Text, Whole, problem, unit
from specs.units import bytes_, duration

# the pattern is for editors; `network_of` says more
Cidr = Annotated[Text, Field(json_schema_extra={"pattern": r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$"})]


def network_of(value: str) -> ipaddress.IPv4Network:
    """Return the network of a CIDR; a host address with a prefix (`10.0.0.1/16`) is an error that says the network."""
    try:
        network = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        advice = "write one such as `10.0.0.0/16`"
        raise problem("bad-cidr", f"`{value[:100]}` is not an IPv4 network", advice) from None
    if "/" not in value:
        raise problem("bad-cidr", f"`{value}` has no prefix", f"write `{value}/16`, or `{network}` for one address")
    if str(network) != value:
        raise problem("bad-cidr", f"`{value}` is an address inside a network", f"the network is `{network}`")
    return network


def _not_the_world(value: str) -> str:
    if network_of(value).prefixlen == 0:
        raise problem(
            "open-cluster-api",
            f"`{value}` opens the cluster's API to the whole internet",
            "give the networks that your people and pipelines come from",
        )
    return value


class Network(Section):
    """The VPC."""

    cidr: Cidr = "10.0.0.0/16"
    """The VPC's addresses, between /16 and /20. Default: 10.0.0.0/16."""

    nat: Literal["single", "per-zone"] = "single"
    """NAT gateways: one for all zones (one zone's failure cuts egress), or one a zone. Default: single."""

    @field_validator("cidr")
    @classmethod
    def _private_range(cls, value: str) -> str:
        network = network_of(value)
        if not 16 <= network.prefixlen <= 20:
            raise problem(
                "bad-cidr",
                f"`{value}` is a /{network.prefixlen}: the VPC needs a prefix between /16 and /20",
                f"for example `{network.network_address}/16`",
            )
        return value


class Api(Section):
    """Who can reach and administer the cluster's API."""

    allow: tuple[Annotated[Cidr, AfterValidator(_not_the_world)], ...] = ()
    """Networks that may reach the API's public address. Default: none; the API then has only its private address in
    the VPC."""

    admins: tuple[Annotated[Text, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+$")], ...] = ()
    """ARNs of IAM roles or users that administer the cluster, beside the identity that creates it."""


class Foundation(Section):
    """A foundation that exists: llmform makes no network, cluster, role or bucket at this target."""

    existing: Annotated[Text, Field(min_length=1, max_length=1000)]
    """The facts file beside the spec, such as `facts/us-east-1.yaml`; `llmform facts` drafts it."""


Delivery = Literal["pulumi", "gitops"]

PriceFile = Annotated[Text, Field(min_length=1, max_length=1000)]


_AwsAddon = Literal["default", "karpenter", "nvidia-device-plugin", "lws", "kserve", "efa-device-plugin"]
_OnPremAddon = Literal["default", "gpu-operator", "lws", "kserve"]


class AwsTarget(Section):
    """An AWS region with an EKS cluster of its own."""

    provider: Literal["aws"]
    """Where it is: `aws`."""

    region: Text
    """The AWS region, such as `us-east-1`."""

    account: Annotated[Text, Field(pattern=r"^\d{12}$")] | None = None
    """The AWS account id, 12 digits in quotes. The provider refuses any other account."""

    zones: Annotated[Whole, Field(ge=2, le=6)] | Annotated[tuple[Text, ...], Field(min_length=2, max_length=6)] = 3
    """Availability zones: how many, or which, such as `[us-east-1a, us-east-1b]`. Default: 3."""

    network: Network = Network.model_construct(cidr="10.0.0.0/16", nat="single")
    """The VPC."""

    api: Api = Api.model_construct(allow=(), admins=())
    """Who can reach and administer the cluster's API."""

    foundation: Foundation | None = None
    """Network, cluster and roles that exist already. Default: llmform makes them."""

    protect: Flag | None = None
    """Refuse to delete VPC, cluster and keys until an apply with `false` has come before. Default: the spec's
    `protect`."""

    delivery: Delivery = "pulumi"
    """Who applies the Kubernetes layers: `pulumi`, or `gitops`, and then `pulumi up` refuses them. Default: pulumi."""

    addons: dict[_AwsAddon, Literal["managed", "existing"]] = Field(default_factory=dict)
    """Operators that llmform installs (`managed`) or that are there (`existing`), one by one or all at once. `kserve`
    and `efa-device-plugin` can only be there."""

    prices: PriceFile | None = None
    """The price sheet of this target, a file beside the spec. Default: the catalog's list prices, which are those of
    us-east-1, and none for nodes of one's own."""

    overlay: dict[Text, Any] = Field(default_factory=dict)
    """What differs at this target."""

    @field_validator("addons", mode="before")
    @classmethod
    def _all_at_once(cls, value: Any) -> Any:
        return {"default": value} if isinstance(value, str) else value


class Storage(Section):
    """Storage classes of the cluster."""

    shared: Annotated[Text, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
    """The StorageClass for volumes that many nodes mount (ReadWriteMany): it holds the weights."""


class OnPremTarget(Section):
    """A Kubernetes cluster that exists, with nodes that carry the pools' labels and taints."""

    provider: Literal["on-prem"]
    """Where it is: `on-prem`."""

    kube_context: Annotated[Text, Field(min_length=1, max_length=253)]
    """The kubeconfig context of the cluster."""

    storage: Storage
    """Storage classes of the cluster."""

    delivery: Delivery = "pulumi"
    """Who applies the stacks: `pulumi`, or `gitops`, and then `pulumi up` refuses them. Default: pulumi."""

    addons: dict[_OnPremAddon, Literal["managed", "existing"]] = Field(default_factory=dict)
    """Operators that llmform installs (`managed`) or that are there (`existing`), one by one or all at once. `kserve`
    can only be there."""

    prices: PriceFile | None = None
    """The price sheet of this target, a file beside the spec. Default: the catalog's list prices, which are those of
    us-east-1, and none for nodes of one's own."""

    overlay: dict[Text, Any] = Field(default_factory=dict)
    """What differs at this target."""

    @field_validator("addons", mode="before")
    @classmethod
    def _all_at_once(cls, value: Any) -> Any:
        return {"default": value} if isinstance(value, str) else value


class Site(Section):
    """One site: a k3s cluster, in most cases of one box."""

    name: Name
    """The site's name: part of the names of its stacks."""

    kube_context: Annotated[Text, Field(min_length=1, max_length=253)]
    """The kubeconfig context of the site's cluster."""

    zone: Annotated[Text, Field(pattern=LABEL_VALUE_PATTERN, min_length=1)]
    """What the site belongs to, such as `de-south`: the label `llmform.dev/zone` of its namespace."""


class SitesFile(Section):
    """A table of sites beside the spec."""

    file: Annotated[Text, Field(min_length=1, max_length=1000)]
    """A CSV file with a header and the columns name, kubeContext, zone, such as `shops.csv`."""


class Cache(Section):
    """Room on the box's own disk."""

    models: Annotated[int, unit(bytes_), Field(ge=1)]
    """Room for weights, such as `20Gi`: those that are served and, during a change, the next ones beside them."""


class Offline(Section):
    """How long a site may be without its upstream."""

    max: Annotated[int, unit(duration), Field(ge=1)]
    """The longest time, such as `72h`. A site serves on; what needs the upstream waits that long before it fails."""


class UpstreamCredentials(Section):
    """How a site signs in to its upstream's store of weights."""

    secret: Annotated[Text, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
    """Name of the Kubernetes Secret in the site's namespace, with the keys `AWS_ACCESS_KEY_ID` and
    `AWS_SECRET_ACCESS_KEY`."""


class EdgeTarget(Section):
    """Many sites with the same servers: k3s, in most cases on one box a site. Each site has stacks of its own."""

    provider: Literal["edge"]
    """Where it is: `edge`."""

    sites: SitesFile | Annotated[tuple[Site, ...], Field(min_length=1)]
    """The sites: a list, or `{file: shops.csv}`."""

    upstream: Name | None = None
    """The AWS target whose store of weights the sites fetch from. Default: none; each site fetches from the hub."""

    credentials: UpstreamCredentials | None = None
    """How a site signs in to the upstream. Default: the Secret `<upstream>-weights`."""

    cache: Cache
    """Room on the box's own disk."""

    offline: Offline | None = None
    """How long a site may be without its upstream. Default: 24h."""

    arch: Literal["amd64", "arm64"] | None = None
    """The boxes' processors. Default: either; images have to be built for both."""

    require: tuple[Annotated[Text, Field(min_length=1, max_length=200)], ...] = ()
    """Spec paths that must hold here in full, such as `serving.shop.replicas`: what a site cannot do is an error
    there, and a warning elsewhere."""

    delivery: Delivery = "pulumi"
    """Who applies the stacks: `pulumi`, or `gitops`, and then `pulumi up` refuses them. Default: pulumi."""

    prices: PriceFile | None = None
    """The price sheet of this target, a file beside the spec. Default: the catalog's list prices, which are those of
    us-east-1, and none for nodes of one's own."""

    overlay: dict[Text, Any] = Field(default_factory=dict)
    """What differs at this target."""


Target = Annotated[AwsTarget | OnPremTarget | EdgeTarget, Field(discriminator="provider")]


class Environment(Section):
    """A set of targets plus what differs there."""

    targets: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The targets of this environment. Default: all."""

    overlay: dict[Text, Any] = Field(default_factory=dict)
    """What differs in this environment."""
