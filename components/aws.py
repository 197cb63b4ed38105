"""Names and tags that the AWS resources of one target share between layers."""

from __future__ import annotations

from components import names
from components.resolve.platform import Platform


def aws_name(platform: Platform, *rest: str, limit: int) -> str:
    """Return `<spec>-<environment>-<target>-<x>`, at most `limit` characters."""
    return names.aws_name(platform.spec, platform.environment, platform.target.name, *rest, limit=limit)


def cluster_name(platform: Platform) -> str:
    """Return the EKS cluster's name."""
    return aws_name(platform, limit=names.EKS_CLUSTER)


def node_role_name(platform: Platform) -> str:
    """Return the name of the IAM role of every node."""
    return aws_name(platform, "node", limit=names.IAM_ROLE)


def interruption_queue_name(platform: Platform) -> str:
    """Return the name of the queue from which Karpenter learns of spot interruptions and maintenance."""
    return aws_name(platform, "interruption", limit=names.QUEUE)


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
