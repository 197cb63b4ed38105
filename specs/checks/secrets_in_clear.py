"""A secret written into the spec, or into an object beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.manifest_files import Manifest
from specs.secret_names import harmless, secret_form, secret_name
from specs.tree import at


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield environment variables, and arguments of an image of one's own, that hold a secret: by their name, or by the
    form of their value."""
    for name, server in case.spec.serving.items():
        for variable, value in server.env.items():
            if (secret_name(variable) and not harmless(variable, value)) or secret_form(value):
                yield finding(
                    case,
                    "secret-in-clear",
                    ("serving", name, "env", variable),
                    f"`{variable}` looks like a secret: everyone who reads the spec or the pod could use it",
                    help="keep it in a Secret and add it with a patch; the token of a model is "
                    f"`models.{server.model}.token`",
                    key=True,
                )
        # of the other engines' arguments those that are secrets are owned, or no arguments at all
        for argument, given in server.args.items() if server.engine == "custom" else ():
            text = given if isinstance(given, str) else ""
            if text and ((secret_name(argument) and not harmless(argument, text)) or secret_form(text)):
                yield finding(
                    case,
                    "secret-in-clear",
                    ("serving", name, "args", argument),
                    f"`{argument}` looks like a secret: everyone who reads the spec or the pod could use it",
                    help="keep it in a Secret and add it to the environment with a patch",
                    key=True,
                )


def check_objects(manifests: Sequence[Manifest]) -> Iterator[Diagnostic]:
    """Yield values of Secrets in the user's own manifests: base64 hides nothing."""
    for manifest in manifests:
        if manifest.content["kind"] != "Secret" or manifest.content["apiVersion"] != "v1":
            continue
        for section in ("data", "stringData"):
            found = at(manifest.tree, (section,))
            for name, member in found.members.items() if found is not None else ():
                if member.tree.value not in (None, ""):
                    yield Diagnostic(
                        "secret-in-clear",
                        f"`{section}.{name}` of this Secret is a secret in the repository: everyone who reads it, the "
                        "graph or a recorded compilation could use it",
                        member.key,
                        help="leave the Secret out and make it beside llmform, by `kubectl create secret` or an "
                        "ExternalSecret",
                    )


def check_recorded(objects: Iterable[Manifest]) -> Iterator[Diagnostic]:
    """Yield values of Secrets in objects that were recorded to be compared with what adopts them."""
    help = "take the values out of the file: what the graph does not speak of is not compared, and stays as it is there"
    yield from (replace(found, help=help) for found in check_objects(tuple(objects)))
