"""A secret written into the spec, or into an object beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.manifest_files import Manifest
from specs.tree import at

_NAME = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)$")
_VALUE = re.compile(r"(hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,})")


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield environment variables, and arguments of an image of one's own, that hold a secret: by their name, or by the
    form of their value."""
    for name, server in case.spec.serving.items():
        for variable, value in server.env.items():
            if value and (_NAME.search(variable.upper()) or _VALUE.search(value)):
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
            if text and (_NAME.search(argument.upper().replace("-", "_")) or _VALUE.search(text)):
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
