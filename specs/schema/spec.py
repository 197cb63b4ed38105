"""The whole spec: one field a top-level key."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from specs.schema.base import LABEL_VALUE_PATTERN, Flag, LabelKey, LabelValue, Name, Section, Text
from specs.schema.budget import Budget
from specs.schema.escapes import Adoption, Manifests, Patch
from specs.schema.images import Images
from specs.schema.models import Model
from specs.schema.node_pools import NodePool
from specs.schema.policies import LEVELS, PolicyLevel
from specs.schema.review import ReviewRule
from specs.schema.serving import Server
from specs.schema.stores import Store
from specs.schema.targets import Environment, Target


class Spec(Section):
    """One LLM platform: what is served, on which nodes, and where."""

    api_version: Literal["llmform/v1"]
    """The version of this language: `llmform/v1`."""

    name: Name
    """The platform's name. It is part of every stack's and every object's name: a new name is a new platform."""

    owner: Annotated[Text, Field(pattern=LABEL_VALUE_PATTERN, min_length=1)] | None = None
    """The team that owns the platform; a label of every object but pods, and a tag of every AWS resource."""

    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of every object but pods, which a new label would restart, and tags of every AWS resource."""

    edition: Text | None = None
    """The set of defaults, charts, images, engine and cluster versions, such as `2026-11`. Default: the newest."""

    models: dict[Name, Model] = Field(default_factory=dict)
    """The language models that are served."""

    node_pools: dict[Name, NodePool] = Field(default_factory=dict)
    """The nodes that models run on."""

    stores: dict[Name, Store] = Field(default_factory=dict)
    """Where data is kept."""

    serving: dict[Name, Server] = Field(default_factory=dict)
    """The model servers."""

    images: Images | None = None
    """The registry with images of one's own. Default: the images of the edition, from where they are published."""

    targets: Annotated[dict[Name, Target], Field(min_length=1)]
    """The places where the platform runs."""

    environments: dict[Name, Environment] = Field(default_factory=dict)
    """Sets of targets, each with what differs there. Default: one, `default`, with every target."""

    budget: Budget | None = None
    """What an environment may cost a month. Default: no limit."""

    protect: Flag = True
    """Refuse to delete what holds state (stores, VPC, cluster, keys) until an apply with `false` has come before.
    Default: true."""

    policies: dict[Text, PolicyLevel] = Field(
        default_factory=dict, json_schema_extra={"propertyNames": {"enum": list(LEVELS)}}
    )
    """How hard a policy is enforced: `{images-pinned: {level: advisory, reason: …, until: 2027-03-31}}`."""

    review: dict[Name, ReviewRule] = Field(default_factory=dict)
    """Which change needs whose consent: `{destructive: {risk: destructive, labels: [approved-destructive]}}`. It is the
    same everywhere; `llmform review gate` judges by it."""

    moved: dict[Text, Text] = Field(default_factory=dict)
    """Renames that replace nothing: `{nodePools.l40s: nodePools.inference}`, old place to new place."""

    adopt: dict[Text, Adoption] = Field(default_factory=dict)
    """What exists and becomes a node of the graph, by the node's id: `serving.chat/Deployment/chat: llm/vllm-chat`."""

    patches: tuple[Patch, ...] = ()
    """Changes to nodes of the graph, before the diff."""

    manifests: dict[Name, Manifests] = Field(default_factory=dict)
    """Kubernetes objects of one's own, which take part in diff and order."""
