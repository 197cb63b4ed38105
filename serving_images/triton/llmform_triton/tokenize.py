"""Text to the tokens of an encoder, padded to the longest text of the request.

Inputs `text_input` and, for a pair, `query`; outputs `input_ids`, `attention_mask` and, where the model has it,
`token_type_ids`. Parameters: `weights` (the folder with tokenizer.json), `context` (tokens, 0 for no
limit).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from tokenizers import Tokenizer

from llmform_triton.settings import parameters

OUTPUTS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
"""The output's name → what the tokenizer calls it."""


class TritonPythonModel:
    """One instance of the model."""

    def initialize(self, args: dict[str, Any]) -> None:
        """Read the tokenizer."""
        given = parameters(args)
        self.tokenizer = Tokenizer.from_file(f"{given['weights']}/tokenizer.json")
        self.tokenizer.no_truncation()
        if context := int(given["context"]):
            self.tokenizer.enable_truncation(context)
        padding = self.tokenizer.padding or {}
        known = {k: padding[k] for k in ("pad_id", "pad_token", "pad_type_id") if k in padding}
        self.tokenizer.enable_padding(length=None, pad_to_multiple_of=None, **known)
        self.outputs = [o["name"] for o in json.loads(args["model_config"])["output"]]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Return the tokens of each request's texts."""
        return [self._tokens(request) for request in requests]

    def _tokens(self, request: Any) -> Any:
        texts = _texts(request, "text_input")
        query = pb_utils.get_input_tensor_by_name(request, "query")
        found = self.tokenizer.encode_batch(
            texts if query is None else list(zip(_texts(request, "query"), texts, strict=True))
        )
        tensors = [
            pb_utils.Tensor(name, np.array([getattr(f, OUTPUTS[name]) for f in found], dtype=np.int64))
            for name in self.outputs
        ]
        return pb_utils.InferenceResponse(output_tensors=tensors)


def _texts(request: Any, name: str) -> list[str]:
    values = pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)
    return [value.decode("utf-8", "replace") for value in values]
