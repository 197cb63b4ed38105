"""AWS's public price list of EC2 → a price sheet. Pure: the file's text is given.

The format is that of the Price List Bulk API, as JSON (`products` by SKU, `terms.OnDemand` by SKU, each with
`priceDimensions`) or as CSV, whose first five rows say what the file is and whose sixth has the names of the columns
(AWS Billing user guide, "Reading the service price list file for an AWS service", read 2026-11-21). What is read:

- instances: Linux, shared tenancy, no software in the price, used capacity (`capacitystatus`), on demand;
- NAT gateways by the hour, and gp3's storage, by their usage type.

Anything else in the file is left out; how much of it is said.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from specs.price_sheet import Rate, Sheet
from specs.units import is_day

HEAD_ROWS = 5
"""Rows of a CSV file before the names of the columns."""

HIGHEST = Decimal(10**12)
"""US dollars: what no price reaches, and no price sheet can say (`specs/price_sheet_file.py`)."""

_REGION = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)

_INSTANCE: Mapping[str, tuple[str, ...]] = {
    "operatingSystem": ("Linux",),
    "tenancy": ("Shared",),
    "preInstalledSw": ("NA",),
    "capacitystatus": ("Used",),
}
_COLUMNS = {
    "Instance Type": "instanceType",
    "Operating System": "operatingSystem",
    "Tenancy": "tenancy",
    "Pre Installed S/W": "preInstalledSw",
    "CapacityStatus": "capacitystatus",
    "usageType": "usagetype",
    "Region Code": "regionCode",
}
_SERVICES = {"NatGateway-Hours": ("nat-gateway", "Hrs"), "EBS:VolumeUsage.gp3": ("gp3-storage", "GB-Mo")}
"""End of a usage type → the service in llmform and AWS's unit. In all regions but us-east-1 a prefix such as `EUC1-`
stands before it."""


class NoOffer(ValueError):
    """The text is no price list of EC2; the message says why."""


class Imported(NamedTuple):
    """A sheet from a price list, and how many on-demand prices of it are of something else."""

    sheet: Sheet
    left_out: int


class _Price(NamedTuple):
    """One on-demand price: what it is of, its unit, US dollars."""

    attributes: Mapping[str, str]
    unit: str
    usd: str


def read_offer(text: Iterable[str], file: str, known: Collection[str], region: str = "") -> Imported:
    """Return the prices of a region; NoOffer if the text is something else.

    Args:
        text: the lines of the file.
        known: instance types to keep.
        region: the one to keep; empty for the only one that the file is of.
    """
    lines = iter(text)
    first = next((line for line in lines if line.strip()), "")
    rest = _chain(first, lines)
    published, prices = _json(rest) if first.lstrip("\ufeff \t").startswith("{") else _csv(rest)
    day = published[:10]
    if not is_day(day):
        raise NoOffer("it has no day of publication")
    found, left_out = _kept(prices, known)
    regions = sorted(found)
    if not regions:
        raise NoOffer("it has no on-demand price of an instance type for Linux that llmform knows")
    if not region and len(regions) > 1:
        raise NoOffer(f"it has the prices of {len(regions)} regions: say which one with `--region`")
    wanted = region or regions[0]
    if wanted not in found:
        raise NoOffer(f"it has no prices of {wanted}, but those of {', '.join(regions[:10])}")
    instances, services = found[wanted]
    rates = {name: Rate(on_demand=usd) for name, usd in instances.items()}
    return Imported(Sheet(file, day, "AWS Price List, AmazonEC2", wanted, rates, services), left_out)


_Found = dict[str, tuple[dict[str, Decimal], dict[str, Decimal]]]


def _kept(prices: Iterable[_Price], known: Collection[str]) -> tuple[_Found, int]:
    """Return instances and services by region, and the number of other prices."""
    found: _Found = {}
    left_out = 0
    for price in prices:
        usd, where = _decimal(price.usd), price.attributes.get("regionCode", "")
        service, unit = _SERVICES.get(_usage(price.attributes.get("usagetype", "")), ("", ""))
        name = price.attributes.get("instanceType", "")
        if usd is None or not _REGION.fullmatch(where):
            left_out += 1
        elif service and price.unit == unit:
            found.setdefault(where, ({}, {}))[1][service] = usd
        elif name in known and price.unit == "Hrs" and _plain(price.attributes) and usd:
            found.setdefault(where, ({}, {}))[0][name] = usd
        else:
            left_out += 1
    return {where: rows for where, rows in found.items() if rows[0]}, left_out


def _usage(text: str) -> str:
    """Return a usage type without the prefix of its region."""
    head, dash, rest = text.partition("-")
    return rest if dash and rest in _SERVICES and head.isalnum() else text


def _plain(attributes: Mapping[str, str]) -> bool:
    return all(attributes.get(key) in wanted for key, wanted in _INSTANCE.items())


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except (InvalidOperation, ValueError):
        return None
    return value if value.is_finite() and 0 <= value < HIGHEST else None


def _json(lines: Iterable[str]) -> tuple[str, Iterator[_Price]]:
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


def _of_terms(products: Mapping[str, Any], terms: Mapping[str, Any]) -> Iterator[_Price]:
    for sku, offers in terms.items():
        attributes = _map(_map(products.get(sku)).get("attributes"))
        for term in _map(offers).values():
            for dimension in _map(_map(term).get("priceDimensions")).values():
                row = _map(dimension)
                usd = _map(row.get("pricePerUnit")).get("USD")
                if usd is not None:
                    yield _Price(attributes, str(row.get("unit", "")), str(usd))


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _csv(lines: Iterable[str]) -> tuple[str, Iterator[_Price]]:
    rows = csv.reader(lines)
    try:
        head = {row[0]: row[1] for row in (next(rows) for _ in range(HEAD_ROWS)) if len(row) > 1}
        names = next(rows)
    except (StopIteration, RuntimeError, csv.Error):
        raise NoOffer("it is neither a price list in JSON nor one in CSV") from None
    if head.get("OfferCode") != "AmazonEC2":
        raise NoOffer("its first rows do not say `OfferCode`, `AmazonEC2`")
    missing = [n for n in ("TermType", "Unit", "PricePerUnit", "Currency", *_COLUMNS) if n not in names]
    if missing:
        raise NoOffer(f"it has no column `{missing[0]}`")
    return head.get("Publication Date", ""), _of_rows(rows, names)


def _of_rows(rows: Iterator[list[str]], names: list[str]) -> Iterator[_Price]:
    try:
        for row in rows:
            cells = dict(zip(names, row, strict=False))
            if cells.get("TermType") == "OnDemand" and cells.get("Currency") == "USD":
                attributes = {key: cells.get(column, "") for column, key in _COLUMNS.items()}
                yield _Price(attributes, cells.get("Unit", ""), cells.get("PricePerUnit", ""))
    except csv.Error as error:
        raise NoOffer(f"a row cannot be read: {error}") from None


def _chain(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest
