"""What of a place its graphs do not say and its costs need: the price sheet, and what its servers carry.

It is recorded with a compilation, so that a recorded one, or one of another commit, is priced as the spec is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from components.resolve.platform import Platform
from components.resolve.sizing.throughput import throughput
from specs.price_sheet import Sheet, sheet_from_values, sheet_values


@dataclass(frozen=True, slots=True)
class Carries:
    """A server's traffic, and what all of its replicas could carry of it by estimate.

    `most_per_second` and `prompt_share` are None where nobody can say them, and `reason` says why.
    """

    requests_per_second: Decimal
    input_tokens: int
    output_tokens: int
    most_per_second: Decimal | None = None
    prompt_share: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Basis:
    """Of one target in one environment: its price sheet, and its servers' traffic by the server's name."""

    sheet: Sheet | None
    servers: Mapping[str, Carries]


NOTHING = Basis(None, {})


def place_key(environment: str, target: str) -> str:
    """Return the key of a place; names have no slash."""
    return f"{environment}/{target}"


def basis_of(platform: Platform, sheet: Sheet | None) -> Basis:
    """Return what a platform's graphs do not say of its costs."""
    carried = ((s.name, s.sized) for s in platform.servers if s.sized is not None and s.sized.carried is not None)
    servers: dict[str, Carries] = {}
    for name, size in carried:
        assert size.carried is not None
        given, found = size.carried.traffic, throughput(size)
        servers[name] = Carries(
            Decimal(str(given.requests_per_second)),
            given.input_tokens,
            given.output_tokens,
            _rounded(found.requests_per_second) if found else None,
            _rounded(found.prompt_share) if found else None,
            "" if found else "by estimate its replicas do not carry its traffic",
        )
    return Basis(sheet, servers)


def _rounded(value: float) -> Decimal:
    """Return an estimate in four digits: more would say what nobody knows."""
    return Decimal(f"{value:.4g}")


def basis_values(places: Mapping[str, Basis]) -> dict[str, Any]:
    """Return the bases as JSON values; a sheet that several places share is there once. Empty if there is nothing."""
    sheets = {b.sheet.file: sheet_values(b.sheet) for b in places.values() if b.sheet is not None}
    rows = {}
    for key, basis in sorted(places.items()):
        row: dict[str, Any] = {"sheet": basis.sheet.file} if basis.sheet is not None else {}
        if basis.servers:
            row["servers"] = {name: _carries_values(c) for name, c in sorted(basis.servers.items())}
        if row:
            rows[key] = row
    return {**({"sheets": sheets} if sheets else {}), **({"places": rows} if rows else {})}


def _carries_values(carries: Carries) -> dict[str, Any]:
    values = {name: str(v) if isinstance(v, Decimal) else v for name, v in asdict(carries).items()}
    return {name: value for name, value in values.items() if value not in (None, "")}


def basis_from_values(values: Mapping[str, Any]) -> dict[str, Basis]:
    """Return bases that were recorded; KeyError, TypeError or an arithmetic error for what is none."""
    sheets = {file: sheet_from_values(file, row) for file, row in values.get("sheets", {}).items()}
    return {
        key: Basis(
            sheets[row["sheet"]] if "sheet" in row else None,
            {name: _carries(c) for name, c in row.get("servers", {}).items()},
        )
        for key, row in values.get("places", {}).items()
    }


def _carries(row: Mapping[str, Any]) -> Carries:
    exact = ("requests_per_second", "most_per_second", "prompt_share")
    known: dict[str, Any] = {name: Decimal(value) if name in exact else value for name, value in row.items()}
    return Carries(**known)
