"""The size of every model server of a case: its layout, whether it fits, the replicas that its traffic takes. Pure.

The arithmetic is in `sizing/`; here is what of the spec, the catalog and the pool goes into it. What cannot be
computed is not passed over: the server then has a reason, which its plan says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from components.resolve.engine_settings import settings_of
from components.resolve.pool_gpus import PoolGpus, offers, parts_instead, pool_gpus
from components.resolve.served_weights import AT_LOAD, AT_LOAD_CAPABILITY, check_quantization, served
from components.resolve.sizing.choose import Choice, Rejected, alternatives, choose
from components.resolve.sizing.engine import Settings
from components.resolve.sizing.fit import Fit, Model, Need, fit
from components.resolve.sizing.layouts import Layout, Shape, layouts, usual
from components.resolve.sizing.sized import Carried, Objective, Sized, Spread, spread
from components.resolve.sizing.speed import Machine
from components.resolve.sizing.traffic import Traffic, load, replicas, verdict
from components.resolve.sizing_findings import (
    Asked,
    Refused,
    carried_findings,
    estimate_missing,
    proposal,
    refusal_finding,
    too_long,
)
from specs.catalog.devices import Efficiency, Share, efficiency, least_capability, overheads
from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic, has_errors
from specs.finding import finding, place_of
from specs.load import Case
from specs.model_numbers import ModelNumbers
from specs.schema.serving import Server


class Sizes(NamedTuple):
    """The sizes by server; of a server without one, why; and what is wrong."""

    sized: Mapping[str, Sized]
    unsized: Mapping[str, str]
    argument: Mapping[str, str]
    """Of `--quantization`, where the engine is to quantize."""
    layout: Mapping[str, Layout]
    """Of every server: the one that was chosen, or the one that the spec says."""
    spread: Mapping[str, Spread]
    found: tuple[Diagnostic, ...]


class Task(NamedTuple):
    """One server's question: what has to fit where."""

    name: str
    server: Server
    model: Model
    gpus: PoolGpus
    need: Need
    settings: Settings
    at_load: bool
    """The engine makes the format while it loads."""


def size_servers(
    case: Case, edition: Edition, models: Mapping[str, ModelNumbers], contexts: Mapping[str, int]
) -> Sizes:
    """Return the sizes of all servers on GPUs.

    Args:
        models: what is known of each model, by its name in the spec.
        contexts: the context of each model in tokens, 0 where nobody knows it.
    """
    sized: dict[str, Sized] = {}
    unsized: dict[str, str] = {}
    argument: dict[str, str] = {}
    found: list[Diagnostic] = []
    layout = {name: _stated(server) for name, server in case.spec.serving.items()}
    lies = {name: Spread(1, x.gpus) for name, x in layout.items()}
    for name, server in sorted(case.spec.serving.items()):
        pool = pool_gpus(case, edition, server.pool, _asked(case, server.pool))
        if pool is None:
            continue
        lies[name] = spread(layout[name], pool.per_node) or Spread(1, layout[name].tensor)
        wrong = (*check_quantization(case, name, models.get(server.model)), *_too_old(case, edition, name, pool))
        found.extend(wrong)
        if wrong:
            continue
        task = _task(case, edition, name, server, pool, models.get(server.model), contexts[server.model])
        if isinstance(task, str):
            unsized[name] = task
            found.extend(estimate_missing(case, name, task))
            continue
        if task.at_load:
            argument[name] = AT_LOAD[task.model.quantization]
        size, problems = _size(case, edition, task)
        found.extend(problems)
        if size is not None:
            sized[name], layout[name], lies[name] = size, size.fit.layout, size.spread
    return Sizes(sized, unsized, argument, layout, lies, tuple(found))


def _stated(server: Server) -> Layout:
    """Return the layout that the spec says; one GPU for `auto`."""
    p = server.parallelism
    return Layout() if p == "auto" else Layout(p.tensor, p.pipeline, p.data, p.expert)


def _asked(case: Case, pool: str) -> int:
    """Return the largest tensor split that a server of the pool states."""
    stated = [s.parallelism for s in case.spec.serving.values() if s.pool == pool]
    return max((p.tensor for p in stated if p != "auto"), default=1)


def _too_old(case: Case, edition: Edition, name: str, pool: PoolGpus) -> Iterator[Diagnostic]:
    server = case.spec.serving[name]
    least, why = least_capability(edition.name, server.engine)
    if pool.gpu.capability < least:
        yield finding(
            case, "gpu-too-old", ("serving", name, "pool"),
            f"{server.engine} {edition.engines[server.engine]} has no kernels for {pool.gpu.name}: its compute "
            f"capability is {pool.gpu.capability}, and the least is {least}",
            help=f"choose a pool with a newer GPU. {why}",
            related=(place_of(case, ("nodePools", server.pool), "the pool is set here"),),
        )  # fmt: skip


def _task(
    case: Case, edition: Edition, name: str, server: Server, pool: PoolGpus, numbers: ModelNumbers | None, context: int
) -> Task | str:
    """Return the question, or why there is no answer to it."""
    if server.engine != "vllm":
        return f"the formulas are vLLM's, not those of {server.engine}"
    if numbers is None:
        return f"the architecture of `{server.model}` is not known (`models.{server.model}.architecture`)"
    if not context:
        return f"the context is not known (`models.{server.model}.contextLength`)"
    weights = served(case, server.model, numbers)
    if weights.unknown:
        return weights.unknown
    data = server.parallelism.data if server.parallelism != "auto" else 1
    settings, why = settings_of(
        server.args,
        edition.engines["vllm"],
        dtype=weights.dtype,
        kv_cache=server.kv_cache,
        concurrency=-(-(server.concurrency or 0) // data),
        native_context=numbers.native_context,
    )
    if why:
        return why
    if settings.utilization:  # the argument is a share of what CUDA reports, which for a share of a GPU is all of it
        settings = settings._replace(utilization=min(1.0, settings.utilization * pool.gpu.seen / pool.gpu.usable))
    model = Model(numbers.architecture, weights.quantization)
    need = Need(context, server.concurrency or 1)
    return Task(name, server, model, pool, need, settings, bool(weights.argument))


def _size(case: Case, edition: Edition, t: Task) -> tuple[Sized | None, tuple[Diagnostic, ...]]:
    o = overheads(edition.name)
    chosen = t.server.parallelism == "auto"
    rejected: tuple[Rejected, ...] = ()
    after = ""
    if t.at_load and t.gpus.gpu.capability < AT_LOAD_CAPABILITY:
        return None, (_not_made(case, edition, t),)
    if t.server.parallelism == "auto":
        choice = _choice(edition, t)
        found, rejected, after = choice.chosen, choice.rejected, choice.why_not_next
        refused = Refused(choice.nearest.refused if choice.nearest else "", choice.nearest, choice.rejected)
    elif _stated(t.server).tensor > t.gpus.per_node:
        return None, ()  # larger than a node: the pool's own check says it
    else:
        tried = fit(t.model, t.gpus.gpu, _stated(t.server), t.need, t.settings, o)
        found, refused = (tried if tried.fits else None), Refused(tried.refused, tried, ())
    if found is None:
        other = offers(case, edition, t.server.pool, t.gpus.gpu.name)
        parts = parts_instead(case, edition, t.server.pool)
        asked = Asked(t.model, t.gpus, t.need, t.settings, parts)
        return None, (refusal_finding(case, t.name, refused, asked, o, other),)
    if t.server.concurrency and chosen and found.layout.data > 1:  # the engine is told of one data rank's part
        part = t.settings._replace(batched_requests=-(-t.server.concurrency // found.layout.data))
        found = fit(t.model, t.gpus.gpu, found.layout, t.need, part, o)
    lies = spread(found.layout, t.gpus.per_node)
    if lies is None:
        return None, ()  # larger than a node: the pool's own check says it
    size = Sized(found, lies, chosen, rejected, after, t.server.replicas or 1, _machine(edition, t, found), None)
    return _carried(case, edition, t, size)


def _not_made(case: Case, edition: Edition, t: Task) -> Diagnostic:
    """Return the error of a format that the engine makes on newer GPUs alone, with what works instead."""
    o, wanted = overheads(edition.name), t.model.quantization
    plain = _choice(edition, t._replace(model=t.model._replace(quantization="")))
    published = choose(t.model, t.gpus.gpu, Shape(t.gpus.per_node), t.need, t.settings, o).chosen
    newer = [x for x in offers(case, edition, t.server.pool, t.gpus.gpu.name) if x.gpu.capability >= AT_LOAD_CAPABILITY]
    other = [
        a for a in alternatives(t.model, t.gpus.gpu, Shape(1), t.need, t.settings, o, newer) if a.kind == "accelerator"
    ]
    works = [f"drop `quantization`: 16 bits fit as {plain.chosen.layout}"] if plain.chosen else []
    works += [f"name a repository with {wanted} weights: fits as {published.layout}"] if published else []
    works += [proposal(case, t.name, a, t.gpus) for a in other]
    return finding(
        case, "quantization-not-made", ("models", t.server.model, "quantization"),
        f"vLLM makes {wanted} weights on GPUs from compute capability {AT_LOAD_CAPABILITY} on, and {t.gpus.gpu.name} "
        f"has {t.gpus.gpu.capability}",
        help="; or ".join(works) or "choose a newer GPU",
        related=(place_of(case, ("nodePools", t.server.pool), "the pool is set here"),),
    )  # fmt: skip


def _choice(edition: Edition, t: Task) -> Choice:
    """Return the cheapest layout of the pool: of one node if any fits, else of ever more nodes."""
    o, nodes = overheads(edition.name), 1
    while True:
        choice = choose(t.model, t.gpus.gpu, Shape(t.gpus.per_node, nodes), t.need, t.settings, o)
        if choice.chosen is not None or nodes >= t.gpus.nodes:
            return choice
        nodes = min(nodes * 2, t.gpus.nodes)


def _machine(edition: Edition, t: Task, found: Fit) -> Machine:
    speeds = efficiency(edition.name)
    return Machine(t.model, t.gpus.gpu, found.layout, found.settings, t.gpus.per_node, t.gpus.network_gbs, speeds)


def _carried(case: Case, edition: Edition, t: Task, size: Sized) -> tuple[Sized | None, tuple[Diagnostic, ...]]:
    """Return the size with its traffic: replicas, load and objectives."""
    given = t.server.traffic
    if given is None:
        return size, tuple(estimate_missing(case, t.name, "nothing says the load: add `traffic`"))
    traffic = Traffic(float(given.requests_per_second), given.input_tokens, given.output_tokens)
    if given.input_tokens + given.output_tokens > t.need.context:
        return None, (too_long(case, t.name, t.need.context),)
    best = _with_traffic(edition, t, size, traffic)
    if size.chosen and not _kept(best):
        best = _larger(edition, t, size, traffic) or best
    found = tuple(carried_findings(case, t.name, best, _optimistic(best, traffic)))
    return (None if has_errors(found) else best), found


def _kept(size: Sized) -> bool:
    carried = size.carried
    return (
        carried is not None
        and carried.load is not None
        and all(o.estimate.value <= o.limit for o in carried.objectives)
    )


def _larger(edition: Edition, t: Task, size: Sized, traffic: Traffic) -> Sized | None:
    """Return the layout with the fewest GPUs in all, beyond the smallest, that keeps the objectives by estimate."""
    o, found = overheads(edition.name), []
    shape = Shape(t.gpus.per_node, max(1, size.spread.nodes))
    for layout in layouts(t.model.architecture, t.model.quantization, shape):
        if layout.gpus <= size.fit.layout.gpus or not usual(layout, shape):
            continue
        tried = fit(t.model, t.gpus.gpu, layout, t.need, t.settings, o)
        lies = spread(layout, t.gpus.per_node)
        if not tried.fits or lies is None:
            continue
        new = size._replace(fit=tried, spread=lies, machine=_machine(edition, t, tried))
        new = _with_traffic(edition, t, new, traffic)
        if _kept(new):
            why = f"{size.fit.layout} fits, and misses the objectives by estimate"
            found.append(new._replace(rejected=(*size.rejected, Rejected(size.fit.layout, why)), why_not_next=""))
    return min(found, key=lambda s: (s.fit.layout.gpus * s.replicas, s.fit.layout.gpus), default=None)


def _with_traffic(edition: Edition, t: Task, size: Sized, traffic: Traffic) -> Sized:
    m, wanted = size.machine, _limits(t.server)
    length = traffic.input_tokens + traffic.output_tokens
    held = fit(t.model, t.gpus.gpu, size.fit.layout, Need(length), t.settings, overheads(edition.name))
    # vLLM works on no more requests at once than a step takes
    capacity = min(held.requests, held.settings.batched_requests * size.fit.layout.data) if held.requests else 0
    number, fewer = t.server.replicas or 0, ""
    if not number:
        first, between = wanted.get("timeToFirstToken", 0.0), wanted.get("interTokenLatency", 0.0)
        computed = replicas(m, traffic, capacity, first, between)
        # where no number keeps the objectives, what carries the traffic is told, and how far off it is
        if not computed.number:
            computed = replicas(m, traffic, capacity)
        number, fewer = computed.number or 1, computed.limit
    carried = load(m, traffic._replace(requests_per_second=traffic.requests_per_second / number), capacity)
    judged: list[Objective] = []
    if carried is not None:
        estimates = {
            "timeToFirstToken": carried.first_token_p95, "interTokenLatency": carried.between_tokens_p95,
        }  # fmt: skip
        judged = [Objective(k, limit, estimates[k], verdict(estimates[k], limit)) for k, limit in wanted.items()]
    return size._replace(replicas=number, carried=Carried(traffic, capacity, carried, tuple(judged), fewer))


def _limits(server: Server) -> dict[str, float]:
    """Return the latencies that clients are promised, in seconds, by their key."""
    promised = server.objectives
    if promised is None:
        return {}
    given = {"timeToFirstToken": promised.time_to_first_token, "interTokenLatency": promised.inter_token_latency}
    return {key: latency.p95 / 1000 for key, latency in given.items() if latency is not None}


def _optimistic(size: Sized, traffic: Traffic) -> bool:
    """Say whether the replicas carry the traffic at least at the best end of every range."""
    carried = size.carried
    if carried is None or carried.load is not None:
        return True
    e = size.machine.efficiency
    shares, times = e[:3], e[3:]
    best = Efficiency(*(_at(s, s.high) for s in shares), *(_at(s, s.low) for s in times))
    share = traffic._replace(requests_per_second=traffic.requests_per_second / size.replicas)
    return load(size.machine._replace(efficiency=best), share, carried.capacity) is not None


def _at(share: Share, value: float) -> Share:
    return share._replace(value=value)
