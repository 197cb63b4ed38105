"""The weights program with object storage: moto's server, or the S3 server that LLMFORM_TEST_S3 names.

`LLMFORM_TEST_S3=http://127.0.0.1:7070 AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…` runs these tests against a store of
one's own; a bucket is made for each test and left there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.s3.exceptions import NoSuchUpload
from moto.s3.models import S3Backend
from moto.server import ThreadedMotoServer

from serving_images.weights.program.parts import part_size, spans
from tests.hub_server import COMMIT, Answer, Content, Hub, Server
from tests.test_weights_program import peak_memory
from tests.weights_runs import SOURCE, Done, Watch, environment, finished, in_folder, run, start, wrong_files

MIB = 2**20
PREFIX = f"models/acme/tiny/{COMMIT}"
CHANCE = random.Random(20261122)
LARGE, LARGER = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
FILES = {
    "config.json": Content(b'{"model_type": "tiny"}', lfs=False),
    "tokenizer/merges, with spaces & signs %2F?#+ é.txt": Content("naïve → 模型\n".encode() * 40, lfs=False),
    LARGE: Content(CHANCE.randbytes(12 * MIB)),
    LARGER: Content(CHANCE.randbytes(17 * MIB + 5)),
    "small.safetensors": Content(CHANCE.randbytes(MIB)),
    "empty.bin": Content(b"", lfs=False),
}


@dataclass(frozen=True)
class Store:
    """A bucket of its own in the store, and what a run needs to reach it."""

    client: Any
    bucket: str
    endpoint: str
    home: Path

    @property
    def place(self) -> str:
        return f"s3://{self.bucket}/{PREFIX}"

    def environment(self, hub: str, **more: str) -> dict[str, str]:
        keys = {name: os.environ.get(name, "testing") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        aws = keys | {"AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
        return environment(hub, self.home, WEIGHTS_PART_MIB="5", **aws, **more)

    def mirror(self, hub: Hub, *more: str, source: str = SOURCE, **env: str) -> Done:
        with Server(hub) as server:
            return run(["mirror", f"--from={source}", f"--to={self.place}", *more], self.environment(server.url, **env))

    def look(self, name: str) -> bytes | None:
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=f"{PREFIX}/{name}")
            return bytes(answer["Body"].read())
        except ClientError as problem:
            if problem.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise

    def put(self, name: str, body: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"{PREFIX}/{name}", Body=body)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    if own := os.environ.get("LLMFORM_TEST_S3"):
        yield own
        return
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("upload_part", "complete_multipart_upload"):
            patch.setattr(S3Backend, name, _answering_like_s3(getattr(S3Backend, name)))
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


def _answering_like_s3(known: Any) -> Any:
    """Return moto's operation with S3's answer for an upload that another run completed: NoSuchUpload (Amazon S3 API
    reference, UploadPart and CompleteMultipartUpload); moto ends with a KeyError, which a client sees as a 500."""

    def answered(self: Any, bucket_name: str, multipart_id: str, *more: Any, **named: Any) -> Any:
        if multipart_id not in self.get_bucket(bucket_name).multiparts:
            raise NoSuchUpload(multipart_id)
        return known(self, bucket_name, multipart_id, *more, **named)

    return answered


@pytest.fixture
def store(endpoint: str, tmp_path: Path) -> Iterator[Store]:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "testing"),
        aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "testing"),
        config=Config(s3={"addressing_style": "path"}),
    )
    bucket = f"weights-{uuid.uuid4().hex[:16]}"
    client.create_bucket(Bucket=bucket)
    yield Store(client, bucket, endpoint, tmp_path)
    client.close()


def test_a_mirror_in_a_bucket(store: Store) -> None:
    """Every file under its own key, of one part or many; a second run asks the hub for nothing."""
    done = store.mirror(Hub(FILES, page=2))
    assert done.status == 0, done.err
    assert finished(store.look) and wrong_files(store.look, FILES) == []
    hub = Hub({})
    assert (store.mirror(hub).status, hub.listings, hub.asked) == (0, 0, {})


def test_a_bucket_is_fetched_to_a_folder(store: Store, tmp_path: Path) -> None:
    """Unfinished it is status 3; finished the folder is the same, byte for byte."""
    arguments = ["fetch", f"--from={store.place}", f"--to=file://{tmp_path}/node"]
    env = store.environment("http://127.0.0.1:9")
    store.put(".llmform/complete", b"0" * 64)
    assert run(arguments, env).status == 3
    store.client.delete_object(Bucket=store.bucket, Key=f"{PREFIX}/.llmform/complete")
    assert store.mirror(Hub(FILES)).status == 0
    done = run(arguments, env)
    assert done.status == 0, done.err
    look = in_folder(tmp_path / "node")
    assert finished(look) and wrong_files(look, FILES) == []


def test_objects_that_are_wrong_are_replaced(store: Store) -> None:
    """What another hand left under the names of files, of the right size or not, does not survive."""
    store.put(LARGE, b"\0" * FILES[LARGE].size)
    store.put("config.json", b"{")
    store.put("small.safetensors", b"\0" * FILES["small.safetensors"].size)
    assert store.mirror(Hub(FILES)).status == 0
    assert wrong_files(store.look, FILES) == []


def test_objects_that_are_right_are_kept(store: Store) -> None:
    """Of a place that lost its seal, nothing is asked for again."""
    assert store.mirror(Hub(FILES)).status == 0
    store.client.delete_object(Bucket=store.bucket, Key=f"{PREFIX}/.llmform/complete")
    hub = Hub(FILES)
    assert store.mirror(hub).status == 0
    assert finished(store.look) and hub.asked == {}


@pytest.mark.parametrize("name", [LARGE, "small.safetensors", "config.json"])
def test_a_damaged_body_is_not_seen(store: Store, name: str) -> None:
    """Damaged every time: status 1, and there is no object of that name, in one part or many."""
    done = store.mirror(Hub(FILES, fault=lambda a, p, n: p == name and a.send_file(p, damage=True)))
    assert done.status == 1 and name in done.sentence
    assert store.look(name) is None and not finished(store.look)


def test_a_body_that_is_damaged_once_is_asked_for_again(store: Store) -> None:
    """Damaged at first: the upload is given up and made anew."""
    done = store.mirror(Hub(FILES, fault=lambda a, p, n: n == 1 and a.send_file(p, damage=True)))
    assert done.status == 0, done.err
    assert wrong_files(store.look, FILES) == []


def interrupted_after(store: Store, sent: int, files: dict[str, Content]) -> None:
    """Kill a mirror once the hub has sent so many bytes of the larger file and the store has a part of it."""
    enough = threading.Event()

    def fault(answer: Answer, path: str, _: int) -> bool:
        if path != LARGER:
            return False
        if answer.hub.sent[path] >= sent:
            enough.set()
            time.sleep(60)
        answer.send_file(path, cut_after=sent)
        return True

    with Server(Hub(files, fault=fault)) as server:
        process = start(["mirror", f"--from={SOURCE}", f"--to={store.place}"], store.environment(server.url))
        assert enough.wait(60), process.communicate()
        deadline = time.monotonic() + 60
        while not parts_there(store) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
        process.communicate()


def unfinished(store: Store) -> list[dict[str, str]]:
    """Return the unfinished uploads of the larger file, as the store's calls take them."""
    uploads = store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", ())
    return [
        {"Bucket": store.bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
        for upload in uploads
        if upload["Key"].endswith(LARGER)
    ]


def parts_there(store: Store) -> list[int]:
    """Return the part numbers that the store holds of the larger file's unfinished uploads."""
    return [n["PartNumber"] for where in unfinished(store) for n in store.client.list_parts(**where).get("Parts", ())]


def test_a_killed_upload_is_gone_on_with(store: Store) -> None:
    """The parts that are at the store are not asked for again."""
    interrupted_after(store, 6 * MIB, FILES)
    there = len(parts_there(store))
    assert there >= 1
    hub = Hub(FILES)
    done = store.mirror(hub)
    assert done.status == 0, done.err
    assert finished(store.look) and wrong_files(store.look, FILES) == []
    assert hub.sent[LARGER] <= FILES[LARGER].size - there * 5 * MIB


def test_parts_that_are_wrong_are_found_by_reading_back(store: Store) -> None:
    """A part of the killed run that is not the hub's: the object is read back, found wrong and replaced as a whole."""
    interrupted_after(store, 6 * MIB, FILES)
    (upload,) = unfinished(store)
    store.client.upload_part(**upload, PartNumber=1, Body=b"\0" * (5 * MIB), ChecksumAlgorithm="SHA256")
    with Watch(store.look, FILES, whole_or_absent=False) as watch:
        done = store.mirror(Hub(FILES))
    assert done.status == 0, done.err
    assert watch.wrong == [] and finished(store.look) and wrong_files(store.look, FILES) == []


def test_an_upload_that_is_gone_is_begun_anew(store: Store) -> None:
    """The bucket's rule clears unfinished uploads away after some days; the note of one is then worth nothing."""
    interrupted_after(store, 6 * MIB, FILES)
    (upload,) = unfinished(store)
    store.client.abort_multipart_upload(**upload)
    done = store.mirror(Hub(FILES))
    assert done.status == 0, done.err
    assert finished(store.look) and wrong_files(store.look, FILES) == []


def test_a_killed_mirror_never_vouches_for_a_wrong_object(store: Store) -> None:
    """Ten kills at random moments, then a run to the end; a reader that trusts only the markers is never wrong."""
    asked, chance, killed = threading.Event(), random.Random(3), 0

    def fault(answer: Answer, path: str, _: int) -> bool:
        asked.set()
        answer.send_file(path, cut_after=chance.randrange(MIB, 9 * MIB))
        return True

    arguments = ["mirror", f"--from={SOURCE}", f"--to={store.place}"]
    with Server(Hub(FILES, fault=fault)) as server, Watch(store.look, FILES, whole_or_absent=False) as watch:
        env = store.environment(server.url)
        for _ in range(10):
            asked.clear()
            process = start(arguments, env)
            asked.wait(3)
            time.sleep(chance.uniform(0, 0.8))
            process.kill()
            process.communicate()
            killed += process.returncode < 0
        done = run(arguments, env)
    assert killed > 0 and watch.looks > 0 and watch.wrong == []
    assert done.status == 0, done.err
    assert finished(store.look) and wrong_files(store.look, FILES) == []


def test_two_mirrors_at_once(store: Store) -> None:
    """Both end well, whoever is quicker."""
    with Server(Hub(FILES)) as server, Watch(store.look, FILES, whole_or_absent=False) as watch:
        arguments = ["mirror", f"--from={SOURCE}", f"--to={store.place}"]
        two = [start(arguments, store.environment(server.url)) for _ in range(2)]
        ends = [(process.communicate()[1], process.returncode) for process in two]
    assert [status for _, status in ends] == [0, 0], ends
    assert watch.wrong == [] and finished(store.look) and wrong_files(store.look, FILES) == []


def test_a_right_object_is_never_replaced(store: Store) -> None:
    """A second mirror that is sent damaged bytes while the first finishes does not touch what the first vouched for.

    The second begins when nothing is there, waits until the first is done, and then gets the wrong bytes.
    """
    waiting, go = threading.Event(), threading.Event()

    def fault(answer: Answer, path: str, count: int) -> bool:
        if path != "small.safetensors":
            return False
        waiting.set()
        go.wait(60)
        answer.send_file(path, damage=count == 1)
        return True

    with Server(Hub(FILES, fault=fault)) as server:
        second = start(["mirror", f"--from={SOURCE}", f"--to={store.place}"], store.environment(server.url))
        assert waiting.wait(30)
        assert store.mirror(Hub(FILES)).status == 0
        with Watch(store.look, FILES, whole_or_absent=False) as watch:
            go.set()
            _, err = second.communicate()
    assert second.returncode == 0, err
    assert watch.wrong == [] and wrong_files(store.look, FILES) == []


def test_an_upload_with_wrong_parts_does_not_replace_a_right_object(store: Store) -> None:
    """The store refuses to complete an upload over an object that came meanwhile, so its wrong parts are never seen.

    A killed run left an upload, one part of which is wrong. A mirror goes on with it; while it waits for the hub,
    another, which does not know of the upload, finishes the place.
    """
    interrupted_after(store, 6 * MIB, FILES)
    (upload,) = unfinished(store)
    store.client.upload_part(**upload, PartNumber=1, Body=b"\0" * (5 * MIB), ChecksumAlgorithm="SHA256")
    waiting, go = threading.Event(), threading.Event()

    def fault(answer: Answer, path: str, count: int) -> bool:
        if path == LARGER:
            waiting.set()
            go.wait(60)
        return False

    with Server(Hub(FILES, fault=fault)) as server:
        first = start(["mirror", f"--from={SOURCE}", f"--to={store.place}"], store.environment(server.url))
        assert waiting.wait(30)
        notes = store.client.list_objects_v2(Bucket=store.bucket, Prefix=f"{PREFIX}/.llmform/uploads/")["Contents"]
        for note in notes:
            store.client.delete_object(Bucket=store.bucket, Key=note["Key"])
        assert store.mirror(Hub(FILES)).status == 0
        before = store.client.head_object(Bucket=store.bucket, Key=f"{PREFIX}/{LARGER}")["LastModified"]
        with Watch(store.look, FILES, whole_or_absent=False) as watch:
            go.set()
            _, err = first.communicate()
    assert first.returncode == 0, err
    assert watch.wrong == [] and wrong_files(store.look, FILES) == []
    assert store.client.head_object(Bucket=store.bucket, Key=f"{PREFIX}/{LARGER}")["LastModified"] == before


def test_a_folder_of_a_bucket_as_the_source(store: Store, tmp_path: Path) -> None:
    """Objects that somebody put there, an adapter say, are mirrored with checksums of their own."""
    adapter = {"adapter_config.json": Content(b"{}"), "adapter_model.safetensors": Content(CHANCE.randbytes(7 * MIB))}
    for path, content in adapter.items():
        store.client.put_object(Bucket=store.bucket, Key=f"adapters/legal/{path}", Body=content.body)
    store.client.put_object(Bucket=store.bucket, Key="adapters/legal/", Body=b"")  # as consoles make folders
    source = f"s3://{store.bucket}/adapters/legal"
    done = run(["mirror", f"--from={source}", f"--to={store.place}"], store.environment("http://127.0.0.1:9"))
    assert done.status == 0, done.err
    assert finished(store.look) and wrong_files(store.look, adapter) == []
    assert json.loads(store.look(".llmform/manifest.json") or b"")["source"] == source


@pytest.mark.parametrize("bucket", ["no-such-bucket-here-0815"])
def test_a_bucket_that_is_not_there(store: Store, bucket: str) -> None:
    """Status 1 with the store's own word: it may yet come."""
    env = store.environment("http://127.0.0.1:9")
    done = run(["fetch", f"--from=s3://{bucket}/x", f"--to=file://{store.home}/node"], env)
    assert done.status == 1 and "NoSuchBucket" in done.sentence


def test_a_store_that_does_not_answer(store: Store) -> None:
    """Status 1, and the sentence says which place."""
    env = store.environment("http://127.0.0.1:9") | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    done = run(["fetch", f"--from={store.place}", f"--to=file://{store.home}/node"], env)
    assert done.status == 1 and store.place in done.sentence


def test_without_credentials(store: Store) -> None:
    """Status 1: Pod Identity may not be there yet."""
    env = {k: v for k, v in store.environment("http://127.0.0.1:9").items() if "KEY" not in k}
    done = run(["fetch", f"--from={store.place}", f"--to=file://{store.home}/node"], env)
    assert done.status == 1 and "credentials" in done.sentence


def test_a_large_upload_needs_bounded_memory(store: Store) -> None:
    """A file of 1 GiB, in parts of 64 MiB, eight at a time, stays below three quarters of the container's 1 GiB.

    Eight parts are 512 MiB; the rest is Python, the SDK, and the part that is being hashed and sent.
    """
    content = Content(pattern_size=2**30)
    with Server(Hub({"model.gguf": content})) as server:
        env = store.environment(server.url, WEIGHTS_TIMEOUT_SECONDS="300") | {"WEIGHTS_PART_MIB": "64"}
        done, memory = peak_memory(["mirror", f"--from={SOURCE}", f"--to={store.place}"], env)
    assert done.status == 0, done.err
    assert memory < 768 * MIB
    head = store.client.head_object(Bucket=store.bucket, Key=f"{PREFIX}/model.gguf")
    assert head["ContentLength"] == content.size and finished(store.look)
    manifest = store.look(".llmform/manifest.json") or b""
    assert (store.look(".llmform/complete") or b"").decode() == hashlib.sha256(manifest).hexdigest()


@pytest.mark.parametrize(
    ("size", "wished", "expected"),
    [
        (1, 64 * MIB, 64 * MIB),
        (640_000 * MIB, 64 * MIB, 64 * MIB),  # 10,000 parts of 64 MiB: the most that S3 takes
        (640_000 * MIB + 1, 64 * MIB, 65 * MIB),  # one byte more: 9,847 parts
        (5 * 2**40, 64 * MIB, 525 * MIB),  # 5 TiB / 10,000 = 524.3 MiB
    ],
)
def test_no_object_has_too_many_parts(size: int, wished: int, expected: int) -> None:
    """10,000 parts at most (S3 user guide, "Multipart upload limits")."""
    assert part_size(size, wished) == expected
    assert -(-size // expected) <= 10_000


def test_spans_are_runs_of_numbers() -> None:
    """Missing parts are asked for by as few requests as there are gaps."""
    assert list(spans([1, 2, 3, 5, 8, 9])) == [(1, 3), (5, 5), (8, 9)]
    assert list(spans([])) == []
