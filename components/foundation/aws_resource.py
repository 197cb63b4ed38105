"""The shapes that the foundation's nodes share: a resource, a role with its policies, a pod's identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from components.foundation import ids
from components.foundation.policy_document import AWS_MANAGED, PodIdentity, pod_identity_trust
from components.graph import JsonText, Node, Options, Ref, Value
from components.manifests import aws_provider
from components.part import moved_node
from components.resolve.platform import Platform


def resource(
    platform: Platform,
    component: str,
    origin: str,
    token: str,
    name: str,
    inputs: Mapping[str, Value],
    *,
    old_name: str = "",
    needs: tuple[str, ...] = (),
    options: Options | None = None,
) -> Node:
    """Return the node `<component>/<Kind>/<name>` of an AWS resource; Kind is the class in the type token.

    `old_name` is the name in the node's id before a `moved` rename of its component.
    """
    kind = token.rpartition(":")[2]
    options = options or Options()
    aliases = moved_node(platform, component, kind, old_name or name)
    return Node(
        id=f"{component}/{kind}/{name}",
        type=token,
        inputs=inputs,
        component=component,
        origin=origin,
        provider=aws_provider(platform),
        needs=needs,
        options=replace(options, aliases=aliases) if aliases else options,
    )


def role(
    platform: Platform,
    component: str,
    origin: str,
    name: str,
    *,
    physical_name: str,
    description: str,
    trust: Value,
    old_name: str = "",
    managed_policies: tuple[str, ...] = (),
    statements: tuple[Value, ...] = (),
) -> tuple[Node, ...]:
    """Return an IAM role, the AWS managed policies attached to it and its own inline policy.

    Whoever uses the role `needs` the other nodes too: else it starts before its permissions, and loses them
    before it ends.
    """
    make = partial(resource, platform, component, origin, old_name=old_name)
    node = make(
        "aws:iam/role:Role",
        name,
        {"name": physical_name, "description": description, "assumeRolePolicy": JsonText(trust)},
    )
    attachments = (
        make(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            f"{name}-{policy.rpartition('/')[2]}",
            {"role": Ref(node.id, "name"), "policyArn": AWS_MANAGED + policy},
        )
        for policy in managed_policies
    )
    if not statements:
        return (node, *attachments)
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    inline = make(
        "aws:iam/rolePolicy:RolePolicy",
        name,
        {"role": Ref(node.id, "name"), "name": old_name or name, "policy": JsonText(document)},
    )
    return (node, *attachments, inline)


def pod_identity(
    platform: Platform,
    component: str,
    origin: str,
    name: str,
    identity: PodIdentity,
    *,
    physical_name: str,
    description: str,
    statements: tuple[Value, ...],
    old_name: str = "",
) -> tuple[Node, ...]:
    """Return a role that the pods of one service account have, and the association that gives it to them."""
    nodes = role(
        platform,
        component,
        origin,
        name,
        physical_name=physical_name,
        description=description,
        trust=pod_identity_trust(identity),
        old_name=old_name,
        statements=statements,
    )
    association = resource(
        platform,
        component,
        origin,
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        name,
        {
            "clusterName": Ref(ids.CLUSTER, "name"),
            "namespace": identity.namespace,
            "serviceAccount": identity.service_account,
            "roleArn": Ref(nodes[0].id, "arn"),
        },
        old_name=old_name,
        needs=tuple(node.id for node in nodes[1:]),
    )
    return (*nodes, association)
