"""One stack as a picture, before it is drawn: a box for each component, an arrow for each dependency between two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stacks.risk.finding import Risk

Change = Literal["none", "create", "adopt", "delete", "replace", "move", "update"]


@dataclass(frozen=True, slots=True)
class Box:
    """One component. `id` is its path in the spec, `type` such as `llmform:serving:ModelServer`, `resources` how many
    it has."""

    id: str
    type: str
    resources: int
    change: Change = "none"
    risk: Risk = Risk.NONE


@dataclass(frozen=True, slots=True)
class Arrow:
    """`dependent` needs something of `dependency`; both are ids of boxes."""

    dependent: str
    dependency: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture of one stack, its boxes in the order in which they are made."""

    stack: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
