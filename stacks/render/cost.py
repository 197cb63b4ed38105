"""Costs in words and as a table: what every form of a plan, and `llmform cost`, say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from stacks.cost.values import BudgetState, Cost, CostChange, Line, OneOff, PerToken, Range, Unpriced
from stacks.cost.views import Row, view
from stacks.cost.words import of_token, percent, rate, signed, usd
from stacks.render.json_cost import cost_values
from stacks.render.style import PLAIN, Style, display_width, safe, together, wrap

__all__ = ["cost_line", "cost_values", "human_cost", "human_table"]

_PERCENT = re.compile(r"[0-9] %")

_NAMED = 6
"""Items that a plan names: the largest, and of those that are not priced the first. The others are counted."""


def cost_line(change: CostChange) -> str:
    """Return the cost of a plan in one line, for a comment: what changes at minimum, the budgets, what is not
    priced."""
    told = " ".join(_sentences(change))
    told += "".join(f" {text}" for text in _budgets(change.budgets))
    if change.once:
        told += f" Once: about {usd(sum((o.usd for o in change.once), Decimal(0)))}."
    lacking = _items(change.after.unpriced)
    return f"{told} Not priced: {_named(lacking)}." if lacking else told


def _sentences(change: CostChange) -> list[str]:
    """Return what a plan costs or changes: nothing is said to cost nothing that has no price."""
    was, now, more = change.before, change.after, change.monthly
    if not now.lines and not (was and was.lines):
        nothing = now.unpriced or (was and was.unpriced)
        return ["Cost: not known, nothing of it has a price." if nothing else "Cost: none."]
    if was is None:
        return [f"Cost: about {usd(now.monthly.minimum)} a month at minimum, {usd(now.monthly.maximum)} at maximum."]
    first = "Cost: "
    if change.uncounted:  # what has no price is not nothing
        lacking = _items(change.uncounted)
        first += f"by how much it changes is not known, {_named(lacking)} {_has(lacking)} no price; of what has one: "
    told = [f"{first}{_difference('at minimum', more.minimum, was.monthly.minimum, now.monthly.minimum)}."]
    if more.maximum != more.minimum:
        text = _difference("at maximum", more.maximum, was.monthly.maximum, now.monthly.maximum)
        told.append(f"{text[0].upper()}{text[1:]}.")
    return told


def _difference(where: str, more: Decimal, was: Decimal, now: Decimal) -> str:
    if not more:
        return f"unchanged {where}, {usd(now)} a month"
    return f"{signed(more)}/month {where} ({usd(was)} → {usd(now)})"


def _has(items: Sequence[str]) -> str:
    return "has" if len(items) == 1 else "have"


def _budgets(states: Sequence[BudgetState]) -> Iterator[str]:
    many = len({state.spec for state in states}) > 1
    for state in states:
        of = f" of `{safe(state.model)}` in" if state.model else " of"
        spec = f" of {safe(state.spec)}" if many else ""
        failing = ", and the plan fails" if state.exceeded else ""
        # what has no price is not nothing: nobody knows how much of the budget it takes
        taken = percent(state.share) if state.minimum or not state.unpriced else "nothing of it is priced"
        if state.minimum and state.uncounted:
            taken += f" without {_named(state.uncounted)}, not priced"
        yield f"Budget{of} `{safe(state.environment)}`{spec} {usd(state.monthly)}: {taken}{failing}."


def human_cost(change: CostChange, style: Style = PLAIN) -> list[str]:
    """Return the lines of a plan about its costs: a block for a first plan, a sentence or two for a change."""
    if change.before is not None:
        lines = _wrapped(safe(_change_words(change)), "", "  ")
        for text in _budgets(change.budgets):
            lines += _wrapped(text, "", "  ")
        return lines
    cost = change.after
    if not cost.lines and not cost.unpriced:
        return []
    part = ", as far as it has a price" if any(not u.by_use for u in cost.unpriced) else ""
    head = "Cost per month" + (f", prices of {_dates(cost.lines)}" if cost.lines else "")
    rows = [("at minimum", usd(cost.monthly.minimum), _largest(cost.lines))] if cost.lines else []
    if cost.lines and cost.monthly.expected is not None:
        text = f"at the traffic and replicas that the spec says{part}"
        rows.append(("as expected", usd(cost.monthly.expected), text))
    if cost.lines:
        rows.append(("at maximum", usd(cost.monthly.maximum), f"all nodes that the pools may have{part}"))
    width = max((len(amount) for _, amount, _ in rows), default=0)
    lines = [style.paint(safe(head), "bold")]
    for name, amount, text in rows:
        lines += _wrapped(safe(text), f"  {name:12}{amount:>{width}}   ", " " * (14 + width + 3))
    if cost.unpriced:
        lines += _wrapped(safe(_named(_items(cost.unpriced))), "  not priced  ", " " * 14)
    for text in _budgets(change.budgets):
        lines += _wrapped(text, "  ", "    ")
    return lines


def _change_words(change: CostChange) -> str:
    told = _sentences(change)
    told += [f"Once: about {usd(o.usd)} for {o.component}, {o.text}." for o in change.once[:3]]
    if len(change.once) > 3:
        rest = sum((o.usd for o in change.once[3:]), Decimal(0))
        told.append(f"Once: about {usd(rest)} for {len(change.once) - 3} more.")
    known = set(_items(change.before.unpriced)) if change.before is not None and change.after.lines else set()
    if change.known:
        known |= set(_items(change.uncounted))  # told already
    new = [u for u in _items(change.after.unpriced) if u not in known]
    if new:
        told.append(f"Not priced: {_named(new)}.")
    return " ".join(told)


def _items(unpriced: Iterable[Unpriced]) -> list[str]:
    return list(dict.fromkeys(u.item for u in unpriced))


def _named(items: Sequence[str]) -> str:
    more = f"; {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return ", ".join(items[:_NAMED]) + more


def _largest(lines: Sequence[Line]) -> str:
    """Return the items that cost most at minimum, each with its sum."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        sums[line.item] = sums.get(line.item, Decimal(0)) + line.monthly.minimum
    ordered = sorted(((cost, item) for item, cost in sums.items() if cost), key=lambda p: (-p[0], p[1]))
    rest = sum((cost for cost, _ in ordered[_NAMED:]), Decimal(0))
    told = [f"{item} {usd(cost)}" for cost, item in ordered[:_NAMED]]
    return ", ".join([*told, *([f"{len(ordered) - _NAMED} more {usd(rest)}"] if rest else [])])


def _dates(lines: Sequence[Line]) -> str:
    days = sorted({line.price.as_of for line in lines})
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def human_table(change: CostChange, views: Sequence[str], *, details: bool, style: Style = PLAIN) -> str:
    """Return what `llmform cost` prints: the sums by each view, tokens, what a change costs, what is not priced."""
    cost = change.after
    lines: list[str] = []
    for name in views:
        lines += [*_table(f"by {name}", view(cost, name), cost, style), ""]
    if details:
        lines += [*_every_line(cost.lines, style), ""]
    if any(t.usd_per_million_input is not None for t in cost.per_token):
        lines += [*_tokens(cost.per_token, style), ""]
    if change.once:
        lines += [*_once(change.once, style), ""]
    if cost.unpriced:
        lines += [*_lacking(cost.unpriced, style), ""]
    for text in _budgets(change.budgets):
        lines += _wrapped(text, "", "  ")
    if change.before is not None:
        told = _changed_words(change)
        lines += _wrapped(safe(told), "", "  ")
    return "\n".join(lines).rstrip("\n") + "\n"


def _changed_words(change: CostChange) -> str:
    """Return the sentences on a change alone: the rest stands above them."""
    return " ".join(_sentences(change))


def _cells(name: str, monthly: Range) -> tuple[str, ...]:
    expected = "not known" if monthly.expected is None else usd(monthly.expected)
    return safe(name), usd(monthly.minimum), expected, usd(monthly.maximum)


def _table(title: str, rows: Sequence[Row], cost: Cost, style: Style) -> Iterator[str]:
    whole = Row("in all", cost.monthly, len(cost.lines), len(cost.unpriced))
    cells = []
    for r in (*rows, whole):
        lacking = f"{r.unpriced} not priced" if r.unpriced else ""
        nothing = (safe(r.name), "-", "-", "-")  # what has no price is not $0
        cells.append((*(nothing if lacking and not r.lines else _cells(r.name, r.monthly)), lacking))
    yield from _grid((f"US dollars a month, {title}", "at minimum", "expected", "at maximum", ""), cells, style)


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]], style: Style) -> Iterator[str]:
    widths = [max(display_width(row[n]) for row in (head, *rows)) for n in range(len(head))]
    for number, row in enumerate((head, *rows)):
        left = row[0] + " " * (widths[0] - display_width(row[0]))
        right = "  ".join(f"{cell:>{widths[n]}}" for n, cell in enumerate(row[1:4], 1))
        rest = "  ".join(row[4:])
        text = f"{left}  {right}  {rest}".rstrip()
        yield style.paint(text, "bold") if number in (0, len(rows)) else text


def _every_line(lines: Sequence[Line], style: Style) -> Iterator[str]:
    yield style.paint("Lines", "bold")
    for line in lines:
        of = f" for {line.model}" if line.model else ""
        yield from _wrapped(safe(f"{line.stack} {line.component}{of}: {line.item}"), "  ", "    ")
        expected = "" if line.monthly.expected is None else f"{usd(line.monthly.expected)} expected, "
        price = rate(line.price.usd, line.price.unit)
        text = (
            f"{usd(line.monthly.minimum)} at minimum, {expected}{usd(line.monthly.maximum)} at maximum: "
            f"{line.quantity}, {price} ({line.price.as_of}, {line.price.source})"
        )
        yield from _wrapped(safe(text + (f"; {line.where}" if line.where else "")), "      ", "      ")


def _tokens(tokens: Sequence[PerToken], style: Style) -> Iterator[str]:
    yield style.paint(
        "US dollars for a million tokens, with the traffic of the spec all month: with less it is more", "bold"
    )
    for t in tokens:
        if t.usd_per_million_input is None or t.usd_per_million_output is None or t.utilisation is None:
            text = f"not known: {t.reason}"
        else:
            read, written = of_token(t.usd_per_million_input), of_token(t.usd_per_million_output)
            text = (
                f"{read} read, {written} written, at its traffic: "
                f"{percent(t.utilisation)} of what its replicas carry by estimate"
            )
        yield from _wrapped(
            safe(f"{t.stack} serving.{t.server} ({t.model or 'model not known'}): {text}"), "  ", "    "
        )


def _once(items: Sequence[OneOff], style: Style) -> Iterator[str]:
    yield style.paint("Once, for the change itself", "bold")
    for item in items:
        yield from _wrapped(safe(f"{usd(item.usd)} {item.stack} {item.component}: {item.text}"), "  ", "    ")


def _lacking(items: Sequence[Unpriced], style: Style) -> Iterator[str]:
    """Yield what is not priced, once for all stacks that it is the same in."""
    yield style.paint("Not priced", "bold")
    alike: dict[tuple[str, str], list[str]] = {}
    for item in items:
        alike.setdefault((item.item, item.reason), []).append(item.stack)
    for (item_name, reason), stacks in alike.items():
        where = f" ({len(stacks)} times)" if len(stacks) > 1 else ""
        yield from _wrapped(safe(f"{item_name}{where}: {reason}"), "  ", "    ")


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    """Return the text in lines, with each number beside its sign of percent."""
    return wrap(_PERCENT.sub(lambda m: together(m[0]), text), first, rest)
