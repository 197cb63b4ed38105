"""AWS's price list, row by row: which price counts, what is left out and why, and what a file without prices lacks."""

from __future__ import annotations

import csv
import io
import itertools
import json
from decimal import Decimal
from pathlib import Path

import pytest

from specs.price_sheet import Rate
from stacks.cost.aws_offer import Imported, read_offer
from stacks.cost.aws_offer_rows import NoOffer
from tests.case_runner import run

D = Decimal
KNOWN = ("g6e.xlarge", "g6e.2xlarge", "m7i.large")

COLUMNS = (
    "SKU", "RateCode", "TermType", "EffectiveDate", "Unit", "PricePerUnit", "Currency", "Instance Type",
    "Operating System", "usageType", "operation", "CapacityStatus", "Pre Installed S/W", "Tenancy", "MarketOption",
    "Region Code",
)  # fmt: skip
PLAIN = {
    "TermType": "OnDemand", "Unit": "Hrs", "Currency": "USD", "Operating System": "Linux", "operation": "RunInstances",
    "CapacityStatus": "Used", "Pre Installed S/W": "NA", "Tenancy": "Shared", "MarketOption": "OnDemand",
    "Region Code": "eu-central-1",
}  # fmt: skip
FIRST = 7
"""The line of the first price: five rows say what the file is, and the sixth has the columns' names."""

Row = dict[str, str]


def row(name: str, usd: str, **more: str) -> Row:
    """A row of an instance type; `more` by the column's name with `_` for a space."""
    own = {"Instance Type": name, "PricePerUnit": usd, "usageType": f"EUC1-BoxUsage:{name}"}
    return PLAIN | own | {key.replace("_", " "): value for key, value in more.items()}


XLARGE, LARGE = row("g6e.xlarge", "2.3262500000"), row("m7i.large", "0.1197")


def table(*rows: Row, columns: tuple[str, ...] = COLUMNS) -> str:
    """The text of a price list in CSV, published on 2026-11-01."""
    out = io.StringIO()
    head = [["FormatVersion", "v1.0"], ["Disclaimer", "x"], ["Publication Date", "2026-11-01T00:00:00Z"]]
    rest = [["Version", "20261101"], ["OfferCode", "AmazonEC2"], columns]
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([*head, *rest, *([r.get(c, "") for c in columns] for r in rows)])
    return out.getvalue()


def read(text: str, region: str = "") -> Imported:
    return read_offer(io.StringIO(text), "list.csv", KNOWN, region)


def why(text: str, region: str = "") -> str:
    with pytest.raises(NoOffer) as found:
        read(text, region)
    return str(found.value)


def json_list(**prices: tuple[str, str, str]) -> str:
    """A price list in JSON of g6e.xlarge: offer term → day that it is effective from, currency, amount."""
    attributes = {
        "instanceType": "g6e.xlarge", "operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA",
        "capacitystatus": "Used", "regionCode": "eu-central-1", "usagetype": "EUC1-BoxUsage:g6e.xlarge",
    }  # fmt: skip
    terms = {
        f"A.{name}": {
            "effectiveDate": f"{day}T00:00:00Z",
            "priceDimensions": {f"A.{name}.6": {"unit": "Hrs", "pricePerUnit": {money: amount}}},
        }
        for name, (day, money, amount) in prices.items()
    }
    head = {"offerCode": "AmazonEC2", "publicationDate": "2026-11-01T00:00:00Z"}
    return json.dumps(head | {"products": {"A": {"attributes": attributes}}, "terms": {"OnDemand": {"A": terms}}})


# ---- which price counts ----


def test_two_prices_of_one_instance_type_are_an_error_with_both_and_their_lines() -> None:
    """Nobody guesses which is meant."""
    said = why(table(XLARGE, LARGE, row("g6e.xlarge", "9.99")))
    assert said == "`g6e.xlarge` in eu-central-1 has two on-demand prices: $2.32625 in line 7 and $9.99 in line 9"


def test_two_prices_in_the_other_order_are_the_same_error() -> None:
    """The order of the rows says nothing."""
    said = why(table(row("g6e.xlarge", "9.99"), LARGE, XLARGE))
    assert said == "`g6e.xlarge` in eu-central-1 has two on-demand prices: $9.99 in line 7 and $2.32625 in line 9"


def test_the_same_price_twice_is_one_price() -> None:
    """AWS repeats rows, and zeros at their end say nothing."""
    assert read(table(XLARGE, row("g6e.xlarge", "2.32625"))).sheet.instances == {"g6e.xlarge": Rate(D("2.32625"))}


def test_two_prices_of_a_type_of_another_region_are_not_this_regions() -> None:
    """What is asked for is read."""
    other = [row("m7i.large", usd, Region_Code="us-east-1") for usd in ("1", "2")]
    assert read(table(XLARGE, *other), "eu-central-1").sheet.instances == {"g6e.xlarge": Rate(D("2.32625"))}


def test_two_prices_of_a_service_are_an_error() -> None:
    """A NAT gateway has one price an hour."""
    nat = {"usageType": "EUC1-NatGateway-Hours", "Instance Type": ""}
    said = why(table(XLARGE, row("", "0.052") | nat, row("", "0.06") | nat))
    assert said == "`nat-gateway` in eu-central-1 has two on-demand prices: $0.052 in line 8 and $0.06 in line 9"


def test_another_operation_is_other_software() -> None:
    """`RunInstances:0010` is Red Hat (Amazon EC2 user guide, AMI billing information): no price of Linux alone."""
    read_there = read(table(XLARGE, row("g6e.xlarge", "2.4", operation="RunInstances:0010")))
    assert read_there.sheet.instances == {"g6e.xlarge": Rate(D("2.32625"))}
    assert read_there.left_out == {"of something else": 1}


DATED = [
    row("g6e.xlarge", "2.0", EffectiveDate="2025-06-01"),
    row("g6e.xlarge", "2.2", EffectiveDate="2026-11-01"),
    row("g6e.xlarge", "7.7", EffectiveDate="2026-11-02"),
]


@pytest.mark.parametrize("rows", list(itertools.permutations(DATED)))
def test_the_price_in_effect_on_the_day_of_publication_counts(rows: tuple[Row, ...]) -> None:
    """In any order of the rows: the newest of those that are in effect on 2026-11-01."""
    found = read(table(*rows))
    assert found.sheet.instances == {"g6e.xlarge": Rate(D("2.2"))}
    assert found.left_out == {"no longer or not yet in effect": 2}


def test_terms_of_json_count_by_their_day_too() -> None:
    """2027 is not yet; two of one day are an error that names their rate codes."""
    later = json_list(J=("2026-01-01", "USD", "2.2"), K=("2027-01-01", "USD", "7.7"))
    assert read(later).sheet.instances == {"g6e.xlarge": Rate(D("2.2"))}
    said = why(json_list(J=("2026-01-01", "USD", "2.2"), K=("2026-01-01", "USD", "7.7")))
    expected = "$2.2 in rate `A.J.6` and $7.7 in rate `A.K.6`"
    assert said == f"`g6e.xlarge` in eu-central-1 has two on-demand prices: {expected}"


@pytest.mark.parametrize("rows", [("CapacityBlock", "OnDemand"), ("OnDemand", "CapacityBlock"), ("", "CapacityBlock")])
def test_what_is_sold_in_advance_is_no_on_demand_price(rows: tuple[str, str]) -> None:
    """Blocks of capacity are paid beforehand; an empty column means on demand."""
    usd = {"CapacityBlock": "0.5"}
    found = read(table(*(row("g6e.xlarge", usd.get(m, "2.32625"), MarketOption=m) for m in rows)))
    assert found.sheet.instances == {"g6e.xlarge": Rate(D("2.32625"))}
    assert found.left_out == {"of another market option": 1}


def test_market_options_of_json_are_read() -> None:
    """The attribute is `marketoption` there."""
    text = json_list(J=("2026-01-01", "USD", "2.2"))
    sold = text.replace('"capacitystatus"', '"marketoption": "CapacityBlock", "capacitystatus"')
    assert "1 of another market option, the first in rate `A.J.6` (`CapacityBlock`)" in why(sold)
    plain = text.replace('"capacitystatus"', '"marketoption": "OnDemand", "capacitystatus"')
    assert read(plain).sheet.instances == {"g6e.xlarge": Rate(D("2.2"))}


# ---- what is left out ----


def test_what_is_left_out_is_counted_by_reason() -> None:
    """Every on-demand price is in the sheet or in one of the counts."""
    rows = [
        XLARGE,
        row("g6e.xlarge", "15", Currency="CNY"),
        row("g6e.2xlarge", "3", Unit="Second"),
        row("m7i.large", "abc"),
        row("m7i.large", "0"),
        row("m7i.large", "0.1", Region_Code=""),
        row("g6e.xlarge", "4", Operating_System="Windows"),
        row("z9.huge", "4"),
        row("g6e.xlarge", "4", TermType="Reserved"),
        row("m7i.large", "0.1", Region_Code="us-east-1"),
    ]
    assert read(table(*rows), "eu-central-1").left_out == {
        "of something else": 2,
        "in another currency": 1,
        "in another unit": 1,
        "with no amount": 1,
        "of $0": 1,
        "without a region": 1,
        "of another region": 1,
    }


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        ([row("g6e.xlarge", "15", Currency="CNY")], "1 in another currency, the first in line 7 (`CNY`)"),
        ([row("g6e.xlarge", "2.3", Unit="Second")], "1 in another unit, the first in line 7 (`Second`)"),
        (
            [row("g6e.xlarge", "abc"), row("m7i.large", "-1"), row("m7i.large", "1e400")],
            "3 with no amount, the first in line 7 (`abc`)",
        ),
        ([row("z9.huge", "1")], "1 of something else, the first in line 7 (`z9.huge`)"),
        ([row("g6e.xlarge", "1", EffectiveDate="2027-01-01")], "the first in line 7 (`2027-01-01`)"),
        (
            [row("z9.huge", "1"), row("m7i.large", "1", Currency="CNY"), row("m7i.large", "1", Currency="EUR")],
            "2 in another currency, the first in line 8 (`CNY`); 1 of something else, the first in line 7",
        ),
    ],
)
def test_a_list_of_which_nothing_remains_says_why(rows: list[Row], cause: str) -> None:
    """With the first line concerned; what is nearest to a price first."""
    said = why(table(*rows))
    assert said.startswith("it has no on-demand price of an instance type for Linux that llmform knows: ")
    assert cause in said


def test_a_list_without_rows_says_so() -> None:
    """Nothing was left out: there is nothing."""
    assert why(table()) == "it has no on-demand price at all"
    assert why(table(row("g6e.xlarge", "1", TermType="Reserved"))) == "it has no on-demand price at all"
    assert why(json_list()) == "it has no on-demand price at all"


def test_lines_are_those_of_the_file() -> None:
    """A cell of two lines, and empty lines before the first, count."""
    two = row("g6e.xlarge", "1", SKU="a\nb", Currency="CNY")
    assert "the first in line 9 (`CNY`)" in why("\r\n\r\n" + table(two))
    said = why(table(two | {"Currency": "EUR", "Instance Type": "z9.huge"}, row("m7i.large", "x")))
    assert "1 with no amount, the first in line 9 (`x`)" in said


def test_a_list_of_several_regions_names_them() -> None:
    """They are what `--region` can say."""
    said = why(table(XLARGE, row("g6e.xlarge", "2.9", Region_Code="eu-central-1-ham-1")))
    assert said == "it has the prices of 2 regions, eu-central-1 and eu-central-1-ham-1: say which one with `--region`"


def test_what_a_list_says_is_shown_short_and_escaped() -> None:
    """A cell of a file is anybody's text."""
    said = why(table(row("g6e.xlarge", "\x1b[31m" + "9" * 500)))
    assert "\x1b" not in said and len(said) < 250
    assert "\x1b" not in why(json_list(**{"\x1b[31m": ("2026-01-01", "CNY", "2.2")}))


# ---- the command ----


def test_import_says_what_it_left_out(tmp_path: Path) -> None:
    """One type is one type, and each reason has its number."""
    cny, windows = row("g6e.xlarge", "15", Currency="CNY"), row("m7i.large", "4", Operating_System="Windows")
    (tmp_path / "list.csv").write_text(table(XLARGE, cny, windows, windows))
    _, _, err = run(["prices", "import", "list.csv", "-o", "p.yaml"], tmp_path)
    left = "3 prices left out: 2 of something else, 1 in another currency"
    assert err == f"list.csv: 1 instance type of eu-central-1; {left}\n"
    (tmp_path / "list.csv").write_text(table(XLARGE, LARGE, cny))
    _, _, err = run(["prices", "import", "list.csv", "-o", "p.yaml"], tmp_path)
    assert err == "list.csv: 2 instance types of eu-central-1; 1 price left out: 1 in another currency\n"
    (tmp_path / "list.csv").write_text(table(XLARGE))
    _, _, err = run(["prices", "import", "list.csv", "-o", "p.yaml"], tmp_path)
    assert err == "list.csv: 1 instance type of eu-central-1; 0 prices left out\n"


def test_two_prices_end_the_import(tmp_path: Path) -> None:
    """With the file, and what to do."""
    (tmp_path / "list.csv").write_text(table(XLARGE, row("g6e.xlarge", "9.99")))
    status, out, err = run(["prices", "import", "list.csv", "-o", "p.yaml"], tmp_path)
    assert (status, out, (tmp_path / "p.yaml").exists()) == (1, "", False)
    assert err.startswith("error: `list.csv` is no price list that can be read: `g6e.xlarge` in eu-central-1 has two")
    assert "delete the row that does not hold" in err


@pytest.mark.parametrize("name", ["list.csv", "./list.csv", "link.csv"])
@pytest.mark.parametrize("text", [table(XLARGE), json_list(J=("2026-01-01", "USD", "2.2"))], ids=["csv", "json"])
def test_import_writes_over_no_price_list(name: str, text: str, tmp_path: Path) -> None:
    """It is some hundred megabytes from AWS, and nowhere else; by any name of it."""
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode())
    (tmp_path / "link.csv").symlink_to("list.csv")
    (tmp_path / "own.yaml").write_text("asOf: 2026-11-15\nsource: s\nnodes:\n  box: {usdPerHour: 0.05}\n")
    status, out, err = run(["prices", "import", "list.csv", "own.yaml", "-o", name], tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: `{name}` is the price list that is read, and would be lost\n")
    assert path.read_bytes() == text.encode()


def test_import_updates_a_sheet_in_place(tmp_path: Path) -> None:
    """The second file counts, and the first may be the one that is written."""
    (tmp_path / "list.csv").write_text(table(XLARGE))
    path = tmp_path / "own.yaml"
    path.write_text("asOf: 2026-11-15\nsource: s\nnodes:\n  box: {usdPerHour: 0.05}\n")
    assert run(["prices", "import", "own.yaml", "list.csv", "-o", "own.yaml"], tmp_path)[0] == 0
    assert "g6e.xlarge" in path.read_text() and "box" in path.read_text()
