"""Text to text through a TensorRT-LLM engine: tokens in, and the answer streamed as whole characters.

Inputs `text_input`, `max_tokens`, `temperature`, `stream`; output `text_output`, once or, with `stream`, a piece at a
time. Parameters: `weights` (the folder with tokenizer.json and generation_config.json), `engine` (the model that runs
it), `context` (tokens, 0 for no limit).
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from tokenizers import Tokenizer

from llmform_triton.settings import parameters

DEFAULT_TOKENS = 256
"""Of an answer, where a request does not say."""

AT_ONCE = 256
"""Requests that wait for the engine: it batches them itself."""


class TritonPythonModel:
    """One instance of the model."""

    def initialize(self, args: dict[str, Any]) -> None:
        """Read the tokenizer, and what ends an answer. Without a file of the two the model does not load."""
        given = parameters(args)
        self.engine, self.context = given["engine"], int(given["context"])
        folder = Path(given["weights"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.end = end_token(json.loads((folder / "generation_config.json").read_text(encoding="utf-8")))
        self.threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="generate")

    def execute(self, requests: list[Any]) -> None:
        """Begin every request; the answers come from the threads."""
        for request in requests:
            self.threads.submit(self._answer, request, request.get_response_sender())

    def finalize(self) -> None:
        """Let the answers in flight end."""
        self.threads.shutdown()

    def _answer(self, request: Any, sender: Any) -> None:
        try:
            for text in self._texts(request):
                if request.is_cancelled():
                    break
                tensor = pb_utils.Tensor("text_output", np.array([text.encode()], dtype=object))
                sender.send(pb_utils.InferenceResponse(output_tensors=[tensor]))
        except Exception as error:  # whatever it is, the client waits for an end
            sender.send(pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error))))
        finally:
            sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def _texts(self, request: Any) -> Any:
        text = pb_utils.get_input_tensor_by_name(request, "text_input").as_numpy().reshape(-1)[0].decode()
        tokens = self.tokenizer.encode(text).ids
        limit = int(_scalar(request, "max_tokens", DEFAULT_TOKENS))
        if self.context:
            limit = min(limit, self.context - len(tokens))
        if limit < 1:
            raise ValueError(f"the text has {len(tokens)} tokens, and {self.context} is the longest with its answer")
        streams = bool(_scalar(request, "stream", False))
        asked = self._request(tokens, limit, streams, _scalar(request, "temperature", None))
        shown, found = "", []
        for response in asked.exec(decoupled=True):
            if response.has_error():
                raise RuntimeError(response.error().message())
            output = pb_utils.get_output_tensor_by_name(response, "output_ids")
            if output is None:
                continue
            found += output.as_numpy().reshape(-1).tolist()
            whole = self.tokenizer.decode(found)
            if streams and not whole.endswith("\ufffd"):  # the bytes of a character may still be incomplete
                yield whole[len(shown) :]
                shown = whole
        rest = self.tokenizer.decode(found)[len(shown) :]
        if rest or not streams:
            yield rest

    def _request(self, tokens: list[int], limit: int, streams: bool, temperature: Any) -> Any:
        inputs = [
            pb_utils.Tensor("input_ids", np.array([tokens], dtype=np.int32)),
            pb_utils.Tensor("input_lengths", np.array([[len(tokens)]], dtype=np.int32)),
            pb_utils.Tensor("request_output_len", np.array([[limit]], dtype=np.int32)),
            pb_utils.Tensor("streaming", np.array([[streams]], dtype=bool)),
            *(pb_utils.Tensor(name, np.array([[self.end]], dtype=np.int32)) for name in ("end_id", "pad_id")),
        ]
        if temperature is not None:
            inputs.append(pb_utils.Tensor("temperature", np.array([[temperature]], dtype=np.float32)))
        return pb_utils.InferenceRequest(
            model_name=self.engine, requested_output_names=["output_ids", "sequence_length"], inputs=inputs
        )


def end_token(config: dict[str, Any]) -> int:
    """Return what ends an answer, of a generation_config.json: the engine takes one, so of several the first. A model
    pads with it too, which nothing looks at."""
    ends = config["eos_token_id"]
    return int(ends[0] if isinstance(ends, list) else ends)


def _scalar(request: Any, name: str, default: Any) -> Any:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return default if tensor is None else tensor.as_numpy().reshape(-1)[0]
