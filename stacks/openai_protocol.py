"""The bodies of the OpenAI protocol, as vLLM, TGI and llama.cpp answer them. Pure: JSON to values.

Fields are those of the OpenAI API reference (chat completions, completions, embeddings, models) and, for rerank, of
Jina's API, which vLLM (`/v1/rerank`) and llama.cpp (tools/server/README.md) follow. `reasoning_content` and `reasoning`
are what vLLM calls the thoughts of a model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from stacks.probe import ProbeFailed


def json_object(text: str) -> Mapping[str, Any]:
    """Return the JSON object that a text is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ProbeFailed("broken", f"what came is no JSON: {text[:80]!r}") from None
    if not isinstance(value, Mapping):
        raise ProbeFailed("broken", f"what came is no JSON object: {text[:80]!r}")
    return value


def piece_of(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return the text that an event adds, and why the answer ends if it does. What a model thinks aloud is text too."""
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, Mapping):
        return "", ""
    delta = first.get("delta")
    said = [delta.get(k) for k in ("content", "reasoning_content", "reasoning")] if isinstance(delta, Mapping) else []
    piece = next((text for text in (*said, first.get("text")) if isinstance(text, str) and text), "")
    return piece, text_or_nothing(first.get("finish_reason"))


def error_message(body: bytes) -> str:
    """Return what the body of an error says, in one of the forms of these engines (`{"error": {"message": …}}`,
    `{"error": …}`, `{"detail": …}`), or all of its text."""
    text = body.decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(value, Mapping):
        return text
    error = value.get("error")
    message = error.get("message") if isinstance(error, Mapping) else error
    return next((m for m in (message, value.get("message"), value.get("detail")) if isinstance(m, str) and m), text)


def advice(said: str, api: str) -> str:
    """Return what to do about a request that was refused, if its words tell."""
    if api == "chat" and "template" in said.lower():
        return "the model has no chat template: `--api completions` asks it without one"
    if "context" in said.lower() or "token" in said.lower():
        return "`--input-tokens` and `--output-tokens` say how much is asked for"
    return ""


def token_counts(usage: Any) -> tuple[int | None, int | None]:
    """Return the tokens of the prompt and of the answer as the server counted them, None where it did not."""
    counted = usage if isinstance(usage, Mapping) else {}
    return whole_number(counted.get("prompt_tokens")), whole_number(counted.get("completion_tokens"))


def whole_number(value: Any) -> int | None:
    """Return the value if it is a count, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def text_or_nothing(value: Any) -> str:
    """Return the value if it is text, else nothing."""
    return value if isinstance(value, str) else ""


def is_finite(value: Any) -> bool:
    """Say whether the value is a finite number; JSON of Python may hold NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def vector_length(found: Mapping[str, Any]) -> int:
    """Return how many numbers the embedding has. Raises ProbeFailed for an answer without one."""
    entries = found.get("data")
    first = entries[0] if isinstance(entries, list) and entries else None
    vector = first.get("embedding") if isinstance(first, Mapping) else None
    if not isinstance(vector, list) or not vector:
        raise ProbeFailed("empty", "POST /v1/embeddings answers without a vector")
    if not all(map(is_finite, vector)):
        raise ProbeFailed("broken", "the vector holds what is no finite number")
    return len(vector)


def need_scores(found: Mapping[str, Any], documents: int) -> None:
    """Raise ProbeFailed unless every document has one finite score."""
    results = found.get("results")
    if not isinstance(results, list) or not results:
        raise ProbeFailed("empty", "POST /v1/rerank answers without results")
    given = [(r.get("index"), r.get("relevance_score")) for r in results if isinstance(r, Mapping)]
    indices = [index for index, _ in given if isinstance(index, int)]
    if sorted(indices) != list(range(documents)) or not all(is_finite(score) for _, score in given):
        raise ProbeFailed("broken", f"POST /v1/rerank does not score each of {documents} texts once")
