"""What a million tokens cost: a server's part of its nodes, spread over what its traffic reads and writes.

    a million tokens read    = cost a month × prompt share / (requests a second × tokens of a prompt × 2,628,000) × 10⁶
    a million tokens written = cost a month × (1 - prompt share) / (requests × tokens of an answer × 2,628,000) × 10⁶

2,628,000 are the seconds of 730 hours. The prompt share is the part of the GPUs' busy time in which prompts are read
(components/resolve/sizing/throughput.py): the time that nothing is done is spread over both alike. Utilisation is the
traffic over the most that the replicas carry; at twice the traffic, as far as they carry it, a token costs half.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from stacks.cost.basis import Basis, Carries
from stacks.cost.place import Place
from stacks.cost.pods import Pods, servers_of
from stacks.cost.values import HOURS_A_MONTH, PerToken

_SECONDS = HOURS_A_MONTH * 3600
_MILLION = Decimal(1_000_000)


def tokens_of(place: Place, basis: Basis, of_server: Mapping[str, Decimal | None]) -> Iterator[PerToken]:
    """Yield the price of tokens for each server of a place, or why there is none."""
    stacks = {node.component: stack.name for stack, node in place.nodes() if node.component.startswith("serving.")}
    for pods in servers_of(place):
        carries, cost = basis.servers.get(pods.server), of_server.get(pods.component)
        reason = _why_not(pods, place, carries, cost)
        if reason or carries is None or carries.prompt_share is None or cost is None or not carries.most_per_second:
            yield PerToken(stacks[pods.component], pods.server, pods.model, None, None, None, reason)
            continue
        requests = carries.requests_per_second
        read, written = requests * carries.input_tokens, requests * carries.output_tokens
        yield PerToken(
            stacks[pods.component],
            pods.server,
            pods.model,
            cost * carries.prompt_share / (read * _SECONDS) * _MILLION,
            cost * (1 - carries.prompt_share) / (written * _SECONDS) * _MILLION,
            requests / carries.most_per_second,
        )


def _why_not(pods: Pods, place: Place, carries: Carries | None, cost: Decimal | None) -> str:
    if carries is None:
        stated = place.value(f"serving.{pods.server}.traffic.requestsPerSecond") is not None
        return "its throughput is not computed: nothing sizes it" if stated else "nothing says its load: add `traffic`"
    if carries.reason:
        return carries.reason
    return "its nodes are not all priced" if cost is None else ""
