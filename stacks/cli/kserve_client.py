"""Triton, asked over gRPC with the KServe v2 protocol: the messages and the stub of `tritonclient`.

The stub rather than `InferenceServerClient`, which allows one stream at a time and hands its answers to a thread of its
own: here each request is a stream, read where it is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
import httpx
import numpy
from tritonclient.grpc import InferResult, service_pb2, service_pb2_grpc

from stacks.probe import MOST_SHOWN, Answer, Identity, ProbeFailed, Request

_KINDS = {
    grpc.StatusCode.UNAVAILABLE: "unreachable",
    grpc.StatusCode.DEADLINE_EXCEEDED: "timeout",
    grpc.StatusCode.UNAUTHENTICATED: "unauthorized",
    grpc.StatusCode.PERMISSION_DENIED: "unauthorized",
    grpc.StatusCode.NOT_FOUND: "not-found",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "busy",
    grpc.StatusCode.INVALID_ARGUMENT: "refused",
    grpc.StatusCode.UNIMPLEMENTED: "refused",
    grpc.StatusCode.CANCELLED: "cut",
}
"""What a code means; any other one is an error of the server."""

_INFERENCES = frozenset({"ModelInfer", "ModelStreamInfer"})

_OUTPUTS = {"generate": "text_output", "embed": "embedding", "rerank": "score"}
"""The tensor that an answer is in: the names of Triton's generate extension and of llmform's own models
(components/workloads/engines/triton_repository.py)."""

_FINAL = "triton_final_response"
"""The parameter with which Triton marks the last response to a request (tritonserver 2.51.0, recorded 2026-11-21)."""

_ASK_FOR_FINAL = "triton_enable_empty_final_response"
"""The parameter that asks for that mark; `InferenceServerClient.async_stream_infer` sends the same."""


class KServeClient:
    """A Triton server. Safe to be used from several threads at once: a channel is."""

    def __init__(
        self,
        target: str,
        *,
        secure: bool = False,
        key: str = "",
        ca_file: str = "",
        timeout: float = 60.0,
        metrics_url: str | None = "",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`target` is `host:port`. `metrics_url` is empty for `http://host:8002/metrics`, None for no metrics.

        Raises OSError for a CA file that cannot be read.
        """
        self._address = f"{'grpcs' if secure else 'grpc'}://{target}"
        self._key, self._timeout, self._clock = key, timeout, clock
        self._metadata = (("authorization", f"Bearer {key}"),) if key else ()
        host = target.rpartition(":")[0]
        self._metrics = f"http://{host}:8002/metrics" if metrics_url == "" else metrics_url
        if secure:
            roots = None
            if ca_file:
                with open(ca_file, "rb") as file:
                    roots = file.read()
            self._channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(roots))
        else:
            self._channel = grpc.insecure_channel(target)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._inputs: dict[str, Mapping[str, tuple[str, int]]] = {}

    @property
    def address(self) -> str:
        """The address that was given."""
        return self._address

    def ready(self) -> str:
        """Return that every model is loaded. Triton opens no port before (strict readiness, control mode `none`)."""
        if not self._call("ServerReady", service_pb2.ServerReadyRequest()).ready:
            raise ProbeFailed("busy", "ServerReady is false: a model is loading, or failed to load")
        return "ServerReady is true"

    def identity(self, model: str) -> Identity:
        """Return the models that are ready, Triton's version, and the versions of the model as its revisions."""
        index = self._call("RepositoryIndex", service_pb2.RepositoryIndexRequest(ready=True))
        models = tuple(sorted({entry.name for entry in index.models}))
        server = self._call("ServerMetadata", service_pb2.ServerMetadataRequest())
        asked = model or (models[0] if len(models) == 1 else "")
        note = "" if asked or not models else "it serves several models: `--model` says which one is meant"
        # a version of a folder is not a revision of weights: it is said, and compared with nothing
        versions = self._metadata_of(asked).versions if asked in models else ()
        note = f"version {', '.join(versions)} of the model" if versions else note
        return Identity(models if asked else (), server.version, (), note)

    def answer(self, request: Request) -> Answer:
        """Send one request and return its answer: streamed for `generate`, whole for `embed` and `rerank`."""
        message = self._message(request)
        started = self._clock()
        if request.task != "generate":
            with self._failing("ModelInfer"):
                response = self._stub.ModelInfer(message, timeout=self._timeout, metadata=self._metadata)
            whole = self._clock() - started
            values = _tensor(response, _OUTPUTS[request.task])
            if values is None or values.size == 0:
                raise ProbeFailed("empty", f"the answer has no tensor `{_OUTPUTS[request.task]}`")
            if not numpy.isfinite(values.astype(numpy.float64)).all():
                raise ProbeFailed("broken", "the answer holds what is no finite number")
            shown = (
                f"a vector of {values.size:,} numbers" if request.task == "embed" else f"{values.size:,} texts scored"
            )
            return Answer(whole, text=shown)
        return self._stream(message, started)

    def metrics(self) -> str | None:
        """Return the text of the metrics, which are on a port of their own and get no key."""
        if self._metrics is None:
            return None
        help = "`--metrics-url` says where they are, `none` leaves them out"
        try:
            answer = httpx.get(self._metrics, timeout=self._timeout)
        except httpx.HTTPError as error:
            raise ProbeFailed("unreachable", f"GET {self._metrics}: {error}", help) from None
        if answer.status_code != 200:
            raise ProbeFailed("refused", f"GET {self._metrics} answers {answer.status_code}", help)
        return answer.text

    def close(self) -> None:
        """Close the channel; requests in flight fail."""
        self._channel.close()

    def _stream(self, message: service_pb2.ModelInferRequest, started: float) -> Answer:
        """Return the answer that the responses to one request make, each with the time at which it came."""
        pieces, text, final = list[float](), "", False
        message.parameters[_ASK_FOR_FINAL].bool_param = True
        with self._failing("ModelStreamInfer"):
            for part in self._stub.ModelStreamInfer(iter([message]), timeout=self._timeout, metadata=self._metadata):
                now = self._clock() - started
                if part.error_message:
                    raise ProbeFailed("server-error", self._said(part.error_message))
                response = part.infer_response
                values = _tensor(response, _OUTPUTS["generate"])
                piece = b"".join(values.flatten().tolist()).decode("utf-8", "replace") if values is not None else ""
                if piece:
                    pieces.append(now)
                    text = (text + piece)[:MOST_SHOWN]
                final = final or (_FINAL in response.parameters and response.parameters[_FINAL].bool_param)
        whole = self._clock() - started
        if not final:
            raise ProbeFailed("cut", f"the stream ended after {len(pieces):,} pieces, without `{_FINAL}`")
        if not pieces:
            raise ProbeFailed("empty", "the answer has no text")
        return Answer(whole, tuple(pieces), text=self._said(text))

    def _message(self, request: Request) -> service_pb2.ModelInferRequest:
        """Return the request with a value for each input of the model that has a known name; the server says which of
        the others it needs."""
        message = service_pb2.ModelInferRequest(model_name=request.model)
        values: Mapping[str, Any] = {
            "text_input": [request.prompt.encode()],
            "query": [b"Can we see the sea?"],
            "max_tokens": [request.output_tokens],
            "temperature": [0.0],
            "stream": [request.task == "generate"],
        }
        given = self._model_inputs(request.model)
        for name, (kind, dimensions) in given.items():
            contents = _CONTENTS.get(kind)
            if name in values and contents is not None:
                tensor = message.inputs.add(name=name, datatype=kind, shape=[1] * dimensions)
                getattr(tensor.contents, contents).extend(values[name])
        if "text_input" not in given:
            raise ProbeFailed("refused", f"the model has no input `text_input`; it has {', '.join(given) or 'none'}")
        return message

    def _model_inputs(self, model: str) -> Mapping[str, tuple[str, int]]:
        """Return the inputs of a model by name: data type and number of dimensions; asked for once."""
        if model not in self._inputs:
            found = self._metadata_of(model)
            self._inputs[model] = {tensor.name: (tensor.datatype, len(tensor.shape)) for tensor in found.inputs}
        return self._inputs[model]

    def _metadata_of(self, model: str) -> service_pb2.ModelMetadataResponse:
        return self._call("ModelMetadata", service_pb2.ModelMetadataRequest(name=model))

    def _call(self, method: str, message: Any) -> Any:
        with self._failing(method):
            return getattr(self._stub, method)(message, timeout=self._timeout, metadata=self._metadata)

    @contextmanager
    def _failing(self, method: str) -> Iterator[None]:
        """Turn an error of gRPC into a ProbeFailed."""
        try:
            yield
        except grpc.RpcError as error:
            code, said = error.code(), self._said(error.details() or "")
            help = {
                grpc.StatusCode.UNAVAILABLE: "is it running, and is this its gRPC port (8001)?",
                grpc.StatusCode.UNAUTHENTICATED: "`--key-env` names the variable with its key",
            }.get(code, "")
            kind = _KINDS.get(code, "server-error")
            if kind == "unreachable" and method in _INFERENCES:  # it was there before
                kind = "cut"
            raise ProbeFailed(kind, f"{method}: {code.name}: {said}", help) from None

    def _said(self, text: str) -> str:
        """Return a text of the server, short, and without the key should it be in there."""
        if self._key:
            text = text.replace(self._key, "…")
        return text if len(text) <= 300 else text[:300] + " …"


_CONTENTS = {"BYTES": "bytes_contents", "INT32": "int_contents", "FP32": "fp32_contents", "BOOL": "bool_contents"}
"""Where the values of a data type stand in a message (KServe v2, InferTensorContents)."""


def _tensor(response: service_pb2.ModelInferResponse, name: str) -> Any:
    """Return a tensor of a response, None if it is not there or empty."""
    try:
        return InferResult(response).as_numpy(name)
    except (ValueError, TypeError) as error:
        raise ProbeFailed("broken", f"the tensor `{name}` cannot be read: {error}") from None
