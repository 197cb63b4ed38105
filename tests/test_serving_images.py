"""Build contexts: rendered strictly and the same every time, linted, and holding what the image needs and no more."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serving_images.render import HERE, UnfitValues, defaults, render
from tests.weights_runs import environment

DIGEST = f"sha256:{'ab' * 32}"


def weights(**base: str) -> dict[str, str]:
    """Return the build context of the weights image."""
    values = defaults("weights")
    return render("weights", {**values, "base": {**values["base"], **base}, "edition": "2026-11"})


def test_the_same_values_give_the_same_bytes() -> None:
    """Twice in this process, and once in another with another hash seed."""
    code = (
        "import json; from serving_images.render import *; "
        "print(json.dumps(render('weights', {**defaults('weights'), 'edition': '2026-11'})))"
    )
    again = subprocess.run([sys.executable, "-c", code], cwd=HERE.parent, capture_output=True, text=True, check=True)
    assert list(weights().items()) == list(weights().items()) == list(json.loads(again.stdout).items())


def test_the_context_is_the_program_its_pins_and_its_dockerfile() -> None:
    """Every module of the program is in it; what is for people or for llmform is not."""
    context = weights()
    modules = {f"program/{path.name}" for path in (HERE / "weights/program").glob("*.py")}
    assert set(context) == {"Dockerfile", "requirements.txt"} | modules


@pytest.mark.parametrize("digest", ["", DIGEST], ids=["tag", "digest"])
def test_a_real_linter_finds_nothing(digest: str, tmp_path: Path) -> None:
    """hadolint, all of its rules, ShellCheck of the RUN lines included."""
    (tmp_path / "Dockerfile").write_text(weights(digest=digest)["Dockerfile"])
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [hadolint, "--no-color", tmp_path / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_linter_would_find_something(tmp_path: Path) -> None:
    """It really lints: an image without a tag is DL3006."""
    (tmp_path / "Dockerfile").write_text("FROM python\n")
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, tmp_path / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "DL3006" in done.stdout


def test_the_base_is_pinned_or_says_why_not() -> None:
    """With a digest both stages have it; without one, a comment says so."""
    pinned, tagged = weights(digest=DIGEST)["Dockerfile"], weights()["Dockerfile"]
    assert (
        re.findall(r"^FROM (\S+)", pinned, re.MULTILINE) == [f"docker.io/library/python:3.13-slim-trixie@{DIGEST}"] * 2
    )
    assert "has no digest yet" in tagged and "has no digest yet" not in pinned


def test_the_image_runs_as_nobody_in_particular() -> None:
    """Numeric user, so that `runAsNonRoot` can be judged; the program isolated from its surroundings; labels."""
    text = weights()["Dockerfile"]
    final = text[text.rindex("FROM ") :]
    assert "USER 65532:65532" in final
    assert 'ENTRYPOINT ["/opt/weights/bin/python", "-I", "-m", "weights"]' in final
    assert 'org.opencontainers.image.version="2026-11"' in final
    assert not re.search(r"\b(gcc|build-essential|apt-get|curl)\b", text)


@pytest.mark.parametrize(
    ("values", "said"),
    [({"edition": "2026-11"}, "needs base"), ({"base": {}, "edition": "x", "bsae": 1}, "needs bsae")],
    ids=["missing", "unknown"],
)
def test_values_that_do_not_fit(values: dict[str, object], said: str) -> None:
    """A value that a template needs and one that none needs are errors alike."""
    if "bsae" in values:
        values = {**defaults("weights"), **{k: v for k, v in values.items() if k != "base"}}
    with pytest.raises(UnfitValues, match=said):
        render("weights", values)


@pytest.mark.parametrize("folder", ["nothing", "..", "weights/program", ""])
def test_there_is_no_such_image(folder: str) -> None:
    """Only folders of this package are images."""
    with pytest.raises(KeyError):
        render(folder, {})


def test_the_pins_are_those_that_are_tested() -> None:
    """The image holds the versions of the packages that these tests run, each with its hashes, and no more."""
    pins = (HERE / "weights/requirements.txt").read_text()
    tested = (HERE.parent / "requirements/dev.txt").read_text()
    pattern = re.compile(r"^([a-z0-9-]+)==([^ ;]+)", re.MULTILINE)
    assert dict(pattern.findall(pins)).items() <= dict(pattern.findall(tested)).items()
    assert all("--hash=sha256:" in entry for entry in re.split(r"^(?=[a-z0-9])", pins, flags=re.MULTILINE)[1:])
    assert {"boto3", "requests", "urllib3"} <= dict(pattern.findall(pins)).keys()


def test_the_program_imports_what_its_image_has() -> None:
    """The standard library, the packages of requirements.in, botocore with boto3, and itself by relative names."""
    allowed = {"boto3", "botocore", "requests", "urllib3"} | sys.stdlib_module_names
    for path in (HERE / "weights/program").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.partition(".")[0] for alias in node.names} <= allowed, path
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert str(node.module).partition(".")[0] in allowed, path


def test_the_program_runs_under_the_name_that_the_image_gives_it(tmp_path: Path) -> None:
    """Laid out as the Dockerfile does it, without llmform on the path and with nothing writable."""
    context = weights()
    for path, text in context.items():
        if path.startswith("program/"):
            target = tmp_path / "weights" / path.removeprefix("program/")
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)
    code = f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_module('weights', run_name='__main__')"
    call = [sys.executable, "-I", "-B", "-c", code, "fetch", f"--from=file://{tmp_path}/x", f"--to=file://{tmp_path}/y"]
    done = subprocess.run(
        call, cwd=tmp_path, env=environment("http://127.0.0.1:9", tmp_path), capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.splitlines()[-1].endswith("is not finished; its mirror has to end first")
