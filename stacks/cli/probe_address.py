"""What the command line of `llmform probe` says about where a server is and how it is reached, read and judged."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import NamedTuple

from stacks.cli.session import UsageError


class Address(NamedTuple):
    """Where a server is: its protocol, `host:port` as it was given, and the URL without what clients add themselves."""

    scheme: str
    place: str
    url: str


def address_of(url: str, engine: str) -> Address:
    """Return the parts of the URL; UsageError for one that cannot be asked. Nothing of a password is repeated."""
    from urllib.parse import urlsplit  # every command loads this file, only this one needs it

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("the URL cannot be read", "write one such as http://localhost:8000") from None
    if "@" in parts.netloc:
        raise UsageError(
            "the URL holds a user or a password", "leave it out; `--key-env` names the variable with the key"
        )
    schemes, example = (
        (("grpc", "grpcs"), "grpc://localhost:8001")
        if engine == "triton"
        else (("http", "https"), "http://localhost:8000")
    )
    if parts.scheme not in schemes:
        over = "Triton is asked over gRPC, which streams" if engine == "triton" else f"{engine} is asked over HTTP"
        raise UsageError(
            f"`{url}` does not begin with {schemes[0]}:// or {schemes[1]}://: {over}", f"write one such as {example}"
        )
    if not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"`{url}` is no address of a server", f"write one such as {example}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if engine == "triton":
        if parts.path.strip("/"):
            raise UsageError(f"`{url}` has a path, and gRPC has none", f"write one such as {example}")
        return Address(parts.scheme, f"{host}:{port or (443 if parts.scheme == 'grpcs' else 8001)}", url)
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return Address(parts.scheme, parts.netloc, f"{parts.scheme}://{parts.netloc}{path}")


def key_of(name: str) -> str:
    """Return the key that a variable holds; UsageError, without the key, if it cannot be one."""
    if not name:
        return ""
    key = os.environ.get(name, "").strip()
    if not key:
        raise UsageError(
            f"the environment variable `{name}` of `--key-env` is not set"
            if name.isidentifier()
            else "`--key-env` names no variable",
            "it takes the name of a variable, not the key",
        )
    if not key.isascii() or not key.isprintable():
        raise UsageError(f"what the variable `{name}` holds cannot be a key", "a key is printable ASCII in one line")
    return key


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return what reads a whole number of a range from the command line."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"`{text}` is no whole number") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not within {least:,} to {most:,}")
        return value

    return read
