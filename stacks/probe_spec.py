"""What a spec says about one of its servers that a probe can look at. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from specs.catalog.engines import engine_rows
from specs.catalog.reader import load_edition
from specs.load import Case
from specs.model_task import task_of
from specs.suggest import did_you_mean
from stacks.probe import Expected

HEALTH: Mapping[str, str] = {"vllm": "/health", "tgi": "/health", "llama-cpp": "/health", "custom": "/healthz"}
"""Where an engine says over HTTP that it is ready (components/workloads/engines)."""


class NotProbed(ValueError):
    """The spec does not say what is to be probed; `help` says what is missing."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class Subject(NamedTuple):
    """A server as the spec has it: its engine, what it is for, where it says that it is ready, and what to expect."""

    engine: str
    task: str
    health_path: str
    expected: Expected


def subject(
    cases: Sequence[Case], edition: str, server: str, *, file: str, environment: str = "", target: str = ""
) -> Subject:
    """Return what the spec says about a server, `serving.chat` or `chat`.

    Raises NotProbed for one that it does not have, or that differs between the environments and targets asked for.
    """
    chosen = [c for c in cases if environment in ("", c.environment) and target in ("", c.target)]
    if not chosen:
        raise NotProbed(f"the spec has nothing in environment `{environment or 'any'}` at target `{target or 'any'}`")
    name = server.removeprefix("serving.")
    with_it = [c for c in chosen if name in c.spec.serving]
    if not with_it:
        known = {f"serving.{n}" for c in chosen for n in c.spec.serving}
        raise NotProbed(f"the spec has no server `serving.{name}`", did_you_mean(f"serving.{name}", known, "servers"))
    found = {(c.environment, c.target): _subject(c, edition, name, file) for c in with_it}
    first, *others = found.values()
    if any(other != first for other in others):
        places = ", ".join(f"{e} at {t}" for e, t in found)
        raise NotProbed(
            f"`serving.{name}` is not the same everywhere ({places})", "`--environment` and `--target` say which"
        )
    return first


def expected_of(engine: str, edition: str) -> Expected:
    """Return what is to be expected of any server of an engine: its metrics."""
    row = engine_rows(edition).get(engine)
    return Expected(metrics=dict(row.metrics) if row else {})


def _subject(case: Case, edition: str, name: str, file: str) -> Subject:
    server = case.spec.serving[name]
    model = case.spec.models[server.model]
    old_names = {new: old for old, new in case.spec.moved.items()}
    row = engine_rows(edition).get(server.engine)
    metrics = dict(row.metrics) if row else {}
    if server.metrics is not None:
        metrics |= server.metrics.model_dump(by_alias=True, exclude_none=True)
    first = server.objectives.time_to_first_token if server.objectives else None
    between = server.objectives.inter_token_latency if server.objectives else None
    return Subject(
        engine=server.engine,
        task=task_of(model, load_edition(edition)),
        health_path=server.health_path or HEALTH.get(server.engine, ""),
        expected=Expected(
            source=f"serving.{name} of {file}",
            model=old_names.get(f"serving.{name}", f"serving.{name}").removeprefix("serving."),
            revision=model.revision or "",
            version=row.version if row and not server.image else "",
            metrics=metrics,
            time_to_first_token=first.p95 / 1000 if first else None,
            inter_token_latency=between.p95 / 1000 if between else None,
        ),
    )
