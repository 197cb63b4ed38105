"""Keys that nothing in this spec can act on: an accepted key always does something."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.checks.finding import finding
from specs.diagnostics import Diagnostic
from specs.load import Case
from specs.tree import at

_AWS_ONLY = ("instance", "capacity", "labels")


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield pool keys that only AWS can act on, in a spec without an AWS target."""
    providers = {at(case.base, ("targets", name, "provider")) for name in case.all_targets}
    if any(p is not None and p.value == "aws" for p in providers):
        return
    for name, pool in case.spec.node_pools.items():
        for key in _AWS_ONLY:
            if key == "instance" and pool.accelerator is None:
                continue  # the pool has no hardware then, which is the mistake (on_prem.py)
            if at(case.tree, ("nodePools", name, key)) is not None:
                yield finding(
                    case,
                    "no-effect",
                    ("nodePools", name, key),
                    f"`{key}` does nothing: the spec has no AWS target, and on-prem nodes are there already",
                    help=f"remove `{key}`",
                    key=True,
                )
