"""A server that speaks the OpenAI protocol, asked over HTTP: vLLM, TGI, llama.cpp, an image of one's own.

Nothing is tried a second time: a probe has to see what a client would see. A redirect is not followed, so that the key
goes nowhere but to the address that was given.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from stacks.openai_protocol import (
    advice,
    error_message,
    json_object,
    need_scores,
    piece_of,
    text_or_nothing,
    token_counts,
    vector_length,
)
from stacks.probe import MOST_SHOWN, Answer, Identity, ProbeFailed, Request
from stacks.server_sent_events import EventStream, LineTooLong

MAX_BODY = 64 * 1024 * 1024
"""Bytes of a whole answer or of metrics at most; vLLM's metrics are 100 kB."""

KEEPS_LENGTH = frozenset({"vllm", "llama-cpp"})
"""Engines that know `ignore_eos`, with which every answer has its full length (vLLM 0.32.0, openapi.json;
llama.cpp, tools/server/README.md)."""

RERANK_DOCUMENTS = 4
"""Texts that one request for a ranking holds."""

_ENDED_BADLY = frozenset({"abort", "error"})
"""Values of `finish_reason` with which vLLM ends an answer that is not whole."""


class OpenAiClient:
    """A server behind the OpenAI protocol. Safe to be used from several threads at once."""

    def __init__(
        self,
        url: str,
        engine: str,
        *,
        health_path: str = "/health",
        api: str = "chat",
        key: str = "",
        ca_file: str = "",
        timeout: float = 60.0,
        metrics_url: str | None = "",
        concurrency: int = 1,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`url` is the address without `/v1`. `metrics_url` is empty for `/metrics` beside it, None for no metrics.

        Raises OSError for a CA file that cannot be read.
        """
        self._base, self._engine, self._health, self._api = url, engine, health_path, api
        self._key, self._timeout, self._clock = key, timeout, clock
        self._metrics = f"{url}/metrics" if metrics_url == "" else metrics_url
        self._metrics_asked = metrics_url != ""
        verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca_file) if ca_file else True
        limits = httpx.Limits(max_connections=concurrency + 4, max_keepalive_connections=concurrency + 4)
        self._http = httpx.Client(verify=verify, timeout=timeout, limits=limits, follow_redirects=False)

    @property
    def address(self) -> str:
        """The address that was given."""
        return self._base

    def ready(self) -> str:
        """Return what the health path answered; empty where the address has none, as behind a gateway."""
        try:
            self._get(self._health)
        except ProbeFailed as failed:
            if failed.kind == "not-found":
                return ""
            raise
        return f"GET {self._health} answers 200"

    def identity(self, model: str) -> Identity:
        """Return the models by name and, where the engine has a place for it, version and revision."""
        try:
            listed = self._json(self._get("/v1/models"))
        except ProbeFailed as failed:
            if failed.kind != "not-found":
                raise
            return Identity(note="it has no list of models")
        entries = listed.get("data")
        if not isinstance(entries, list):
            raise ProbeFailed("broken", "GET /v1/models answers without a list `data`")
        models = tuple(e["id"] for e in entries if isinstance(e, Mapping) and isinstance(e.get("id"), str))
        match self._engine:
            case "vllm":
                return Identity(models, text_or_nothing(self._told("/version").get("version")))
            case "tgi":
                info = self._told("/info")
                revisions = tuple(filter(None, [text_or_nothing(info.get("model_sha"))]))
                return Identity((), text_or_nothing(info.get("version")), revisions, "TGI answers to every model name")
            case "llama-cpp":
                return Identity(models, text_or_nothing(self._told("/props").get("build_info")))
            case _:
                return Identity(models)

    def answer(self, request: Request) -> Answer:
        """Send one request and return its answer: streamed for `generate`, whole for `embed` and `rerank`."""
        match request.task:
            case "embed":
                return self._embedding(request)
            case "rerank":
                return self._ranking(request)
            case _:
                return self._generated(request)

    def metrics(self) -> str | None:
        """Return the text of the metrics; the key goes only to the address that the answers come from."""
        if self._metrics is None:
            return None
        same = httpx.URL(self._metrics).netloc == httpx.URL(self._base).netloc
        try:
            return self._get(self._metrics, with_key=same).decode("utf-8", "replace")
        except ProbeFailed as failed:
            help = "" if self._metrics_asked else "`--metrics-url` says where they are, `none` leaves them out"
            raise ProbeFailed(failed.kind, failed.message, help or failed.help) from None

    def close(self) -> None:
        """Close all connections; requests in flight fail."""
        self._http.close()

    def _generated(self, request: Request) -> Answer:
        body: dict[str, Any] = {
            "model": request.model,
            "max_tokens": request.output_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self._engine in KEEPS_LENGTH:
            body["ignore_eos"] = True
        if self._api == "chat":
            path, body["messages"] = "/v1/chat/completions", [{"role": "user", "content": request.prompt}]
        else:
            path, body["prompt"] = "/v1/completions", request.prompt
        started = self._clock()
        with self._open("POST", path, json=body) as response:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "text/event-stream":
                raise ProbeFailed(
                    "not-a-stream", f"POST {path} answers {kind or 'without a content type'}, not a stream"
                )
            return self._stream(response, started)

    def _stream(self, response: httpx.Response, started: float) -> Answer:
        """Return the answer that the events of a stream make, each with the time at which it came."""
        events, pieces, text, ended, size = EventStream(), list[float](), "", "", 0
        usage: Any = None
        for chunk in response.iter_bytes():
            now = self._within(started)
            size += len(chunk)
            if size > MAX_BODY:
                raise ProbeFailed("broken", f"the answer is longer than {MAX_BODY:,} bytes")
            for data in _events(events, chunk):
                if data == "[DONE]":
                    continue
                event = json_object(data)
                if event.get("error"):
                    raise ProbeFailed("server-error", f"in the middle of the answer: {self._said(data)}")
                usage = event.get("usage") or usage
                piece, reason = piece_of(event)
                ended = reason or ended
                if piece:
                    pieces.append(now)
                    text = (text + piece)[:MOST_SHOWN]
        whole = self._within(started)
        if not ended:
            came = f"after {len(pieces):,} pieces" if pieces else "before any text"
            raise ProbeFailed("cut", f"the stream ended {came}, without a `finish_reason`")
        if ended in _ENDED_BADLY:
            raise ProbeFailed(
                "server-error", f"the server ended the answer with `{ended}` after {len(pieces):,} pieces"
            )
        if not pieces:
            raise ProbeFailed("empty", f"the answer has no text (`finish_reason` {self._said(ended)})")
        given, made = token_counts(usage)
        return Answer(whole, tuple(pieces), given, made, self._said(text), self._said(ended))

    def _embedding(self, request: Request) -> Answer:
        started = self._clock()
        found = self._json(self._post("/v1/embeddings", {"model": request.model, "input": [request.prompt]}))
        whole = self._within(started)
        return Answer(
            whole, (), token_counts(found.get("usage"))[0], None, f"a vector of {vector_length(found):,} numbers"
        )

    def _ranking(self, request: Request) -> Answer:
        documents = [f"{request.prompt} {i}" for i in range(RERANK_DOCUMENTS)]
        body = {"model": request.model, "query": "Can we see the sea?", "documents": documents}
        started = self._clock()
        found = self._json(self._post("/v1/rerank", body))
        whole = self._within(started)
        need_scores(found, RERANK_DOCUMENTS)
        return Answer(whole, (), token_counts(found.get("usage"))[0], None, f"{RERANK_DOCUMENTS} texts scored")

    def _told(self, path: str) -> Mapping[str, Any]:
        """Return what the engine says at a place of its own; empty where a gateway does not pass it on."""
        try:
            return self._json(self._get(path))
        except ProbeFailed:
            return {}

    def _get(self, place: str, *, with_key: bool = True) -> bytes:
        started = self._clock()
        with self._open("GET", place, with_key=with_key) as response:
            return self._body(response, started)

    def _post(self, path: str, body: Mapping[str, Any]) -> bytes:
        started = self._clock()
        with self._open("POST", path, json=body) as response:
            return self._body(response, started)

    @contextmanager
    def _open(self, method: str, place: str, *, with_key: bool = True, json: Any = None) -> Iterator[httpx.Response]:
        """Yield an answer with status 200 whose body is still to come; whatever goes wrong is a ProbeFailed."""
        url = place if "://" in place else self._base + place
        headers = {"Authorization": f"Bearer {self._key}"} if self._key and with_key else {}
        started = self._clock()
        try:
            with self._http.stream(method, url, json=json, headers=headers) as response:
                if response.status_code != 200:
                    raise self._refused(method, place, response, self._body(response, started))
                yield response
        except httpx.TimeoutException as error:
            if isinstance(error, httpx.ConnectTimeout):
                raise ProbeFailed("unreachable", f"no connection within {self._timeout:g} s") from None
            raise ProbeFailed("timeout", f"{method} {place}: nothing came for {self._timeout:g} s") from None
        except httpx.ConnectError as error:
            raise _unreachable(str(error)) from None
        except httpx.NetworkError as error:
            raise ProbeFailed("cut", f"{method} {place}: the connection broke: {self._said(str(error))}") from None
        except httpx.RemoteProtocolError as error:
            raise ProbeFailed("cut", f"{method} {place}: {self._said(str(error))}") from None
        except httpx.HTTPError as error:
            raise ProbeFailed("broken", f"{method} {place}: {self._said(str(error))}") from None

    def _refused(self, method: str, place: str, response: httpx.Response, body: bytes) -> ProbeFailed:
        """Return what a status other than 200 means."""
        status = response.status_code
        said = self._said(error_message(body)) or "nothing more"
        text = f"{method} {place} answers {status}: {said}"
        match status:
            case 401 | 403:
                help = "the key is not accepted" if self._key else "`--key-env` names the variable with its key"
                return ProbeFailed("unauthorized", text, help)
            case 404:
                return ProbeFailed("not-found", text)
            case 429 | 503:
                return ProbeFailed("busy", text)
            case _ if 300 <= status < 400:
                there = self._said(response.headers.get("location", "elsewhere"))
                return ProbeFailed(
                    "redirected", f"{method} {place} answers {status}: it is at {there}", "give that address"
                )
            case _ if status >= 500:
                return ProbeFailed("server-error", text)
            case _:
                return ProbeFailed("refused", text, advice(said, self._api))

    def _body(self, response: httpx.Response, started: float) -> bytes:
        parts, size = list[bytes](), 0
        for part in response.iter_bytes():
            self._within(started)
            size += len(part)
            if size > MAX_BODY:
                raise ProbeFailed("broken", f"the answer is longer than {MAX_BODY:,} bytes")
            parts.append(part)
        return b"".join(parts)

    def _within(self, started: float) -> float:
        """Return the seconds since `started`; ProbeFailed if they are more than a request may take."""
        passed = self._clock() - started
        if passed > self._timeout:
            raise ProbeFailed("timeout", f"not done after {self._timeout:g} s")
        return passed

    def _json(self, body: bytes) -> Mapping[str, Any]:
        return json_object(body.decode("utf-8", "replace"))

    def _said(self, text: str) -> str:
        """Return a text of the server, short, and without the key should it be in there."""
        if self._key:
            text = text.replace(self._key, "…")
        return text if len(text) <= 300 else text[:300] + " …"


def _events(events: EventStream, chunk: bytes) -> Iterator[str]:
    try:
        yield from events.feed(chunk)
    except LineTooLong as error:
        raise ProbeFailed("broken", f"the stream holds {error}") from None


def _unreachable(said: str) -> ProbeFailed:
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return ProbeFailed("unreachable", f"its certificate is not trusted: {said}", "`--ca-file` names who signed it")
    return ProbeFailed("unreachable", f"no connection: {said}", "is it running, and is this its address?")
