"""The two commands: list, learn what the list does not say, write the manifest, bring every file, vouch for it."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import quote

from . import manifest
from .folder import Read
from .hub import Listed
from .manifest import COMPLETE, MANIFEST, File, Manifest
from .problems import Failed, NotFinished, Refused, WrongCall
from .run import Reporter, Run

T = TypeVar("T")

KEPT_BYTES = 32 * 2**20
"""Files that had to be read to learn their SHA-256 are kept in memory up to this much, so as not to be read twice."""


class Source(Protocol):
    """Where files come from: the hub, or a bucket."""

    name: str
    lasting: bool

    def listed(self) -> tuple[Listed, ...]:
        """Return every file."""

    def chunks(self, file: Listed | File, start: int, stop: int) -> Iterator[bytes]:
        """Yield these bytes of a file."""


class Place(Protocol):
    """Where files go, and where `fetch` finds them: a folder, or a bucket."""

    name: str

    def text(self, name: str) -> bytes | None:
        """Return the content of a small file, or None if there is none."""

    def write_text(self, name: str, text: bytes) -> None:
        """Put a small file there in one step."""

    def hold(self, file: File, read: Read) -> None:
        """Return once the file is there and was read back with the right checksum."""

    def chunks(self, file: File, start: int, stop: int) -> Iterator[bytes]:
        """Yield these bytes of a file."""


@dataclass(frozen=True)
class Only:
    """The one file that is wanted, and its SHA-256 if that is known."""

    path: str
    sha256: str | None


def mirror(source: Source, place: Place, only: Only | None, run: Run) -> str:
    """Bring what the source holds to the place; return the sentence that says so."""
    name = source.name + (f"#{quote(only.path)}" if only else "")
    known = _manifest(place)
    if known is not None and known.source != name:
        raise WrongCall(f"{place.name} is for {known.source}; {name} needs a place of its own")
    if known is not None and _vouched(place, known):
        _check_only(known, only)
        return f"{place.name} is finished already: {_amount(known)} of {name}"
    with _threads(run) as pool:
        listed = _wanted(source, only)
        run.say(f"{name} has {len(listed)} files, {sum(f.size for f in listed) / 1e9:.2f} GB")
        kept: dict[str, bytes] = {}
        whole = Manifest(name, _learnt(source, listed, known, kept, pool, run))
        _check_only(whole, only)

        def read(file: File, start: int, stop: int) -> Iterator[bytes]:
            if file.path in kept:
                return iter((kept[file.path][start:stop],) if stop > start else ())
            return source.chunks(file, start, stop)

        _bring(whole, known, place, read, pool, run)
    return f"{place.name} is finished: {_amount(whole)} of {name}"


def fetch(place: Place, folder: Place, run: Run) -> str:
    """Bring what a finished place holds to a folder; return the sentence that says so."""
    whole = _manifest(place)
    if whole is None or not _vouched(place, whole):
        raise NotFinished(f"{place.name} is not finished; its mirror has to end first")
    known = _manifest(folder)
    if known is not None and known.source != whole.source:
        raise WrongCall(f"{folder.name} is for {known.source}; {whole.source} needs a folder of its own")
    if known == whole and _vouched(folder, whole):
        return f"{folder.name} is finished already: {_amount(whole)} of {whole.source}"
    with _threads(run) as pool:
        _bring(whole, known, folder, place.chunks, pool, run)
    return f"{folder.name} is finished: {_amount(whole)} of {whole.source}"


def _manifest(place: Place) -> Manifest | None:
    text = place.text(MANIFEST)
    if text is None:
        return None
    try:
        return manifest.read(text)
    except ValueError:  # not ours, or a store that lost something: written anew
        return None


def _vouched(place: Place, whole: Manifest) -> bool:
    """Return whether the place says that it is finished, and means this manifest."""
    return (place.text(COMPLETE) or b"").strip() == whole.seal()


def _wanted(source: Source, only: Only | None) -> tuple[Listed, ...]:
    """Return what the source lists, restricted to the one file that is wanted."""
    listed = source.listed()
    if only is not None:
        listed = tuple(file for file in listed if file.path == only.path)
        if not listed:
            raise Refused(f"{source.name} has no file {only.path!r}")
        if only.sha256 and listed[0].sha256 not in (None, only.sha256):
            raise Refused(_another_file(only, str(listed[0].sha256)))
    if not listed:
        raise Refused(f"{source.name} has no files")
    try:
        manifest.check_paths(file.path for file in listed)
    except ValueError as problem:
        raise Refused(f"{source.name} cannot be mirrored: {problem}") from problem
    return listed


def _check_only(whole: Manifest, only: Only | None) -> None:
    for file in whole.files:
        if only is not None and only.sha256 not in (None, file.sha256):
            raise Refused(_another_file(only, file.sha256))


def _another_file(only: Only, sha256: str) -> str:
    return f"the SHA-256 of {only.path} is {sha256} and not {only.sha256}, as was asked for: correct one of them"


def _learnt(
    source: Source,
    listed: tuple[Listed, ...],
    known: Manifest | None,
    kept: dict[str, bytes],
    pool: Executor,
    run: Run,
) -> tuple[File, ...]:
    """Return the files with their SHA-256; those of which neither list nor manifest says it are read for it."""
    earlier = {(f.path, f.size): f.sha256 for f in known.files} if known and source.lasting else {}
    stated = {f.path: f.sha256 or earlier.get((f.path, f.size)) for f in listed}
    unknown = [f for f in listed if stated[f.path] is None]
    room = KEPT_BYTES
    small = set()
    for file in sorted(unknown, key=lambda f: f.size):
        room -= file.size
        if room < 0:
            break
        small.add(file.path)

    def learn(file: Listed) -> None:
        sha256, body = _read_for_digest(source, file, file.path in small)
        stated[file.path] = sha256
        if body is not None:
            kept[file.path] = body

    _each(learn, unknown, pool, run)
    return tuple(sorted(File(f.path, f.size, str(stated[f.path])) for f in listed))


def _read_for_digest(source: Source, file: Listed, keep: bool) -> tuple[str, bytes | None]:
    """Return a file's SHA-256, and its bytes if wanted, checked against git's name of the blob where that is known."""
    for _ in range(3):
        sha256, blob, body = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), bytearray()
        blob.update(
            f"blob {file.size}\0".encode()
        )  # gitformat: a blob's name is the SHA-1 of this header and its bytes
        for chunk in source.chunks(file, 0, file.size):
            sha256.update(chunk)
            blob.update(chunk)
            if keep:
                body += chunk
        if file.git_sha1 in (None, blob.hexdigest()):
            return sha256.hexdigest(), bytes(body) if keep else None
    raise Failed(f"{file.path} is not the blob {file.git_sha1} that the source lists, three times over")


def _bring(whole: Manifest, known: Manifest | None, place: Place, read: Read, pool: Executor, run: Run) -> None:
    """Bring every file to the place; the markers come before the first and after the last."""
    if known != whole:
        place.write_text(MANIFEST, whole.text())

    def bring(file: File) -> None:
        place.hold(file, read)
        run.file_is_there()

    with Reporter(run, len(whole.files), sum(f.size for f in whole.files)):
        _each(bring, sorted(whole.files, key=lambda f: -f.size), pool, run)
    place.write_text(COMPLETE, whole.seal())


def _amount(whole: Manifest) -> str:
    return f"{len(whole.files)} files, {sum(f.size for f in whole.files) / 1e9:.2f} GB"


@contextlib.contextmanager
def _threads(run: Run) -> Iterator[ThreadPoolExecutor]:
    """Give a pool that nobody waits for: a failed run ends now, not when its last server has answered."""
    pool = ThreadPoolExecutor(run.settings.workers, thread_name_prefix="file")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _each(do: Callable[[T], None], things: Sequence[T], pool: Executor, run: Run) -> None:
    """Do it for all of these at once; at the first failure raise it, and let the others end as they may."""
    futures = [pool.submit(do, thing) for thing in things]
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        problem = future.exception()
        if problem is not None:
            run.stop.set()
            raise problem
