"""The whole calculation of a model server's size, as data: every term with its formula, inputs and source. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from components.resolve.platform import Platform, Server
from components.resolve.sizing.sized import Carried, Sized
from components.resolve.sizing.speed import Estimate
from components.resolve.sizing.terms import Line
from specs.catalog.devices import Efficiency

if TYPE_CHECKING:
    from stacks.fleet import Seen

FORMAT = 1
"""Version of the layout of `as_data`."""


def sizing_of(platforms: Iterable[Platform], server: str) -> list[dict[str, Any]]:
    """Return the calculation of a server in every environment and target; nothing if no platform has the server."""
    found: list[dict[str, Any]] = []
    for platform in platforms:
        for s in platform.servers:
            if s.name == server:
                where = {"environment": platform.environment, "target": platform.target.name}
                found.append({**where, **_server(s)})
    return found


def sizing_of_all(seen: Seen) -> list[dict[str, Any]]:
    """Return the calculations of every server at the places of which a stack is planned."""
    places = {(s.environment, s.target) for s in seen.stacks}
    shown = [p for p in seen.platforms if (p.environment, p.target.name) in places]
    servers = dict.fromkeys(server.name for p in shown for server in p.servers)
    return [one for server in servers for one in sizing_of(shown, server)]


def _server(server: Server) -> dict[str, Any]:
    base: dict[str, Any] = {
        "server": server.name, "model": server.weights.model, "pool": server.pool.name, "replicas": server.replicas,
    }  # fmt: skip
    if server.sized is None:
        return {**base, "computed": False, "reason": server.unsized or "it runs on no GPU"}
    return {**base, "computed": True, **_sized(server.sized)}


def _sized(size: Sized) -> dict[str, Any]:
    f = size.fit
    stages = [
        {
            "lines": [_line(x) for x in (*stage.lines, *((stage.cache,) if stage.cache else ()))],
            "sum": stage.used,
            "room": stage.room,
            "blocks": stage.blocks,
        }
        for number, stage in enumerate(f.stages)
        if number == f.tightest
    ]
    return {
        "layout": {**f.layout._asdict(), "gpus": f.layout.gpus, "nodes": size.spread.nodes, "chosen": size.chosen},
        "gpu": {
            "name": f.gpu.name, "usable": f.gpu.usable, "seen": f.gpu.seen, "note": f.gpu.note,
            "source": f.gpu.device.source, "verified": f.gpu.device.verified, "sharing": f.gpu.sharing,
        },
        "quantization": f.model.quantization or "as published",
        "settings": {**f.settings._asdict(), "adapters": f.settings.adapters and f.settings.adapters._asdict()},
        "need": f.need._asdict(),
        "stage": {"number": f.tightest + 1, "of": len(f.stages), **stages[0]},
        "budget": _line(f.budget),
        "outside": _line(f.outside),
        "holds": {"requests": f.requests, "tokens": f.tokens},
        "rejected": [{"layout": str(r.layout), "reason": r.reason} for r in size.rejected],
        "next": size.why_not_next,
        "traffic": _carried(size, size.carried) if size.carried else None,
    }  # fmt: skip


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name, "bytes": line.bytes, "formula": line.formula, "inputs": dict(line.inputs),
        "source": line.source, "basis": line.basis,
    }  # fmt: skip


def _carried(size: Sized, carried: Carried) -> dict[str, Any]:
    """Return the estimates. Times are in seconds."""
    t, load = carried.traffic, carried.load
    m, length = size.machine, carried.traffic.input_tokens + carried.traffic.output_tokens / 2
    from components.resolve.sizing.speed import decode_step, prefill

    return {
        **t._asdict(),
        "replicas": size.replicas,
        "fewer": carried.fewer,
        "capacity": carried.capacity,
        "prompt": _estimate(prefill(m, t.input_tokens)),
        "step_alone": _estimate(decode_step(m, 1, length)),
        "requests_at_once": load.requests if load else None,
        "prompt_share": load.prompts if load else None,
        "first_token": {"p50": _estimate(load.first_token_p50), "p95": _estimate(load.first_token_p95)}
        if load
        else None,
        "between_tokens": (
            {"p50": _estimate(load.between_tokens_p50), "p95": _estimate(load.between_tokens_p95)} if load else None
        ),
        "objectives": [
            {"key": o.key, "limit": o.limit, "estimate": _estimate(o.estimate), "verdict": o.verdict}
            for o in carried.objectives
        ],
        "assumed": _assumed(m.efficiency),
        "network_gbs": m.network_gbs,
    }


def _estimate(e: Estimate) -> dict[str, float]:
    return {"value": e.value, "low": e.low, "high": e.high}


def _assumed(e: Efficiency) -> dict[str, dict[str, Any]]:
    return {name: share._asdict() for name, share in e._asdict().items()}
