"""The reference of an image of one's own, started as its container starts it, passes the probe of its spec."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stacks.probe import Status
from tests.case_runner import run

ROOT = Path(__file__).resolve().parents[1]

SPEC = """\
apiVersion: llmform/v1
name: hello
models:
  chat: {source: "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"}
nodePools:
  l40s: {accelerator: nvidia-l40s, max: 2}
serving:
  chat:
    model: chat
    pool: l40s
    engine: custom
    image: registry.example/chat:1.4.0
    metrics:
      requestsRunning: chat_requests_running
      requestsWaiting: chat_requests_waiting
      timeToFirstToken: chat_first_token_seconds
      interTokenLatency: chat_inter_token_seconds
      requests: chat_requests_total
      generationTokens: chat_generation_tokens_total
targets:
  us-east-1: {provider: aws, region: us-east-1, account: "123456789012"}
"""


def test_the_reference_passes_the_probe_of_its_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ready at the path of the spec, streaming, exporting what the spec says; a name that it lacks is missed."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC)
    words = ["probe", f"http://127.0.0.1:{port}", "--spec", "spec.yaml", "--server", "serving.chat"]
    words += ["--requests", "10", "--concurrency", "4", "--format", "json"]
    with subprocess.Popen(
        [sys.executable, "-m", "serving_images.custom.reference.app"],
        cwd=ROOT,
        env=os.environ | {"MODEL_NAME": "chat", "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            until = time.monotonic() + 60
            while json.loads(run(words, tmp_path)[1])["fails"] and time.monotonic() < until:
                time.sleep(0.2)
            status, out, err = run(words, tmp_path)
            found = json.loads(out)
            checks = {check["name"]: check["status"] for check in found["checks"]}
            assert (status, err) == (0, ""), found
            assert {n for n, s in checks.items() if s != Status.OK} == {"version", "revision"}
            assert found["measured"]["answered"] == 10 and found["measured"]["interTokenLatency"]["count"] == 10 * 63
            spec.write_text(re.sub("chat_requests_waiting", "chat_queue", SPEC))
            status, out, _ = run(words, tmp_path)
            assert status == 1 and "1 of 6 are not exported: requestsWaiting `chat_queue`" in out
        finally:
            server.terminate()
