"""Runs of the weights program as its image runs it, and a reader that trusts nothing but the markers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.hub_server import COMMIT, Content

ROOT = Path(__file__).resolve().parent.parent
SOURCE = f"hf://acme/tiny@{COMMIT}"
PROGRAM = [sys.executable, "-m", "serving_images.weights.program"]


@dataclass(frozen=True)
class Done:
    """How a run ended: its exit status, what it printed, and the sentence for people."""

    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        return self.err.splitlines()[-1]


def environment(hub: str, home: Path, **more: str) -> dict[str, str]:
    """Return all that a run may see of the world."""
    keep = {name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_START") if name in os.environ}
    plain = {
        "HF_ENDPOINT": hub,
        "HOME": str(home),
        "WEIGHTS_RETRY_SECONDS": "0.01",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return keep | plain | more


def start(arguments: list[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a run."""
    return subprocess.Popen(
        [*PROGRAM, *arguments], cwd=ROOT, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(arguments: list[str], env: Mapping[str, str]) -> Done:
    """Run to the end."""
    process = start(arguments, env)
    out, err = process.communicate(timeout=300)
    return Done(process.returncode, out, err)


Look = Callable[[str], bytes | None]
"""Returns the bytes under a name of a place, or None."""


def in_folder(folder: Path) -> Look:
    """Return how to look into a folder."""

    def look(name: str) -> bytes | None:
        path = folder / name
        return path.read_bytes() if path.is_file() and not path.is_symlink() else None

    return look


def finished(look: Look) -> bool:
    """Return whether the place says that it is finished, by the words of the contract."""
    complete, manifest = look(".llmform/complete"), look(".llmform/manifest.json")
    return (
        None not in (complete, manifest) and (complete or b"").decode() == hashlib.sha256(manifest or b"").hexdigest()
    )


def wrong_files(look: Look, truth: Mapping[str, Content]) -> list[str]:
    """Return the files of a finished place that are not what the hub holds; everything, if it lists other files."""
    manifest = json.loads(look(".llmform/manifest.json") or b"{}")
    listed = {entry["path"]: (entry["bytes"], entry["sha256"]) for entry in manifest["files"]}
    if listed != {path: (content.size, content.sha256) for path, content in truth.items()}:
        return sorted(listed)
    return [path for path, content in truth.items() if _sha256(look(path)) != content.sha256]


def _sha256(body: bytes | None) -> str:
    return "absent" if body is None else hashlib.sha256(body).hexdigest()


class Watch:
    """Looks at a place over and over while it is entered, and keeps what a trusting reader would have got wrong."""

    def __init__(self, look: Look, truth: Mapping[str, Content], whole_or_absent: bool) -> None:
        self.look, self.truth, self.whole_or_absent = look, truth, whole_or_absent
        self.wrong: list[str] = []
        self.looks = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.02):
            self.looks += 1
            if finished(self.look):
                self.wrong += wrong_files(self.look, self.truth)
            if self.whole_or_absent:  # renamed files: none is ever there in part, finished or not
                for path, content in self.truth.items():
                    body = self.look(path)
                    if body is not None and hashlib.sha256(body).hexdigest() != content.sha256:
                        self.wrong.append(path)
