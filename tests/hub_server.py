"""A hub on this machine: the three endpoints that the weights program asks, and the ways in which they go wrong.

It knows nothing of the program. Checksums are computed here by the definitions: SHA-256 of the bytes, and SHA-1 of
git's blob (`blob <size>\\0<bytes>`).
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHUNK = 2**16


@dataclass(frozen=True)
class Content:
    """A file of a repository: its bytes, or `size` bytes of a pattern that nobody has to hold in memory."""

    body: bytes = b""
    pattern_size: int = 0
    lfs: bool = True

    @property
    def size(self) -> int:
        return self.pattern_size or len(self.body)

    def part(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield these bytes. Byte n of the pattern is byte n % 2**20 of a block that starts with its own digest."""
        while start < stop:
            if not self.pattern_size:
                yield self.body[start : min(stop, start + CHUNK)]
                start += CHUNK
                continue
            at = start % len(BLOCK)
            chunk = BLOCK[at : at + min(CHUNK, stop - start)]
            yield chunk
            start += len(chunk)

    @cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for chunk in self.part(0, self.size):
            digest.update(chunk)
        return digest.hexdigest()

    @cached_property
    def git_sha1(self) -> str:
        digest = hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)
        for chunk in self.part(0, self.size):
            digest.update(chunk)
        return digest.hexdigest()


BLOCK = random.Random(3).randbytes(2**20)


@dataclass
class Hub:
    """What the hub holds and how it behaves. `fault` may answer a request for a file in its own way."""

    files: dict[str, Content]
    repository: str = "acme/tiny"
    token: str | None = None
    page: int = 1000
    ranges: bool = True
    fault: Callable[[Answer, str, int], bool] | None = None
    """Called with the answer, the file's path and how often it was asked for; True if it has answered."""
    list_fault: Callable[[Answer, int], bool] | None = None
    listings: int = 0
    """How often the list was asked for."""
    asked: Counter[str] = field(default_factory=Counter)
    """How often each file was asked for, by who may have it."""
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes that were sent of each file."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    other_host: str = ""
    """Where /resolve/ redirects to, as the real hub does to its storage; empty: it answers itself."""
    tokens_seen_elsewhere: list[str] = field(default_factory=list)

    def count(self, what: str) -> int:
        with self.lock:
            self.asked[what] += 1
            return self.asked[what]


class Answer(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        try:
            self._answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _answer(self) -> None:
        url, hub = urlsplit(self.path), self.hub
        listing = f"/api/models/{hub.repository}/tree/"
        resolve = f"/{hub.repository}/resolve/"
        if url.path.startswith("/storage/"):
            if token := self.headers.get("Authorization"):
                hub.tokens_seen_elsewhere.append(token)
            self.send_file(unquote(url.path.removeprefix("/storage/")))
        elif url.path.startswith(listing):
            with hub.lock:
                hub.listings += 1
            if hub.list_fault and hub.list_fault(self, hub.listings):
                return
            if url.path.removeprefix(listing) != COMMIT:
                self.refuse(404, "RevisionNotFound")
            else:
                self.send_page(int(parse_qs(url.query).get("cursor", ["0"])[0]))
        elif url.path.startswith(resolve):
            commit, _, path = url.path.removeprefix(resolve).partition("/")
            path = unquote(path)
            if not self.allowed():
                self.refuse(401 if "Authorization" not in self.headers else 403, "GatedRepo")
            elif commit != COMMIT or path not in hub.files:
                self.refuse(404, "EntryNotFound")
            else:
                count = hub.count(path)
                if hub.fault and hub.fault(self, path, count):
                    return
                if hub.other_host:
                    self.send_response(302)
                    self.send_header("Location", f"{hub.other_host}/storage/{quote(path)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self.send_file(path)
        else:
            self.refuse(404, "RepoNotFound")

    def allowed(self) -> bool:
        return self.hub.token is None or self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def refuse(self, status: int, code: str = "", **headers: str) -> bool:
        """Answer without content. Returns True, as a fault does that has answered; so does `send_file`."""
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return True

    def send_page(self, cursor: int) -> None:
        hub = self.hub
        names = sorted(hub.files)
        entries: list[dict[str, Any]] = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": "some-folder"}]
        for name in names[cursor : cursor + hub.page]:
            content = hub.files[name]
            pointer = {"lfs": {"oid": content.sha256, "size": content.size, "pointerSize": 135}} if content.lfs else {}
            oid = "f" * 40 if content.lfs else content.git_sha1
            entries.append({"type": "file", "oid": oid, "size": content.size, "path": name, **pointer})
        body = json.dumps(entries).encode()
        self.send_response(200)
        if cursor + hub.page < len(names):
            # as a mirror does that passes the hub's own links on
            following = f"https://hub.invalid/api/x?recursive=true&cursor={cursor + hub.page}"
            self.send_header("Link", f'<{following}>; rel="next"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_file(
        self, path: str, cut_after: int | None = None, damage: bool = False, length: int | None = None
    ) -> bool:
        """Send the range that was asked for.

        `cut_after` so many bytes the connection ends; `length` is a lie about the length.
        """
        content, ranges = self.hub.files[path], self.hub.ranges
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        start, stop = (int(asked[1]), int(asked[2]) + 1) if asked and ranges else (0, content.size)
        if start >= content.size > 0:
            return self.refuse(416)
        stop = min(stop, content.size)
        self.send_response(206 if asked and ranges else 200)
        if asked and ranges:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{content.size}")
        self.send_header("Content-Length", str(stop - start if length is None else length))
        self.end_headers()
        sent = 0
        for chunk in content.part(start, stop):
            if cut_after is not None and sent + len(chunk) > cut_after:
                self.wfile.write(chunk[: cut_after - sent])
                self.close_connection = True
                return True
            sent += len(chunk)
            self.wfile.write(bytes([chunk[0] ^ 1]) + chunk[1:] if damage else chunk)
            with self.hub.lock:
                self.hub.sent[path] += len(chunk)
        self.close_connection = length is not None
        return True


class Server:
    """A hub that listens while it is entered; `url` is where."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Answer,), {"hub": hub}))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
