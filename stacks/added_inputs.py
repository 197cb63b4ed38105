"""Which inputs of a deployed resource nobody declared: the provider or the engine put them there.

What they add is from states that they wrote and from pulumi-terraform-bridge and pulumi-kubernetes (read 2026-11-21);
the list for Helm releases has not been compared with a state.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

_OF_PROVIDERS = ("version", "pluginDownloadURL", "pluginChecksums", "parameterization")
"""What the engine writes among a provider's own settings."""

_OF_RELEASES = ("compat", "resourceNames", "checksum", "resourceType")
"""What the Kubernetes provider writes among the inputs of a Helm release, beside zero values of its other settings."""


def added_by_provider(
    type_token: str, provider: Mapping[str, Any]
) -> Callable[[tuple[str, ...], Mapping[str, Any], str], bool]:
    """Return what tells the inputs that the provider or the engine put there from those that were declared.

    Bridged providers list in `__defaults` what they filled in, at every level; AWS resources have the provider's
    region and default tags among their inputs; Kubernetes objects hold `__fieldManager` and its like.
    """
    kubernetes = type_token.startswith("kubernetes:")
    release = type_token.startswith("kubernetes:helm.sh/")
    aws = type_token.startswith("aws:")
    tags = _default_tags(provider) if aws else {}

    def added(path: tuple[str, ...], values: Mapping[str, Any], key: str) -> bool:
        if key.startswith("__") and (not kubernetes or not path):
            return True
        defaults = values.get("__defaults")
        if isinstance(defaults, list) and key in defaults:
            return True
        if type_token.startswith("pulumi:providers:"):
            return not path and key in _OF_PROVIDERS
        if aws:
            if path in (("tags",), ("tagsAll",)):
                return bool(tags.get(key) == values[key])
            mine = values[key]
            only_default = isinstance(mine, Mapping) and all(tags.get(k) == v for k, v in mine.items())
            return not path and (key in ("region", "tagsAll") or (key == "tags" and only_default))
        if release and not path:
            return key in _OF_RELEASES or values[key] in (False, "", 0, [], {})
        return kubernetes and path == ("metadata",) and key == "namespace" and values[key] == "default"

    return added


def _default_tags(provider: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the tags that the deployed AWS provider puts on everything; nested settings are JSON text."""
    found = provider.get("defaultTags")
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            return {}
    tags = found.get("tags") if isinstance(found, Mapping) else None
    return tags if isinstance(tags, Mapping) else {}
