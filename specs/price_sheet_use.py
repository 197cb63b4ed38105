"""What a price sheet says and does not mean: prices that count nowhere, that cannot be, or that are of no GPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic, Label, Severity
from specs.finding import finding
from specs.load import Case
from specs.price_sheet import digits
from specs.price_sheet_problems import amount
from specs.schema.node_pools import NO_ACCELERATOR
from specs.schema.targets import AwsTarget
from specs.suggest import closest, did_you_mean
from specs.tree import Member, Tree


def doubts(tree: Tree) -> Iterator[Diagnostic]:
    """Yield warnings of a sheet by itself: it has no prices, or spot costs more than on demand."""
    if not any(section_of(tree, name) for name in ("instances", "services", "nodes")):
        advice = "add `instances`, `services` or `nodes`, or name no sheet"
        yield Diagnostic("prices-unused", "the price sheet has no prices", tree.span, "", "", advice, Severity.WARNING)
    for name, row in section_of(tree, "instances"):
        both = [row.tree.members[key].tree for key in ("spot", "onDemand") if key in row.tree.members]
        found = [amount(p.members["usd"].tree if p.members else p) for p in both]
        if len(found) == 2 and found[0] is not None and found[1] is not None and found[0] > found[1]:
            spot, on_demand = (f"${digits(usd)}" for usd in found if usd is not None)
            message = f"`{name[:100]}` costs {spot} an hour as spot, and {on_demand} on demand"
            yield Diagnostic(
                "prices-spot",
                message,
                both[0].span,
                f"instances.{name[:100]}.spot",
                help="EC2 asks no more for spot than on demand: correct the one that is mistyped",
                severity=Severity.WARNING,
                related=(Label(both[1].span, f"{on_demand} on demand"),),
            )


def judged(case: Case, edition: Edition, tree: Tree) -> Iterator[Diagnostic]:
    """Yield what a sheet means at the case's target: prices that count nowhere, and GPUs that a pool does not have."""
    yield from _unknown_types(edition, tree)
    yield from _other_provider(case, tree)
    if not isinstance(case.spec.targets[case.target], AwsTarget):
        yield from _unknown_pools(case, tree)
        yield from _no_gpus(case, edition, tree)


def _unknown_types(edition: Edition, tree: Tree) -> Iterator[Diagnostic]:
    for name, member in section_of(tree, "instances"):
        if name not in edition.instances:
            message = f"this edition knows no instance type `{name[:100]}`: its price counts nowhere"
            yield _warning(member, f"instances.{name[:100]}", message, did_you_mean(name, edition.instances, "types"))


def _other_provider(case: Case, tree: Tree) -> Iterator[Diagnostic]:
    """Yield a sheet that has nothing for its target. One with prices of both kinds may be of several targets."""
    target = case.spec.targets[case.target]
    of_aws = bool(section_of(tree, "instances") or section_of(tree, "services"))
    own = bool(section_of(tree, "nodes"))
    if of_aws == own or of_aws == isinstance(target, AwsTarget):
        return
    if own:
        which, whose, advice = "nodes of one's own", "AWS's", "`instances` and `services` count at a target of AWS"
    else:
        which, whose, advice = "prices of AWS", "your own", "`nodes` counts there, by the name of the pool"
    message = f"`{target.prices}` has {which} alone, and the nodes of `{case.target}` are {whose}: they count nowhere"
    path = ("targets", case.target, "prices")
    yield finding(case, "prices-unused", path, message, help=advice, severity=Severity.WARNING)


def _unknown_pools(case: Case, tree: Tree) -> Iterator[Diagnostic]:
    """Yield pools that are mistyped.

    A sheet may be of many specs: a pool that the spec does not have is only told where one of its own has no price and
    nearly that name.
    """
    priced = {name for name, _ in section_of(tree, "nodes")}
    lacking = [name for name in case.spec.node_pools if name not in priced]
    for name, member in section_of(tree, "nodes"):
        meant = closest(name, lacking) if name not in case.spec.node_pools else None
        if meant is not None:
            message = f"there is no pool `{name[:100]}`: its price counts nowhere"
            yield _warning(member, f"nodes.{name[:100]}", message, f"did you mean `{meant}`?")


def _no_gpus(case: Case, edition: Edition, tree: Tree) -> Iterator[Diagnostic]:
    """Yield prices by the GPU of pools without GPUs, which would be nothing."""
    for name, member in section_of(tree, "nodes"):
        pool = case.spec.node_pools.get(name)
        by_gpu = member.tree.members.get("usdPerGpuHour")
        if pool is None or by_gpu is None:
            continue
        row = edition.instances.get(pool.instance or "") if pool.accelerator is None else None
        if pool.accelerator == NO_ACCELERATOR or (row is not None and not row.gpus_physical):
            message = f"`{name}` has no GPUs: a price by the GPU says nothing of its nodes"
            advice = "say the price of a node: `usdPerHour`, or `usdPerNode` with `years`"
            yield Diagnostic("bad-value", message, by_gpu.key, f"nodes.{name}.usdPerGpuHour", help=advice)


def section_of(tree: Tree, name: str) -> tuple[tuple[str, Member], ...]:
    """Return the entries of a section by name, empty if the sheet has none."""
    members: Mapping[str, Member] = tree.members
    return tuple(sorted(members[name].tree.members.items())) if name in members else ()


def _warning(member: Member, path: str, message: str, help: str) -> Diagnostic:
    return Diagnostic("prices-unused", message, member.key, path, help=help, severity=Severity.WARNING)
