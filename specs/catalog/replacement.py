"""Which property change replaces a resource: of Kubernetes kinds and of AWS types.

The tables are recorded from the real engine and providers. What they do not know is said as "unknown", never
guessed.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

from specs.catalog.tables import read_table

Effect = Literal["update", "replace", "refused", "unknown"]


class Replacement(NamedTuple):
    """What a change of one property does to its resource."""

    kind: Effect
    """`refused`: the provider plans an update and the API server refuses it."""
    delete_first: bool
    """Whether a replacement deletes the old resource before the new one exists."""
    source: str
    note: str = ""
    one_way: bool = False
    """Whether the property only moves one way; `note` says which."""
    removal: Effect | None = None
    """What taking the property away does, where that is not what a change does."""


def replacement(type_token: str, path: tuple[str | int, ...], provider_inputs: Mapping[str, Any]) -> Replacement:
    """What a change at `path` of a resource's inputs does, by its Pulumi type token.

    List indices in `path` are ignored. A change inside a replacing property replaces. A path that holds
    properties of different fate is "unknown": ask again for its leaves. Of Kubernetes objects an unlisted
    property is an update; of AWS types, and for any other provider, it is "unknown".
    """
    names = tuple(part for part in path if isinstance(part, str))
    provider = type_token.partition(":")[0]
    if provider == "kubernetes":
        return _kubernetes(type_token, names, provider_inputs)
    if provider == "aws":
        return _aws(type_token, names)
    return Replacement("unknown", False, "", f"no table for the provider {provider}")


def immutable(type_token: str, provider_inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the properties of a Kubernetes kind that its API server refuses to change and the provider would update.

    Without `replaceOnChanges` such a change passes no preview and no apply.

    Example:
        >>> immutable("kubernetes:storage.k8s.io/v1:StorageClass", {})
        ('reclaimPolicy', 'volumeBindingMode')
    """
    if not type_token.startswith("kubernetes:"):
        return ()
    rows = _kubernetes_table()["kinds"].get(_api_version_kind(type_token), {})
    found = {path: _kubernetes(type_token, tuple(path.split(".")), provider_inputs).kind for path in rows}
    return tuple(sorted(path for path, kind in found.items() if kind == "refused"))


def create_collides(type_token: str) -> str:
    """Return why a new resource of this AWS type cannot be made beside the old one, or an empty text.

    Of types that the provider itself deletes first (`named_by`) nothing is said.
    """
    row = _aws_table()["create_collides"].get(type_token)
    return str(row["because"]) if row else ""


@cache
def _kubernetes_table() -> dict[str, Any]:
    return read_table("replace_kubernetes.json")


@cache
def _aws_table() -> dict[str, Any]:
    return read_table("replace_aws.json")


def _kubernetes(token: str, names: tuple[str, ...], provider_inputs: Mapping[str, Any]) -> Replacement:
    table = _kubernetes_table()
    rows: dict[str, Any] = {**table["every_kind"], **table["kinds"].get(_api_version_kind(token), {})}
    path = _covering(names, rows)
    if path is None:
        inner = _inside(names, rows)
        if any(rows[name]["effect"] != "update" for name in inner):
            note = f"holds {', '.join(inner)}: look at each property that changes"
            return Replacement("unknown", False, rows[inner[0]]["source"], note)
        return Replacement("update", False, table["source"])
    row = rows[path]
    effect: Effect = row["effect"]
    if "unless" in row and provider_inputs.get(row["unless"]) in (True, "true"):
        effect = row.get("then", "update")
    first = effect == "replace" and not row.get("create_first", False)
    return Replacement(effect, first, row["source"], row.get("note", ""), row.get("one_way", False))


def _api_version_kind(token: str) -> str:
    """`kubernetes:core/v1:Service` → `v1/Service`; other groups keep theirs."""
    _, api_version, kind = token.split(":", 2)
    return f"{api_version.removeprefix('core/')}/{kind}"


def _aws(token: str, names: tuple[str, ...]) -> Replacement:
    table = _aws_table()
    source: str = table["source"]
    row = table["types"].get(token)
    if row is None:
        return Replacement("unknown", False, source, "this type is not in the table")
    fates: dict[str, Effect] = {
        path: effect for effect in ("replace", "update", "unknown") for path in row.get(effect, ())
    }
    path = _covering(names, fates)
    inner = _inside(names, fates) if path is None else ()
    kinds = {fates[name] for name in inner}
    if path is not None:
        kind, note = fates[path], ""
    elif len(kinds) == 1:
        kind, note = kinds.pop(), ""
    elif inner:
        kind, note = "unknown", f"holds {', '.join(inner)}: look at each property that changes"
    else:
        kind, note = "unknown", "this property is not in the table"
    named_by = row.get("named_by")
    first = kind == "replace" and named_by is not None and names[0] != named_by
    one_way = table["one_way"].get(token, {})
    rule = _covering(names, one_way)
    if rule is not None:
        removal = one_way[rule].get("removal") if rule == ".".join(names) else None
        return Replacement(kind, first, one_way[rule]["source"], one_way[rule]["rule"], True, removal)
    return Replacement(kind, first, source, note)


def _covering(names: tuple[str, ...], paths: Iterable[str]) -> str | None:
    """The longest of the dotted `paths` that is `names` or above it."""
    known = set(paths)
    for length in range(len(names), 0, -1):
        candidate = ".".join(names[:length])
        if candidate in known:
            return candidate
    return None


def _inside(names: tuple[str, ...], paths: Iterable[str]) -> tuple[str, ...]:
    """Those of the dotted `paths` that lie below `names`."""
    above = "".join(f"{name}." for name in names)
    return tuple(path for path in paths if path.startswith(above))
