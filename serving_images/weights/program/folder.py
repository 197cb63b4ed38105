"""A folder of a volume as a place: files appear under their names whole and checked, or not at all.

A file is written under `.llmform/partial/` by one run at a time, which holds a lock (flock) on it; what a killed run
left there is gone on with. No symbolic link below the folder is followed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator

from .manifest import FOLDER, File
from .problems import Failed
from .run import CHUNK, Run

TRANSFERS = 3
"""How often a file is brought before its checksum is believed to be wrong for good."""
STILL_SECONDS = 600.0
"""How long another run may hold a file without writing to it."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
Read = Callable[[File, int, int], Iterator[bytes]]
"""Yields bytes `start` to `stop` of a file."""


class Folder:
    """A folder that may become a finished place. `read_back`: read each file from the disk again before it counts."""

    def __init__(self, path: str, run: Run, read_back: bool) -> None:
        self.path, self.run, self.read_back = path, run, read_back
        self.name = f"file://{path}"

    def text(self, name: str) -> bytes | None:
        """Return the content of a small file, or None if there is none."""
        with self._told(f"read {name}"), contextlib.suppress(FileNotFoundError):
            with self._opened(name) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
                return file.read()
        return None

    def write_text(self, name: str, text: bytes) -> None:
        """Put a small file there in one step."""
        with self._told(f"write {name}"):
            while True:
                with self._partial(name) as descriptor:
                    if descriptor is None:
                        continue
                    os.ftruncate(descriptor, 0)
                    _write(descriptor, text)
                    os.fsync(descriptor)
                    self._publish(name)
                    return

    def hold(self, file: File, read: Read) -> None:
        """Return once the file is there, whole. Raises `Failed` if it cannot be brought."""
        with self._told(f"write {file.path}"):
            transfers = 0
            while transfers < TRANSFERS:
                if self._holds(file):
                    return
                with self._partial(file.path) as descriptor:
                    if descriptor is None or self._holds(file):
                        continue  # another run had it; look again
                    transfers += 1
                    if self._fill(descriptor, file, read):
                        self._publish(file.path)
                        return
        raise Failed(f"{file.path} did not come with the SHA-256 that the source states, in {TRANSFERS} tries")

    def chunks(self, file: File, start: int, stop: int) -> Iterator[bytes]:
        """Yield bytes `start` to `stop` of a file, as a source."""
        with self._told(f"read {file.path}"), self._opened(file.path) as descriptor:
            while start < stop:
                self.run.check()
                chunk = os.pread(descriptor, min(CHUNK, stop - start), start)
                if not chunk:
                    raise Failed(f"{file.path} of {self.name} is shorter than its manifest says")
                start += len(chunk)
                self.run.moved(len(chunk))
                yield chunk

    def _holds(self, file: File) -> bool:
        """Return whether the file is there with the right bytes. A link in its stead is not the file."""
        try:
            with self._opened(file.path) as descriptor:
                return os.fstat(descriptor).st_size == file.size and self._digest(descriptor) == file.sha256
        except FileNotFoundError:
            return False
        except OSError as problem:
            if problem.errno == errno.ELOOP and self._is_link(file.path):
                return False
            raise

    def _fill(self, descriptor: int, file: File, read: Read) -> bool:
        """Bring what is missing of a partial file; return whether it now is the file."""
        there = os.fstat(descriptor).st_size
        if there > file.size:
            os.ftruncate(descriptor, 0)
            there = 0
        digest = hashlib.sha256()
        for chunk in _chunks(descriptor, self.run):
            digest.update(chunk)
        os.lseek(descriptor, there, os.SEEK_SET)
        for chunk in read(file, there, file.size):
            digest.update(chunk)
            _write(descriptor, chunk)
        sound = digest.hexdigest() == file.sha256
        if sound:
            os.fsync(descriptor)
            if self.read_back:
                _forget(descriptor)
                sound = self._digest(descriptor) == file.sha256
        if not sound:
            os.ftruncate(descriptor, 0)  # whatever is wrong, nothing of it is gone on with
            self.run.say(f"{file.path} came with a wrong checksum")
        return sound

    def _digest(self, descriptor: int) -> str:
        digest = hashlib.sha256()
        for chunk in _chunks(descriptor, self.run):
            digest.update(chunk)
        return digest.hexdigest()

    @contextlib.contextmanager
    def _partial(self, name: str) -> Iterator[int | None]:
        """Give the descriptor of the partial file of this name, locked; None if it was another run's meanwhile."""
        with self._below(f"{FOLDER}/partial/-", make=True) as folder:
            key = _key(name)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(key, flags, 0o644, dir_fd=folder)
            try:
                waited = self._lock(descriptor, name)
                mine = not waited and _same(descriptor, key, folder)
                if mine and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise Failed(f"{self.path}/{FOLDER}/partial/{key} is not a file")
                yield descriptor if mine else None
            finally:
                os.close(descriptor)

    def _lock(self, descriptor: int, name: str) -> bool:
        """Lock a partial file; return whether another run had to be waited for."""
        size, since, waited = -1, time.monotonic(), False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return waited
            except BlockingIOError:
                pass
            except OSError as problem:
                if problem.errno in _NO_LOCKS:
                    raise Failed(
                        f"the file system of {self.path} has no locks (flock), without which two runs could write into "
                        "one file; mount it with locks"
                    ) from problem
                raise
            if not waited:
                self.run.say(f"another run is writing {name}; waiting for it")
            waited = True
            now = os.fstat(descriptor).st_size
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > STILL_SECONDS:
                raise Failed(f"another run holds {name} of {self.path} and writes nothing")
            self.run.wait(0.2)

    def _publish(self, name: str) -> None:
        """Rename the partial file to its name, and make both last through a loss of power."""
        with self._below(f"{FOLDER}/partial/-") as partial, self._below(name, make=True) as folder:
            os.rename(_key(name), name.rpartition("/")[2], src_dir_fd=partial, dst_dir_fd=folder)
            os.fsync(folder)

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        with self._below(name) as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name.rpartition("/")[2], flags, dir_fd=folder)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise Failed(f"{self.path}/{name} is in the way: it is not a file")
                yield descriptor
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def _below(self, name: str, make: bool = False) -> Iterator[int]:
        """Give the descriptor of the folder that holds this name, made if need be, no link followed below ours."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        if make:
            os.makedirs(self.path, exist_ok=True)
        folder = os.open(self.path, flags)
        try:
            for part in name.split("/")[:-1]:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=folder)
                        os.fsync(folder)
                inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)

    def _is_link(self, name: str) -> bool:
        with self._below(name) as folder:
            return stat.S_ISLNK(os.lstat(name.rpartition("/")[2], dir_fd=folder).st_mode)

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn an error of the operating system into a sentence."""
        try:
            yield
        except OSError as problem:
            why = problem.strerror or str(problem)
            if problem.errno in _NO_ROOM:
                why = f"no room is left ({why})"
            if problem.errno in (errno.ELOOP, errno.ENOTDIR):
                why = f"a link or file is in the way of a folder ({why})"
            raise Failed(f"cannot {what} in {self.path}: {why}") from problem


def _key(name: str) -> str:
    """Return the name of a partial file: of one length and one folder, whatever the file's own name is."""
    return hashlib.sha256(name.encode()).hexdigest()


def _same(descriptor: int, name: str, folder: int) -> bool:
    """Return whether the name still means the file that was opened."""
    try:
        found = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)


def _chunks(descriptor: int, run: Run) -> Iterator[bytes]:
    offset = 0
    while chunk := os.pread(descriptor, CHUNK, offset):
        run.check()
        offset += len(chunk)
        yield chunk


def _write(descriptor: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(descriptor, view) :]


def _forget(descriptor: int) -> None:
    """Ask the kernel to drop its copy, so that what is read next comes from the disk."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
