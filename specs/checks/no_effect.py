"""Keys that nothing in this spec can act on: an accepted key always does something."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.tree import at

_AWS_ONLY = ("instance", "capacity", "labels")
_OF_A_FOUNDATION = ("zones", "network", "api", "protect")


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield keys of a foundation at a target that has one, and what only AWS can act on where there is none of it."""
    yield from _foundation_that_exists(case)
    providers = {at(case.base, ("targets", name, "provider")) for name in case.all_targets}
    if any(p is not None and p.value == "aws" for p in providers):
        return
    if at(case.tree, ("protect",)) is not None:
        yield finding(
            case,
            "no-effect",
            ("protect",),
            "`protect` does nothing: the spec has no AWS target, and what it protects is there alone",
            help="remove `protect`",
            key=True,
        )
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


def _foundation_that_exists(case: Case) -> Iterator[Diagnostic]:
    target = ("targets", case.target)
    if at(case.tree, (*target, "foundation")) is None:
        return
    for key in _OF_A_FOUNDATION:
        if at(case.tree, (*target, key)) is not None:
            yield finding(
                case,
                "no-effect",
                (*target, key),
                f"`{key}` does nothing: the foundation of `{case.target}` exists, and llmform does not change it",
                help=f"remove `{key}`",
                key=True,
            )
    for name in case.spec.stores:
        for store_key in ("versioned", "encrypted", "retention", "protect"):
            if at(case.tree, ("stores", name, store_key)) is not None and not _elsewhere(case):
                yield finding(
                    case,
                    "no-effect",
                    ("stores", name, store_key),
                    f"`{store_key}` does nothing: the bucket of `{name}` exists, and llmform does not change it",
                    help=f"remove `{store_key}`",
                    key=True,
                )


def _elsewhere(case: Case) -> bool:
    """Say whether another target of the spec has a foundation of llmform's own."""
    providers = {name: at(case.base, ("targets", name, "provider")) for name in case.all_targets}
    own = (name for name in case.all_targets if at(case.base, ("targets", name, "foundation")) is None)
    return any((found := providers[name]) is not None and found.value == "aws" for name in own)
