"""From requests a second to requests at once, replicas and latencies: Little's law, solved as a fixed point.

Requests at once = arrivals a second x seconds a request stays; it stays for its prompt and one step for each token
that it writes; and a step is longer the more requests share it. So the number is the least one that this maps to
itself, found by iterating from an empty server. While a prompt is read, the other requests wait: a step is stretched
by the part of the time that prompts take. (John D. C. Little, A Proof for the Queuing Formula L = lambda W,
Operations Research 9, 1961.)

The first token waits for prompts before it: mean wait of one server with Poisson arrivals and equal work, W = u / (2
(1 - u)) x prompt time (Pollaczek and Khinchine), 95 % within three times that (an exponential tail: ln 20 = 3.0).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from components.resolve.sizing.speed import Estimate, Machine, decode_step, prefill

BUSY = 0.8
"""The most of a replica's time that prompts may take, and of its cache that requests may fill on average: arrivals are
not even. Assumed."""

MOST = 1024
"""Replicas beyond which nothing is sized."""


class Traffic(NamedTuple):
    """What comes in."""

    requests_per_second: float
    input_tokens: int
    output_tokens: int


class Load(NamedTuple):
    """A replica under its share of the traffic."""

    requests: float
    """At once, on average."""
    prompts: float
    """Part of the time that prompts take."""
    first_token_p50: Estimate
    first_token_p95: Estimate
    between_tokens_p50: Estimate
    between_tokens_p95: Estimate


class Replicas(NamedTuple):
    """How many replicas the traffic takes."""

    number: int
    """0: more than `MOST`, or one request alone is too much."""
    load: Load | None
    limit: str
    """Why one replica fewer is not enough; "" if one is enough."""


Verdict = Literal["met", "uncertain", "missed"]


def load(m: Machine, traffic: Traffic, capacity: int) -> Load | None:
    """Return the replica's load under all of the traffic; None if it cannot keep up.

    Args:
        capacity: requests of this length that its cache holds (0: it has none, and nothing stays).
    """
    prompt = prefill(m, traffic.input_tokens)
    arrivals = traffic.requests_per_second
    prompts = arrivals * prompt.value / m.layout.data
    if prompts >= BUSY:
        return None
    context = traffic.input_tokens + traffic.output_tokens / 2
    present = _present(m, traffic, prompt.value, prompts, capacity, context)
    if present is None:
        return None
    step = decode_step(m, present / m.layout.data, context)
    stretched = step.times(1 / (1 - prompts))
    wait = prompts / (2 * (1 - prompts))
    # a step that carries a chunk of somebody's prompt; it is in the slowest 5 % once more than 5 % of steps carry one
    chunk = prefill(m, min(traffic.input_tokens, m.settings.batched_tokens)) if traffic.input_tokens else step.times(0)
    mixed = step.plus(chunk) if arrivals * step.value / m.layout.data > 0.05 else stretched
    return Load(
        present,
        prompts,
        first_token_p50=prompt.times(1 + wait).plus(step),
        first_token_p95=prompt.times(1 + 3 * wait).plus(step.plus(step)),
        between_tokens_p50=stretched,
        between_tokens_p95=mixed,
    )


def _present(m: Machine, t: Traffic, prompt: float, prompts: float, capacity: int, context: float) -> float | None:
    """Return the least fixed point of requests at once; None if it lies above what the cache holds."""
    if not t.output_tokens:
        return t.requests_per_second * prompt
    most = (capacity or m.settings.batched_requests * m.layout.data) * BUSY
    present = 0.0
    for _ in range(200):
        step = decode_step(m, present / m.layout.data, context).value / (1 - prompts)
        following = t.requests_per_second * (prompt + t.output_tokens * step)
        if following > most:
            return None
        if following - present < 0.01:
            return following
        present = following
    return None


def replicas(
    m: Machine, traffic: Traffic, capacity: int, first_token_p95: float = 0.0, between_tokens_p95: float = 0.0
) -> Replicas:
    """Return the fewest replicas that carry the traffic, and keep the objectives (seconds; 0: none) by estimate."""
    low, high = 1, 1
    while not _enough(m, traffic, capacity, high, first_token_p95, between_tokens_p95)[0]:
        if high >= MOST:
            return Replicas(0, None, _enough(m, traffic, capacity, high, first_token_p95, between_tokens_p95)[1])
        low, high = high + 1, high * 2
    while low < high:
        middle = (low + high) // 2
        if _enough(m, traffic, capacity, middle, first_token_p95, between_tokens_p95)[0]:
            high = middle
        else:
            low = middle + 1
    fewer = _enough(m, traffic, capacity, high - 1, first_token_p95, between_tokens_p95)[1] if high > 1 else ""
    return Replicas(high, _enough(m, traffic, capacity, high, first_token_p95, between_tokens_p95)[0], fewer)


def _enough(
    m: Machine, traffic: Traffic, capacity: int, number: int, first: float, between: float
) -> tuple[Load | None, str]:
    """Return the load of each of so many replicas, or why they are not enough."""
    share = traffic._replace(requests_per_second=traffic.requests_per_second / number)
    found, who = load(m, share, capacity), f"{number} replica{'s' if number > 1 else ''}"
    if found is None:
        return None, f"{who} cannot keep up with {traffic.requests_per_second:g} requests a second"
    if first and found.first_token_p95.value > first:
        return (
            None,
            f"{who}: time to first token p95 is {found.first_token_p95.milliseconds()}, not {first * 1e3:,.0f} ms",
        )
    if between and found.between_tokens_p95.value > between:
        return (
            None,
            f"{who}: between tokens p95 is {found.between_tokens_p95.milliseconds()}, not {between * 1e3:,.0f} ms",
        )
    return found, ""


def verdict(estimate: Estimate, limit: float) -> Verdict:
    """Say whether an objective (seconds) is kept: missed only if all of the range is above it, met if none is."""
    if estimate.low > limit:
        return "missed"
    return "met" if estimate.high <= limit else "uncertain"
