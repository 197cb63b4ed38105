"""`images`, and weights that are baked into them."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.serving import Server
from specs.tree import Path, at


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield a registry that no pod takes an image from, and servers whose image cannot have their weights."""
    models = at(case.base, ("models",))
    if case.spec.images is not None and (models is None or not models.members):
        yield finding(
            case,
            "no-effect",
            ("images",),
            "`images` does nothing: without a model no pod runs an image of llmform's",
            help="remove `images`",
            key=True,
        )
    for name, server in case.spec.serving.items():
        model = case.spec.models.get(server.model)
        if model is None or model.weights != "baked":
            continue
        reason, advice = _why_not(case, server)
        if reason:
            path: Path = ("models", server.model, "weights")
            related = (place_of(case, ("serving", name), "the server"),)
            message = f"the weights of `{server.model}` cannot be in the image of `{name}`: {reason}"
            yield finding(case, "cannot-bake", path, message, help=advice, related=related)


def _why_not(case: Case, server: Server) -> tuple[str, str]:
    """Return why a server's image cannot have the weights and what to do, or two empty texts."""
    if server.engine == "custom":
        return "", ""  # whoever builds the image puts them there
    if server.runtime == "kserve":
        return "KServe fetches the weights itself", "write `weights: mirrored`, or `runtime: deployment`"
    if server.engine == "triton" and server.backend == "onnx":
        advice = "write `weights: mirrored`"
        return "Triton reads the ONNX model from its repository, where they are mounted beside its config", advice
    if case.spec.images is None:
        advice = "add `images: {registry: …}`, and build the images with `llmform images`"
        return "nobody can add them to the edition's, and the spec names no registry of its own", advice
    return "", ""
