"""Reads price sheets (`price_sheet.py`) from files beside the spec, and says what is wrong with them and where."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

from specs.catalog.prices import prices
from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic, Severity, has_errors
from specs.facts_file import OUTSIDE, inside
from specs.files import Files
from specs.finding import finding
from specs.load import Case
from specs.price_sheet import NODE_KEYS, RATE_KEYS, NodePrice, Rate, Sheet
from specs.schema.targets import AwsTarget
from specs.source import read_beside
from specs.suggest import closest, did_you_mean
from specs.tree import Member, Path, Tree
from specs.units import is_day

_AMOUNT = re.compile(r"\$?[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
_KEYS = ("asOf", "source", "region", "instances", "services", "nodes")
_PURCHASE = ("usdPerNode", "years", "watts", "usdPerKilowattHour", "overhead")


def read_prices(
    case: Case, edition: Edition, files: Files, spec_file: str
) -> tuple[Sheet | None, tuple[Diagnostic, ...]]:
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
    if sheet is not None:
        found = (*found, *_unused(case, edition, data, shown))
    if sheet is None or not isinstance(target, AwsTarget):
        return (sheet._replace(file=name) if sheet else None), found
    if sheet.region and sheet.region != target.region:
        message = f"the prices in `{name}` are those of {sheet.region}, and `{case.target}` is in {target.region}"
        advice = "name a sheet of that region: `llmform prices import` reads one region at a time"
        return None, (*found, finding(case, "prices-mismatch", path, message, help=advice))
    return sheet._replace(file=name), found


def _unused(case: Case, edition: Edition, data: bytes, shown: str) -> Iterator[Diagnostic]:
    """Yield prices that count nowhere because of how they are written.

    A sheet may be of many specs: a pool that the spec does not have is only told where one of its own has no price and
    nearly that name.
    """
    tree, _ = read_beside(data, shown, "a price sheet", "asOf: 2026-11-01")
    top = {name: member.tree for name, member in tree.members.items()} if tree is not None else {}
    for name, member in _section(top, "instances"):
        if name not in edition.instances:
            message = f"this edition knows no instance type `{name[:100]}`: its price counts nowhere"
            yield _warning(member, f"instances.{name[:100]}", message, did_you_mean(name, edition.instances, "types"))
    priced = {name for name, _ in _section(top, "nodes")}
    lacking = [name for name in case.spec.node_pools if name not in priced]
    for name, member in _section(top, "nodes"):
        meant = closest(name, lacking) if name not in case.spec.node_pools else None
        if meant is not None:
            message = f"there is no pool `{name[:100]}`: its price counts nowhere"
            yield _warning(member, f"nodes.{name[:100]}", message, f"did you mean `{meant}`?")


def _warning(member: Member, path: str, message: str, help: str) -> Diagnostic:
    return Diagnostic("prices-unused", message, member.key, path, help=help, severity=Severity.WARNING)


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
        and not is_day(str(members["asOf"].tree.value))
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
    if isinstance(entry.tree.value, Mapping) and not entry.tree.members:
        advice = "write `onDemand`, `spot` or both, or leave the type out"
        yield Diagnostic(
            "bad-value", f"`instances.{name}` says no price", entry.tree.span, f"instances.{name}", help=advice
        )


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
