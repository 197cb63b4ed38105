"""The pages of `llmform explain CODE`: their form, and that their examples are true.

An example that begins with `apiVersion` is a whole spec. Any other is a part of one: it is merged into `BASE`, map by
map; a part that cannot be read by itself is taken as it stands. A block of `sh` writes `spec.yaml`. A block with a
file's name behind its language is a file beside the spec.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from specs.diagnostics import Diagnostic
from specs.source import read
from specs.tree import plain
from stacks.compile import compile_spec
from stacks.cost.review import costs
from stacks.explain import codes, page
from stacks.files import DiskFiles

BASE = """\
apiVersion: llmform/v1
name: hello
models:
  chat: hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28
nodePools:
  l40s: {accelerator: nvidia-l40s, max: 2}
serving:
  chat: {model: chat, pool: l40s}
targets:
  us-east-1: {provider: aws, region: us-east-1, account: "123456789012"}
"""

HEADINGS = ["What it means", "Why", "Example", "Instead"]

_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(code: str) -> str:
    text = page(code)
    assert text is not None
    return text


def section(code: str, heading: str) -> str:
    return text_of(code).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def merged(base: Any, part: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(part, dict):
        return part
    return base | {key: merged(base.get(key), value) for key, value in part.items()}


def found_in(code: str, heading: str, folder: Path) -> tuple[Diagnostic, ...]:
    """Return what is said about the spec of a section."""
    spec = b""
    blocks = _BLOCK.findall(section(code, heading))
    assert blocks
    for language, name, text in blocks:
        if name:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        elif language == "sh":
            subprocess.run(["sh", "-c", text], cwd=folder, check=True)
            spec = (folder / "spec.yaml").read_bytes()
        else:
            spec = whole(text)
    compiled = compile_spec(spec, "spec.yaml", DiskFiles(folder))
    return (*compiled.diagnostics, *(costs(compiled, None)[1] if compiled.compilation else ()))


def whole(text: str) -> bytes:
    if text.startswith("apiVersion:"):
        return text.encode()
    part, found = read(text.encode(), "spec.yaml")
    base, _ = read(BASE.encode(), "spec.yaml")
    if part is None or found or base is None:
        return text.encode()
    return json.dumps(merged(plain(base), plain(part))).encode()


def test_base_is_sound() -> None:
    """What a part is merged into has nothing to say about itself."""
    assert compile_spec(BASE.encode(), "spec.yaml").diagnostics == ()


@pytest.mark.parametrize("code", codes())
def test_page_has_its_form(code: str) -> None:
    """A page has its code as title, four sections, and fits on a screen."""
    lines = text_of(code).splitlines()
    assert lines[0] == f"# {code}"
    assert [line[3:] for line in lines if line.startswith("## ")] == HEADINGS
    assert len(lines) <= 60
    assert max(len(line) for line in lines if "hf://" not in line and "[[[[" not in line) <= 120


@pytest.mark.parametrize("code", codes())
def test_example_gives_the_code(code: str, tmp_path: Path) -> None:
    """What the page shows as wrong is reported under this code and no other."""
    assert {d.code for d in found_in(code, "Example", tmp_path)} == {code}


@pytest.mark.parametrize("code", codes())
def test_instead_is_right(code: str, tmp_path: Path) -> None:
    """What the page shows as right has nothing wrong at all."""
    assert [f"{d.span} {d.code}: {d.message}" for d in found_in(code, "Instead", tmp_path)] == []
