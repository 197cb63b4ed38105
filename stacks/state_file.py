"""The file in which a stack's state comes: bytes → the deployment in it, or the reason why not.

Read are versions 3 and 4 of `pulumi stack export` (`{"version", "deployment"}`), a bare deployment, and the checkpoint
of a file backend (`{"version", "checkpoint"}`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

VERSIONS = (3, 4)
"""Versions of the export that are read. 4 has the body of 3; it is written where a newer feature is in use."""

MAX_BYTES = 128 * 1024 * 1024
"""The largest file that is read. A state of 130 Kubernetes objects has been seen with 16 MB (pulumi#14967)."""

MAX_DEPTH = 150
"""How deep a value may be nested. The deepest that Kubernetes keeps, schemas of custom resources, stay below 60."""

_ENCRYPTED = ("-----BEGIN PGP", "age-encryption.org/", "-----BEGIN AGE", "$ANSIBLE_VAULT")
"""How files begin that were encrypted as a whole."""

_COMPRESSED = {
    b"\x1f\x8b": "gunzip",
    b"\x28\xb5\x2f\xfd": "unzstd",
    b"BZh": "bunzip2",
    b"\xfd7zXZ\x00": "unxz",
    b"PK\x03\x04": "unzip",
}
"""How packed files begin, and what unpacks them. A file backend can keep its checkpoints with gzip."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class NotAState(ValueError):
    """The text is not a state that can be compared; the message says why, `advice` what to do."""

    def __init__(self, message: str, advice: str = "`pulumi stack export --stack STACK` writes such a file") -> None:
        super().__init__(message)
        self.advice = advice


def damaged(what: str) -> NoReturn:
    """Refuse a state that contradicts itself."""
    raise NotAState(f"it is damaged: {what}", "export it again: `pulumi stack export --stack STACK --file FILE`")


def parsed(data: bytes) -> Any:
    """Return the JSON in a file; NotAState if there is none."""
    if len(data) > MAX_BYTES:
        raise NotAState(
            f"it is larger than {MAX_BYTES // 1024 // 1024} MiB",
            "name the export of one stack, and no archive of several",
        )
    if unpack := next((program for start, program in _COMPRESSED.items() if data.startswith(start)), ""):
        raise NotAState("it is compressed", f"unpack it first: `{unpack} FILE`")
    if data.startswith(_UTF_16):
        raise NotAState(
            "it is UTF-16, as `>` of Windows PowerShell writes it",
            "let Pulumi write it: `pulumi stack export --stack STACK --file FILE`",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotAState("it is not text: encrypted, or no state", "decrypt it first") from None
    if text.lstrip().startswith(_ENCRYPTED):
        raise NotAState("it is encrypted", "decrypt it first")
    if not text.strip():
        raise NotAState("it is empty")
    try:
        return json.loads(text, parse_float=finite, parse_constant=no_number)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise NotAState(
                f"it is cut off: its JSON ends in line {text.count(chr(10)) + 1} before it is whole"
            ) from None
        raise NotAState(f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise NotAState(f"it is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise NotAState(f"it is not JSON: {error}") from None


def finite(text: str) -> float:
    """Return the number in a text; ValueError for one that JSON does not have, or too large for a float."""
    number = float(text)
    return number if math.isfinite(number) else no_number(text)


def no_number(text: str) -> NoReturn:
    """Refuse `NaN` and its like, which Python would take."""
    raise ValueError(f"{text[:20]} is no number of JSON")


def deployment_of(raw: Any) -> Mapping[str, Any] | None:
    """Return the deployment inside any of the forms; None for a stack to which nothing was ever deployed."""
    if not isinstance(raw, dict):
        raise NotAState("it is no state: its JSON is not an object")
    if "sops" in raw:
        raise NotAState("it is encrypted with SOPS", "decrypt it first: `sops --decrypt FILE`")
    if "format" in raw and "stacks" in raw:
        raise NotAState("it is a recorded compilation", "write `file:` before its name, not `state:`")
    wrapped = next((key for key in ("deployment", "checkpoint") if key in raw), "")
    if "version" in raw and wrapped:
        _known_version(raw["version"])
    if not wrapped:
        if "resources" in raw or "manifest" in raw:
            return raw
        raise NotAState("it is no state: it has no `deployment`")
    inner = raw[wrapped]
    if wrapped == "checkpoint" and isinstance(inner, dict):
        inner = inner.get("latest")
    if inner is None:  # what a file backend exports after `pulumi stack init` and before the first update, too
        return None
    if isinstance(inner, str):
        raise NotAState(f"its `{wrapped}` is encrypted", "`pulumi stack export --stack STACK` writes it in the clear")
    if not isinstance(inner, dict):
        damaged(f"its `{wrapped}` is not an object")
    return inner


def _known_version(version: Any) -> None:
    if not isinstance(version, int) or isinstance(version, bool):
        damaged("its `version` is not a whole number")
    if version > VERSIONS[-1]:
        raise NotAState(
            f"it has version {str(version)[:20]}; this version of llmform reads {VERSIONS[0]} and {VERSIONS[-1]}",
            "a newer Pulumi wrote it: a newer llmform reads it",
        )
    if version < VERSIONS[0]:
        raise NotAState(
            f"it has version {str(version)[:20]}; this version of llmform reads {VERSIONS[0]} and {VERSIONS[-1]}",
            "an old Pulumi wrote it: export it with a current one",
        )
