"""A budget is one environment's, names models that are there, and its alerts reach somebody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.facts_file import Facts
from specs.finding import finding, place_of
from specs.load import Case
from specs.suggest import did_you_mean
from specs.tree import at

_ALERTS = ("alertAt", "alertTo")
_BOTH = "remove `alertAt` and `alertTo`"


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield models that are not there, and alerts that nobody gets or that nothing causes."""
    budget = case.spec.budget
    if budget is None:
        return
    known = at(case.base, ("models",))
    models = dict.fromkeys((*case.spec.models, *(known.members if known is not None else ())))
    for name in budget.models:
        if name not in models:
            yield finding(
                case, "unknown-reference", ("budget", "models", name), f"there is no model `{name}`",
                help=did_you_mean(name, models, "entries of `models`"), key=True,
            )  # fmt: skip
    if budget.alert_at and budget.alert_to is None:
        yield finding(
            case, "budget-tells-nobody", ("budget", "alertAt"), "the alerts have no one to go to",
            help="add `alertTo: {emails: [finops@acme.example]}`, or remove `alertAt`",
        )  # fmt: skip
    if budget.alert_to is not None and not budget.alert_at:
        yield finding(
            case, "budget-tells-nobody", ("budget", "alertTo"), "nothing is ever sent: the budget has no `alertAt`",
            help="add it, such as `alertAt: [80%, 100%]`", key=True,
        )  # fmt: skip
    providers = {at(case.base, ("targets", name, "provider")) for name in case.all_targets}
    if any(p is not None and p.value == "aws" for p in providers):
        return
    for key in _ALERTS:
        if at(case.tree, ("budget", key)) is not None:
            message = f"`{key}` does nothing: AWS Budgets sends the alerts, and the spec has no AWS target"
            yield finding(case, "no-effect", ("budget", key), message, help=_BOTH, key=True)
            return


def check_together(cases: Sequence[tuple[Case, Facts | None]]) -> Iterator[Diagnostic]:
    """Yield a budget that one target of an environment has and another has not: it is of all of them together."""
    first: dict[str, Case] = {}
    for case, _ in cases:
        other = first.setdefault(case.environment, case)
        if case.spec.budget != other.spec.budget:
            here, there = (case, other) if case.spec.budget is not None else (other, case)
            yield finding(
                here, "budget-of-a-target", ("budget",),
                f"the budget of `{case.environment}` is one at `{here.target}` and another at `{there.target}`",
                help="a budget is of an environment: set it at the top, or in `environments.X.overlay`", key=True,
                related=(place_of(here, ("targets", here.target), "this target has its own"),),
            )  # fmt: skip
