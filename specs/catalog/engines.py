"""What is known of the serving engines of an edition: what they can do, and the metrics that they export.

Rules, objectives and judges speak of roles (`timeToFirstToken`); an engine says under which name it exports each, or
that it does not.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from specs.catalog.tables import read_table


class EngineRow(NamedTuple):
    """One engine."""

    name: str
    """As the spec names it: `vllm`."""
    title: str
    """As people write it: `vLLM`."""
    version: str
    tasks: tuple[str, ...]
    """What a model is served for: `generate`, `embed`, `rerank`."""
    splits: tuple[str, ...]
    """How a replica is split over GPUs: `tensor`, `pipeline`, `data`, `expert`. Empty: one GPU, or none."""
    metrics: Mapping[str, str]
    """Role → name of the metric, without suffixes such as `_bucket`; a role that is missing is not exported."""
    start_seconds: int
    """Assumed time from the process's start to readiness, without reading the weights."""
    as_of: date
    source: str
    gpu: bool = True
    """Whether it needs a GPU."""
    note: str = ""
    formats: tuple[str, ...] = ("safetensors",)
    """Of weights that it reads: `safetensors` (a repository as the hub has it), `gguf` (one file)."""
    drain: str = ""
    """What it does with requests in flight when it is told to stop, in words."""
    kv_caches: tuple[str, ...] = ("auto",)
    """Values of `serving.X.kvCache` that it has an argument for."""


ROLES: tuple[str, ...] = (
    "requestsRunning",
    "requestsWaiting",
    "kvCache",
    "timeToFirstToken",
    "interTokenLatency",
    "requestLatency",
    "requests",
    "errors",
    "promptTokens",
    "generationTokens",
)
"""What rules, signals and objectives may ask of an engine."""


@cache
def engine_rows(edition: str) -> Mapping[str, EngineRow]:
    """Return the engines of an edition by name."""
    document = read_table(edition, "engines.json")
    rows = {}
    for name, row in document["engines"].items():
        values = {"as_of": document["as_of"], **row, "metrics": MappingProxyType(row["metrics"])}
        values |= {key: tuple(row[key]) for key in ("tasks", "splits", "formats", "kv_caches") if key in row}
        rows[name] = EngineRow(name=name, **{**values, "as_of": date.fromisoformat(values["as_of"])})
    return MappingProxyType(rows)
