"""What a size that does not work is reported as: the arithmetic, and computed changes that would work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from components.resolve.pool_gpus import PoolGpus
from components.resolve.served_weights import AT_LOAD, AT_LOAD_CAPABILITY
from components.resolve.sizing.choose import Alternative, Offer, Rejected, alternatives, choose, cost_text, most
from components.resolve.sizing.engine import Settings
from components.resolve.sizing.fit import Fit, Model, Need, fit
from components.resolve.sizing.gpu import Gpu
from components.resolve.sizing.layouts import Layout, Shape, nodes_of
from components.resolve.sizing.sized import Sized
from components.resolve.sizing.terms import gib, up
from specs.catalog.devices import Overheads
from specs.diagnostics import Diagnostic, Severity
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.serving import Server
from specs.tree import Path, at


class Refused(NamedTuple):
    """Why no layout works."""

    reason: str
    nearest: Fit | None
    """The calculation of the layout that came closest."""
    rejected: tuple[Rejected, ...]


class Asked(NamedTuple):
    """What was to fit, and where."""

    model: Model
    gpus: PoolGpus
    need: Need
    settings: Settings
    parts: tuple[tuple[str, Gpu], ...]
    """How else the pool's GPU could be shared, in the spec's words."""


_WITHOUT: Mapping[str, Callable[[Settings], Settings]] = {
    "gpu-memory-utilization": lambda s: s._replace(utilization=0.0),
    "max-num-batched-tokens": lambda s: s._replace(batched_tokens=0),
    "max-num-seqs": lambda s: s._replace(batched_requests=0),
    "enable-lora": lambda s: s._replace(adapters=None),
}
"""Arguments that take memory, and the engine's settings without them."""


def refusal_finding(
    case: Case, name: str, refused: Refused, asked: Asked, o: Overheads, other: Sequence[Offer]
) -> Diagnostic:
    """Return the error: which number is larger than which, and what would work, each change computed."""
    server, gpus = case.spec.serving[name], asked.gpus
    nearest = refused.nearest
    what = f"`{server.model}` does not fit `{server.pool}`"
    if nearest is not None and nearest.stages:
        what += f" as {nearest.layout} on {gpus.gpu.name}: {refused.reason}. {arithmetic(nearest)}"
    elif refused.reason:
        what += f": {refused.reason}"
    else:
        what += f": vLLM accepts no split of it over {gpus.per_node} GPUs of a node"
    without = _arguments_to_drop(case, name, asked, o)
    drop = tuple(f"drop `serving.{name}.args.{key}`: fits as {f.layout}" for key, f in without)
    found = (*drop, *proposals(case, name, asked, o, other))
    help = "; or ".join(found) if found else "no change of context, format, split or GPU of the catalog makes it fit"
    model_place = place_of(case, ("models", server.model), "the model is set here")
    related = (place_of(case, ("nodePools", server.pool), "the pool is set here"), model_place)
    place = ("serving", name, "args", without[0][0]) if without else _place(case, name, nearest)
    return finding(case, "does-not-fit", place, what, help=help, key=bool(without), related=related)


def _arguments_to_drop(case: Case, name: str, asked: Asked, o: Overheads) -> tuple[tuple[str, Fit], ...]:
    """Return the engine's arguments without which it fits, each alone."""
    found: list[tuple[str, Fit]] = []
    for key in case.spec.serving[name].args:
        change = _WITHOUT.get(key.replace("_", "-"))
        if change is None:
            continue
        works = _in_the_layout(case, name, asked._replace(settings=change(asked.settings)), o)
        if works is not None:
            found.append((key, works))
    return tuple(found)


def _in_the_layout(case: Case, name: str, asked: Asked, o: Overheads) -> Fit | None:
    """Return what fits in the layout that the spec says, or with the cheapest where it leaves that open."""
    p = case.spec.serving[name].parallelism
    gpus = asked.gpus
    if p == "auto":
        shape = Shape(gpus.per_node, gpus.nodes)
        return choose(asked.model, gpus.gpu, shape, asked.need, asked.settings, o).chosen
    found = fit(asked.model, gpus.gpu, Layout(p.tensor, p.pipeline, p.data, p.expert), asked.need, asked.settings, o)
    return found if found.fits else None


def arithmetic(found: Fit) -> str:
    """Return the sum on the tightest GPU: `weights 131.4 + KV cache 2.5 + runtime 4.1 = 138.0 GiB; …`."""
    total = found.used
    parts = " + ".join(f"{what} {gib(size).removesuffix(' GiB')}" for what, size in terms(found))
    usable = gib(found.gpu.usable)
    share = f"{found.settings.utilization:g} of {usable}" + (f", {found.gpu.note}" if found.gpu.note else "")
    return f"On a GPU: {parts} = {gib(total)}; the engine may use {gib(found.budget.bytes)} ({share})"


def terms(found: Fit) -> tuple[tuple[str, int], ...]:
    """Return the sum's terms as people tell them: weights, KV cache, and everything else."""
    if not found.stages:
        return ()
    stage = found.stages[found.tightest]
    weights = sum(x.bytes for x in stage.lines if x.name.startswith("weights"))
    rest = sum(x.bytes for x in stage.lines) - weights
    cache = (("KV cache", stage.cache.bytes),) if stage.cache else ()
    return (("weights", weights), *cache, ("runtime", rest))


def _place(case: Case, name: str, nearest: Fit | None) -> Path:
    """Return the line that the error is at: what asks for too much."""
    server = case.spec.serving[name]
    full = nearest is not None and bool(nearest.stages) and nearest.stages[nearest.tightest].room >= 0
    asked: tuple[Path, ...] = ()
    if full:
        asked = (("serving", name, "concurrency"), ("models", server.model, "contextLength"))
    asked = (*asked, ("serving", name, "parallelism"), ("serving", name, "pool"))
    return next((p for p in asked if at(case.tree, p) is not None), ("serving", name))


def proposals(case: Case, name: str, asked: Asked, o: Overheads, other: Sequence[Offer]) -> tuple[str, ...]:
    """Return changes of the spec that make it fit, each tried, in the spec's own words."""
    server, (model, gpus, need, settings, parts) = case.spec.serving[name], asked
    shape = Shape(gpus.per_node, gpus.nodes)
    found: list[str] = []
    if server.parallelism != "auto":
        p = server.parallelism
        stated = Layout(p.tensor, p.pipeline, p.data, p.expert)
        choice = choose(model, gpus.gpu, shape, need, settings, o)
        if choice.chosen is not None:
            found.append(f"`serving.{name}.parallelism: auto`, which takes {choice.chosen.layout}")
        as_stated = _as_stated(model, gpus.gpu, stated, need, settings, o, other)
        found.extend(proposal(case, name, a, gpus) for a in as_stated if _long_enough(a, server))
    beside = ""
    if settings.dtype == "bfloat16" and gpus.gpu.capability < 8.0:
        settings, beside = settings._replace(dtype="float16"), f" with `serving.{name}.args: {{dtype: half}}`"
        half = choose(model, gpus.gpu, shape, need, settings, o)
        if half.chosen is not None:
            return (f"`serving.{name}.args: {{dtype: half}}`: fits as {half.chosen.layout}", *found)
    tried = tuple(a for a in alternatives(model, gpus.gpu, shape, need, settings, o, other) if _long_enough(a, server))
    if server.parallelism != "auto":  # what another split would hold says nothing of the one that is asked for
        tried = tuple(a for a in tried if a.kind == "split")
    here = gpus.per_node * gpus.nodes
    tried = tuple(a for a in tried if a.kind != "split" or a.fit.layout.gpus > here)
    if gpus.gpu.sharing != "none":  # a share or a slice is one GPU; more of them are no split
        tried = tuple(a for a in tried if a.kind != "split")
    for written, gpu in parts:
        # the argument is a share of what CUDA reports, and `settings` has it as a share of the part
        told = settings.utilization * gpus.gpu.usable / gpus.gpu.seen * gpu.seen / gpu.usable
        part = fit(model, gpu, Layout(), need, settings._replace(utilization=min(1.0, told)), o)
        if gpu.usable > gpus.gpu.usable and part.fits:
            found.append(f"{written}: fits, {gib(part.used)} of {gib(part.budget.bytes)}{beside}")
            break
    found.extend(proposal(case, name, a, gpus) + (beside if a.kind != "accelerator" else "") for a in tried)
    return tuple(found)


def _long_enough(a: Alternative, server: Server) -> bool:
    """Say whether the requests of the server's traffic still fit into the context that is proposed."""
    given = server.traffic
    return a.kind != "context" or given is None or a.fit.need.context >= given.input_tokens + given.output_tokens


def _as_stated(
    model: Model, gpu: Gpu, layout: Layout, need: Need, settings: Settings, o: Overheads, other: Sequence[Offer]
) -> Iterator[Alternative]:
    """Yield what would fit in the layout that the spec states."""

    def tried(m: Model, n: Need, s: Settings, on: Gpu = gpu) -> Fit | None:
        found = fit(m, on, layout, n, s, o)
        return found if found.fits else None

    context = most(up(need.context, 1024), lambda k: tried(model, need._replace(context=k * 1024), settings))
    if context is not None:
        yield Alternative("context", "", context)
    requests = most(need.requests, lambda n: tried(model, need._replace(requests=n), settings))
    if requests is not None:
        yield Alternative("requests", "", requests)
    if settings.kv_dtype == "auto" and gpu.capability >= AT_LOAD_CAPABILITY:
        cache = tried(model, need, settings._replace(kv_dtype="fp8"))
        if cache is not None:
            yield Alternative("cache", "", cache)
    for kind in ("fp8", "awq") if not model.quantization else ():
        smaller = tried(model._replace(quantization=kind), need, settings)
        if smaller is not None and (kind not in AT_LOAD or gpu.capability >= AT_LOAD_CAPABILITY):
            yield Alternative("quantization", "", smaller)
    for offer in sorted(other, key=lambda x: (x.usd_per_hour is None, x.usd_per_hour or 0, x.gpu.name)):
        found = tried(model, need, settings, offer.gpu) if offer.shape.per_node >= layout.tensor else None
        if found is not None:
            where = Shape(offer.node or offer.shape.per_node, offer.shape.nodes)
            nodes = nodes_of(layout, where.per_node)
            price = cost_text(None if offer.usd_per_hour is None else offer.usd_per_hour * nodes, layout, where)
            text = f"{offer.gpu.name}: {gib(found.used)} of {gib(found.budget.bytes)}{price}"
            yield Alternative("accelerator", text, found, where)
            return


def proposal(case: Case, name: str, a: Alternative, gpus: PoolGpus) -> str:
    """Return an alternative as a change of the spec, with what it gives."""
    server = case.spec.serving[name]
    gives = f"fits as {a.fit.layout}" if a.fit.layout.gpus > 1 else "fits"
    match a.kind:
        case "context":
            tokens = a.fit.need.context
            written = f"{tokens // 1024}k" if tokens % 1024 == 0 else str(tokens)
            return f"`models.{server.model}.contextLength: {written}` ({tokens:,} tokens): {gives}"
        case "requests":
            return f"`serving.{name}.concurrency: {a.fit.need.requests}`: {gives}"
        case "steps":
            s = a.fit.settings
            steps = f"max-num-batched-tokens: {s.batched_tokens}, max-num-seqs: {s.batched_requests}"
            return f"`serving.{name}.args: {{{steps}}}`, smaller steps: {gives}"
        case "cache":
            return f"`serving.{name}.kvCache: fp8`: {gives}"
        case "quantization":
            kind = a.fit.model.quantization
            made = kind in AT_LOAD and gpus.gpu.capability >= AT_LOAD_CAPABILITY
            key = f"`models.{server.model}.quantization: {kind}`" if made else f"a repository with {kind} weights"
            return f"{key}: {gives}"
        case "split":
            return _larger_nodes(case, name, a, gpus)
        case _:
            name_of_gpu, _, used = a.text.partition(": ")
            key, pool = f"nodePools.{server.pool}", case.spec.node_pools[server.pool]
            change = f"`{key}.accelerator: {name_of_gpu}`"
            if pool.per_node is not None and a.shape is not None and a.shape.per_node != pool.per_node:
                change = f"`{key}: {{accelerator: {name_of_gpu}, perNode: {a.shape.per_node}}}`"
            instead = " instead of `instance`" if pool.instance is not None else ""
            return f"{change}{instead}: {gives}, {used}"


def _larger_nodes(case: Case, name: str, a: Alternative, gpus: PoolGpus) -> str:
    """Return a split over more GPUs as a change of the pool: nodes as EC2 sells them, or one's own."""
    server, layout = case.spec.serving[name], a.fit.layout
    pool, key = case.spec.node_pools[server.pool], f"nodePools.{server.pool}"
    nodes = 1 if a.shape is None else nodes_of(layout, a.shape.per_node)
    keys: dict[str, object] = {"perNode": min((n for n in gpus.sizes if n >= layout.gpus), default=layout.gpus)}
    if nodes > 1 and a.shape is not None:
        keys = {"perNode": a.shape.per_node, "max": max(pool.max, nodes * (server.replicas or 1))}
    if pool.instance is not None:  # it says both, and has to go
        keys = {"accelerator": gpus.gpu.name} | keys
    written = ", ".join(f"{k}: {v}" for k, v in keys.items())
    change = f"`{key}: {{{written}}}`" if len(keys) > 1 else f"`{key}.{written}`"
    if pool.instance is not None:
        change += " instead of `instance`"
    if server.parallelism != "auto":
        change += f" with `serving.{name}.parallelism: auto`"
    where = f"{layout.gpus} GPUs" + (f" on {nodes} nodes" if nodes > 1 else "")
    return f"{change}: fits as {layout}, {where}"


def too_long(case: Case, name: str, context: int) -> Diagnostic:
    """Return the error of traffic whose requests are longer than the model's context."""
    server = case.spec.serving[name]
    assert server.traffic is not None
    length = server.traffic.input_tokens + server.traffic.output_tokens
    return finding(
        case, "traffic-too-long", ("serving", name, "traffic"),
        f"a request of {server.traffic.input_tokens:,} + {server.traffic.output_tokens:,} = {length:,} tokens is "
        f"longer than the context of {context:,}",
        help=f"set `models.{server.model}.contextLength` to {-(-length // 1024)}k or more", key=True,
        related=(place_of(case, ("models", server.model), "the model is set here"),),
    )  # fmt: skip


def estimate_missing(case: Case, name: str, why: str) -> Iterator[Diagnostic]:
    """Yield what a server promises or has to carry and nothing estimates."""
    path = ("serving", name)
    for key in ("timeToFirstToken", "interTokenLatency"):
        if at(case.tree, (*path, "objectives", key)) is not None:
            yield finding(
                case, "estimate-missing", (*path, "objectives", key), f"nothing is estimated for {_TITLES[key]}",
                help=f"measure it. {_sentence(why)}", key=True, severity=Severity.WARNING,
            )  # fmt: skip
    if case.spec.serving[name].traffic is not None:
        said = at(case.tree, (*path, "replicas")) is not None
        yield finding(
            case, "estimate-missing", (*path, "traffic"),
            "nothing says whether the replicas carry this traffic" + ("" if said else ", and there is one of them"),
            help=f"measure it{'' if said else ', and write `replicas`'}. {_sentence(why)}", key=True,
            severity=Severity.WARNING,
        )  # fmt: skip


def _sentence(why: str) -> str:
    return f"Not computed: {why}"


_TITLES = {"timeToFirstToken": "the time to the first token", "interTokenLatency": "the time between two tokens"}


def carried_findings(case: Case, name: str, size: Sized, at_best: bool) -> Iterator[Diagnostic]:
    """Yield traffic that the replicas cannot carry, and objectives that the estimate misses. Outside of the estimate's
    range it is an error, within it a warning."""
    carried, path = size.carried, ("serving", name)
    assert carried is not None
    many = f"{size.replicas} replica{'s' if size.replicas > 1 else ''}"
    if carried.load is None:
        rate = f"{carried.traffic.requests_per_second:g} requests a second"
        said = at(case.tree, (*path, "replicas")) is not None
        yield finding(
            case, "traffic-not-carried", (*path, "replicas") if said else (*path, "traffic"),
            f"by estimate {many} of {size.fit.layout} on {size.fit.gpu.name} cannot keep up with {rate}",
            help=("leave `replicas` out: it is then computed" if said else "choose a larger pool or shorter requests")
            + (". At the best end of the estimate's range they can" if at_best else ""),
            severity=Severity.WARNING if at_best else Severity.ERROR, key=not said,
        )  # fmt: skip
    for o in carried.objectives:
        if o.verdict == "met":
            continue
        missed = o.verdict == "missed"
        yield finding(
            case, "objective-missed" if missed else "objective-uncertain", (*path, "objectives", o.key),
            f"by estimate {_TITLES[o.key]} is {o.estimate.milliseconds()} for 95 of 100 requests with {many}, and "
            f"{o.limit * 1e3:,.0f} ms are promised",
            help=_faster(size) if missed else "the promise lies within the estimate's range: measure it",
            severity=Severity.ERROR if missed else Severity.WARNING, key=True,
        )  # fmt: skip


def _faster(size: Sized) -> str:
    # `auto` has tried every wider one
    wider = "a wider tensor split, " if not size.chosen and size.fit.layout.tensor < size.machine.per_node else ""
    return f"promise what the estimate gives, or choose {wider}a faster GPU or shorter prompts"
