"""The serving engines. A new one is a file here and one entry in `ENGINES`."""

from __future__ import annotations

from components.resolve.platform import Server
from components.workloads.engines import custom, llama_cpp, tgi, triton, vllm
from components.workloads.engines.contract import Engine

ENGINES: tuple[Engine, ...] = (vllm.ENGINE, triton.ENGINE, tgi.ENGINE, llama_cpp.ENGINE, custom.ENGINE)


def engine_named(name: str) -> Engine:
    """Return the engine that a spec names. Raises LookupError for one that no file here makes: a bug."""
    for engine in ENGINES:
        if engine.name == name:
            return engine
    raise LookupError(name)


def image_name(server: Server) -> str:
    """Return which image of the edition has the server's engine, by its name there."""
    engine = engine_named(server.engine)
    return engine.image(server) if engine.image else engine.name
