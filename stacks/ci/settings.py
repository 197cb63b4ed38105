"""What a GitHub job is told: the action's inputs and the event, as values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_COMMIT = re.compile("[0-9a-f]{40}(?:[0-9a-f]{24})?")

INPUTS = ("specs", "base", "environment", "target", "comment", "gate", "token")
"""The inputs of action.yml. Each comes as the environment variable `LLMFORM_<NAME>`, never as a part of a script."""


class BadInput(ValueError):
    """An input or the event does not say what is needed; the message is for the user."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One run. `number` is None where there is no pull request; `read_only`: GitHub gives the run a token that cannot
    write (a fork, Dependabot); `link_base`: what paths are put behind to make links to the lines of the change."""

    specs: tuple[str, ...]
    base: str
    options: tuple[str, ...]
    comment: bool
    gate: bool
    token: str = field(repr=False)
    api: str
    graphql: str
    repository: str
    number: int | None
    read_only: bool
    run: tuple[int, int]
    link_base: str

    @property
    def selection(self) -> tuple[str, ...]:
        """What the comment is about: the specs and what of them is planned."""
        return (*self.specs, *self.options)


def settings(environment: Mapping[str, str], event: Mapping[str, Any]) -> Settings:
    """Return what the environment and the event say; BadInput if specs or base are not there."""
    given = {name: environment.get(f"LLMFORM_{name.upper()}", "").strip() for name in INPUTS}
    specs = tuple(dict.fromkeys(line.strip() for line in given["specs"].splitlines() if line.strip()))
    if not specs:
        raise BadInput("the input `specs` names no spec: write one path a line")
    pull = event.get("pull_request") or {}
    repository = environment.get("GITHUB_REPOSITORY", "")
    head = ((pull.get("head") or {}).get("repo") or {}).get("full_name", "")
    options = [f"--{name}={given[name]}" for name in ("environment", "target") if given[name]]
    return Settings(
        specs,
        given["base"] or _base(event),
        tuple(options),
        _switch("comment", given["comment"], True),
        _switch("gate", given["gate"], False),
        given["token"],
        environment.get("GITHUB_API_URL") or "https://api.github.com",
        environment.get("GITHUB_GRAPHQL_URL") or "https://api.github.com/graphql",
        repository,
        pull.get("number"),
        bool(pull) and (head != repository or environment.get("GITHUB_ACTOR") == "dependabot[bot]"),
        (_whole(environment.get("GITHUB_RUN_ID", "")), _whole(environment.get("GITHUB_RUN_ATTEMPT", ""))),
        _link_base(environment, (pull.get("head") or {}).get("sha") or environment.get("GITHUB_SHA", "")),
    )


def _base(event: Mapping[str, Any]) -> str:
    """Return the commit that the event's change goes onto."""
    places = (("pull_request", "base", "sha"), ("merge_group", "base_sha"), ("before",))
    for place in places:
        value: Any = event
        for key in place:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value.strip("0"):
            return value
    raise BadInput("this event has no base: write the input `base`, a branch or a commit")


def _link_base(environment: Mapping[str, str], commit: object) -> str:
    """Return the address of the files at a commit, empty where there is no such address. The commits of a fork's pull
    request are in the repository that it is made to, as well."""
    server, repository = environment.get("GITHUB_SERVER_URL", ""), environment.get("GITHUB_REPOSITORY", "")
    if not server or not repository or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        return ""
    return f"{server.rstrip('/')}/{repository}/blob/{commit}/"


def _switch(name: str, text: str, default: bool) -> bool:
    if text not in ("", "true", "false"):
        raise BadInput(f"the input `{name}` is `true` or `false`, not `{text[:40]}`")
    return text == "true" if text else default


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
