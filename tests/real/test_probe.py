"""`llmform probe` against the real tritonserver 2.51.0. Its model repository is what llmform writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.workloads.engines.triton_repository import Served, repository
from specs.catalog.engines import engine_rows
from specs.catalog.reader import NEWEST
from tests.case_runner import run
from tests.real.test_triton import PYTHON, free_ports, serving

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not PYTHON, reason="LLMFORM_TRITON names no Python with nvidia-pytriton 0.7.0 and tokenizers"),
]

STREAMS = """
import time
import numpy as np, triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            most = pb_utils.get_input_tensor_by_name(request, "max_tokens").as_numpy().reshape(-1)[0]
            sender = request.get_response_sender()
            time.sleep(0.05)
            for i in range(most):
                time.sleep(0.01 if i else 0)
                text = np.array([f"{i} ".encode()], dtype=object)
                sender.send(pb_utils.InferenceResponse([pb_utils.Tensor("text_output", text)]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
"""
"""The first piece after 50 ms, then one every 10 ms, as many as asked for."""

FAILS = """
import triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            error = pb_utils.TritonError("out of paper")
            request.get_response_sender().send(
                pb_utils.InferenceResponse(error=error), flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL
            )
"""

EMBEDS = """
import numpy as np, triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        return [
            pb_utils.InferenceResponse([pb_utils.Tensor("embedding", np.ones((1, 3), dtype=np.float32))])
            for _ in requests
        ]
"""


def probed(task: str, program: str, folder: Path, *more: str) -> tuple[int, dict[str, object], dict[str, str]]:
    """Serve a program and probe it; return the exit status, the report, and how each check ended."""
    files = repository(Served("chat", "python", task, 0, "/weights", 512))
    ports = free_ports()
    with serving(files | {"models/chat/1/serving_model.py": program}, folder, ports):
        words = ["probe", f"grpc://127.0.0.1:{ports[1]}", "--engine", "triton", "--requests", "8", "--format", "json"]
        words += ["--task", task, "--metrics-url", f"http://127.0.0.1:{ports[2]}/metrics", *more]
        status, out, err = run(words, folder)
    assert err == ""
    report = json.loads(out)
    return status, report, {check["name"]: check["status"] for check in report["checks"]}


def test_answers_are_streamed_to_their_end(tmp_path: Path) -> None:
    """Every answer is whole although the probe's side of the stream is closed at once: Triton goes on answering."""
    status, report, checks = probed("generate", STREAMS, tmp_path, "--output-tokens", "5")
    assert status == 0, report
    assert {name for name, ended in checks.items() if ended != "ok"} == {"version", "revision"}
    assert report["identity"] == {
        "models": ["chat"], "version": "2.51.0", "revisions": [], "note": "version 1 of the model",
    }  # fmt: skip
    measured = report["measured"]
    assert isinstance(measured, dict)
    assert measured["interTokenLatency"]["count"] == 8 * 4
    assert measured["timeToFirstToken"]["minimum"] >= 0.05
    assert report["metrics"] == [
        {"role": role, "name": name, "exported": True} for role, name in engine_rows(NEWEST)["triton"].metrics.items()
    ]


def test_an_error_of_the_model_is_the_answer(tmp_path: Path) -> None:
    """In its own words."""
    status, report, checks = probed("generate", FAILS, tmp_path)
    assert status == 1 and checks["answer"] == "failed" and "out of paper" in json.dumps(report)


def test_an_embedding_is_asked_for_whole(tmp_path: Path) -> None:
    """A batch of one text."""
    status, report, checks = probed("embed", EMBEDS, tmp_path)
    assert (status, checks["answer"], checks["requests"]) == (0, "ok", "ok"), report
    assert "a vector of 3 numbers" in json.dumps(report)
