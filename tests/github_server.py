"""The part of GitHub's API that the action uses, over real HTTP on this machine: comments of an issue, who the token
is, a pull request and its reviews. It refuses what docs.github.com says is refused (REST API, 2022-11-28)."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST = 65_536
TOKEN = "ghs_a-token-of-the-tests"
ME = "github-actions[bot]"

Reply = tuple[int, dict[str, str], Any]
"""Status, headers and body of an answer."""


@dataclass
class Server:
    """What the server knows, what it was asked, and faults that it gives instead of answers, one a request."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    pull: dict[str, Any] = field(default_factory=dict)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    faults: list[tuple[str, Reply]] = field(default_factory=list)
    read_only: bool = False
    before: Callable[[str, str], None] = lambda method, path: None
    lock: threading.Lock = field(default_factory=threading.Lock)
    ids: int = 100

    def add(self, body: str, login: str = ME) -> dict[str, Any]:
        with self.lock:
            self.ids += 1
            comment = {"id": self.ids, "user": {"login": login}, "body": body}
            self.comments.append(comment)
            return comment

    @property
    def writes(self) -> list[str]:
        """The methods of the requests that change something, in their order."""
        return [method for method, path in self.asked if method != "GET" and path != "/graphql"]

    def fail(self, method: str, status: int, message: str = "no", **headers: str) -> None:
        """Give this answer to the next request with the method."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.faults.append((method, (status, named, {"message": message})))

    def answer(self, method: str, path: str, authorization: str, body: Any) -> Reply:
        self.before(method, path)
        with self.lock:
            self.asked.append((method, path))
            for fault in self.faults:
                if fault[0] == method:
                    self.faults.remove(fault)
                    return fault[1]
        if authorization != f"Bearer {TOKEN}":
            return 401, {}, {"message": "Bad credentials"}
        if path == "/graphql":
            return 200, {}, {"data": {"viewer": {"login": ME}}}
        if self.read_only and method != "GET":
            return 403, {}, {"message": "Resource not accessible by integration"}
        return self._rest(method, path, body)

    def _rest(self, method: str, path: str, body: Any) -> Reply:
        if body is not None and len(body.get("body", "")) > LONGEST:
            return 422, {}, {"message": "Validation Failed: body is too long (maximum is 65536 characters)"}
        if found := re.fullmatch(r"/repos/acme/platform/issues/comments/(\d+)", path):
            with self.lock:
                there = [c for c in self.comments if c["id"] == int(found[1])]
                if not there:
                    return 404, {}, {"message": "Not Found"}
                if method == "DELETE":
                    self.comments.remove(there[0])
                    return 204, {}, None
                there[0]["body"] = body["body"]
                return 200, {}, there[0]
        if method == "POST" and re.fullmatch(r"/repos/acme/platform/issues/\d+/comments", path):
            return 201, {}, self.add(body["body"])
        if re.match(r"/repos/acme/platform/issues/\d+/comments\?", path):
            return self._page(path, self.comments)
        if re.match(r"/repos/acme/platform/pulls/\d+/reviews\?", path):
            return self._page(path, self.reviews)
        if re.fullmatch(r"/repos/acme/platform/pulls/\d+", path):
            return 200, {}, self.pull
        return 404, {}, {"message": "Not Found"}

    def _page(self, path: str, entries: list[dict[str, Any]]) -> Reply:
        size = int(re.search(r"per_page=(\d+)", path)[1])  # type: ignore[index]
        number = int(found[1]) if (found := re.search(r"[?&]page=(\d+)", path)) else 1
        with self.lock:
            part = entries[(number - 1) * size : number * size]
            more = len(entries) > number * size
        base = re.sub(r"[?&]page=\d+", "", path)
        link = f'<{self.url}{base}&page={number - 1}>; rel="prev", <{self.url}{base}&page={number + 1}>; rel="next"'
        return 200, {"Link": link} if more else {}, part


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server on a free port of the loopback."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(text) if text else None
            status, headers, reply = state.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            data = b"" if reply is None else json.dumps(reply).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _do

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
