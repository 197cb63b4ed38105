"""Server-sent events out of bytes, as the HTML standard defines them (section 9.2.6, "Interpreting an event stream").

Only what a stream of answers needs: the data of each event. Pure; bytes may be cut anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

MAX_LINE = 4 * 1024 * 1024
"""Bytes of one line at most. One token is some hundred bytes; a line without an end would fill the memory."""


class LineTooLong(ValueError):
    """A line is longer than MAX_LINE."""


class EventStream:
    """Takes bytes as they come and gives the data of the events that they complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yield the data of every event that is complete now. Raises LineTooLong."""
        buffer = self._rest + chunk
        if not self._begun and buffer:
            if b"\xef\xbb\xbf".startswith(buffer):  # it may become a byte order mark
                self._rest = buffer
                return
            self._begun, buffer = True, buffer.removeprefix(b"\xef\xbb\xbf")
        # a CR at the end may be half of a CRLF: it waits
        held = b"\r" if buffer.endswith(b"\r") else b""
        lines = buffer.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop() + held
        if len(self._rest) > MAX_LINE:
            raise LineTooLong(f"a line of more than {MAX_LINE:,} bytes")
        for line in lines:
            if not line:
                if self._data:
                    yield "\n".join(self._data)
                self._data = []
                continue
            name, _, value = line.decode("utf-8", "replace").partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
