"""A draft of a facts file, from the state of what made the foundation: Terraform or Pulumi. Pure.

What a resource says by itself is taken; what several could be is not chosen but listed, as a comment. `OUTPUTS` of
`specs/facts_file.py` is the one list of what a facts file can hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from specs.facts_file import BUCKET_PREFIX, OUTPUTS, output

NEEDED_BY: Mapping[str, str] = {
    "clusterName": "every stack",
    "clusterArn": "every stack",
    "clusterEndpoint": "every stack",
    "clusterCertificateAuthority": "every stack",
    "clusterSecurityGroupId": "node pools that Karpenter starts",
    "nodeRoleName": "node pools that Karpenter starts",
    "nodeRoleArn": "nothing of llmform",
    "nodeGroupRoleArn": "node pools with `min` above 0",
    "interruptionQueue": "Karpenter, unless `addons.karpenter: existing`",
    "vpcId": "nothing of llmform",
    "vpcCidr": "models and model servers",
    "privateSubnetIds": "node pools",
    "bucket.weights": "models",
}
"""Who needs an output (`components/foundation/existing.py`, in words)."""

# Names of outputs that mean the same: those of the modules terraform-aws-modules/eks, with its submodule karpenter, and
# vpc (their outputs.tf, read 2026-11-21). The module's `cluster_security_group_id` is a group of its own and not the
# one EKS made.
NAMES: Mapping[str, tuple[str, ...]] = {
    "clusterName": ("cluster_name",),
    "clusterArn": ("cluster_arn",),
    "clusterEndpoint": ("cluster_endpoint",),
    "clusterCertificateAuthority": ("cluster_certificate_authority_data",),
    "clusterSecurityGroupId": ("cluster_primary_security_group_id",),
    "interruptionQueue": ("queue_name",),
    "vpcId": ("vpc_id",),
    "vpcCidr": ("vpc_cidr_block",),
    "privateSubnetIds": ("private_subnets",),
}

_AMBIGUOUS = ("node_iam_role_name", "node_iam_role_arn")
_WHOSE_NODES = "`node_iam_role_name` can be the role of Karpenter's nodes or of EKS Auto Mode's: yours to say"
"""Outputs of one name in the module eks, where it is Auto Mode's, and in its submodule karpenter."""

_TERRAFORM = {  # Pulumi's type → Terraform's
    "aws:eks/cluster:Cluster": "aws_eks_cluster",
    "aws:eks/nodeGroup:NodeGroup": "aws_eks_node_group",
    "aws:eks/accessEntry:AccessEntry": "aws_eks_access_entry",
    "aws:ec2/vpc:Vpc": "aws_vpc",
    "aws:ec2/subnet:Subnet": "aws_subnet",
    "aws:iam/role:Role": "aws_iam_role",
    "aws:sqs/queue:Queue": "aws_sqs_queue",
    "aws:cloudwatch/eventTarget:EventTarget": "aws_cloudwatch_event_target",
    "aws:s3/bucket:Bucket": "aws_s3_bucket",
    "aws:s3/bucketV2:BucketV2": "aws_s3_bucket",
}


class NoState(ValueError):
    """The text is none of the forms that are read; the message says which are."""


@dataclass
class Draft:
    """What was found: values by output, and for the others why there is none."""

    values: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """The outputs that were not found, in the order of the file."""
        return tuple(name for name in NEEDED_BY if name not in self.values)


@dataclass(frozen=True, slots=True)
class _Resource:
    type: str
    attributes: Mapping[str, Any]

    def get(self, *path: str | int) -> Any:
        """Return an attribute by its Terraform name; Pulumi has the same in camelCase."""
        value: Any = self.attributes
        for part in path:
            if isinstance(part, int):  # a block: a list in Terraform, in Pulumi a map if there can be only one
                value = value[part] if isinstance(value, Sequence) and len(value) > part else value
            elif isinstance(value, Mapping):
                value = value.get(part, value.get(_camel(part)))
            else:
                return None
        return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def from_terraform(text: str, cluster: str = "") -> Draft:
    """Return what `terraform show -json`, `terraform output -json` or a state file says; NoState if it is none."""
    raw = _json(text)
    if isinstance(raw.get("values"), Mapping):
        outputs = raw["values"].get("outputs")
        return _drafted(_modules(raw["values"].get("root_module")), _terraform_outputs(outputs), cluster)
    if isinstance(raw.get("resources"), list) and "terraform_version" in raw:
        return _drafted(_instances(raw["resources"]), _terraform_outputs(raw.get("outputs")), cluster)
    if why := _other_than_a_state(raw):
        raise NoState(why)
    if raw and all(isinstance(item, Mapping) and "value" in item for item in raw.values()):
        return _drafted((), _terraform_outputs(raw), cluster)
    raise NoState("it is no output of `terraform show -json` or `terraform output -json`, and no state file")


def from_stack(text: str, cluster: str = "") -> Draft:
    """Return what `pulumi stack export` or `pulumi stack output --json` says; NoState if it is neither."""
    raw = _json(text)
    deployment = raw.get("deployment")
    if isinstance(deployment, Mapping):
        resources = _maps(deployment.get("resources"))
        stack: Mapping[str, Any] = next((r for r in resources if r.get("type") == "pulumi:pulumi:Stack"), {})
        known = (
            _Resource(_TERRAFORM[str(r.get("type"))], {**_map(r.get("outputs")), "id": r.get("id")})
            for r in resources
            if str(r.get("type")) in _TERRAFORM and not r.get("delete")
        )
        return _drafted(known, _map(stack.get("outputs")), cluster)
    if "terraform_version" in raw or "format_version" in raw:
        raise NoState("it is Terraform's: `--from-terraform` reads it")
    if "version" in raw or not raw:
        raise NoState("it is no output of `pulumi stack export` or `pulumi stack output --json`")
    return _drafted((), raw, cluster)


def _json(text: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoState(f"it is not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise NoState("it is no JSON object")
    return raw


def _other_than_a_state(raw: Mapping[str, Any]) -> str:
    """Return what a file is that looks like a state and is none; an empty text of any other."""
    if "planned_values" in raw:
        return "it is a plan, which does not know yet what things will be called: `terraform show -json` without a file"
    if "encrypted_data" in raw:
        return "it is an encrypted state: `tofu show -json` prints it in clear"
    if "format_version" in raw:
        return "the state is empty"
    return "it is Pulumi's: `--from-stack` reads it" if isinstance(raw.get("deployment"), Mapping) else ""


def _map(value: Any) -> Mapping[str, Any]:
    """Return the map, or an empty one in place of anything else: these files are others' and may hold anything."""
    return value if isinstance(value, Mapping) else {}


def _maps(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _modules(module: Any) -> Iterator[_Resource]:
    """Yield the resources of a module and of those in it."""
    waiting = [_map(module)]
    while waiting:
        one = waiting.pop()
        for item in _maps(one.get("resources")):
            if item.get("mode", "managed") in ("managed", "data") and not item.get("deposed_key"):
                yield _Resource(str(item.get("type")), _map(item.get("values")))
        waiting.extend(_maps(one.get("child_modules")))


def _instances(resources: Any) -> Iterator[_Resource]:
    for item in _maps(resources):
        for instance in _maps(item.get("instances")):
            if not instance.get("deposed"):  # replaced, and not deleted yet
                yield _Resource(str(item.get("type")), _map(instance.get("attributes")))


def _terraform_outputs(outputs: Any) -> dict[str, Any]:
    return {name: item.get("value") for name, item in _map(outputs).items() if isinstance(item, Mapping)}


def _drafted(resources: Iterable[_Resource], outputs: Mapping[str, Any], cluster: str) -> Draft:
    draft = Draft()
    _from_resources(draft, tuple(resources), cluster)
    named = next((outputs[n] for n in ("clusterName", *NAMES["clusterName"]) if n in outputs), None)
    if named is not None and named != draft.values.get("clusterName", cluster or named):
        outputs = {}
        draft.why["bucket.weights"] = draft.why.get("bucket.weights", f"the outputs are those of cluster `{named}`")
    for name in (*OUTPUTS, *(n for n in outputs if n.startswith(BUCKET_PREFIX))):
        for given in (name, *NAMES.get(name, ())):
            value = outputs.get(given)
            if name not in draft.values and _fits(name, value):
                draft.values[name] = list(value) if isinstance(value, list) else value
    if any(name in outputs for name in _AMBIGUOUS) and "nodeRoleName" not in draft.values:
        draft.why["nodeRoleName"] = draft.why["nodeRoleArn"] = _WHOSE_NODES
    for name in draft.missing:
        draft.why.setdefault(name, "no resource and no output says it")
    return draft


def _fits(name: str, value: Any) -> bool:
    """Say whether a value has the form of the output; what is encrypted or of another type is not taken."""
    known = output(name)
    if known is None:
        return False
    items = value if known.is_list and isinstance(value, list) else [value]
    return known.is_list == isinstance(value, list) and bool(items) and all(
        isinstance(i, str) and known.form.fullmatch(i) for i in items
    )  # fmt: skip


def _from_resources(draft: Draft, resources: tuple[_Resource, ...], cluster: str) -> None:
    clusters = [r for r in resources if r.type == "aws_eks_cluster" and cluster in ("", r.get("name"))]
    clusters = list({str(r.get("arn")): r for r in clusters}.values())
    if len(clusters) != 1:
        there = clusters or [r for r in resources if r.type == "aws_eks_cluster"]
        found = ", ".join(sorted({str(r.get("name")) for r in there}))
        why = f"several clusters: {found}; choose one with `--cluster`" if clusters else ""
        if cluster and not clusters:
            why = f"no cluster `{cluster}` is in it" + (f", but: {found}" if found else "")
        for name in ("clusterName", "clusterArn", "clusterEndpoint", "clusterCertificateAuthority"):
            if why:
                draft.why[name] = why
        return
    [eks] = clusters
    _take(draft, "clusterName", eks.get("name"))
    _take(draft, "clusterArn", eks.get("arn"))
    _take(draft, "clusterEndpoint", eks.get("endpoint"))
    _take(draft, "clusterCertificateAuthority", eks.get("certificate_authority", 0, "data"))
    _take(draft, "clusterSecurityGroupId", eks.get("vpc_config", 0, "cluster_security_group_id"))
    vpc = eks.get("vpc_config", 0, "vpc_id")
    _take(draft, "vpcId", vpc)
    own = [r for r in resources if r.type == "aws_vpc" and r.get("id") == vpc]
    _only(draft, "vpcCidr", (r.get("cidr_block") for r in own), "networks of the VPC")
    _subnets(draft, resources, str(eks.get("name")), vpc)
    _roles(draft, resources, str(eks.get("name")))
    _queue(draft, resources)
    buckets = sorted({str(r.get("bucket")) for r in resources if r.type == "aws_s3_bucket"})
    if buckets:
        draft.why[f"{BUCKET_PREFIX}weights"] = f"which of these holds weights is yours to say: {', '.join(buckets)}"


def _take(draft: Draft, name: str, value: Any) -> None:
    if _fits(name, value):
        draft.values[name] = value


def _only(draft: Draft, name: str, values: Iterable[Any], what: str) -> None:
    found = sorted({str(v) for v in values if v})
    if len(found) == 1:
        _take(draft, name, found[0])
    elif found:
        draft.why[name] = f"several {what}: {', '.join(found)}"


def _subnets(draft: Draft, resources: tuple[_Resource, ...], cluster: str, vpc: Any) -> None:
    """Take the subnets that are marked: for Karpenter, or else for internal load balancers, which private ones are."""
    here = [r for r in resources if r.type == "aws_subnet" and r.get("vpc_id") == vpc]
    for tag, value in (("karpenter.sh/discovery", cluster), ("kubernetes.io/role/internal-elb", "1")):
        marked = sorted({str(r.get("id")) for r in here if _tags(r).get(tag) == value})
        if marked:
            _take(draft, "privateSubnetIds", marked)
            return
    if here:
        listed = ", ".join(sorted({str(r.get("id")) for r in here}))
        draft.why["privateSubnetIds"] = f"no tag says which of these are private: {listed}"


def _tags(resource: _Resource) -> Mapping[str, Any]:
    return {**_map(resource.get("tags_all")), **_map(resource.get("tags"))}


def _roles(draft: Draft, resources: tuple[_Resource, ...], cluster: str) -> None:
    groups = {
        str(r.get("node_role_arn"))
        for r in resources
        if r.type == "aws_eks_node_group" and r.get("cluster_name") == cluster
    }
    _only(draft, "nodeGroupRoleArn", groups, "roles of node groups")
    nodes = {
        str(r.get("principal_arn"))
        for r in resources
        if r.type == "aws_eks_access_entry" and r.get("cluster_name") == cluster and r.get("type") == "EC2_LINUX"
    }
    _only(draft, "nodeRoleArn", nodes - groups, "roles with an access entry for nodes")
    arn = draft.values.get("nodeRoleArn")
    if arn:
        _take(draft, "nodeRoleName", arn.rpartition("/")[2])
    elif nodes - groups:
        draft.why["nodeRoleName"] = draft.why["nodeRoleArn"]
    else:
        draft.why["nodeRoleName"] = "no access entry of type EC2_LINUX but those of node groups"


def _queue(draft: Draft, resources: tuple[_Resource, ...]) -> None:
    fed = {str(r.get("arn")) for r in resources if r.type == "aws_cloudwatch_event_target"}
    queues = [r for r in resources if r.type == "aws_sqs_queue" and str(r.get("arn")) in fed]
    _only(draft, "interruptionQueue", (r.get("name") for r in queues), "queues that events are sent to")


def text_of(draft: Draft, source: str) -> str:
    """Return the facts file: what was found, and as comments what was not, with who needs it."""
    where = json.dumps(source)[1:-1]
    lines = [f"# The foundation that exists, drafted by `llmform facts` from {where}: read it before use."]
    for name in (*NEEDED_BY, *sorted(n for n in draft.values if n not in NEEDED_BY)):
        if name in draft.values:
            lines.append(f"{name}: {json.dumps(draft.values[name], ensure_ascii=True)}")
        else:
            why = json.dumps(draft.why[name], ensure_ascii=False)[1:-1]
            lines.append(f"# missing: {name}, needed by {NEEDED_BY[name]}: {why}")
    return "\n".join(lines) + "\n"
