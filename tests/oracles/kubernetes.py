"""The judge of Kubernetes manifests: what API server 1.34 with our operators' CRDs would refuse, and more.

Strict field validation by the recorded schemas (`schema.py`), CEL rules of CRDs (`cel.py`), and the rules
that the server keeps in code (`metadata_rules.py`, `pod_rules.py`, `kind_rules.py`). A reference form such
as `{"$ref": …}` stands for a value of any type.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .kind_rules import RULES
from .metadata_rules import metadata_problems
from .placeholders import holds_placeholder, is_placeholder
from .schema import Judge

_DATA = Path(__file__).parent / "data"
_OBJECT_META = {"$ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}


def _read(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()))


@cache
def built_in() -> tuple[Mapping[str, Any], Judge]:
    """Return the built-in kinds, `<apiVersion>/<Kind>` to their row, and the judge with their schemas."""
    recorded = _read(_DATA / "kubernetes-1.34.json.gz")
    return recorded["kinds"], Judge(recorded["schemas"])


@cache
def custom_kinds(group: str) -> Mapping[str, Any]:
    """Return the carried custom kinds of an API group, `<apiVersion>/<Kind>` to its row; empty if none is."""
    path = _DATA / "crds" / f"{group}.json.gz"
    kinds: Mapping[str, Any] = _read(path) if path.is_file() else {}
    return kinds


def custom_groups() -> tuple[str, ...]:
    """Return the API groups whose custom kinds are carried."""
    return tuple(sorted(p.name.removesuffix(".json.gz") for p in (_DATA / "crds").glob("*.json.gz")))


def problems(manifest: dict[str, Any]) -> list[str]:
    """Return what the API server would refuse in this manifest, as `path: message`; empty if nothing."""
    api_version, name = manifest.get("apiVersion"), manifest.get("kind")
    if not isinstance(api_version, str) or not isinstance(name, str):
        return [f"{key}: required" for key in ("apiVersion", "kind") if not isinstance(manifest.get(key), str)]
    kind = f"{api_version}/{name}"
    kinds, judge = built_in()
    if kind in kinds:
        row = kinds[kind]
        found = list(judge.problems(judge.definitions[row["schema"]], manifest, ""))
    else:
        row = custom_kinds(api_version.partition("/")[0]).get(kind)
        if row is None:
            return [f"apiVersion: no kind {name!r} in {api_version!r}"]
        found = list(_custom(row, manifest, judge))
    found += metadata_problems(kind, manifest.get("metadata"), row["namespaced"])
    return found or list(_by_rules(kind, manifest))


def _by_rules(kind: str, manifest: dict[str, Any]) -> Iterator[str]:
    """What the rules in code say; they rely on the types that the schema has found right."""
    for rule in RULES.get(kind, ()):
        try:
            yield from rule(manifest)
        except (AttributeError, TypeError):
            if not holds_placeholder(manifest):
                raise
            yield f"{rule.__name__}: cannot judge, a reference stands for more than a text or number"


def _custom(row: Mapping[str, Any], manifest: dict[str, Any], object_meta: Judge) -> Iterator[str]:
    if not row["served"] or row["deprecated"]:
        yield f"apiVersion: {manifest['apiVersion']} is {'deprecated' if row['served'] else 'not served'}"
    metadata = manifest.get("metadata")
    if metadata is not None and not is_placeholder(metadata):
        yield from object_meta.problems(_OBJECT_META, metadata, "metadata")
    judge, schema = Judge(), row["schema"]
    yield from judge.problems(schema, judge.with_defaults(schema, manifest), "")
