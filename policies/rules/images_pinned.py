"""Policies on what a container's image is called."""

from __future__ import annotations

from collections.abc import Iterator

from policies.pods import containers, kind, named, pod_specs
from policies.resources import Finding, Resource, View, broken, cannot_say

MOVING = frozenset(
    {"latest", "stable", "main", "master", "head", "nightly", "edge", "canary", "rolling", "dev", "develop"}
)
"""Tags that are moved to another image by custom: what they name today is not what they name tomorrow.

`latest` moves also as a part of a tag, such as `latest-cu128`.
"""


def images_pinned(resource: Resource) -> Iterator[Finding]:
    """A container's image names a version, not whatever is newest when a node pulls it."""
    for container, image in _images(resource):
        yield from cannot_say(resource, image)
        tag, digest = _tag_and_digest(image.value)
        if image.unknown or digest:
            continue
        if not image.value:
            yield broken(resource, image, f"{named(container)} names no image")
        elif not tag:
            yield broken(resource, image, f"{named(container)} runs `{image.value}`, which means `latest`")
        elif tag.lower() in MOVING or "latest" in tag.lower().split("-"):
            yield broken(resource, image, f"{named(container)} runs `{image.value}`, a tag that moves")


def images_by_digest(resource: Resource) -> Iterator[Finding]:
    """A container's image is named by its digest, which nobody can move to another image."""
    for container, image in _images(resource):
        yield from cannot_say(resource, image)
        if image.value and not image.unknown and not _tag_and_digest(image.value)[1]:
            yield broken(resource, image, f"{named(container)} runs `{image.value}`, which has no digest")


def _images(resource: Resource) -> Iterator[tuple[View, View]]:
    for spec in pod_specs(resource):
        for container in containers(spec):
            image = container.at("image")
            # KServe merges an LLMInferenceService's pods over its preset, which then names the image
            if image.value is not None or kind(resource) != "LLMInferenceService":
                yield container, image


def _tag_and_digest(image: object) -> tuple[str, str]:
    """Return the tag and the digest of an image's name; a colon before the last slash is a registry's port."""
    name, _, digest = str(image or "").partition("@")
    return name.rpartition("/")[2].partition(":")[2], digest
