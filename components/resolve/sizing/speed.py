"""How long a step takes: estimates, from what a step has to read and to compute.

A step that writes one token for each of a batch of requests reads every weight it uses and the requests' cache; a
prompt is read in chunks whose matrix products count. Each stage takes the longer of (bytes / bandwidth) and
(operations / peak); what a GPU reaches of its data sheet is in the catalog (`efficiency`), with a range. Splits add
all-reduces: two a layer for a tensor split (after attention and after the MLP), two for experts that lie on other
ranks.

Every number here is an estimate with a range: nothing knows the kernels' quality, the prompts' lengths or the
neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from components.resolve.sizing.cache import pool
from components.resolve.sizing.engine import Settings
from components.resolve.sizing.fit import Model
from components.resolve.sizing.gpu import Gpu
from components.resolve.sizing.layouts import Layout, nodes_of
from components.resolve.sizing.quantization import BYTES_OF_TYPE, FORMATS
from components.resolve.sizing.weights import Part, parts
from specs.catalog.architecture import Architecture
from specs.catalog.devices import Efficiency


class Estimate(NamedTuple):
    """Seconds: the estimate, and the range of it."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Estimate:
        """Return the estimate of so many of it."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)

    def plus(self, other: Estimate) -> Estimate:
        """Return the estimate of both, one after the other."""
        return Estimate(self.value + other.value, self.low + other.low, self.high + other.high)

    def milliseconds(self) -> str:
        """Return it as people read it.

        Example:
            >>> Estimate(0.0212, 0.017, 0.0295).milliseconds()
            '21 ms (17 to 30)'
        """
        return f"{self.value * 1e3:,.0f} ms ({self.low * 1e3:,.0f} to {self.high * 1e3:,.0f})"


class Machine(NamedTuple):
    """Where a replica runs."""

    model: Model
    gpu: Gpu
    layout: Layout
    settings: Settings
    """With defaults decided (`Fit.settings`)."""
    per_node: int
    network_gbs: float
    """Bytes a second / 10^9 between nodes; a split over nodes talks at that speed."""
    efficiency: Efficiency


class _Peaks(NamedTuple):
    """What is reached: bytes a second, operations a second, bytes a second between GPUs, and fixed times."""

    bandwidth: float
    compute: float
    link: float
    allreduce: float
    step: float
    layer: float
    mixture: float


def decode_step(m: Machine, batch: float, context: float) -> Estimate:
    """Return the time of one step that writes a token for each of `batch` requests, with `context` tokens each in the
    cache. `batch` counts the requests of one data rank."""
    requests = max(1.0, batch) / m.layout.pipeline  # stages work on different requests at once
    return _ranged(m, lambda p: _step(m, p, requests, requests, context))


def prefill(m: Machine, tokens: int) -> Estimate:
    """Return the time to read a prompt of that many tokens, in chunks of the engine's tokens a step, alone."""

    def seconds(p: _Peaks) -> float:
        total, done = 0.0, 0
        while done < tokens:
            chunk = min(m.settings.batched_tokens, tokens - done)
            total += _step(m, p, chunk, 1, done + chunk / 2)
            done += chunk
        return total

    return _ranged(m, seconds)


def coverage(a: Architecture, tokens: float) -> float:
    """Return the share of experts that a step with so many tokens uses, if tokens choose independently and evenly.

    Example:
        >>> from specs.catalog.architecture import Experts
        >>> a = Architecture("m", 1, 1, 1, 1, 1, 1, 1, experts=Experts(128, 8, 1, 1))
        >>> coverage(a, 1), round(coverage(a, 16), 3), round(coverage(a, 256), 3)  # 1 - (1 - 8/128) ** 16
        (0.0625, 0.644, 1.0)
    """
    if a.experts is None:
        return 0.0
    missed: float = (1 - a.experts.active / a.experts.total) ** tokens
    return 1 - missed


def _ranged(m: Machine, seconds: Callable[[_Peaks], float]) -> Estimate:
    """Return the time with the shares and latencies as given, with the best of each, and with the worst."""
    e = m.efficiency
    shares, times = e[:3], e[3:]
    likely = _peaks(m, [s.value for s in shares], [t.value for t in times])
    best = _peaks(m, [s.high for s in shares], [t.low for t in times])
    worst = _peaks(m, [s.low for s in shares], [t.high for t in times])
    return Estimate(seconds(likely), seconds(best), seconds(worst))


def _peaks(m: Machine, shares: Sequence[float], microseconds: Sequence[float]) -> _Peaks:
    """Return what is reached of the data sheet. MIG slices and shared GPUs have no NVLink.

    Args:
        shares: of bandwidth, compute and links.
        microseconds: of an all-reduce, a step, a layer, and a layer of experts.
    """
    bandwidth, compute, link = shares
    allreduce, step, layer, mixture = (1e-6 * t for t in microseconds)
    device = m.gpu.device
    wire = device.nvlink_gbs / 2 if m.gpu.sharing == "none" else 0.0  # one direction
    inside = (wire or device.pcie_gbs) * 1e9
    several = nodes_of(m.layout, m.per_node) > 1
    between = m.network_gbs * 1e9 if several and m.network_gbs else inside
    return _Peaks(
        m.gpu.bandwidth * bandwidth,
        _tflops(m) * 1e12 * m.gpu.compute * compute,
        min(inside, between) * link,
        allreduce,
        step,
        layer,
        mixture,
    )


def _tflops(m: Machine) -> int:
    """Return the peak of the unit that multiplies; a format without a unit on this GPU is unpacked to 16 bits first."""
    form, device = FORMATS.get(m.model.quantization), m.gpu.device
    special = {"fp8": device.fp8_tflops, "int8": device.fp8_tflops, "fp4": device.fp4_tflops}
    return (special.get(form.compute, 0) if form else 0) or device.bf16_tflops


def _step(m: Machine, p: _Peaks, tokens: float, requests: float, context: float) -> float:
    """Return the seconds of one step with so many tokens and requests on each data rank."""
    a, layout = m.model.architecture, m.layout
    weighed = parts(a, m.model.quantization, m.settings.dtype, layout)
    numbers = parts(a, "", "bfloat16", layout)
    total = p.step
    for number, (part, plain) in enumerate(zip(weighed, numbers, strict=True)):
        last = number == layout.pipeline - 1
        reading = _bytes(m, part, tokens, requests, context, last=last) / p.bandwidth
        total += max(reading, _operations(m, plain, tokens, context, last=last) / p.compute)
        total += part.layers * (p.layer + (p.mixture if part.experts else 0.0))
        total += _communication(m, p, part, tokens)
    return total


def _bytes(m: Machine, part: Part, tokens: float, requests: float, context: float, *, last: bool) -> float:
    """Return what one GPU of a stage reads in a step: weights, of the experts those that are used, and the cache."""
    a = m.model.architecture
    read = float(part.attention + part.mlp + part.norms + part.head)
    if last and a.tied_embeddings and not part.head:
        read += part.embedding
    read += part.experts * coverage(a, tokens * m.layout.data)
    p = pool(a, m.layout, m.settings, part.layers)
    if p is None:
        return read
    full = part.layers if not a.window else min(part.layers, a.full_layers * part.layers / a.layers)
    kept = full * context + (part.layers - full) * min(context, a.window)
    return read + requests * kept * p.page / p.block


def _operations(m: Machine, part: Part, tokens: float, context: float, *, last: bool) -> float:
    """Return the operations of one GPU of a stage: two for each number that a token uses, and attention's products."""
    a = m.model.architecture
    used = (part.attention + part.mlp) / 2
    head = (part.head or (part.embedding if a.tied_embeddings else 0)) / 2 if last else 0
    routed = part.experts / 2 * (a.experts.active / a.experts.total) * m.layout.data if a.experts else 0.0
    width = a.heads * (a.head_dim if a.latent is None else a.latent.nope_head_dim + a.latent.rope_head_dim)
    attention = 4 * part.layers * width / m.layout.tensor * context
    # the head runs for the tokens whose successor is asked for: all of a decoding step, one of a chunk
    return tokens * (2 * (used + routed) + attention) + 2 * head * min(tokens, m.settings.batched_requests)


def _communication(m: Machine, p: _Peaks, part: Part, tokens: float) -> float:
    """Return the time of a stage's all-reduces, and of handing its result on."""
    a, t = m.model.architecture, m.layout.tensor
    message = tokens * a.hidden * BYTES_OF_TYPE[m.settings.dtype]
    seconds = 0.0
    if t > 1:
        seconds += 2 * part.layers * (p.allreduce + 2 * (t - 1) / t * message / p.link)
    if m.layout.data > 1 and a.experts is not None:
        mixtures = min(part.layers, a.experts.layers)
        seconds += 2 * mixtures * (p.allreduce + (m.layout.data - 1) / m.layout.data * message * m.layout.data / p.link)
    if m.layout.pipeline > 1:
        seconds += p.allreduce + 2 * message / p.link
    return seconds
