"""A compilation: the graphs of stacks, with the decided values behind them, as one value and one JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from components.graph import Graph
from components.graph_json import canonical, decode_graph, decode_node, encode_graph, encode_node
from components.resolve.platform import Explained
from stacks.cost.basis import Basis, basis_from_values, basis_values

FORMAT = 1
"""Version of the recorded form. A reader refuses a newer one."""

LAYERS = ("foundation", "platform", "workloads")
"""The layers in the order in which they are deployed."""


@dataclass(frozen=True, slots=True)
class CompiledStack:
    """One stack. `place` says where it is (`aws us-east-1`), `delivery` who applies it: `pulumi` or `gitops`.

    `site` is empty but at an edge target. There `common` is the graph that all sites share, the first site's, and
    `own` the ids of its nodes that a site has in its own form; a stack that was read from a file has neither.
    """

    spec: str
    environment: str
    target: str
    layer: str
    place: str
    values: Mapping[str, Explained]
    graph: Graph
    delivery: str = "pulumi"
    site: str = ""
    common: Graph | None = field(default=None, compare=False, repr=False)
    own: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    @property
    def name(self) -> str:
        """The Pulumi stack's name."""
        return stack_name(self.spec, self.environment, self.target, self.site, self.layer)

    @property
    def somewhere(self) -> tuple[str, str, str]:
        """Environment, target and site: stacks that agree in it are layers of one place."""
        return self.environment, self.target, self.site


def is_place_of_weights(path: str) -> bool:
    """Say whether a spec path is the key `weights` of a model."""
    return path.startswith("models.") and path.endswith(".weights") and path.count(".") == 2


@lru_cache(maxsize=1 << 14)
def at_or_above(path: str) -> tuple[str, ...]:
    """Return a spec path and every path that it is below, the shortest first.

    Example:
        >>> at_or_above("serving.chat.args[0]")
        ('serving', 'serving.chat', 'serving.chat.args', 'serving.chat.args[0]')
    """
    # kept, since the targets of a fleet have most of their paths in common
    return (*(path[:end] for end, character in enumerate(path) if character in ".[" and end), path)


def stack_name(spec: str, environment: str, target: str, site: str, layer: str) -> str:
    """Return the name of a stack: `hello.prod.us-east-1.workloads`, with a site `hello.prod.shops.berlin.workloads`."""
    return ".".join((spec, environment, target, *((site,) if site else ()), layer))


@dataclass(frozen=True, slots=True)
class Compilation:
    """All selected stacks of one spec. `digest` is the SHA-256 of the spec and the files it reads.

    `costs` is what their costs need and their graphs do not say, by `environment/target`.
    """

    compiler: str
    edition: str
    spec: str
    digest: str
    stacks: tuple[CompiledStack, ...]
    costs: Mapping[str, Basis] = field(default_factory=dict)


class NotACompilation(ValueError):
    """The text is not a recorded compilation that this version can read; the message says why."""


def encode(compilation: Compilation) -> str:
    """Return the recorded form: canonical JSON."""
    there = {f"{s.environment}/{s.target}" for s in compilation.stacks}
    costs = basis_values({key: basis for key, basis in compilation.costs.items() if key in there})
    return canonical(
        {
            **({"costs": costs} if costs else {}),
            "format": FORMAT,
            "compiler": compilation.compiler,
            "edition": compilation.edition,
            "spec": compilation.spec,
            "digest": compilation.digest,
            "stacks": list(_rows(compilation.stacks)),
        }
    )


def _rows(stacks: Iterable[CompiledStack]) -> Iterator[dict[str, Any]]:
    """Yield the stacks as JSON; a site only with what differs from the first site of its target."""
    first: dict[int, CompiledStack] = {}
    for s in stacks:
        row = {
            "environment": s.environment,
            "target": s.target,
            "layer": s.layer,
            "place": s.place,
            **({"delivery": s.delivery} if s.delivery != "pulumi" else {}),
            **({"site": s.site} if s.site else {}),
        }
        other = first.setdefault(id(s.common), s) if s.common is not None else s
        if other is not s:
            own = {path: _explained(e) for path, e in s.values.items() if other.values.get(path) != e}
            nodes = [encode_node(n) for n, o in zip(s.graph.nodes, other.graph.nodes, strict=True) if n != o]
            less = sorted(other.values.keys() - s.values.keys())
            yield row | {"like": other.site, "values": own, "without": less, "nodes": nodes}
            continue
        values = {path: _explained(e) for path, e in s.values.items()}
        shared = {"own": sorted(s.own)} if s.common is not None else {}
        yield row | shared | {"values": values, "graph": encode_graph(s.graph)}


def _explained(item: Explained) -> dict[str, Any]:
    known = {"where": item.where, "overlay": item.overlay, "reason": item.reason}
    return {"value": item.value} | {key: text for key, text in known.items() if text}


def decode(text: str) -> Compilation:
    """Return the compilation that was recorded; NotACompilation if the text is something else."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotACompilation(f"it is not JSON: {error}") from None
    if not isinstance(raw, dict) or "format" not in raw or "stacks" not in raw:
        raise NotACompilation("it has no `format` and `stacks`: `llmform compile` writes such files")
    if raw["format"] != FORMAT:
        raise NotACompilation(f"its format is {raw['format']!r}; this version reads {FORMAT}")
    try:
        stacks: list[CompiledStack] = []
        first: dict[tuple[str, ...], CompiledStack] = {}
        for row in raw["stacks"]:
            site = row.get("site", "")
            key = (row["environment"], row["target"], row["layer"])
            if "like" in row:
                stacks.append(_like(row, first[*key, row["like"]]))
                continue
            graph = decode_graph(row["graph"])
            values = {path: Explained(**e) for path, e in row["values"].items()}
            stack = CompiledStack(raw["spec"], *key, row["place"], values, graph, row.get("delivery", "pulumi"), site)
            if "own" in row:
                stack = replace(stack, common=graph, own=frozenset(row["own"]))
                first[*key, site] = stack
            stacks.append(stack)
        costs = basis_from_values(raw.get("costs", {}))
        return Compilation(raw["compiler"], raw["edition"], raw["spec"], raw["digest"], tuple(stacks), costs)
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
        raise NotACompilation(f"it is damaged: {type(error).__name__} {error}") from None


def _like(row: Mapping[str, Any], first: CompiledStack) -> CompiledStack:
    """Return a site of which only what differs from the first one was recorded."""
    nodes = {n.id: n for n in map(decode_node, row["nodes"])}
    without = set(row["without"])
    values = {path: e for path, e in first.values.items() if path not in without}
    name = stack_name(first.spec, first.environment, first.target, row["site"], first.layer)
    return replace(
        first,
        site=row["site"],
        place=row["place"],
        delivery=row.get("delivery", "pulumi"),
        values=values | {path: Explained(**e) for path, e in row["values"].items()},
        graph=replace(first.graph, stack=name, nodes=tuple(nodes.get(n.id, n) for n in first.graph.nodes)),
    )
