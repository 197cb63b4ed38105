"""Servers that clients count on and that one failure takes away: one replica, or nodes that EC2 may take back at any
time.

Clients count on a server that says its `traffic` or its `objectives`. `allowSinglePoint: true` accepts it.
"""

from __future__ import annotations

from collections.abc import Iterator

from components.resolve.platform import Platform, Server
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.tree import at


def check_single_points(case: Case, platform: Platform) -> Iterator[Diagnostic]:
    """Yield servers in a request path with one replica, or with spot nodes alone."""
    for server in platform.servers:
        written = case.spec.serving[server.name]
        if written.allow_single_point or (written.traffic is None and written.objectives is None):
            continue
        yield from _single(case, server)


def _single(case: Case, server: Server) -> Iterator[Diagnostic]:
    path, accept = ("serving", server.name), "or write `allowSinglePoint: true` if that is accepted"
    promised = next(key for key in ("objectives", "traffic") if at(case.tree, (*path, key)) is not None)
    related = (place_of(case, (*path, promised), "clients count on it"),)
    if server.replicas == 1:
        said = at(case.tree, (*path, "replicas")) is not None
        yield finding(
            case, "single-point", (*path, "replicas") if said else path,
            f"`{server.name}` is one replica: nothing serves while it restarts, moves or fails",
            help=f"write `replicas: 2`, {accept}", key=not said, related=related,
        )  # fmt: skip
    elif server.pool.capacity == ("spot",):
        yield finding(
            case, "single-point", ("nodePools", server.pool.name, "capacity"),
            f"`{server.name}` runs on spot nodes alone, which EC2 may take back all at once",
            help=f"write `capacity: [spot, on-demand]`, {accept}", related=related,
        )  # fmt: skip
