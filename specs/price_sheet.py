"""A price sheet: what one's own agreement, region or hardware costs, from a file beside the spec (`targets.X.prices`).

    asOf: 2026-11-01
    source: our agreement with AWS, no. 4711
    region: eu-central-1                       # of `instances` and `services`; needed for them
    instances:                                 # US dollars an hour
      g6e.xlarge: {onDemand: 1.4250, spot: {usd: 0.71, asOf: 2026-10-01, source: an offer}}  # a day of its own
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

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from json import dumps
from typing import Any, NamedTuple

HOURS_A_YEAR = 8760
"""365 days of 24 hours."""


class Origin(NamedTuple):
    """The day that a price holds from, and who says so."""

    as_of: str
    source: str


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
    it. `origins` are those of the prices that have not the sheet's own, by their path: `("services", "nat-gateway")`,
    `("instances", "g6e.xlarge", "spot")`."""

    file: str
    as_of: str
    source: str
    region: str = ""
    instances: Mapping[str, Rate] = {}
    services: Mapping[str, Decimal] = {}
    nodes: Mapping[str, NodePrice] = {}
    origins: Mapping[tuple[str, ...], Origin] = {}

    def origin(self, *path: str) -> Origin:
        """Return the day and source of the price at a path."""
        return self.origins.get(path, Origin(self.as_of, self.source))


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
ORIGIN_KEYS = ("asOf", "source")


def sheet_text(sheet: Sheet, head: str = "") -> str:
    """Return the file's text, entries by name; the same prices give the same bytes. `head` is its first comment."""
    values = sheet_values(sheet)
    lines = [f"# {head}"] if head else []
    lines += [f"{key}: {dumps(values[key])}" for key in ("asOf", "source", "region") if values[key]]
    for section in ("instances", "services", "nodes"):
        if section in values:
            lines.append(f"{section}:")
            quoted = section != "services"  # whose names llmform itself gives
            lines += [f"  {dumps(n) if quoted else n}: {_inline(row)}" for n, row in values[section].items()]
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_inline(inner)}" for key, inner in value.items()) + "}"
    return dumps(value)


def digits(value: Decimal) -> str:
    """Return an amount without zeros at its end: `1.8610000000` is `1.861`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def sheet_values(sheet: Sheet) -> dict[str, Any]:
    """Return the sheet as JSON values, for a recorded compilation."""

    def price(usd: Decimal, *path: str) -> Any:
        own = _differs(sheet, path)
        return {"usd": digits(usd), **own} if own else digits(usd)

    rows: dict[str, dict[str, Any]] = {
        "instances": {
            n: {key: price(usd, "instances", n, key) for key, usd in _known(rate, RATE_KEYS).items()}
            for n, rate in sorted(sheet.instances.items())
        },
        "services": {n: price(usd, "services", n) for n, usd in sorted(sheet.services.items())},
        "nodes": {
            n: {key: digits(value) for key, value in _known(node, NODE_KEYS).items()} | _differs(sheet, ("nodes", n))
            for n, node in sorted(sheet.nodes.items())
        },
    }
    return {"asOf": sheet.as_of, "source": sheet.source, "region": sheet.region, **{k: v for k, v in rows.items() if v}}


def _differs(sheet: Sheet, path: tuple[str, ...]) -> dict[str, str]:
    """Return what a price says of its day and source, where that is not what the sheet says."""
    as_of, source = sheet.origin(*path)
    day = {"asOf": as_of} if as_of != sheet.as_of else {}
    return {**day, "source": source} if source != sheet.source else day


def _known(row: tuple[Any, ...], keys: Mapping[str, str]) -> dict[str, Decimal]:
    given = {key: getattr(row, field) for key, field in keys.items()}
    return {key: value for key, value in given.items() if value is not None}


def sheet_from_values(file: str, values: Mapping[str, Any]) -> Sheet:
    """Return a sheet that was recorded; KeyError, TypeError or an arithmetic error for what is none."""
    own, origins = Origin(values["asOf"], values["source"]), {}

    def told(row: Mapping[str, str], *path: str) -> None:
        origin = Origin(row.get("asOf", own.as_of), row.get("source", own.source))
        if origin != own:
            origins[path] = origin

    def price(value: Any, *path: str) -> Decimal:
        if isinstance(value, Mapping):
            told(value, *path)
            value = value["usd"]
        return Decimal(value)

    def node(name: str, row: Mapping[str, str]) -> NodePrice:
        told(row, "nodes", name)
        return NodePrice(**{NODE_KEYS[k]: Decimal(text) for k, text in row.items() if k not in ORIGIN_KEYS})

    instances = {
        n: Rate(**{RATE_KEYS[key]: price(value, "instances", n, key) for key, value in row.items()})
        for n, row in values.get("instances", {}).items()
    }
    services = {n: price(value, "services", n) for n, value in values.get("services", {}).items()}
    nodes = {n: node(n, row) for n, row in values.get("nodes", {}).items()}
    return Sheet(file, *own, values["region"], instances, services, nodes, origins)


def merged(first: Sheet, then: Sheet) -> Sheet:
    """Return both sheets, of one region, in one: what the second says counts before the first.

    Each price keeps its day and source. The sheet's own are those of most of its prices; of as many, the second's.
    """
    found = {**_origins(first), **_origins(then)}
    count, last = Counter(found.values()), Origin(then.as_of, then.source)
    own = max(count, key=lambda o: (count[o], o == last, o), default=last)
    instances = dict(first.instances)
    for name, rate in then.instances.items():
        old = instances.get(name, Rate())
        instances[name] = Rate(
            old.on_demand if rate.on_demand is None else rate.on_demand,
            old.spot if rate.spot is None else rate.spot,
        )
    return Sheet(
        then.file,
        *own,
        then.region or first.region,
        instances,
        {**first.services, **then.services},
        {**first.nodes, **then.nodes},
        {path: origin for path, origin in found.items() if origin != own},
    )


def _origins(sheet: Sheet) -> dict[tuple[str, ...], Origin]:
    """Return day and source of every price of a sheet."""
    paths: list[tuple[str, ...]] = [
        ("instances", n, key) for n, rate in sheet.instances.items() for key in _known(rate, RATE_KEYS)
    ]
    paths += [("services", n) for n in sheet.services] + [("nodes", n) for n in sheet.nodes]
    return {path: sheet.origin(*path) for path in paths}
