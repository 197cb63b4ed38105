"""How far a long command is: one line on a terminal, gone when it ends."""

from __future__ import annotations

import os
import sys
import time


class Progress:
    """A line on standard error. It is shown only on a terminal, and only once a second has passed."""

    def __init__(self, total: int, noun: str) -> None:
        self._total, self._noun = total, noun
        self._begun = self._shown = time.monotonic()
        self._there = False
        self._terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __call__(self, done: int) -> None:
        """Show that so many are done."""
        now = time.monotonic()
        if not self._terminal or now - self._begun < 1 or now - self._shown < 0.1:
            return
        self._shown, self._there = now, True
        sys.stderr.write(f"\r\x1b[K{self._noun}: {done:,} of {self._total:,}")
        sys.stderr.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        """Clear the line."""
        if self._there:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
