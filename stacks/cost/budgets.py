"""Whether environments keep to their budgets, judged by what is priced at minimum: more than that is certain to be
spent, and what is not priced comes on top."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from specs.diagnostics import Diagnostic, Label
from specs.finding import finding, place_of
from specs.load import Case
from stacks.cost.values import BudgetState, Cost, Line, total
from stacks.cost.words import cents, percent, usd

_NAMED = 5
"""Lines that a failing budget names: the largest. The others are counted."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The budgets, and an error for each that is exceeded."""

    states: tuple[BudgetState, ...]
    found: tuple[Diagnostic, ...]


def judged(cases: Sequence[Case], cost: Cost, environments: Collection[str]) -> Judged:
    """Return how the environments keep to their budgets.

    Args:
        cost: of all stacks of these environments; a budget is of all targets of one.
    """
    states: list[BudgetState] = []
    found: list[Diagnostic] = []
    first: dict[str, Case] = {}
    for case in cases:
        first.setdefault(case.environment, case)
    for environment, case in first.items():
        budget = case.spec.budget
        if budget is None or environment not in environments:
            continue
        stacks = {s.stack for s in cost.stacks if s.environment == environment}
        lines = [line for line in cost.lines if line.stack in stacks]
        mine = [u for u in cost.unpriced if u.stack in stacks]
        lacking = tuple(dict.fromkeys(u.item for u in mine))
        uncounted, spec = tuple(dict.fromkeys(u.item for u in mine if not u.by_use)), case.spec.name
        everything = total(line.monthly for line in lines).minimum
        left_out = (lacking, uncounted, spec)
        states.append(BudgetState(environment, "", budget.monthly, everything, budget.fail_above, *left_out))
        found += _exceeded(cases, case, states[-1], lines)
        for name, own in sorted(budget.models.items()):
            own_lines = [line for line in lines if line.model == name]
            fails = own.fail_above if own.fail_above is not None else budget.fail_above
            spent = total(line.monthly for line in own_lines).minimum
            states.append(BudgetState(environment, name, own.monthly, spent, fails, *left_out))
            found += _exceeded(cases, case, states[-1], own_lines)
    return Judged(tuple(states), tuple(found))


def _exceeded(cases: Sequence[Case], case: Case, state: BudgetState, lines: Sequence[Line]) -> Iterator[Diagnostic]:
    if not state.exceeded or state.fails_above is None:
        return
    what = f"`{state.model}` in `{state.environment}`" if state.model else f"`{state.environment}`"
    path = ("budget", "models", state.model, "monthly") if state.model else ("budget", "monthly")
    help = "spend less, or raise `monthly`"
    # near its limit the cents decide
    amount = cents if usd(state.minimum) == usd(state.monthly * state.fails_above) else usd
    if state.unpriced:
        help += f"; not priced, and not counted: {', '.join(state.unpriced)}"
    yield finding(
        case,
        "budget-exceeded",
        path,
        f"{what} costs at least {amount(state.minimum)} a month, {percent(state.share)} of its budget of "
        f"{amount(state.monthly)}; the plan fails above {percent(state.fails_above)}",
        help=help,
        related=tuple(_costly(cases, case, state, lines)),
    )


def _costly(cases: Sequence[Case], case: Case, state: BudgetState, lines: Sequence[Line]) -> Iterator[Label]:
    """Yield the lines that cost most at minimum, each at what of the spec caused it."""
    ordered = sorted((line for line in lines if line.monthly.minimum), key=lambda line: -line.monthly.minimum)
    for number, line in enumerate(ordered[:_NAMED]):
        rest = len(ordered) - _NAMED
        smaller = f"; {rest} smaller line{'s' if rest > 1 else ''}"
        more = smaller if number == _NAMED - 1 and rest > 0 else ""
        of = next((c for c in cases if _is_of(line, c)), case)
        text = f"{usd(line.monthly.minimum)}: {line.item}, {line.quantity}, of `{line.stack}`{more}"
        yield place_of(of, tuple(line.origin.split(".")), text)


def _is_of(line: Line, case: Case) -> bool:
    return line.stack.startswith(f"{case.spec.name}.{case.environment}.{case.target}.")
