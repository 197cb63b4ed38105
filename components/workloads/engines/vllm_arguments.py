"""The command line of `vllm serve` for a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components.resolve.platform import Server
from components.resolve.sizing.layouts import Layout
from specs.catalog.reader import find_flag


def arguments(server: Server, weights_path: str, port: int) -> list[str]:
    """Return the arguments of `vllm serve`: llmform's own first, then the spec's by name.

    Clients name the model by the server's name, after `moved` by the first: a new one would restart every replica and
    be unknown to the clients.
    """
    own = [weights_path, f"--served-model-name={server.object_name}", f"--port={port}"]
    if server.weights.context_length:
        own.append(f"--max-model-len={server.weights.context_length}")
    own += split(server.layout)
    own += sized(server)
    own.append(f"--shutdown-timeout={server.drain_seconds}")
    given: list[str] = []
    for name, value in sorted(server.args.items()):
        flag = find_flag("vllm", server.engine_version, name) if isinstance(value, list | tuple) else None
        if flag is not None and flag.action == "append":  # such a flag takes one value and may be repeated
            given += [text for item in value for text in argument(name, item)]
        else:
            given += argument(name, value)
    return own + given


def split(layout: Layout) -> list[str]:
    """Return how a replica is split.

    Example:
        >>> split(Layout(8, 1, 2, expert=True))
        ['--tensor-parallel-size=8', '--data-parallel-size=2', '--enable-expert-parallel']
    """
    own = [f"--tensor-parallel-size={layout.tensor}"]
    own += [f"--pipeline-parallel-size={layout.pipeline}"] if layout.pipeline > 1 else []
    own += [f"--data-parallel-size={layout.data}"] if layout.data > 1 else []
    return own + (["--enable-expert-parallel"] if layout.expert else [])


def sized(server: Server) -> list[str]:
    """Return what the sizes were computed with, where it is not the engine's own default.

    `--max-num-seqs` is of one data rank. What `args` says itself is not said twice.
    """
    given = {flag.name for name in server.args if (flag := find_flag("vllm", server.engine_version, name))}
    own: dict[str, object] = {
        "quantization": server.quantization,
        "kv-cache-dtype": "" if server.kv_cache == "auto" else server.kv_cache,
        "max-num-seqs": -(-server.concurrency // server.layout.data),
        "gpu-memory-utilization": f"{server.utilization:g}" if server.utilization else "",
    }
    return [f"--{name}={value}" for name, value in own.items() if value and name not in given]


def argument(name: str, value: Any) -> list[str]:
    """Return the words of one argument.

    Example:
        >>> argument("enable_prefix_caching", False), argument("max-num-seqs", 64)
        (['--no-enable-prefix-caching'], ['--max-num-seqs=64'])
        >>> argument("lora-modules", ["a=/x", "b=/y"])
        ['--lora-modules', 'a=/x', 'b=/y']
    """
    flag = name.replace("_", "-")
    match value:
        case True:
            return [f"--{flag}"]
        case False:
            return [f"--{flag.removeprefix('no-')}"] if flag.startswith("no-") else [f"--no-{flag}"]
        case Mapping():
            return [f"--{flag}={json.dumps(value, sort_keys=True, separators=(',', ':'))}"]
        case list() | tuple():
            return [f"--{flag}", *(str(item) for item in value)]
        case _:
            return [f"--{flag}={value}"]
