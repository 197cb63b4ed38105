"""What the spec pays for and nothing uses: nodes that are kept, weights that are mirrored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic, Severity
from specs.finding import finding
from specs.load import Case
from specs.manifest_files import Manifest

POOL_LABEL = "llmform.dev/pool"
"""The label of a pool's nodes, by which the user's own pods choose them."""


def check_pools(case: Case, edition: Edition, manifests: Sequence[Manifest]) -> Iterator[Diagnostic]:
    """Yield pools with GPUs that keep nodes and have no server, and no pod of the user's own manifests.

    Pools without GPUs are there for the user's own pods, which need not be in the spec.
    """
    used = {server.pool for server in case.spec.serving.values()}
    for name, pool in case.spec.node_pools.items():
        row = edition.instances.get(pool.instance or "")
        has_gpus = pool.accelerator is not None or (row is not None and row.gpus > 0)
        if not pool.min or not has_gpus or name in used:
            continue
        old = next((o for o, new in case.spec.moved.items() if new == f"nodePools.{name}"), f"nodePools.{name}")
        if any(_names(m.content, old.partition(".")[2]) for m in manifests):
            continue
        nodes = f"{pool.min} node{'s' if pool.min > 1 else ''}"
        yield finding(
            case,
            "unused-pool",
            ("nodePools", name, "min"),
            f"`{name}` keeps {nodes} with GPUs, and no server uses it",
            help="write `min: 0` or remove the pool; pods of your own choose it by the label "
            f"`{POOL_LABEL}: {old.partition('.')[2]}`",
            severity=Severity.WARNING,
        )


def check_models(cases: Sequence[Case]) -> Iterator[Diagnostic]:
    """Yield models that no environment serves at any target."""
    used = {server.model for case in cases for server in case.spec.serving.values()}
    for case in cases:
        for name, model in case.spec.models.items():
            if name in used:
                continue
            secret = f", and its Secret `{model.token.secret}` must be there" if model.token else ""
            what = "its weights are mirrored all the same" + secret
            if model.weights == "baked":
                what = "no image gets its weights"
            yield finding(
                case,
                "unused-model",
                ("models", name),
                f"no server serves `{name}`: {what}",
                help="add a server with it, or remove the model",
                key=True,
                severity=Severity.WARNING,
            )


def _names(value: Any, pool: str) -> bool:
    """Say whether an object names the pool beside its label, as a selector (a map) or an affinity (a list) does."""
    if isinstance(value, Mapping):
        if value.get(POOL_LABEL) == pool:
            return True
        values = value.get("values")
        if value.get("key") == POOL_LABEL and isinstance(values, list) and pool in values:
            return True
        return any(_names(item, pool) for item in value.values())
    return isinstance(value, list) and any(_names(item, pool) for item in value)
