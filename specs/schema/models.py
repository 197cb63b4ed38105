"""`models`: the language models that are served."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from specs.schema.architectures import ModelArchitecture
from specs.schema.base import Section, Text, problem, unit
from specs.units import bytes_, tokens

_SOURCE = re.compile(r"hf://(?P<repository>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?P<revision>.+))?")
_KEYS = frozenset(
    {"source", "contextLength", "size", "token", "license", "architecture", "file", "sha256", "quantization", "weights"}
)
"""The other keys; beside an unknown one, which may be a misspelt `revision`, only that one is reported."""
Task = Literal["generate", "embed", "rerank"]

_COMMIT = re.compile(r"[0-9a-f]{40}")


class SecretReference(Section):
    """A reference to a secret. The value itself never stands in a spec."""

    secret: Annotated[Text, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
    """Name of the Kubernetes Secret in the workloads' namespace; its key is `token`."""


class Model(Section):
    """A language model: where its weights come from, pinned to one revision."""

    source: Text
    """Where the weights come from: `hf://<organisation>/<name>`, with `@<revision>` or the key `revision`."""

    revision: Text
    """The commit of the repository, all 40 hex digits, so that the weights never change under a name."""

    file: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)*$", max_length=300)] | None = None
    """The one file of the repository that is the model, such as `qwen2.5-1.5b-instruct-q4_k_m.gguf`. Default: all its
    files."""

    sha256: Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """The checksum of `file`, 64 hex digits. The mirror refuses another file. Default: the one that the hub names."""

    context_length: Annotated[int, unit(tokens, written=int | str), Field(ge=128, le=16_777_216)] | None = None
    """Longest request plus answer, in tokens, such as `16k` (k is 1,024 here). Default: the model's own, at most
    16k."""

    task: Task | None = None
    """What the model is for: `generate` text, `embed` it, or `rerank` texts. Default: what the catalog says, else
    generate."""

    quantization: Literal["none", "fp8", "int8", "awq", "gptq", "nvfp4", "mxfp4"] | None = None
    """The format of the weights on the GPU. vLLM makes `fp8` while it loads 16-bit weights; the other ones are what the
    repository already has. Default: as published."""

    size: Annotated[int, unit(bytes_), Field(ge=1)] | None = None
    """Size of the weights on disk, such as `15Gi`. Needed only for a model that the catalog does not know and whose
    `architecture` does not say it."""

    architecture: ModelArchitecture | None = None
    """What a model is made of that the catalog does not know. Default: what the catalog says."""

    license: Annotated[Text, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")] | None = None
    """The licence that the model is used under, by the hub's id, such as `llama3.3`: whoever writes it has read its
    limits. It must be the one that the catalog knows."""

    weights: Literal["mirrored", "baked"] = "mirrored"
    """Where the weights are: `mirrored` once to the target's store or volume and brought to each node from there, or
    `baked` into the image of every server of the model, by `llmform images`. Default: mirrored."""

    token: SecretReference | None = None
    """The access token for a gated model. The mirror Job alone reads it; for `weights: baked` it is the build secret of
    this name."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        """Read `hf://…@rev` as `{source: hf://…, revision: rev}`, also in the long form's `source`."""
        if isinstance(value, str):
            value = {"source": value}
        if isinstance(value, dict) and isinstance(value.get("source"), str):
            found = _SOURCE.fullmatch(value["source"])
            if found and found["revision"]:
                if "revision" in value and value["revision"] != found["revision"]:
                    raise problem(
                        "revision-twice",
                        f"the revision is given twice: `@{found['revision']}` and `revision: {value['revision']}`",
                        "keep one of the two",
                    )
                value = value | {"source": f"hf://{found['repository']}", "revision": found["revision"]}
            elif found and "revision" not in value and value.keys() <= _KEYS:
                raise problem(
                    "unpinned-revision",
                    f"`{value['source']}` names no revision: the weights could change under the same name",
                    f"add the commit: `{value['source']}@<40 hex digits>`; the hub's page of the model shows it",
                )
        return value

    @field_validator("source")
    @classmethod
    def _known_source(cls, value: str) -> str:
        if not _SOURCE.fullmatch(value):
            raise problem(
                "bad-source",
                f"`{value[:200]}` is not a source of weights",
                "write `hf://<organisation>/<name>@<40 hex digits>`",
            )
        return value

    @field_validator("revision")
    @classmethod
    def _pinned(cls, value: str) -> str:
        if not _COMMIT.fullmatch(value):
            raise problem(
                "unpinned-revision",
                f"`{value[:200]}` is not a commit: a branch or tag can move, and the weights with it",
                "give the commit, all 40 hex digits; the hub's page of the model shows it",
            )
        return value

    @property
    def repository(self) -> str:
        """`<organisation>/<name>` on the hub."""
        return self.source.removeprefix("hf://")
