"""A secret written into the spec."""

from __future__ import annotations

import re
from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.checks.finding import finding
from specs.diagnostics import Diagnostic
from specs.load import Case

_NAME = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)$")
_VALUE = re.compile(r"(hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,})")


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield environment variables that hold a secret: by their name, or by the form of their value."""
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
