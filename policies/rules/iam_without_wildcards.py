"""Policy: no identity may do everything with everything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from policies.resources import Finding, Resource, View, broken, cannot_say

DOCUMENTS: Mapping[str, str] = {
    "aws:iam/policy:Policy": "policy",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/userPolicy:UserPolicy": "policy",
    "aws:iam/groupPolicy:GroupPolicy": "policy",
}
"""Policies of identities. In a policy of a resource, such as a key, `*` is that resource alone."""

ATTACHMENTS = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    "aws:iam/policyAttachment:PolicyAttachment",
}

_FULL_ACCESS = re.compile(r"arn:[^:]*:iam::aws:policy/(?:.*/)?(AdministratorAccess.*|PowerUserAccess|\w*FullAccess\w*)")
"""Policies that AWS keeps for administrators, of everything or of a service (IAM User Guide, AWS managed policies)."""


def iam_without_wildcards(resource: Resource) -> Iterator[Finding]:
    """No IAM policy allows actions by a wildcard on all resources."""
    if resource.type in ATTACHMENTS:
        yield from _attached(resource, resource.at("policyArn"))
    elif resource.type in DOCUMENTS:
        yield from _document(resource, resource.at(DOCUMENTS[resource.type]).document())
    elif resource.type == "aws:iam/role:Role":
        for inline in resource.at("inlinePolicies").items():
            yield from _document(resource, inline.at("policy").document())
        for arn in resource.at("managedPolicyArns").items():
            yield from _attached(resource, arn)


def _attached(resource: Resource, arn: View) -> Iterator[Finding]:
    yield from cannot_say(resource, arn)
    if found := _FULL_ACCESS.fullmatch(str(arn.value)):
        yield broken(resource, arn, f"`{found[1]}` allows actions by wildcards on `*`")


def _document(resource: Resource, document: View) -> Iterator[Finding]:
    statement = document.at("Statement")
    for one in (statement,) if isinstance(statement.value, Mapping) else statement.items():
        yield from _statement(resource, one)


def _statement(resource: Resource, statement: View) -> Iterator[Finding]:
    """Yield a finding if the statement allows a wildcard on everything: all three parts have to be so."""
    actions, resources = _entries(statement.at("Action")), _entries(statement.at("Resource"))
    # `NotAction` allows every action but the named ones; likewise `NotResource`
    inverted = [[v] if v.value is not None else [] for v in (statement.at("NotAction"), statement.at("NotResource"))]
    wide = [a for a in actions if isinstance(a.value, str) and re.search("[*?]", a.value)] + inverted[0]
    everything = [r for r in resources if _everything(r.value)] + inverted[1]
    effect = statement.at("Effect")
    parts = (
        ([effect] if effect.value == "Allow" else [], (effect,)),
        (wide, actions),
        (everything, resources),
    )
    if all(_certain(is_so) for is_so, _ in parts):
        action = next((f"`{a.value}`" for a in wide if isinstance(a.value, str)), "all but some actions")
        where = next((f"`{r.value}`" for r in everything if isinstance(r.value, str)), "all but some resources")
        yield broken(resource, wide[0], f"allows {action} on {where}")
    elif all(is_so or any(v.unknown for v in asked) for is_so, asked in parts):
        yield from cannot_say(resource, *(v for is_so, asked in parts for v in (*is_so, *asked)))


def _everything(resource: object) -> bool:
    """Say whether a resource is `*`, or an ARN of which nothing but a wildcard says which resource it is.

    `arn:aws:s3:::*` are all buckets; `arn:aws:s3:::logs-*` are some.
    """
    last = resource.split(":", 5)[-1] if isinstance(resource, str) else ""
    return "*" in last and not last.strip("*?/:")


def _certain(views: list[View]) -> bool:
    return any(not view.unknown for view in views)


def _entries(view: View) -> tuple[View, ...]:
    """Return the entries of what may be one text or a list of them."""
    return view.items() if isinstance(view.value, list | tuple) else (view,)
