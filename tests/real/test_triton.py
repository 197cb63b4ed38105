"""The model repositories that llmform writes, served by the real tritonserver 2.51.0 with its Python backend.

`LLMFORM_TRITON` names a Python with the packages nvidia-pytriton 0.7.0, which brings the server, and tokenizers. ONNX
Runtime and TensorRT-LLM are not in it: models of their backends are replaced here by Python models with the same
tensors, so that everything around them is real.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.workloads.engines.triton import arguments
from components.workloads.engines.triton_repository import Served, repository

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("LLMFORM_TRITON", "")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not PYTHON, reason="LLMFORM_TRITON names no Python with nvidia-pytriton 0.7.0 and tokenizers"),
]

VOCABULARY = {"[UNK]": 0, "[PAD]": 1, "[CLS]": 2, "[SEP]": 3, "red": 4, "green": 5, "blue": 6}
TOKENIZER: dict[str, Any] = {
    "version": "1.0", "truncation": None, "normalizer": None, "decoder": None,
    "padding": {
        "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 1, "pad_type_id": 0, "pad_token": "[PAD]",
    },
    "added_tokens": [
        {
            "id": 2, "content": "[CLS]", "special": True, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False,
        }
    ],
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
            {"Sequence": {"id": "B", "type_id": 1}},
        ],
        "special_tokens": {
            "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
            "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
        },
    },
    "model": {"type": "WordLevel", "vocab": VOCABULARY, "unk_token": "[UNK]"},
}  # fmt: skip

STATES = """
import numpy as np, triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        found = []
        for request in requests:
            ids = pb_utils.get_input_tensor_by_name(request, "input_ids").as_numpy()
            states = np.stack([ids, ids * 10], axis=2).astype(np.float32)
            found.append(pb_utils.InferenceResponse([pb_utils.Tensor("last_hidden_state", states)]))
        return found
"""
"""In place of an encoder: the state of token t is (t, 10 t)."""

LOGITS = """
import numpy as np, triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        found = []
        for request in requests:
            types = pb_utils.get_input_tensor_by_name(request, "token_type_ids").as_numpy()
            logits = types.sum(1, keepdims=True).astype(np.float32)
            found.append(pb_utils.InferenceResponse([pb_utils.Tensor("logits", logits)]))
        return found
"""
"""In place of a reranker: the logit is the number of tokens of the second text."""

BYTES = """
import numpy as np, triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            def value(name):
                return pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)
            sender = request.get_response_sender()
            tokens = value("input_ids")[: int(value("request_output_len")[0])]
            pieces = [[t] for t in tokens] if value("streaming")[0] else [list(tokens)]
            for piece in pieces:
                ids = np.array([[piece]], dtype=np.int32)
                length = np.array([[len(piece)]], dtype=np.int32)
                sender.send(pb_utils.InferenceResponse([
                    pb_utils.Tensor("output_ids", ids), pb_utils.Tensor("sequence_length", length)
                ]))
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
"""
"""In place of a TensorRT-LLM engine: it says the tokens that it was given."""


def free_ports() -> list[int]:
    sockets = [socket.socket() for _ in range(3)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def write(files: dict[str, str], folder: Path) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def replaced(files: dict[str, str], model: str, backend: str, program: str) -> dict[str, str]:
    """Return the repository with a Python model in place of a model whose backend is not here."""
    config = files[f"models/{model}/config.pbtxt"]
    assert f'backend: "{backend}"' in config
    config = re.sub(r'default_model_filename: ".*"\n', "", config.replace(f'backend: "{backend}"', 'backend: "python"'))
    # the stand-in runs where there is no GPU
    config = re.sub(r"kind: KIND_GPU\n *gpus: .*\n", "kind: KIND_CPU\n", config)
    return files | {f"models/{model}/config.pbtxt": config, f"models/{model}/1/model.py": program}


@contextmanager
def serving(files: dict[str, str], folder: Path, ports: Sequence[int] = ()) -> Iterator[Callable[..., Any]]:
    """Start the server with llmform's own arguments but for ports and paths; give a caller of its HTTP API.

    `ports` are those for HTTP, gRPC and metrics; without any they are free ones.
    """
    write(files, folder)
    for program in folder.glob("models/*/1/model.py"):
        # in the image the package is one of Python's own; the backend's Python is isolated and sees no PYTHONPATH
        shutil.copytree(ROOT / "serving_images/triton/llmform_triton", program.parent / "llmform_triton")
    about = "pytriton.__path__[0], sysconfig.get_python_version(), sysconfig.get_config_var('LIBDIR')"
    asked = f"import pytriton, sysconfig; print({about})"
    package, version, library = subprocess.check_output([PYTHON, "-c", asked], text=True).split()
    site = Path(package)
    backends = folder / "backends" / "python"
    shutil.copytree(site / "tritonserver" / "backends" / "python", backends)
    stub = "triton_python_backend_stub"
    shutil.copy(site / "tritonserver" / "python_backend_stubs" / version / stub, backends / stub)
    ports = ports or free_ports()
    words = list(arguments(6, {}))
    words[words.index("--model-repository=/etc/llmform/models")] = f"--model-repository={folder}/models"
    for name, port in zip(("http", "grpc", "metrics"), ports, strict=True):
        [old] = [w for w in words if w.startswith(f"--{name}-port=")]
        words[words.index(old)] = f"--{name}-port={port}"
    more = [f"--{name}-address=127.0.0.1" for name in ("http", "grpc", "metrics")]
    environment = {
        "PATH": f"{Path(PYTHON).parent}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": f"{library}:{site.parent}/nvidia_pytriton.libs",
        "HOME": str(folder),
    }
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [site / "tritonserver" / "bin" / "tritonserver", *words, *more, f"--backend-directory={folder}/backends"],
        env=environment, stdout=log, stderr=log,
    )  # fmt: skip

    def call(path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}{path}", data, timeout=20) as answer:
            text = answer.read().decode()
        return json.loads(text) if answer.headers["Content-Type"] == "application/json" else text

    try:
        for _ in range(240):
            assert server.poll() is None, (folder / "log").read_text(errors="replace")
            try:
                call("/v2/health/ready")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.25)
        else:
            pytest.fail((folder / "log").read_text(errors="replace"))
        yield call
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    """Return the status and the text that the server refuses a call with."""
    with pytest.raises(urllib.error.HTTPError) as raised:
        call()
    with raised.value as answer:
        return answer.code, answer.read().decode()


def strings(name: str, *values: str) -> dict[str, Any]:
    return {"name": name, "datatype": "BYTES", "shape": [len(values), 1], "data": list(values)}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Files beside the weights, as a repository on the hub has them."""
    folder = tmp_path / "weights"
    modules = [{"type": "sentence_transformers.models.Pooling"}, {"type": "sentence_transformers.models.Normalize"}]
    write(
        {
            "tokenizer.json": json.dumps(TOKENIZER),
            "modules.json": json.dumps(modules),
            "1_Pooling/config.json": json.dumps({"word_embedding_dimension": 2, "pooling_mode_mean_tokens": True}),
            "generation_config.json": json.dumps({"eos_token_id": [3, 2]}),
        },
        folder,
    )
    return folder


def test_an_embedding_comes_out_of_the_three_models(weights: Path, tmp_path: Path) -> None:
    """The mean of (t, 10 t) over a text's tokens, without its padding, has the direction (1, 10): of length 1 it is
    (1, 10) / √101. Two texts of different length in one request are padded to one."""
    files = repository(Served("embed", "onnx", "embed", 1, str(weights), 512))
    files = replaced(files, "embed-encode", "onnxruntime", STATES)
    with serving(files, tmp_path) as call:
        index = call("/v2/repository/index", {})
        assert {(m["name"], m["state"]) for m in index} == {
            (n, "READY") for n in ("embed", "embed-tokenize", "embed-encode", "embed-pool")
        }
        answer = call("/v2/models/embed/infer", {"inputs": [strings("text_input", "red", "red green blue")]})
        [output] = answer["outputs"]
        assert output["name"] == "embedding" and output["shape"] == [2, 2]
        assert output["data"] == pytest.approx([1 / 101**0.5, 10 / 101**0.5] * 2, rel=1e-5)


def test_a_pair_gets_a_score(weights: Path, tmp_path: Path) -> None:
    """The logistic function of the number of tokens of the second text: 1 / (1 + e^-3) for three."""
    files = repository(Served("rank", "onnx", "rerank", 1, str(weights), 512, token_types=True))
    files = replaced(files, "rank-encode", "onnxruntime", LOGITS)
    with serving(files, tmp_path) as call:
        inputs = [strings("query", "red"), strings("text_input", "red green blue")]
        [output] = call("/v2/models/rank/infer", {"inputs": inputs})["outputs"]
        assert output["name"] == "score" and output["data"] == pytest.approx([1 / (1 + 2.718281828**-3)], rel=1e-5)


def test_an_answer_is_streamed_and_a_model_cannot_be_unloaded(weights: Path, tmp_path: Path) -> None:
    """Pieces join to the answer; without `stream` it comes at once; a text that leaves no room is an error. In the
    control mode that llmform sets, nobody who reaches the port can take the model away."""
    files = repository(Served("chat", "tensorrt-llm", "generate", 1, str(weights), 8))
    files = replaced(files, "chat-engine", "tensorrtllm", BYTES)
    with serving(files, tmp_path) as call:
        body = {"text_input": "red green blue", "max_tokens": 4}
        whole = call("/v2/models/chat/generate", body)
        assert whole["text_output"] == "red green blue"  # the tokenizer leaves special tokens out of an answer
        events = call("/v2/models/chat/generate_stream", body | {"stream": True})
        pieces = [json.loads(line[6:])["text_output"] for line in events.splitlines() if line.startswith("data: ")]
        assert len(pieces) > 1 and "".join(pieces) == "red green blue"
        code, text = refusal(lambda: call("/v2/models/chat/generate_stream", {"text_input": "red " * 9}))
        assert code == 400 and "10 tokens, and 8 is the longest" in text
        assert refusal(lambda: call("/v2/repository/models/chat/unload", {}))[0] == 503
        assert call("/v2/models/chat/ready") == ""


def test_a_model_without_pooling_does_not_load(weights: Path, tmp_path: Path) -> None:
    """Nothing is guessed: where the model's files do not say how it pools, the server does not start."""
    (weights / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_max_tokens": True}))
    files = repository(Served("embed", "onnx", "embed", 0, str(weights), 512))
    files = replaced(files, "embed-encode", "onnxruntime", STATES)
    with pytest.raises(AssertionError, match="pooling_mode_max_tokens"), serving(files, tmp_path):
        pass


def test_a_program_of_ones_own_is_loaded_by_its_module(weights: Path, tmp_path: Path) -> None:
    """An image with the module `serving_model` on Python's path is all that `backend: python` needs."""
    program = """
import numpy as np, triton_python_backend_utils as pb_utils
class TritonPythonModel:
    def execute(self, requests):
        def one(request):
            texts = pb_utils.get_input_tensor_by_name(request, "text_input").as_numpy()
            return np.array([[float(len(t[0]))] for t in texts], dtype=np.float32)
        return [pb_utils.InferenceResponse([pb_utils.Tensor("embedding", one(r))]) for r in requests]
"""
    files = repository(Served("own", "python", "embed", 0, str(weights), 512))
    # the image's path for Python is here the model's own folder, which Triton has on it
    with serving(files | {"models/own/1/serving_model.py": program}, tmp_path) as call:
        [output] = call("/v2/models/own/infer", {"inputs": [strings("text_input", "four")]})["outputs"]
        assert output["data"] == [4.0]
