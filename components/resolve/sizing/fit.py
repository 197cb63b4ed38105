"""Whether a model fits: every term of one GPU's memory against what the engine may use, line by line."""

from __future__ import annotations

from math import floor
from typing import NamedTuple

from components.resolve.sizing import overhead, weights
from components.resolve.sizing.cache import line as cache_line
from components.resolve.sizing.cache import pool
from components.resolve.sizing.engine import Settings, batch_defaults
from components.resolve.sizing.gpu import Gpu
from components.resolve.sizing.layouts import Layout, refusal, stages
from components.resolve.sizing.quantization import BYTES_OF_TYPE, FORMATS
from components.resolve.sizing.terms import Line, gib, up
from components.resolve.sizing.weights import Part, parts, rope_bytes
from specs.catalog.architecture import Architecture
from specs.catalog.devices import Overheads


class Model(NamedTuple):
    """A model as it is served."""

    architecture: Architecture
    quantization: str = ""
    """A format of quantization.py or gguf.py; "" as published."""


class Need(NamedTuple):
    """What has to fit: this many requests at once, of this many tokens each."""

    context: int
    requests: int = 1


class Stage(NamedTuple):
    """One stage's GPU: what is on it and what is left for the cache."""

    lines: tuple[Line, ...]
    """Everything but the cache."""
    cache: Line | None
    """The cache that is needed; None for encoders."""
    room: int
    """Bytes left for the cache; negative: not even the rest fits."""
    blocks: int
    """Blocks that fit into the room."""

    @property
    def used(self) -> int:
        """Bytes of all lines, the needed cache included."""
        return sum(x.bytes for x in self.lines) + (self.cache.bytes if self.cache else 0)


class Fit(NamedTuple):
    """The whole calculation for one layout. Sizes are those of the GPU that has least left over."""

    fits: bool
    model: Model
    gpu: Gpu
    layout: Layout
    need: Need
    settings: Settings
    """With every default decided."""
    refused: str
    """Why not; "" if it fits."""
    budget: Line
    outside: Line
    stages: tuple[Stage, ...]
    tightest: int
    """The stage with least left over."""
    requests: int
    """Requests of `need.context` tokens that fit at once, over all data ranks; 0 for encoders, which keep nothing."""
    tokens: int
    """Tokens of context that the cache holds with requests of that length, over all data ranks (vLLM's `GPU KV cache
    size`)."""
    engine_utilization: float
    """What `--gpu-memory-utilization` has to be: the budget as a share of what the process sees."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """The tightest GPU's calculation, budget last."""
        if not self.stages:
            return (self.outside, self.budget)
        stage = self.stages[self.tightest]
        return (*stage.lines, *((stage.cache,) if stage.cache else ()), self.budget, self.outside)

    @property
    def used(self) -> int:
        """Bytes that are needed on the tightest GPU."""
        return self.stages[self.tightest].used if self.stages else 0


def decide(settings: Settings, gpu: Gpu, layout: Layout, need: Need, o: Overheads) -> Settings:
    """Return the settings with the engine's defaults put in for this GPU.

    The default utilization is lowered in steps of 0.01 where CUDA's own memory would not be free beside it: vLLM
    refuses to start then (`Free memory on device … is less than desired GPU memory utilization`).
    """
    tokens, requests = batch_defaults(gpu.seen, gpu.name)
    utilization = settings.utilization
    if not utilization:
        free = 1 - overhead.context(layout, o).bytes / gpu.usable
        utilization = max(0.01, min(o.utilization, floor(free * 100) / 100))
    tokens = settings.batched_tokens or tokens
    return settings._replace(
        utilization=utilization,
        batched_tokens=tokens,
        batched_requests=min(settings.batched_requests or requests, tokens),
        native_context=settings.native_context or need.context,
    )


def fit(model: Model, gpu: Gpu, layout: Layout, need: Need, given: Settings, o: Overheads) -> Fit:
    """Return the calculation, whatever comes out of it.

    Args:
        need: tokens of a request and requests at once, for the replica as a whole.
        given: the engine's settings; defaults are decided here.
        o: what the engine was measured to take.

    Raises:
        KeyError: for a quantization or type without arithmetic.
    """
    a, settings = model.architecture, decide(given, gpu, layout, need, o)
    budget = _budget(gpu, settings)
    outside = overhead.context(layout, o)
    reason = refusal(a, model.quantization, layout) or _unsupported(model, gpu, settings)
    engine = settings.utilization * gpu.usable / gpu.seen
    if reason:
        return Fit(False, model, gpu, layout, need, settings, reason, budget, outside, (), 0, 0, 0, engine)
    requests = up(need.requests, layout.data)
    per_rank = Need(need.context, requests)
    weighed = parts(a, model.quantization, settings.dtype, layout)
    same: dict[tuple[int, ...], Stage] = {}
    for number, part in enumerate(weighed):
        key = (
            part[1:] if number < layout.pipeline - 1 else ()
        )  # stages with equal parts are equal, the last has the head
        if key not in same:
            same[key] = _stage(model, layout, settings, per_rank, budget.bytes, o, part, last=not key)
    found = tuple(same[part[1:] if i < layout.pipeline - 1 else ()] for i, part in enumerate(weighed))
    tightest = min(range(len(found)), key=lambda i: (budget.bytes - found[i].used, i))
    held, tokens = _capacity(a, layout, settings, need, found)
    reason = _too_large(found, budget, outside, gpu, need, held)
    return Fit(
        not reason, model, gpu, layout, need, settings, reason, budget, outside, found, tightest, held, tokens, engine
    )


def _budget(gpu: Gpu, settings: Settings) -> Line:
    share = f" ({gpu.note})" if gpu.note else ""
    return Line(
        "budget",
        f"usable memory{share} x utilization",
        (("usable", gpu.usable), ("utilization", settings.utilization)),
        int(gpu.usable * settings.utilization),
        gpu.device.source,
        "measured" if gpu.device.verified else "estimate",
    )


def _unsupported(model: Model, gpu: Gpu, settings: Settings) -> str:
    """Return why the GPU has no kernels for the model's type or format; "" if it has."""
    form = FORMATS.get(model.quantization)
    if form is not None and gpu.capability < form.capability:
        return f"{model.quantization} needs compute capability {form.capability}, {gpu.name} has {gpu.capability}"
    if settings.dtype == "bfloat16" and gpu.capability < 8.0:
        return f"{gpu.name} has no bfloat16 (compute capability {gpu.capability}, not 8.0): set dtype to float16"
    return ""


def _stage(
    model: Model, layout: Layout, settings: Settings, need: Need, budget: int, o: Overheads, part: Part, *, last: bool
) -> Stage:
    """Return one stage's GPU."""
    a, element = model.architecture, BYTES_OF_TYPE[settings.dtype]
    step = overhead.Step(settings.batched_tokens, settings.batched_requests, element)
    rows = list(weights.lines(part, a, model.quantization, settings.dtype, layout))
    rope = rope_bytes(a, settings.native_context, element)
    if rope:
        width = a.latent.rope_head_dim if a.latent else a.head_dim
        inputs = (("positions", settings.native_context), ("dimension", width))
        rows.append(
            Line("rotary table", "positions x dimension x bytes", inputs, rope, "RotaryEmbedding.cos_sin_cache")
        )
    rows.append(overhead.activations(a, layout, step, need.context, o, head=last))
    if settings.graphs and not a.encoder:
        rows.append(overhead.graphs(part.layers, settings.batched_requests, o))
    rows.append(overhead.runtime(layout, o))
    if settings.adapters is not None:
        rows.append(overhead.adapters(a, layout, part.layers, settings.adapters, element))
    room = budget - sum(x.bytes for x in rows)
    p = pool(a, layout, settings, part.layers)
    if p is None:
        return Stage(tuple(rows), None, room, 0)
    needed = cache_line(p, a, layout, settings, need.context, need.requests, settings.batched_tokens)
    return Stage(tuple(rows), needed, room, max(0, room // p.block_bytes))


def _capacity(
    a: Architecture, layout: Layout, settings: Settings, need: Need, found: tuple[Stage, ...]
) -> tuple[int, int]:
    """Return the requests of full length and the tokens that the cache holds. All stages have as many blocks as the
    poorest, and one is never used."""
    held: list[tuple[int, int]] = []
    for stage, (_, layers) in zip(found, stages(a, layout.pipeline), strict=True):
        p = pool(a, layout, settings, layers)
        if p is None:
            return 0, 0
        blocks, one = max(0, stage.blocks - 1), p.blocks_of(need.context, settings.batched_tokens)
        held.append((blocks // one, blocks * need.context // one))
    return min(n for n, _ in held) * layout.data, min(n for _, n in held) * layout.data


def _too_large(found: tuple[Stage, ...], budget: Line, outside: Line, gpu: Gpu, need: Need, held: int) -> str:
    """Return why it does not fit, with the two numbers; "" if it does."""
    least = min(found, key=lambda s: budget.bytes - s.used)
    if budget.bytes + outside.bytes > gpu.usable:
        return (
            f"the engine would ask for {gib(budget.bytes)} of {gib(gpu.usable)}, and CUDA itself takes "
            f"{gib(outside.bytes)}: lower the utilization"
        )
    if least.room < 0:
        rest = sum(x.bytes for x in least.lines)
        return f"weights and runtime take {gib(rest)} of the {gib(budget.bytes)} that the engine may use on a GPU"
    if least.used > budget.bytes and least.cache is not None:
        return (
            f"{need.requests} x {need.context:,} tokens need {gib(least.cache.bytes)} of KV cache on a GPU, "
            f"{gib(least.room)} is left: room for {held}"
        )
    return ""
