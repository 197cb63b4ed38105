"""The judge of AWS resources: names and types by the installed `pulumi_aws` classes, policy documents.

A reference form such as `{"$ref": …}` stands for a value of any type.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .placeholders import is_placeholder
from .policy_document import IDENTITY, RESOURCE, TRUST, policy_problems
from .pulumi_classes import Package, UnknownToken, table_problems

# (token, property): kind of policy, and the quota of its characters where IAM has one: a role's trust policy
# 2,048, a managed policy 6,144, all inline policies of a role together 10,240.
_POLICIES: Mapping[tuple[str, str], tuple[str, int]] = {
    ("aws:iam/role:Role", "assumeRolePolicy"): (TRUST, 2048),
    ("aws:iam/policy:Policy", "policy"): (IDENTITY, 6144),
    ("aws:iam/rolePolicy:RolePolicy", "policy"): (IDENTITY, 10240),
    ("aws:iam/userPolicy:UserPolicy", "policy"): (IDENTITY, 2048),
    ("aws:iam/groupPolicy:GroupPolicy", "policy"): (IDENTITY, 5120),
    ("aws:s3/bucketPolicy:BucketPolicy", "policy"): (RESOURCE, 0),
    ("aws:sqs/queuePolicy:QueuePolicy", "policy"): (RESOURCE, 0),
    ("aws:sqs/queue:Queue", "policy"): (RESOURCE, 0),
    ("aws:sns/topicPolicy:TopicPolicy", "policy"): (RESOURCE, 0),
    ("aws:sns/topic:Topic", "policy"): (RESOURCE, 0),
    ("aws:kms/key:Key", "policy"): (RESOURCE, 0),
    ("aws:kms/keyPolicy:KeyPolicy", "policy"): (RESOURCE, 0),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "policy"): (RESOURCE, 0),
    ("aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy", "policy"): (RESOURCE, 0),
    ("aws:efs/fileSystemPolicy:FileSystemPolicy", "policy"): (RESOURCE, 0),
    ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy"): (RESOURCE, 0),
    ("aws:eks/podIdentityAssociation:PodIdentityAssociation", "policy"): (IDENTITY, 0),
}


@cache
def package() -> Package:
    """Return the installed pulumi_aws, found without importing it; LookupError where it is not installed."""
    spec = importlib.util.find_spec("pulumi_aws")
    if spec is None or spec.origin is None:
        raise LookupError("pulumi_aws is not installed")
    return Package(Path(spec.origin).parent)


def problems(type_token: str, inputs: dict[str, Any]) -> list[str]:
    """Return what the inputs of an AWS resource may not be, as `path: message`; empty if nothing.

    `type_token` is Pulumi's (`aws:eks/cluster:Cluster`, `pulumi:providers:aws`), the names of `inputs` are
    the provider's camelCase.
    """
    try:
        tables, root = package().tables(type_token), package().root(type_token)
    except UnknownToken:
        return [f"{type_token}: unknown type"]
    return [*table_problems(tables, root, inputs), *_policies(type_token, inputs)]


def _policies(type_token: str, inputs: Mapping[str, Any]) -> Iterator[str]:
    for (token, name), (kind, characters) in _POLICIES.items():
        if token == type_token and name in inputs:
            yield from policy_problems(inputs[name], kind, name, characters)
    inline = inputs.get("inlinePolicies") if type_token == "aws:iam/role:Role" else None
    for index, policy in enumerate(inline if isinstance(inline, list) else ()):
        if isinstance(policy, dict) and not is_placeholder(policy) and "policy" in policy:
            yield from policy_problems(policy["policy"], IDENTITY, f"inlinePolicies[{index}].policy", 10240)
