"""What AWS resources beside nodes cost: a table by type. What is in no table is listed as not priced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from components.graph import Node
from stacks.compilation import CompiledStack
from stacks.cost.place import Place, inside, whole
from stacks.cost.values import HOURS_A_MONTH, MILLIONTH, Line, Range, Unpriced

GIB = Decimal(2**30)
"""Bytes of a `GB` on AWS's bill (Amazon S3 pricing: 1 GB = 2³⁰ bytes)."""

Found = Iterator[Line | Unpriced]


def resources_of(place: Place) -> Found:
    """Yield every resource of a place that costs something by itself."""
    for stack, node in place.nodes():
        rule = _RULES.get(node.type)
        if rule is not None:
            yield from rule(place, stack, node)
        elif node.component.startswith("manifests.") and _pods(node):
            reason = "nodes are counted for model servers alone"
            yield _unpriced(place, stack, node, f"nodes for the pods of {node.id.partition('/')[2]}", reason)
        elif node.type.startswith("aws:") and node.type not in FREE and node.type not in _NODES:
            yield _unpriced(place, stack, node, node.type.rpartition(":")[2], "no price of this type is known")


def _line(
    place: Place,
    stack: CompiledStack,
    node: Node,
    service: str,
    item: str,
    units: Decimal,
    quantity: str,
    model: str = "",
) -> Line | Unpriced:
    """Return what a service costs that is there all month whatever happens."""
    price = place.rates.service(service)
    if price is None:
        return _unpriced(place, stack, node, item, place.rates.no_price())
    cost = (price.usd * units).quantize(MILLIONTH)
    where = place.where(node.origin)
    monthly = Range(cost, cost, cost)
    return Line(stack.name, node.component, node.origin, where, model, item, quantity, price, monthly)


def _unpriced(
    place: Place, stack: CompiledStack, node: Node, item: str, reason: str, *, by_use: bool = False
) -> Unpriced:
    return Unpriced(stack.name, node.component, node.origin, place.where(node.origin), item, reason, by_use)


def _hourly(service: str, item: str, *usage: str) -> Callable[[Place, CompiledStack, Node], Found]:
    """Return the rule of something that is paid by the hour; `usage` is what comes on top of it."""

    def rule(place: Place, stack: CompiledStack, node: Node) -> Found:
        yield _line(place, stack, node, service, item, HOURS_A_MONTH, "730 hours")
        for what in usage:
            yield _unpriced(place, stack, node, what, "it depends on the traffic", by_use=True)

    return rule


def _usage(item: str, reason: str) -> Callable[[Place, CompiledStack, Node], Found]:
    """Return the rule of something that is paid by use alone."""

    def rule(place: Place, stack: CompiledStack, node: Node) -> Found:
        yield _unpriced(place, stack, node, item, reason, by_use=True)

    return rule


def _cluster(place: Place, stack: CompiledStack, node: Node) -> Found:
    standard = inside(node.inputs, "upgradePolicy", "supportType") == "STANDARD"
    yield _line(place, stack, node, "eks-cluster", "EKS control plane", HOURS_A_MONTH, "730 hours")
    if not standard:
        reason = "nothing keeps the cluster out of it: `upgradePolicy` is not STANDARD"
        yield _unpriced(place, stack, node, "EKS extended support", reason)


def _key(place: Place, stack: CompiledStack, node: Node) -> Found:
    yield _line(place, stack, node, "kms-key", "KMS key", Decimal(1), "1 key")
    yield _unpriced(place, stack, node, "KMS requests", "they depend on the traffic", by_use=True)


def _endpoint(place: Place, stack: CompiledStack, node: Node) -> Found:
    if node.inputs.get("vpcEndpointType", "Gateway") != "Gateway":  # a gateway endpoint is free (Amazon VPC user guide)
        yield _unpriced(place, stack, node, "VPC interface endpoint", "no price of this type is known")


def _bucket(place: Place, stack: CompiledStack, node: Node) -> Found:
    if node.component != "stores.weights" or node.origin != "models":
        yield _unpriced(place, stack, node, f"S3 of {node.component}", "what it will hold is not known", by_use=True)
        return
    stored: set[tuple[Any, ...]] = set()  # two models of one revision have one copy of its weights
    for path, known in place.values.items():
        name, _, key = path.removeprefix("models.").rpartition(".")
        if path.startswith("models.") and key == "size" and name and place.value(f"models.{name}.weights") != "baked":
            copy = tuple(place.value(f"models.{name}.{part}") for part in ("source", "revision", "file"))
            if copy in stored and copy[0] is not None:
                continue
            stored.add(copy)
            size = Decimal(whole(known.value)) / GIB
            if not size:
                yield _unpriced(place, stack, node, f"S3, weights of {name}", "their size is not known")
                continue
            yield _line(place, stack, node, "s3-standard", f"S3, weights of {name}", size, f"{size:.1f} GiB", name)
    yield _unpriced(place, stack, node, "S3 requests", "they depend on the traffic", by_use=True)


def _pods(node: Node) -> bool:
    """Say whether an object of one's own makes pods that run all the time."""
    template = inside(node.inputs, "spec", "template", "spec", "containers")
    return node.type.startswith("kubernetes:") and bool(template) and not node.type.endswith(":Job")


def _service(place: Place, stack: CompiledStack, node: Node) -> Found:
    if inside(node.inputs, "spec", "type") == "LoadBalancer":
        yield _unpriced(place, stack, node, "load balancer", "no price of it is known, and it depends on the traffic")


def _claim(place: Place, stack: CompiledStack, node: Node) -> Found:
    size = inside(node.inputs, "spec", "resources", "requests", "storage")
    yield _unpriced(
        place, stack, node, f"volume of {size or 'unknown size'}", "what its storage class costs is not known"
    )


_RULES: Mapping[str, Callable[[Place, CompiledStack, Node], Found]] = {
    "aws:eks/cluster:Cluster": _cluster,
    "aws:ec2/natGateway:NatGateway": _hourly("nat-gateway", "NAT gateway", "data through the NAT gateway"),
    "aws:ec2/eip:Eip": _hourly("public-ipv4", "public IPv4 address"),
    "aws:kms/key:Key": _key,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:ec2/vpc:Vpc": _usage("data transfer", "it depends on the traffic"),
    "aws:budgets/budget:Budget": _usage("AWS Budgets", "no price of it is known"),
    "aws:sqs/queue:Queue": _usage("SQS requests", "they depend on what happens to nodes"),
    "aws:cloudwatch/logGroup:LogGroup": _usage("control plane logs", "they depend on what happens in the cluster"),
    "kubernetes:core/v1:Service": _service,
    "kubernetes:core/v1:PersistentVolumeClaim": _claim,
}
"""How types are priced. A new one is a line here."""

_NODES = frozenset({"aws:eks/nodeGroup:NodeGroup", "aws:ec2/launchTemplate:LaunchTemplate"})
"""Priced as pools (`nodes.py`)."""

FREE = frozenset(
    {
        "aws:cloudwatch/eventRule:EventRule",  # events of AWS services are free (Amazon EventBridge pricing)
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/subnet:Subnet",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "aws:eks/addon:Addon",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:kms/alias:Alias",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:sqs/queuePolicy:QueuePolicy",
    }
)
"""Types of resources that AWS does not bill: settings of others, and rights."""
