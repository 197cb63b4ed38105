"""The states of a text's tokens to one embedding, as the model's own files say: `1_Pooling/config.json` how, and
`modules.json` whether its length becomes 1 (Sentence Transformers' layout of a repository).

Inputs `last_hidden_state` and `attention_mask`, output `embedding`. Parameter: `weights`, the folder of the files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from llmform_triton.settings import parameters

MODES = ("cls_token", "mean_tokens", "lasttoken")


class TritonPythonModel:
    """One instance of the model."""

    def initialize(self, args: dict[str, Any]) -> None:
        """Read how the model pools. Nothing is guessed: without the file, or with another way, it does not load."""
        folder = Path(parameters(args)["weights"])
        config = json.loads((folder / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
        modes = [mode for mode in MODES if config.get(f"pooling_mode_{mode}")]
        every = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
        if len(modes) != 1 or len(every) != 1:
            raise ValueError(f"1_Pooling/config.json pools by {every}; this program knows one of {list(MODES)}")
        self.mode = modes[0]
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        self.normalize = any(str(module["type"]).endswith(".Normalize") for module in modules)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Return the embeddings of each request's texts."""
        return [self._embedding(request) for request in requests]

    def _embedding(self, request: Any) -> Any:
        states = pb_utils.get_input_tensor_by_name(request, "last_hidden_state").as_numpy()
        mask = pb_utils.get_input_tensor_by_name(request, "attention_mask").as_numpy()
        found = pooled(states, mask, self.mode)
        if self.normalize:
            found = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        tensor = pb_utils.Tensor("embedding", found.astype(np.float32))
        return pb_utils.InferenceResponse(output_tensors=[tensor])


def pooled(states: Any, mask: Any, mode: str) -> Any:
    """Return one vector a text, of states `[texts, tokens, width]` and a mask `[texts, tokens]` of 0 and 1."""
    if mode == "mean_tokens":
        weight = mask[:, :, None].astype(states.dtype)
        return (states * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    where = mask.argmax(axis=1) if mode == "cls_token" else mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    return states[np.arange(len(states)), where]
