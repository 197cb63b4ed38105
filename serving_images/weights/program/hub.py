"""The hub as a source: its list of a commit's files with their checksums, and ranges of their bytes.

Three things of the Hub's HTTP API are used: `/api/models/<repository>/tree/<commit>`, `/<repository>/resolve/<commit>/
<path>` with Range, and the header `X-Error-Code` (Hub documentation, "Hub API Endpoints"; huggingface_hub 2.4.0,
`utils/_http.py`; both read 2026-11-21). huggingface_hub itself downloads into a cache on disk, which is not there.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import requests
import urllib3

from . import manifest
from .problems import Broken, Failed, Refused
from .run import CHUNK, Run, attempt, resumed

MOST_PAGES = 1_000
"""Pages of 1,000 files each: a hub that never ends its list does not fill the memory."""

_ABOUT_TO_RESET = re.compile(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)")


@dataclass(frozen=True, order=True)
class Listed:
    """A file as its source lists it: `sha256` of files in LFS, `git_sha1` of the blob of others, `etag` in S3."""

    path: str
    size: int
    sha256: str | None = None
    git_sha1: str | None = None
    etag: str | None = None


@dataclass(frozen=True)
class Token:
    """The access token of gated models, and the Secret that it comes from, if the environment names it."""

    value: str
    secret: str

    def __repr__(self) -> str:
        return "Token(…)"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request. Given as `auth`, so that no .netrc is looked for; requests drops it at another host."""
        if self.value:
            request.headers["Authorization"] = f"Bearer {self.value}"
        return request


class Hub:
    """One commit of one repository of the hub."""

    lasting = True
    """What stands under a name here never changes."""

    def __init__(self, repository: str, commit: str, endpoint: str, token: Token, run: Run) -> None:
        self.repository, self.commit, self.endpoint, self.token, self.run = repository, commit, endpoint, token, run
        self.name = f"hf://{repository}@{commit}"
        self._threads = threading.local()

    def listed(self) -> tuple[Listed, ...]:
        """Return every file of the commit. Raises `Refused` where the hub does."""
        found: list[Listed] = []
        query = {"recursive": "true", "expand": "false"}
        for _ in range(MOST_PAGES):
            page, following = attempt(self.run, lambda query=query: self._page(query))  # type: ignore[misc]
            found += page
            if following is None or following == query:
                return tuple(sorted(found))
            query = following
        raise Failed(f"the hub's list of {self.name} does not end")

    def chunks(self, file: Listed | manifest.File, start: int, stop: int) -> Iterator[bytes]:
        """Yield these bytes of a file, through as many connections as it takes."""
        return resumed(self.run, lambda offset: self._open(file.path, offset, stop), start, stop, file.path)

    def _page(self, query: dict[str, str]) -> tuple[list[Listed], dict[str, str] | None]:
        url = f"{self.endpoint}/api/models/{self.repository}/tree/{self.commit}"
        with self._get(url, params=query) as response:
            self._judge(response)
            try:
                entries = response.json()
                page = [_listed(entry) for entry in entries if entry["type"] == "file"]
            except requests.JSONDecodeError as problem:
                raise Broken("the hub's list of files broke off") from problem
            except requests.RequestException as problem:
                raise Broken(f"the hub's list of files broke off: {type(problem).__name__}") from problem
            except (KeyError, TypeError, ValueError) as problem:
                raise Failed(f"the hub's list of {self.name} is not understood: {problem}") from problem
            following = response.links.get("next", {}).get("url")
        # Only the query: a mirror of the hub may pass on links to the hub, where the token must not go.
        return page, dict(parse_qsl(urlsplit(following).query)) if following else None

    def _open(self, path: str, start: int, stop: int) -> Iterator[bytes]:
        url = f"{self.endpoint}/{self.repository}/resolve/{self.commit}/{quote(path)}"
        with self._get(url, headers={"Range": f"bytes={start}-{stop - 1}"}) as response:
            self._judge(response)
            skip = start
            if response.status_code == 206:
                begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
                if begins and int(begins[1]) > start:
                    raise Broken(f"the hub sent another range of {path} than was asked for")
                skip = start - int(begins[1]) if begins else 0
            try:
                for chunk in response.raw.stream(CHUNK, decode_content=False):
                    if skip:  # the server does not know Range
                        skip, chunk = max(0, skip - len(chunk)), chunk[skip:]
                    self.run.moved(len(chunk))
                    yield chunk
            except (urllib3.exceptions.HTTPError, OSError) as problem:
                raise Broken(f"the connection broke while {path} was read ({type(problem).__name__})") from problem

    def _get(self, url: str, **more: Any) -> requests.Response:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = requests.Session()
            session.headers["User-Agent"] = "llmform-weights/1"
            session.headers["Accept-Encoding"] = "identity"
        timeout = (10.0, self.run.settings.timeout_seconds)
        try:
            return session.get(url, auth=self.token, stream=True, timeout=timeout, **more)
        except requests.RequestException as problem:
            host = urlsplit(url).netloc
            raise Broken(f"no answer from {host} ({type(problem).__name__})") from problem

    def _judge(self, response: requests.Response) -> None:
        """Raise what an answer without content means."""
        status = response.status_code
        if status in (200, 206):
            return
        # A signed address at the hub's storage that has run out is no refusal of the hub's.
        of_the_hub = urlsplit(response.url).netloc == urlsplit(self.endpoint).netloc
        if of_the_hub and status in (401, 403):
            raise Refused(self._no_access())
        if of_the_hub and status in (404, 410):
            raise Refused(self._not_there(response.headers.get("X-Error-Code", "")))
        raise Broken(f"{urlsplit(response.url).netloc} answered {status}", _wait_seconds(response))

    def _no_access(self) -> str:
        what = f"the hub does not let {self.repository} be read"
        if self.token.value:
            secret = self.token.secret or "that `models.<name>.token` names"
            return (
                f"{what} with the token of the Secret {secret}, key `token`: it is wrong or has run out, or its "
                "account was not granted access to the model"
            )
        if self.token.secret:
            return f"{what}, and the token of the Secret {self.token.secret}, key `token`, is empty"
        return (
            f"{what} without a token: the model is gated, private or not there; name a Secret in `models.<name>.token`"
        )

    def _not_there(self, code: str) -> str:
        if code == "RevisionNotFound":
            return f"{self.repository} has no commit {self.commit}; correct the revision of the model"
        if code == "EntryNotFound":
            return f"a file that {self.name} lists is not there"
        return f"the hub has no {self.repository} at commit {self.commit}, or hides it from this token"


def _listed(entry: dict[str, Any]) -> Listed:
    lfs = entry.get("lfs")
    size = lfs["size"] if lfs else entry["size"]
    sha256, git_sha1 = (lfs["oid"], None) if lfs else (None, entry["oid"])
    sound = manifest.is_hex(sha256, 64) if lfs else manifest.is_hex(git_sha1, 40)
    if not isinstance(entry["path"], str) or not manifest.is_size(size) or not sound:
        raise ValueError(f"{entry['path']!r} has no size or no checksum")
    return Listed(entry["path"], size, sha256, git_sha1)


def _wait_seconds(response: requests.Response) -> float | None:
    """Return how long the server asks to wait, in seconds: Retry-After (RFC 9110, 10.2.3), or the `t` of a RateLimit
    that is used up (draft-ietf-httpapi-ratelimit-headers), which the hub sends."""
    asked = response.headers.get("Retry-After", "").strip()
    if asked.isdigit():
        return float(asked)
    if asked:
        try:
            until = parsedate_to_datetime(asked)
        except ValueError:
            return None
        return max(0.0, (until - datetime.now(UTC)).total_seconds()) if until.tzinfo else None
    reset = _ABOUT_TO_RESET.search(response.headers.get("RateLimit", ""))
    return float(reset[1]) if reset and response.status_code == 429 else None
