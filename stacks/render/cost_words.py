"""What a change costs, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from stacks.cost.values import CostChange, Range, total
from stacks.render.human_plan import count


def dollars(amount: Decimal, *, signed: bool = False) -> str:
    """Return US dollars in words of a bill: whole ones from $100 on, cents below.

    Example:
        >>> dollars(Decimal("1498.4")), dollars(Decimal("-2.5"), signed=True)
        ('$1,498', '-$2.50')
    """
    places = Decimal(1) if abs(amount) >= 100 else Decimal("0.01")
    rounded = abs(amount).quantize(places, ROUND_HALF_UP)
    sign = "-" if amount < 0 and rounded else "+" if signed and rounded else ""
    return f"{sign}${rounded:,}"


def monthly_words(costs: Sequence[CostChange]) -> str:
    """Return by how much a month changes, from what to what, what it costs once, and what has no price."""
    change = total(c.monthly for c in costs)
    after = total(c.after.monthly for c in costs)
    before = [c.before.monthly for c in costs if c.before is not None]
    text = f"{dollars(change.minimum, signed=True)} a month at minimum"
    text += f" ({dollars(total(before).minimum)} → {dollars(after.minimum)})" if before else ""
    if change.expected is not None:
        text += f", {dollars(change.expected, signed=True)} at the expected load"
    text += f", {dollars(change.maximum, signed=True)} at maximum."
    if once := sum((o.usd for c in costs for o in c.once), Decimal(0)):
        text += f" Once: {dollars(once)}."
    unpriced = sorted({u.item for c in costs for u in c.after.unpriced})
    if unpriced:
        more = ", …" if len(unpriced) > 3 else ""
        text += f" Not priced: {count(len(unpriced), 'item')} ({', '.join(unpriced[:3])}{more})."
    return text


def range_words(found: Range) -> tuple[str, str, str]:
    """Return minimum, expected and maximum as cells of a table; what nobody can say is said to be unknown."""
    expected = "not known" if found.expected is None else dollars(found.expected)
    return dollars(found.minimum), expected, dollars(found.maximum)
