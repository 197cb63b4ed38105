"""Policy: no identity may do everything with everything."""

from __future__ import annotations

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


def iam_without_wildcards(resource: Resource) -> Iterator[Finding]:
    """No IAM policy allows all actions, or all of a service, on all resources."""
    if resource.type in ATTACHMENTS:
        arn = resource.at("policyArn")
        yield from cannot_say(resource, arn)
        if str(arn.value).endswith(":policy/AdministratorAccess"):
            yield broken(resource, arn, "`AdministratorAccess` allows `*` on `*`")
    elif resource.type in DOCUMENTS:
        yield from _document(resource, resource.at(DOCUMENTS[resource.type]).document())
    elif resource.type == "aws:iam/role:Role":
        for inline in resource.at("inlinePolicies").items():
            yield from _document(resource, inline.at("policy").document())


def _document(resource: Resource, document: View) -> Iterator[Finding]:
    statement = document.at("Statement")
    for one in (statement,) if isinstance(statement.value, Mapping) else statement.items():
        yield from _statement(resource, one)


def _statement(resource: Resource, statement: View) -> Iterator[Finding]:
    """Yield a finding if the statement allows a wildcard on everything: all three parts have to be so."""
    actions, resources = _entries(statement.at("Action")), _entries(statement.at("Resource"))
    # `NotAction` allows every action but the named ones; likewise `NotResource`
    inverted = [[v] if v.value is not None else [] for v in (statement.at("NotAction"), statement.at("NotResource"))]
    wide = [a for a in actions if isinstance(a.value, str) and (a.value == "*" or a.value.endswith(":*"))] + inverted[0]
    everything = [r for r in resources if r.value == "*"] + inverted[1]
    effect = statement.at("Effect")
    parts = (
        ([effect] if effect.value == "Allow" else [], (effect,)),
        (wide, actions),
        (everything, resources),
    )
    if all(_certain(is_so) for is_so, _ in parts):
        action = next((f"`{a.value}`" for a in wide if isinstance(a.value, str)), "all but some actions")
        yield broken(resource, wide[0], f"allows {action} on `*`")
    elif all(is_so or any(v.unknown for v in asked) for is_so, asked in parts):
        yield from cannot_say(resource, *(v for is_so, asked in parts for v in (*is_so, *asked)))


def _certain(views: list[View]) -> bool:
    return any(not view.unknown for view in views)


def _entries(view: View) -> tuple[View, ...]:
    """Return the entries of what may be one text or a list of them."""
    return view.items() if isinstance(view.value, list | tuple) else (view,)
