"""The NVIDIA device plugin, which tells Kubernetes of a node's GPUs (driver and toolkit are in the AMI).

Nodes: `addons.nvidia-device-plugin/Release/nvidia-device-plugin`; none where the target says
`addons: {nvidia-device-plugin: existing}`.
"""

from __future__ import annotations

from components.graph import Component, Value
from components.part import Part
from components.platform.gpu_sharing import CONFIG_LABEL, DEFAULT, config_name, configurations
from components.platform.namespaces import NVIDIA, nvidia_namespace
from components.platform.release import addons_path, gpu_tolerations, release
from components.resolve.platform import Aws, Platform

CHART = "nvidia-device-plugin"
COMPONENT = f"addons.{CHART}"

GPU_NODE_LABEL = "nvidia.com/gpu.present"
"""The label, with value `true`, of nodes with GPUs: every GPU pool sets it, no discovery has to."""


def lower(platform: Platform) -> Part:
    """Return the device plugin's Release."""
    if not (isinstance(platform.target, Aws) and platform.target.device_plugin_managed):
        return Part()
    node = release(
        platform,
        CHART,
        component=COMPONENT,
        namespace=nvidia_namespace(platform),
        values=_shares(platform)
        | {
            "nodeSelector": {GPU_NODE_LABEL: "true"},
            "tolerations": gpu_tolerations(platform),
            # GPU feature discovery needs privileged pods and node feature discovery, and nothing reads its
            # labels: servers select nodes by their pool.
            "gfd": {"enabled": False},
        },
        needs=(NVIDIA,),
    )
    shared = sorted({config_name(p) for p in platform.pools if config_name(p)})
    component = Component(
        id=COMPONENT,
        type="llmform:platform:Addon",
        origin=addons_path(platform),
        reads=("edition", addons_path(platform), "nodePools"),
        summary=(
            f"NVIDIA device plugin {platform.edition.charts[CHART].version}, on GPU nodes only",
            *((f"nodes labelled {CONFIG_LABEL} share their GPUs: {', '.join(shared)}",) if shared else ()),
        ),
    )
    return Part(components=(component,), nodes=(node,))


def _shares(platform: Platform) -> dict[str, Value]:
    """Return the chart's values for nodes that share their GPUs; nothing where no pool does."""
    named = configurations(platform.pools)
    return {"config": {"map": dict(named), "default": DEFAULT}} if named else {}
