"""What a provider would answer: the inputs, and what only the created thing knows.

Kubernetes and AWS answer differently, and in a preview each leaves out what it cannot know (`pulumi-engine` runs with
the kubernetes provider 4.3x, and the Terraform bridge behind the AWS provider: computed attributes are unknown).
Everything made up follows from the URN alone, so that two runs give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from specs.catalog.attributes import attribute_table
from tests.monitor.values import UNKNOWN, Secret, has_secret, revealed

_NUMBERS = {"latestVersion": 1, "defaultVersion": 1}
_SECRET_KINDS = {"kubernetes:core/v1:Secret": ("data", "stringData")}


def made_id(type_token: str, urn: str, inputs: Mapping[str, Any], import_id: str) -> str:
    """Return the id that a provider gives: Kubernetes `namespace/name`, a provider node a UUID, AWS an opaque text."""
    if import_id:
        return import_id
    digest = sha256(urn.encode()).hexdigest()
    if type_token.startswith("pulumi:providers:"):
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
    metadata = inputs.get("metadata")
    if type_token.startswith("kubernetes:") and isinstance(metadata, Mapping):
        return "/".join(str(part) for part in (metadata.get("namespace"), metadata.get("name")) if part)
    return f"{type_token.rpartition(':')[2].lower()}-{digest[:12]}"


def checked(type_token: str, inputs: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return the inputs as they come back from the provider's Check, which is what the state keeps.

    The engine adds a provider's version to its inputs; the bridge's CheckConfig answers JSON text for what is not a
    string (pulumi-terraform-bridge, pkg/tfbridge/config_encoding.go); the kubernetes provider marks the data of
    Secrets as secret.
    """
    out = dict(inputs)
    if type_token == "pulumi:providers:aws":
        out = {k: v if isinstance(v, str) else json.dumps(v, separators=(",", ":")) for k, v in out.items()}
    if type_token.startswith("pulumi:providers:") and version:
        out["version"] = version
    for key in _SECRET_KINDS.get(type_token, ()):
        if key in out and not isinstance(out[key], Secret):
            out[key] = Secret(revealed(out[key]))
    return out


def made_outputs(type_token: str, urn: str, inputs: Mapping[str, Any], *, preview: bool) -> dict[str, Any]:
    """Return the outputs of a resource that is created."""
    if type_token.startswith("kubernetes:helm.sh/"):
        status = UNKNOWN if preview else {"status": "deployed", "revision": 1}
        return {**inputs, "status": status}
    if type_token.startswith("kubernetes:"):
        return dict(inputs) if preview else _live(urn, inputs)
    if type_token.startswith("pulumi:providers:"):
        return dict(inputs)
    return _aws(type_token, urn, inputs, preview=preview)


def _aws(type_token: str, urn: str, inputs: Mapping[str, Any], *, preview: bool) -> dict[str, Any]:
    """The inputs, and every attribute that only the service knows; inside an object as much as beside it."""
    out: dict[str, Any] = dict(inputs)
    row = attribute_table().get(type_token)
    digest = sha256(urn.encode()).hexdigest()[:12]
    for attribute in sorted(row.outputs) if row else ():
        first, _, rest = attribute.partition(".")
        made = UNKNOWN if preview else _NUMBERS.get(attribute, f"{attribute}-{digest}")
        if rest:
            within = out.get(first)
            out[first] = {**(within if isinstance(within, Mapping) else {}), rest: made}
        elif first != "id":
            out[first] = made
    # A name that was not given is one that the service chose.
    for name in sorted(({"name", "bucket"} & row.inputs) - set(out) if row else ()):
        out[name] = UNKNOWN if preview else f"{name}-{digest}"
    return out


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the old outputs with the new inputs laid over them, at any depth of objects."""
    inner = {k: merged(old[k], v) for k, v in new.items() if isinstance(v, Mapping) and isinstance(old.get(k), Mapping)}
    return {**old, **new, **inner}


def _live(urn: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The live object, with what the provider keeps beside it in the state."""
    digest = sha256(urn.encode()).hexdigest()
    metadata = {**inputs.get("metadata", {}), "uid": digest[:32], "resourceVersion": "1"}
    kept = Secret(revealed(inputs)) if has_secret(inputs) else dict(inputs)
    return {
        **inputs,
        "metadata": metadata,
        "__fieldManager": "pulumi-kubernetes",
        "__initialApiVersion": inputs.get("apiVersion", ""),
        "__inputs": kept,
    }
