"""The run of a probe: asks a server one thing after the other, then many at once, and judges what came.

`probe` is what a gate of a rollout calls: it needs a client and settings, and prints nothing.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from stacks.probe import (
    Answer,
    Check,
    Client,
    Expected,
    Failure,
    Identity,
    ProbeFailed,
    ProbeReport,
    Request,
    Settings,
    Status,
    first_token_times,
    gaps,
    prompt,
    tokens_in_a_piece,
)
from stacks.probe_judge import judge_first_token, judge_gaps, judge_metrics, judge_revision, judge_version


@dataclass(slots=True)
class _Run:
    """What is known so far."""

    settings: Settings
    checks: list[Check] = field(default_factory=list)
    identity: Identity = Identity()
    answers: list[Answer] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    metrics: dict[str, bool] = field(default_factory=dict)

    def add(self, name: str, status: Status, text: str, help: str = "") -> None:
        self.checks.append(Check(name, status, text, help))

    def failed(self, name: str, failed: ProbeFailed) -> None:
        self.add(name, Status.FAILED, failed.message, failed.help)


def probe(
    client: Client,
    settings: Settings,
    expected: Expected = Expected(),  # noqa: B008  a NamedTuple: nothing can change it
    *,
    progress: Callable[[int], None] = lambda done: None,
    clock: Callable[[], float] = time.perf_counter,
) -> ProbeReport:
    """Probe a server: is it ready, is it the right one, does it answer, how fast, and can it be watched.

    What comes after a check that failed is left out where it could only fail too. `progress` is told how many requests
    are done. A KeyboardInterrupt ends the run; what was measured until then is in the report, which says so.
    """
    run = _Run(settings)
    try:
        _ask(run, client, expected, progress, clock)
    except KeyboardInterrupt:
        run.interrupted = True
    report = ProbeReport(
        client.address, run.settings, expected, run.identity, tuple(run.checks), tuple(run.answers),
        tuple(run.failures), run.seconds, run.interrupted, run.metrics,
    )  # fmt: skip
    return _judged(report)


def _ask(
    run: _Run, client: Client, expected: Expected, progress: Callable[[int], None], clock: Callable[[], float]
) -> None:
    """Fill the run with what the server says, in the order in which one thing needs another."""
    if not _is_ready(run, client):
        return
    if _is_the_model(run, client, expected) and _answers(run, client):
        _measure(run, client, progress, clock)
    _has_metrics(run, client, expected)  # last: some metrics are there only once a request has been


def _is_ready(run: _Run, client: Client) -> bool:
    try:
        said = client.ready()
    except ProbeFailed as failed:
        if failed.kind == "unreachable":
            run.failed("reachable", failed)
        else:
            run.add("reachable", Status.OK, f"{client.address} answers")
            run.failed("ready", failed)
        return False
    run.add("reachable", Status.OK, f"{client.address} answers")
    run.add("ready", Status.OK if said else Status.UNKNOWN, said or "this address does not say")
    return True


def _is_the_model(run: _Run, client: Client, expected: Expected) -> bool:
    """Say whether the model is there that is to be asked; what the server says it is, is kept."""
    wanted = run.settings.model or expected.model
    try:
        run.identity = client.identity(wanted)
    except ProbeFailed as failed:
        run.failed("model", failed)
        return False
    told = run.identity
    # TGI does not read the name, and wants one
    model = wanted or (told.models[0] if told.models else "tgi" if run.settings.engine == "tgi" else "")
    run.settings = run.settings._replace(model=model)
    note = f" ({told.note})" if told.note else ""
    if told.models and model not in told.models:
        run.add("model", Status.FAILED, f"`{model}` is not served; it serves {', '.join(told.models)}")
        return False
    if not model:
        run.add(
            "model", Status.FAILED, told.note or "it does not say what its model is called", "name it with `--model`"
        )
        return False
    if told.models:
        run.add("model", Status.OK, f"`{model}` is served{note}")
    else:
        run.add("model", Status.UNKNOWN, told.note or "it does not say what its model is called")
    run.checks.append(judge_version(told.version, expected.version, expected.source))
    run.checks.append(judge_revision(told.revisions, expected.revision, expected.source))
    return True


def _answers(run: _Run, client: Client) -> bool:
    """Say whether the first request is answered; send those that warm up, which are not counted."""
    for number in range(max(1, run.settings.warm_up)):
        try:
            answer = client.answer(_request(run.settings, -1 - number))
        except ProbeFailed as failed:
            run.failed("answer", failed)
            return False
        if number == 0:
            how = f"streamed in {len(answer.pieces):,} pieces" if answer.pieces else answer.text
            run.add("answer", Status.OK, how)
    return True


def _request(settings: Settings, number: int) -> Request:
    return Request(settings.model, settings.task, prompt(settings, number), settings.output_tokens)


def _measure(run: _Run, client: Client, progress: Callable[[int], None], clock: Callable[[], float]) -> None:
    """Send the counted requests, `concurrency` at a time.

    The threads are daemons: after an interrupt nobody waits for requests that may take their whole timeout.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[Answer | Failure | BaseException] = queue.SimpleQueue()
    stop = threading.Event()
    for number in range(run.settings.requests):
        waiting.put(number)

    def work() -> None:
        while not stop.is_set():
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put(client.answer(_request(run.settings, number)))
            except ProbeFailed as failed:
                done.put(Failure(failed.kind, failed.message))
            except Exception as bug:  # carried to where it is seen
                done.put(bug)

    started = clock()
    for _ in range(min(run.settings.concurrency, run.settings.requests)):
        threading.Thread(target=work, daemon=True).start()
    try:
        for number in range(run.settings.requests):
            match done.get():
                case Answer() as answer:
                    run.answers.append(answer)
                case Failure() as failure:
                    run.failures.append(failure)
                case bug:
                    raise bug
            progress(number + 1)
    finally:
        stop.set()
        run.seconds = clock() - started
        _count(run)


def _count(run: _Run) -> None:
    sent = len(run.answers) + len(run.failures)
    if not run.failures:
        if sent:
            run.add("requests", Status.OK, f"all {sent:,} were answered" if sent > 1 else "1 was answered")
        return
    kinds: dict[str, int] = {}
    for failure in run.failures:
        kinds[failure.kind] = kinds.get(failure.kind, 0) + 1
    words = ", ".join(
        f"{count:,} {kind}" for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    )
    text = f"{len(run.failures):,} of {sent:,} failed: {words}; the first: {run.failures[0].message}"
    run.add("requests", Status.FAILED, text)


def _has_metrics(run: _Run, client: Client, expected: Expected) -> None:
    if not expected.metrics:
        run.checks.append(judge_metrics(frozenset(), {})[0])
        return
    try:
        text = client.metrics()
    except ProbeFailed as failed:
        run.failed("metrics", failed)
        return
    if text is None:
        run.add("metrics", Status.UNKNOWN, "not asked for")
        return
    from stacks.probe_metrics import NotMetrics, exported

    try:
        check, found = judge_metrics(exported(text), expected.metrics)
    except NotMetrics as error:
        run.add("metrics", Status.FAILED, f"what came is no text of metrics: {error}")
        return
    run.checks.append(check)
    run.metrics.update(found)


def _judged(report: ProbeReport) -> ProbeReport:
    """Return the report with the promises judged by what was measured."""
    expected, checks = report.expected, list(report.checks)
    if report.settings.task == "generate" and report.answers:
        if expected.time_to_first_token is not None:
            checks.append(judge_first_token(first_token_times(report), expected.time_to_first_token, expected.source))
        if expected.inter_token_latency is not None:
            promised, in_a_piece = expected.inter_token_latency, tokens_in_a_piece(report)
            checks.append(judge_gaps(gaps(report), len(report.answers), in_a_piece, promised, expected.source))
    return replace(report, checks=tuple(checks))
