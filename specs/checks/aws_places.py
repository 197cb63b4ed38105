"""AWS regions and zones that do not exist, and a target that names no account."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition, Region
from specs.diagnostics import Diagnostic, Severity
from specs.finding import finding
from specs.load import Case
from specs.schema.targets import AwsTarget
from specs.suggest import did_you_mean

LETTERS = "abcdef"
"""Zones whose subnets have a place in the VPC (components/foundation/network.py)."""


def safe_letters(region: Region) -> tuple[str, ...]:
    """Return the zones that may be chosen by their number alone."""
    return tuple(letter for letter in region.zones if letter in LETTERS and letter not in region.unsafe)


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield what is wrong with the AWS target's place."""
    target = case.spec.targets[case.target]
    if not isinstance(target, AwsTarget):
        return
    path = ("targets", case.target)
    region = edition.regions.get(target.region)
    if region is None:
        yield finding(
            case,
            "unknown-region",
            (*path, "region"),
            f"the catalog of edition {edition.name} has no AWS region `{target.region}`",
            help=did_you_mean(target.region, edition.regions, "regions"),
        )
        return
    usable = [f"{region.name}{letter}" for letter in region.zones if letter in LETTERS]
    if isinstance(target.zones, int):
        safe = [f"{region.name}{letter}" for letter in safe_letters(region)]
        if target.zones > len(safe):
            yield finding(
                case,
                "unknown-zone",
                (*path, "zones"),
                f"`{region.name}` has {len(safe)} zones that a subnet can be in, not {target.zones}",
                help=f"zones: {', '.join(safe)}",
            )
    else:
        for position, zone in enumerate(target.zones):
            if zone not in usable:
                yield finding(
                    case,
                    "unknown-zone",
                    (*path, "zones", position),
                    f"`{region.name}` has no zone `{zone}`",
                    help=did_you_mean(zone, usable, "zones"),
                )
            elif zone in target.zones[:position]:
                yield finding(
                    case,
                    "duplicate-entry",
                    (*path, "zones", position),
                    f"zone `{zone}` is there twice",
                    help="name it once",
                )
            elif zone[-1] in region.unsafe:
                yield finding(
                    case,
                    "unsafe-zone",
                    (*path, "zones", position),
                    f"in most accounts `{zone}` is a zone that EKS refuses for the control plane",
                    help="choose another one; `aws ec2 describe-availability-zones` shows the zone's id in your "
                    "account, and EKS refuses use1-az3",
                    severity=Severity.WARNING,
                )
    if target.account is None and target.foundation is None:  # the ARN of a cluster that exists names it
        yield finding(
            case,
            "no-account",
            path,
            f"`{case.target}` names no account: whatever account the credentials belong to will be changed",
            help='add `account: "123456789012"` now: bucket names take it in, so adding it later replaces them',
            key=True,
            severity=Severity.WARNING,
        )
