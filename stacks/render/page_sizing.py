"""The sizing of model servers as a page shows it: the memory of one GPU as a bar, and the whole calculation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stacks.render.sizing import human_sizing

_GIB = 1024**3
_WIDTH = 600
_KINDS = (("weights", "weights"), ("KV cache", "cache"))


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the bar: its kind, where it begins and how long it is of 600, and its size in words."""

    kind: str
    name: str
    start: int
    width: int
    size: str


@dataclass(frozen=True, slots=True)
class ServerSize:
    """One calculation, and the places that have the same; `segments` is empty where nothing could be computed."""

    server: str
    places: tuple[str, ...]
    gpu: str
    segments: tuple[Segment, ...]
    said: str
    text: str


def sizes(found: Sequence[Mapping[str, Any]]) -> Iterator[ServerSize]:
    """Yield every calculation once, with the environments and targets that it holds for."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for one in found:
        own = {key: value for key, value in one.items() if key not in ("environment", "target")}
        groups[repr(own)].append(one)
    for several in groups.values():
        one = several[0]
        places = tuple(dict.fromkeys(f"{s['environment']} at {s['target']}" for s in several))
        text = human_sizing(f"serving.{one['server']}", [one])
        if not one["computed"]:
            yield ServerSize(one["server"], places, "", (), f"not computed: {one['reason']}", text)
            continue
        held, need = one["holds"], one["need"]
        holds = f"the KV cache holds {held['tokens']:,} tokens: {held['requests']:,} × {need['context']:,} at once"
        said = f"{one['layout']['gpus']} × {one['gpu']['name']} a replica, {one['replicas']} × in all"
        said = f"{said}; {holds}" if held["requests"] else said
        yield ServerSize(one["server"], places, one["gpu"]["name"], tuple(_segments(one)), said, text)


def _segments(one: Mapping[str, Any]) -> Iterator[Segment]:
    """Yield the terms of the tightest GPU summed up by kind, then what is left of its budget."""
    sums: dict[str, int] = {"weights": 0, "cache": 0, "runtime": 0}
    for line in one["stage"]["lines"]:
        kind = next((kind for name, kind in _KINDS if line["name"].startswith(name)), "runtime")
        sums[kind] += line["bytes"]
    budget = one["budget"]["bytes"]
    sums["left"] = max(0, budget - sum(sums.values()))
    whole, start = max(budget, sum(sums.values()), 1), 0
    names = {"weights": "weights", "cache": "KV cache", "runtime": "runtime", "left": "left"}
    for kind, size in sums.items():
        width = size * _WIDTH // whole
        if size:
            yield Segment(kind, names[kind], start, width, f"{size / _GIB:.1f} GiB")
        start += width
