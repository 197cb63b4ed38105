"""vLLM on a real GPU: what the sizing says of a small model, against what the engine measures when it loads it.

    .venv/bin/python -m pytest -n 0 tests/real/test_vllm.py

Needs `vllm` and `nvidia-smi` on PATH, and a GPU that the catalog has. The weights are random (`--load-format dummy`)
and the config is written here, so nothing is downloaded. Not run yet: no GPU was at hand.
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
from pathlib import Path
from typing import Any

import pytest

from components.resolve.sizing.fit import Fit
from components.workloads.engines.vllm_arguments import arguments
from specs.catalog.devices import devices
from specs.catalog.reader import NEWEST
from stacks.compile import compile_spec
from tests.memory_files import MemoryFiles

pytestmark = pytest.mark.real

# The numbers of Qwen2.5-1.5B's config.json: small, and with enough weights and cache for an error to show.
CONFIG: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "vocab_size": 151936,
    "max_position_embeddings": 32768,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}
WEIGHTS = re.compile(r"[Mm]odel loading took ([\d.]+) GiB")
TOKENS = re.compile(r"GPU KV cache size: ([\d,]+) tokens")
START_SECONDS = 900
"""The first start compiles kernels and captures graphs."""


def accelerator() -> str:
    """Return the catalog's name of the first GPU; empty if there is none that it knows."""
    if not shutil.which("nvidia-smi"):
        return ""
    asked = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits", "--id=0"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    name, _, mib = done.stdout.strip().partition(", ")
    words = set(name.lower().replace("-", " ").split())
    fitting = [
        (abs(device.usable_mib - int(mib)), known)
        for known, device in (devices(NEWEST).items() if mib.isdigit() else ())
        if known.split("-")[1] in words and abs(device.usable_mib - int(mib)) < int(mib) / 10
    ]
    return min(fitting)[1] if fitting else ""


def missing() -> str:
    """Return what this machine lacks, in one line; empty if nothing."""
    if not shutil.which("vllm"):
        return "`vllm` is not on PATH"
    return "" if accelerator() else "there is no GPU here that the catalog knows"


if REASON := missing():
    pytest.skip(REASON, allow_module_level=True)


def sized() -> tuple[Fit, list[str]]:
    """Return the calculation that a plan shows for the model on this GPU, and the arguments that the engine gets."""
    spec = {
        "apiVersion": "llmform/v1",
        "name": "hello",
        "models": {
            "chat": {
                "source": f"hf://acme/tiny@{'a' * 40}",
                "architecture": {"config": "config.json"},
                "contextLength": "4k",
            }
        },
        "nodePools": {"gpu": {"accelerator": accelerator(), "perNode": 1, "max": 1}},
        "serving": {"chat": {"model": "chat", "pool": "gpu"}},
        "targets": {"here": {"provider": "on-prem", "kubeContext": "here", "storage": {"shared": "files"}}},
    }
    files = MemoryFiles({"config.json": json.dumps(CONFIG).encode()})
    found = compile_spec(json.dumps(spec).encode(), "spec.yaml", files)
    assert found.compilation is not None, found.diagnostics
    [server] = found.platforms[0].servers
    assert server.sized is not None
    return server.sized.fit, arguments(server, "MODEL", 0)


def loaded(folder: Path, given: list[str]) -> str:
    """Start the engine with these arguments on random weights; return its log until the cache is made."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = [str(folder) if word == "MODEL" else f"--port={port}" if word == "--port=0" else word for word in given]
    log = folder / "log"
    with log.open("w") as out:
        engine = subprocess.Popen(
            ["vllm", "serve", *own, "--load-format=dummy", "--skip-tokenizer-init"],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"},
            start_new_session=True,
        )
        try:
            for _ in range(START_SECONDS):
                if TOKENS.search(log.read_text()) or engine.poll() is not None:
                    break
                time.sleep(1)
        finally:
            if engine.poll() is None:
                os.killpg(engine.pid, signal.SIGTERM)
            engine.wait(60)
    return log.read_text()


def test_the_sizing_is_what_the_engine_measures(tmp_path: Path) -> None:
    """Weights and the tokens that the cache holds, both within a tenth."""
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    fit, given = sized()
    text = loaded(tmp_path, given)
    weights, tokens = WEIGHTS.search(text), TOKENS.search(text)
    assert weights is not None and tokens is not None, text[-4000:]
    predicted = sum(line.bytes for line in fit.lines if line.name.startswith("weights"))
    assert predicted / 2**30 == pytest.approx(float(weights[1]), rel=0.1)
    assert fit.tokens == pytest.approx(int(tokens[1].replace(",", "")), rel=0.1)
