"""Who may touch the store for weights: the Jobs that fill it, and each model server for its own model.

Nodes, each time `Role`, `RolePolicy` and `PodIdentityAssociation`:
- weights-mirror in the component `models`, for the Jobs that mirror weights from their hub: one identity for
  all models. It writes below the folders that weights have in the bucket, and deletes nothing;
- <name> in the component `serving.<name>` of each server: it reads the weights of its own model.
"""

from __future__ import annotations

from components import aws, names
from components.foundation import ids
from components.foundation.aws_resource import pod_identity
from components.foundation.policy_document import PodIdentity, allow
from components.foundation.stores import weights_store
from components.graph import Component, Format, Node, Ref, Value
from components.part import Part, moved_component
from components.resolve.platform import Aws, Platform, Server, Store, Weights

MIRROR_SERVICE_ACCOUNT = "weights-mirror"
"""The service account of the mirror Jobs, in the platform's namespace."""


def lower(platform: Platform) -> Part:
    """Return the identities of mirror and model servers; nothing without weights or for an on-prem target."""
    target, store = platform.target, weights_store(platform)
    if not isinstance(target, Aws) or store is None or not platform.weights:
        return Part()
    mirror = _mirror(platform, target, store)
    readers = [s for s in platform.servers if not s.weights.baked]
    return Part(
        (*mirror.components, *(_component(platform, store, server) for server in readers)),
        (*mirror.nodes, *(n for server in readers for n in _nodes(platform, target, store, server))),
    )


def readable_folder(weights: Weights) -> str:
    """Return the folder that a server may read: all revisions of its model.

    During a rolling update pods of two revisions run, and this layer is applied before the pods change: with
    the new revision alone, a pod of the old one could not start again.
    """
    folder = weights.prefix.rstrip("/")
    parent, found, _ = folder.partition(f"/{weights.revision}")
    return parent if parent and found else folder


def _mirror(platform: Platform, target: Aws, store: Store) -> Part:
    arn = Ref(ids.bucket(store), "arn")
    # The first folder of each: a new model or revision changes no permission.
    folders = tuple(sorted({weights.prefix.split("/")[0] for weights in platform.weights}))
    actions = ("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject")
    nodes = pod_identity(
        platform,
        "models",
        "models",
        "weights-mirror",
        PodIdentity(aws.cluster_name(platform), platform.namespace, MIRROR_SERVICE_ACCOUNT),
        physical_name=aws.aws_name(platform, "weights-mirror", limit=names.IAM_ROLE),
        description=f"Mirrors weights to {store.bucket}",
        statements=(
            allow("Mirror", actions, [Format((arn, f"/{folder}/*")) for folder in folders]),
            _list(store, folders),
            *_key(target, store, "kms:Decrypt", "kms:GenerateDataKey"),
        ),
    )
    component = Component(
        id="models",
        type="llmform:foundation:WorkloadIdentity",
        origin="models",
        reads=("models", f"targets.{platform.target.name}.account"),
        summary=("mirror Jobs may write " + ", ".join(f"{f}/" for f in folders) + f" in {store.bucket}",),
    )
    return Part((component,), nodes)


def _component(platform: Platform, store: Store, server: Server) -> Component:
    component = f"serving.{server.name}"
    return Component(
        id=component,
        type="llmform:foundation:WorkloadIdentity",
        origin=component,
        reads=(f"{component}.model", f"models.{server.weights.model}", f"targets.{platform.target.name}.account"),
        summary=(f"may read {readable_folder(server.weights)}/ in {store.bucket}",),
        aliases=moved_component(platform, component),
    )


def _nodes(platform: Platform, target: Aws, store: Store, server: Server) -> tuple[Node, ...]:
    component = f"serving.{server.name}"
    folder = readable_folder(server.weights)
    arn = Ref(ids.bucket(store), "arn")
    return pod_identity(
        platform,
        component,
        component,
        server.name,
        PodIdentity(aws.cluster_name(platform), platform.namespace, server.object_name),
        physical_name=aws.aws_name(platform, "serving", server.object_name, limit=names.IAM_ROLE),
        old_name=server.object_name,
        description=f"Model server {server.object_name} of {aws.cluster_name(platform)}",
        statements=(
            allow("Read", ("s3:GetObject",), Format((arn, f"/{folder}/*"))),
            _list(store, (folder,)),
            *_key(target, store, "kms:Decrypt"),
        ),
    )


def _list(store: Store, folders: tuple[str, ...]) -> Value:
    """Return the statement that allows to list the objects below these folders, and no others."""
    return allow(
        "List",
        ("s3:ListBucket",),
        Ref(ids.bucket(store), "arn"),
        {"StringLike": {"s3:prefix": [f"{folder}/*" for folder in folders]}},
    )


def _key(target: Aws, store: Store, *actions: str) -> tuple[Value, ...]:
    """Return the statement for these actions with the stores' key, through S3 alone, if the store has it."""
    if not store.encrypted:
        return ()
    through = {"StringEquals": {"kms:ViaService": f"s3.{target.region}.amazonaws.com"}}
    return (allow("Key", actions, Ref(ids.STORES_KEY, "arn"), through),)
