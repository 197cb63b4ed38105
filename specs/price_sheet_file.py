"""Reads price sheets (`price_sheet.py`) from files beside the spec, and says what is wrong with them and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic, Severity, has_errors
from specs.facts_file import OUTSIDE, inside
from specs.files import Files
from specs.finding import finding
from specs.load import Case
from specs.price_sheet import ORIGIN_KEYS, Sheet, sheet_from_values
from specs.price_sheet_problems import amount, problems
from specs.schema.targets import AwsTarget
from specs.source import read_beside
from specs.suggest import closest, did_you_mean
from specs.tree import Member, Path, Tree, plain


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
    top = tree.members if tree is not None else {}
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
    found = (*wrong, *problems(tree))
    if has_errors(found):
        return None, found
    return sheet_from_values(shown, _values(tree)), found


def _values(tree: Tree) -> dict[str, Any]:
    """Return a sheet in which nothing is wrong as it is recorded: each amount is its digits."""
    values = plain(tree)
    return {
        **{key: values.get(key, "") for key in ("asOf", "source", "region")},
        "instances": {
            n: {key: _price(m.tree) for key, m in sorted(row.tree.members.items())}
            for n, row in _section(tree.members, "instances")
        },
        "services": {n: _price(m.tree) for n, m in _section(tree.members, "services")},
        "nodes": {
            n: {k: m.tree.value if k in ORIGIN_KEYS else _digits(m.tree) for k, m in row.tree.members.items()}
            for n, row in _section(tree.members, "nodes")
        },
    }


def _price(tree: Tree) -> Any:
    if not tree.members:
        return _digits(tree)
    return {key: _digits(m.tree) if key == "usd" else m.tree.value for key, m in tree.members.items()}


def _digits(tree: Tree) -> str:
    return str(amount(tree) or 0)


def _section(top: Mapping[str, Member], name: str) -> tuple[tuple[str, Member], ...]:
    return tuple(sorted(top[name].tree.members.items())) if name in top else ()
