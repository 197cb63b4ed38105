"""What Karpenter needs of AWS: a role for its nodes, and a role and a queue for the controller.

Nodes, in the component `karpenter`:
- `Role` node with `RolePolicyAttachment`s, and `AccessEntry` node (EC2_LINUX), which lets its nodes join.
  These are there with `addons.karpenter: existing` too: the EC2NodeClasses name this role, and the
  controller that is there must be allowed to pass it;
- `Role`, `RolePolicy` and `PodIdentityAssociation` controller, for the service account kube-system/karpenter;
- `Queue` and `QueuePolicy` interruption, and an `EventRule` and `EventTarget` for each kind of event that
  takes nodes away. Karpenter reads the queue and moves pods off a node before it goes.

Karpenter makes the instance profiles itself. It may not make EC2's service-linked role for spot
(`AWSServiceRoleForEC2Spot`), which an account has once anybody used spot instances in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from components import aws, names
from components.foundation import ids, karpenter_policy
from components.foundation.aws_resource import pod_identity, resource, role
from components.foundation.policy_document import PodIdentity, deny_all, service_trust
from components.foundation.system import NODE_POLICIES
from components.graph import Component, JsonText, Node, Ref, Value
from components.part import Part
from components.resolve.platform import Aws, Platform

NAMESPACE, SERVICE_ACCOUNT = "kube-system", "karpenter"
"""Where the controller runs: as Karpenter's manual says, where the API serves controllers first."""

# Rule → (source, kind of event): the events that Karpenter 1.14 handles (its CloudFormation reference, v1.14,
# read 2026-11-21).
EVENTS = {
    "capacity-reservation": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    "health": ("aws.health", "AWS Health Event"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "spot-interruption": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "state-change": ("aws.ec2", "EC2 Instance State-change Notification"),
}

RETENTION_SECONDS = 300
"""How long a message waits: a spot node is gone 120 s after its warning, an older one says nothing new."""


def lower(platform: Platform) -> Part:
    """Return the node role and, unless Karpenter is there already, all that its controller needs."""
    target = platform.target
    if not isinstance(target, Aws):
        return Part()
    origin = f"targets.{target.name}"
    nodes = _node_role(platform, origin)
    outputs: dict[str, Value] = {
        "nodeRoleName": Ref(ids.NODE_ROLE, "name"),
        "nodeRoleArn": Ref(ids.NODE_ROLE, "arn"),
    }
    summary = "node role; the Karpenter that is there brings its own role and queue, and may pass this one"
    if target.karpenter_managed:
        nodes = (*nodes, *_controller(platform, target, origin), *_interruptions(platform, origin))
        outputs["interruptionQueue"] = Ref(ids.INTERRUPTION_QUEUE, "name")
        summary = "controller role, node role, interruption queue"
    component = Component(
        id="karpenter",
        type="llmform:foundation:Karpenter",
        origin=origin,
        reads=("name", f"{origin}.addons", f"{origin}.region"),
        summary=(summary,),
    )
    return Part((component,), nodes, outputs)


def _node_role(platform: Platform, origin: str) -> tuple[Node, ...]:
    nodes = role(
        platform,
        "karpenter",
        origin,
        "node",
        physical_name=aws.node_role_name(platform),
        description=f"Nodes that Karpenter starts for {aws.cluster_name(platform)}",
        trust=service_trust("ec2.amazonaws.com"),
        managed_policies=NODE_POLICIES,
    )
    entry = resource(
        platform,
        "karpenter",
        origin,
        "aws:eks/accessEntry:AccessEntry",
        "node",
        {
            "clusterName": Ref(ids.CLUSTER, "name"),
            "principalArn": Ref(ids.NODE_ROLE, "arn"),
            "type": "EC2_LINUX",
        },
    )
    return (*nodes, entry)


def _controller(platform: Platform, target: Aws, origin: str) -> tuple[Node, ...]:
    cluster = aws.cluster_name(platform)
    return pod_identity(
        platform,
        "karpenter",
        origin,
        "controller",
        PodIdentity(cluster, NAMESPACE, SERVICE_ACCOUNT),
        physical_name=aws.aws_name(platform, "karpenter", limit=names.IAM_ROLE),
        description=f"Karpenter of {cluster}",
        statements=karpenter_policy.statements(cluster, target.region),
    )


def _interruptions(platform: Platform, origin: str) -> Iterator[Node]:
    make = partial(resource, platform, "karpenter", origin)
    queue = Ref(ids.INTERRUPTION_QUEUE, "arn")
    yield make(
        "aws:sqs/queue:Queue",
        "interruption",
        {
            "name": aws.interruption_queue_name(platform),
            "messageRetentionSeconds": RETENTION_SECONDS,
            "sqsManagedSseEnabled": True,
        },
    )
    rules = tuple(
        make(
            "aws:cloudwatch/eventRule:EventRule",
            name,
            {
                "name": aws.aws_name(platform, name, limit=names.EVENT_RULE),
                "description": f"{kind}, for Karpenter",
                "eventPattern": JsonText({"source": [source], "detail-type": [kind]}),
            },
        )
        for name, (source, kind) in EVENTS.items()
    )
    yield from rules
    # Nothing but these rules sends, so nothing else may; the queue has no dead letters that SQS would move.
    send = {
        "Sid": "Events",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": [Ref(rule.id, "arn") for rule in rules]}},
    }
    tls = deny_all("TlsOnly", "sqs:*", queue, {"Bool": {"aws:SecureTransport": "false"}})
    policy = make(
        "aws:sqs/queuePolicy:QueuePolicy",
        "interruption",
        {
            "queueUrl": Ref(ids.INTERRUPTION_QUEUE, "url"),
            "policy": JsonText({"Version": "2012-10-17", "Statement": [send, tls]}),
        },
    )
    yield policy
    for name, rule in zip(EVENTS, rules, strict=True):
        yield make(
            "aws:cloudwatch/eventTarget:EventTarget",
            name,
            {"rule": Ref(rule.id, "name"), "targetId": "interruption-queue", "arn": queue},
            needs=(policy.id,),
        )
