"""Servers on nodes without GPU: which part of a node a replica gets, and what llama.cpp needs of it. Formulas with
their terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import NamedTuple

from components.resolve import defaults
from components.resolve.defaults import GIB
from components.resolve.placement import Demand
from components.resolve.platform import Weights
from components.resolve.values import Values
from specs.catalog.architecture import Architecture
from specs.catalog.engines import engine_rows
from specs.catalog.reader import Edition, Instance
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.model_numbers import ModelNumbers
from specs.schema.node_pools import NO_ACCELERATOR
from specs.tree import Path

MIB = 1024**2

SYSTEM_CORES = 1
"""Of a node: for the kubelet, the network and the node's own pods; threads of one replica that share a core wait for
one another."""

SYSTEM_MEMORY = GIB
"""Of a node, beside 15 % of it: what a virtual machine lacks, what the kubelet keeps, and the node's own pods. The
general EC2 types of the catalog leave at least as much (tests/test_engines.py)."""

OVERHEAD = GIB
"""Assumed, of a llama.cpp server beside weights and cache: compute buffers of 512 tokens, vocabulary, requests."""

SLOTS = 4
"""Requests at a time where a spec says nothing: what llama-server takes by itself (common/common.h, `n_parallel`
auto; tools/server/server.cpp)."""

GENERAL_FAMILIES = ("c", "m", "r")
"""EC2 families for work without GPU (Amazon EC2 instance types: compute, general purpose, memory optimized)."""

CELL_BYTES = 2
"""Bytes of a cached number: f16, llama.cpp's default (`--cache-type-k`, `--cache-type-v`)."""


class Room(NamedTuple):
    """What a replica gets of a node: cores, and memory in bytes."""

    cores: int
    memory: int


def places(replicas: int, nodes: int) -> int:
    """Return how many replicas a node holds where they are spread evenly over the nodes that the pool can have.

    Example:
        >>> places(2, 1), places(2, 3), places(0, 1)
        (2, 1, 1)
    """
    return max(1, ceil(replicas / nodes))


def room(cores: int, memory: int, shares: int) -> Room:
    """Return a share of a node: `(cores - 1) / shares`, and `(memory x 85 % - 1 GiB) / shares`, rounded down.

    Example:
        >>> room(8, 16 * GIB, 1)  # 7 cores and 12.6 GiB
        Room(cores=7, memory=13529146982)
    """
    return Room((cores - SYSTEM_CORES) // shares, (memory * 85 // 100 - SYSTEM_MEMORY) // shares)


def cache_bytes(a: Architecture | None, tokens: int) -> int:
    """Return the KV cache of llama.cpp for that many tokens: layers x KV heads x head dimension x 2 (key and value) x 2
    bytes; with a latent (MLA) layers x (latent + rope) x 2 bytes. Windows are not counted, so it is never too low. 0
    for an encoder and where the architecture is not known.
    """
    if a is None or a.encoder:
        return 0
    numbers = 2 * a.kv_heads * a.head_dim
    if a.latent is not None:
        numbers = a.latent.kv_rank + a.latent.rope_head_dim
    return a.layers * numbers * CELL_BYTES * tokens


def server_bytes(weights: int, a: Architecture | None, tokens: int) -> int:
    """Return the memory of a llama.cpp server: weights + cache + 1 GiB, rounded up to 256 MiB.

    The weights are mapped from disk, but every token reads all of them: a server whose memory does not hold them reads
    them from disk for every token.
    """
    step = GIB // 4
    return ceil((weights + cache_bytes(a, tokens) + OVERHEAD) / step) * step


def slots(asked: int, weights: int, a: Architecture | None, context: int, memory: int) -> int:
    """Return the requests that a llama.cpp server works on at a time: as asked, else what fits, 1 to 4."""
    if asked:
        return asked
    fitting = (n for n in range(SLOTS, 1, -1) if server_bytes(weights, a, context * n) <= memory)
    return next(fitting, 1)


def general(instances: Iterable[Instance], cores: int, memory: int) -> list[Instance]:
    """Return the types without GPU, for amd64, that have these cores and this memory in bytes."""
    return [
        i
        for i in instances
        if i.name[0] in GENERAL_FAMILIES
        and i.arch == "amd64"
        and not i.gpus_physical
        and i.vcpu >= cores
        and i.memory_mib * 1024**2 >= memory
    ]


def node_room(case: Case, edition: Edition, pool: str) -> Room:
    """Return what a node of a pool without GPU has in all: as the pool says, else what its instance type has."""
    given = case.spec.node_pools[pool]
    row = edition.instances.get(given.instance) if given.instance is not None else None
    cores, memory = (row.vcpu, row.memory_mib * 1024**2) if row is not None else (0, 0)
    return Room(given.cores or cores, given.memory or memory)


def without_gpus(case: Case, edition: Edition, pool: str) -> bool:
    """Say whether the nodes of a pool have no GPU: it says so, or names an instance type that has none."""
    given = case.spec.node_pools[pool]
    if given.accelerator is not None or given.instance is None:
        return given.accelerator == NO_ACCELERATOR
    row = edition.instances.get(given.instance)
    return row is not None and not row.gpus_physical


def share(case: Case, edition: Edition, pool: str) -> tuple[Room, int]:
    """Return what a replica gets of a node of such a pool, and how many replicas share one."""
    replicas = sum(s.replicas or 1 for s in case.spec.serving.values() if s.pool == pool)
    shares = places(replicas, case.spec.node_pools[pool].max)
    return room(*node_room(case, edition, pool), shares), shares


def core_demand(
    case: Case, edition: Edition, name: str, weights: Weights, known: ModelNumbers | None, values: Values
) -> Demand:
    """Return what a replica asks of a node without GPU: its share of the cores; of memory what llama.cpp needs, and the
    share for an image of one's own, of which nobody knows more."""
    server, path = case.spec.serving[name], ("serving", name)
    part, shares = share(case, edition, server.pool)
    replicas = values.put((*path, "replicas"), server.replicas or 1, defaults.REPLICAS_REASON)
    cores, memory = node_room(case, edition, server.pool)
    why = f"({cores} cores of the node - {SYSTEM_CORES} for its system) / {shares} replicas"
    cpu = values.put((*path, "cpu"), max(part.cores, 1), why)
    architecture = known.architecture if known else None
    asked = slots(server.concurrency or 0, weights.size, architecture, weights.context_length, part.memory)
    if server.engine == "llama-cpp":
        tokens = weights.context_length * asked
        need = server_bytes(weights.size, architecture, tokens)
        cache = cache_bytes(architecture, tokens)
        why = f"estimate: weights {weights.size / 1e9:.1f} GB + cache {cache / 1e9:.1f} GB of {tokens:,} tokens + 1 GiB"
    else:
        need = max(part.memory, 0) // MIB * MIB
        why = f"the node's {memory / GIB:.0f} GiB x 85 % - 1 GiB, over {shares} replicas"
    values.put((*path, "memory"), need, why, shown=f"{need // MIB}Mi")
    return Demand(name, replicas, 0, cpu, need)


def concurrency(
    case: Case, edition: Edition, name: str, weights: Weights, known: ModelNumbers | None, values: Values
) -> int:
    """Return the requests that a llama.cpp server works on at a time."""
    server = case.spec.serving[name]
    if without_gpus(case, edition, server.pool):
        part, _ = share(case, edition, server.pool)
        architecture = known.architecture if known else None
        found = slots(server.concurrency or 0, weights.size, architecture, weights.context_length, part.memory)
        why = f"what fits beside the weights, at most {SLOTS}, which llama-server takes by itself"
    else:
        found, why = server.concurrency or SLOTS, f"{SLOTS}, which llama-server takes by itself"
    return values.put(("serving", name, "concurrency"), found, why)


def core_misfits(case: Case, edition: Edition, pool: str, demands: Sequence[Demand]) -> Iterator[Diagnostic]:
    """Yield servers that a node without GPU cannot run: engines that need one, and what is too large for its share."""
    rows = engine_rows(edition.name)
    part, shares = share(case, edition, pool)
    path: Path = ("nodePools", pool)
    here = place_of(case, path, "the pool is set here")
    of = f"shared by {shares} replicas" if shares > 1 else "beside its system"
    for d in demands:
        server = case.spec.serving[d.server]
        split = server.parallelism != "auto" and max(server.parallelism.tensor, server.parallelism.pipeline) > 1
        if rows[server.engine].gpu or split:
            yield finding(
                case, "pool-without-gpus", ("serving", d.server, "pool"),
                f"`{d.server}` needs a GPU, and the nodes of `{pool}` have none",
                help="choose a pool with an `accelerator`", related=(here,),
            )  # fmt: skip
        elif part.cores < 1:
            yield finding(
                case, "pool-too-small", (*path, "cores"),
                f"a node of `{pool}` has no core left for `{d.server}`, {of}",
                help=f"nodes with {SYSTEM_CORES + shares} cores or more, or a higher `max`",
            )  # fmt: skip
        elif d.memory > part.memory:
            # the whole of one node, from memory x 85 % - 1 GiB = shares x need
            enough = ceil((d.memory * shares + SYSTEM_MEMORY) * 100 / 85 / GIB)
            yield finding(
                case, "pool-too-small", (*path, "memory"),
                f"a replica of `{d.server}` needs {d.memory / GIB:.1f} GiB, and a node of `{pool}` has "
                f"{max(part.memory, 0) / GIB:.1f} GiB for it, {of}",
                help=f"nodes with `memory: {enough}Gi`, a shorter `contextLength`, or a lower `concurrency`",
                related=(place_of(case, ("serving", d.server), "the server is set here"),),
            )  # fmt: skip
