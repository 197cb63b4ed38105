"""The ids by which the providers import what exists: their forms, and the ids of nodes whose inputs say them.

Source of the forms: the import sections of the documentation of pulumi_aws 7.51.1, with which a test compares
them; of a Kubernetes object and a Helm release it is the place (documentation of pulumi_kubernetes).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from components.graph import Node, kubernetes_object

RELEASE = "kubernetes:helm.sh/v3:Release"

NAMED: Mapping[str, str] = {
    "aws:s3/bucket:Bucket": "bucket",
    "aws:iam/role:Role": "name",
    "aws:eks/cluster:Cluster": "name",
    "aws:cloudwatch/logGroup:LogGroup": "name",
    "aws:kms/alias:Alias": "name",
}
"""AWS types that are imported by their name, and the input that holds it."""


def _made_by_aws(prefix: str) -> tuple[re.Pattern[str], str]:
    return re.compile(rf"{prefix}-[0-9a-fA-F]{{8,17}}"), f"{prefix}-0123456789abcdef0"


_CLUSTER = r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}"
_QUEUE = re.compile(r"https://[A-Za-z0-9.-]+/[A-Za-z0-9]+/[A-Za-z0-9_-]+(\.fifo)?")
_QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/name"

FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "aws:ec2/vpc:Vpc": _made_by_aws("vpc"),
    "aws:ec2/subnet:Subnet": _made_by_aws("subnet"),
    "aws:ec2/internetGateway:InternetGateway": _made_by_aws("igw"),
    "aws:ec2/natGateway:NatGateway": _made_by_aws("nat"),
    "aws:ec2/routeTable:RouteTable": _made_by_aws("rtb"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _made_by_aws("vpce"),
    "aws:ec2/eip:Eip": _made_by_aws("eipalloc"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _made_by_aws("sg"),
    "aws:ec2/route:Route": (re.compile(r"rtb-[0-9a-fA-F]{8,17}_\S+"), "rtb-0123456789abcdef0_0.0.0.0/0"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (
        re.compile(r"(subnet|igw|vgw)-[0-9a-fA-F]{8,18}/rtb-[0-9a-fA-F]{8,17}"),
        "subnet-0123456789abcdef0/rtb-0123456789abcdef0",
    ),
    "aws:kms/key:Key": (re.compile(r"(mrk-)?[0-9a-f-]{32,36}"), "1234abcd-12ab-34cd-56ef-1234567890ab"),
    "aws:kms/alias:Alias": (re.compile(r"alias/[\w/-]+"), "alias/name"),
    "aws:eks/nodeGroup:NodeGroup": (re.compile(rf"{_CLUSTER}:[\w-]+"), "cluster:group"),
    "aws:eks/accessEntry:AccessEntry": (
        re.compile(rf"{_CLUSTER}:arn:aws[a-z-]*:iam::\S+"),
        "cluster:arn:aws:iam::123456789012:role/name",
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        re.compile(rf"{_CLUSTER},a-[0-9a-z]+"),
        "cluster,a-0123456789abcdefg",
    ),
    "aws:iam/rolePolicy:RolePolicy": (re.compile(r"[\w+=,.@-]+:[\w+=,.@-]+"), "role:policy"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        re.compile(r"[\w+=,.@-]+/arn:aws[a-z-]*:iam::\S+"),
        "role/arn:aws:iam::aws:policy/Name",
    ),
    "aws:sqs/queue:Queue": (_QUEUE, _QUEUE_URL),
    "aws:sqs/queuePolicy:QueuePolicy": (_QUEUE, _QUEUE_URL),
    "aws:cloudwatch/eventTarget:EventTarget": (re.compile(r"\S+/\S+"), "rule/target"),
}
"""AWS type → the form of its import id, and an example."""

_OBJECT = re.compile(r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/)?[^/\s]+")
"""`namespace/name`, or `name`; a name may have more signs than a namespace (RBAC)."""


def place(node: Node) -> tuple[str, str] | None:
    """Return namespace and name of a Kubernetes object or Helm release, the namespace empty where the kind has none;
    None of anything else."""
    if not kubernetes_object(node) and node.type != RELEASE:
        return None
    at = node.inputs["metadata"] if kubernetes_object(node) else node.inputs
    return str(at.get("namespace", "")), str(at["name"])


def own_id(node: Node) -> str:
    """Return the id that the provider gives the resource, or would; empty where only the cloud knows it."""
    at = place(node)
    if at is not None:
        return "/".join(part for part in at if part)
    name = node.inputs.get(NAMED.get(node.type, ""))
    return name if isinstance(name, str) else ""


def example(node: Node, import_id: str) -> str:
    """Return an example of the ids that the node's type has, if this one cannot be one; else an empty text."""
    at = place(node)
    if at is not None:
        return (
            ""
            if _OBJECT.fullmatch(import_id)
            else "/".join(part for part in ("namespace" if at[0] else "", "name") if part)
        )
    form, sample = FORMS.get(node.type, (None, ""))
    return "" if form is None or form.fullmatch(import_id) else sample
