"""What is wrong with a price sheet (`price_sheet.py`) by itself, each mistake at its own place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from specs.catalog.prices import prices
from specs.diagnostics import Diagnostic
from specs.price_sheet import NODE_KEYS, ORIGIN_KEYS, RATE_KEYS
from specs.suggest import did_you_mean
from specs.tree import Member, Tree
from specs.units import is_day

_AMOUNT = re.compile(r"\$?[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
_KEYS = (*ORIGIN_KEYS, "region", "instances", "services", "nodes")
_PURCHASE = ("usdPerNode", "years", "watts", "usdPerKilowattHour", "overhead")


def amount(tree: Tree) -> Decimal | None:
    """Return an exact amount; None for what is none. A number of YAML is the shortest decimal that reads as it."""
    if isinstance(tree.value, bool) or not isinstance(tree.value, int | float | str):
        return None
    text = format(Decimal(str(tree.value)), "f") if not isinstance(tree.value, str) else tree.value
    return Decimal(text.removeprefix("$")) if _AMOUNT.fullmatch(text) else None


def problems(tree: Tree) -> Iterator[Diagnostic]:
    """Yield what is wrong, each at its own place."""
    members = tree.members
    yield from _unknown(members, _KEYS, "", "keys")
    for key in ("asOf", "source"):
        if key not in members:
            yield Diagnostic("missing-key", f"the price sheet has no `{key}`", tree.span, key, help=_WHY[key])
    yield from _texts(members, ("asOf", "source", "region"), "")
    if ("instances" in members or "services" in members) and "region" not in members:
        yield Diagnostic("missing-key", "prices of AWS need `region`", tree.span, "region", help=_WHY["region"])
    for section, inner in (("instances", _rate), ("services", _service), ("nodes", _node)):
        if section in members:
            yield from _entries(members[section], section, inner)


def _texts(members: Mapping[str, Member], keys: tuple[str, ...], prefix: str) -> Iterator[Diagnostic]:
    """Yield which of the keys are no text, and a day that is none."""
    for key, member in ((key, members[key]) for key in keys if key in members):
        value, path = member.tree.value, f"{prefix}{key}"
        if not (isinstance(value, str) and value.strip()):
            yield _wrong(member, path, "text", "a-text" if key != "asOf" else "2026-11-01")
        elif key == "asOf" and not is_day(value):
            text = f"`{value[:40]}` is no day"
            yield Diagnostic("bad-value", text, member.tree.span, path, help="such as `2026-11-01`")


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
    yield from _fields(entry, f"instances.{name}", tuple(RATE_KEYS), "onDemand: 1.861", _price)
    if isinstance(entry.tree.value, Mapping) and not entry.tree.members:
        advice = "write `onDemand`, `spot` or both, or leave the type out"
        yield Diagnostic(
            "bad-value", f"`instances.{name}` says no price", entry.tree.span, f"instances.{name}", help=advice
        )


def _service(name: str, entry: Member) -> Iterator[Diagnostic]:
    if name not in prices():
        advice = did_you_mean(name, prices(), "services")
        yield Diagnostic("unknown-key", f"unknown service `{name[:100]}`", entry.key, f"services.{name}", help=advice)
    else:
        yield from _price(entry, f"services.{name}")


def _node(name: str, entry: Member) -> Iterator[Diagnostic]:
    path = f"nodes.{name}"
    before = (
        *_fields(entry, path, (*NODE_KEYS, *ORIGIN_KEYS), "usdPerHour: 2.10", _plain),
        *_texts(entry.tree.members, ORIGIN_KEYS, f"{path}."),
    )
    yield from before
    if before:
        return
    given = set(entry.tree.members)
    ways = [way for way in ("usdPerHour", "usdPerGpuHour", "usdPerNode") if way in given]
    advice = "write `usdPerHour`, `usdPerGpuHour`, or `usdPerNode` with `years`"
    if len(ways) != 1:
        text = "several prices" if ways else "no price"
        yield Diagnostic("bad-value", f"`{path}` has {text} of a node", entry.key, path, help=advice)
    elif ways == ["usdPerNode"] and "years" not in given:
        message = f"`{path}` is bought and has no `years` to be used for"
        yield Diagnostic("bad-value", message, entry.key, path, help="add it, such as `years: 4`")
    elif ("watts" in given) != ("usdPerKilowattHour" in given):
        message = f"`{path}` has one of `watts` and `usdPerKilowattHour`"
        yield Diagnostic("bad-value", message, entry.key, path, help="power costs watts times the price of an hour")
    elif ways != ["usdPerNode"] and given & set(_PURCHASE):
        extra = min(given & set(_PURCHASE))
        yield Diagnostic("bad-value", f"`{path}` has a price an hour, and `{extra}` too", entry.key, path, help=advice)
    else:
        yield from _purchase(entry, path)


def _purchase(entry: Member, path: str) -> Iterator[Diagnostic]:
    """Yield numbers of a purchase that cannot be true: no time of use, a factor of cooling that makes power less."""
    years, overhead = (entry.tree.members.get(key) for key in ("years", "overhead"))
    if years is not None and not amount(years.tree):
        message = f"`{path}.years` is 0: a node is used for a time"
        yield Diagnostic("bad-value", message, years.tree.span, f"{path}.years", help="write it, such as `years: 4`")
    if overhead is None:
        return
    path = f"{path}.overhead"
    if "watts" not in entry.tree.members:
        message = f"`{path}` has nothing to count on: there are no `watts`"
        advice = "add `watts` and `usdPerKilowattHour`, or remove it"
        yield Diagnostic("bad-value", message, overhead.key, path, help=advice)
    elif (amount(overhead.tree) or 0) < 1:
        advice = "it is all power over that of the nodes, such as `overhead: 1.3`; leave it out if nothing is lost"
        yield Diagnostic("bad-value", f"`{path}` is below 1: a PUE never is", overhead.tree.span, path, help=advice)


def _fields(
    entry: Member,
    path: str,
    keys: tuple[str, ...],
    example: str,
    inner: Callable[[Member, str], Iterator[Diagnostic]],
) -> Iterator[Diagnostic]:
    """Yield what is wrong with a map of `keys`, and by `inner` with their amounts."""
    if not isinstance(entry.tree.value, Mapping):
        yield _wrong(entry, path, "a map", f"{{{example}}}")
        return
    yield from _unknown(entry.tree.members, keys, f"{path}.", "keys")
    for key, member in entry.tree.members.items():
        if key in keys and key not in ORIGIN_KEYS:
            yield from inner(member, f"{path}.{key}")


def _price(member: Member, path: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with an amount, or with one that has a day and a source of its own."""
    if not isinstance(member.tree.value, Mapping):
        yield from _plain(member, path)
        return
    yield from _fields(member, path, ("usd", *ORIGIN_KEYS), "usd: 1.861", _plain)
    yield from _texts(member.tree.members, ORIGIN_KEYS, f"{path}.")
    if "usd" not in member.tree.members:
        message = f"`{path}` says no price"
        yield Diagnostic("missing-key", message, member.tree.span, f"{path}.usd", help="add it, such as `usd: 1.861`")


def _plain(member: Member, path: str) -> Iterator[Diagnostic]:
    if amount(member.tree) is None:
        yield _no_amount(member, path)


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
