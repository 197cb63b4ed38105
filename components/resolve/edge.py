"""The sites of an edge target, decided: where their weights come from, and whether their box's cache holds them.

Weights are on volumes of k3s' own class `local-path`: a folder of the box's disk, which stays when a pod or the box
restarts. One volume a revision: the next one is filled while the one before it is served, and is deleted once no pod
of this target uses it any more. So the cache has to hold, for a while, the largest model twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from components.resolve.defaults import GIB
from components.resolve.platform import Aws, Edge, Platform, RolloutChoice, Server, Upstream
from components.resolve.values import Values
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.targets import EdgeTarget
from specs.sites import Site
from specs.units import format_gib as gib

OFFLINE_SECONDS = 24 * 3600
OFFLINE_REASON = "a day: what needs the upstream waits so long, and serving does not need it"


def edge_target(case: Case, target: EdgeTarget, values: Values, site: Site, upstream: Platform | None) -> Edge:
    """Return the target as it is at one site; `upstream` is the platform that it fetches from, if the spec names
    one."""
    path = ("targets", case.target)
    seconds = target.offline.max // 1000 if target.offline else OFFLINE_SECONDS
    values.put((*path, "offline", "max"), seconds, OFFLINE_REASON, shown=f"{seconds} s")
    values.put((*path, "cache", "models"), target.cache.models, "")
    return Edge(
        name=case.target,
        site=site.name,
        kube_context=site.kube_context,
        zone=site.zone,
        upstream=_upstream(case, target, values, upstream) if upstream else None,
        cache=target.cache.models,
        offline_seconds=seconds,
        arch=values.put((*path, "arch"), target.arch or "", "either: the images have to be built for both"),
        delivery=values.put((*path, "delivery"), target.delivery, "`pulumi up` applies every layer"),
    )


def _upstream(case: Case, target: EdgeTarget, values: Values, upstream: Platform) -> Upstream | None:
    """Return where sites fetch from: the bucket's name is known before it is made. None if it has no weights."""
    store = next((s for s in upstream.stores if s.holds_weights), None)
    if store is None or not isinstance(upstream.target, Aws):
        return None
    secret = target.credentials.secret if target.credentials else f"{upstream.target.name}-weights"
    path = ("targets", case.target, "credentials", "secret")
    values.put(path, secret, "the Secret `<upstream>-weights`, which must be there first")
    return Upstream(upstream.target.name, store.bucket, upstream.target.region, secret)


def cache_needed(sizes: list[int]) -> int:
    """Return the bytes that the cache must hold: every model with 5 % and 1 GiB for its volume, and the largest of
    them once more for the revision that takes its place.

    Example:
        >>> cache_needed([2**30, 2**31]) == (1 + 2 + 2) * 2**30 * 105 // 100 + 3 * 2**30
        True
    """
    return sum(s * 105 // 100 + 2**30 for s in (*sizes, max(sizes))) if sizes else 0


def check_edge(case: Case, platform: Platform, upstream: Platform | None) -> Iterator[Diagnostic]:
    """Yield what the sites of the target cannot hold, or cannot fetch."""
    if not isinstance(platform.target, Edge):
        return
    path = ("targets", case.target)
    needed = cache_needed([w.size for w in platform.weights])
    if needed > platform.target.cache:
        sizes = " + ".join(f"{w.model} {gib(w.size)}" for w in platform.weights)
        largest = max(platform.weights, key=lambda w: w.size)
        yield finding(
            case,
            "cache-too-small",
            (*path, "cache", "models"),
            f"the cache of {gib(platform.target.cache)} cannot hold the weights and the next ones beside them: "
            f"{gib(needed)}",
            help=f"set it to {-(-needed // 2**30)}Gi or more: {sizes}, `{largest.model}` once more "
            "while a new revision takes its place, and 5 % and 1 GiB for each",
            related=tuple(place_of(case, ("models", w.model), gib(w.size)) for w in platform.weights),
        )
    pools: dict[str, str] = {}
    for server in (s for s in platform.servers if not s.weights.baked):
        first = pools.setdefault(server.weights.model, server.pool.name)
        if first != server.pool.name:
            yield finding(
                case,
                "model-on-two-pools",
                ("serving", server.name, "pool"),
                f"`{server.weights.model}` is served on `{first}` and on `{server.pool.name}`, and at a site its "
                "weights are on the disk of one box",
                help="put the servers on one pool, or give the second one a model entry of its own",
            )
    if upstream is not None:
        yield from _not_there(case, platform, upstream)


def on_a_box(servers: tuple[Server, ...], values: Values) -> tuple[Server, ...]:
    """Return the servers of a site with the rolling update that its one box can carry out.

    On a box without GPU the new replica starts beside the old one, which serves until the new one answers, if memory
    and cores hold one replica more of it: memory x 7/8 - 1 GiB and cores - 1 are for servers
    (components/resolve/cores.py). Cores are then asked for as a share of `replicas + 1`, and used by whoever has work.
    """
    return tuple(_on_a_box(s, [o for o in servers if o.pool.name == s.pool.name], values) for s in servers)


def _on_a_box(server: Server, beside: list[Server], values: Values) -> Server:
    pool = server.pool
    if pool.per_node or pool.maximum > 1:
        return server  # GPUs are counted by the pool's own rule, and on several boxes nobody knows which has room
    shares = sum(o.replicas for o in beside)
    have = pool.memory * 7 // 8 - GIB
    needed = sum(o.memory * o.replicas for o in beside) + max(o.memory for o in beside)
    cores = (pool.cores - 1) // (shares + 1)
    path = ("serving", server.name, "rollout")
    sums = f"the box has {gib(have)} for servers, and they and one replica more need {gib(needed)}"
    if needed > have or not cores:
        why = sums if needed > have else f"the box has {pool.cores} cores, too few for one replica more"
        choice = RolloutChoice(
            0, 1, f"{why}: a replica stops before its successor starts, and nothing serves meanwhile"
        )
    else:
        server = replace(server, cpu_request=cores)
        choice = RolloutChoice(1, 0, f"{sums}: the old replica serves until the new one answers")
    values.put(path, f"maxSurge {choice.max_surge}, maxUnavailable {choice.max_unavailable}", choice.reason)
    return replace(server, rollout=choice)


def _not_there(case: Case, platform: Platform, upstream: Platform) -> Iterator[Diagnostic]:
    there = {w.model: w for w in upstream.weights}
    for weights in platform.weights:
        other = there.get(weights.model)
        if other is None or other.prefix != weights.prefix:
            what = "has no such model" if other is None else "mirrors another revision or file of it"
            yield finding(
                case,
                "bad-upstream",
                ("targets", case.target, "upstream"),
                f"the sites of `{case.target}` fetch `{weights.model}` from `{upstream.target.name}`, which {what}",
                help="the upstream mirrors what its sites serve: let no overlay make the model another one there",
                related=(place_of(case, ("models", weights.model), "the model"),),
            )
