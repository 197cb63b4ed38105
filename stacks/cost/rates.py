"""Where a price comes from: the place's own price sheet first, then the catalog where it knows the region."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from specs.catalog.prices import EVERYWHERE, instance_prices, prices
from specs.catalog.reader import Edition
from specs.price_sheet import Sheet
from stacks.cost.values import Price

HOUR = "hour"


class Rated(NamedTuple):
    """The price of an instance type, and whether it is a ceiling: no spot price is known, and EC2 never asks more for
    spot than on demand (Amazon EC2 user guide, Spot Instance pricing: the default maximum is the on-demand price)."""

    price: Price
    ceiling: bool = False


class Rates(NamedTuple):
    """The prices of one place. `region` is empty where it is not AWS, or nobody knows it. `older` is asked for what
    `sheet` does not say: a price that left the sheet with the thing that it was of."""

    edition: Edition
    region: str
    sheet: Sheet | None
    older: Sheet | None = None

    def _sheets(self) -> tuple[Sheet, ...]:
        return tuple(s for s in (self.sheet, self.older) if s is not None)

    def instance(self, name: str, capacity: str) -> Rated | None:
        """Return the price of an hour of an EC2 instance type, `on-demand` or `spot`; None if nobody says it."""
        ceiling = capacity == "spot"
        for sheet in self._sheets():
            own = sheet.instances.get(name)
            if ceiling and own is not None and own.spot is not None:
                return Rated(_own(sheet, own.spot, HOUR, "instances", name, "spot"))
            if own is not None and own.on_demand is not None:
                return Rated(_own(sheet, own.on_demand, HOUR, "instances", name, "onDemand"), ceiling)
        row = self.edition.instances.get(name)
        region, as_of, source = instance_prices(self.edition.name)
        if row is None or row.usd_per_hour is None or self.region != region:
            return None
        return Rated(Price(Decimal(row.usd_per_hour), HOUR, source, as_of), ceiling)

    def service(self, name: str) -> Price | None:
        """Return the price of a service by its name in `specs/catalog/prices.json`; None if nobody says it here."""
        row = prices()[name]
        for sheet in self._sheets():
            if name in sheet.services:
                return _own(sheet, sheet.services[name], row.unit, "services", name)
        if row.region not in (EVERYWHERE, self.region):
            return None
        return Price(Decimal(row.usd), row.unit, row.source, row.as_of)

    def node(self, pool: str, gpus: int) -> Price | None:
        """Return the price of an hour of a node of one's own; None if no sheet says it."""
        found = ((sheet, sheet.nodes[pool]) for sheet in self._sheets() if pool in sheet.nodes)
        return next((_own(sheet, own.hour(gpus), HOUR, "nodes", pool) for sheet, own in found), None)

    def no_price(self) -> str:
        """Return why there is no price for something of AWS here."""
        if not self.region:
            return "its region is not known"
        return f"no price is known in {self.region}: a price sheet can say it (`targets.X.prices`)"


def _own(sheet: Sheet, usd: Decimal, unit: str, *path: str) -> Price:
    """Return a price of a sheet, at its path there, with its own day and source."""
    origin = sheet.origin(*path)
    return Price(usd, unit, f"{origin.source} ({sheet.file})", origin.as_of)
