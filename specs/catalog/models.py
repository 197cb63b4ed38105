"""Models whose size is known without asking a hub, and the licences that they come under.

A row is built when it is first asked for: a plan needs one or two of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from specs.catalog.architecture import Architecture, Experts, LatentAttention, Vision


class License(NamedTuple):
    """The limits of a licence that can matter to who serves a model, as facts."""

    name: str
    """The id that the hub uses (`apache-2.0`)."""
    title: str
    as_of: date
    source: str
    commercial: bool = True
    """Whether it allows commercial use at all."""
    users: int = 0
    """Monthly active users of the licensee from which on a licence of its own is needed; 0 where there is no such
    number."""
    excluded: str = ""
    """Who is granted nothing."""
    use_policy: bool = False
    """It forbids uses, and asks to pass that on to who uses the model."""

    @property
    def limit(self) -> str:
        """What limits commercial use, in words; empty where nothing does."""
        if not self.commercial:
            return "it forbids commercial use"
        users = f"from {self.users:,} monthly users on it needs a licence of its own" if self.users else ""
        excluded = f"it grants nothing to who is domiciled in {self.excluded}" if self.excluded else ""
        return "; ".join(text for text in (users, excluded) if text)


class ModelRow(NamedTuple):
    """A model whose size is known without asking a hub."""

    name: str
    parameters: int
    """Computed from `architecture`."""
    dtype: str
    """Of the published weights; of what is not quantized where they are."""
    weight_bytes: int
    """Bytes of the weights as published; 0 where that depends on the file (`files`)."""
    native_context: int
    """Positions that the model was published with, without a rope scaling that a user adds."""
    gated: bool
    license: str
    """A name of `Edition.licenses`."""
    task: str
    """`generate`, `embed` or `rerank`."""
    architecture: Architecture
    published: str
    """The published number of parameters, with its digits (`7615616512`, `8.03B`, `568M`)."""
    published_source: str
    as_of: date
    source: str
    counts: str = "model"
    """What `published` counts: the `model`, or everything in its `files`."""
    stored: Mapping[str, int] = MappingProxyType({})
    """Elements in the files by type, where they are not `parameters` of `dtype`."""
    quantization: str = ""
    """Of the published weights: `fp8`, `mxfp4`, `gguf`; empty where they are not quantized."""
    extended_context: int = 0
    """Tokens with the rope scaling that the card describes; 0 where it describes none."""
    extension: str = ""
    files: Mapping[str, int] = MappingProxyType({})
    """Bytes of files that are a whole model each (GGUF), as far as they are recorded."""
    verified: bool = True
    note: str = ""


class Models(Mapping[str, ModelRow]):
    """Models by hub name (`Qwen/Qwen2.5-7B-Instruct`); rows are built when they are asked for."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._as_of = date.fromisoformat(document["as_of"])
        self._rows: Mapping[str, Mapping[str, Any]] = document["models"]
        self._built: dict[str, ModelRow] = {}

    def __getitem__(self, name: str) -> ModelRow:
        if name not in self._built:
            self._built[name] = _model(name, self._rows[name], self._as_of)
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def read_licenses(document: Mapping[str, Any]) -> Mapping[str, License]:
    """Return the licences of the table by the hub's id. A row that does not fit its class is a TypeError."""
    as_of = date.fromisoformat(document["as_of"])
    return MappingProxyType({n: License(n, as_of=as_of, **row) for n, row in document["licenses"].items()})


def _model(name: str, row: Mapping[str, Any], as_of: date) -> ModelRow:
    tables = {key: MappingProxyType(row[key]) for key in ("stored", "files") if key in row}
    return ModelRow(name, **{"as_of": as_of, **row, **tables, "architecture": _architecture(row["architecture"])})


def _architecture(row: Mapping[str, Any]) -> Architecture:
    parts = {"latent": LatentAttention, "experts": Experts, "vision": Vision}
    return Architecture(**{k: parts[k](**v) if k in parts else v for k, v in row.items()})
