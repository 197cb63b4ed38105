"""What a spec asks of an on-prem cluster that llmform cannot give there."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.targets import OnPremTarget


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield object stores and node counts that nothing on-prem provides."""
    if not isinstance(case.spec.targets[case.target], OnPremTarget):
        return
    here = place_of(case, ("targets", case.target, "provider"), "this target is on-prem")
    for name in case.spec.stores:
        yield finding(
            case,
            "store-not-available",
            ("stores", name),
            f"there is no object store on-prem: `{name}` could not be made at `{case.target}`",
            help=f"remove it there: `targets.{case.target}.overlay: {{stores.{name}: null}}`",
            key=True,
            related=(here,),
        )
    for name, pool in case.spec.node_pools.items():
        if pool.accelerator is None:
            yield finding(
                case,
                "pool-without-hardware",
                ("nodePools", name),
                f"`{name}` has no `accelerator`: an EC2 instance type says nothing on-prem",
                help="add `accelerator`, or remove the pool there: "
                f"`targets.{case.target}.overlay: {{nodePools.{name}: null}}`",
                key=True,
                related=(here,),
            )
        if pool.min:
            yield finding(
                case,
                "minimum-not-kept",
                ("nodePools", name, "min"),
                f"nothing keeps {pool.min} node{'s' if pool.min > 1 else ''} at `{case.target}`: "
                "llmform does not start on-prem nodes",
                help=f"`targets.{case.target}.overlay: {{nodePools.{name}: {{min: 0}}}}`",
                related=(here,),
            )
