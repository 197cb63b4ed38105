"""Amounts in words: one form of dollars and of shares for everything that speaks of costs."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")
_MILLIONTH = Decimal("0.000001")


def cents(amount: Decimal) -> str:
    """Return US dollars with their cents, whatever the amount.

    Example:
        >>> cents(Decimal("2989.107"))
        '$2,989.11'
    """
    return f"{'-' if amount < 0 else ''}${abs(amount).quantize(_CENT, ROUND_HALF_UP):,}"


def usd(amount: Decimal) -> str:
    """Return US dollars as people read them: whole ones from $100 on, cents below, and never nothing for something.

    Example:
        >>> [usd(Decimal(n)) for n in ("1358.53", "33.845", "0.004", "0", "-1500.5")]
        ['$1,359', '$33.85', 'less than $0.01', '$0', '-$1,501']
    """
    size = abs(amount)
    sign = "-" if amount < 0 else ""
    if not size:
        return "$0"
    if size < _CENT / 2:
        return f"{'more than -' if amount < 0 else 'less than '}$0.01"
    if size >= 100:
        return f"{sign}${size.quantize(Decimal(1), ROUND_HALF_UP):,}"
    return f"{sign}${size.quantize(_CENT, ROUND_HALF_UP):,}"


def signed(amount: Decimal) -> str:
    """Return a change in US dollars: `+$1,359`, `-$20`, `$0`."""
    return f"+{usd(amount)}" if amount >= _CENT / 2 else usd(amount)


def rate(price: Decimal, unit: str) -> str:
    """Return the price of a unit: exact, but for digits after the sixth of a price that is divided.

    Example:
        >>> rate(Decimal("0.10"), "hour"), rate(Decimal(62000) / 35040, "hour"), rate(Decimal("0.08"), "GB-month")
        ('$0.1 an hour', '$1.769406 an hour', '$0.08 a GB-month')
    """
    short = price.quantize(_MILLIONTH) if price > _MILLIONTH else price
    return f"${short.normalize():f} {'an' if unit in ('hour', 'IOPS-month') else 'a'} {unit}"


def of_token(amount: Decimal) -> str:
    """Return what a million tokens cost: cheap ones are fractions of a cent.

    Example:
        >>> of_token(Decimal("0.0404")), of_token(Decimal("12")), of_token(Decimal("0.0002"))
        ('$0.040', '$12.000', 'less than $0.001')
    """
    return f"${amount:.3f}" if amount >= _MILLIONTH * 500 or not amount else "less than $0.001"


def percent(share: Decimal) -> str:
    """Return a share in percent: `43 %`; one decimal where rounding would hide that it is not all of it.

    Example:
        >>> percent(Decimal("0.4296")), percent(Decimal("1.004")), percent(Decimal("1.1"))
        ('43 %', '100.4 %', '110 %')
    """
    whole = (share * 100).quantize(Decimal(1), ROUND_HALF_UP)
    if abs(share - 1) < Decimal("0.01") and share != 1:
        return f"{(share * 100).quantize(Decimal('0.1'), ROUND_HALF_UP)} %"
    return f"{whole:,} %"
