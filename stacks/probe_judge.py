"""What a probe's values say: whether promises are kept, metrics exported, and the right thing is served. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from stacks.probe import Check, Status, percentile, seconds

PROMISED_SHARE = 0.05
"""The share of requests that may take longer than a 95th percentile."""

_MOST_NAMED = 4

SURE = 0.05
"""What would happen by chance in fewer than this share of probes is taken for no chance."""


def at_most(limit: int, requests: int, share: float = PROMISED_SHARE) -> float:
    """Return how probable it is that at most `limit` of so many independent requests are of a kind whose share is
    `share`: the binomial distribution, Σ C(n, i) pⁱ (1-p)ⁿ⁻ⁱ for i = 0 … limit.

    Example:
        >>> round(at_most(0, 59), 4), round(at_most(0, 58), 4)  # 0.95⁵⁹ is the first power below 0.05
        (0.0485, 0.051)
    """
    log_term = requests * math.log1p(-share)
    total = 0.0
    for i in range(min(limit, requests) + 1):
        total += math.exp(log_term)
        if i < requests:
            log_term += math.log(requests - i) - math.log(i + 1) + math.log(share) - math.log1p(-share)
    return min(1.0, total)


def enough_requests(over: int, share: float = PROMISED_SHARE) -> int:
    """Return how many requests it takes for `over` slow ones to be too few to be chance, were the promise broken."""
    requests = over + 1
    while at_most(over, requests, share) >= SURE:
        requests += max(1, requests // 64) if over > 64 else 1
    return requests


def judge_first_token(values: Sequence[float], promised: float, where: str) -> Check:
    """Return whether the 95th percentile of a sample keeps a promise, and how much the sample says.

    The sample decides; what it says of the server is a binomial test on how many requests took longer than promised.
    """
    name, ordered = "objectives.timeToFirstToken", sorted(values)
    if not ordered:
        return Check(name, Status.UNKNOWN, f"promised {seconds(promised)} at p95 ({where}); nothing was measured")
    count, over = len(ordered), sum(value > promised for value in ordered)
    measured = percentile(ordered, 95)
    text = f"p95 {seconds(measured)} in a sample of {count:,}, promised {seconds(promised)} ({where})"
    if measured > promised:
        chance = 1.0 - at_most(over - 1, count)
        said = f"{over:,} took longer; a server that just keeps the promise looks so in {_of_100(chance)} probes"
        return Check(name, Status.FAILED, f"{text}: {said}")
    chance = at_most(over, count)
    if chance < SURE:
        return Check(name, Status.OK, f"{text}: {over:,} took longer, too few to be chance")
    said = (
        f"{over:,} took longer; a server that just breaks the promise looks so in {_of_100(chance)} probes, "
        f"{enough_requests(over):,} requests would tell"
    )
    return Check(name, Status.OK, f"{text}: {said}")


def judge_gaps(values: Sequence[float], answers: int, in_a_piece: float | None, promised: float, where: str) -> Check:
    """Return whether the 95th percentile of the times between pieces keeps a promise.

    No probability is given: the times of one answer depend on each other.
    """
    name, ordered = "objectives.interTokenLatency", sorted(values)
    if not ordered:
        return Check(name, Status.UNKNOWN, f"promised {seconds(promised)} at p95 ({where}); nothing was measured")
    measured = percentile(ordered, 95)
    text = (
        f"p95 {seconds(measured)} over {len(ordered):,} times between pieces of {answers:,} answers, "
        f"promised {seconds(promised)} ({where})"
    )
    if in_a_piece is not None and in_a_piece > 1.05:
        text += f"; a piece held {in_a_piece:.1f} tokens"
    return Check(name, Status.FAILED if measured > promised else Status.OK, text)


def judge_metrics(exported: frozenset[str], wanted: Mapping[str, str]) -> tuple[Check, Mapping[str, bool]]:
    """Return whether the metrics of all roles are exported, and which are. `exported` holds the names of families and
    of samples."""
    found = {role: name in exported for role, name in wanted.items()}
    missing = [f"{role} `{wanted[role]}`" for role, there in found.items() if not there]
    named = ", ".join(missing[:_MOST_NAMED]) + (
        f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    )
    if not wanted:
        return Check("metrics", Status.UNKNOWN, "nothing says which metrics this server exports"), found
    if missing:
        text = f"{len(missing)} of {len(wanted)} are not exported: {named}"
        return Check("metrics", Status.FAILED, text, "a rule that reads one of them sees nothing"), found
    return Check("metrics", Status.OK, f"all {len(wanted)} that rules may read are exported"), found


def judge_version(told: str, expected: str, where: str) -> Check:
    """Return whether the server is of the version that it should be; `b11312-0c1e570` is a build of `b11312`."""
    if not expected:
        return Check("version", Status.UNKNOWN, f"it says {told}" if told else "it does not say")
    if not told:
        return Check("version", Status.UNKNOWN, f"it does not say; {where} means {expected}")
    if told == expected or told.startswith((f"{expected}-", f"{expected}+")):
        return Check("version", Status.OK, f"it says {told}")
    return Check("version", Status.FAILED, f"it says {told}, {where} means {expected}")


def judge_revision(told: Sequence[str], expected: str, where: str) -> Check:
    """Return whether the revision of the model is the one that it should be."""
    if not told:
        return Check("revision", Status.UNKNOWN, "this engine does not say which revision it serves")
    said = f"it says {', '.join(told)}"
    if not expected:
        return Check("revision", Status.UNKNOWN, said)
    if expected in told:
        return Check("revision", Status.OK, said)
    return Check("revision", Status.FAILED, f"{said}; {where} means {expected}")


def _of_100(share: float) -> str:
    return "fewer than 1 of 100" if share < 0.01 else f"{round(share * 100)} of 100"
