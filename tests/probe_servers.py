"""Model servers to probe, made here: real sockets, real streams, and every way in which one can be broken.

`openai_server` speaks HTTP as vLLM 0.32.0 was recorded to (paths, status codes, bodies of errors), `triton_server` gRPC
with the messages of `tritonclient`, as tritonserver 2.51.0 was recorded to.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

METRICS = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="chat"} 0.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="chat"} 0.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="chat"} 0.0
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="chat"} 1.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="chat"} 1.0
vllm:time_to_first_token_seconds_sum{engine="0",model_name="chat"} 0.1
# TYPE vllm:inter_token_latency_seconds histogram
vllm:inter_token_latency_seconds_bucket{engine="0",le="+Inf",model_name="chat"} 1.0
vllm:inter_token_latency_seconds_count{engine="0",model_name="chat"} 1.0
vllm:inter_token_latency_seconds_sum{engine="0",model_name="chat"} 0.1
# TYPE vllm:e2e_request_latency_seconds histogram
vllm:e2e_request_latency_seconds_bucket{engine="0",le="+Inf",model_name="chat"} 1.0
vllm:e2e_request_latency_seconds_count{engine="0",model_name="chat"} 1.0
vllm:e2e_request_latency_seconds_sum{engine="0",model_name="chat"} 0.1
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="chat"} 9.0
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="chat"} 9.0
"""
"""The metrics that are there before any request (vLLM 0.32.0, /metrics, recorded 2026-11-21)."""

AFTER_A_REQUEST = """\
# TYPE http_requests_total counter
http_requests_total{handler="/v1/chat/completions",method="POST",status="2xx"} 1.0
"""
"""`http_requests_total` has no series before the first request."""


@dataclass
class Behaviour:
    """What the server does. `broken` is one of the words in `OpenAiHandler`; empty for a sound server."""

    model: str = "chat"
    broken: str = ""
    key: str = ""
    first_delay: float = 0.0
    gap: float = 0.0
    pieces: int = 4
    tokens_in_a_piece: int = 1
    version: str = "0.32.0"
    metrics: str = METRICS
    counts_usage: bool = True
    fails_after: int = 0
    """Requests that are answered before `broken` begins."""
    seen: list[dict[str, Any]] = field(default_factory=list)
    """The bodies of the requests that came."""
    keys: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Authorization of every request."""
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)


class OpenAiHandler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # each piece goes out when it is written
    behaviour: Behaviour

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self._body(status, json.dumps(value).encode(), "application/json", headers)

    def _body(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _authorised(self) -> bool:
        given = self.headers.get("Authorization")
        self.behaviour.keys.append((self.path, given))
        if self.behaviour.key and self.path.startswith("/v1") and given != f"Bearer {self.behaviour.key}":
            self._json(401, {"error": "Unauthorized"})
            return False
        return True

    def do_GET(self) -> None:
        """Answer what tells about the server."""
        b = self.behaviour
        if not self._authorised():
            return
        match self.path:
            case "/health" | "/healthz" if b.broken == "loading":
                error = {"code": 503, "message": "Loading model", "type": "unavailable_error"}
                self._json(503, {"error": error})
            case "/health" | "/healthz" if b.broken == "moved":
                self._body(307, b"", "text/plain", {"Location": "https://elsewhere.example/health"})
            case "/health" | "/healthz" if b.broken != "no-health":
                self._body(200, b"", "text/plain")
            case "/v1/models" if b.broken == "models-are-text":
                self._body(200, b"<html>hello</html>", "text/html")
            case "/v1/models" if b.broken != "no-models":
                self._json(200, {"object": "list", "data": [{"id": b.model, "object": "model", "root": "/weights"}]})
            case "/version" if b.version:
                self._json(200, {"version": b.version})
            case "/info":
                self._json(200, {"model_id": "/weights", "model_sha": "a" * 40, "version": "3.3.7"})
            case "/props":
                self._json(200, {"build_info": "b11312-0c1e57098"})
            case "/metrics" if b.metrics:
                text = b.metrics + (AFTER_A_REQUEST if b.seen and b.metrics is METRICS else "")
                self._body(200, text.encode(), "text/plain; version=1.0.0; charset=utf-8")
            case _:
                self._json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        """Answer a request, in the way that the behaviour says."""
        b = self.behaviour
        if not self._authorised():
            return
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with b.lock:
            b.seen.append(request)
            b.at_once += 1
            b.most_at_once = max(b.most_at_once, b.at_once)
            broken = b.broken if len(b.seen) > b.fails_after else ""
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
                self._answer(request, broken)
        finally:
            with b.lock:
                b.at_once -= 1

    def _answer(self, request: dict[str, Any], broken: str) -> None:
        b = self.behaviour
        if request.get("model") != b.model:
            message = f"The model `{request.get('model')}` does not exist. Valid aliases: {b.model}."
            self._json(404, {"error": {"message": message, "type": "NotFoundError", "param": "model", "code": 404}})
            return
        match broken:
            case "busy":
                self._json(429, {"error": "Model is overloaded", "error_type": "overloaded"})
            case "full":
                self._json(503, {"error": {"message": "The engine is currently busy", "code": 503}})
            case "dead":
                self._json(500, {"error": {"message": "EngineCore encountered an issue.", "code": 500}})
            case "no-template":
                self._json(400, {"error": {"message": "default chat template is no longer allowed", "code": 400}})
            case "echoes-the-key":
                self._json(400, {"error": {"message": f"bad header {self.headers.get('Authorization')}"}})
            case "not-a-stream":
                self._json(200, {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]})
            case "hangs":
                b.stopped.wait(30)
            case _ if self.path == "/v1/embeddings":
                vector = {"nan": [float("nan")], "no-vector": []}.get(broken, [0.1, -0.2, 0.3])
                usage = {"prompt_tokens": 7, "total_tokens": 7}
                self._json(200, {"object": "list", "data": [{"index": 0, "embedding": vector}], "usage": usage})
            case _ if self.path == "/v1/rerank":
                count = len(request["documents"]) - (broken == "a-score-is-missing")
                self._json(200, {"results": [{"index": i, "relevance_score": 0.5 - i / 10} for i in range(count)]})
            case _:
                self._stream(request, broken)

    def _stream(self, request: dict[str, Any], broken: str) -> None:
        b = self.behaviour
        chat = self.path == "/v1/chat/completions"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if chat:
            self._event(
                {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
            )
        time.sleep(b.first_delay)
        if broken == "empty":
            self._end(chat, "stop")
            return
        count = 10**9 if broken == "never-ends" else b.pieces
        for i in range(count):
            if b.stopped.is_set():
                return
            if i:
                time.sleep(b.gap or (0.005 if broken == "never-ends" else 0.0))
            if broken == "cut" and i == 2:
                self.close_connection = True
                self.connection.close()
                return
            if broken == "error-in-the-middle" and i == 2:
                self._event({"error": {"message": "EngineCore encountered an issue.", "code": 500}})
                self._chunk(b"data: [DONE]\n\n")
                self._chunk(b"")
                return
            if broken == "no-json" and i == 2:
                self._chunk(b"data: {broken\n\n")
            piece = {"delta": {"content": f"{i} "}} if chat else {"text": f"{i} "}
            self._event({"choices": [{"index": 0, **piece, "finish_reason": None}]})
        if broken == "done-without-a-reason":
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")
            return
        self._end(chat, "abort" if broken == "aborted" else "length")

    def _end(self, chat: bool, reason: str) -> None:
        b = self.behaviour
        self._event({"choices": [{"index": 0, **({"delta": {}} if chat else {"text": ""}), "finish_reason": reason}]})
        if b.counts_usage:
            tokens = b.pieces * b.tokens_in_a_piece
            self._event({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": tokens}})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, value: Any) -> None:
        self._chunk(b"data: " + json.dumps(value).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news."""


@contextlib.contextmanager
def openai_server(behaviour: Behaviour, certificate: tuple[Path, Path] | None = None) -> Iterator[str]:
    """Serve on a free port of this machine; give the URL. `certificate` is the certificate's file and its key's."""
    handler = type("Handler", (OpenAiHandler,), {"behaviour": behaviour})
    server = _QuietServer(("127.0.0.1", 0), handler)
    scheme = "http"
    if certificate:
        scheme, context = "https", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_port}"
    finally:
        behaviour.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


class TritonServicer(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """Answers as Triton does; `broken` is one of the words below."""

    def __init__(self, task: str = "generate", broken: str = "", key: str = "", first_delay: float = 0.0) -> None:
        self.task, self.broken, self.key, self.first_delay = task, broken, key, first_delay
        self.seen: list[Any] = []

    def ServerReady(self, request: Any, context: Any) -> Any:
        """Say whether every model is loaded."""
        self._need_key(context)
        return service_pb2.ServerReadyResponse(ready=self.broken != "loading")

    def ServerMetadata(self, request: Any, context: Any) -> Any:
        """Say the version."""
        return service_pb2.ServerMetadataResponse(name="triton", version="2.51.0")

    def RepositoryIndex(self, request: Any, context: Any) -> Any:
        """List what is ready."""
        index = service_pb2.RepositoryIndexResponse()
        for name in ("chat", "chat-engine"):
            index.models.add(name=name, version="1", state="READY")
        return index

    def ModelMetadata(self, request: Any, context: Any) -> Any:
        """Name inputs and outputs."""
        if request.name not in ("chat", "chat-engine"):
            context.abort(grpc.StatusCode.NOT_FOUND, f"Request for unknown model: '{request.name}' is not found")
        found = service_pb2.ModelMetadataResponse(name=request.name, versions=["1"], platform="python")
        given = {
            "generate": [("text_input", "BYTES"), ("max_tokens", "INT32"), ("temperature", "FP32"), ("stream", "BOOL")],
            "embed": [("text_input", "BYTES")],
            "rerank": [("query", "BYTES"), ("text_input", "BYTES")],
        }[self.task]
        for name, kind in [("X", "FP32")] if self.broken == "other-inputs" else given:
            found.inputs.add(name=name, datatype=kind, shape=[1] if self.task == "generate" else [-1, 1])
        return found

    def ModelInfer(self, request: Any, context: Any) -> Any:
        """Answer with one tensor of numbers."""
        self.seen.append(request)
        response = service_pb2.ModelInferResponse(model_name=request.model_name, model_version="1")
        values = [float("nan")] if self.broken == "nan" else [0.5, 0.25]
        name = {"embed": "embedding", "rerank": "score"}[self.task]
        if self.broken != "no-tensor":
            response.outputs.add(name=name, datatype="FP32", shape=[1, len(values)])
            response.raw_output_contents.append(struct.pack(f"<{len(values)}f", *values))
        return response

    def ModelStreamInfer(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        """Answer each request with pieces of text, then an empty response that says that it is the last."""
        for request in requests:
            self.seen.append(request)
            if self.broken == "queue-full":
                yield service_pb2.ModelStreamInferResponse(error_message="Exceeds maximum queue size")
                return
            time.sleep(self.first_delay)
            for i in range(0 if self.broken == "empty" else 3):
                if self.broken == "dies" and i == 2:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
                if self.broken == "hangs" and i == 2:
                    while context.is_active():
                        time.sleep(0.01)
                yield self._piece(f"{i} ".encode(), final=False)
            if self.broken != "ends-early":
                yield self._piece(None, final=True)

    def _piece(self, text: bytes | None, final: bool) -> Any:
        part = service_pb2.ModelStreamInferResponse()
        part.infer_response.parameters["triton_final_response"].bool_param = final
        if text is not None:
            part.infer_response.outputs.add(name="text_output", datatype="BYTES", shape=[1])
            part.infer_response.raw_output_contents.append(len(text).to_bytes(4, "little") + text)
        return part

    def _need_key(self, context: Any) -> None:
        given = dict(context.invocation_metadata()).get("authorization")
        if self.key and given != f"Bearer {self.key}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no key")


@contextlib.contextmanager
def triton_server(servicer: TritonServicer) -> Iterator[str]:
    """Serve on a free port of this machine; give the URL."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"grpc://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
