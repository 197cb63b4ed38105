"""A REST API over HTTP, with patience: limits and faults that pass are waited for, within bounds.

urllib is enough: the set of packages that planning installs has no HTTP library, and one for four kinds of request
would be installed by everybody who plans. It follows no redirect, since that would hand the token to another host.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

TRIES = 5
"""How often one request is made at most."""

PATIENCE_SECONDS = 300
"""How long one request may wait in all before it is given up: a job costs money while it waits."""

TIMEOUT_SECONDS = 30
"""How long a server may say nothing."""

SECONDARY_SECONDS = 60
"""What to wait after a secondary limit that names no time, doubled at every further one (docs.github.com, "Best
practices for using the REST API", as of 2026-11)."""

MOST_BYTES = 50_000_000
"""An answer larger than this is none that was asked for."""

_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*\brel="?next"?')


class Refused(Exception):
    """The server did not do what it was asked; `status` is that of HTTP, 0 where there was no answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON answer, and the address of its next page if there is one."""

    body: Any
    next: str = ""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Rest:
    """An API at an address, with the headers of every request. They hold the token, so they are never shown."""

    address: str
    headers: Mapping[str, str] = field(repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")):
            raise Refused(0, f"`{self.address}` is no https address: a token is not sent in the clear")

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Make a request and return the answer; Refused if the server refuses or is not there.

        A `path` that begins with `http` is an address that the server gave; it has to be of the same server.
        """
        url = path if path.startswith("http") else self.address.rstrip("/") + path
        if urlsplit(url)[:2] != urlsplit(self.address)[:2]:
            raise Refused(0, f"the answer leads to another server, {urlsplit(url).netloc}")
        waited = 0.0
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(method, url, body)
            except HTTPError as error:
                wait = _wait(error.code, error.headers, _text(error), attempt)
                said = Refused(error.code, f"{method} {urlsplit(url).path}: {error.code} {_message(error)}")
            except (URLError, HTTPException, OSError) as error:
                wait = float(2 ** (attempt - 1))
                said = Refused(0, f"{method} {urlsplit(url).path}: no answer ({getattr(error, 'reason', error)})")
            if wait is None or attempt == TRIES or waited + wait > PATIENCE_SECONDS:
                raise said
            time.sleep(wait)
            waited += wait
        raise AssertionError("the last try returns or raises")

    def pages(self, path: str) -> list[Any]:
        """Return the entries of all pages of a list."""
        found: list[Any] = []
        while path:
            answer = self.ask("GET", path)
            found += answer.body
            path = answer.next
        return found

    def _once(self, method: str, url: str, body: Any) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.headers, "User-Agent": "llmform"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = Request(url, data, headers, method=method)  # noqa: S310  the scheme is checked above
        with build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS) as response:
            text = response.read(MOST_BYTES + 1)
            if len(text) > MOST_BYTES:
                raise Refused(response.status, "the answer is too large")
            found = _NEXT.search(response.headers.get("Link", ""))
            try:
                return Answer(json.loads(text) if text.strip() else None, found[1] if found else "")
            except ValueError:
                raise Refused(response.status, "the answer is not JSON") from None


def _text(error: HTTPError) -> str:
    """Return the body of a refusal, kept for a second reading."""
    try:
        text = error.read(100_000).decode("utf-8", "replace")
    except (OSError, HTTPException):
        text = ""
    error.llmform_text = text  # type: ignore[attr-defined]
    return text


def _message(error: HTTPError) -> str:
    """Return what the server says in one line, at most 300 characters of it."""
    text = str(getattr(error, "llmform_text", ""))
    try:
        said = json.loads(text)
        text = str(said.get("message") or said.get("error") or text) if isinstance(said, dict) else text
    except ValueError:
        pass
    return " ".join(text.split())[:300] or error.reason


def _wait(status: int, headers: Message, text: str, attempt: int) -> float | None:
    """Return how many seconds to wait before the next try; None if another try would say the same."""
    if status >= 500:
        return _seconds(headers.get("Retry-After", "")) or float(2 ** (attempt - 1))
    if status not in (403, 429):
        return None
    after = _seconds(headers.get("Retry-After", ""))
    if after is not None:
        return after
    reset = _seconds(headers.get("X-RateLimit-Reset", "") or headers.get("RateLimit-Reset", ""))
    if headers.get("X-RateLimit-Remaining", headers.get("RateLimit-Remaining", "")) == "0" and reset is not None:
        return max(0.0, reset - time.time()) + 1
    if status == 429 or "secondary rate limit" in text.lower():
        return float(SECONDARY_SECONDS * 2 ** (attempt - 1))
    return None


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
