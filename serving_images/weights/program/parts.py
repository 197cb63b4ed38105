"""Multipart uploads that a later run goes on with.

The id of an object's upload stands in `.llmform/uploads/`, so that it is found again without leave to list the uploads
of the whole bucket. Two runs may send parts of one upload: their parts are the same bytes, or the store refuses to
complete it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

from .folder import Read
from .manifest import FOLDER, File
from .problems import Failed
from .run import MIB

if TYPE_CHECKING:
    from .bucket import Bucket

MOST_PARTS = 10_000
"""Parts of a multipart upload (S3 user guide, "Multipart upload limits", read 2026-11-21)."""


class Sent(NamedTuple):
    """An upload whose parts are all at the store: what it takes to complete it."""

    upload: str
    parts: tuple[dict[str, Any], ...]


def part_size(size: int, wished: int) -> int:
    """Return the bytes of a part for an object of this size: as wished, but never more than `MOST_PARTS` of them."""
    return max(wished, -(-size // (MOST_PARTS * MIB)) * MIB)


def send(store: Bucket, file: File, read: Read, resume: bool) -> Sent | None:
    """Bring every part of a file to the store; None if the source sent what is seen to be wrong.

    `resume`: go on with the upload of an earlier run. Its parts are not hashed again, so that only reading the object
    back tells whether they are right. Without it, the whole was hashed on its way.
    """
    size = part_size(file.size, store.run.settings.part_bytes)
    sizes = {n: min(size, file.size - (n - 1) * size) for n in range(1, -(-file.size // size) + 1)}
    upload, there = _begun(store, file.path) if resume else (_create(store, file.path), {})
    done = {n: part for n, (length, part) in there.items() if sizes.get(n) == length}
    if done:
        store.run.say(f"{file.path}: {len(done)} of {len(sizes)} parts are at the store already")
    digest = None if done else hashlib.sha256()
    futures: list[Future[dict[str, Any]]] = []
    for first, last in spans(sorted(sizes.keys() - done.keys())):
        chunks = read(file, (first - 1) * size, min(last * size, file.size))
        rest = b""
        for number in range(first, last + 1):
            _take_room(store)
            try:
                part = bytearray(sizes[number])
                rest = _fill(part, rest, chunks)
                if digest is not None:
                    digest.update(part)
                futures.append(store.uploads.submit(_send_part, store, file.path, upload, number, part))
            except BaseException:
                store.part_room.release()
                raise
            del part
            for future in futures:
                if future.done():
                    future.result()
    for future in futures:
        sent = future.result()
        done[sent["PartNumber"]] = sent
    if digest is not None and digest.hexdigest() != file.sha256:
        store.run.say(f"{file.path} came with a wrong checksum")
        # Nobody has seen these parts, and nobody may go on with them.
        where = {"Bucket": store.bucket, "Key": store.key(file.path), "UploadId": upload}
        store.ask(f"give up the upload of {file.path}", lambda: store.client.abort_multipart_upload(**where))
        return None
    return Sent(upload, tuple(done[number] for number in sorted(done)))


def spans(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of each run of consecutive numbers."""
    first = None
    for at, number in enumerate(numbers):
        first = number if first is None else first
        if at + 1 == len(numbers) or numbers[at + 1] != number + 1:
            yield first, number
            first = None


def _begun(store: Bucket, path: str) -> tuple[str, dict[int, tuple[int, dict[str, Any]]]]:
    """Return the upload to go on with and the parts that it has, with their sizes; a new one if there is none."""
    from .bucket import Lost

    note = f"{FOLDER}/uploads/{hashlib.sha256(path.encode()).hexdigest()}"
    text = store.text(note)
    if text is not None:
        upload = str(json.loads(text)["upload"])
        try:
            return upload, store.ask(f"list the parts of {path}", lambda: _parts(store, path, upload))
        except Lost:
            pass  # completed, given up, or cleared away by the bucket's rule
    upload = _create(store, path)
    store.write_text(note, json.dumps({"path": path, "upload": upload}).encode())
    return upload, {}


def _create(store: Bucket, path: str) -> str:
    answer = store.ask(
        f"begin {path}",
        lambda: store.client.create_multipart_upload(
            Bucket=store.bucket, Key=store.key(path), ChecksumAlgorithm="SHA256"
        ),
    )
    return str(answer["UploadId"])


def _parts(store: Bucket, path: str, upload: str) -> dict[int, tuple[int, dict[str, Any]]]:
    found: dict[int, tuple[int, dict[str, Any]]] = {}
    question: dict[str, Any] = {"Bucket": store.bucket, "Key": store.key(path), "UploadId": upload}
    while True:
        answer = store.client.list_parts(**question)
        for part in answer.get("Parts", ()):
            entry = {key: part[key] for key in ("PartNumber", "ETag", "ChecksumSHA256") if part.get(key)}
            found[part["PartNumber"]] = part["Size"], entry
        if not answer.get("IsTruncated"):
            return found
        question["PartNumberMarker"] = answer["NextPartNumberMarker"]


def _send_part(store: Bucket, path: str, upload: str, number: int, part: bytearray) -> dict[str, Any]:
    try:
        checksum = base64.b64encode(hashlib.sha256(part).digest()).decode()
        answer = store.ask(
            f"write part {number} of {path}",
            lambda: store.client.upload_part(
                Bucket=store.bucket,
                Key=store.key(path),
                UploadId=upload,
                PartNumber=number,
                Body=part,
                ChecksumSHA256=checksum,
            ),
        )
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}
    finally:
        store.part_room.release()


def _take_room(store: Bucket) -> None:
    """Wait for room for one more part in memory."""
    while not store.part_room.acquire(timeout=1):
        store.run.check()


def _fill(part: bytearray, rest: bytes, chunks: Iterator[bytes]) -> bytes:
    """Fill a part from what was left over and from what comes; return what is left over."""
    at = 0
    while at < len(part):
        chunk = rest or next(chunks, b"")
        if not chunk:
            raise Failed("the source ended early")
        taken = chunk[: len(part) - at]
        part[at : at + len(taken)] = taken
        at += len(taken)
        rest = chunk[len(taken) :]
    return rest
