"""What a serving engine gives to the pod of a model server. One engine is one file beside this one.

The Deployment, its Service, probes, drain and network policy are the same for all of them and are made in
`components/workloads/model_server.py`; an engine says only what differs, as values. It decides nothing that the spec
or `components/resolve` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from components.resolve.platform import Server

WEIGHTS_PATH = "/weights"
"""Where the weights lie in every engine's container, read-only."""

CONFIG_PATH = "/etc/llmform"
"""Where the engine's config files lie, read-only: one ConfigMap, whose name carries a hash of its content."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the container. `service` is the Service's port for it, 0 for one that only probes or scrapes use."""

    name: str
    number: int
    service: int = 0
    app_protocol: str = "http"


@dataclass(frozen=True, slots=True)
class Health:
    """Paths on the first port. `startup` answers 2xx once the model is loaded, `ready` while it takes requests, `live`
    while the process is not stuck."""

    startup: str
    ready: str
    live: str


@dataclass(frozen=True, slots=True)
class Scratch:
    """A writable folder: the root file system is read-only. Its content goes with the pod."""

    name: str
    path: str
    gib: int


@dataclass(frozen=True, slots=True)
class Container:
    """The engine's container. `ports[0]` is the one that clients use and probes ask.

    `config` is text by its path below `CONFIG_PATH`. `user` is the user id the image runs as. `shared_memory` says
    whether the engine's processes exchange tensors through /dev/shm. `env` holds what the engine needs; the spec's own
    goes over it. `drains` says whether it lets requests in flight finish when it is told to stop; for one that does
    not, the pod waits before it is told. `notes` are what a reader of the plan has to know about it, `published_notes`
    what is true of the published image alone and not of the one that `llmform images` builds. `weights_folders` are
    folders of the weights by the path at which the engine wants them besides, for one that reads no other place.
    """

    name: str
    image: str
    command: tuple[str, ...]
    args: tuple[str, ...]
    user: int
    ports: tuple[Port, ...]
    health: Health
    env: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    scratch: tuple[Scratch, ...] = ()
    shared_memory: bool = True
    drains: bool = True
    notes: tuple[str, ...] = ()
    published_notes: tuple[str, ...] = ()
    weights_folders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Engine:
    """A serving engine: its name in the spec, its name for people, and how its container is made.

    `container` gets the server and the image reference. `image` says which image of the edition a server runs, by its
    name there; by default it has the engine's name.
    """

    name: str
    title: str
    container: Callable[[Server, str], Container]
    image: Callable[[Server], str] | None = None
