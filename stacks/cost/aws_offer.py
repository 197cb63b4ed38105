"""AWS's public price list of EC2 → a price sheet. Pure: the file's text is given; `aws_offer_rows.py` reads its form.

What is taken:

- instances: Linux, shared tenancy, no software in the price, used capacity (`capacitystatus`), on demand;
- NAT gateways by the hour, and gp3's storage, by their usage type.

Of prices that hold from several days, the one in effect on the day that the list was published. Anything else in the
file is left out; how much of it, and for what reason, is said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from specs.price_sheet import Rate, Sheet, digits
from specs.scalars import shown
from specs.units import is_day
from stacks.cost.aws_offer_rows import NoOffer, OfferPrice, offer_prices

HIGHEST = Decimal(10**12)
"""US dollars: what no price reaches, and no price sheet can say (`specs/price_sheet_file.py`)."""

_REGION = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)

_INSTANCE: Mapping[str, tuple[str, ...]] = {
    "operatingSystem": ("Linux",),
    "tenancy": ("Shared",),
    "preInstalledSw": ("NA",),
    "capacitystatus": ("Used",),
}
_LINUX = ("RunInstances", "")
"""The operation of Linux without other software (Amazon EC2 user guide, "AMI billing information")."""

_SERVICES = {"NatGateway-Hours": ("nat-gateway", "Hrs"), "EBS:VolumeUsage.gp3": ("gp3-storage", "GB-Mo")}
"""End of a usage type → the service in llmform and AWS's unit. In all regions but us-east-1 a prefix such as `EUC1-`
stands before it."""

CURRENCY, UNIT, AMOUNT, ZERO = "in another currency", "in another unit", "with no amount", "of $0"
DAY, MARKET, NOWHERE = "no longer or not yet in effect", "of another market option", "without a region"
REGION, OTHER = "of another region", "of something else"
_NEAREST = (CURRENCY, UNIT, AMOUNT, ZERO, DAY, MARKET, NOWHERE, REGION, OTHER)
"""Why a price is left out: first what is nearest to a price that counts."""


class Imported(NamedTuple):
    """A sheet from a price list, and how many of its on-demand prices are left out, by reason."""

    sheet: Sheet
    left_out: Mapping[str, int]


class _Kind(NamedTuple):
    """What llmform has a use for: an instance type or a service, by its name, and AWS's unit of its price."""

    section: str
    name: str
    unit: str


@dataclass
class _Chosen:
    """The price that counts so far, with the place of its first row: several, if rows of one day contradict each other.

    Of `rows`, so many hold from `effective`, the newest day: the others do not count.
    """

    effective: str = ""
    prices: dict[Decimal, str] = field(default_factory=dict)
    rows: int = 0
    here: int = 0

    def add(self, effective: str, usd: Decimal, place: str) -> None:
        self.rows += 1
        if effective > self.effective:
            self.effective, self.prices, self.here = effective, {}, 0
        if effective == self.effective:
            self.prices.setdefault(usd, place)
            self.here += 1


@dataclass
class _Read:
    """What a list holds: prices by region and kind, and by reason how many are left out and the first of them."""

    chosen: dict[str, dict[_Kind, _Chosen]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def leave(self, reason: str, number: int = 1) -> None:
        if number:
            self.left_out[reason] = self.left_out.get(reason, 0) + number

    def leave_one(self, reason: str, price: OfferPrice, text: str) -> None:
        self.leave(reason)
        self.first.setdefault(reason, f"the first in {price.place} (`{shown(text, 40)}`)")

    def why(self) -> str:
        """Return each reason with its number and the first place."""
        return "; ".join(f"{self.left_out[r]:,} {r}, {self.first[r]}" for r in _NEAREST if r in self.left_out)


def read_offer(text: Iterable[str], file: str, known: Collection[str], region: str = "") -> Imported:
    """Return the prices of a region; NoOffer if the text is something else, or has two prices for one thing.

    Args:
        text: the lines of the file.
        known: instance types to keep.
        region: the one to keep; empty for the only one that the file is of.
    """
    published, prices = offer_prices(text)
    day = published[:10]
    if not is_day(day):
        raise NoOffer("it has no day of publication")
    found = _read(prices, known, day)
    wanted = _region(found, region)
    for where, kinds in found.chosen.items():
        for chosen in kinds.values():
            if where != wanted:
                found.leave(REGION, chosen.rows)
            else:
                found.leave(DAY, chosen.rows - chosen.here)
    here = {kind: _one(kind, wanted, chosen) for kind, chosen in found.chosen[wanted].items()}
    rates = {kind.name: Rate(on_demand=usd) for kind, usd in here.items() if kind.section == "instances"}
    services = {kind.name: usd for kind, usd in here.items() if kind.section == "services"}
    return Imported(Sheet(file, day, "AWS Price List, AmazonEC2", wanted, rates, services), found.left_out)


def _region(found: _Read, asked: str) -> str:
    """Return the region whose prices are kept; NoOffer if there is none, or nobody says which."""
    regions = sorted(where for where, kinds in found.chosen.items() if any(k.section == "instances" for k in kinds))
    if not found.left_out and not found.chosen:
        raise NoOffer("it has no on-demand price at all")
    if not regions:
        why = f": {found.why()}" if found.left_out else ""
        raise NoOffer(f"it has no on-demand price of an instance type for Linux that llmform knows{why}")
    if not asked and len(regions) > 1:
        which = f"{', '.join(regions[:-1])} and {regions[-1]}"
        raise NoOffer(f"it has the prices of {len(regions)} regions, {which}: say which one with `--region`")
    wanted = asked or regions[0]
    if wanted not in regions:
        raise NoOffer(f"it has no prices of {wanted}, but those of {', '.join(regions)}")
    return wanted


def _one(kind: _Kind, region: str, chosen: _Chosen) -> Decimal:
    """Return the one price that there is; NoOffer if there are two, whatever their order."""
    if len(chosen.prices) > 1:
        (usd, place), (other, there) = list(chosen.prices.items())[:2]
        both = f"${digits(usd)} in {place} and ${digits(other)} in {there}"
        advice = "download the list again, or delete the row that does not hold"
        raise NoOffer(f"`{kind.name}` in {region} has two on-demand prices: {both}", advice)
    return next(iter(chosen.prices))


def _read(prices: Iterable[OfferPrice], known: Collection[str], day: str) -> _Read:
    found = _Read()
    for price in prices:
        kind = _kind(price.attributes, known)
        if kind is None:
            name = price.attributes.get("instanceType") or price.attributes.get("usagetype", "")
            found.leave_one(OTHER, price, name)
            continue
        usd, effective = _decimal(price.amount), price.effective[:10] if is_day(price.effective[:10]) else ""
        reason, text = _lacking(price, kind, usd, effective > day)
        if usd is None or reason:
            found.leave_one(reason, price, text)
            continue
        kinds = found.chosen.setdefault(price.attributes["regionCode"], {})
        kinds.setdefault(kind, _Chosen()).add(effective, usd, price.place)
    return found


def _kind(attributes: Mapping[str, str], known: Collection[str]) -> _Kind | None:
    """Return what a price is of; None for what llmform has no use for."""
    usage = _usage(attributes.get("usagetype", ""))
    if usage in _SERVICES:
        return _Kind("services", *_SERVICES[usage])
    name = attributes.get("instanceType", "")
    plain = all(attributes.get(key) in wanted for key, wanted in _INSTANCE.items())
    linux = attributes.get("operation", "") in _LINUX
    return _Kind("instances", name, "Hrs") if plain and linux and name in known else None


def _lacking(price: OfferPrice, kind: _Kind, usd: Decimal | None, not_yet: bool) -> tuple[str, str]:
    """Return why a price does not count, and what the file says instead; empty if it does."""
    where, option = (price.attributes.get(key, "") for key in ("regionCode", "marketoption"))
    reasons = (
        (MARKET, option, option not in ("", "OnDemand")),
        (CURRENCY, price.currency, price.currency != "USD"),
        (UNIT, price.unit, price.unit != kind.unit),
        (AMOUNT, price.amount, usd is None),
        (ZERO, price.amount, kind.section == "instances" and not usd),
        (NOWHERE, where, not _REGION.fullmatch(where)),
        (DAY, price.effective[:10], not_yet),
    )
    return next(((reason, text) for reason, text, holds in reasons if holds), ("", ""))


def _usage(text: str) -> str:
    """Return a usage type without the prefix of its region."""
    head, dash, rest = text.partition("-")
    return rest if dash and rest in _SERVICES and head.isalnum() else text


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except (InvalidOperation, ValueError):
        return None
    return value if value.is_finite() and 0 <= value < HIGHEST else None
