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

`llmform prices import` writes such a file from AWS's price list. Amounts are decimals and stay exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from specs.catalog.prices import prices
from specs.diagnostics import Diagnostic, has_errors
from specs.facts_file import OUTSIDE, inside
from specs.files import Files
from specs.finding import finding
from specs.load import Case
from specs.schema.targets import AwsTarget
from specs.source import read_beside
from specs.suggest import did_you_mean
from specs.tree import Member, Path, Tree

HOURS_A_YEAR = 8760
"""365 days of 24 hours."""

_AMOUNT = re.compile(r"\$?[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)


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
_KEYS = ("asOf", "source", "region", "instances", "services", "nodes")
_PURCHASE = ("usdPerNode", "years", "watts", "usdPerKilowattHour", "overhead")


def read_prices(case: Case, files: Files, spec_file: str) -> tuple[Sheet | None, tuple[Diagnostic, ...]]:
    """Return the price sheet of the case's target, or None if it names none; and what is wrong with the file."""
    target = case.spec.targets[case.target]
    name = target.prices
    if name is None:
        return None, ()
    path: Path = ("targets", case.target, "prices")
    data = files.read(name) if inside(name) else None
    if data is None:
        message = f"`{name}` is no file in the spec's folder, nor in one below it"
        advice = "`llmform prices import FILE -o FILE` writes one from AWS's price list"
        if not inside(name):
            message, advice = f"`{name}` {OUTSIDE}", "put the file beside the spec"
        return None, (finding(case, "prices-missing", path, message, help=advice),)
    shown = str(PurePosixPath(spec_file).parent / name)
    sheet, found = sheet_of(data, shown)
    if sheet is None or not isinstance(target, AwsTarget):
        return (sheet._replace(file=name) if sheet else None), found
    if sheet.region and sheet.region != target.region:
        message = f"the prices in `{name}` are those of {sheet.region}, and `{case.target}` is in {target.region}"
        advice = "name a sheet of that region: `llmform prices import` reads one region at a time"
        return None, (*found, finding(case, "prices-mismatch", path, message, help=advice))
    return sheet._replace(file=name), found


def sheet_of(data: bytes, shown: str) -> tuple[Sheet | None, tuple[Diagnostic, ...]]:
    """Return the sheet that a text holds, None with the reasons if it holds none. Pure; `shown` names the file."""
    tree, wrong = read_beside(data, shown, "a price sheet", "asOf: 2026-11-01")
    if tree is None:
        return None, wrong
    found = (*wrong, *_problems(tree))
    if has_errors(found):
        return None, found
    top = {name: member.tree for name, member in tree.members.items()}
    return Sheet(
        shown,
        str(top["asOf"].value),
        str(top["source"].value),
        str(top["region"].value) if "region" in top else "",
        {n: Rate(**_amounts(m.tree, RATE_KEYS)) for n, m in _section(top, "instances")},
        {n: _amount(m.tree) or Decimal(0) for n, m in _section(top, "services")},
        {n: NodePrice(**_amounts(m.tree, NODE_KEYS)) for n, m in _section(top, "nodes")},
    ), found


def _section(top: Mapping[str, Tree], name: str) -> tuple[tuple[str, Member], ...]:
    return tuple(sorted(top[name].members.items())) if name in top else ()


def _amounts(tree: Tree, keys: Mapping[str, str]) -> dict[str, Any]:
    return {keys[name]: _amount(member.tree) for name, member in tree.members.items()}


def _amount(tree: Tree) -> Decimal | None:
    """Return an exact amount; None for what is none. A number of YAML is the shortest decimal that reads as it."""
    if isinstance(tree.value, bool) or not isinstance(tree.value, int | float | str):
        return None
    text = format(Decimal(str(tree.value)), "f") if not isinstance(tree.value, str) else tree.value
    return Decimal(text.removeprefix("$")) if _AMOUNT.fullmatch(text) else None


def _problems(tree: Tree) -> Iterator[Diagnostic]:
    """Yield what is wrong, each at its own place."""
    members = tree.members
    yield from _unknown(members, _KEYS, "", "keys")
    for key in ("asOf", "source"):
        if key not in members:
            yield Diagnostic("missing-key", f"the price sheet has no `{key}`", tree.span, key, help=_WHY[key])
    for key in ("asOf", "source", "region"):
        if key in members and not (isinstance(members[key].tree.value, str) and str(members[key].tree.value).strip()):
            yield _wrong(members[key], key, "text", "a-text" if key != "asOf" else "2026-11-01")
    if (
        "asOf" in members
        and isinstance(members["asOf"].tree.value, str)
        and not _is_day(str(members["asOf"].tree.value))
    ):
        at = members["asOf"].tree
        yield Diagnostic("bad-value", f"`{str(at.value)[:40]}` is no day", at.span, "asOf", help="such as `2026-11-01`")
    if ("instances" in members or "services" in members) and "region" not in members:
        yield Diagnostic("missing-key", "prices of AWS need `region`", tree.span, "region", help=_WHY["region"])
    for section, inner in (("instances", _rate), ("services", _service), ("nodes", _node)):
        if section in members:
            yield from _entries(members[section], section, inner)


_WHY = {
    "asOf": "add the day that the prices hold from, such as `asOf: 2026-11-01`",
    "source": "say where they come from, such as `source: agreement no. 4711`",
    "region": "add it, such as `region: us-east-1`",
}


def _entries(
    member: Member, section: str, inner: Callable[[str, Member], Iterator[Diagnostic]]
) -> Iterator[Diagnostic]:
    if not isinstance(member.tree.value, Mapping):
        yield _wrong(member, section, "a map", f"{section}: {{…}}")
        return
    for name, entry in member.tree.members.items():
        yield from inner(name, entry)


def _rate(name: str, entry: Member) -> Iterator[Diagnostic]:
    yield from _fields(entry, f"instances.{name}", RATE_KEYS, "onDemand: 1.861")


def _service(name: str, entry: Member) -> Iterator[Diagnostic]:
    if name not in prices():
        advice = did_you_mean(name, prices(), "services")
        yield Diagnostic("unknown-key", f"unknown service `{name[:100]}`", entry.key, f"services.{name}", help=advice)
    elif _amount(entry.tree) is None:
        yield _no_amount(entry, f"services.{name}")


def _node(name: str, entry: Member) -> Iterator[Diagnostic]:
    path = f"nodes.{name}"
    before = tuple(_fields(entry, path, NODE_KEYS, "usdPerHour: 2.10"))
    yield from before
    if before:
        return
    given = set(entry.tree.members)
    ways = [way for way in ("usdPerHour", "usdPerGpuHour", "usdPerNode") if way in given]
    advice = "write `usdPerHour`, `usdPerGpuHour`, or `usdPerNode` with `years`"
    if len(ways) != 1:
        text = "several prices" if ways else "no price"
        yield Diagnostic("bad-value", f"`{path}` has {text} of a node", entry.key, path, help=advice)
    elif ways == ["usdPerNode"] and not _amount_of(entry, "years"):
        message = f"`{path}` is bought and has no `years` to be used for"
        yield Diagnostic("bad-value", message, entry.key, path, help="add it, such as `years: 4`")
    elif ("watts" in given) != ("usdPerKilowattHour" in given):
        message = f"`{path}` has one of `watts` and `usdPerKilowattHour`"
        yield Diagnostic("bad-value", message, entry.key, path, help="power costs watts times the price of an hour")
    elif ways != ["usdPerNode"] and given & set(_PURCHASE):
        extra = min(given & set(_PURCHASE))
        yield Diagnostic("bad-value", f"`{path}` has a price an hour, and `{extra}` too", entry.key, path, help=advice)


def _amount_of(entry: Member, key: str) -> Decimal | None:
    return _amount(entry.tree.members[key].tree) if key in entry.tree.members else None


def _fields(entry: Member, path: str, keys: Mapping[str, str], example: str) -> Iterator[Diagnostic]:
    if not isinstance(entry.tree.value, Mapping):
        yield _wrong(entry, path, "a map", f"{{{example}}}")
        return
    yield from _unknown(entry.tree.members, tuple(keys), f"{path}.", "keys")
    for key, member in entry.tree.members.items():
        if key in keys and _amount(member.tree) is None:
            yield _no_amount(member, f"{path}.{key}")


def _unknown(members: Mapping[str, Member], known: tuple[str, ...], prefix: str, what: str) -> Iterator[Diagnostic]:
    for name, member in members.items():
        if name not in known:
            advice = did_you_mean(name, known, what)
            yield Diagnostic("unknown-key", f"unknown key `{name[:100]}`", member.key, f"{prefix}{name}", help=advice)


def _wrong(member: Member, path: str, what: str, example: str) -> Diagnostic:
    return Diagnostic("wrong-type", f"`{path}` must be {what}", member.tree.span, path, help=f"such as `{example}`")


def _no_amount(member: Member, path: str) -> Diagnostic:
    message = f"`{path}` is no amount in US dollars" if "usd" in path or path[0] in "is" else f"`{path}` is no number"
    help = "write digits with at most 12 decimals, such as `1.861`"
    return Diagnostic("bad-value", message, member.tree.span, path, help=help)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def sheet_text(sheet: Sheet, head: str = "") -> str:
    """Return the file's text, entries by name; the same prices give the same bytes. `head` is its first comment."""
    from json import dumps

    lines = [f"# {head}"] if head else []
    lines += [f"asOf: {dumps(sheet.as_of)}", f"source: {dumps(sheet.source)}"]
    if sheet.region:
        lines.append(f"region: {dumps(sheet.region)}")
    if sheet.instances:
        lines.append("instances:")
        lines += [f"  {dumps(n)}: {_inline(r, RATE_KEYS)}" for n, r in sorted(sheet.instances.items())]
    if sheet.services:
        lines.append("services:")
        lines += [f"  {n}: {dumps(_digits(p))}" for n, p in sorted(sheet.services.items())]
    if sheet.nodes:
        lines.append("nodes:")
        lines += [f"  {dumps(n)}: {_inline(p, NODE_KEYS)}" for n, p in sorted(sheet.nodes.items())]
    return "\n".join(lines) + "\n"


def _inline(row: tuple[Any, ...], keys: Mapping[str, str]) -> str:
    given = ((key, getattr(row, field)) for key, field in keys.items())
    return "{" + ", ".join(f'{key}: "{_digits(value)}"' for key, value in given if value is not None) + "}"


def _digits(value: Decimal) -> str:
    """Return an amount without zeros at its end: `1.8610000000` is `1.861`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def sheet_values(sheet: Sheet) -> dict[str, Any]:
    """Return the sheet as JSON values, for a recorded compilation."""
    rows = {
        "instances": {n: _known(r, RATE_KEYS) for n, r in sorted(sheet.instances.items())},
        "services": {n: _digits(p) for n, p in sorted(sheet.services.items())},
        "nodes": {n: _known(p, NODE_KEYS) for n, p in sorted(sheet.nodes.items())},
    }
    return {"asOf": sheet.as_of, "source": sheet.source, "region": sheet.region, **{k: v for k, v in rows.items() if v}}


def _known(row: tuple[Any, ...], keys: Mapping[str, str]) -> dict[str, str]:
    return {key: _digits(getattr(row, field)) for key, field in keys.items() if getattr(row, field) is not None}


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
