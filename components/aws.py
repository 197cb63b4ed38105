"""Names and tags that the AWS resources of one target share between layers."""

from __future__ import annotations

from components import names
from components.graph import StackOutput, Value
from components.resolve.platform import Aws, Existing, Platform


def existing(platform: Platform) -> Existing | None:
    """Return the foundation that exists at the target, if llmform does not make one."""
    return platform.target.existing if isinstance(platform.target, Aws) else None


def foundation(platform: Platform, name: str) -> Value:
    """Return an output of the foundation: the value from the facts file, or a reference to the stack below.

    `components.foundation.existing.needs` says which outputs are needed; compiling stops where one is missing.
    """
    known = existing(platform)
    if known is not None and name in known.outputs:
        return known.outputs[name]
    return StackOutput("foundation", name)


def _named(platform: Platform, name: str, own: str) -> str:
    known = existing(platform)
    return str(known.outputs.get(name, own)) if known is not None else own


def aws_name(platform: Platform, *rest: str, limit: int) -> str:
    """Return `<spec>-<environment>-<target>-<x>`, at most `limit` characters."""
    return names.aws_name(platform.spec, platform.environment, platform.target.name, *rest, limit=limit)


def cluster_name(platform: Platform) -> str:
    """Return the EKS cluster's name."""
    return _named(platform, "clusterName", aws_name(platform, limit=names.EKS_CLUSTER))


def node_role_name(platform: Platform) -> str:
    """Return the name of the IAM role of every node."""
    return _named(platform, "nodeRoleName", aws_name(platform, "node", limit=names.IAM_ROLE))


def interruption_queue_name(platform: Platform) -> str:
    """Return the name of the queue from which Karpenter learns of spot interruptions and maintenance."""
    return _named(platform, "interruptionQueue", aws_name(platform, "interruption", limit=names.QUEUE))


def tags(platform: Platform) -> dict[str, str]:
    """Return the tags of every AWS resource, set once as the provider's default tags."""
    own = dict(platform.labels)
    if platform.owner:
        own["llmform.dev/owner"] = platform.owner
    return own | {
        "app.kubernetes.io/managed-by": "llmform",
        "llmform.dev/spec": platform.spec,
        "llmform.dev/environment": platform.environment,
        "llmform.dev/target": platform.target.name,
    }
