"""The one list of components and their order: which lowering makes which layer at which kind of target."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from components import kubernetes_provider, provider
from components.aws import existing
from components.foundation import addons, budget, cluster, encryption, identities, karpenter, network, stores, system
from components.graph import Graph, assemble
from components.part import Part
from components.platform import gpu_operator, lws, namespaces, node_pools, nvidia_device_plugin, storage_class
from components.platform import karpenter as karpenter_release
from components.resolve.platform import Aws, OnPrem, Platform
from components.workloads import extras, model_server, weights_mirror


@dataclass(frozen=True, slots=True)
class Lowering:
    """A pure function from a platform to its part of one layer's graph."""

    layer: str
    lower: Callable[[Platform], Part]
    aws: bool = True
    on_prem: bool = True
    """At a cluster that exists: on-prem, and at the sites of an edge target."""
    of_site: bool = False
    """At an edge target, whether what it makes differs from site to site."""


LOWERINGS: tuple[Lowering, ...] = (
    Lowering("foundation", provider.lower, on_prem=False),
    Lowering("foundation", network.lower, on_prem=False),
    Lowering("foundation", encryption.lower, on_prem=False),
    Lowering("foundation", cluster.lower, on_prem=False),
    Lowering("foundation", system.lower, on_prem=False),
    Lowering("foundation", addons.lower, on_prem=False),
    Lowering("foundation", karpenter.lower, on_prem=False),
    Lowering("foundation", stores.lower, on_prem=False),
    Lowering("foundation", identities.lower, on_prem=False),
    Lowering("foundation", budget.lower, on_prem=False),
    Lowering("platform", kubernetes_provider.lower),
    Lowering("platform", namespaces.lower),
    Lowering("platform", karpenter_release.lower, on_prem=False),
    Lowering("platform", nvidia_device_plugin.lower, on_prem=False),
    Lowering("platform", gpu_operator.lower, aws=False),
    Lowering("platform", lws.lower),
    Lowering("platform", storage_class.lower, on_prem=False),
    Lowering("platform", node_pools.lower, on_prem=False),
    Lowering("workloads", kubernetes_provider.lower, of_site=True),
    Lowering("workloads", namespaces.lower_workloads, aws=False, of_site=True),
    Lowering("workloads", node_pools.lower, aws=False),
    Lowering("workloads", weights_mirror.lower),
    Lowering("workloads", model_server.lower),
    Lowering("workloads", extras.lower),
)


def layers(platform: Platform) -> tuple[str, ...]:
    """Return the layers that the platform has; there are no empty stacks."""
    there = ["foundation", "platform"] if isinstance(platform.target, Aws) else []
    if existing(platform):
        there.remove("foundation")
    if isinstance(platform.target, OnPrem) and (platform.target.gpu_operator_managed or lws.managed(platform)):
        there.append("platform")
    if platform.weights or platform.servers or platform.extras or not there:
        there.append("workloads")
    return tuple(there)


def lower(platform: Platform, layer: str, stack: str) -> Graph:
    """Return the graph of one layer.

    On-prem the namespace of the workloads and the contract of the node pools are in the workloads stack, whether or not
    there is a platform stack: an operator that llmform takes over or gives up must not move the namespace.
    """
    return _assembled(platform, [r for r in LOWERINGS if r.layer == layer], stack)


def lower_site(platform: Platform, layer: str, stack: str) -> Graph:
    """Return the part of a layer's graph at an edge target that names the site; the rest is the same at all sites."""
    return _assembled(platform, [r for r in LOWERINGS if r.layer == layer and r.of_site], stack)


def _assembled(platform: Platform, lowerings: Iterable[Lowering], stack: str) -> Graph:
    parts = [r.lower(platform) for r in lowerings if _applies(r, platform)]
    return assemble(
        stack,
        (c for p in parts for c in p.components),
        (n for p in parts for n in p.nodes),
        {name: value for p in parts for name, value in p.outputs.items()},
    )


def _applies(lowering: Lowering, platform: Platform) -> bool:
    return lowering.aws if isinstance(platform.target, Aws) else lowering.on_prem
