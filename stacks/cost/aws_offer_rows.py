"""The on-demand prices that AWS's price list of EC2 holds, row by row, with their places. Pure: its lines are given.

The format is that of the Price List Bulk API, as JSON (`products` by SKU, `terms.OnDemand` by SKU, each with
`priceDimensions`) or as CSV, whose first five rows say what the file is and whose sixth has the names of the columns
(AWS Billing user guide, "Reading the service price list file for an AWS service", read 2026-11-21).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from specs.scalars import shown

HEAD_ROWS = 5
"""Rows of a CSV file before the names of the columns."""

_NEEDED = {
    "Instance Type": "instanceType",
    "Operating System": "operatingSystem",
    "Tenancy": "tenancy",
    "Pre Installed S/W": "preInstalledSw",
    "CapacityStatus": "capacitystatus",
    "usageType": "usagetype",
    "Region Code": "regionCode",
}
_COLUMNS = {**_NEEDED, "operation": "operation", "MarketOption": "marketoption"}
"""Columns of CSV → the attributes of JSON. A list without one of the last two says nothing of it."""
_FILE = "AWS's file for a region is named `…/AmazonEC2/current/REGION/index.csv`"


class NoOffer(ValueError):
    """The text is no price list of EC2 that can be read; the message says why, `advice` what to do about it."""

    def __init__(self, message: str, advice: str = _FILE) -> None:
        super().__init__(message)
        self.advice = advice


class OfferPrice(NamedTuple):
    """One on-demand price as the file has it: what it is of, its unit, currency and amount, and the day from which it
    holds. `place` is where it stands: `line 7` of CSV, a rate code of JSON."""

    attributes: Mapping[str, str]
    unit: str
    currency: str
    amount: str
    effective: str
    place: str


def offer_prices(text: Iterable[str]) -> tuple[str, Iterator[OfferPrice]]:
    """Return the moment of publication as the file says it, and its on-demand prices in any currency.

    NoOffer if the text is something else, or becomes it below.
    """
    lines = iter(text)
    empty, first = 0, ""
    for first in lines:
        if first.strip():
            break
        empty += 1
    rest = _chain(first, lines)
    return _json(rest) if first.lstrip("\ufeff \t").startswith("{") else _csv(rest, empty)


def _json(lines: Iterable[str]) -> tuple[str, Iterator[OfferPrice]]:
    try:
        offer = json.loads("".join(lines).lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise NoOffer(f"it is not JSON: {error}") from None
    code = offer.get("offerCode")
    if code != "AmazonEC2":
        raise NoOffer("it has no `offerCode`" if code is None else f"it is the price list of {str(code)[:40]}")
    products, terms = offer.get("products"), _map(offer.get("terms")).get("OnDemand")
    if not isinstance(products, dict) or not isinstance(terms, dict):
        raise NoOffer("it has no `products` and `terms.OnDemand`")
    return str(offer.get("publicationDate", "")), _of_terms(products, terms)


def _of_terms(products: Mapping[str, Any], terms: Mapping[str, Any]) -> Iterator[OfferPrice]:
    for sku, offers in terms.items():
        given = _map(_map(products.get(sku)).get("attributes"))
        attributes = {key: value for key, value in given.items() if isinstance(value, str)}
        for term in map(_map, _map(offers).values()):
            effective = str(term.get("effectiveDate", ""))
            for rate, dimension in _map(term.get("priceDimensions")).items():
                row = _map(dimension)
                amounts = _map(row.get("pricePerUnit"))
                # a price in several currencies is one price
                for currency in ["USD"] if "USD" in amounts else list(amounts)[:1]:
                    unit, amount = str(row.get("unit", "")), str(amounts[currency])
                    yield OfferPrice(attributes, unit, currency, amount, effective, f"rate `{shown(rate, 100)}`")


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _csv(lines: Iterable[str], before: int) -> tuple[str, Iterator[OfferPrice]]:
    """Read CSV; `before` is the number of lines of the file above the first of `lines`."""
    rows = csv.reader(lines)
    try:
        head = {row[0]: row[1] for row in (next(rows) for _ in range(HEAD_ROWS)) if len(row) > 1}
        names = next(rows)
    except (StopIteration, RuntimeError, csv.Error):
        raise NoOffer("it is neither a price list in JSON nor one in CSV") from None
    if head.get("OfferCode") != "AmazonEC2":
        raise NoOffer("its first rows do not say `OfferCode`, `AmazonEC2`")
    missing = [n for n in ("TermType", "Unit", "PricePerUnit", "Currency", *_NEEDED) if n not in names]
    if missing:
        raise NoOffer(f"it has no column `{missing[0]}`")
    return head.get("Publication Date", ""), _of_rows(rows, names, before)


def _of_rows(rows: Any, names: list[str], before: int) -> Iterator[OfferPrice]:
    """Yield the prices below the names of the columns. `rows` is a `csv.reader`, which counts lines."""
    begin = before + rows.line_num + 1
    try:
        for row in rows:
            cells = dict(zip(names, row, strict=False))
            if cells.get("TermType") == "OnDemand":
                attributes = {key: cells.get(column, "") for column, key in _COLUMNS.items()}
                unit, currency = cells.get("Unit", ""), cells.get("Currency", "")
                amount, effective = cells.get("PricePerUnit", ""), cells.get("EffectiveDate", "")
                yield OfferPrice(attributes, unit, currency, amount, effective, f"line {begin}")
            begin = before + rows.line_num + 1  # a cell can hold the end of a line
    except csv.Error as error:
        raise NoOffer(f"line {begin} cannot be read: {error}") from None


def _chain(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest
