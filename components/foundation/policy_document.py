"""Statements of IAM policies, and the trust policies of roles.

The catalog knows regions of the partition `aws` alone, so ARNs here begin with `arn:aws:`.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.graph import Value

AWS_MANAGED = "arn:aws:iam::aws:policy/"
"""The ARN of a policy that AWS maintains, up to its name."""


@dataclass(frozen=True, slots=True)
class PodIdentity:
    """A service account of one cluster."""

    cluster: str
    namespace: str
    service_account: str


def allow(sid: str, actions: tuple[str, ...], resources: Value, conditions: Value = None) -> Value:
    """Return a statement that allows actions on resources (one, or a list)."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": resources}
    return statement | ({"Condition": conditions} if conditions else {})


def deny_all(sid: str, action: str, resources: Value, conditions: Value) -> Value:
    """Return a statement of a resource's own policy that refuses everyone where the conditions hold."""
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resources,
        "Condition": conditions,
    }


def service_trust(service: str) -> Value:
    """Return the trust policy of a role for an AWS service."""
    statement = {
        "Sid": "Service",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def pod_identity_trust(identity: PodIdentity) -> Value:
    """Return the trust policy of a role for the pods of one service account.

    EKS Pod Identity tags its sessions with cluster, namespace and service account (EKS user guide,
    "Create IAM role with trust policy required by EKS Pod Identity", read 2026-11-21); without the
    conditions any association in the account could hand the role to its pods.
    """
    tags = {
        "aws:RequestTag/eks-cluster-name": identity.cluster,
        "aws:RequestTag/kubernetes-namespace": identity.namespace,
        "aws:RequestTag/kubernetes-service-account": identity.service_account,
    }
    statement = {
        "Sid": "Pods",
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": tags},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
