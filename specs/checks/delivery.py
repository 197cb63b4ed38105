"""What a target with `delivery: gitops` cannot have: what applies its Kubernetes layers knows no AWS."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.targets import AwsTarget


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield pools whose minimum takes a managed node group, an AWS resource of the platform layer."""
    target = case.spec.targets[case.target]
    if not isinstance(target, AwsTarget) or target.delivery != "gitops":
        return
    here = place_of(case, ("targets", case.target, "delivery"), "`gitops` applies Kubernetes objects alone")
    for name, pool in case.spec.node_pools.items():
        if pool.min:
            yield finding(
                case,
                "not-deliverable",
                ("nodePools", name, "min"),
                f"`min: {pool.min}` needs a managed node group, which nothing would make at `{case.target}`",
                help=f"leave the nodes to Karpenter there: `targets.{case.target}.overlay: "
                f"{{nodePools.{name}: {{min: 0}}}}`",
                related=(here,),
            )
