"""How much a model server could carry, and which part of its time prompts take: what a price for tokens needs."""

from __future__ import annotations

from typing import NamedTuple

from components.resolve.sizing.sized import Sized
from components.resolve.sizing.traffic import BUSY, load

_STEPS = 12
"""Halvings of the range in which the answer lies: it is within 1/4,096 of the range then, and speeds are estimates."""


class Throughput(NamedTuple):
    """Of all replicas of a server, for requests as long as those of its traffic. Estimates."""

    requests_per_second: float
    """The most that they carry, by the same rules as sizing: prompts take at most `BUSY` of the time."""
    prompt_share: float
    """Of the time that the traffic keeps the GPUs busy, the part in which prompts are read; 0 to 1."""


def throughput(size: Sized) -> Throughput | None:
    """Return what a server carries; None without traffic, or where by estimate it does not carry its own.

    Busy with prompts: arrivals × seconds a prompt. Busy with answers: arrivals × tokens of an answer × seconds a step /
    requests that share the step.
    """
    carried = size.carried
    if carried is None or carried.load is None:
        return None
    m, traffic, now = size.machine, carried.traffic, carried.load
    mine = traffic.requests_per_second / size.replicas
    step = now.between_tokens_p50.value * (1 - now.prompts)  # as it is when no prompt stretches it
    answers = mine * traffic.output_tokens * step / max(now.requests, m.layout.data)
    low = mine
    high = mine * BUSY / now.prompts if now.prompts else mine * 1024
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if load(m, traffic._replace(requests_per_second=middle), carried.capacity) is None:
            high = middle
        else:
            low = middle
    return Throughput(low * size.replicas, now.prompts / (now.prompts + answers))
