"""The cheapest layout that fits, why none cheaper does, and what else would work. Every answer comes from `fit`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from components.resolve.sizing.engine import Settings, batch_defaults
from components.resolve.sizing.fit import Fit, Model, Need, fit
from components.resolve.sizing.gpu import Gpu
from components.resolve.sizing.layouts import Layout, Shape, layouts, nodes_of, usual
from components.resolve.sizing.quantization import FORMATS
from components.resolve.sizing.terms import gib, up
from components.resolve.sizing.weights import parts
from specs.catalog.devices import Overheads


class Rejected(NamedTuple):
    """A layout that does not fit, and why."""

    layout: Layout
    reason: str


class Choice(NamedTuple):
    """What `choose` found."""

    chosen: Fit | None
    """The cheapest layout that fits; None if none in the pool's shape does."""
    nearest: Fit | None
    """If none fits: the layout that lacks least on its tightest GPU, one of the usual ones if any was tried; None if
    vLLM accepts no layout at all."""
    rejected: tuple[Rejected, ...]
    """For each number of GPUs below the chosen one, the layout that came closest."""
    next: Fit | None
    """The next layout that costs more: what one would pay for."""

    @property
    def why_not_next(self) -> str:
        """What the next layout would cost and give."""
        if self.chosen is None or self.next is None:
            return ""
        more, gain = self.next.layout.gpus - self.chosen.layout.gpus, self.next.tokens - self.chosen.tokens
        return f"{self.next.layout}: {more} more GPU{'s' if more > 1 else ''}, {gain:+,} tokens of cache"


class Offer(NamedTuple):
    """GPUs that one could have instead."""

    gpu: Gpu
    shape: Shape
    usd_per_hour: Decimal | None = None
    """Of one node: EC2 sells no part of it."""
    node: int = 0
    """GPUs a node has, where a replica cannot have them all because they are shared; 0: as `shape` says."""


class Alternative(NamedTuple):
    """A change that works; `fit` shows it."""

    kind: str
    """context, requests, steps, cache, quantization, split or accelerator."""
    text: str
    fit: Fit
    shape: Shape | None = None
    """Of a split or an accelerator: the nodes that it was tried on."""


def choose(model: Model, gpu: Gpu, shape: Shape, need: Need, settings: Settings, o: Overheads) -> Choice:
    """Return the layout with the fewest GPUs that fits, of those that people would write (`layouts.usual`); one of the
    others only where none of those fits."""
    tried: list[Fit] = []
    heavy: list[Rejected] = []
    lightest: tuple[int, Layout] | None = None
    chosen: Fit | None = None
    for layout in layouts(model.architecture, model.quantization, shape):
        if chosen is not None and (layout.gpus <= chosen.layout.gpus or not usual(layout, shape)):
            continue
        weight = _weights_alone(model, layout, settings)
        if weight > gpu.usable:  # nothing else needs to be known, and most layouts of a large model end here
            heavy.append(Rejected(layout, f"weights alone take {gib(weight)}; a GPU has {gib(gpu.usable)}"))
            if usual(layout, shape) and (lightest is None or weight < lightest[0]):
                lightest = (weight, layout)
            continue
        found = fit(model, gpu, layout, need, settings, o)
        if chosen is not None:
            return Choice(chosen, None, _closest(tried, heavy, chosen.layout.gpus), found)
        if found.fits:
            chosen = found
        else:
            tried.append(found)
    if chosen is not None:
        return Choice(chosen, None, _closest(tried, heavy, chosen.layout.gpus), None)
    nearest = max(tried, key=lambda f: (usual(f.layout, shape), _left(f)), default=None)
    if nearest is None and heavy:
        lightest_layout = lightest[1] if lightest is not None else heavy[-1].layout
        nearest = fit(model, gpu, lightest_layout, need, settings, o)
    return Choice(None, nearest, _closest(tried, heavy, 1 << 30), None)


def _weights_alone(model: Model, layout: Layout, settings: Settings) -> int:
    """Return the largest stage's weights on a GPU."""
    return max(p.total for p in parts(model.architecture, model.quantization, settings.dtype, layout))


def _left(found: Fit) -> int:
    """Return what is left on the tightest GPU; very little for one that does not start at all."""
    return found.budget.bytes - found.used if found.stages else -(1 << 62)


def _closest(tried: Iterable[Fit], heavy: Iterable[Rejected], below: int) -> tuple[Rejected, ...]:
    """Return for each number of GPUs the layout that came closest; of those too heavy by weights alone, the first."""
    best: dict[int, Fit] = {}
    for found in tried:
        gpus = found.layout.gpus
        if gpus < below and (gpus not in best or _left(found) > _left(best[gpus])):
            best[gpus] = found
    rows = {gpus: Rejected(f.layout, f.refused) for gpus, f in best.items()}
    for row in heavy:
        if row.layout.gpus < below:
            rows.setdefault(row.layout.gpus, row)
    return tuple(row for _, row in sorted(rows.items()))


def alternatives(
    model: Model, gpu: Gpu, shape: Shape, need: Need, settings: Settings, o: Overheads, offers: Sequence[Offer] = ()
) -> tuple[Alternative, ...]:
    """Return the nearest changes that make it fit, each tried: the most tokens and the most requests for which one of
    the pool's usual layouts fits, smaller steps, an fp8 cache, smaller weights, a larger split, another accelerator
    (the cheapest that fits)."""

    def first(m: Model, n: Need, s: Settings, where: Shape = shape, on: Gpu = gpu) -> Fit | None:
        accepted = layouts(m.architecture, m.quantization, where)
        light = (x for x in accepted if usual(x, where) and _weights_alone(m, x, s) <= on.usable)
        found = (fit(m, on, x, n, s, o) for x in light)
        return next((f for f in found if f.fits), None)

    def smaller() -> Iterator[Alternative]:
        context = most(up(need.context, 1024), lambda k: first(model, need._replace(context=k * 1024), settings))
        if context is not None:
            tokens = context.need.context
            text = f"{tokens:,} tokens of context ({tokens // 1024}k) instead of {need.context:,}"
            yield Alternative("context", f"{text}: fits with {context.layout}", context)
        requests = most(need.requests, lambda n: first(model, need._replace(requests=n), settings))
        if requests is not None:
            number = requests.need.requests
            many = f"{number} request{'s' if number > 1 else ''} at once"
            yield Alternative("requests", f"{many} instead of {need.requests}: fits with {requests.layout}", requests)

    def steps() -> Iterator[Alternative]:
        tokens, requests = batch_defaults(gpu.seen, gpu.name)
        now = (settings.batched_tokens or tokens, settings.batched_requests or requests)
        # the next power of two above what is asked for, 64 at least: a step of fewer requests saves little
        then = (min(now[0], 2048), min(now[1], max(64, 1 << (need.requests - 1).bit_length())))
        if then == now or model.architecture.encoder:
            return  # an encoder's step has to hold a whole input
        found = first(model, need, settings._replace(batched_tokens=then[0], batched_requests=then[1]))
        if found is not None:
            text = f"steps of {then[0]:,} tokens and {then[1]:,} requests instead of {now[0]:,} and {now[1]:,}"
            yield Alternative("steps", f"{text}: fits with {found.layout}", found)

    def formats() -> Iterator[Alternative]:
        if settings.kv_dtype == "auto" and gpu.capability >= 8.9 and not model.architecture.encoder:
            found = first(model, need, settings._replace(kv_dtype="fp8"))
            if found is not None:
                yield Alternative("cache", f"an fp8 KV cache: fits with {found.layout}", found)
        if model.quantization in ("", "none"):
            for name in ("fp8", "awq", "nvfp4"):
                # fp4 has units of its own from compute capability 10 on; fp8 from 8.9
                if gpu.capability < {"fp8": 8.9, "nvfp4": 10.0}.get(name, FORMATS[name].capability):
                    continue
                found = first(model._replace(quantization=name), need, settings)
                if found is not None:
                    yield Alternative("quantization", f"{name} weights: fits with {found.layout}", found)

    def larger() -> Iterator[Alternative]:
        for where in (Shape(8, shape.nodes), Shape(8, max(2, shape.nodes)), Shape(8, 4)):
            if where.per_node * where.nodes <= shape.per_node * shape.nodes:
                continue
            found = first(model, need, settings, where)
            if found is not None:
                yield Alternative("split", f"{found.layout.gpus} GPUs as {found.layout}: fits", found, where)
                return

    def others() -> Iterator[Alternative]:
        best: tuple[Decimal, int, str, Fit, Shape] | None = None
        for offer in offers:
            found = first(model, need, settings, offer.shape, offer.gpu) if offer.gpu.name != gpu.name else None
            if found is not None:
                where = Shape(offer.node or offer.shape.per_node, offer.shape.nodes)
                nodes = nodes_of(found.layout, where.per_node)
                price = Decimal("Infinity") if offer.usd_per_hour is None else offer.usd_per_hour * nodes
                if best is None or (price, found.layout.gpus, offer.gpu.name) < best[:3]:
                    best = (price, found.layout.gpus, offer.gpu.name, found, where)
        if best is not None:
            fitting = best[3]
            cost = cost_text(best[0] if best[0].is_finite() else None, fitting.layout, best[4])
            each = f" on each of {best[1]}" if best[1] > 1 else ""
            text = f"{best[2]}: {gib(fitting.used)} of {gib(fitting.budget.bytes)}{each}{cost}"
            yield Alternative("accelerator", text, fitting, best[4])

    return (*smaller(), *steps(), *formats(), *larger(), *others())


def cost_text(usd_per_hour: Decimal | None, layout: Layout, shape: Shape) -> str:
    """Return what the nodes of one replica cost, `, a node of 8 for $55.04 an hour`; "" where nobody knows it."""
    if usd_per_hour is None:
        return ""
    nodes = nodes_of(layout, shape.per_node)
    which = f"a node of {shape.per_node}" if nodes == 1 else f"{nodes} nodes of {shape.per_node}"
    return f", {which} for ${usd_per_hour:,.2f} an hour"


def most(limit: int, attempt: Callable[[int], Fit | None]) -> Fit | None:
    """Return what `attempt` gives for the largest number below `limit` for which it gives anything, by bisection: less
    of either is never more memory."""
    low, high, best = 1, limit - 1, None
    while low <= high:
        middle = (low + high) // 2
        found = attempt(middle)
        if found is None:
            high = middle - 1
        else:
            best, low = found, middle + 1
    return best
