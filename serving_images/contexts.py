"""The folder that images are built from: a build context for each, and the bake file that builds them all. Pure.

`docker buildx bake` runs in that folder (Docker, "Bake file reference"). Attestations make the builder record what went
into an image: provenance, and an SBOM of its packages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from serving_images.render import defaults, facts, render

BAKE_FILE = "docker-bake.json"

DOCKERFILE = "Dockerfile"

IGNORE = ".dockerignore"

WEIGHTS = "weights"
"""The image whose program brings weights into another one while that is built."""

WEIGHTS_CONTEXT = "llmform-weights"
"""What Dockerfiles call that image (serving_images/weights_stage.j2)."""

FOLDERS: Mapping[str, str] = {
    "vllm": "vllm",
    "tgi": "tgi",
    "llama-cpp": "llama_cpp",
    "llama-cpp-cuda": "llama_cpp",
    "triton": "triton",
    "triton-tensorrt-llm": "triton",
    "custom": "custom",
    WEIGHTS: "weights",
}
"""The image's name in the edition → the folder here."""


class Base(NamedTuple):
    """The image that another one is built on. `digest` is empty where none is recorded."""

    repository: str
    tag: str
    digest: str = ""


class Model(NamedTuple):
    """Weights that are built into an image. `secret` names the build secret with the hub's token, empty for none."""

    repository: str
    revision: str
    file: str = ""
    sha256: str = ""
    secret: str = ""


class Build(NamedTuple):
    """An image to build: its name among them, its name in the edition, what it is called, and for which processors
    (empty for every one that its base is for). `run` says whether pods run it, or only other builds need it."""

    name: str
    image: str
    edition: str
    version: str
    tags: tuple[str, ...]
    architectures: tuple[str, ...]
    base: Base | None = None
    model: Model | None = None
    run: bool = True


class NoSuchBuild(ValueError):
    """An image cannot be built as asked; the message says why."""


def build_folder(builds: Sequence[Build]) -> dict[str, str]:
    """Return every file of the folder, by path: contexts by name, the bake file last. The same builds give the same
    bytes. Raises `NoSuchBuild` for a processor that a base is not for."""
    files: dict[str, str] = {}
    for build in sorted(builds):
        context = context_of(build)
        context[IGNORE] = _ignore(context, facts(FOLDERS[build.image]).get("own", ()))
        files |= {f"{build.name}/{path}": text for path, text in sorted(context.items())}
    return files | {BAKE_FILE: bake_text(builds)}


def context_of(build: Build) -> dict[str, str]:
    """Return the files of one image's build context, by path."""
    folder = FOLDERS[build.image]
    values: dict[str, Any] = defaults(folder)
    if folder == "weights":
        return render(folder, {**values, "edition": build.edition})
    base = build.base or Base(**_filled(facts(folder).get("bases", {}).get(build.image) or values.get("base")))
    values["base"] = base._replace(repository=_full(base.repository))._asdict()
    values["version"] = f"{build.version}-{build.edition}" if build.version else build.edition
    values["model"] = build.model._asdict() if build.model else None
    return render(folder, values)


def bake_text(builds: Sequence[Build]) -> str:
    """Return the bake file: a target for each image, the group `default` of those that pods run, and `baked` of those
    with weights in them."""
    groups = {
        "default": [b.name for b in sorted(builds) if b.run],
        "baked": [b.name for b in sorted(builds) if b.model],
    }
    document = {
        # CI says where the spec is kept: SOURCE=https://… docker buildx bake
        "variable": {"SOURCE": {"default": ""}},
        "group": {name: {"targets": names} for name, names in groups.items() if names},
        "target": {build.name: _target(build, builds) for build in sorted(builds)},
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def platforms(build: Build) -> tuple[str, ...]:
    """Return the platforms that an image is built for. Raises `NoSuchBuild` if its base is not for one of them."""
    known = tuple(facts(FOLDERS[build.image]).get("platforms", {}).get(build.image, ("amd64", "arm64")))
    if lacking := [a for a in build.architectures if a not in known]:
        raise NoSuchBuild(
            f"`{build.name}` cannot be built for {', '.join(lacking)}: its base is for {', '.join(known)}"
        )
    return tuple(f"linux/{a}" for a in known if not build.architectures or a in build.architectures)


def variable(secret: str) -> str:
    """Return the environment variable that a build secret is read from where the build runs.

    Example:
        >>> variable("hf-token"), variable("8.hub")
        ('HF_TOKEN', 'TOKEN_8_HUB')
    """
    name = re.sub("[^A-Z0-9]", "_", secret.upper())
    return f"TOKEN_{name}" if name[0].isdigit() else name


def _target(build: Build, builds: Iterable[Build]) -> dict[str, Any]:
    target: dict[str, Any] = {
        "attest": ["type=provenance,mode=max", "type=sbom"],
        "context": build.name,
        "dockerfile": DOCKERFILE,
        "labels": {"org.opencontainers.image.source": "${SOURCE}"},
        "platforms": list(platforms(build)),
        "tags": list(build.tags),
    }
    if build.model is not None:
        target["contexts"] = {WEIGHTS_CONTEXT: f"target:{next(b.name for b in builds if b.image == WEIGHTS)}"}
        if build.model.secret:
            target["secret"] = [f"id={build.model.secret},env={variable(build.model.secret)}"]
    return target


def _ignore(context: Iterable[str], own: Iterable[str]) -> str:
    """Return the `.dockerignore`: nothing is sent to the builder but what llmform wrote, and what the folder's README
    asks for by name."""
    names = sorted({path.partition("/")[0] for path in context if path != DOCKERFILE} | set(own))
    lines = ["# Nothing is sent to the builder but this; a file with a secret in it is not.", "*"]
    return "\n".join([*lines, *(f"!{name}" for name in names), "**/__pycache__"]) + "\n"


def _filled(base: Mapping[str, str | None] | None) -> dict[str, str]:
    if base is None:
        raise LookupError("an image without a base: the edition has none, and its folder neither")
    return {key: value or "" for key, value in base.items()}


def _full(repository: str) -> str:
    """Return a repository with its registry: without one it is Docker Hub's.

    Example:
        >>> _full("vllm/vllm-openai"), _full("ghcr.io/ggml-org/llama.cpp")
        ('docker.io/vllm/vllm-openai', 'ghcr.io/ggml-org/llama.cpp')
    """
    host, slash, _ = repository.partition("/")
    there = slash and ("." in host or ":" in host or host == "localhost")
    return repository if there else f"docker.io/{repository}"
