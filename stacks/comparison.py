"""Two environments of one spec side by side, as a value: what differs, and why. `stacks/compare.py` makes it.

Nothing is applied by comparing, so it holds no risk, no order and no effect of an edit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from stacks.alike import Group, groups
from stacks.causes import Because, under
from stacks.same_names import Ignored, Pairs
from stacks.steps import Action, Against, Plan, StackPlan, Step

Kind = Literal["lacks", "differs", "only", "places"]
"""What a difference is: the destination *lacks* what the source has; both have it and it *differs*; *only* the
destination has it; or it differs as two *places* do (`OF_PLACES`), which a promotion does not change."""

KINDS: tuple[Kind, ...] = ("lacks", "differs", "only", "places")
"""In the order in which they are told."""

OF_PLACES = ("targets.*.region", "targets.*.network.cidr", "targets.*.foundation.vpcCidr", "targets.*.sites.*.zone")
"""Spec paths that differ where environments are in places of their own: real, and expected."""

_OF_PLACES = re.compile("|".join(re.escape(p).replace(r"\*", r"[^.]+") for p in OF_PLACES))


@dataclass(frozen=True)
class Comparison:
    """What differs between two environments. Stacks and nodes have the names of the destination.

    A stack that is `new` is one that only the destination has, `removed` one that only the source has. Of a cause,
    `where` and `overlay` are the destination's line, `was` and `was_overlay` the source's; a side that has a place and
    no value removes it there. `sites` are those that only one environment has: environment, target and site.
    """

    spec: str
    compiler: str
    edition: str
    source: str
    destination: str
    targets: Pairs
    sites: tuple[tuple[str, str, str], ...]
    ignored: tuple[Ignored, ...]
    stacks: tuple[StackPlan, ...]

    @cached_property
    def plan(self) -> Plan:
        """The stacks in the form that is grouped."""
        return Plan(self.spec, self.compiler, self.edition, Against("file", self.source), self.stacks)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The stacks that differ, each in one group of equal differences."""
        return groups(self.plan)

    @cached_property
    def causes(self) -> tuple[Because, ...]:
        """What the spec says differently of anything that differs, each once, by path; of a group its first stack's."""
        every = [b for g in self.groups for step in g.first.steps for b in step.because if b.written]
        # of what is there or not its keys say no more; a target is there on both sides, and its keys say it
        whole = {b.path for b in every if b.before is b.after}
        entries = [path for path in whole if not path.startswith("targets.")]
        every = [b for b in every if not any(b.path != path and under(b.path, (path,)) for path in entries)]
        parts = [b.path for b in every if b.path not in whole]
        every = [b for b in every if b.path in entries or not any(under(p, (b.path,)) for p in parts if p != b.path)]
        once = {(b.path, b.was, b.where, repr((b.before, b.after))): b for b in every}
        return tuple(once[key] for key in sorted(once))

    @property
    def same(self) -> bool:
        """Say whether nothing differs but what must. Environments without a stack in common are not the same."""
        return bool(self.stacks) and not any(s.steps or s.status in ("new", "removed") for s in self.stacks)

    @cached_property
    def counts(self) -> Mapping[Kind, int]:
        """How many differences of each kind there are: components over all stacks. Outputs follow from components."""
        kinds = [kind_of(step) for s in self.stacks for step in s.steps if not step.outputs or len(s.steps) == 1]
        return {kind: kinds.count(kind) for kind in KINDS}


def kind_of(step: Step) -> Kind:
    """Return what kind of difference a step is."""
    match step.action:
        case Action.DELETE:
            return "lacks"
        case Action.CREATE:
            return "only"
    written = [b for b in step.because if b.written]
    return "places" if written and all(_OF_PLACES.fullmatch(b.path) for b in written) else "differs"
