"""`patches`, `manifests` and `adopt`: what the language does not say, and what exists already."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from specs.schema.base import Name, Section, Text, problem, short_form


class JsonPatchOperation(Section):
    """One operation of a JSON patch (RFC 6902)."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    """What to do."""

    path: Annotated[Text, Field(pattern=r"^(/.*)?$")]
    """Where, as a JSON pointer: `/spec/template/spec/priorityClassName`."""

    value: Any = None
    """The value, for add, replace and test."""

    from_: Annotated[Text, Field(pattern=r"^(/.*)?$")] | None = Field(default=None, alias="from")
    """The place to move or copy from."""


class Patch(Section):
    """A change to one node of the graph, made before the diff."""

    match: Annotated[Text, Field(min_length=1)]
    """The node's id, as `llmform graph` shows it: `serving.chat/Deployment/chat`."""

    merge: dict[Text, Any] | None = None
    """A strategic merge patch: maps merge, `null` removes, lists of named things (containers, env, …) merge by name."""

    # called json_patch here because pydantic's BaseModel has a method `json`
    json_patch: Annotated[tuple[JsonPatchOperation, ...], Field(min_length=1)] | None = Field(
        default=None, alias="json"
    )
    """A JSON patch (RFC 6902): a list of operations."""

    @model_validator(mode="after")
    def _one_kind(self) -> Patch:
        if (self.merge is None) == (self.json_patch is None):
            raise problem(
                "patch-without-change" if self.merge is None else "patch-twice",
                "a patch has `merge` or `json`, one of the two",
                "use `merge` to set values, `json` to move or remove list entries",
            )
        return self


class Manifests(Section):
    """Kubernetes objects of one's own, from YAML files beside the spec."""

    dir: Text | None = None
    """A folder beside the spec: all its `.yaml`, `.yml` and `.json` files, not those of its subfolders."""

    file: Text | None = None
    """One file beside the spec."""

    targets: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The targets that get them. Default: all."""

    @model_validator(mode="after")
    def _one_place(self) -> Manifests:
        if (self.dir is None) == (self.file is None):
            raise problem(
                "manifests-place",
                "manifests are a `dir` or a `file`, one of the two",
                "for example `dir: k8s/`",
            )
        return self


class Adoption(Section):
    """An object or resource that exists and becomes a node of the graph."""

    id: Annotated[Text, Field(pattern=r"^\S+$", max_length=2048)]
    """Its id: `namespace/name` of a Kubernetes object, `name` where the kind has no namespace; else the import id."""

    object: Annotated[Text, Field(min_length=1, max_length=1000)] | None = None
    """A file beside the spec with the Kubernetes object as it is (`kubectl get … -o yaml`), to compare with."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return short_form("id")(value)
