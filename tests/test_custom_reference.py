"""The reference of an image of one's own keeps the contract of `engine: custom`: started with uvicorn and asked."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from prometheus_client.parser import text_string_to_metric_families

from serving_images.custom.reference.app import Repeat, Settings, create_app

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def served(settings: Settings, model: Any) -> Iterator[httpx.Client]:
    """Serve the application in a thread, on a port of its own."""
    config = uvicorn.Config(create_app(settings, model), host="127.0.0.1", port=settings.port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", timeout=20) as client:
            wait(lambda: server.started)
            yield client
    finally:
        server.should_exit = True
        thread.join()


def wait(reached: Any) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ready(client: httpx.Client) -> bool:
    return client.get("/healthz").status_code == 200


def question(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "chat", "messages": [{"role": "user", "content": text}]} | more


def metrics(client: httpx.Client) -> dict[str, float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {s.name: s.value for family in families for s in family.samples if "le" not in s.labels}


class Slow(Repeat):
    """A model that is loaded when it is told so."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded = threading.Event()

    async def load(self, path: str) -> None:
        while not self.loaded.is_set():
            await asyncio.sleep(0.01)


class Broken(Repeat):
    """A model that fails after its first word."""

    async def answer(self, prompt: str, most: int) -> AsyncIterator[str]:
        yield prompt
        raise RuntimeError("no more")


def test_it_is_ready_once_its_model_is_loaded() -> None:
    """503 before, as a readiness probe wants it, and no answer."""
    model = Slow()
    with served(Settings("chat", port=free_port()), model) as client:
        assert client.get("/healthz").status_code == 503
        assert client.post("/v1/chat/completions", json=question("a")).status_code == 503
        model.loaded.set()
        wait(lambda: ready(client))
        assert client.post("/v1/chat/completions", json=question("a")).status_code == 200


def test_an_answer_comes_piece_by_piece() -> None:
    """Server-sent events as OpenAI's protocol has them: chunks, a last one that says why it ended, `[DONE]`."""
    with served(Settings("chat", port=free_port()), Repeat(0.02)) as client:
        wait(lambda: ready(client))
        came: list[float] = []
        events: list[str] = []
        with client.stream("POST", "/v1/chat/completions", json=question("one two three", stream=True)) as answer:
            for line in answer.iter_lines():
                if line:
                    came.append(time.monotonic())
                    events.append(line.removeprefix("data: "))
    chunks = [json.loads(e)["choices"][0] for e in events[:-1]]
    assert events[-1] == "[DONE]"
    assert "".join(c["delta"].get("content", "") for c in chunks) == "one two three"
    assert [c["finish_reason"] for c in chunks] == [None, None, None, "stop"]
    assert came[2] - came[0] > 0.02  # not all at once


def test_it_counts_what_rules_and_objectives_read() -> None:
    """Two answers of 3 words: 2 first tokens, 4 gaps, 6 tokens; the names are those that specs/examples has."""
    with served(Settings("chat", port=free_port()), Repeat()) as client:
        wait(lambda: ready(client))
        for _ in range(2):
            client.post("/v1/chat/completions", json=question("one two three"))
        found = metrics(client)
    assert found["chat_requests_total"] == 2
    assert found["chat_errors_total"] == 0
    assert found["chat_first_token_seconds_count"] == 2
    assert found["chat_inter_token_seconds_count"] == 4
    assert found["chat_request_seconds_count"] == 2
    assert found["chat_generation_tokens_total"] == found["chat_prompt_tokens_total"] == 6
    assert found["chat_requests_running"] == found["chat_requests_waiting"] == 0
    example = (ROOT / "specs" / "examples" / "multi-engine.yaml").read_text(encoding="utf-8")
    assert "requests: chat_requests_total, errors: chat_errors_total" in example


def test_a_failure_of_the_model_is_counted() -> None:
    with served(Settings("chat", port=free_port()), Broken()) as client:
        wait(lambda: ready(client))
        assert client.post("/v1/chat/completions", json=question("a")).status_code == 500
        assert metrics(client)["chat_errors_total"] == 1


def test_more_requests_than_its_concurrency_wait() -> None:
    """CONCURRENCY 1, two answers of 10 words 30 ms apart: one runs, one waits."""
    with served(Settings("chat", port=free_port(), concurrency=1), Repeat(0.03)) as client:
        wait(lambda: ready(client))
        threads = [
            threading.Thread(target=client.post, args=("/v1/chat/completions",), kwargs={"json": question("a " * 10)})
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        wait(lambda: metrics(client)["chat_requests_waiting"] == 1)
        assert metrics(client)["chat_requests_running"] == 1
        for thread in threads:
            thread.join()


def test_it_refuses_another_model_and_what_is_too_long() -> None:
    with served(Settings("chat", port=free_port(), context=12), Repeat()) as client:
        wait(lambda: ready(client))
        assert client.post("/v1/chat/completions", json=question("a") | {"model": "other"}).status_code == 404
        assert client.post("/v1/chat/completions", json=question("a b c", max_tokens=10)).status_code == 400
        assert client.post("/v1/chat/completions", json=question("a b", max_tokens=10)).status_code == 200


def test_it_finishes_its_answers_when_it_is_told_to_stop() -> None:
    """As a pod starts and stops it: by its environment, and by SIGTERM in the middle of an answer."""
    port = free_port()
    environment = os.environ | {"MODEL_NAME": "chat", "PORT": str(port), "PAUSE_SECONDS": "0.05"}
    command = [sys.executable, "-m", "serving_images.custom.reference.app"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            wait(lambda: answers(client))
            words: list[str] = []
            with client.stream("POST", "/v1/chat/completions", json=question("a " * 20, stream=True)) as answer:
                for line in answer.iter_lines():
                    if line:
                        words.append(line)
                    if len(words) == 2:
                        process.send_signal(signal.SIGTERM)
        assert len(words) == 20 + 2  # the words, why it ended, `[DONE]`
        assert process.wait(20) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()


def answers(client: httpx.Client) -> bool:
    try:
        return ready(client)
    except httpx.TransportError:
        return False
