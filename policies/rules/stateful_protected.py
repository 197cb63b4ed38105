"""Policy: what holds data, or without which data cannot be read, is not deleted by an edit."""

from __future__ import annotations

from collections.abc import Iterator

from policies.pods import kind
from policies.resources import Finding, Resource, broken, cannot_say

STATEFUL = {
    "aws:s3/bucket:Bucket": "the bucket",
    "aws:s3/bucketV2:BucketV2": "the bucket",
    "aws:kms/key:Key": "the key, without which nothing that it encrypted can be read,",
    "aws:eks/cluster:Cluster": "the cluster, with every object in it,",
}

WEIGHTS_STORE = "stores.weights/"
"""Names of the weights' bucket begin so: what is in it is mirrored again from the hub."""


def stateful_protected(resource: Resource) -> Iterator[Finding]:
    """What holds state is protected: stores, keys, the cluster and volume claims, but not copies of weights."""
    if resource.protect:
        return
    what = STATEFUL.get(resource.type)
    if what and not resource.name.startswith(WEIGHTS_STORE):
        yield broken(resource, None, f"nothing keeps {what} from being deleted: it is not protected")
    elif kind(resource) == "PersistentVolumeClaim":
        component = resource.at("metadata", "labels", "app.kubernetes.io/component")
        yield from cannot_say(resource, component)
        if not component.unknown and component.value != "weights":
            yield broken(resource, None, "nothing keeps the claim from being deleted: it is not protected")
