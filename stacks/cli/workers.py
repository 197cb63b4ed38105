"""Work spread over processes: each a fork of this one, so that what was read already is there, and only results cross.

A process of one thread may be forked on Linux and on macOS; nothing on the path of `plan` starts a thread or calls a
framework of the system. Where there is no `fork`, the work is done here.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

from stacks.cli.session import UsageError

Result = TypeVar("Result")

_TASK = 4
"""Bytes of the number of a task in the queue. A read or write of a few bytes on a pipe is one (pipe(7), PIPE_BUF)."""


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add the option that says how many processes may work."""
    parser.add_argument(
        "--jobs",
        type=_number,
        default=0,
        metavar="N",
        help="processes to plan with, where there is enough to do (default: one for each processor)",
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 256):
        raise argparse.ArgumentTypeError(f"`{text[:40]}` is no number from 1 to 256")
    return int(text)


class WorkerDied(UsageError):
    """A worker process ended before its work was done."""


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(
    work: Callable[[int], Result], count: int, jobs: int, waiting: Callable[[int], None] = lambda done: None
) -> list[Result]:
    """Return what `work` gives for 0, 1, … `count` - 1, in this order, done by up to `jobs` processes.

    `waiting` is told now and then how many are done. An exception of `work` is raised as if all were done here, the
    first by number; WorkerDied if a process ends before its time, such as one that the kernel ended for its memory.
    """
    results: dict[int, Result] = {}
    jobs = min(jobs, count) if hasattr(os, "fork") else 1
    if jobs > 1:
        for number, good, value in _forked(work, count, jobs, waiting, results):
            if good:
                results[number] = value
    for number in range(count):  # what failed in a worker fails here again, with its own traceback
        if number not in results:
            results[number] = work(number)
            waiting(len(results))
    return [results[number] for number in range(count)]


def _forked(
    work: Callable[[int], Any], count: int, jobs: int, waiting: Callable[[int], None], results: dict[int, Any]
) -> Iterator[tuple[int, bool, Any]]:
    import pickle
    import selectors

    sys.stdout.flush()  # what is in the buffer would be written by every process
    sys.stderr.flush()
    queue, numbers = os.pipe()
    workers: dict[int, int] = {}  # the end of a worker's pipe that is read here, and its process
    try:
        with selectors.DefaultSelector() as ready:
            for _ in range(jobs):
                answers, mine = os.pipe()
                process = os.fork()
                if process == 0:
                    os.close(numbers)
                    for other in (*workers, answers):
                        os.close(other)
                    _serve(work, queue, mine)
                os.close(mine)
                workers[answers] = process
                ready.register(answers, selectors.EVENT_READ, bytearray())
            os.close(queue)
            queue = -1
            ahead = 0
            while workers:
                # a few tasks wait in the pipe, so that no worker has to, and the pipe is never full
                while numbers >= 0 and ahead < min(count, len(results) + 4 * jobs):
                    os.write(numbers, ahead.to_bytes(_TASK, "big"))
                    ahead += 1
                if numbers >= 0 and ahead == count:
                    os.close(numbers)
                    numbers = -1
                for key, _ in ready.select(timeout=0.2):
                    data: bytearray = key.data
                    piece = os.read(key.fd, 1 << 20)
                    data += piece
                    while (whole := _message(data)) is not None:
                        yield pickle.loads(whole)
                    if not piece:
                        ready.unregister(key.fd)
                        _ended(workers, key.fd)
                waiting(len(results))
    finally:
        for end in (queue, numbers):
            if end >= 0:
                os.close(end)
        for answers, process in workers.items():
            os.close(answers)
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _message(data: bytearray) -> bytes | None:
    """Take the next whole message out of what came; None if there is none yet."""
    if len(data) < 8:
        return None
    end = 8 + int.from_bytes(data[:8], "big")
    if len(data) < end:
        return None
    whole = bytes(data[8:end])
    del data[:end]
    return whole


def _ended(workers: dict[int, int], answers: int) -> None:
    """Take note that a worker closed its pipe; WorkerDied if it did not do so by itself."""
    process = workers.pop(answers)
    os.close(answers)
    _, status = os.waitpid(process, 0)
    if status:
        code = os.waitstatus_to_exitcode(status)
        how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        raise WorkerDied(
            f"a process that planned a part {how} before it was done",
            "often it is memory that ran out: `--jobs 1` plans in this process alone and needs the least",
        )


def _serve(work: Callable[[int], Any], queue: int, answers: int) -> NoReturn:
    """Do tasks until the queue is closed, and end the process."""
    import pickle

    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # Ctrl-C reaches all processes of the terminal: end at once, in silence
    try:
        with os.fdopen(answers, "wb") as out:
            while number := os.read(queue, _TASK):
                position = int.from_bytes(number, "big")
                try:
                    answer: tuple[int, bool, Any] = (position, True, work(position))
                    data = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
                except Exception:
                    data = pickle.dumps((position, False, None))
                out.write(len(data).to_bytes(8, "big") + data)
                out.flush()
    except BaseException:
        os._exit(1)
    os._exit(0)
