"""The serving engines. A new one is a file here and one entry in `ENGINES`."""

from __future__ import annotations

from components.workloads.engines import vllm
from components.workloads.engines.contract import Engine

ENGINES: tuple[Engine, ...] = (vllm.ENGINE,)


def engine_named(name: str) -> Engine:
    """Return the engine that a spec names. Raises LookupError for one that no file here makes: a bug."""
    for engine in ENGINES:
        if engine.name == name:
            return engine
    raise LookupError(name)
