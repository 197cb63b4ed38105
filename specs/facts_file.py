"""`foundation: {existing: FILE}`: what an existing network, cluster and roles are called, from a file beside the spec.

The file is one flat map, YAML or JSON, of the outputs that llmform's own foundation declares: what
`pulumi stack output --json` prints of such a stack is one. `OUTPUTS` is the one list of them.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from specs.diagnostics import Diagnostic, Label, Span
from specs.files import Files
from specs.finding import finding
from specs.load import Case
from specs.schema.base import NAME_PATTERN
from specs.schema.targets import AwsTarget
from specs.source import read_beside
from specs.suggest import did_you_mean
from specs.tree import Member, Path, Tree

Value = str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """An output of the foundation: what it is, the form of its value, and whether it is a list of such values."""

    about: str
    form: re.Pattern[str]
    example: str
    is_list: bool = False


_BUCKET = Output("the S3 bucket of the store", re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"), "acme-llm-weights")
BUCKET_PREFIX = "bucket."
"""`bucket.<store>` names the bucket of a store, `bucket.weights` the one for the models' weights.

A store that the spec does not have may have one: several environments, and several specs, can share a file.
"""
_BUCKET_KEY = re.compile(re.escape(BUCKET_PREFIX) + NAME_PATTERN.strip("^$"))

_ROLE_ARN = re.compile(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]{1,576}")

# Forms: the services' API references (EKS CreateCluster, EC2 resource ids, IAM CreateRole, SQS CreateQueue, S3 bucket
# naming rules), read 2026-11-21.
OUTPUTS: Mapping[str, Output] = {
    "clusterName": Output("the EKS cluster's name", re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}"), "shared"),
    "clusterArn": Output(
        "the EKS cluster's ARN",
        re.compile(r"arn:aws:eks:[a-z0-9-]+:\d{12}:cluster/[0-9A-Za-z][A-Za-z0-9_-]{0,99}"),
        "arn:aws:eks:us-east-1:123456789012:cluster/shared",
    ),
    "clusterEndpoint": Output(
        "the address of the cluster's API",
        re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?/?"),
        "https://0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com",
    ),
    "clusterCertificateAuthority": Output(
        "the API's certificate authority, in base64", re.compile(r"[A-Za-z0-9+/]+={0,2}"), "LS0tLS1CRUdJTg=="
    ),
    "clusterSecurityGroupId": Output(
        "the security group that EKS made for the cluster", re.compile(r"sg-[0-9a-f]{8,17}"), "sg-0123456789abcdef0"
    ),
    "nodeRoleName": Output(
        "the name of the IAM role of the nodes that Karpenter starts", re.compile(r"[\w+=,.@-]{1,64}"), "shared-node"
    ),
    "nodeRoleArn": Output("the ARN of that role", _ROLE_ARN, "arn:aws:iam::123456789012:role/shared-node"),
    "nodeGroupRoleArn": Output(
        "the ARN of the IAM role of managed node groups", _ROLE_ARN, "arn:aws:iam::123456789012:role/shared-group"
    ),
    "interruptionQueue": Output(
        "the name of the queue from which Karpenter learns of interruptions",
        re.compile(r"[A-Za-z0-9_-]{1,80}"),
        "shared-interruption",
    ),
    "vpcId": Output("the VPC", re.compile(r"vpc-[0-9a-f]{8,17}"), "vpc-0123456789abcdef0"),
    "vpcCidr": Output("the VPC's addresses", re.compile(r"\d{1,3}(\.\d{1,3}){3}/\d{1,2}"), "10.0.0.0/16"),
    "privateSubnetIds": Output(
        "the private subnets that nodes may be in",
        re.compile(r"subnet-[0-9a-f]{8,17}"),
        "subnet-0123456789abcdef0",
        is_list=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """The value of an output, and where it stands."""

    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file of one target says, by output."""

    file: str
    outputs: Mapping[str, Fact]


def output(name: str) -> Output | None:
    """Return what an output is, or None if a foundation has none of that name."""
    return _BUCKET if _BUCKET_KEY.fullmatch(name) else OUTPUTS.get(name)


def read_facts(case: Case, files: Files, spec_file: str) -> tuple[Facts | None, tuple[Diagnostic, ...]]:
    """Return the facts of the case's target, or None if it has its own foundation; and what is wrong with the file."""
    target = case.spec.targets[case.target]
    if not isinstance(target, AwsTarget) or target.foundation is None:
        return None, ()
    path: Path = ("targets", case.target, "foundation", "existing")
    name = target.foundation.existing
    data = files.read(name) if inside(name) else None
    if data is None:
        message = f"`{name}` is no file in the spec's folder, nor in one below it"
        advice = "`llmform facts --from-terraform FILE -o FILE` drafts one from Terraform, `--from-stack` from Pulumi"
        if not inside(name):
            message, advice = f"`{name}` {OUTSIDE}", "put the file beside the spec"
        return None, (finding(case, "facts-missing", path, message, help=advice),)
    shown = str(PurePosixPath(spec_file).parent / name)
    tree, wrong = read_beside(data, shown, "a map of outputs", "clusterName: shared")
    if tree is None:
        return None, wrong
    found = [*wrong, *_problems(case, tree)]
    outputs = {key: Fact(_value(member.tree), member.tree.span) for key, member in tree.members.items()}
    facts = Facts(shown, outputs)
    if not found:
        found.extend(_mismatches(case, target, facts))
    return facts, tuple(found)


OUTSIDE = "leads out of the spec's folder, or names it by `..`"


def inside(name: str) -> bool:
    """Say whether the path of a file that a spec names stays in the spec's folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _value(tree: Tree) -> Value:
    if isinstance(tree.value, tuple):
        return tuple(str(item.value) for item in tree.value)
    return str(tree.value)


def _problems(case: Case, tree: Tree) -> Iterator[Diagnostic]:
    for name, member in tree.members.items():
        known = output(name)
        if known is None:
            buckets = [f"{BUCKET_PREFIX}{store}" for store in (*case.spec.stores, "weights")]
            yield Diagnostic(
                "unknown-key",
                f"unknown key `{name[:100]}`",
                member.key,
                name,
                label="not an output of a foundation",
                help=did_you_mean(name, [*OUTPUTS, *buckets], "outputs"),
            )
        else:
            yield from _wrong(name, known, member)


def _wrong(name: str, known: Output, member: Member) -> Iterator[Diagnostic]:
    tree = member.tree
    items = tree.value if isinstance(tree.value, tuple) else (tree,)
    if known.is_list != isinstance(tree.value, tuple) or not all(isinstance(i.value, str) for i in items) or not items:
        what = "a list of texts" if known.is_list else "text"
        example = f"[{known.example}]" if known.is_list else known.example
        message = f"`{name}` must be {what}, {known.about}"
        yield Diagnostic("wrong-type", message, tree.span, name, help=f"for example `{name}: {example}`")
        return
    for item in items:
        text = str(item.value)
        if not known.form.fullmatch(text) or not _FURTHER.get(name, str)(text):
            message = f"`{text[:100]}` cannot be {known.about}"
            yield Diagnostic("bad-value", message, item.span, name, help=f"for example `{known.example}`")
    first: dict[str, Tree] = {}
    for item in items:
        if first.setdefault(str(item.value), item) is not item:
            message = f"`{str(item.value)[:100]}` is there twice"
            yield Diagnostic("bad-value", message, item.span, name, help="keep one of them")


def _network(text: str) -> bool:
    try:
        return str(ipaddress.IPv4Network(text)) == text
    except ValueError:
        return False


def _base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False


_FURTHER: Mapping[str, Callable[[str], object]] = {"vpcCidr": _network, "clusterCertificateAuthority": _base64}
"""What a pattern cannot say of an output's value."""


def _mismatches(case: Case, target: AwsTarget, facts: Facts) -> Iterator[Diagnostic]:
    """Yield what contradicts the cluster's ARN: the file of another place was named, or edited in one line alone."""
    arn = facts.outputs.get("clusterArn")
    if arn is None:
        return
    _, _, _, region, account, cluster = str(arn.value).split(":")
    help = "name the facts file of this target, or correct what is wrong"
    for key, there, here in (("region", region, target.region), ("account", account, target.account or account)):
        if there != here:
            message = f"`{case.target}` is in {key} `{here}`, and the cluster of its facts file is in `{there}`"
            related = (Label(arn.span, "the cluster's ARN"),)
            yield finding(case, "facts-mismatch", ("targets", case.target, key), message, help=help, related=related)
    for key, known in facts.outputs.items():
        if OUTPUTS.get(key) is not None and OUTPUTS[key].form is _ROLE_ARN:
            there = str(known.value).split(":")[4]
            if there != account:
                message = f"`{key}` is a role of account `{there}`, and the cluster is in `{account}`"
                related = (Label(arn.span, "the cluster's ARN"),)
                yield Diagnostic("facts-mismatch", message, known.span, key, help=help, related=related)
    role, own = facts.outputs.get("nodeRoleArn"), facts.outputs.get("nodeRoleName")
    if role is not None and own is not None and str(role.value).rpartition("/")[2] != own.value:
        message = (
            f"`nodeRoleName` is `{own.value}`, and `nodeRoleArn` is the role `{str(role.value).rpartition('/')[2]}`"
        )
        related = (Label(role.span, "the role's ARN"),)
        yield Diagnostic("facts-mismatch", message, own.span, "nodeRoleName", help=help, related=related)
    name = facts.outputs.get("clusterName")
    if name is not None and f"cluster/{name.value}" != cluster:
        message = f"`clusterName` is `{name.value}`, and the cluster's ARN ends in `{cluster}`"
        related = (Label(arn.span, "the cluster's ARN"),)
        yield Diagnostic("facts-mismatch", message, name.span, "clusterName", help=help, related=related)
