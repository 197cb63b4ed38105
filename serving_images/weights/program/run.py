"""What the threads of one run share: its settings, when to give up, what was moved, and how transfers are resumed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from .problems import Broken, Failed, Stopped

T = TypeVar("T")

MIB = 2**20
CHUNK = MIB
"""Bytes that are read, hashed and written at once."""

LONGEST_WAIT_SECONDS = 600.0
"""The hub counts requests in windows of 5 minutes (Hub documentation, "Rate limits", read 2026-11-21): twice that."""


@dataclass(frozen=True)
class Settings:
    """The numbers of a run; `call.settings` reads them from the environment."""

    workers: int = 8
    """Files under way at once, and parts of `part_bytes` in memory at once."""
    part_bytes: int = 64 * MIB
    """Bytes of a part of a multipart upload. S3 takes 5 MiB to 5 GiB (S3 user guide, "Multipart upload limits")."""
    retry_seconds: float = 1.0
    """The first wait after a failure; each further one is twice as long, up to a minute."""
    tries: int = 10
    """Failures in a row, without one byte between them, after which the run gives up."""
    timeout_seconds: float = 60.0
    """How long a connection may be silent."""


@dataclass
class Run:
    """One run. Its methods may be called from any thread."""

    settings: Settings
    stop: threading.Event = field(default_factory=threading.Event)
    moved_bytes: int = 0
    """Bytes that came from the source."""
    files_there: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, line: str) -> None:
        """Print a line for people who watch; none after the run is over, so that its last sentence stays the last."""
        if not self.stop.is_set():
            print("".join(c if c.isprintable() else " " for c in line), flush=True)

    def moved(self, count: int) -> None:
        """Count bytes that came from the source."""
        with self._lock:
            self.moved_bytes += count

    def file_is_there(self) -> None:
        """Count a file that was found whole at the destination."""
        with self._lock:
            self.files_there += 1

    def check(self) -> None:
        """Raise `Stopped` if the run is over."""
        if self.stop.is_set():
            raise Stopped

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than the run lasts."""
        if self.stop.wait(seconds):
            raise Stopped

    def patience(self) -> Patience:
        """Return a fresh count of failures."""
        return Patience(self)


class Patience:
    """Counts failures in a row and waits between them: exponentially, with chance, or as long as the server asks."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.failures = 0

    def progress(self) -> None:
        """Something came: the next failure is the first."""
        self.failures = 0

    def wait(self, broken: Broken) -> None:
        """Wait before the next try, or raise `Failed`."""
        settings = self.run.settings
        self.failures += 1
        if self.failures >= settings.tries:
            raise Failed(f"{broken}; gave up after {self.failures} tries") from broken
        seconds = min(settings.retry_seconds * 2 ** (self.failures - 1), 60.0) * random.uniform(0.5, 1.0)
        if broken.after_seconds is not None:
            if broken.after_seconds > LONGEST_WAIT_SECONDS:
                raise Failed(f"{broken}, and asks to come back in {broken.after_seconds:.0f} seconds") from broken
            seconds = max(seconds, broken.after_seconds)
        self.run.say(f"{broken}; trying again in {seconds:.1f} s")
        self.run.wait(seconds)


def attempt(run: Run, ask: Callable[[], T]) -> T:
    """Return what `ask` returns, asking again while it raises `Broken`."""
    patience = run.patience()
    while True:
        run.check()
        try:
            return ask()
        except Broken as broken:
            patience.wait(broken)


def resumed(run: Run, open_at: Callable[[int], Iterator[bytes]], start: int, stop: int, what: str) -> Iterator[bytes]:
    """Yield bytes `start` to `stop` of what `open_at(offset)` reads, opened again wherever it breaks.

    Exactly `stop - start` bytes come, or `Failed` is raised. Whether they are right is for the reader to check.
    """
    patience = run.patience()
    while start < stop:
        chunks = open_at(start)
        try:
            for chunk in chunks:
                run.check()
                chunk = chunk[: stop - start]
                start += len(chunk)
                if chunk:
                    patience.progress()
                    yield chunk
                if start == stop:
                    return
            raise Broken(f"{what} broke off with {stop - start} bytes to go")
        except Broken as broken:
            patience.wait(broken)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()


class Reporter:
    """Prints where the run is, one line every `SECONDS`, while it is entered."""

    SECONDS = 10.0

    def __init__(self, run: Run, files: int, size: int) -> None:
        self.run, self.files, self.size = run, files, size
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._print, daemon=True)

    def __enter__(self) -> Reporter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def _print(self) -> None:
        before, then = self.run.moved_bytes, time.monotonic()
        while not self._end.wait(self.SECONDS):
            now, clock = self.run.moved_bytes, time.monotonic()
            speed = (now - before) / (clock - then)
            self.run.say(
                f"{self.run.files_there} of {self.files} files there; read {now / 1e9:.2f} GB for "
                f"{self.size / 1e9:.2f} GB, now {speed / 1e6:.0f} MB/s"
            )
            before, then = now, clock
