"""Reads price sheets (`price_sheet.py`) from files beside the spec, and says what is wrong with them and where."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic, has_errors
from specs.facts_file import OUTSIDE, inside
from specs.files import Files
from specs.finding import finding
from specs.load import Case
from specs.price_sheet import ORIGIN_KEYS, Sheet, sheet_from_values
from specs.price_sheet_problems import amount, problems
from specs.price_sheet_use import doubts, judged, section_of
from specs.schema.targets import AwsTarget
from specs.source import read_beside
from specs.tree import Path, Tree, plain


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
    tree, _ = _read(data, shown)
    if sheet is None or tree is None:
        return None, found
    found = (*found, *doubts(tree), *judged(case, edition, tree))
    if has_errors(found):
        return None, found
    if not isinstance(target, AwsTarget):
        return sheet._replace(file=name), found
    if sheet.region and sheet.region != target.region:
        message = f"the prices in `{name}` are those of {sheet.region}, and `{case.target}` is in {target.region}"
        advice = "name a sheet of that region: `llmform prices import` reads one region at a time"
        return None, (*found, finding(case, "prices-mismatch", path, message, help=advice))
    return sheet._replace(file=name), found


def doubts_of(data: bytes, shown: str) -> tuple[Diagnostic, ...]:
    """Return the warnings of a sheet by itself, of whatever target it is."""
    tree, _ = _read(data, shown)
    return tuple(doubts(tree)) if tree is not None else ()


def _read(data: bytes, shown: str) -> tuple[Tree | None, tuple[Diagnostic, ...]]:
    return read_beside(data, shown, "a price sheet", "asOf: 2026-11-01")


def sheet_of(data: bytes, shown: str) -> tuple[Sheet | None, tuple[Diagnostic, ...]]:
    """Return the sheet that a text holds, None with the reasons if it holds none. Pure; `shown` names the file."""
    tree, wrong = _read(data, shown)
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
            for n, row in section_of(tree, "instances")
        },
        "services": {n: _price(m.tree) for n, m in section_of(tree, "services")},
        "nodes": {
            n: {k: m.tree.value if k in ORIGIN_KEYS else _digits(m.tree) for k, m in row.tree.members.items()}
            for n, row in section_of(tree, "nodes")
        },
    }


def _price(tree: Tree) -> Any:
    if not tree.members:
        return _digits(tree)
    return {key: _digits(m.tree) if key == "usd" else m.tree.value for key, m in tree.members.items()}


def _digits(tree: Tree) -> str:
    return str(amount(tree) or 0)
