"""The KMS keys of a target.

Nodes, in the component `encryption`:
- `Key` and `Alias` secrets: Kubernetes secrets in the cluster's store;
- `Key` and `Alias` stores: objects of the stores that are `encrypted`, if there are any.

The keys are protected unless the spec lifts it: what a lost key encrypted is lost too. Each key's policy is
the one statement that lets the account's IAM policies decide; without it nobody, the account's administrators
included, could ever manage the key again. The identities that use a key get their few actions on that one key
from their own roles.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from components import aws
from components.foundation import ids
from components.foundation.aws_resource import resource
from components.graph import Component, Format, JsonText, Node, Options, Ref
from components.part import Part
from components.resolve.platform import Aws, Platform

_ALIAS = 250  # longest alias name after `alias/`, in characters (KMS API reference: 256 with it)
_DELETION_DAYS = 30  # the longest time that KMS lets one take back a deletion (ScheduleKeyDeletion: 7 to 30)


def lower(platform: Platform) -> Part:
    """Return the keys for secrets and, if a store is encrypted, for stores; nothing for an on-prem target."""
    target = platform.target
    if not isinstance(target, Aws):
        return Part()
    origin = f"targets.{target.name}"
    encrypted = sorted(store.name for store in platform.stores if store.encrypted)
    nodes = list(_key(platform, origin, "secrets", "Kubernetes secrets", protect=target.protect))
    summary = ["KMS key for Kubernetes secrets, rotated every year"]
    if encrypted:
        # a store that is protected is worth nothing without its key
        protect = target.protect or any(store.protect for store in platform.stores if store.encrypted)
        nodes += _key(platform, origin, "stores", "objects of the stores", protect=protect)
        summary.append(f"KMS key for the stores {', '.join(encrypted)}, rotated every year")
    component = Component(
        id="encryption",
        type="llmform:foundation:Encryption",
        origin=origin,
        reads=("stores", "protect", f"{origin}.protect"),
        summary=tuple(summary),
    )
    return Part((component,), tuple(nodes))


def _key(platform: Platform, origin: str, name: str, what: str, *, protect: bool) -> Iterator[Node]:
    make = partial(resource, platform, "encryption", origin)
    # The spec need not name the account: the VPC's owner is the account that the key is made in.
    account = Format(("arn:aws:iam::", Ref(ids.VPC, "ownerId"), ":root"))
    statement = {
        "Sid": "AccountDecides",
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": "kms:*",
        "Resource": "*",  # in a key's policy: this key
    }
    key = make(
        "aws:kms/key:Key",
        name,
        {
            "description": f"{what} of {aws.cluster_name(platform)}",
            "deletionWindowInDays": _DELETION_DAYS,
            "enableKeyRotation": True,
            "policy": JsonText({"Version": "2012-10-17", "Statement": [statement]}),
        },
        options=Options(protect=protect),
    )
    yield key
    yield make(
        "aws:kms/alias:Alias",
        name,
        {
            "name": "alias/" + aws.aws_name(platform, name, limit=_ALIAS),
            "targetKeyId": Ref(key.id, "keyId"),
        },
    )
