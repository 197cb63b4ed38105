"""What the `review` rules of a spec ask of a change, and whether the pull request has it. Pure.

A change is judged by the rules as they were before it and as they are after it, all of them: a pull request that
loosens a rule does not wave itself through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from specs.schema.review import ReviewRule
from specs.units import Money
from stacks.plan import StackPlan, Step
from stacks.review import SpecReview
from stacks.review_rules import Rules
from stacks.risk.finding import Risk, some

if TYPE_CHECKING:
    from stacks.cost.values import Cost, Unpriced


@dataclass(frozen=True, slots=True)
class Given:
    """What the pull request has: its labels, and by how many people it is approved."""

    labels: frozenset[str] = frozenset()
    approvals: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """One rule that holds for the change: why, what it asks for, and what of that is missing.

    `side` is empty where the rule is the same on all sides. `known` is false where nobody can say whether the rule
    holds, and it counts for that reason.
    """

    spec: str
    rule: str
    side: str
    where: str
    reason: str
    labels: tuple[str, ...]
    approvals: int
    missing_labels: tuple[str, ...]
    missing_approvals: int
    known: bool = True

    @property
    def met(self) -> bool:
        """Say whether the pull request has all that the rule asks for."""
        return not self.missing_labels and not self.missing_approvals


@dataclass(frozen=True)
class Verdict:
    """All rules that hold for a change. `notes` say what a rule on costs could not count, whether it holds or not."""

    demands: tuple[Demand, ...]
    notes: tuple[str, ...] = ()
    rules: int = 0

    @cached_property
    def missing_labels(self) -> tuple[str, ...]:
        """Every label that is missing, once, in the order of the rules."""
        return tuple(dict.fromkeys(label for d in self.demands for label in d.missing_labels))

    @cached_property
    def missing_approvals(self) -> int:
        """How many approvals are missing: the rules look at the same people, so the largest number counts."""
        return max((d.missing_approvals for d in self.demands), default=0)

    @cached_property
    def passes(self) -> bool:
        """Say whether nothing is missing."""
        return all(d.met for d in self.demands)


def gate(changes: Sequence[SpecReview], given: Given) -> Verdict:
    """Return what the rules ask for, over all specs. The same rule on both sides is told once."""
    demands: list[Demand] = []
    notes: list[str] = []
    count = 0
    for change in changes:
        for name, rule, side, same in _rules(change.rules):
            count += 1
            notes += (f"{name}: {note}" for note in _not_counted(change, rule))
            holds = _holds(change, rule)
            if holds is not None:
                demands.append(_demand(change, side, name, rule, holds, given, same))
    return Verdict(tuple(demands), tuple(dict.fromkeys(notes)), count)


def _rules(sides: Sequence[Rules]) -> Iterator[tuple[str, ReviewRule, Rules, bool]]:
    """Yield every rule of every side, and whether it is the same on all sides: it is then told as the last has it."""
    for side in sides:
        for name, rule in side.rules.items():
            same = all(other.rules.get(name) == rule for other in sides)
            if not same or side is sides[-1]:
                yield name, rule, side, same


@dataclass(frozen=True, slots=True)
class _Holds:
    reason: str
    known: bool = True


def _holds(review: SpecReview, rule: ReviewRule) -> _Holds | None:
    """Return why a rule holds for a change, or None if it does not. A change has to be all that the rule says."""
    stacks = [s for s in review.plan.stacks if _meant(rule, s.environment, s.target)]
    reasons: list[str] = []
    known = True
    if rule.risk is not None:
        step = _riskiest(stacks, rule.risk)
        if step is None:
            return None
        reasons.append(f"{step.component} of {step.stack} is {step.risk}{_because(step)}")
    if rule.monthly_increase is not None:
        least = rule.monthly_increase.amount
        if not any(s.steps or s.status != "unchanged" for s in stacks):
            return None  # what does not change costs what it did
        increase = _increase(review, rule)
        if increase is None:
            known = False
            reasons.append("what the change costs is not known")
        elif increase < least:
            return None
        else:
            reasons.append(f"it costs {Money(increase)} more a month, {Money(least)} or more counts")
    return _Holds("; ".join(reasons), known)


def _riskiest(stacks: Iterable[StackPlan], least: str) -> Step | None:
    limit = next(r for r in Risk if str(r) == least)
    steps = [step for s in stacks for step in s.steps if step.risk >= limit]
    return max(steps, key=lambda step: step.risk, default=None)


def _because(step: Step) -> str:
    place = next((b.where or b.was for b in step.because if b.where or b.was), "")
    return f" ({place})" if place else ""


def _meant(rule: ReviewRule, environment: str, target: str) -> bool:
    return (rule.environments is None or environment in rule.environments) and (
        rule.targets is None or target in rule.targets
    )


def _increase(review: SpecReview, rule: ReviewRule) -> Decimal | None:
    """Return by how many US dollars a month the priced minimum of the stacks that are meant rises; None if nobody
    knows, since there is more than before that has no price. What goes and has none makes it rise less."""
    if review.cost is None or any(not u.by_use for u in _new_unpriced(review, rule)):
        return None
    before = _minimum(review.cost.before, rule) if review.cost.before is not None else Decimal(0)
    return _minimum(review.cost.after, rule) - before


def _minimum(cost: Cost, rule: ReviewRule) -> Decimal:
    meant = {s.stack for s in cost.stacks if _meant(rule, s.environment, s.target)}
    return sum((line.monthly.minimum for line in cost.lines if line.stack in meant), Decimal(0))


def _not_counted(review: SpecReview, rule: ReviewRule) -> Iterator[str]:
    """Yield what a rule on costs cannot count: what the change brings and nobody has a price for."""
    if rule.monthly_increase is None or review.cost is None:
        return
    new = _new_unpriced(review, rule)
    for item in dict.fromkeys(f"{u.item} of {u.component} is not priced ({u.reason})" for u in new):
        yield f"not counted: {item}"


def _new_unpriced(review: SpecReview, rule: ReviewRule) -> list[Unpriced]:
    """Return what the change brings to the stacks that are meant and nobody has a price for."""
    assert review.cost is not None
    meant = {s.stack for s in review.cost.after.stacks if _meant(rule, s.environment, s.target)}
    new = review.cost.after.unpriced if review.cost.before is None else review.cost.new_unpriced
    return [u for u in new if u.stack in meant]


def _demand(
    review: SpecReview, side: Rules, name: str, rule: ReviewRule, holds: _Holds, given: Given, same: bool
) -> Demand:
    labels, approvals = rule.labels or (), rule.approvals or 0
    missing = tuple(label for label in labels if label not in given.labels)
    short = max(0, approvals - given.approvals)
    where = side.where.get(name, "")
    return Demand(
        review.file,
        name,
        "" if same else side.side,
        where,
        holds.reason,
        labels,
        approvals,
        missing,
        short,
        holds.known,
    )


def needs_words(labels: Sequence[str], approvals: int) -> str:
    """Return what is asked for in words: `the label approved-destructive and 2 approvals`."""
    words = []
    if labels:
        words.append(f"the label{'s' if len(labels) > 1 else ''} {', '.join(labels)}")
    if approvals:
        words.append(some(approvals, "approval"))
    return " and ".join(words)
