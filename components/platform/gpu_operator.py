"""The NVIDIA GPU operator, which brings driver, toolkit, device plugin and metrics to on-prem GPU nodes.

Nodes: `addons.gpu-operator/Release/gpu-operator`; none where the target says
`addons: {gpu-operator: existing}`.
"""

from __future__ import annotations

from components.graph import Component, Value
from components.part import Part
from components.platform.gpu_sharing import DEFAULT, configurations
from components.platform.namespaces import NVIDIA, nvidia_namespace
from components.platform.release import addons_path, gpu_tolerations, release
from components.resolve.platform import OnPrem, Platform

CHART = "gpu-operator"
COMPONENT = f"addons.{CHART}"

CONFIG_MAP = "llmform-device-plugin"
"""The ConfigMap that the chart makes of the device plugin's configurations."""


def lower(platform: Platform) -> Part:
    """Return the GPU operator's Release."""
    if not (isinstance(platform.target, OnPrem) and platform.target.gpu_operator_managed):
        return Part()
    node = release(
        platform,
        CHART,
        component=COMPONENT,
        namespace=nvidia_namespace(platform),
        values=_values(platform),
        needs=(NVIDIA,),
        # The hook that upgrades the CRDs runs before Helm could know the new ones (NVIDIA, "Upgrading the
        # NVIDIA GPU Operator": --disable-openapi-validation, read 2026-11-21).
        more={"disableOpenapiValidation": True},
    )
    version = platform.edition.charts[CHART].version
    component = Component(
        id=COMPONENT,
        type="llmform:platform:Addon",
        origin=addons_path(platform),
        reads=("edition", addons_path(platform), "nodePools"),
        summary=(
            f"NVIDIA GPU operator {version}: driver, container toolkit, device plugin, DCGM metrics; "
            "a new driver waits until you drain a node and restart it there",
        ),
    )
    return Part(components=(component,), nodes=(node,))


def _values(platform: Platform) -> dict[str, Value]:
    tolerations = gpu_tolerations(platform)
    named = configurations(platform.pools)
    shares: dict[str, Value] = (
        {"config": {"name": CONFIG_MAP, "create": True, "default": DEFAULT, "data": dict(named)}} if named else {}
    )
    # `single`: a slice is called nvidia.com/gpu, as a whole GPU is, so that pods ask for it alike
    cut = any(p.sharing == "mig" for p in platform.pools)
    slices: dict[str, Value] = {"mig": {"strategy": "single"}} if cut else {}
    return slices | {
        "operator": {"upgradeCRD": True},
        "daemonsets": {"tolerations": tolerations},
        # Node feature discovery finds the GPUs, so its workers have to get onto the tainted nodes first.
        "nfd": {"enabled": True},
        "node-feature-discovery": {"worker": {"tolerations": tolerations}},
        # An automatic driver upgrade evicts every GPU pod of one node after the other.
        "driver": {"enabled": True, "upgradePolicy": {"autoUpgrade": False}},
        "toolkit": {"enabled": True},
        "devicePlugin": {"enabled": True, **shares},
        # A ServiceMonitor needs the Prometheus operator's CRDs, which may not be there.
        "dcgmExporter": {"enabled": True, "serviceMonitor": {"enabled": False}},
        "sandboxWorkloads": {"enabled": False},
    }
