"""Published prices of AWS services that are not instances. Instances' are in `instances.json` of an edition.

Prices belong to no edition: they decide nothing that a spec compiles to, and a plan of an old edition costs what AWS
asks today.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from specs.catalog.tables import read_table

EVERYWHERE = "*"
"""The region of a price that AWS states without one."""


class PriceRow(NamedTuple):
    """US dollars for one unit (`hour`, `month`, `GB-month`) in a region: a decimal string."""

    usd: str
    unit: str
    region: str
    as_of: str
    source: str


@cache
def prices() -> Mapping[str, PriceRow]:
    """Return the prices by the service's name in llmform (`nat-gateway`)."""
    table: dict[str, dict[str, str]] = read_table("prices.json")["prices"]
    return MappingProxyType({name: PriceRow(**row) for name, row in table.items()})


@cache
def instance_prices(edition: str) -> tuple[str, str, str]:
    """Return what an edition's instance prices are: the region, the day and who says them."""
    table = read_table(edition, "instances.json")
    return table["region"], table["as_of"], table["source"]
