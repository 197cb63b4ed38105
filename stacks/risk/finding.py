"""What a risk rule sees and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from components.graph import Graph, Node, Value
from components.resolve.platform import Explained
from stacks.changes import ABSENT, keys
from stacks.edits import Change, Create, Delete, Edit, NodeEdit, Replace


class Risk(IntEnum):
    """How much an edit can hurt; a larger one outranks a smaller one."""

    NONE = 0
    """Nothing running notices."""
    IN_PLACE = 1
    """Something running changes, and goes on."""
    ROLLING = 2
    """Pods or nodes restart one after another; capacity is kept."""
    REPLACING = 3
    """An object disappears and comes back, or capacity drops."""
    DESTRUCTIVE = 4
    """Data or an address is lost."""

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of an edit. `fails`: the apply stops here until the plan is another."""

    risk: Risk
    reason: str
    fails: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """All stacks of one environment and target, by layer, as far as they are part of the plan.

    `edits` are those of the layers below: an apply has carried them out when the stack's own turn comes.
    """

    before: Mapping[str, Graph] = field(default_factory=dict)
    after: Mapping[str, Graph] = field(default_factory=dict)
    edits: Mapping[str, tuple[Edit, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """One edit with what stands around it. `values` are the decided values of the stack afterwards."""

    edit: NodeEdit
    edits: Mapping[str, Edit]
    values: Mapping[str, Explained]
    before: Graph | None
    after: Graph | None
    target: Target = field(default_factory=Target)

    @property
    def old(self) -> Node | None:
        """The node before; None if it is new."""
        if isinstance(self.edit, Create):
            return None
        return self.edit.node if isinstance(self.edit, Delete) else self.edit.before

    @property
    def new(self) -> Node | None:
        """The node afterwards; None if it goes."""
        if isinstance(self.edit, Delete):
            return None
        return self.edit.node if isinstance(self.edit, Create) else self.edit.after

    @property
    def node(self) -> Node:
        """The node afterwards, or else the one that goes."""
        node = self.new or self.old
        assert node is not None
        return node

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of inputs that reach the provider."""
        if isinstance(self.edit, Create | Delete):
            return ()
        return tuple(c for c in self.edit.changes if c.part == "inputs" and c.effect.kind not in ("record", "ignored"))

    @property
    def goes(self) -> bool:
        """Say whether the object that is there disappears: deleted for good, or replaced."""
        if isinstance(self.edit, Delete):
            return not self.edit.node.options.retain_on_delete
        return isinstance(self.edit, Replace) and not self.edit.before.options.retain_on_delete

    @property
    def only_labels(self) -> bool:
        """Say whether labels or annotations of the object itself are all that changes."""
        changes = self.changes
        return bool(changes) and all(
            keys(c.path)[:2] in (("metadata", "labels"), ("metadata", "annotations")) for c in changes
        )

    def changed(self, *path: str) -> bool:
        """Say whether anything at, inside or around this property changes."""
        return any(_meet(keys(c.path), path) for c in self.changes)

    def change(self, *path: str) -> Change | None:
        """Return the change of exactly this property."""
        for c in self.changes:
            if keys(c.path) == path:
                return c
        return None


Rule = Callable[[Situation], Iterable[Finding]]


def _meet(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    shorter = min(len(a), len(b))
    return a[:shorter] == b[:shorter]


def kind(node: Node) -> str:
    """Return the last part of the type token: `Deployment`, `Vpc`."""
    return node.type.rpartition(":")[2]


def at(value: Value, *path: str, default: Any = None) -> Any:
    """Return what stands at a path of maps, or the default."""
    for step in path:
        if not isinstance(value, Mapping) or step not in value:
            return default
        value = value[step]
    return value


def number(value: Any, default: int = 0) -> int:
    """Return a whole number that may be written as text; the default for anything else."""
    if isinstance(value, bool) or value is ABSENT:
        return default
    if isinstance(value, int | float):
        return int(value)
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else default


def some(count: int, noun: str) -> str:
    """Return the count with its noun: `1 replica`, `2 replicas`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("y") else f"{count} {noun}s"
