"""A folder of an S3 bucket as a place, and as a source.

What is there is learnt by listing alone: the roles that llmform makes may list below their folder, and S3 answers 403,
not 404, for a missing object to those who may not list the bucket as a whole. An object that is there is replaced only
by bytes that were checked before they can be seen, and only if it is still the one that was found to be wrong
(conditional writes: S3 user guide, "Conditional requests", read 2026-11-21).
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError

from . import parts
from .folder import TRANSFERS, Read
from .hub import Listed
from .manifest import FOLDER, File
from .problems import Broken, Failed
from .run import CHUNK, Run, attempt, resumed

T = TypeVar("T")

_LOST = (
    "PreconditionFailed",
    "ConditionalRequestConflict",
    "OperationAborted",
    "NoSuchUpload",
    "InvalidPart",
    "412",
    "409",
)
"""Another run was quicker: look at what it did."""
_PASSING = ("InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException")


class Lost(Exception):
    """Another run changed the object meanwhile."""


class Found(NamedTuple):
    """An object as the listing shows it."""

    size: int
    etag: str


class Bucket:
    """The objects below `prefix/` of a bucket. Endpoint, region and credentials are the AWS SDK's own affair."""

    lasting = False
    """What stands under a name here may be replaced."""

    def __init__(self, bucket: str, prefix: str, run: Run) -> None:
        self.bucket, self.prefix, self.run = bucket, prefix.strip("/"), run
        self.name = f"s3://{bucket}/{self.prefix}"
        settings = run.settings
        config = Config(
            retries={"mode": "standard", "max_attempts": 3},
            connect_timeout=10,
            read_timeout=settings.timeout_seconds,
            max_pool_connections=2 * settings.workers,
            # Every write states its SHA-256 itself; stores that are not S3 know no other checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        self.client: Any = self._call("find its settings", lambda: boto3.client("s3", config=config))
        self._listing = threading.Lock()
        self._objects: dict[str, Found] | None = None
        self.part_room = threading.BoundedSemaphore(settings.workers)
        self.uploads = ThreadPoolExecutor(settings.workers, thread_name_prefix="upload")

    # As a source

    def listed(self) -> tuple[Listed, ...]:
        """Return every object below the prefix, but for our own and the markers of folders."""
        found = self._all().items()
        ours = f"{FOLDER}/"
        return tuple(
            sorted(
                Listed(path, entry.size, etag=entry.etag)
                for path, entry in found
                if not path.startswith(ours) and not (entry.size == 0 and path.rpartition("/")[2] == "")
            )
        )

    def chunks(self, file: Listed | File, start: int, stop: int) -> Iterator[bytes]:
        """Yield these bytes of an object, through as many requests as it takes."""
        etag = file.etag if isinstance(file, Listed) else None
        for chunk in resumed(self.run, lambda at: self._open(file.path, at, stop, etag), start, stop, file.path):
            self.run.moved(len(chunk))
            yield chunk

    # As a place

    def text(self, name: str) -> bytes | None:
        """Return the content of a small object, or None if there is none."""
        if self._find(name) is None:
            return None
        answer = self.ask(f"read {name}", lambda: self.client.get_object(Bucket=self.bucket, Key=self.key(name)))
        return self.ask(f"read {name}", answer["Body"].read)  # type: ignore[no-any-return]

    def write_text(self, name: str, text: bytes) -> None:
        """Put a small object there."""
        self.ask(f"write {name}", lambda: self._put(name, text, {}))

    def hold(self, file: File, read: Read) -> None:
        """Return once the object is there, read back with the right bytes. Raises `Failed` if it cannot be brought."""
        found = self._all().get(file.path)
        for _ in range(TRANSFERS + 1):
            if found is not None and found.size == file.size and self._digest(file) == file.sha256:
                return
            try:
                self._send(file, read, found)
            except Lost:
                self.run.say(f"another run has brought {file.path} meanwhile, or takes part in its upload")
            found = self._find(file.path)
        raise Failed(f"{file.path} did not come with the SHA-256 that the source states, in {TRANSFERS + 1} tries")

    def _send(self, file: File, read: Read, found: Found | None) -> None:
        """Bring the object; nothing happens if what the source sends is seen to be wrong. Raises `Lost`."""
        condition = {"IfMatch": found.etag} if found else {"IfNoneMatch": "*"}
        if file.size > self.run.settings.part_bytes:
            sent = parts.send(self, file, read, resume=found is None)
            if sent is not None:
                self.ask(f"complete {file.path}", lambda: self._complete(file.path, sent, condition))
            return
        with self.part_room:
            whole = bytearray()
            for chunk in read(file, 0, file.size):
                whole += chunk
            if hashlib.sha256(whole).hexdigest() != file.sha256:
                self.run.say(f"{file.path} came with a wrong checksum")
                return
            self.ask(f"write {file.path}", lambda: self._put(file.path, bytes(whole), condition))

    def ask(self, what: str, ask: Callable[[], T]) -> T:
        """Return what a request to the store returns, asking again while that may help. Raises `Lost` or `Failed`."""
        return attempt(self.run, lambda: self._call(what, ask))

    def key(self, path: str) -> str:
        """Return the key of the object with this path."""
        return f"{self.prefix}/{path}" if self.prefix else path

    def _call(self, what: str, ask: Callable[[], T]) -> T:
        where = f"cannot {what} in {self.name}"
        try:
            return ask()
        except ClientError as problem:
            error = problem.response.get("Error", {})
            code, status = str(error.get("Code")), problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in _LOST:
                raise Lost from problem
            if code in _PASSING or status >= 500 or status == 429:
                raise Broken(f"{where}: {code}") from problem
            raise Failed(f"{where}: {code} ({error.get('Message', 'no more is said')})") from problem
        except (NoCredentialsError, ParamValidationError) as problem:
            raise Failed(f"{where}: {problem}") from problem
        except (BotoCoreError, urllib3.exceptions.HTTPError) as problem:
            raise Broken(f"{where} ({type(problem).__name__})") from problem

    def _put(self, name: str, body: bytes, condition: dict[str, str]) -> None:
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        self.client.put_object(Bucket=self.bucket, Key=self.key(name), Body=body, ChecksumSHA256=checksum, **condition)

    def _complete(self, path: str, sent: parts.Sent, condition: dict[str, str]) -> None:
        self.client.complete_multipart_upload(
            Bucket=self.bucket,
            Key=self.key(path),
            UploadId=sent.upload,
            MultipartUpload={"Parts": list(sent.parts)},
            **condition,
        )

    def _open(self, path: str, start: int, stop: int, etag: str | None) -> Iterator[bytes]:
        same = {"IfMatch": etag} if etag else {}
        try:
            answer = self._call(
                f"read {path}",
                lambda: self.client.get_object(
                    Bucket=self.bucket, Key=self.key(path), Range=f"bytes={start}-{stop - 1}", **same
                ),
            )
        except Lost as problem:
            raise Failed(f"{path} of {self.name} was replaced while it was read") from problem
        body = answer["Body"]
        try:
            while chunk := self._call(f"read {path}", lambda: body.read(CHUNK)):
                yield chunk
        finally:
            body.close()

    def _digest(self, file: File) -> str:
        digest = hashlib.sha256()
        for chunk in resumed(
            self.run, lambda at: self._open(file.path, at, file.size, None), 0, file.size, f"{file.path} in the store"
        ):
            digest.update(chunk)
        return digest.hexdigest()

    def _all(self) -> dict[str, Found]:
        """Return what was there when this was first asked."""
        with self._listing:
            if self._objects is None:
                self._objects = self.ask("list the objects", lambda: self._list(self.key("")))
            return self._objects

    def _find(self, path: str) -> Found | None:
        """Return what is there now under this path."""
        return self.ask(f"look for {path}", lambda: self._list(self.key(path), 1)).get(path)

    def _list(self, prefix: str, most: int | None = None) -> dict[str, Found]:
        found: dict[str, Found] = {}
        question: dict[str, Any] = {"Bucket": self.bucket, "Prefix": prefix, **({"MaxKeys": most} if most else {})}
        while True:
            answer = self.client.list_objects_v2(**question)
            for entry in answer.get("Contents", ()):
                found[entry["Key"][len(self.key("")) :]] = Found(entry["Size"], entry["ETag"])
            if most or not answer.get("IsTruncated"):
                return found
            question["ContinuationToken"] = answer["NextContinuationToken"]
