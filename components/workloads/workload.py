"""What makes the pods of a model server, and what differs with it for the objects around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

SERVER_LABEL = "llmform.dev/server"
"""The label by which the pods of a server are found where their other labels are somebody else's."""


class Workload(NamedTuple):
    """The object that makes the pods.

    `pods` selects all of its pods (network policy, disruption budget), `answers` those that clients may be sent
    to (Service). `ingress` and `egress` are rules of the network policy beside those that every server has. `rollout`
    says how the pods are replaced, and `notes` what a reader of the plan has to know.
    """

    manifest: Mapping[str, Any]
    pods: Mapping[str, str]
    answers: Mapping[str, str]
    rollout: str
    ingress: tuple[Mapping[str, Any], ...] = ()
    egress: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
