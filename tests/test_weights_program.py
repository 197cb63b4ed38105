"""The weights program from the hub to a folder, run as its image runs it, against a hub that fails in many ways."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hub_server import COMMIT, Answer, Content, Hub, Server
from tests.weights_runs import (
    PROGRAM,
    ROOT,
    SOURCE,
    Done,
    Watch,
    environment,
    finished,
    in_folder,
    run,
    start,
    wrong_files,
)

CHANCE = random.Random(20261121)
FILES = {
    "config.json": Content(b'{"model_type": "tiny"}', lfs=False),
    "tokenizer/merges.txt": Content("naïve → 模型\n".encode() * 40, lfs=False),
    "model-00001-of-00002.safetensors": Content(CHANCE.randbytes(3_000_001)),
    "model-00002-of-00002.safetensors": Content(CHANCE.randbytes(2**21)),
    "empty.bin": Content(b"", lfs=False),
    "a name, with spaces & signs %2F?#+.txt": Content(b"x", lfs=False),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "mirror" / "acme" / "tiny" / COMMIT


def mirror(hub: Hub, place: Path, *more: str, source: str = SOURCE, **env: str) -> Done:
    """Mirror the hub to a folder."""
    with Server(hub) as server:
        return run(
            ["mirror", f"--from={source}", f"--to=file://{place}", *more], environment(server.url, place.parent, **env)
        )


def fetch(source: Path, to: Path, **env: str) -> Done:
    """Fetch a folder that is mirrored; there is no hub."""
    return run(
        ["fetch", f"--from=file://{source}", f"--to=file://{to}"], environment("http://127.0.0.1:9", to.parent, **env)
    )


def test_a_mirror_holds_every_file_and_says_so(place: Path) -> None:
    """Files under their own names, a manifest with their sizes and SHA-256, and the seal over it; listed in pages."""
    done = mirror(Hub(FILES, page=2), place)
    assert done.status == 0, done.err
    look = in_folder(place)
    assert finished(look) and wrong_files(look, FILES) == []
    manifest = json.loads((place / ".llmform/manifest.json").read_bytes())
    assert (manifest["format"], manifest["source"]) == (1, SOURCE)
    assert done.sentence.startswith("weights: ") and "6 files" in done.sentence and SOURCE in done.sentence


def test_a_second_run_asks_the_hub_for_nothing(place: Path) -> None:
    """A finished place is left alone, and needs no hub."""
    mirror(Hub(FILES), place)
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    hub = Hub({})
    done = mirror(hub, place)
    assert (done.status, hub.listings, hub.asked) == (0, 0, {}), done.err
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before


def test_a_mirror_keeps_what_is_right_and_replaces_what_is_not(place: Path) -> None:
    """Of an unfinished place with one right, one cut and one changed file, two files are asked for."""
    one, two = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    mirror(Hub(FILES), place)
    (place / ".llmform/complete").unlink()
    (place / two).write_bytes(FILES[two].body[:1000])
    (place / "config.json").write_bytes(b"{" * FILES["config.json"].size)
    hub = Hub(FILES)
    assert mirror(hub, place).status == 0
    assert wrong_files(in_folder(place), FILES) == []
    assert set(hub.asked) == {two, "config.json"}
    assert one not in hub.sent


def test_small_files_are_read_once(place: Path) -> None:
    """Files whose SHA-256 the hub does not state are read to learn it, and not a second time to copy them."""
    hub = Hub(FILES)
    mirror(hub, place)
    assert hub.asked["config.json"] == hub.asked["tokenizer/merges.txt"] == 1


def cuts(chance: random.Random) -> Callable[[Answer, str, int], bool]:
    """Return a fault that ends two of three connections early."""

    def fault(answer: Answer, path: str, _: int) -> bool:
        if chance.random() < 0.67:
            answer.send_file(path, cut_after=chance.randrange(400_000))
            return True
        return False

    return fault


def test_cut_connections_are_gone_on_with(place: Path) -> None:
    """Where the hub cuts two of three connections, the rest is asked for, and little more than the rest."""
    hub = Hub(FILES, fault=cuts(random.Random(5)))
    done = mirror(hub, place)
    assert done.status == 0, done.err
    assert wrong_files(in_folder(place), FILES) == []
    # a chunk of 64 KiB that was cut is not counted as sent, so what was sent is at most the file
    for path, content in FILES.items():
        assert hub.sent[path] <= content.size


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no-ranges"])
def test_a_hub_that_ignores_ranges_is_read_from_the_start(place: Path, ranges: bool) -> None:
    """An answer of 200 to a question for a range is the whole file: what is there already is passed over."""
    hub = Hub(FILES, ranges=ranges, fault=lambda a, p, n: n == 1 and a.send_file(p, cut_after=150_000))
    assert mirror(hub, place).status == 0
    assert wrong_files(in_folder(place), FILES) == []


@pytest.mark.parametrize("lie", [-70_000, 70_000], ids=["too-short", "too-long"])
def test_a_lie_about_the_length_is_not_believed(place: Path, lie: int) -> None:
    """A Content-Length that is wrong ends in the right file."""
    name = "model-00002-of-00002.safetensors"
    hub = Hub(FILES, fault=lambda a, p, n: p == name and n == 1 and a.send_file(p, length=2**21 + lie))
    assert mirror(hub, place).status == 0
    assert wrong_files(in_folder(place), FILES) == []


def test_a_damaged_body_is_thrown_away_and_asked_for_again(place: Path) -> None:
    """Each file comes damaged once: LFS files are seen by their SHA-256, others by git's name of the blob."""
    hub = Hub(FILES, fault=lambda a, p, n: n == 1 and a.send_file(p, damage=True))
    done = mirror(hub, place)
    assert done.status == 0, done.err
    assert wrong_files(in_folder(place), FILES) == []
    assert {hub.asked[path] for path, content in FILES.items() if content.size} == {2}


@pytest.mark.parametrize("name", ["config.json", "model-00001-of-00002.safetensors"])
def test_a_body_that_stays_damaged_is_never_presented(place: Path, name: str) -> None:
    """The run fails, names the file, and neither the file nor the seal is there."""
    hub = Hub(FILES, fault=lambda a, p, n: p == name and a.send_file(p, damage=True))
    done = mirror(hub, place)
    assert done.status == 1 and name in done.sentence
    assert not (place / name).exists() and not finished(in_folder(place))


@pytest.mark.parametrize("status", [429, 500, 503, 408])
def test_an_overloaded_hub_is_asked_again(place: Path, status: int) -> None:
    """Statuses that pass are waited out, for the list and for files."""
    hub = Hub(
        FILES,
        fault=lambda a, p, n: n <= 2 and a.refuse(status),
        list_fault=lambda a, n: n <= 2 and a.refuse(status),
    )
    assert mirror(hub, place).status == 0
    assert wrong_files(in_folder(place), FILES) == []


@pytest.mark.parametrize(
    "headers", [{"Retry_After": "1"}, {"RateLimit": '"resolvers";r=0;t=1'}], ids=["retry-after", "ratelimit"]
)
def test_the_hub_says_how_long_to_wait(place: Path, headers: dict[str, str]) -> None:
    """Retry-After and the hub's RateLimit are longer than the program's own wait, and are kept to."""
    seen: list[float] = []

    def fault(answer: Answer, path: str, count: int) -> bool:
        seen.append(time.monotonic())
        return count == 1 and answer.refuse(429, **headers)

    assert mirror(Hub({"config.json": FILES["config.json"]}, fault=fault), place).status == 0
    assert seen[1] - seen[0] >= 1  # the server's own word; the program's first wait here is 0.01 s


def test_a_hub_that_wants_to_be_left_alone_for_an_hour_is(place: Path) -> None:
    """A wait beyond ten minutes is the Job's back-off to make: status 1 at once, with the reason."""
    hub = Hub(FILES, fault=lambda a, p, n: a.refuse(429, Retry_After="3600"))
    done = mirror(hub, place)
    assert done.status == 1 and "3600 seconds" in done.sentence


def test_a_hub_that_does_not_answer_is_given_up(place: Path) -> None:
    """Nobody listens: status 1, and the sentence says who did not answer."""
    done = run(["mirror", f"--from={SOURCE}", f"--to=file://{place}"], environment("http://127.0.0.1:9", place.parent))
    assert done.status == 1 and "127.0.0.1:9" in done.sentence


def test_a_silent_hub_is_given_up(place: Path) -> None:
    """A connection on which nothing comes is left after the timeout, and asked for again."""
    wait = threading.Event()
    hub = Hub(FILES, list_fault=lambda a, n: n == 1 and bool(wait.wait(20)))
    done = mirror(hub, place, WEIGHTS_TIMEOUT_SECONDS="1")
    wait.set()
    assert done.status == 0, done.err


def test_a_commit_that_is_not_there(place: Path) -> None:
    """Status 4; the sentence names model and commit."""
    done = mirror(Hub(FILES), place, source=f"hf://acme/tiny@{'9' * 40}")
    assert done.status == 4 and "acme/tiny has no commit 9999" in done.sentence


def test_a_repository_that_is_not_there(place: Path) -> None:
    """Status 4, and nothing is written."""
    done = mirror(Hub(FILES), place, source=f"hf://acme/other@{COMMIT}")
    assert done.status == 4 and "acme/other" in done.sentence
    assert not place.exists()


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "name a Secret in `models.<name>.token`"),
        ({"HF_TOKEN": "hf_wrong"}, "the Secret that `models.<name>.token` names, key `token`"),
        ({"HF_TOKEN": "hf_wrong", "HF_TOKEN_FROM": "llama-token"}, "the Secret llama-token, key `token`"),
        ({"HF_TOKEN": " \n", "HF_TOKEN_FROM": "llama-token"}, "the Secret llama-token, key `token`, is empty"),
        (
            {"HF_TOKEN": "hf_a\nb", "HF_TOKEN_FROM": "llama-token"},
            "the Secret llama-token, key `token`, has characters",
        ),
    ],
    ids=["none", "wrong", "wrong-named", "empty", "two-lines"],
)
def test_a_gated_model_names_the_secret(place: Path, env: dict[str, str], said: str) -> None:
    """Status 4 without trying again; the token itself is not in the log."""
    hub = Hub(FILES, token="hf_right")
    done = mirror(hub, place, **env)
    assert done.status == 4 and said in done.sentence
    assert hub.listings <= 1 and not hub.asked
    assert "hf_" not in done.out + done.err
    assert not finished(in_folder(place))


def test_a_token_opens_a_gated_model_and_stays_with_the_hub(place: Path) -> None:
    """The storage that the hub redirects to never sees the token. A line end in the Secret is no part of it."""
    storage = Hub(FILES)
    with Server(storage) as elsewhere:
        hub = Hub(FILES, token="hf_right", other_host=elsewhere.url)
        done = mirror(hub, place, HF_TOKEN="hf_right\n")
    assert done.status == 0, done.err
    assert wrong_files(in_folder(place), FILES) == []
    assert storage.sent and storage.tokens_seen_elsewhere == []


def test_storage_that_refuses_is_not_the_hub_refusing(place: Path) -> None:
    """A signed address that has run out answers 403 at the storage: another is asked for."""
    storage = Hub(FILES)
    with Server(storage) as elsewhere, Server(Hub({})) as wrong:
        hub = Hub(FILES, token="hf_right", other_host=elsewhere.url)

        def fault(answer: Answer, path: str, count: int) -> bool:
            if count > 1:
                return False
            answer.send_response(302)
            answer.send_header("Location", f"{wrong.url}/acme/tiny/resolve/x/y")
            answer.send_header("Content-Length", "0")
            answer.end_headers()
            return True

        hub.fault = fault
        done = mirror(hub, place, HF_TOKEN="hf_right")
    assert done.status == 0, done.err


BAD_NAMES = ["../x", "/etc/x", "a/../../x", "./x", "a//b", "a/", ".llmform/complete", ".LLMFORM/manifest.json"]
BAD_NAMES += ["line\nend", "bell\x07", "del\x7f", "nul\0", "\ud800", ""]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name)[1:-1] or "empty")
def test_a_name_that_leads_elsewhere_is_refused(place: Path, name: str) -> None:
    """Status 4, the name in the sentence in one line, and nothing at all is written."""
    done = mirror(Hub(FILES | {name: Content(b"x")}), place)
    assert done.status == 4 and "cannot be mirrored" in done.sentence, done.err
    assert not place.exists() and sorted(p.name for p in place.parent.parent.parent.rglob("*")) == []


def test_a_file_that_is_also_a_folder_is_refused(place: Path) -> None:
    """No file system holds both."""
    done = mirror(Hub({"a": Content(b"x"), "a/b": Content(b"y")}), place)
    assert done.status == 4 and "a file and a folder" in done.sentence


def test_one_file_of_many(place: Path) -> None:
    """`--file` with its SHA-256 brings that file alone, under a source of its own."""
    name = "model-00002-of-00002.safetensors"
    hub = Hub(FILES)
    done = mirror(hub, place, f"--file={name}", f"--sha256={FILES[name].sha256.upper()}")
    assert done.status == 0, done.err
    assert wrong_files(in_folder(place), {name: FILES[name]}) == []
    assert set(hub.asked) == {name}
    assert json.loads((place / ".llmform/manifest.json").read_bytes())["source"] == f"{SOURCE}#{name}"


@pytest.mark.parametrize("name", ["config.json", "model-00002-of-00002.safetensors"])
def test_another_file_than_was_asked_for(place: Path, name: str) -> None:
    """A SHA-256 that the hub's file has not: status 4 with both, whether or not the hub states it; nothing written."""
    done = mirror(Hub(FILES), place, f"--file={name}", f"--sha256={'a' * 64}")
    assert done.status == 4 and FILES[name].sha256 in done.sentence and "a" * 64 in done.sentence
    assert not place.exists()


def test_a_file_that_the_commit_lacks(place: Path) -> None:
    """Status 4 with its name."""
    done = mirror(Hub(FILES), place, "--file=model.gguf")
    assert done.status == 4 and "model.gguf" in done.sentence


def test_a_place_is_for_one_source(place: Path) -> None:
    """Another commit, or one file of it, into a place that is taken: status 2, and the place stays as it is."""
    mirror(Hub(FILES), place)
    done = mirror(Hub(FILES), place, "--file=config.json")
    assert done.status == 2 and "needs a place of its own" in done.sentence
    assert wrong_files(in_folder(place), FILES) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["copy", f"--from={SOURCE}", "--to=file:///x"],
        ["mirror", f"--from={SOURCE}"],
        ["mirror", "--from=hf://acme/tiny@main", "--to=file:///x"],
        ["mirror", "--from=hf://acme/tiny", "--to=file:///x"],
        ["mirror", "--from=hf://../tiny@" + COMMIT, "--to=file:///x"],
        ["mirror", f"--from={SOURCE}", "--to=file://relative"],
        ["mirror", f"--from={SOURCE}", "--to=gs://bucket/x"],
        ["mirror", f"--from={SOURCE}", "--to=file:///x", "--sha256=" + "0" * 64],
        ["mirror", f"--from={SOURCE}", "--to=file:///x", "--file=a", "--sha256=12"],
        ["mirror", f"--from={SOURCE}", "--to=file:///x", "--file=../a"],
        ["fetch", "--from=file:///x", "--to=s3://bucket/x"],
        ["fetch", f"--from={SOURCE}", "--to=file:///x"],
        ["fetch", "--from=file:///x", "--to=file:///y", "--file=a"],
    ],
)
def test_a_wrong_call(tmp_path: Path, arguments: list[str]) -> None:
    """Status 2 and one line that says what is wrong."""
    done = run(arguments, environment("http://127.0.0.1:9", tmp_path))
    assert done.status == 2 and len(done.err.splitlines()) == 1, done.err


@pytest.mark.parametrize(
    "env", [{"HF_ENDPOINT": "hub"}, {"WEIGHTS_WORKERS": "0"}, {"WEIGHTS_PART_MIB": "4"}, {"WEIGHTS_WORKERS": "many"}]
)
def test_a_wrong_environment(tmp_path: Path, env: dict[str, str]) -> None:
    """A setting that cannot be is status 2 with its name."""
    arguments = ["mirror", f"--from={SOURCE}", f"--to=file://{tmp_path}/x"]
    done = run(arguments, environment("http://127.0.0.1:9", tmp_path) | env)
    assert done.status == 2 and next(iter(env)) in done.sentence


def test_fetch_brings_what_the_mirror_holds(place: Path, tmp_path: Path) -> None:
    """The same files and markers, byte for byte; a second call does nothing."""
    mirror(Hub(FILES), place)
    assert fetch(place, tmp_path / "node").status == 0
    assert wrong_files(in_folder(tmp_path / "node"), FILES) == [] and finished(in_folder(tmp_path / "node"))
    shutil.move(place / "config.json", tmp_path / "gone")
    assert fetch(place, tmp_path / "node").status == 0


@pytest.mark.parametrize("what", ["nothing", "no-seal", "wrong-seal", "changed-manifest"])
def test_fetch_waits_for_the_mirror(place: Path, tmp_path: Path, what: str) -> None:
    """A place that is not finished is status 3, and nothing is written."""
    if what != "nothing":
        mirror(Hub(FILES), place)
    if what == "no-seal":
        (place / ".llmform/complete").unlink()
    if what == "wrong-seal":
        (place / ".llmform/complete").write_text("0" * 64)
    if what == "changed-manifest":
        manifest = place / ".llmform/manifest.json"
        manifest.write_bytes(manifest.read_bytes().replace(b"config.json", b"config.yaml"))
    done = fetch(place, tmp_path / "node")
    assert done.status == 3 and "not finished" in done.sentence
    assert not (tmp_path / "node").exists()


def test_fetch_refuses_what_rotted_in_the_mirror(place: Path, tmp_path: Path) -> None:
    """A file of a finished place that changed on its disk does not get to the node."""
    mirror(Hub(FILES), place)
    (place / "config.json").write_bytes(b"{" * FILES["config.json"].size)
    done = fetch(place, tmp_path / "node")
    assert done.status == 1 and "config.json" in done.sentence
    assert not (tmp_path / "node/config.json").exists() and not finished(in_folder(tmp_path / "node"))


def test_fetch_trusts_no_name_of_the_manifest(place: Path, tmp_path: Path) -> None:
    """A manifest that names a file outside, sealed as it may be, is no manifest."""
    body = b"x"
    entry = {"path": "../outside", "bytes": 1, "sha256": hashlib.sha256(body).hexdigest()}
    text = json.dumps({"format": 1, "source": SOURCE, "files": [entry]}).encode()
    (place / ".llmform").mkdir(parents=True)
    (place / ".llmform/manifest.json").write_bytes(text)
    (place / ".llmform/complete").write_text(hashlib.sha256(text).hexdigest())
    (place.parent / "outside").write_bytes(body)
    assert fetch(place, tmp_path / "node").status == 3
    assert not (tmp_path / "outside").exists()


# What happens to the folder


def test_a_link_in_the_destination_is_not_followed(place: Path, tmp_path: Path) -> None:
    """A link in a file's stead is replaced; a link in a folder's stead is an error. Outside nothing changes."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_bytes(b"precious")
    place.mkdir(parents=True)
    (place / "config.json").symlink_to(outside / "victim")
    assert mirror(Hub({"config.json": FILES["config.json"]}), place).status == 0
    assert (place / "config.json").read_bytes() == FILES["config.json"].body and not (
        place / "config.json"
    ).is_symlink()
    assert (outside / "victim").read_bytes() == b"precious"
    other = tmp_path / "other"
    other.mkdir()
    (other / "tokenizer").symlink_to(outside)
    done = mirror(Hub(FILES), other)
    assert done.status == 1 and "in the way" in done.sentence
    third = tmp_path / "third"
    third.mkdir()
    (third / ".llmform").symlink_to(outside)
    assert mirror(Hub(FILES), third).status == 1
    assert sorted(p.name for p in outside.iterdir()) == ["victim"]


def test_a_folder_in_a_files_stead(place: Path) -> None:
    """It is not removed; the sentence names it."""
    (place / "config.json").mkdir(parents=True)
    done = mirror(Hub(FILES), place)
    assert done.status == 1 and "config.json" in done.sentence and "not a file" in done.sentence


def limited_to(size: int) -> list[str]:
    """Return what goes before a program so that it can write no file beyond this size, as on a full disk."""
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
    code = f"import os,resource,sys; {limit}; os.execv(sys.argv[1], sys.argv[1:])"
    return [sys.executable, "-c", code]


def test_a_full_disk(place: Path) -> None:
    """Status 1 and no seal; with room again, the next run goes on with what was written."""
    name = "model-00001-of-00002.safetensors"
    with Server(Hub(FILES)) as server:
        arguments = ["mirror", f"--from={SOURCE}", f"--to=file://{place}"]
        env = environment(server.url, place.parent)
        full = subprocess.run(
            [*limited_to(1_000_000), *PROGRAM, *arguments],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert full.returncode == 1 and "no room is left" in full.stderr.splitlines()[-1], full.stderr
        assert not finished(in_folder(place)) and not (place / name).exists()
    hub = Hub(FILES)
    assert mirror(hub, place).status == 0
    assert wrong_files(in_folder(place), FILES) == []
    large = [path for path in FILES if FILES[path].size > 1_000_000]
    assert any(hub.sent[path] < FILES[path].size for path in large)  # some of it was there


def test_a_destination_that_cannot_be_written(place: Path, tmp_path: Path) -> None:
    """A read-only destination, or one below a file: status 1 and the system's own word."""
    (tmp_path / "file").write_bytes(b"")
    done = mirror(Hub(FILES), tmp_path / "file" / "below")
    assert done.status == 1 and "cannot" in done.sentence
    done = mirror(Hub(FILES), Path("/proc/self/weights"))
    assert done.status == 1 and "/proc/self/weights" in done.sentence


def test_a_read_only_folder(place: Path) -> None:
    """A folder without write permission: status 1 and the system's own word. Root has to obey it too, here."""
    place.mkdir(parents=True)
    place.chmod(0o555)
    obey = [] if os.geteuid() else ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    with Server(Hub(FILES)) as server:
        arguments = ["mirror", f"--from={SOURCE}", f"--to=file://{place}"]
        env = environment(server.url, place.parent)
        done = subprocess.run(
            [*obey, *PROGRAM, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )
    place.chmod(0o755)
    assert done.returncode == 1 and "Permission denied" in done.stderr.splitlines()[-1], done.stderr


# Kills, and two at once


@pytest.fixture
def slow_hub() -> Iterator[tuple[Hub, threading.Event]]:
    """A hub that cuts connections and takes its time, so that a run is caught at any point; and its first request."""
    asked, chance = threading.Event(), random.Random(11)

    def fault(answer: Answer, path: str, _: int) -> bool:
        asked.set()
        time.sleep(chance.uniform(0, 0.03))
        answer.send_file(path, cut_after=chance.randrange(100_000, 1_500_000))
        return True

    yield Hub(FILES, fault=fault), asked


def kill_ten_times(arguments: list[str], env: dict[str, str], asked: threading.Event | None, seed: int) -> int:
    """Start a run and kill it, ten times, at moments drawn by chance; return how many were killed before their end."""
    chance, killed = random.Random(seed), 0
    for _ in range(10):
        if asked is not None:
            asked.clear()
        process = start(arguments, env)
        if asked is not None:
            asked.wait(3)  # a place that is finished asks for nothing
        time.sleep(chance.uniform(0, 0.25))
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    return killed


def test_a_killed_mirror_never_presents_a_wrong_file(place: Path, slow_hub: tuple[Hub, threading.Event]) -> None:
    """Ten kills at random moments, then a run to the end: all the while no file is there in part under its name."""
    hub, asked = slow_hub
    with Server(hub) as server, Watch(in_folder(place), FILES, whole_or_absent=True) as watch:
        arguments, env = ["mirror", f"--from={SOURCE}", f"--to=file://{place}"], environment(server.url, place.parent)
        killed = kill_ten_times(arguments, env, asked, seed=1)
        done = run(arguments, env)
    assert killed > 0 and watch.looks > 0
    assert done.status == 0, done.err
    assert watch.wrong == []
    assert finished(in_folder(place)) and wrong_files(in_folder(place), FILES) == []
    assert list((place / ".llmform/partial").iterdir()) == []


def test_a_killed_fetch_never_presents_a_wrong_file(place: Path, tmp_path: Path) -> None:
    """The same for the copy to a node."""
    files = FILES | {f"shard-{n}": Content(random.Random(n).randbytes(8_000_000)) for n in range(4)}
    mirror(Hub(files), place)
    node = tmp_path / "node"
    arguments = ["fetch", f"--from=file://{place}", f"--to=file://{node}"]
    env = environment("http://127.0.0.1:9", tmp_path)
    chance = random.Random(2)
    with Watch(in_folder(node), files, whole_or_absent=True) as watch:
        for _ in range(10):
            process = start(arguments, env)
            deadline = time.monotonic() + 3
            while process.poll() is None and not node.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.1))
            process.kill()
            process.communicate()
        done = run(arguments, env)
    assert done.status == 0 and watch.wrong == [] and watch.looks > 0
    assert finished(in_folder(node)) and wrong_files(in_folder(node), files) == []


def test_two_mirrors_at_once(place: Path, slow_hub: tuple[Hub, threading.Event]) -> None:
    """Both end well, and each file came from the hub once: one run waits for the other's file."""
    hub, _ = slow_hub
    with Server(hub) as server, Watch(in_folder(place), FILES, whole_or_absent=True) as watch:
        arguments, env = ["mirror", f"--from={SOURCE}", f"--to=file://{place}"], environment(server.url, place.parent)
        two = [start(arguments, env) for _ in range(2)]
        ends = [(process.communicate()[1], process.returncode) for process in two]
    assert [status for _, status in ends] == [0, 0], ends
    assert watch.wrong == [] and wrong_files(in_folder(place), FILES) == []
    for path in (path for path, content in FILES.items() if content.lfs):
        assert hub.sent[path] <= FILES[path].size


def test_one_run_waits_for_the_file_that_another_writes(place: Path) -> None:
    """While one run is in the middle of a file, another says that it waits, and does not ask the hub for it."""
    name = "model-00001-of-00002.safetensors"
    begun, go = threading.Event(), threading.Event()

    def fault(answer: Answer, path: str, count: int) -> bool:
        begun.set()
        return not go.wait(60)

    hub = Hub({name: FILES[name]}, fault=fault)
    with Server(hub) as server:
        arguments, env = ["mirror", f"--from={SOURCE}", f"--to=file://{place}"], environment(server.url, place.parent)
        first = start(arguments, env)
        assert begun.wait(30)
        second = start(arguments, env)
        assert second.stdout is not None
        said = [line for line in (second.stdout.readline(), second.stdout.readline()) if "another run" in line]
        go.set()
        ends = [(process.communicate()[1], process.returncode) for process in (first, second)]
    assert [status for _, status in ends] == [0, 0], ends
    assert said == [f"another run is writing {name}; waiting for it\n"]
    assert hub.asked == {name: 1}


def test_a_fetch_during_the_mirror(place: Path, tmp_path: Path, slow_hub: tuple[Hub, threading.Event]) -> None:
    """Until the mirror is finished each fetch is status 3 and writes nothing; then it is 0."""
    hub, asked = slow_hub
    gate = threading.Event()
    inner = hub.fault
    assert inner is not None

    def fault(answer: Answer, path: str, count: int) -> bool:
        if path == "model-00002-of-00002.safetensors":
            gate.wait(60)
        return inner(answer, path, count)

    hub.fault = fault
    with Server(hub) as server:
        process = start(["mirror", f"--from={SOURCE}", f"--to=file://{place}"], environment(server.url, place.parent))
        assert asked.wait(20)
        assert fetch(place, tmp_path / "node").status == 3
        gate.set()
        assert (process.communicate()[1], process.returncode)[1] == 0
    assert fetch(place, tmp_path / "node").status == 0


def test_a_stopped_pod_says_so(place: Path) -> None:
    """SIGTERM, which Kubernetes sends first, ends a run at once with status 1 and a sentence."""
    asked, wait = threading.Event(), threading.Event()

    def fault(answer: Answer, path: str, count: int) -> bool:
        asked.set()
        return wait.wait(30)

    hub = Hub(FILES, fault=fault)
    with Server(hub) as server:
        process = start(["mirror", f"--from={SOURCE}", f"--to=file://{place}"], environment(server.url, place.parent))
        assert asked.wait(20)
        process.terminate()
        _, err = process.communicate(timeout=30)
        wait.set()
    assert process.returncode == 1 and "stopped by SIGTERM" in err.splitlines()[-1]


# Many and large


def test_five_thousand_small_files(place: Path) -> None:
    """Many pages, many files, each right."""
    files = {f"folder-{n % 7}/part-{n}.txt": Content(b"%d" % n, lfs=bool(n % 2)) for n in range(5000)}
    done = mirror(Hub(files), place)
    assert done.status == 0, done.err
    assert finished(in_folder(place)) and wrong_files(in_folder(place), files) == []


def peak_memory(arguments: list[str], env: dict[str, str]) -> tuple[Done, int]:
    """Run to the end; return also the most memory that the process held, in bytes (Linux counts ru_maxrss in KiB)."""
    code = (
        "import resource,subprocess,sys; s = subprocess.run(sys.argv[1:]).returncode; "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(s)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *PROGRAM, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr), int(done.stdout.splitlines()[-1]) * 1024


def test_three_gibibytes_need_little_memory(place: Path) -> None:
    """A file of 3 GiB goes to a folder through less than 200 MiB, a fifth of the container's."""
    hub = Hub({"model.gguf": Content(pattern_size=3 * 2**30)})
    with Server(hub) as server:
        done, memory = peak_memory(
            ["mirror", f"--from={SOURCE}", f"--to=file://{place}"], environment(server.url, place.parent)
        )
    assert done.status == 0, done.err
    assert memory < 200 * 2**20
    assert (place / "model.gguf").stat().st_size == 3 * 2**30 and finished(in_folder(place))
