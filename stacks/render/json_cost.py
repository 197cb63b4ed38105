"""Costs as JSON values. The layout is `docs/reference/cost-json.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from stacks.cost.values import BudgetState, CostChange, Line, PerToken, Range, Unpriced, joined
from stacks.cost.views import VIEWS, Row, view

FORMAT = 1
"""Version of the layout of `cost_values`."""


def cost_values(change: CostChange) -> dict[str, Any]:
    """Return the costs as JSON values; amounts are decimals in text, US dollars. The layout is
    docs/reference/cost-json.md."""
    cost = change.after
    return {
        "format": FORMAT,
        "currency": "USD",
        "monthly": _range(cost.monthly),
        "before": None if change.before is None else _range(change.before.monthly),
        "change": None if change.before is None or change.uncounted else _range(change.monthly),
        "uncounted": [_unpriced(u) for u in change.uncounted],
        "once": [{**asdict(o), "usd": amount(o.usd)} for o in change.once],
        "budgets": [_budget(b) for b in change.budgets],
        "views": {name: [_row(r) for r in view(cost, name)] for name in VIEWS},
        "lines": [_line(line) for line in cost.lines],
        "unpriced": [_unpriced(u) for u in cost.unpriced],
        "perToken": [_token(t) for t in cost.per_token],
    }


def sum_values(changes: Sequence[CostChange]) -> dict[str, Any]:
    """Return what several specs cost together: the sums of `cost_values`, without what they are made of."""
    every = cost_values(joined(changes))
    return {key: every[key] for key in ("currency", "monthly", "before", "change", "budgets")}


def amount(value: Decimal) -> str:
    """Return a decimal as text without an exponent and without zeros at its end.

    Example:
        >>> amount(Decimal("147.1680")), amount(Decimal("2E+3")), amount(Decimal(0))
        ('147.168', '2000', '0')
    """
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _range(monthly: Range) -> dict[str, str | None]:
    expected = None if monthly.expected is None else amount(monthly.expected)
    return {"minimum": amount(monthly.minimum), "expected": expected, "maximum": amount(monthly.maximum)}


def _row(row: Row) -> dict[str, Any]:
    return {"name": row.name, **_range(row.monthly), "lines": row.lines, "unpriced": row.unpriced}


def _budget(state: BudgetState) -> dict[str, Any]:
    return {
        "spec": state.spec,
        "environment": state.environment,
        "model": state.model,
        "monthly": amount(state.monthly),
        "minimum": amount(state.minimum),
        "share": amount(state.share.quantize(Decimal("0.0001"))),
        "failsAbove": None if state.fails_above is None else amount(state.fails_above),
        "exceeded": state.exceeded,
        "unpriced": list(state.unpriced),
        "uncounted": list(state.uncounted),
    }


def _unpriced(item: Unpriced) -> dict[str, Any]:
    values = asdict(item)
    by_use = values.pop("by_use")
    return {**values, "byUse": by_use}


def _line(line: Line) -> dict[str, Any]:
    price = {"usd": amount(line.price.usd), "unit": line.price.unit, "source": line.price.source}
    return {
        "stack": line.stack,
        "component": line.component,
        "origin": line.origin,
        "where": line.where,
        "model": line.model,
        "item": line.item,
        "quantity": line.quantity,
        "price": {**price, "asOf": line.price.as_of},
        **_range(line.monthly),
    }


def _token(t: PerToken) -> dict[str, Any]:
    def rounded(value: Decimal | None) -> str | None:
        return None if value is None else amount(value.quantize(Decimal("0.0001")))

    return {
        "stack": t.stack,
        "server": t.server,
        "model": t.model,
        "usdPerMillionInput": rounded(t.usd_per_million_input),
        "usdPerMillionOutput": rounded(t.usd_per_million_output),
        "utilisation": rounded(t.utilisation),
        "reason": t.reason,
    }
