"""Models whose size is not known, that need a token, or whose context is longer than they can take."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield what the catalog knows against the spec's models."""
    for name, model in case.spec.models.items():
        row = edition.models.get(model.repository)
        if row is None:
            if model.size is None:
                yield finding(
                    case,
                    "unknown-model-size",
                    ("models", name),
                    f"the catalog does not know `{model.repository}`, so the size of its weights is not known",
                    help=f"add `size:`, the sum of its weight files, such as `models.{name}.size: 15Gi`",
                    key=True,
                )
            continue
        if row.gated and model.token is None:
            yield finding(
                case,
                "gated-model",
                ("models", name),
                f"`{model.repository}` is gated: the hub gives its weights only to an accepted account",
                help=f"add `token: {{secret: hf-token}}` and make that Secret, key `token`. Licence: {row.license}",
                key=True,
            )
        if model.context_length is not None and model.context_length > row.native_context:
            yield finding(
                case,
                "context-too-long",
                ("models", name, "contextLength"),
                f"`{model.repository}` was trained for {row.native_context:,} tokens, not {model.context_length:,}",
                help=f"write at most `{row.native_context // 1024}k`",
            )
