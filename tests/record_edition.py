"""Records what an edition compiles the examples to: once, on the day that the edition is released.

    python -m tests.record_edition 2027-05

writes `tests/editions/2027-05/<example>.json`. A recording holds the spec itself with its files, pinned to the
edition, so that the
examples may change later; and the graph of every stack. It holds neither the compiler's version nor the spec's
digest: releases move, an
edition does not. An edition that has been recorded is not recorded again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from components.graph_json import canonical, encode_graph
from specs.catalog.reader import EDITIONS
from stacks.compile import compile_spec
from stacks.files import DiskFiles
from tests.memory_files import MemoryFiles

ROOT = Path(__file__).parent
EXAMPLES = ROOT.parent / "specs" / "examples"
NAMES = ("quickstart", "on-prem", "environments")
FROZEN = (
    "an edition is frozen: what it compiled to once, it compiles to for ever. "
    "People's plans say `No changes` because of that"
)


def recording(edition: str, name: str) -> Path:
    """Return the file of one example of an edition."""
    return ROOT / "editions" / edition / f"{name}.json"


def pinned(text: str, edition: str) -> str:
    """Return the spec with its edition named, as it is recorded."""
    return text if "\nedition: " in text else f"{text.rstrip()}\n\nedition: {edition}\n"


def graphs(text: str, files: dict[str, str]) -> dict[str, Any]:
    """Return the graph of every stack of a spec, as JSON; AssertionError if it has errors."""
    folder = MemoryFiles({name: content.encode() for name, content in files.items()})
    compiled = compile_spec(text.encode(), "spec.yaml", folder)
    assert compiled.compilation is not None, compiled.diagnostics
    return {s.name: encode_graph(s.graph) for s in compiled.compilation.stacks}


def record(edition: str, name: str) -> str:
    """Return the recording of an example as it is today."""
    text = pinned((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"), edition)
    assert f"\nedition: {edition}" in text, f"{name} names another edition"
    disk = DiskFiles(EXAMPLES)
    files = (
        {f"k8s/{n}": (disk.read(f"k8s/{n}") or b"").decode() for n in disk.names("k8s") or ()} if "k8s/" in text else {}
    )
    return canonical({"edition": edition, "files": files, "spec": text, "stacks": graphs(text, files)})


def main(arguments: list[str]) -> int:
    """Run the command: 0 recorded, 1 the edition is frozen, 2 wrong usage."""
    if len(arguments) != 1 or arguments[0] not in EDITIONS:
        print(f"usage: python -m tests.record_edition EDITION; editions: {', '.join(EDITIONS)}", file=sys.stderr)
        return 2
    [edition] = arguments
    there = [recording(edition, n) for n in NAMES if recording(edition, n).exists()]
    if there:
        print(f"error: {FROZEN}.", file=sys.stderr)
        print(
            f"  {edition} is recorded in {there[0].parent.relative_to(ROOT.parent)}; a change belongs in a new edition",
            file=sys.stderr,
        )
        print("  (if no release has had this edition yet, delete that folder first)", file=sys.stderr)
        return 1
    recording(edition, NAMES[0]).parent.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        text = record(edition, name)
        recording(edition, name).write_text(text, encoding="utf-8")
        print(f"{recording(edition, name).relative_to(ROOT.parent)}: {len(json.loads(text)['stacks'])} stacks")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
