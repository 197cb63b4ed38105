"""How a run can end badly. The text of each is the one sentence for people; `status` is the exit status."""

from __future__ import annotations


class Problem(Exception):
    """The run is over; its text is the last line on standard error."""

    status = 1


class Failed(Problem):
    """The network, the hub or the store failed; a retry may help."""

    status = 1


class WrongCall(Problem):
    """The arguments or the environment say something that cannot be done."""

    status = 2


class NotFinished(Problem):
    """The place to fetch from is not finished."""

    status = 3


class Refused(Problem):
    """The hub refuses: no such commit or file, no access, or not the file that was asked for."""

    status = 4


class Broken(Exception):
    """One request failed in a way that the next may not; `after_seconds` is how long the server asked to wait."""

    def __init__(self, text: str, after_seconds: float | None = None) -> None:
        super().__init__(text)
        self.after_seconds = after_seconds


class Stopped(Exception):
    """Another thread of this run has failed; what this one does no longer matters."""
