"""What of a spec holds at one target: `serving.X.targets` keeps a server, with its model and pool, to some targets.

A model or pool goes from a target where only servers used it that are kept away from there; one that no server uses
stays, as it does without `targets`. A target that is the `upstream` of others keeps the models that their servers
need: their sites fetch the weights from its store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from specs.schema.spec import Spec
from specs.schema.targets import EdgeTarget

Entry = TypeVar("Entry")


class Placed(NamedTuple):
    """The spec of an environment at a target."""

    environment: str
    target: str
    spec: Spec


def at_targets(whole: Sequence[Placed]) -> tuple[Spec, ...]:
    """Return, for each of the specs, what of it holds at its target."""
    fetched: dict[tuple[str, str], set[str]] = {}
    for environment, target, spec in whole:
        place = spec.targets[target]
        if isinstance(place, EdgeTarget) and place.upstream:
            names = {s.model for s in spec.serving.values() if runs_at(s.targets, target)}
            fetched.setdefault((environment, place.upstream), set()).update(names)
    return tuple(_kept(p.spec, p.target, fetched.get((p.environment, p.target), set())) for p in whole)


def runs_at(targets: Sequence[str] | None, target: str) -> bool:
    """Say whether a server with these `targets` runs at a target."""
    return targets is None or target in targets


def _kept(spec: Spec, target: str, fetched: set[str]) -> Spec:
    serving = {n: s for n, s in spec.serving.items() if runs_at(s.targets, target)}
    away = [s for n, s in spec.serving.items() if n not in serving]
    if not away:
        return spec
    models = _without(spec.models, {s.model for s in away}, {s.model for s in serving.values()} | fetched)
    pools = _without(spec.node_pools, {s.pool for s in away}, {s.pool for s in serving.values()})
    return spec.model_copy(update={"serving": serving, "models": models, "node_pools": pools})


def _without(entries: Mapping[str, Entry], away: set[str], here: set[str]) -> dict[str, Entry]:
    return {name: entry for name, entry in entries.items() if name in here or name not in away}
