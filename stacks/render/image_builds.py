"""What `llmform images` wrote, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serving_images.contexts import WEIGHTS, Build, variable
from specs.images_lock import Locked

_WHY_NOT_RUN = {
    WEIGHTS: ", which others are built with",
    "custom": ", the reference of an image of one's own: copy it and begin there",
}


def folder_summary(builds: Sequence[Build], folder: str, written: int, removed: int, *, pushed: bool) -> str:
    """Return what is in the folder now, and how it is built: for a registry, or for this machine alone."""
    lines = [f"{_count(len(builds), 'image')} in {folder}; {_count(written, 'file')} written, {removed} removed"]
    for build in builds:
        what = f", with {build.model.repository} in it" if build.model else ""
        why = "" if build.run else _WHY_NOT_RUN.get(build.image, "")
        lines.append(f"  {build.name}  {', '.join(build.tags)}{what}{why}")
    return "\n".join([*lines, *_how_to_build(builds, folder, pushed)]) + "\n"


def _how_to_build(builds: Sequence[Build], folder: str, pushed: bool) -> list[str]:
    # a secret is read from the environment of the build, and is in no file of the folder
    secrets = sorted({variable(b.model.secret) for b in builds if b.model and b.model.secret})
    token = [f"a build needs the hub's token in {' and '.join(secrets)}"] if secrets else []
    how = "--push --metadata-file metadata.json" if pushed else "--load"
    unused = "the spec does not run them: `images: {registry: REGISTRY, lock: images.lock}` says where they are pushed"
    return [f"build: (cd {folder} && docker buildx bake {how})", *token, *([] if pushed else [unused])]


def lock_summary(images: Mapping[str, Locked], file: str) -> str:
    """Return which images the lock pins, and which it does not."""
    lines = [f"{file}: {sum(bool(i.digest) for i in images.values())} of {_count(len(images), 'image')} pinned"]
    lines += [f"  not pinned: {entry.reference}" for _, entry in sorted(images.items()) if not entry.digest]
    return "\n".join(lines) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
