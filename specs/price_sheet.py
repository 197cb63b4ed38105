"""A price sheet: what one's own agreement, region or hardware costs, from a file beside the spec (`targets.X.prices`).

    asOf: 2026-11-01
    source: our agreement with AWS, no. 4711
    region: eu-central-1                       # of `instances` and `services`; needed for them
    instances:                                 # US dollars an hour
      g6e.xlarge: {onDemand: 1.4250, spot: 0.71}
    services:                                  # US dollars for the unit that `specs/catalog/prices.json` says
      nat-gateway: 0.052
    nodes:                                     # nodes of one's own, by pool
      l40s: {usdPerNode: 62000, years: 4, watts: 2400, usdPerKilowattHour: 0.22, overhead: 1.3}
      box: {usdPerHour: 0.09}
      h100: {usdPerGpuHour: 1.85}

`llmform prices import` writes such a file from AWS's price list; `price_sheet_file.py` reads it. Amounts
are decimals and stay exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from json import dumps
from typing import Any, NamedTuple

HOURS_A_YEAR = 8760
"""365 days of 24 hours."""


class Rate(NamedTuple):
    """An instance type's price in US dollars an hour; None where the sheet does not say it."""

    on_demand: Decimal | None = None
    spot: Decimal | None = None


class NodePrice(NamedTuple):
    """What a node of one's own costs: an hour of it, of one of its GPUs, or the purchase with its power.

    `usd_per_node` is paid once and used for `years`; `watts` are drawn at all hours, times `overhead` for cooling and
    losses (PUE), at `usd_per_kilowatt_hour`.
    """

    usd_per_hour: Decimal | None = None
    usd_per_gpu_hour: Decimal | None = None
    usd_per_node: Decimal | None = None
    years: Decimal | None = None
    watts: Decimal | None = None
    usd_per_kilowatt_hour: Decimal | None = None
    overhead: Decimal | None = None

    def hour(self, gpus: int) -> Decimal:
        """Return US dollars for an hour of a node with so many GPUs.

        Amortisation + power: `usd_per_node / (years × 8,760) + watts / 1,000 × overhead × usd_per_kilowatt_hour`.

        Example:
            >>> NodePrice(usd_per_node=Decimal(35040), years=Decimal(4), watts=Decimal(2000),
            ...           usd_per_kilowatt_hour=Decimal("0.20"), overhead=Decimal("1.5")).hour(4)  # 1 + 2 × 1.5 × 0.20
            Decimal('1.6000')
        """
        if self.usd_per_hour is not None:
            return self.usd_per_hour
        if self.usd_per_gpu_hour is not None:
            return self.usd_per_gpu_hour * gpus
        bought = (self.usd_per_node or Decimal(0)) / ((self.years or Decimal(1)) * HOURS_A_YEAR)
        power = (self.watts or Decimal(0)) / 1000 * (self.usd_per_kilowatt_hour or Decimal(0))
        return bought + power * (Decimal(1) if self.overhead is None else self.overhead)


class Sheet(NamedTuple):
    """A price sheet. `file` is its path as the spec names it; `region` is empty where only nodes of one's own are in
    it."""

    file: str
    as_of: str
    source: str
    region: str = ""
    instances: Mapping[str, Rate] = {}
    services: Mapping[str, Decimal] = {}
    nodes: Mapping[str, NodePrice] = {}


NODE_KEYS = {
    "usdPerHour": "usd_per_hour",
    "usdPerGpuHour": "usd_per_gpu_hour",
    "usdPerNode": "usd_per_node",
    "years": "years",
    "watts": "watts",
    "usdPerKilowattHour": "usd_per_kilowatt_hour",
    "overhead": "overhead",
}
RATE_KEYS = {"onDemand": "on_demand", "spot": "spot"}


def sheet_text(sheet: Sheet, head: str = "") -> str:
    """Return the file's text, entries by name; the same prices give the same bytes. `head` is its first comment."""
    lines = [f"# {head}"] if head else []
    lines += [f"asOf: {dumps(sheet.as_of)}", f"source: {dumps(sheet.source)}"]
    if sheet.region:
        lines.append(f"region: {dumps(sheet.region)}")
    if sheet.instances:
        lines.append("instances:")
        lines += [f"  {dumps(n)}: {_inline(r, RATE_KEYS)}" for n, r in sorted(sheet.instances.items())]
    if sheet.services:
        lines.append("services:")
        lines += [f"  {n}: {dumps(digits(p))}" for n, p in sorted(sheet.services.items())]
    if sheet.nodes:
        lines.append("nodes:")
        lines += [f"  {dumps(n)}: {_inline(p, NODE_KEYS)}" for n, p in sorted(sheet.nodes.items())]
    return "\n".join(lines) + "\n"


def _inline(row: tuple[Any, ...], keys: Mapping[str, str]) -> str:
    given = ((key, getattr(row, field)) for key, field in keys.items())
    return "{" + ", ".join(f'{key}: "{digits(value)}"' for key, value in given if value is not None) + "}"


def digits(value: Decimal) -> str:
    """Return an amount without zeros at its end: `1.8610000000` is `1.861`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def sheet_values(sheet: Sheet) -> dict[str, Any]:
    """Return the sheet as JSON values, for a recorded compilation."""
    rows = {
        "instances": {n: _known(r, RATE_KEYS) for n, r in sorted(sheet.instances.items())},
        "services": {n: digits(p) for n, p in sorted(sheet.services.items())},
        "nodes": {n: _known(p, NODE_KEYS) for n, p in sorted(sheet.nodes.items())},
    }
    return {"asOf": sheet.as_of, "source": sheet.source, "region": sheet.region, **{k: v for k, v in rows.items() if v}}


def _known(row: tuple[Any, ...], keys: Mapping[str, str]) -> dict[str, str]:
    return {key: digits(getattr(row, field)) for key, field in keys.items() if getattr(row, field) is not None}


def sheet_from_values(file: str, values: Mapping[str, Any]) -> Sheet:
    """Return a sheet that was recorded; KeyError, TypeError or an arithmetic error for what is none."""

    def row(given: Mapping[str, str], keys: Mapping[str, str]) -> dict[str, Decimal]:
        return {keys[key]: Decimal(text) for key, text in given.items()}

    return Sheet(
        file,
        values["asOf"],
        values["source"],
        values["region"],
        {n: Rate(**row(r, RATE_KEYS)) for n, r in values.get("instances", {}).items()},
        {n: Decimal(p) for n, p in values.get("services", {}).items()},
        {n: NodePrice(**row(p, NODE_KEYS)) for n, p in values.get("nodes", {}).items()},
    )
