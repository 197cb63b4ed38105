"""What a probe of a running model server finds, as values, and the statistics on it.

Pure: the network is in `stacks/cli/openai_client.py` and `stacks/cli/kserve_client.py`, the run in
`stacks/cli/probe_run.py`, what follows from the values in `stacks/probe_judge.py`.

All times are in seconds, by a clock that only goes forward.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

MOST_SHOWN = 80
"""Characters of the first answer that a report keeps."""


class Status(StrEnum):
    """How a check ended. `UNKNOWN` is neither: what it asks for is not told, or was not asked."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Check(NamedTuple):
    """One thing that was looked at. `help` says what to do where it failed."""

    name: str
    status: Status
    text: str
    help: str = ""


class ProbeFailed(Exception):
    """A server did not do what was asked of it.

    `kind` is one of `unreachable`, `timeout`, `unauthorized`, `not-found`, `busy`, `refused`, `server-error`,
    `redirected`, `cut` (ended in the middle), `empty` (an answer without content), `not-a-stream`, `broken` (not what
    the protocol says).
    """

    def __init__(self, kind: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.help = kind, message, help


class Settings(NamedTuple):
    """What is asked of the server, and how often. `timeout` is for each request, until the end of its answer."""

    engine: str
    task: str = "generate"
    """`generate`, `embed` or `rerank`."""
    model: str = ""
    """What the model is called; empty for the one that the server names first."""
    requests: int = 20
    concurrency: int = 1
    """Requests at a time."""
    warm_up: int = 2
    """Requests that are sent before and not counted, 1 or more; the first of them decides the check `answer`."""
    input_tokens: int = 256
    """Of a prompt, about: it is that many short English words."""
    output_tokens: int = 64
    """Of an answer, at most."""
    timeout: float = 60.0
    nonce: str = ""
    """Begins every prompt, so that none begins like one of an earlier probe and is answered from a prefix cache."""


class Expected(NamedTuple):
    """What a spec says about the server. Empty and None: nothing."""

    source: str = ""
    """Who says so: `serving.chat of spec.yaml`."""
    model: str = ""
    revision: str = ""
    version: str = ""
    metrics: Mapping[str, str] = {}
    """Role → name of the metric, without suffixes such as `_bucket` (specs/catalog/engines.py)."""
    time_to_first_token: float | None = None
    """The 95th percentile that clients are promised."""
    inter_token_latency: float | None = None


class Request(NamedTuple):
    """One request: the model, what it is for, and its text."""

    model: str
    task: str
    prompt: str
    output_tokens: int


class Answer(NamedTuple):
    """One answer. `pieces` says when each piece of text came, counted from when the request was sent; an answer that is
    not streamed has none. Tokens are None where the server does not count them."""

    seconds: float
    pieces: tuple[float, ...] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    text: str = ""
    ended: str = ""
    """Why it ended, in the server's word: `stop`, `length`."""


class Failure(NamedTuple):
    """A request without a whole answer."""

    kind: str
    message: str


class Identity(NamedTuple):
    """What a server says it is. Empty: it does not say."""

    models: tuple[str, ...] = ()
    version: str = ""
    revisions: tuple[str, ...] = ()
    note: str = ""


class Client(Protocol):
    """A server behind a protocol. Every method raises ProbeFailed; `answer` is called from several threads at once."""

    @property
    def address(self) -> str:
        """Where it is, without anything secret."""
        ...

    def ready(self) -> str:
        """Return what says that it is ready; empty if it does not say whether it is."""
        ...

    def identity(self, model: str) -> Identity:
        """Return what it says it is. `model` is the one that will be asked for, if that is known."""
        ...

    def answer(self, request: Request) -> Answer:
        """Send one request and return its whole answer."""
        ...

    def metrics(self) -> str | None:
        """Return the text of its metrics, None if nobody wants to know."""
        ...

    def close(self) -> None:
        """Close its connections; for whoever made it."""
        ...


@dataclass(frozen=True, slots=True)
class Distribution:
    """Values in seconds. A percentile is the nearest rank: the smallest value that at least so many of 100 do not
    exceed (`percentile`)."""

    count: int
    mean: float
    minimum: float
    p50: float
    p90: float
    p95: float
    p99: float
    maximum: float


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a probe found. `seconds` is the time that the counted requests took together; `interrupted` says that
    somebody stopped it, so that fewer were sent than asked for."""

    address: str
    settings: Settings
    expected: Expected
    identity: Identity
    checks: tuple[Check, ...]
    answers: tuple[Answer, ...] = ()
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0
    interrupted: bool = False
    metrics: Mapping[str, bool] = field(default_factory=dict)
    """Role → whether its metric is exported."""

    @property
    def fails(self) -> bool:
        """Whether a check failed."""
        return any(check.status is Status.FAILED for check in self.checks)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile of values in ascending order: the value at rank ⌈percent · n / 100⌉, which is
    the first definition of Hyndman and Fan (1996), without interpolation. Raises ValueError for no values.

    Example:
        >>> percentile([15, 20, 35, 40, 50], 30), percentile([15, 20, 35, 40, 50], 100)
        (20, 50)
    """
    if not ordered:
        raise ValueError("no values")
    return ordered[max(1, -(-percent * len(ordered) // 100)) - 1]


def distribution(values: Sequence[float]) -> Distribution | None:
    """Return how values are distributed; None for no values."""
    if not values:
        return None
    ordered = sorted(values)
    p50, p90, p95, p99 = (percentile(ordered, percent) for percent in (50, 90, 95, 99))
    return Distribution(len(ordered), math.fsum(ordered) / len(ordered), ordered[0], p50, p90, p95, p99, ordered[-1])


def first_token_times(report: ProbeReport) -> tuple[float, ...]:
    """Return for each streamed answer the time from sending the request to its first piece of text."""
    return tuple(answer.pieces[0] for answer in report.answers if answer.pieces)


def gaps(report: ProbeReport) -> tuple[float, ...]:
    """Return the times between one piece of text and the next, over all answers."""
    return tuple(
        later - earlier
        for answer in report.answers
        for earlier, later in zip(answer.pieces, answer.pieces[1:], strict=False)
    )


def tokens_in_a_piece(report: ProbeReport) -> float | None:
    """Return how many tokens a piece of text held on average; None where the server counts none."""
    counted = [(a.output_tokens, len(a.pieces)) for a in report.answers if a.output_tokens and a.pieces]
    return sum(tokens for tokens, _ in counted) / sum(pieces for _, pieces in counted) if counted else None


def prompt(settings: Settings, number: int) -> str:
    """Return the text of a request: about `input_tokens` tokens, and no two begin alike.

    Each word of the list is one token for the usual vocabularies, so that the length is about right; what the server
    counted is in the report.
    """
    count = max(1, settings.input_tokens - 8)
    return f"{settings.nonce}{number}: " + " ".join(_WORDS[i % len(_WORDS)] for i in range(count))


_WORDS = ("the", "sea", "and", "the", "sky", "are", "far", "away", "from", "here", "but", "we", "can", "see", "them")


def seconds(value: float) -> str:
    """Return a time as people write it, three digits: `412 ms`, `1.20 s`.

    Example:
        >>> seconds(0.4121), seconds(0.00912), seconds(1.2), seconds(75)
        ('412 ms', '9.12 ms', '1.20 s', '75.0 s')
    """
    if value < 0.9995:
        value *= 1000
        return f"{value:.0f} ms" if value >= 99.95 else f"{value:.1f} ms" if value >= 9.995 else f"{value:.2f} ms"
    return f"{value:.2f} s" if value < 9.995 else f"{value:.1f} s"
