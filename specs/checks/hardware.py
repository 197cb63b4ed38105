"""Node pools whose accelerator or instance type does not exist, does not match, or shows no GPU to Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.node_pools import NodePool
from specs.suggest import did_you_mean


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield what is wrong with the hardware of each pool."""
    for name, pool in case.spec.node_pools.items():
        if pool.accelerator is not None and pool.accelerator not in edition.accelerators:
            yield finding(
                case,
                "unknown-accelerator",
                ("nodePools", name, "accelerator"),
                f"the catalog of edition {edition.name} has no accelerator `{pool.accelerator}`",
                help=did_you_mean(pool.accelerator, edition.accelerators, "accelerators"),
            )
        elif pool.instance is not None:
            yield from _instance(case, edition, name, pool, pool.instance)


def _instance(case: Case, edition: Edition, name: str, pool: NodePool, instance: str) -> Iterator[Diagnostic]:
    path = ("nodePools", name, "instance")
    row = edition.instances.get(instance)
    if row is None:
        family = instance.partition(".")[0]
        near = [i for i in edition.instances if i.startswith(f"{family}.")] or list(edition.instances)
        yield finding(
            case,
            "unknown-instance",
            path,
            f"the catalog of edition {edition.name} has no instance type `{instance}`",
            help=did_you_mean(instance, near, "instance types"),
        )
        return
    if row.gpus_physical and not row.gpus:
        yield finding(
            case,
            "instance-without-gpus",
            path,
            f"`{instance}` shows 0 GPUs to Kubernetes: no pod that asks for a GPU is ever placed on it",
            help=f"choose another type. {row.note}".strip(),
        )
        return
    if pool.accelerator is not None and row.accelerator != pool.accelerator:
        yield finding(
            case,
            "accelerator-mismatch",
            path,
            f"`{instance}` has {row.accelerator or 'no GPU'}, not {pool.accelerator}",
            help="drop `accelerator`, or choose an instance type that has it",
            related=(place_of(case, ("nodePools", name, "accelerator"), "the accelerator is set here"),),
        )
    if pool.per_node is not None and row.gpus != pool.per_node:
        yield finding(
            case,
            "accelerator-mismatch",
            path,
            f"`{instance}` has {row.gpus} GPUs, not {pool.per_node}",
            help="drop `perNode`, or choose an instance type that has as many",
            related=(place_of(case, ("nodePools", name, "perNode"), "GPUs a node are set here"),),
        )
