"""Runs a Pulumi program against the in-process engine, as the language host's executor does."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi
from pulumi.runtime import settings
from pulumi.runtime.stack import run_in_stack

from tests.monitor.engine import Engine, Monitor, Recorded

PARALLEL = 8
"""Operations at once; the executor has four threads for each, as the language host's."""


def run(
    program: Callable[[], None],
    *,
    stack: str,
    project: str = "llmform",
    organization: str = "organization",
    preview: bool = False,
    config: Mapping[str, str] | None = None,
    stacks: Mapping[str, Mapping[str, Any]] | None = None,
    before: Recorded | None = None,
    shuffle: int | None = None,
) -> Recorded:
    """Run a program and return what the engine saw.

    `config` has full keys (`llmform:spec`), `stacks` the outputs of other stacks by stack name, `before` the run that
    made the state, `shuffle` a seed: answers then come in random order.
    """
    named = {f"{organization}/{project}/{name}": outputs for name, outputs in (stacks or {}).items()}
    monitor = Monitor(project, stack, preview=preview, stacks=named, before=before, shuffle=shuffle)
    engine = Engine()
    error, crashed = contextvars.copy_context().run(_run, program, monitor, engine, organization, dict(config or {}))
    return Recorded(
        project=project,
        stack=stack,
        preview=preview,
        registrations=tuple(monitor.registrations.values()),
        outputs=monitor.outputs.get(monitor.root, {}),
        logs=tuple(engine.logs),
        invoked=tuple(monitor.invoked),
        error=error,
        crashed=crashed,
    )


def _run(
    program: Callable[[], None], monitor: Monitor, engine: Engine, organization: str, config: dict[str, str]
) -> tuple[str, bool]:
    settings.ROOT.set(None)
    settings.configure(
        settings.Settings(
            project=monitor.project,
            stack=monitor.stack,
            monitor=monitor,
            engine=engine,
            parallel=PARALLEL,
            dry_run=monitor.preview,
            organization=organization,
        )
    )
    pulumi.runtime.set_all_config(config, [])
    # A failed program leaves tasks behind that nobody awaits; the executor mutes asyncio for the same reason.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    threads = ThreadPoolExecutor(PARALLEL * 4)
    loop.set_default_executor(threads)
    try:
        loop.run_until_complete(run_in_stack(program))
    except pulumi.RunError as problem:
        return str(problem), False
    except Exception:
        return traceback.format_exc(), True
    finally:
        _end(loop)
        threads.shutdown()
    return "", False


def _end(loop: asyncio.AbstractEventLoop) -> None:
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.close()
