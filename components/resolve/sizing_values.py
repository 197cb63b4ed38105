"""The values that sizing decides, recorded with their reasons, and the words in which a plan tells a size."""

from __future__ import annotations

from math import ceil, floor

from components.resolve import defaults
from components.resolve.size_servers import Sizes
from components.resolve.sizing.sized import Carried, Sized
from components.resolve.sizing.terms import gib
from components.resolve.sizing_findings import terms
from components.resolve.values import Values
from specs.catalog.devices import overheads
from specs.catalog.reader import Edition
from specs.load import Case

ONE_GPU = "one GPU a replica unless the spec says more"


def put_size(case: Case, name: str, sizes: Sizes, values: Values) -> int:
    """Record layout, replicas and concurrency of a server on GPUs; return its replicas."""
    path, size, layout = ("serving", name), sizes.sized.get(name), sizes.layout[name]
    server = case.spec.serving[name]
    why = ONE_GPU if size is None or not size.chosen else layout_reason(size)
    values.put((*path, "parallelism", "tensor"), layout.tensor, why)
    for key, value in (("pipeline", layout.pipeline), ("data", layout.data), ("expert", layout.expert)):
        if value not in (1, False):
            values.put((*path, "parallelism", key), value, why)
    replicas = size.replicas if size is not None else server.replicas or 1
    carried = size.carried if size is not None else None
    reason = replicas_reason(carried, replicas) if carried is not None else defaults.REPLICAS_REASON
    values.put((*path, "replicas"), replicas, reason)
    stated = server.concurrency is not None or (carried is not None and carried.load is not None)
    if size is not None and size.fit.requests and stated:
        held = f"{size.fit.requests} requests of {size.fit.need.context:,} tokens fit into the KV cache of a replica"
        number = size.fit.requests
        if carried is not None and carried.load is not None:
            number = max(1, ceil(carried.load.requests))
            held = f"Little's law: arrivals x stay of a replica's share of `traffic` (estimate); {held}"
        values.put((*path, "concurrency"), server.concurrency or number, held)
    return replicas


def layout_reason(size: Sized) -> str:
    """Return why a layout was chosen, and what the next one would cost."""
    tried = "; ".join(f"{r.layout}: {r.reason}" for r in size.rejected)
    smaller = f"; fewer do not: {tried}" if tried else ""
    after = f"; the next one, {size.why_not_next}" if size.why_not_next else ""
    held = f"{gib(size.fit.used)} of {gib(size.fit.budget.bytes)} each"
    return f"the fewest GPUs that hold it, {held}{smaller}{after}"


def replicas_reason(carried: Carried, replicas: int) -> str:
    """Return why so many replicas."""
    t = carried.traffic
    what = f"{t.requests_per_second:g} requests a second of {t.input_tokens:,} + {t.output_tokens:,} tokens"
    return f"estimate for {what}" + (f"; {carried.fewer}" if carried.fewer and replicas > 1 else "")


def utilization(size: Sized | None, edition: Edition) -> float:
    """Return what the engine is told of `--gpu-memory-utilization`: 0 where its own default is meant.

    Four decimals, rounded down: a third of a GPU is 0.3066.
    """
    if size is None:
        return 0.0
    told = floor(size.fit.engine_utilization * 10_000 + 1e-9) / 10_000
    return 0.0 if told == overheads(edition.name).utilization else told


def words(size: Sized | None, unsized: str) -> tuple[str, ...]:
    """Return the lines of a plan about a server's size."""
    if size is None:
        return (f"fit not computed: {unsized}",) if unsized else ()
    f = size.fit
    sum_ = " + ".join(f"{gib(number)} {what}" for what, number in terms(f))
    each = " on each GPU" if f.layout.gpus > 1 else ""
    lines = [
        f"fits{each}: {sum_} = {gib(f.used)} of {gib(f.budget.bytes)}" + (f" ({f.gpu.note})" if f.gpu.note else "")
    ]
    if f.requests:
        many = f"{f.requests:,} request{'s' if f.requests > 1 else ''} of {f.need.context:,} tokens"
        lines.append(f"the KV cache holds {f.tokens:,} tokens: {many} at once")
    if f.layout.tensor > 1 and not f.gpu.device.nvlink_gbs:
        lines.append(f"its GPUs talk over PCIe: {f.gpu.name} has no NVLink")
    return (*lines, *_carried_words(size))


def _carried_words(size: Sized) -> tuple[str, ...]:
    carried = size.carried
    if carried is None or carried.load is None:
        return ()
    load = carried.load
    return (
        f"estimate at {carried.traffic.requests_per_second:g} requests a second: {load.requests:.1f} at once a "
        f"replica, first token {load.first_token_p50.milliseconds()}, p95 {load.first_token_p95.milliseconds()}, "
        f"between tokens {load.between_tokens_p50.milliseconds()}, p95 "
        f"{load.between_tokens_p95.milliseconds()}",
    )
