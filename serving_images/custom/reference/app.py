"""A server of one's own that keeps the contract of `engine: custom` (`serving_images/custom/reference/README.md`).

It speaks the part of OpenAI's protocol that a chat needs, streams, says when it is ready, counts what rules and
objectives read, and finishes its answers when it is told to stop. `Repeat` stands where a model of one's own goes: it
answers with the words of the question, so that everything around it can be tried without weights.

    MODEL_NAME=chat PORT=8000 python -m serving_images.custom.reference.app
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel

FIRST_TOKEN = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: the bounds of the histogram's buckets, closest where an objective is likely to lie."""


class Model(Protocol):
    """What a model of one's own has to do."""

    async def load(self, path: str) -> None:
        """Read the weights; nothing is answered before it returns."""

    def answer(self, prompt: str, most: int) -> AsyncIterator[str]:
        """Yield at most `most` pieces of the answer, as they come."""


class Repeat:
    """A model without weights: it says again what it was asked, one word after the other."""

    def __init__(self, pause: float = 0.0) -> None:
        self._pause = pause

    async def load(self, path: str) -> None:
        """Have nothing to read."""

    async def answer(self, prompt: str, most: int) -> AsyncIterator[str]:
        """Yield the words of the prompt, `pause` seconds apart."""
        for position, word in enumerate(prompt.split()[:most]):
            await asyncio.sleep(self._pause)
            yield word if position == 0 else f" {word}"


class Settings(NamedTuple):
    """What llmform tells the container by its environment."""

    name: str
    path: str = "/weights"
    port: int = 8000
    context: int = 0
    """In tokens; 0 where nobody said it."""
    concurrency: int = 8
    """Answers that are written at a time; more requests wait."""

    @staticmethod
    def of(environment: Mapping[str, str]) -> Settings:
        """Return the settings of the environment. Raises KeyError without MODEL_NAME, ValueError for no number."""
        plain = Settings(environment["MODEL_NAME"])
        return Settings(
            plain.name,
            environment.get("MODEL_PATH", plain.path),
            int(environment.get("PORT", plain.port)),
            int(environment.get("CONTEXT_LENGTH", plain.context)),
            int(environment.get("CONCURRENCY", plain.concurrency)),
        )


class Message(BaseModel):
    """One message of a chat."""

    role: str
    content: str


class ChatRequest(BaseModel):
    """The part of a chat request that this server reads."""

    model: str
    messages: list[Message]
    max_tokens: int = 256
    stream: bool = False


class Measures:
    """The metrics, under the names that the spec's `metrics` has to say."""

    def __init__(self) -> None:
        at = self.registry = CollectorRegistry()
        self.requests = Counter("chat_requests", "Requests", registry=at)
        self.errors = Counter("chat_errors", "Requests that failed by the server's fault", registry=at)
        self.running = Gauge("chat_requests_running", "Requests that are worked on", registry=at)
        self.waiting = Gauge("chat_requests_waiting", "Requests that wait", registry=at)
        self.first = Histogram("chat_first_token_seconds", "To the first token", buckets=FIRST_TOKEN, registry=at)
        self.between = Histogram("chat_inter_token_seconds", "Between tokens", buckets=FIRST_TOKEN, registry=at)
        self.whole = Histogram("chat_request_seconds", "To the answer's end", buckets=FIRST_TOKEN, registry=at)
        self.prompt = Counter("chat_prompt_tokens", "Tokens of prompts", registry=at)
        self.generated = Counter("chat_generation_tokens", "Tokens of answers", registry=at)


def create_app(settings: Settings, model: Model) -> FastAPI:
    """Return the application; it loads the model while it starts to answer, and is not ready before."""
    measures, room, ready = Measures(), asyncio.Semaphore(settings.concurrency), asyncio.Event()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async def load() -> None:
            await model.load(settings.path)
            ready.set()

        loading = asyncio.create_task(load())
        yield
        loading.cancel()

    app = FastAPI(title=settings.name, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def health() -> Response:
        return JSONResponse({"status": "ok"}) if ready.is_set() else JSONResponse({"status": "loading"}, 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(measures.registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": settings.name, "object": "model", "owned_by": "you"}]}

    @app.post("/v1/chat/completions")
    async def chat(asked: ChatRequest, request: Request) -> Response:
        measures.requests.inc()
        if not ready.is_set():
            raise HTTPException(503, "the model is not loaded yet")
        if asked.model != settings.name:
            raise HTTPException(404, f"there is no model `{asked.model}`, only `{settings.name}`")
        prompt = "\n".join(m.content for m in asked.messages)
        tokens = len(prompt.split())
        if settings.context and tokens + asked.max_tokens > settings.context:
            raise HTTPException(400, f"{tokens} + {asked.max_tokens} tokens are more than {settings.context}")
        measures.prompt.inc(tokens)
        pieces = _counted(measures, room, model.answer(prompt, asked.max_tokens))
        if asked.stream:
            return StreamingResponse(_events(settings.name, pieces), media_type="text/event-stream")
        try:
            text = "".join([piece async for piece in pieces])
        except Exception as error:
            logging.getLogger("uvicorn.error").exception("the model failed")
            raise HTTPException(500, "the model failed") from error
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return JSONResponse({"object": "chat.completion", "model": settings.name, "choices": [choice]})

    return app


async def _counted(measures: Measures, room: asyncio.Semaphore, pieces: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield the pieces, measured; a request waits for room first."""
    begun = time.perf_counter()
    with measures.waiting.track_inprogress():
        await room.acquire()
    last = 0.0
    try:
        with measures.running.track_inprogress():
            async for piece in pieces:
                now = time.perf_counter()
                (measures.between if last else measures.first).observe(now - (last or begun))
                last = now
                measures.generated.inc()
                yield piece
        measures.whole.observe(time.perf_counter() - begun)
    except Exception:
        measures.errors.inc()
        raise
    finally:
        room.release()


async def _events(name: str, pieces: AsyncIterator[str]) -> AsyncIterator[str]:
    """Yield the server-sent events of a streamed answer."""
    async for piece in pieces:
        choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
        yield _event({"object": "chat.completion.chunk", "model": name, "choices": [choice]})
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield _event({"object": "chat.completion.chunk", "model": name, "choices": [end]})
    yield "data: [DONE]\n\n"


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def main(environment: Mapping[str, str]) -> None:
    """Serve until the process is told to stop; requests in flight are finished first."""
    settings = Settings.of(environment)
    app = create_app(settings, Repeat(float(environment.get("PAUSE_SECONDS", "0"))))
    # no limit of its own on the way out: the pod's grace period is the limit
    uvicorn.run(app, host="0.0.0.0", port=settings.port, log_level="info")


if __name__ == "__main__":
    main(os.environ)
