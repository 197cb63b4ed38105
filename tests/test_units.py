"""Quantities: exact numbers from text with units, and clear errors for everything else."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs import units
from specs.units import Money, UnitError

Parser = Callable[[object], object]

PARSERS: list[Parser] = [
    units.tokens, units.count, units.bytes_, units.duration, units.percent, units.money,
]  # fmt: skip

HOUR = 60 * 60 * 1000


@pytest.mark.parametrize(
    ("parse", "given_value", "value"),
    [
        (units.tokens, "16k", 16 * 1024),
        (units.tokens, "8k", 8192),
        (units.tokens, "1.5k", 1536),
        (units.tokens, "1500", 1500),
        (units.tokens, 40960, 40960),
        (units.count, "400k", 400_000),
        (units.count, "20M", 20_000_000),
        (units.count, "1.5G", 1_500_000_000),
        (units.count, 12, 12),
        (units.bytes_, "8Gi", 8 * 1024**3),
        (units.bytes_, "512Mi", 512 * 1024**2),
        (units.bytes_, "1.5Ki", 1536),
        (units.bytes_, "2Ti", 2 * 1024**4),
        (units.bytes_, "8G", 8 * 1000**3),
        (units.bytes_, "1k", 1000),
        (units.bytes_, "1.001k", 1001),
        (units.duration, "800ms", 800),
        (units.duration, "30s", 30_000),
        (units.duration, "0.5s", 500),
        (units.duration, "10m", 10 * 60 * 1000),
        (units.duration, "24h", 24 * HOUR),
        (units.duration, "14d", 14 * 24 * HOUR),
        (units.duration, "7y", 7 * 365 * 24 * HOUR),
        (units.percent, "99.9%", Decimal("0.999")),
        (units.percent, "0%", Decimal(0)),
        (units.percent, "100%", Decimal(1)),
        (units.percent, "0.05%", Decimal("0.0005")),
        (units.money, "$95000", Money(Decimal(95000))),
        (units.money, "$2000/month", Money(Decimal(2000), "month")),
        (units.money, "$0.35/hour", Money(Decimal("0.35"), "hour")),
        (units.money, "$95k", Money(Decimal(95000))),
        (units.money, "$1.5M", Money(Decimal(1_500_000))),
        (units.money, "$0", Money(Decimal(0))),
    ],
)
def test_a_quantity_is_exact(parse: Parser, given_value: object, value: object) -> None:
    assert parse(given_value) == value


def test_k_is_1024_in_tokens_of_context_and_1000_elsewhere() -> None:
    assert (units.tokens("1k"), units.count("1k"), units.bytes_("1k")) == (1024, 1000, 1000)


@pytest.mark.parametrize(
    ("parse", "given_value", "proposed"),
    [
        # a bare number where a unit is needed
        (units.duration, 10, "`10s` or `10m`"),
        (units.duration, "10", "`10s` or `10m`"),
        (units.bytes_, 8, "`8Gi`"),
        (units.percent, 5, "`5%`"),
        (units.percent, 0.5, "`0.5%` or `50%`"),
        (units.money, 95000, "`$95000`"),
        (units.money, "95000", "`$95000`"),
        # another spelling
        (units.bytes_, "8GB", "`8Gi` or `8G`"),
        (units.bytes_, "8GiB", "`8Gi`"),
        (units.bytes_, "8gb", "`8Gi` or `8G`"),
        (units.bytes_, "8K", "`8Ki` or `8k`"),
        (units.tokens, "16K", "`16k`"),
        (units.count, "70B", "`70G`"),
        (units.count, "20m", "`20M`"),
        (units.duration, "10min", "`10m`"),
        (units.duration, "2hours", "`2h`"),
        (units.duration, "5S", "`5s`"),
        (units.percent, "5 percent", "`5%`"),
        (units.money, "95000 USD", "`$95000`"),
        (units.money, "$1,000", "`$1000`"),
        (units.money, "$1_000/month", "`$1000/month`"),
        # space and sign
        (units.duration, "10 m", "`10m`"),
        (units.duration, " 10m", "`10m`"),
        (units.duration, "10m ", "`10m`"),
        (units.duration, "+5s", "`5s`"),
        (units.duration, ".5s", "`0.5s`"),
        (units.money, "$ 5", "`$5`"),
    ],
)
def test_a_near_miss_says_what_to_write(parse: Parser, given_value: object, proposed: str) -> None:
    with pytest.raises(UnitError) as error:
        parse(given_value)
    assert error.value.help.startswith(f"write {proposed}")


@pytest.mark.parametrize(
    ("parse", "given_value", "message"),
    [
        (units.duration, "-5s", "a duration is not negative: `-5s`"),
        (units.duration, "−5s", "a duration is not negative: `−5s`"),
        (units.duration, "0s", "a duration is more than zero, not `0s`"),
        (units.bytes_, "0Gi", "a size is more than zero, not `0Gi`"),
        (units.tokens, 0, "a number of tokens is more than zero, not `0`"),
        (units.count, -3, "a count is more than zero, not `-3`"),
        (units.duration, "", "an empty text is not a duration"),
        (units.duration, "   ", "an empty text is not a duration"),
        (units.duration, "٣s", "`٣s` has other digits than 0 to 9"),
        (units.duration, "２s", "`２s` has other digits than 0 to 9"),
        (units.duration, "5²s", "`5²s` has the unknown unit `²s`"),
        (units.duration, "1h30m", "`1h30m` is more than one number and one unit"),
        (units.duration, "soon", "`soon` is not a duration"),
        (units.duration, "1.5ms", "`1.5ms` is no whole duration"),
        (units.duration, None, "null is not a duration"),
        (units.duration, True, "a boolean is not a duration"),
        (units.duration, [], "a map or list is not a duration"),
        (units.duration, "999999999999y", "the duration `999999999999y` does not fit into 64 bits"),
        (units.bytes_, "9007199254740992Ki", "the size `9007199254740992Ki` does not fit into 64 bits"),
        (units.count, 2**63, f"the count `{2**63}` does not fit into 64 bits"),
        (units.count, 1.5, "`1.5` is no whole count"),
        (units.tokens, "0.1k", "`0.1k` is no whole number of tokens"),
        (units.percent, "101%", "`101%` is more than 100%"),
        (units.percent, "-1%", "a percentage is not negative: `-1%`"),
        (units.money, "$-5", "a sum of money is not negative: `$-5`"),
        (units.money, "$1.005", "`$1.005` has a fraction of a cent"),
        (units.money, "$5/week", "`$5/week` has no period that is known"),
        (units.money, "€5", "`€5` is not an amount in dollars"),
    ],
)
def test_what_is_no_quantity_says_why(parse: Parser, given_value: object, message: str) -> None:
    with pytest.raises(UnitError) as error:
        parse(given_value)
    assert error.value.message == message


def test_the_largest_quantity_is_64_bits() -> None:
    assert units.bytes_("9007199254740991Ki") == (2**53 - 1) * 1024  # the last KiB below 2**63
    assert units.count(2**63 - 1) == 2**63 - 1


def test_a_percentage_may_go_over_100_where_it_is_asked_for() -> None:
    assert units.percent("110%", at_most=1000) == Decimal("1.1")


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("digits", ["9" * 39, "9" * 100_000, "0." + "1" * 30, "1e5"])
def test_huge_numbers_are_refused_with_a_short_message(parse: Parser, digits: str) -> None:
    for text in (digits, digits + "s", "$" + digits, digits + "%", digits + "k"):
        with pytest.raises(UnitError) as error:
            parse(text)
        assert len(error.value.message) < 120
        assert len(error.value.help) < 200


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
QUANTITY_LIKE = st.text("0123456789.,-+ kMGTiBsmhdy%$/", max_size=12)


@given(st.sampled_from(PARSERS), SCALARS | QUANTITY_LIKE)
def test_every_parser_returns_or_raises_a_unit_error(parse: Parser, value: object) -> None:
    try:
        parse(value)
    except UnitError as error:
        assert error.message.isprintable()
        assert error.help
        assert len(error.message) < 150


@pytest.mark.parametrize(
    "value", ["0" * 24 + "\x1f" * 10 + "\U0001089f\U00018cd6", ":" + "\x1f" * 40, "\U0001089f" * 41]
)
def test_a_quoted_value_is_short_as_it_is_printed(value: str) -> None:
    """The value takes at most 40 characters, although an escaped one takes up to ten of them."""
    with pytest.raises(UnitError) as error:
        units.tokens(value)
    assert len(error.value.message.split("`")[1]) <= 40


@given(st.integers(1, 2**53), st.sampled_from(sorted(units.BINARY)), st.sampled_from(sorted(units.DECIMAL)))
def test_bytes_are_the_number_times_the_unit(number: int, binary: str, decimal: str) -> None:
    powers = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5}
    for unit, base in ((binary, 1024), (decimal, 1000)):
        product = number * base ** powers[unit]
        if product < 2**63:
            assert units.bytes_(f"{number}{unit}") == product


@given(st.integers(1, 10**15))
def test_a_printed_duration_is_read_back(milliseconds: int) -> None:
    assert units.duration(units.format_duration(milliseconds)) == milliseconds


def test_printed_quantities_are_what_people_read() -> None:
    assert units.format_tokens(16384) == "16k = 16,384"
    assert units.format_tokens(1500) == "1,500"
    assert units.format_tokens(0) == "0"
    assert units.format_bytes(15_231_233_024) == "15.2 GB"
    assert units.format_bytes(999) == "999 B"
    assert units.format_bytes(1000) == "1.0 kB"
    assert units.format_bytes(999_949) == "999.9 kB"
    assert units.format_bytes(999_950) == "1.0 MB"
    assert units.format_bytes(2_500 * 10**15) == "2,500.0 PB"
    assert units.format_gib(15_231_233_024) == "14.2 GiB"  # 15,231,233,024 / 1,073,741,824 = 14.185
    assert units.format_gib(1) == "0.0 GiB"
    assert units.format_duration(600_000) == "10m"
    assert units.format_duration(90_000) == "90s"
    assert units.format_duration(24 * HOUR) == "24h"
    assert units.format_duration(7 * 365 * 24 * HOUR) == "7y"
    assert units.format_duration(1_500) == "1500ms"
    assert str(Money(Decimal(2000), "month")) == "$2,000/month"
    assert str(Money(Decimal("0.35"), "hour")) == "$0.35/hour"
