"""How pods share a node's GPUs: the device plugin's configurations by name, and the labels by which a node takes one.

The device plugin and the GPU operator read the same format, one named configuration a pool's kind of sharing; a node's
label `nvidia.com/device-plugin.config` names its own. A share is still called `nvidia.com/gpu`
(`renameByDefault: false`), and a pod that asks for two is refused: two shares can be parts of one GPU
(NVIDIA k8s-device-plugin, README: Shared Access to GPUs). MPS' control daemon runs on nodes labelled
`nvidia.com/mps.capable` (deployments/helm, daemonset-mps-control-daemon.yml).
"""

from __future__ import annotations

from collections.abc import Iterable

from components.resolve.platform import Pool

CONFIG_LABEL = "nvidia.com/device-plugin.config"
MPS_LABEL = "nvidia.com/mps.capable"
MIG_LABEL = "nvidia.com/mig.config"
DEFAULT = "default"

_WHOLE = "version: v1\nflags:\n  migStrategy: none\n"


def config_name(pool: Pool) -> str:
    """Return the name of the pool's configuration, "" where its GPUs are whole or slices."""
    return f"{pool.sharing}-{pool.parts}" if pool.sharing in ("mps", "time-slicing") else ""


def configurations(pools: Iterable[Pool]) -> dict[str, str]:
    """Return the device plugin's configurations by name, the one for whole GPUs too; empty if nothing is shared."""
    named = {config_name(p): _shared(p) for p in pools if config_name(p)}
    return dict(sorted((named | {DEFAULT: _WHOLE}).items())) if named else {}


def _shared(pool: Pool) -> str:
    key = {"mps": "mps", "time-slicing": "timeSlicing"}[pool.sharing]
    return (
        f"{_WHOLE}sharing:\n  {key}:\n    renameByDefault: false\n    failRequestsGreaterThanOne: true\n"
        f"    resources:\n    - name: nvidia.com/gpu\n      replicas: {pool.parts}\n"
    )


def sharing_labels(pool: Pool, discovered: bool) -> dict[str, str]:
    """Return the labels by which a node shares its GPUs; `discovered` leaves out what feature discovery sets."""
    if pool.sharing == "mig":
        return {MIG_LABEL: f"all-{pool.profile}"}
    name = config_name(pool)
    labels = {CONFIG_LABEL: name} if name else {}
    return labels | ({MPS_LABEL: "true"} if pool.sharing == "mps" and not discovered else {})
