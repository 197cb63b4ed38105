"""An image of one's own: what it has to do is in `serving_images/custom/reference/README.md`.

It is told where the weights are, which port to serve and under which name, by environment variables; its arguments are
passed on unchecked, since nobody knows what it takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from components.resolve.platform import Server
from components.workloads.engines.contract import WEIGHTS_PATH, Container, Engine, Health, Port, Scratch

USER = 65532
"""The user id that every such image has to work with ("nonroot" in distroless images)."""


def container(server: Server, image: str) -> Container:
    """Return the container of the image; it keeps its own entrypoint. Raises LookupError without an image: a bug."""
    own = server.own_image
    if own is None:
        raise LookupError(server.name)
    weights = server.weights
    return Container(
        name="server",
        image=image,
        command=(),
        args=tuple(_arguments(server.args)),
        user=USER,
        ports=(Port("http", own.port, service=80),),
        health=Health(own.health_path, own.health_path, own.health_path),
        env={
            "HOME": "/cache",
            "HF_HUB_OFFLINE": "1",  # the weights are on disk: a look-up at the hub would only be blocked
            "MODEL_NAME": server.object_name,
            "MODEL_PATH": f"{WEIGHTS_PATH}/{weights.file}" if weights.file else WEIGHTS_PATH,
            "PORT": str(own.port),
            **({"CONTEXT_LENGTH": str(weights.context_length)} if weights.context_length else {}),
            **({"CONCURRENCY": str(server.concurrency)} if server.concurrency else {}),
        },
        scratch=(Scratch("cache", "/cache", 10), Scratch("tmp", "/tmp", 2)),
        shared_memory=server.gpus > 0,
        notes=("its arguments, metrics and way to stop are those of its image: llmform cannot check them",),
    )


def _arguments(args: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words: `--name=value`, `--name` for true, nothing for false, one word each for a list's entries."""
    for name, value in sorted(args.items()):
        match value:
            case True:
                yield f"--{name}"
            case False:
                pass
            case Mapping():
                yield f"--{name}={json.dumps(value, sort_keys=True, separators=(',', ':'))}"
            case list() | tuple():
                yield from (f"--{name}={item}" for item in value)
            case _:
                yield f"--{name}={value}"


ENGINE = Engine("custom", "an image of one's own", container)
