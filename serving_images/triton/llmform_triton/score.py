"""A reranker's logit to a score between 0 and 1, by the logistic function.

Input `logits`, output `score`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """One instance of the model."""

    def execute(self, requests: list[Any]) -> list[Any]:
        """Return the score of each pair of each request."""
        return [self._score(request) for request in requests]

    def _score(self, request: Any) -> Any:
        logits = pb_utils.get_input_tensor_by_name(request, "logits").as_numpy()
        score = 0.5 * (1.0 + np.tanh(0.5 * logits))  # the logistic function, without an overflow for any logit
        return pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("score", score.astype(np.float32))])
