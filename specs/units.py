"""Quantities with units, as a spec writes them: text to an exact number, and back for printing.

Every parser is total: it returns the value or raises `UnitError`, whose message and help are ready for a
diagnostic. A quantity is one number in ASCII digits and one unit without a space; `k` is 1,000 everywhere
but in tokens of context (1,024, as model cards mean it). Results are exact: what does not come out whole is
an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from specs.scalars import shown

MOST = 2**63 - 1
"""No quantity is larger: Kubernetes' quantities, JSON's integers in Go and every database stop at 64 bits."""

_LONGEST = 40
"""Characters; 64 bits in digits, a fraction and a unit fit twice."""

_DECIMALS = 9
"""Enough for every unit here; with them a percentage below 10¹⁹ stays exact in Decimal's 28 digits."""

DECIMAL: Mapping[str, int] = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
BINARY: Mapping[str, int] = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
"""Suffixes of Kubernetes quantities (apimachinery, pkg/api/resource), without the milli- and exa- ones."""

MILLISECONDS: Mapping[str, int] = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "y": 365 * 86_400_000,
}
"""A year is 365 days: retention is counted in days by S3 and by every log store."""

PERIODS = ("hour", "day", "month", "year")

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_NUMBER = re.compile(r"([0-9]+)(?:\.([0-9]+))?", re.ASCII)


class UnitError(ValueError):
    """A quantity that cannot be read: `message` says why, `help` what to write."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in US dollars, once or `per` hour, day, month or year."""

    amount: Decimal
    per: str | None = None

    def __str__(self) -> str:
        digits = f"{self.amount:,.2f}".removesuffix(".00")
        return f"${digits}" + (f"/{self.per}" if self.per else "")


def tokens(value: object) -> int:
    """Return tokens of context: `16k` is 16 × 1,024; a whole number is itself.

    Example:
        >>> tokens("16k"), tokens(40960)
        (16384, 40960)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return _positive(value, value, "number of tokens", "16k")
    return _whole(value, "number of tokens", {"": 1, "k": 1024}, "16k")


def count(value: object) -> int:
    """Return a number of things: `20M` is 20,000,000; a whole number is itself.

    Example:
        >>> count("20M"), count("1.5k"), count(12)
        (20000000, 1500, 12)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return _positive(value, value, "count", "20M")
    return _whole(value, "count", {"": 1, **DECIMAL}, "20M")


def bytes_(value: object) -> int:
    """Return bytes: `8Gi` is 8 × 2³⁰, `8G` is 8 × 10⁹ (Kubernetes quantities).

    Example:
        >>> bytes_("8Gi"), bytes_("8G")
        (8589934592, 8000000000)
    """
    return _whole(value, "size", {**BINARY, **DECIMAL}, "8Gi")


def duration(value: object) -> int:
    """Return milliseconds: units are ms, s, m (minutes), h, d and y (365 days).

    Example:
        >>> duration("10m"), duration("800ms"), duration("1.5h")
        (600000, 800, 5400000)
    """
    return _whole(value, "duration", MILLISECONDS, "10m")


def percent(value: object, at_most: int = 100) -> Decimal:
    """Return a percentage as a fraction; `at_most` is in percent, for budgets that may go over 100 %.

    Example:
        >>> percent("99.9%")
        Decimal('0.999')
    """
    number, unit = _split(value, "percentage", ("%",), "50%")
    if unit != "%":
        raise _wrong_unit(value, "percentage", ("%",), "50%")
    if number > at_most:
        raise UnitError(f"`{_given(value)}` is more than {at_most}%", f"write a percentage from 0% to {at_most}%")
    return Decimal(number.numerator) / (number.denominator * 100)


def money(value: object) -> Money:
    """Return an amount in US dollars: `$95000`, `$2000/month`, `$0.50/hour`.

    Example:
        >>> money("$2000/month")
        Money(amount=Decimal('2000'), per='month')
    """
    kind, example = "sum of money", "$2000"
    text = _text(value, kind, "$2000")
    if not text.startswith("$"):
        digits = re.sub(r"[^0-9.]", "", text) if text.isascii() else ""
        raise UnitError(
            f"`{_given(value)}` is not an amount in dollars",
            f"write `${digits}`" if _NUMBER.fullmatch(digits) else f"write it as `{example}`",
        )
    amount, slash, per = text[1:].partition("/")
    if slash and per not in PERIODS:
        periods = ", ".join(f"`/{period}`" for period in PERIODS)
        raise UnitError(f"`{_given(value)}` has no period that is known", f"the periods are {periods}")
    if "," in amount or "_" in amount:
        bare = amount.replace(",", "").replace("_", "")
        raise UnitError(f"`{_given(value)}` has separators between its digits", f"write `${shown(bare)}{slash}{per}`")
    number, unit = _split(amount, kind, ("", "k", "M"), example, given=value)
    cents = number * {"": 1, "k": 10**3, "M": 10**6}[unit] * 100
    if cents.denominator != 1:
        raise UnitError(f"`{_given(value)}` has a fraction of a cent", "write at most two decimals")
    _check_range(cents.numerator, value, kind)
    return Money(Decimal(cents.numerator) / 100, per or None)


def is_day(text: str) -> bool:
    """Say whether a text is a day of the calendar, written so that texts sort as days do (ISO 8601).

    Example:
        >>> is_day("2028-02-29"), is_day("2027-02-29"), is_day("2027-3-1")
        (True, False, False)
    """
    found = _DATE.fullmatch(text)
    year, month, day = (int(part) for part in found.groups()) if found else (0, 0, 0)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return bool(year and 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1] and (leap or (month, day) != (2, 29)))


def format_tokens(number: int) -> str:
    """Return tokens of context with their exact number.

    Example:
        >>> format_tokens(16384), format_tokens(1500)
        ('16k = 16,384', '1,500')
    """
    return f"{number // 1024}k = {number:,}" if number and number % 1024 == 0 else f"{number:,}"


def format_bytes(number: int) -> str:
    """Return bytes in decimal units with one decimal, as storage is sold.

    Example:
        >>> format_bytes(15_231_233_024), format_bytes(512)
        ('15.2 GB', '512 B')
    """
    if abs(number) < 1000:
        return f"{number} B"
    for power, unit in ((10**3, "kB"), (10**6, "MB"), (10**9, "GB"), (10**12, "TB")):
        if abs(number) < 999_950 * power // 1000:  # from here on one decimal would round up to 1000.0
            return _one_decimal(number, power, unit)
    return _one_decimal(number, 10**15, "PB")


def format_gib(number: int) -> str:
    """Return bytes in GiB with one decimal, as GPU memory is counted.

    Example:
        >>> format_gib(48 * 2**30), format_gib(15_231_233_024)
        ('48.0 GiB', '14.2 GiB')
    """
    return _one_decimal(number, 2**30, "GiB")


def format_duration(milliseconds: int) -> str:
    """Return a duration in the largest unit that it is a whole number of.

    Example:
        >>> format_duration(600_000), format_duration(90_000), format_duration(86_400_000)
        ('10m', '90s', '24h')
    """
    for unit in ("y", "h", "m", "s"):
        size = MILLISECONDS[unit]
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _one_decimal(number: int, unit: int, name: str) -> str:
    tenths, rest = divmod(abs(number) * 10, unit)
    tenths += rest * 2 >= unit
    return f"{'-' if number < 0 else ''}{tenths // 10:,}.{tenths % 10} {name}"


def _whole(value: object, kind: str, units: Mapping[str, int], example: str) -> int:
    """Return the number times its unit, where that is a whole positive number."""
    number, unit = _split(value, kind, tuple(units), example)
    product = number * units[unit]
    if product.denominator != 1:
        raise _not_whole(value, kind, "" in units)
    return _positive(product.numerator, value, kind, example)


def _not_whole(value: object, kind: str, is_number: bool) -> UnitError:
    help = "write a whole number" if is_number else "write it in a smaller unit"
    return UnitError(f"`{_given(value)}` is no whole {kind}", help)


def _positive(number: int, value: object, kind: str, example: str) -> int:
    if number <= 0:
        raise UnitError(f"a {kind} is more than zero, not `{_given(value)}`", f"write it as `{example}`")
    _check_range(number, value, kind)
    return number


def _check_range(number: int, value: object, kind: str) -> None:
    if number > MOST:
        raise UnitError(f"the {kind} `{_given(value)}` does not fit into 64 bits", "write a smaller one")


def _split(
    value: object, kind: str, units: tuple[str, ...], example: str, given: object = None
) -> tuple[Fraction, str]:
    """Return the number and the unit of `12.5Gi`; errors quote `given`, if that is not the value itself."""
    quoted = value if given is None else given
    text = _text(value, kind, example, units)
    found = _NUMBER.match(text)
    if not found:
        raise _no_number(text, quoted, kind, example)
    unit = text[found.end() :]
    if unit not in units:
        raise _wrong_unit(quoted, kind, units, example, found[0], unit)
    if len(found[2] or "") > _DECIMALS:
        raise UnitError(f"`{_given(quoted)}` has more than {_DECIMALS} decimals", "write fewer decimals")
    return Fraction(found[0]), unit


def _text(value: object, kind: str, example: str, units: tuple[str, ...] = ()) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if "" in units and not isinstance(value, int):
            raise _not_whole(value, kind, is_number=True)
        raise _wrong_unit(value, kind, units, example, _given(value), "")
    if not isinstance(value, str):
        what = {bool: "a boolean", type(None): "null"}.get(type(value), "a map or list")
        raise UnitError(f"{what} is not a {kind}", f"write it as `{example}`")
    if len(value) > _LONGEST:
        raise UnitError(f"`{_given(value)}` is too long for a {kind}", f"write it as `{example}`")
    return value


def _no_number(text: str, given: object, kind: str, example: str) -> UnitError:
    stripped = text.strip()
    if not stripped:
        return UnitError(f"an empty text is not a {kind}", f"write it as `{example}`")
    if stripped[0] in "-−" and len(stripped) > 1 and stripped[1].isdigit():
        return UnitError(f"a {kind} is not negative: `{_given(given)}`", f"write it as `{example}`")
    if stripped[0] == "+":
        return UnitError(f"`{_given(given)}` begins with `+`", f"write `{shown(stripped[1:])}`")
    if stripped != text:
        together = "".join(str(given).split())
        return UnitError(f"`{_given(given)}` has a space in it", f"write `{shown(together)}`")
    if stripped[0] == "." and stripped[1:2].isdecimal():
        return UnitError(f"`{_given(given)}` lacks the digit before its point", f"write `0{shown(stripped)}`")
    if stripped[0].isdigit():
        return UnitError(f"`{_given(given)}` has other digits than 0 to 9", f"write it as `{example}`")
    return UnitError(f"`{_given(given)}` is not a {kind}", f"write it as `{example}`")


def _wrong_unit(
    given: object, kind: str, units: tuple[str, ...], example: str, number: str = "", unit: str = ""
) -> UnitError:
    """Return the error for a unit that is missing or unknown, with the unit that is probably meant."""
    quoted = _given(given)
    named = [known for known in units if known]
    listed = ", ".join(f"`{known}`" for known in named) if named else f"as in `{example}`"
    if not unit:
        fitting = _NUMBER.fullmatch(number) is not None
        proposals = [f"`{number}{known}`" for known in _usual(units)] if fitting else [f"`{example}`"]
        if "%" in units and fitting and Fraction(number) <= 1:
            proposals.append(f"`{float(number) * 100:g}%`")  # 0.5 may mean a half
        proposal = f"`${number}`" if kind.endswith("money") and fitting else " or ".join(proposals)
        return UnitError(f"`{quoted}` has no unit, and a {kind} needs one", f"write {proposal}; units: {listed}")
    if "".join(unit.split()) in units and unit.strip() != unit or unit.isspace():
        return UnitError(f"`{quoted}` has a space in it", f"write `{number}{unit.strip()}`; units: {listed}")
    if unit[0] in ",_":
        return UnitError(f"`{quoted}` has separators between its digits", f"write it as `{example}`")
    if any(character in "0123456789" for character in unit):
        return UnitError(f"`{quoted}` is more than one number and one unit", f"write it as `{example}`")
    meant = _meant(unit.strip(), units)
    if meant:
        help = "write " + " or ".join(f"`{number}{known}`" for known in meant)
        return UnitError(f"`{quoted}` has the unknown unit `{shown(unit)}`", f"{help}; units: {listed}")
    return UnitError(f"`{quoted}` has the unknown unit `{shown(unit)}`", f"write it as `{example}`; units: {listed}")


def _usual(units: tuple[str, ...]) -> tuple[str, ...]:
    """Return the units to propose for a bare number."""
    usual = tuple(known for known in ("s", "m", "Gi", "%") if known in units)
    return ("s", "m") if "ms" in units else usual or tuple(known for known in units if known)[:1]


_MEANT: Mapping[str, tuple[str, ...]] = {
    **{name: ("s",) for name in ("sec", "secs", "second", "seconds")},
    **{name: ("m",) for name in ("min", "mins", "minute", "minutes")},
    **{name: ("h",) for name in ("hr", "hrs", "hour", "hours")},
    **{name: ("d",) for name in ("day", "days")},
    **{name: ("y",) for name in ("yr", "year", "years")},
    **{name: ("ms",) for name in ("msec", "millis", "millisecond", "milliseconds")},
    **{name: ("%",) for name in ("percent", "pct")},
    **{name: ("G",) for name in ("b", "bn", "billion")},
    **{name: ("M",) for name in ("mn", "million")},
}


def _meant(unit: str, units: tuple[str, ...]) -> tuple[str, ...]:
    """Return the units that may be meant: `GB` is `G` or `Gi`, `K` is `k`, `min` is `m`."""
    lower = unit.lower()
    named = tuple(known for known in _MEANT.get(lower, ()) if known in units)
    if named:
        return named
    prefix = lower.removesuffix("bytes").removesuffix("byte").removesuffix("b").removesuffix("i")
    same = tuple(known for known in units if known and known.lower().removesuffix("i") == prefix)
    if "i" in lower and any(known.endswith("i") for known in same):
        return tuple(known for known in same if known.endswith("i"))
    return same


def _given(value: object) -> str:
    """Return the value as it was probably written, short enough for a message."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    return shown(str(value), _LONGEST)
