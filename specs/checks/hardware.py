"""Node pools whose accelerator or instance type does not exist, does not match, or shows no GPU to Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition, Instance
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.node_pools import NO_ACCELERATOR, NodePool
from specs.suggest import did_you_mean
from specs.tree import at


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield what is wrong with the hardware of each pool."""
    for name, pool in case.spec.node_pools.items():
        yield from _without_effect(case, edition, name, pool)
        if pool.accelerator not in (None, NO_ACCELERATOR, *edition.accelerators):
            yield finding(
                case,
                "unknown-accelerator",
                ("nodePools", name, "accelerator"),
                f"the catalog of edition {edition.name} has no accelerator `{pool.accelerator}`",
                help=did_you_mean(str(pool.accelerator), (*edition.accelerators, NO_ACCELERATOR), "accelerators"),
            )
        elif pool.instance is not None:
            yield from _instance(case, edition, name, pool, pool.instance)


def _without_effect(case: Case, edition: Edition, name: str, pool: NodePool) -> Iterator[Diagnostic]:
    """Yield `perNode` of nodes without GPU, and `cores` and `memory` of nodes with."""
    row = edition.instances.get(pool.instance) if pool.instance is not None else None
    has_gpus = row.gpus_physical > 0 if row is not None and pool.accelerator is None else True
    without = pool.accelerator == NO_ACCELERATOR or not has_gpus
    for key in ("perNode",) if without else ("cores", "memory"):
        if at(case.tree, ("nodePools", name, key)) is None:
            continue
        why = "its nodes have no GPU" if without else "the GPUs of a node decide what runs there"
        yield finding(
            case,
            "no-effect",
            ("nodePools", name, key),
            f"`{key}` does nothing: {why}",
            help=f"remove `{key}`",
            key=True,
        )


def _too_small(case: Case, name: str, pool: NodePool, row: Instance) -> Iterator[Diagnostic]:
    """Yield what a pool says of its nodes and its instance type does not have."""
    has = {"cores": row.vcpu, "memory": row.memory_mib * 1024**2}
    for key, asked in (("cores", pool.cores), ("memory", pool.memory)):
        if asked is not None and asked > has[key]:
            shown = f"{row.vcpu} cores" if key == "cores" else f"{row.memory_mib // 1024} GiB"
            yield finding(
                case,
                "accelerator-mismatch",
                ("nodePools", name, key),
                f"`{row.name}` has {shown}, less than `{key}` says",
                help=f"drop `{key}`, or choose a larger instance type",
                related=(place_of(case, ("nodePools", name, "instance"), "the instance type is set here"),),
            )


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
    if pool.accelerator == NO_ACCELERATOR and row.accelerator is None:
        yield from _too_small(case, name, pool, row)
    elif pool.accelerator is not None and row.accelerator != pool.accelerator:
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
