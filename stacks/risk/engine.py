"""What the engine itself does or refuses, whatever the kind of resource."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.changes import keys, written
from stacks.edits import Create, Delete, Move, Replace
from stacks.risk.finding import Finding, Risk, Situation, kind


def protected(s: Situation) -> Iterator[Finding]:
    """A protected resource is neither deleted nor replaced."""
    if s.old is not None and s.old.options.protect and isinstance(s.edit, Delete | Replace):
        words = "it is protected: the engine refuses until an apply with `protect: false` has come before"
        yield Finding(Risk.NONE, words, fails=True)


def retained(s: Situation) -> Iterator[Finding]:
    """What is retained on delete stays; only Pulumi forgets it."""
    if s.old is not None and s.old.options.retain_on_delete and isinstance(s.edit, Delete | Replace):
        yield Finding(Risk.NONE, "the old object stays as it is; only Pulumi forgets it")


def refused(s: Situation) -> Iterator[Finding]:
    """The service refuses what the provider plans as an update."""
    for change in s.changes:
        if change.effect.kind == "refused":
            words = f"will fail: `{written(change.path)}` cannot be changed"
            yield Finding(Risk.NONE, f"{words} ({change.effect.note})" if change.effect.note else words, fails=True)


def unknown(s: Situation) -> Iterator[Finding]:
    """Nobody has recorded what the change does."""
    for change in s.changes:
        if change.effect.kind == "unknown":
            words = f"cannot say whether `{written(change.path)}` replaces it: not recorded"
            yield Finding(Risk.REPLACING, words)


def elsewhere(s: Situation) -> Iterator[Finding]:
    """A resource whose provider works in another region or account afterwards is not there."""
    if isinstance(s.edit, Create | Delete | Replace):
        return
    for change in s.edit.changes:
        if change.part == "provider" and change.effect.kind == "unknown":
            words = "its provider works in another region or account: cannot say whether it is replaced: not recorded"
            yield Finding(Risk.DESTRUCTIVE, words)


def only_labels(s: Situation) -> Iterator[Finding]:
    """Labels of an object that nothing selects by its own labels are words for people."""
    if not s.only_labels or s.goes:
        return
    no_annotations = all(keys(c.path)[:2] == ("metadata", "labels") for c in s.changes)
    if kind(s.node) in _INERT or (no_annotations and kind(s.node) in _INERT_LABELS):
        words = f"only labels or annotations of the {kind(s.node)}: nothing running notices"
        yield Finding(Risk.NONE, words)


_INERT = ("NetworkPolicy", "PodDisruptionBudget", "PriorityClass", "Role", "RoleBinding", "RuntimeClass")
"""Kinds whose own labels and annotations nothing acts on.

Not here: what is selected by its own labels (Namespace, Service, monitors, aggregated ClusterRoles, ConfigMaps that
sidecars look for).
"""

_INERT_LABELS = ("Job", "NodePool", "ServiceAccount", "StorageClass")
"""Kinds whose own labels nothing acts on, but whose annotations mean something."""


def one_way(s: Situation) -> Iterator[Finding]:
    """A property that only moves one way."""
    for change in s.changes:
        if change.effect.one_way and (s.node.type, change.path) != ("aws:eks/cluster:Cluster", ("version",)):
            yield Finding(Risk.IN_PLACE, f"`{written(change.path)}` {change.effect.note}")


def adopted(s: Situation) -> Iterator[Finding]:
    """A resource that exists is taken over."""
    if isinstance(s.edit, Create) and s.edit.node.options.import_id:
        yield Finding(Risk.NONE, f"adopts `{s.edit.node.options.import_id}`, which exists")


def other_id(s: Situation) -> Iterator[Finding]:
    """A resource that the stack has takes over another one: the engine imports that, and deletes its own."""
    if isinstance(s.edit, Create | Delete):
        return
    for change in s.edit.changes:
        if change.part == "options" and change.path == ("import_id",) and change.after:
            words = f"the engine imports `{change.after}` and deletes the one that the stack has"
            if change.effect.kind == "replace":
                yield Finding(Risk.REPLACING, words)
            elif change.effect.kind == "unknown":
                yield Finding(Risk.DESTRUCTIVE, f"unless it is `{change.after}` already, {words}")


def record_only(s: Situation) -> Iterator[Finding]:
    """Options, names and order are Pulumi's own record: nothing running notices."""
    if isinstance(s.edit, Create | Delete | Replace) or s.changes:
        return
    if isinstance(s.edit, Move):
        yield Finding(Risk.NONE, f"the same object, until now `{s.edit.before.id}`")
    elif any(c.effect.kind == "unknown" for c in s.edit.changes):
        return
    elif any(c.effect.kind == "ignored" for c in s.edit.changes):
        yield Finding(Risk.NONE, "`ignoreChanges` keeps what is there")
    else:
        yield Finding(Risk.NONE, "only Pulumi's own record of it changes")


RULES = (protected, retained, refused, unknown, elsewhere, only_labels, one_way, adopted, other_id, record_only)
