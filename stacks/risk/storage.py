"""What holds data: volumes, buckets, keys, namespaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from specs.units import UnitError, bytes_
from stacks.edits import Delete, Replace, Update
from stacks.risk.finding import Finding, Risk, Situation, at, kind

_DATA = {
    "Namespace": "everything in the namespace goes with it",
    "PersistentVolumeClaim": "the volume's data is lost unless its class retains it",
    "PersistentVolume": "the volume's data is lost unless its reclaim policy is Retain",
    "CustomResourceDefinition": "every object of this kind goes with it",
    "Bucket": "the bucket's objects are lost; S3 refuses while there are any",
    "BucketV2": "the bucket's objects are lost; S3 refuses while there are any",
    "Key": "what is encrypted with the key cannot be read after its waiting period",
    "Repository": "the images in the repository are lost",
    "FileSystem": "the file system's data is lost",
    "Volume": "the volume's data is lost",
    "Table": "the table's data is lost",
    "Instance": "the instance and its local data are lost",
    "Queue": "messages in the queue are lost",
    "Secret": "the secret's value is lost; pods that need it do not start until it is back",
}


def holder_of_data(s: Situation) -> Iterator[Finding]:
    """What holds data loses it when it is deleted or replaced."""
    words = _DATA.get(kind(s.node))
    if kind(s.node) == "Bucket" and at(s.node.inputs, "forceDestroy") is True:
        words = "the bucket's objects are deleted with it; weights are mirrored again by their Jobs"
    if words and s.goes:
        risk = Risk.REPLACING if kind(s.node) in ("Queue", "Secret") else Risk.DESTRUCTIVE
        yield Finding(risk, words)


def stateful_set(s: Situation) -> Iterator[Finding]:
    """A StatefulSet that is deleted leaves its claims, which then belong to nothing."""
    if kind(s.node) == "StatefulSet" and isinstance(s.edit, Delete) and s.goes:
        yield Finding(
            Risk.DESTRUCTIVE,
            "its pods go; its volume claims stay behind, or go if its retention policy says Delete",
        )


def bucket_rules(s: Situation) -> Iterator[Finding]:
    """A bucket's lifecycle deletes objects by itself."""
    if kind(s.node).startswith("BucketLifecycleConfiguration") and isinstance(s.edit, Update | Replace):
        for words, *path in _DELETIONS:
            was, now = (_days(node.inputs, path) for node in (s.edit.before, s.edit.after))
            if now is not None and (was is None or now < was):
                kept = "kept without end" if was is None else f"kept for {was:,} days"
                yield Finding(
                    Risk.DESTRUCTIVE,
                    f"S3 deletes {words} older than {now:,} days, until now {kept}: it looks once a day",
                )
        yield Finding(Risk.IN_PLACE, "which objects S3 deletes, and when, changes")
    if kind(s.node).startswith("BucketVersioning") and (s.changes or s.goes):
        yield Finding(
            Risk.IN_PLACE,
            "overwritten and deleted objects may no longer be kept; versions that are there stay",
        )


_DELETIONS = (
    ("objects", "expiration", "days"),
    ("overwritten and deleted objects", "noncurrentVersionExpiration", "noncurrentDays"),
)
"""What a lifecycle rule deletes, and where it says after how many days (Amazon S3 user guide, Lifecycle configuration
elements, 2026-11)."""


def _days(inputs: Mapping[str, Any], path: Sequence[str]) -> int | None:
    """Return after how many days the first of the enabled rules deletes; None if none does."""
    rules = [r for r in inputs.get("rules", ()) if isinstance(r, Mapping) and r.get("status") == "Enabled"]
    days = [found for r in rules if isinstance(found := at(r, *path), int)]
    return min(days, default=None)


def configuration(s: Situation) -> Iterator[Finding]:
    """A ConfigMap or Secret that is replaced delete-first is missing in between."""
    if kind(s.node) not in ("ConfigMap", "Secret"):
        return
    if isinstance(s.edit, Delete) and s.goes and kind(s.node) == "ConfigMap":
        yield Finding(Risk.IN_PLACE, "pods that still mount it cannot start again")
    elif s.goes and getattr(s.edit, "delete_first", False):
        yield Finding(
            Risk.REPLACING,
            "it is missing for a moment: running pods lose the mount, new pods fail in between",
        )
    elif s.only_labels and not s.goes:
        yield Finding(Risk.IN_PLACE, "only its labels or annotations: its data stays")
    elif s.changes and not s.goes:
        yield Finding(
            Risk.IN_PLACE,
            "pods see it in their mounts after about a minute; environment variables only after a restart",
        )


def claim(s: Situation) -> Iterator[Finding]:
    """A claim never shrinks: the API server refuses it (kube-apiserver 1.34.4: "field can not be less than previous
    value")."""
    if kind(s.node) != "PersistentVolumeClaim" or s.goes or s.old is None or s.new is None:
        return
    was, now = (_bytes(at(n.inputs, "spec", "resources", "requests", "storage")) for n in (s.old, s.new))
    if was and now and now < was:
        yield Finding(
            Risk.NONE, "will fail: a claim cannot shrink; keep the size, or make a claim of another name", True
        )


def _bytes(quantity: object) -> int:
    """Return a size in bytes; 0 for one that is not written as a quantity of bytes."""
    try:
        return bytes_(quantity)
    except UnitError:
        return 0


RULES = (holder_of_data, stateful_set, bucket_rules, configuration, claim)
