"""Kubernetes kinds: namespaced or not, served versions, and how lists merge in a strategic merge patch."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from specs.catalog.tables import read_table


class KindRow(NamedTuple):
    """One kind at one version."""

    api_version: str
    kind: str
    namespaced: bool
    built_in: bool
    served: tuple[str, ...]
    """The versions of a custom kind that its release serves; its own version alone for a built-in kind."""
    source: str
    """The project and release whose CRD says so; Kubernetes itself for a built-in kind."""


@cache
def kinds() -> Mapping[str, KindRow]:
    """Every kind by `apiVersion/Kind`: `apps/v1/Deployment`, `v1/Service`, `karpenter.sh/v1/NodePool`."""
    document = read_table("kinds.json")
    rows: dict[str, KindRow] = {}
    for key, row in document["built_in"].items():
        api_version, kind = key.rsplit("/", 1)
        version = api_version.rpartition("/")[2]
        rows[key] = KindRow(api_version, kind, row["namespaced"], True, (version,), "kubernetes 1.34")
    for key, row in document["custom"].items():
        api_version, kind = key.rsplit("/", 1)
        rows[key] = KindRow(api_version, kind, row["namespaced"], False, tuple(row["served"]), row["source"])
    return MappingProxyType(rows)


@cache
def merge_keys(api_version_kind: str) -> Mapping[str, str]:
    """How the lists of a kind merge in a strategic merge patch: path of the list → key of its items.

    Paths are dotted and have `[]` after each list above (`spec.template.spec.containers[].env` → `name`).
    The key "" means a list of scalars that merges as a set. A list without a row is replaced. Custom kinds
    have no rows, as in Kubernetes.
    """
    document = read_table("merge_keys.json")
    if api_version_kind not in read_table("kinds.json")["built_in"]:
        return MappingProxyType({})
    row = document["kinds"].get(api_version_kind, {})
    keys: dict[str, str] = {**document["metadata"], **row.get("keys", {})}
    if "pod" in row:
        keys |= {f"{row['pod']}.{path}": key for path, key in document["pod_spec"].items()}
    return MappingProxyType(keys)
