"""The AWS provider of a stack: one region, one account, tags that every resource gets.

Nodes: `Provider` aws, in the component `targets.<target>` of a foundation stack.
"""

from __future__ import annotations

from typing import Any

from components import aws
from components.graph import Component, Node
from components.manifests import aws_provider
from components.part import Part
from components.resolve.platform import Aws, Platform


def lower(platform: Platform) -> Part:
    """Return the component of the target with its AWS provider; nothing for an on-prem target."""
    target = platform.target
    if not isinstance(target, Aws):
        return Part()
    origin = f"targets.{target.name}"
    accounts = (
        f"refuses every account but {target.account}"
        if target.account
        else "whatever account the credentials belong to"
    )
    component = Component(
        id=origin,
        type="llmform:stack:Target",
        origin=origin,
        reads=(f"{origin}.region", f"{origin}.account", "name", "owner", "labels"),
        summary=(f"AWS {target.region}, {accounts}",),
    )
    return Part((component,), lower_node(platform).nodes)


def lower_node(platform: Platform) -> Part:
    """Return the AWS provider alone, for a stack whose Kubernetes provider brings the target's component.

    The provider refuses every account but the one that the spec names.
    """
    target = platform.target
    if not isinstance(target, Aws):
        return Part()
    inputs: dict[str, Any] = {"region": target.region, "defaultTags": {"tags": aws.tags(platform)}}
    if target.account:
        inputs["allowedAccountIds"] = [target.account]
    origin = f"targets.{target.name}"
    node = Node(
        id=aws_provider(platform),
        type="pulumi:providers:aws",
        inputs=inputs,
        component=origin,
        origin=origin,
    )
    return Part(nodes=(node,))
