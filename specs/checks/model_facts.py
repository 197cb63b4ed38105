"""Models of which too little is known, that need a token, or whose context is longer than they can take."""

from __future__ import annotations

from collections.abc import Iterator

from specs.catalog.reader import Edition, ModelRow
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield what the catalog knows against the spec's models."""
    served = {server.model for server in case.spec.serving.values()}
    for name, model in case.spec.models.items():
        row = edition.models.get(model.repository)
        # a repository of several files of which none is named: its engine says so, whichever that is
        told = row is not None and bool(row.files) and model.file is None and name in served
        if model.size is None and model.architecture is None and not told and not _known_size(row, model.file):
            yield _unknown_size(case, name, row)
        if row is None:
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
        longest = row.native_context
        if model.architecture is None and model.context_length is not None and model.context_length > longest:
            yield finding(
                case,
                "context-too-long",
                ("models", name, "contextLength"),
                f"`{model.repository}` was trained for {longest:,} tokens, not {model.context_length:,}",
                help=f"write at most `{longest // 1024}k`{_extension(row)}",
            )


def _known_size(row: ModelRow | None, file: str | None) -> int:
    if row is None:
        return 0
    return row.files.get(file, 0) if file else row.weight_bytes


def _unknown_size(case: Case, name: str, row: ModelRow | None) -> Diagnostic:
    repository, given = case.spec.models[name].repository, case.spec.models[name].file
    if row is None:
        message = f"the catalog does not know `{repository}`, so the size of its weights is not known"
        example = f"`models.{name}.size: 15Gi`"
        more = ", or `architecture: {config: config.json}`, the model's own file beside the spec"
    elif given:
        message = f"the catalog does not know how large `{given}` of `{repository}` is"
        example = f"`models.{name}.size: 15Gi`"
        more = f", or choose one that it knows: {', '.join(row.files)}" if row.files else ""
    else:
        message = f"`{repository}` holds several models in files of different sizes"
        file, size = next(iter(row.files.items()))
        example, more = f"`models.{name}.size: {-(-size // 10**6)}M`", f" for {file} with {size:,} bytes"
    help = f"add `size:`, the sum of its weight files, such as {example}{more}"
    return finding(case, "unknown-model-size", ("models", name), message, help=help, key=True)


def _extension(row: ModelRow) -> str:
    if not row.extended_context:
        return ""
    return f"; the card describes {row.extended_context:,} tokens with {row.extension}"
