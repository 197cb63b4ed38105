"""The object stores: one S3 bucket each.

Nodes, in the component `stores.<name>` of each store:
- `Bucket`, protected unless the spec lifts it or it holds weights, which can be mirrored again; never emptied by
  a deletion;
- `BucketOwnershipControls` (no access lists), `BucketPublicAccessBlock`, `BucketPolicy` (TLS 1.2 or later
  only);
- `BucketVersioning`, `BucketServerSideEncryptionConfiguration`, `BucketLifecycleConfiguration`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from components.foundation import ids
from components.foundation.aws_resource import resource
from components.foundation.policy_document import deny_all
from components.graph import Component, Format, JsonText, Node, Options, Ref, Value
from components.part import Part, moved_component
from components.resolve.platform import Aws, Platform, Store

UPLOAD_DAYS = 7
"""Days until the parts of an upload that was given up, which S3 bills like objects, are deleted."""

NONCURRENT_DAYS = 30
"""Days that overwritten and deleted objects are kept, as `versioned` says in the language."""


def weights_store(platform: Platform) -> Store | None:
    """Return the store that holds the weights, if the platform has one."""
    return next((store for store in platform.stores if store.holds_weights), None)


def lower(platform: Platform) -> Part:
    """Return a bucket for each store; nothing for an on-prem target."""
    if not isinstance(platform.target, Aws):
        return Part()
    return Part(
        tuple(_component(platform, store) for store in platform.stores),
        tuple(node for store in platform.stores for node in _nodes(platform, store)),
        {f"bucket.{store.name}": Ref(ids.bucket(store), "bucket") for store in platform.stores},
    )


def _origin(store: Store) -> str:
    # The store for weights is in no spec: the models are why it is there.
    return "models" if store.holds_weights else f"stores.{store.name}"


def _component(platform: Platform, store: Store) -> Component:
    facts = [
        "S3",
        "versioned" if store.versioned else "not versioned",
        "encrypted" if store.encrypted else "encrypted by S3's own key",
        "private",
    ]
    summary = ", ".join(facts)
    if store.retention_days:
        summary += f"; objects are deleted after {store.retention_days} days"
    if store.holds_weights:
        gigabytes = sum(weights.size for weights in platform.weights) / 10**9
        summary += f"; holds {gigabytes:.1f} GB of weights"
    component = f"stores.{store.name}"
    return Component(
        id=component,
        type="llmform:foundation:Store",
        origin=_origin(store),
        reads=(_origin(store), f"targets.{platform.target.name}.account", "models")
        if store.holds_weights
        else (_origin(store), f"targets.{platform.target.name}.account", "protect"),
        summary=(summary,),
        aliases=moved_component(platform, component),
    )


def _nodes(platform: Platform, store: Store) -> Iterator[Node]:
    make = partial(resource, platform, f"stores.{store.name}", _origin(store), old_name=store.object_name)
    name = store.name
    bucket = {"bucket": Ref(ids.bucket(store), "bucket")}
    yield make(
        "aws:s3/bucket:Bucket",
        name,
        # weights can be mirrored again; anything else has to be emptied by hand before its bucket can go
        {"bucket": store.bucket, "forceDestroy": store.holds_weights and not store.adopted},
        options=Options(protect=store.protect),
    )
    yield make(
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        name,
        bucket | {"rule": {"objectOwnership": "BucketOwnerEnforced"}},
    )
    block = make(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        name,
        bucket
        | {
            "blockPublicAcls": True,
            "blockPublicPolicy": True,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
    )
    yield block
    # S3 refuses two changes of a bucket's access at once.
    yield make(
        "aws:s3/bucketPolicy:BucketPolicy",
        name,
        bucket | {"policy": JsonText(_policy(store))},
        needs=(block.id,),
    )
    # A bucket that was versioned once can only be suspended, never as before; a new one takes it as well.
    status = "Enabled" if store.versioned else "Suspended"
    versioning = make(
        "aws:s3/bucketVersioning:BucketVersioning",
        name,
        bucket | {"versioningConfiguration": {"status": status}},
    )
    yield versioning
    yield make(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        name,
        bucket | {"rules": [_encryption(store)]},
    )
    yield make(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        name,
        bucket | {"rules": _lifecycle(store)},
        needs=(versioning.id,),
    )


def _policy(store: Store) -> Value:
    arn = Ref(ids.bucket(store), "arn")
    all_of_it = [arn, Format((arn, "/*"))]
    return {
        "Version": "2012-10-17",
        "Statement": [
            deny_all("TlsOnly", "s3:*", all_of_it, {"Bool": {"aws:SecureTransport": "false"}}),
            deny_all("Tls12", "s3:*", all_of_it, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
        ],
    }


def _encryption(store: Store) -> Value:
    if not store.encrypted:
        return {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
    return {
        "applyServerSideEncryptionByDefault": {
            "sseAlgorithm": "aws:kms",
            "kmsMasterKeyId": Ref(ids.STORES_KEY, "arn"),
        },
        # One call to KMS for many objects, not one for each.
        "bucketKeyEnabled": True,
    }


def _lifecycle(store: Store) -> list[Value]:
    everything: Value = {"status": "Enabled", "filter": {}}
    rules = [
        everything
        | {
            "id": "abort-uploads",
            "abortIncompleteMultipartUpload": {"daysAfterInitiation": UPLOAD_DAYS},
        },
        everything
        | {
            "id": "noncurrent",
            "noncurrentVersionExpiration": {"noncurrentDays": NONCURRENT_DAYS},
            "expiration": {"expiredObjectDeleteMarker": True},
        },
    ]
    if store.retention_days:
        rules.append(everything | {"id": "retention", "expiration": {"days": store.retention_days}})
    return rules
