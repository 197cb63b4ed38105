"""Which image each pod runs: the edition's as published, or one of the registry that the spec names.

An image of one's own is called `<registry>/<repository>:<tag>`. The tag holds the engine's version and the edition,
which together fix what is built; for weights in the image also the key of the model's source and revision. A digest of
the lock counts only for the repository and tag that it was recorded for: a digest decides what runs, whatever the tag
says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from components.manifests import on_prem
from components.resolve.platform import Aws, Edge, Platform, Server, Weights
from components.workloads.engines import engine_named, image_name
from specs.diagnostics import Diagnostic, Severity
from specs.finding import finding
from specs.load import Case

WEIGHTS = "weights"
"""The image with the program that mirrors and fetches weights, by its name in the edition."""


class Image(NamedTuple):
    """An image that llmform knows how to build. `name` is unique in a spec; `base` is its name in the edition."""

    name: str
    base: str
    engine: str
    """The engine that it has, as a spec names it; empty for the one of the weights program."""
    version: str
    """The engine's version, or the edition for the weights program."""
    repository: str
    tag: str
    weights: Weights | None = None
    """What is baked into it."""

    @property
    def place(self) -> str:
        """`<repository>:<tag>`, what it is called in any registry."""
        return f"{self.repository}:{self.tag}"


def built(platform: Platform) -> tuple[Image, ...]:
    """Return every image that the platform's pods run and llmform can build, by name; images of the engine `custom` are
    their owners'."""
    found = {i.name: i for s in platform.servers if (i := image_of(platform, s)) is not None}
    if platform.weights or any(not s.weights.baked for s in platform.servers):
        found[WEIGHTS] = weights_image(platform)
    return tuple(found[name] for name in sorted(found))


def image_of(platform: Platform, server: Server) -> Image | None:
    """Return the image that a server runs, or None for one of its own."""
    if server.own_image is not None:
        return None
    base = image_name(server)
    tag = f"{server.engine_version}-{platform.edition.name}"
    if not server.weights.baked:
        return Image(base, base, server.engine, server.engine_version, base, tag)
    weights = server.weights
    repository = f"{base}-{weights.object_name}"
    name, tag = f"{repository}-{weights.key}", f"{tag}-{weights.key}"
    return Image(name, base, server.engine, server.engine_version, repository, tag, weights)


def weights_image(platform: Platform) -> Image:
    """Return the image of the weights program."""
    edition = platform.edition.name
    return Image(WEIGHTS, WEIGHTS, "", edition, WEIGHTS, edition)


def architectures(platform: Platform) -> tuple[str, ...]:
    """Return the processors that the platform's images are for; empty for a cluster whose nodes nobody has named.

    On AWS llmform starts nodes with amd64 alone.
    """
    if isinstance(platform.target, Aws):
        return ("amd64",)
    if isinstance(platform.target, Edge) and platform.target.arch:
        return (platform.target.arch,)
    return ()


def server_reference(platform: Platform, server: Server) -> str:
    """Return the reference that a server's container takes."""
    image = image_of(platform, server)
    if image is None:
        return server.own_image.reference if server.own_image else ""
    return reference(platform, image)


def weights_reference(platform: Platform) -> str:
    """Return the reference of the container that mirrors or fetches weights."""
    return reference(platform, weights_image(platform))


def reference(platform: Platform, image: Image) -> str:
    """Return the reference of an image, with its digest where one is known."""
    own = platform.images
    if own is None:
        return platform.edition.images[image.base].reference
    digest = digest_of(platform, image)
    return f"{own.registry}/{image.place}" + (f"@{digest}" if digest else "")


def digest_of(platform: Platform, image: Image) -> str:
    """Return the digest that the lock has for an image, empty if it has none or is about another one of that name."""
    locked = platform.images.locked.get(image.name) if platform.images else None
    return locked.digest if locked is not None and _is_about(locked.reference, image) else ""


def server_image_paths(platform: Platform, server: Server) -> tuple[str, ...]:
    """Return the spec paths that the images of a server's pod depend on."""
    fetches = not on_prem(platform) and not server.weights.baked
    used = (image_of(platform, server), weights_image(platform) if fetches else None)
    return _paths(platform, *(i for i in used if i is not None))


def mirror_image_paths(platform: Platform) -> tuple[str, ...]:
    """Return the spec paths that the image of the mirror Jobs depends on."""
    return _paths(platform, weights_image(platform))


def _paths(platform: Platform, *images: Image) -> tuple[str, ...]:
    if platform.images is None or not images:
        return ()
    return ("images.registry", *(f"images.digests.{i.name}" for i in images))


def unpinned(case: Case, platform: Platform) -> Iterator[Diagnostic]:
    """Yield a warning for each image that the lock does not pin; for a case that has a lock. Without one the policy
    `images-by-digest` tells of tags."""
    own = platform.images
    if own is None:
        return
    for image in built(platform):
        if digest_of(platform, image):
            continue
        locked = own.locked.get(image.name)
        why = "it is not in the lock"
        if locked is not None:
            why = "nobody has built it yet"
            if not _is_about(locked.reference, image):
                why = f"the lock has `{locked.reference}` under its name"
        yield finding(
            case,
            "image-not-pinned",
            ("images", "lock"),
            f"`{own.registry}/{image.place}` is not pinned: {why}",
            help="build it, then `llmform images SPEC --lock METADATA` with the metadata of `docker buildx bake`",
            severity=Severity.WARNING,
        )


def _is_about(locked: str, image: Image) -> bool:
    """Say whether a reference of the lock is the image; registries that mirror each other have equal digests."""
    return f"/{locked}".endswith(f"/{image.place}")


def title(image: Image) -> str:
    """Return what people call what is in the image."""
    return engine_named(image.engine).title if image.engine else "the weights program"
