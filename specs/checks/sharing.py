"""GPUs that are shared in a way that the place or the pool does not have, or by a server that needs several."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.devices import devices
from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.node_pools import NO_ACCELERATOR
from specs.schema.targets import AwsTarget, EdgeTarget
from specs.suggest import did_you_mean
from specs.tree import Path


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield what is wrong with each pool's `sharing`."""
    target = case.spec.targets[case.target]
    for name, pool in case.spec.node_pools.items():
        sharing = pool.sharing
        if sharing is None or sharing.mode == "none":
            continue
        path: Path = ("nodePools", name, "sharing")
        here = place_of(case, ("targets", case.target, "provider"), "this is the target")
        instance = edition.instances.get(pool.instance or "")
        accelerator = pool.accelerator or (instance.accelerator if instance else None) or ""
        device = devices(edition.name).get(accelerator)
        if accelerator == NO_ACCELERATOR or (not accelerator and instance is not None and not instance.gpus_physical):
            yield finding(
                case, "sharing-not-available", path, f"the nodes of `{name}` have no GPU that pods could share",
                help="remove `sharing`, or choose an `accelerator`", key=True,
                related=(place_of(case, ("nodePools", name), "the pool is set here"),),
            )  # fmt: skip
        elif isinstance(target, EdgeTarget):
            message = f"the sites of `{case.target}` have no device plugin of llmform's that could share their GPUs"
            yield finding(
                case, "sharing-not-available", path, message, help="remove `sharing` there", key=True, related=(here,)
            )
        elif sharing.mode == "mig" and isinstance(target, AwsTarget):
            yield finding(
                case, "sharing-not-available", (*path, "mode"),
                "nothing cuts the GPUs of EC2 nodes into slices: the MIG manager comes with the GPU operator, which "
                "llmform runs on-prem alone",
                help="write `mode: mps` with `replicas`, or a smaller GPU", related=(here,),
            )  # fmt: skip
        elif sharing.mode == "mig" and device is not None:
            known = [m.name for m in device.mig]
            if sharing.profile not in known:
                what = f"{accelerator} has no MIG slice `{sharing.profile}`"
                help = (
                    did_you_mean(sharing.profile or "", known, "slices") if known else "it has no MIG: use `mode: mps`"
                )
                yield finding(case, "unknown-profile", (*path, "profile"), what, help=help)
        for server_name, server in case.spec.serving.items():
            p = server.parallelism
            if server.pool == name and p != "auto" and p.tensor * p.pipeline * p.data > 1:
                yield finding(
                    case, "split-over-shares", ("serving", server_name, "parallelism"),
                    f"a replica of `{server_name}` needs {p.tensor * p.pipeline * p.data} GPUs, and a pod gets one "
                    f"part of one on `{name}`",
                    help="drop `parallelism`, or choose a pool whose GPUs are not shared", key=True,
                    related=(place_of(case, path, "they are shared here"),),
                )  # fmt: skip
