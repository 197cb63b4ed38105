"""The plan as values: what happens to each component of each stack, with its risk and its reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Literal

from stacks.causes import Because
from stacks.edits import NodeEdit, OutputEdit
from stacks.risk.finding import Finding, Risk


@dataclass(frozen=True, slots=True)
class Against:
    """What a compilation is compared with, and what compiled that side. `label` says it: `main (4f21c0e)`."""

    kind: Literal["nothing", "git", "file", "state"] = "nothing"
    label: str = "nothing"
    compiler: str = ""
    edition: str = ""

    @property
    def matched(self) -> str:
        """What a stack without changes is like."""
        return "the deployed state" if self.kind == "state" else self.label


class Action(StrEnum):
    """What is done to a resource or component; the value is its symbol."""

    CREATE = "+"
    ADOPT = "="
    DELETE = "-"
    REPLACE = "±"
    MOVE = "→"
    UPDATE = "~"


@dataclass(frozen=True, slots=True)
class RatedEdit:
    """One edit of a resource with its risk. `unchanged` counts the single values of its inputs that stay."""

    edit: NodeEdit
    action: Action
    risk: Risk
    findings: tuple[Finding, ...]
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one component of one stack.

    `because` holds the spec lines; if there are none, `explanation` says what else is the cause.
    """

    stack: str
    component: str
    origin: str
    action: Action
    risk: Risk
    findings: tuple[Finding, ...]
    because: tuple[Because, ...]
    explanation: str
    summary: tuple[str, ...]
    edits: tuple[RatedEdit, ...]
    outputs: tuple[OutputEdit, ...] = ()

    @property
    def fails(self) -> bool:
        """Say whether the apply stops here."""
        return any(f.fails for f in self.findings)


@dataclass(frozen=True, slots=True)
class Totals:
    """Resources by what is done to them, and declared outputs that change."""

    add: int = 0
    change: int = 0
    replace: int = 0
    move: int = 0
    remove: int = 0
    outputs: int = 0
    adopt: int = 0


Status = Literal["new", "removed", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class StackPlan:
    """One stack's part of the plan. `unchanged` counts the resources that no edit touches.

    `like` names the first stack of a group of sites that was planned once for all of them, itself included; it is empty
    where a stack was planned by itself. `names` are those that the spec gives the stack's place alone: `account`,
    `region`, `kubeContext`, `zone`. What is told as one change is for `stacks/alike.py` to say.
    """

    name: str
    environment: str
    target: str
    layer: str
    place: str
    status: Status
    totals: Totals
    unchanged: int
    steps: tuple[Step, ...]
    site: str = ""
    like: str = ""
    names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Plan:
    """The whole plan, and what was compared: this side's compiler and edition, and the other side.

    `unfinished`: the next update does more than these edits, because the last one left something to do; `unsaid`: of
    some values nobody can say whether they change. The notes say what.
    """

    spec: str
    compiler: str
    edition: str
    against: Against
    stacks: tuple[StackPlan, ...]
    notes: tuple[str, ...] = ()
    unfinished: bool = False
    unsaid: bool = False

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """All steps: what fails first, then the most dangerous, then by stack, then by component."""
        order = {s.name: i for i, s in enumerate(self.stacks)}
        steps = [step for s in self.stacks for step in s.steps]
        return tuple(sorted(steps, key=lambda p: (not p.fails, -p.risk, order[p.stack], p.component)))

    @property
    def totals(self) -> Totals:
        """The sums over all stacks."""
        parts = [s.totals for s in self.stacks]
        return Totals(*(sum(getattr(t, name) for t in parts) for name in Totals.__dataclass_fields__))

    @property
    def risk(self) -> Risk:
        """The largest risk of any step."""
        return max((step.risk for step in self.steps), default=Risk.NONE)

    @property
    def same(self) -> bool:
        """Say whether there is no difference between the two sides."""
        return not self.steps and all(s.status in ("changed", "unchanged") for s in self.stacks)

    @property
    def empty(self) -> bool:
        """Say whether nothing changes."""
        return self.same and not self.unfinished

    @property
    def fails(self) -> bool:
        """Say whether the apply will stop somewhere."""
        return any(step.fails for step in self.steps)
