"""The Helm Release that every managed add-on is: pinned, named by us, rolled back when an upgrade fails."""

from __future__ import annotations

from collections.abc import Mapping

from components import aws, manifests
from components.graph import Node, Value
from components.resolve.platform import Platform

TYPE = "kubernetes:helm.sh/v3:Release"

TIMEOUT_SECONDS = 600
"""How long Helm waits for the release's own Deployments and hooks: twice its default of 300 s, since the
images come to nodes that have just started."""

HISTORY = 5
"""Revisions that Helm keeps for a rollback; each is a Secret of up to 1 MB, and by default all are kept."""


def release(
    platform: Platform,
    chart: str,
    *,
    component: str,
    namespace: str,
    values: Mapping[str, Value],
    needs: tuple[str, ...] = (),
    more: Mapping[str, Value] | None = None,
) -> Node:
    """Return the Release of a chart of the edition; the release has the chart's name, whatever the stack.

    `more` are further inputs of the Release and override what is set here.
    """
    row = platform.edition.charts[chart]
    oci = row.repository.startswith("oci://")
    source: dict[str, Value] = (
        {"chart": f"{row.repository}/{row.chart}"}
        if oci
        else {"chart": row.chart, "repositoryOpts": {"repo": row.repository}}
    )
    inputs: dict[str, Value] = source | {
        "name": chart,
        "namespace": namespace,
        "version": row.version,
        "createNamespace": False,
        "atomic": True,
        "skipAwait": False,
        "timeout": TIMEOUT_SECONDS,
        "maxHistory": HISTORY,
        "values": dict(values),
    }
    return Node(
        id=f"{component}/Release/{chart}",
        type=TYPE,
        inputs=inputs | dict(more or {}),
        component=component,
        origin=addons_path(platform),
        provider=manifests.kubernetes_provider(platform),
        needs=needs,
    )


def addons_path(platform: Platform) -> str:
    """Return the spec path that says which add-ons are managed."""
    return f"targets.{platform.target.name}.addons"


def foundation_path(platform: Platform) -> tuple[str, ...]:
    """Return the spec path of a foundation that exists, where the target has one."""
    return (f"targets.{platform.target.name}.foundation",) if aws.existing(platform) else ()


def gpu_tolerations(platform: Platform) -> list[dict[str, str]]:
    """Return the tolerations that bring an add-on onto every GPU node: the GPU taint, the pools' own."""
    found = [{"key": manifests.GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}]
    for pool in sorted(platform.pools, key=lambda p: p.name):  # the order of the spec means nothing
        for taint in pool.taints if pool.per_node else ():
            toleration = {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}
            if toleration not in found:
                found.append(toleration)
    return found
