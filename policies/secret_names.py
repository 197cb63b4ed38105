"""Which names say that what they name is a secret."""

from __future__ import annotations

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_NAMES = re.compile(
    r"(^|[_.-])((pg)?password|passwd|passphrase|secret|token|credential|(api|access|private|secret|master|signing)_?key)s?$"
    r"|[_.-]pwd$",  # `PWD` alone is a folder
    re.IGNORECASE,
)


def secret_name(name: str) -> bool:
    """Say whether something of this name holds a secret: `HF_TOKEN`, `adminPassword`, `--api-key`.

    Example:
        >>> secret_name("HF_TOKEN"), secret_name("adminPassword"), secret_name("token_budget")
        (True, True, False)
    """
    return _NAMES.search(_CAMEL.sub("_", name).replace("-", "_")) is not None


def counts(name: str, value: object) -> bool:
    """Say whether this is a number of a model's tokens, such as `MAX_TOTAL_TOKENS` with `4096`, and no secret.

    Example:
        >>> counts("MAX_TOTAL_TOKENS", "4096"), counts("API_TOKENS", "a,b"), counts("PASSWORD", "4096")
        (True, False, False)
    """
    return name.lower().endswith("tokens") and str(value).strip().isdecimal()
