"""The images that a spec's pods run, as builds; and the digests that a build gave, as the spec's lock. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from components.resolve.platform import Platform, Weights
from components.workloads.images import Image, architectures, built, weights_image
from serving_images.contexts import FOLDERS, WEIGHTS, Base, Build, Model
from serving_images.render import facts
from specs.catalog.reader import Edition
from specs.images_lock import DIGEST, Locked


class NoDigests(ValueError):
    """The metadata of a build say nothing that the lock could keep; the message says why."""


def builds_of(platforms: Iterable[Platform]) -> tuple[Build, ...]:
    """Return the images of all platforms of a spec, each once: with a tag for every registry that it goes to, and for
    every processor that a platform has. What only other builds need is there too."""
    found: dict[str, tuple[Image, Edition, set[str], set[tuple[str, ...]]]] = {}
    needed: list[tuple[Image, Platform]] = []
    for platform in platforms:
        for image in built(platform):
            _add(found, image, platform)
            if image.weights is not None:
                needed.append((weights_image(platform), platform))
    run = set(found)
    for image, platform in needed:
        _add(found, image, platform)
    return tuple(_build(*found[name], run=name in run) for name in sorted(found))


def reference_build(platform: Platform) -> Build:
    """Return the build of the reference server for the engine `custom`, which no pod runs as it is."""
    edition = platform.edition.name
    place = f"custom:{edition}"
    tag = f"{platform.images.registry}/{place}" if platform.images else place
    return Build("custom", "custom", edition, "", (tag,), (), run=False)


def locked_images(platforms: Iterable[Platform], digests: Mapping[str, str]) -> dict[str, Locked]:
    """Return the lock of a spec: every image that its pods run, with the digest that is new, or that the lock has for
    the same repository and tag already."""
    images: dict[str, Locked] = {}
    for platform in platforms:
        own = platform.images
        if own is None:
            continue
        for image in built(platform):
            before = own.locked.get(image.name)
            kept = before.digest if before is not None and _place(before.reference) == image.place else ""
            entry = Locked(f"{own.registry}/{image.place}", digests.get(image.name, kept))
            images.setdefault(image.name, entry)
    return images


def digests_in(metadata: Any, wanted: Mapping[str, Locked]) -> dict[str, str]:
    """Return the digests of the wanted images in what `docker buildx bake --metadata-file` wrote: a map from each
    target to `containerimage.digest` and `image.name` (Docker, "docker buildx bake", `--metadata-file`).

    Raises `NoDigests` for another document, for a target without a digest, and for one that was built as another image.
    """
    if not isinstance(metadata, dict):
        raise NoDigests("it is no map of targets")
    found: dict[str, str] = {}
    for name in sorted(wanted.keys() & metadata.keys()):
        entry = metadata[name]
        digest = entry.get("containerimage.digest") if isinstance(entry, dict) else None
        if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
            raise NoDigests(f"`{name}` has no digest there: it was not pushed to a registry")
        names = entry.get("image.name")
        called = [n.strip() for n in names.split(",")] if isinstance(names, str) else []
        reference = wanted[name].reference
        if called and not any(n == reference or n.endswith(f"/{reference}") for n in called):
            raise NoDigests(f"`{name}` was built as {called[0]}, and the spec runs {reference}")
        found[name] = digest
    if not found:
        raise NoDigests("it has none of the images that the spec's pods run")
    return found


def _add(
    found: dict[str, tuple[Image, Edition, set[str], set[tuple[str, ...]]]], image: Image, platform: Platform
) -> None:
    _, _, tags, processors = found.setdefault(image.name, (image, platform.edition, set(), set()))
    tags.add(f"{platform.images.registry}/{image.place}" if platform.images else image.place)
    processors.add(architectures(platform))


def _build(image: Image, edition: Edition, tags: set[str], processors: set[tuple[str, ...]], *, run: bool) -> Build:
    every = () in processors  # one platform has nodes of any kind
    return Build(
        name=image.name,
        image=image.base,
        edition=edition.name,
        version=image.version if image.engine else "",
        tags=tuple(sorted(tags)),
        architectures=() if every else tuple(sorted({a for p in processors for a in p})),
        base=_base(image, edition),
        model=_model(image.weights) if image.weights else None,
        run=run,
    )


def _base(image: Image, edition: Edition) -> Base | None:
    """Return the published image to build on; None where the edition's is one of ours, whose folder names it."""
    own = facts(FOLDERS[image.base])
    if image.base == WEIGHTS or image.base in own.get("bases", {}):
        return None
    row = edition.images[image.base]
    return Base(row.repository, row.tag, row.digest or "")


def _model(weights: Weights) -> Model:
    return Model(weights.repository, weights.revision, weights.file, weights.sha256, weights.token_secret)


def _place(reference: str) -> str:
    return reference.rpartition("/")[2]
