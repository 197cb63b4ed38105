"""What a secret looks like, and which names say that what they name is one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_NAMES = re.compile(
    r"(password|passwd|passphrase|secret|token|credential|(api|access|private|secret|master|signing)_?key)s?$"
    r"|[_.-]pwd$",  # `PWD` alone is a folder
    re.IGNORECASE,
)

_START = r"(?<![A-Za-z0-9])"
_GITHUB = re.compile(_START + r"(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,})")

_FORMS: Mapping[str, re.Pattern[str]] = {
    "hf_": re.compile(_START + r"hf_[A-Za-z0-9]{20,}"),  # Hugging Face user access tokens
    # OpenAI, Anthropic; a name in words has no digits or no capitals
    "sk-": re.compile(_START + r"sk-(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{20,}"),
    "nvapi-": re.compile(_START + r"nvapi-[A-Za-z0-9_-]{20,}"),  # NVIDIA NGC
    **{mark: re.compile(_START + mark + r"[0-9A-Z]{16}") for mark in ("AKIA", "ASIA")},  # access key ids of IAM
    **dict.fromkeys(("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), _GITHUB),
    "glpat-": re.compile(_START + r"glpat-[A-Za-z0-9_-]{20,}"),  # GitLab
    "xox": re.compile(_START + r"xox[abprs]-[A-Za-z0-9-]{10,}"),  # Slack
    "PRIVATE KEY-": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    # user and password in an address (RFC 3986, userinfo)
    "://": re.compile(r"://[^/\s:@]*:(?!\$[({]|[<{*])[^/\s:@]+@"),
}
"""What a secret looks like, whatever it is called; by a part that is looked for first, since few texts have one."""

_HARMLESS = re.compile(
    r"|0|1|true|false|yes|no|on|off"  # a switch, such as HF_HUB_DISABLE_IMPLICIT_TOKEN
    r"|empty|none|null|unused|dummy"  # where a client asks for a key and its server for none
    r"|\$\([a-z_][a-z0-9_.-]*\)"  # another variable (Kubernetes, dependent environment variables)
    r"|<.*>"  # a token of a model, or a place to fill in
    r"|/[a-z][a-z0-9._-]*(?:/[\w.@-]+)+",  # a file, such as GOOGLE_APPLICATION_CREDENTIALS
    re.IGNORECASE,
)
"""What is no secret, although it has a secret's name."""

_SHORTEST = 10
"""Characters of the shortest text that has one of these forms: an address with a user and a password."""


def secret_name(name: str) -> bool:
    """Say whether something of this name holds a secret: `HF_TOKEN`, `adminPassword`, `--api-key`.

    Example:
        >>> secret_name("HF_TOKEN"), secret_name("adminPassword"), secret_name("token_budget")
        (True, True, False)
    """
    return _NAMES.search(_CAMEL.sub("_", name).replace("-", "_")) is not None


def harmless(name: str, value: str) -> bool:
    """Say whether a value is no secret, although `name` is that of one.

    Example:
        >>> harmless("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"), harmless("API_KEY", "EMPTY"), harmless("TOKEN", "abc")
        (True, True, False)
    """
    return _HARMLESS.fullmatch(value) is not None or counts(name, value)


def counts(name: str, value: object) -> bool:
    """Say whether this is a number of a model's tokens and no secret.

    Example:
        >>> counts("MAX_TOTAL_TOKENS", "4096"), counts("API_TOKENS", "a,b"), counts("PASSWORD", "4096")
        (True, False, False)
    """
    return name.lower().endswith("tokens") and str(value).isdecimal()


def secret_form(text: str) -> bool:
    """Say whether there is a secret in a text, whatever it is called.

    Example:
        >>> secret_form("postgres://vllm:hunter2@db/x"), secret_form("task-predictor-service-deployment")
        (True, False)
    """
    if len(text) < _SHORTEST:
        return False
    # the stacks of a fleet hold the same short texts over and over; what is kept is bounded by both numbers
    return _remembered(text) if len(text) <= _REMEMBERED else _has_form(text)


def _has_form(text: str) -> bool:
    return any(mark in text and form.search(text) for mark, form in _FORMS.items())


_REMEMBERED = 200
"""Characters of the longest text whose answer is kept."""

_remembered = lru_cache(maxsize=1 << 14)(_has_form)
