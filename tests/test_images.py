"""Images of one's own: what they are built from, what pods run, the lock between the two, and weights inside them.

The forms of the bake file and of its metadata are those of Docker's documentation ("Bake file reference", "docker
buildx bake --metadata-file", read 2026-11-21). No registry can be reached here: nothing was built.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.graph import Graph
from components.workloads.engines import custom, llama_cpp, tgi, triton, vllm
from serving_images.contexts import (
    BAKE_FILE,
    FOLDERS,
    Base,
    Build,
    Model,
    NoSuchBuild,
    bake_text,
    build_folder,
    context_of,
    variable,
)
from serving_images.render import HERE, facts
from specs.catalog.reader import NEWEST, load_edition
from specs.images_lock import MARK, Locked, lock_text, read_lock
from stacks.cli import main
from stacks.cli.images import RECORD, write_folder
from stacks.cli.output import write_whole
from stacks.compile import Compiled, compile_spec
from stacks.files import DiskFiles
from stacks.image_builds import NoDigests, builds_of, digests_in
from tests.hub_server import COMMIT, Content, Hub, Server
from tests.memory_files import MemoryFiles
from tests.weights_runs import environment

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "specs/examples").glob("*.yaml"))
EDITION = load_edition(NEWEST)
REVISION = "a09a35458c702b33eeacc393d103063234e8bc28"
REGISTRY = "registry.example:5000/llm"
DIGEST = f"sha256:{'0a' * 32}"
OTHER = f"sha256:{'0b' * 32}"
AWS = {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}}
ON_PREM = {"dresden": {"provider": "on-prem", "kubeContext": "dresden", "storage": {"shared": "cephfs"}}}
SITES = [{"name": "a", "kubeContext": "a", "zone": "z"}]
EDGE_ARM = {"shop": {"provider": "edge", "sites": SITES, "cache": {"models": "20Gi"}, "arch": "arm64"}}
CHAT: dict[str, Any] = {"source": f"hf://Qwen/Qwen2.5-7B-Instruct@{REVISION}"}
BAKED, MIRRORED = CHAT | {"weights": "baked"}, CHAT | {"weights": "mirrored"}
SMALL: dict[str, Any] = {
    "source": "hf://Qwen/Qwen2.5-1.5B-Instruct-GGUF@91cad51170dc346986eccefdc2dd33a9da36ead9",
    "file": "qwen2.5-1.5b-instruct-q4_k_m.gguf",
    "sha256": "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
    "contextLength": "8k",
}
BOX = {"accelerator": "none", "cores": 8, "memory": "16Gi", "max": 1}


def spec(targets: dict[str, Any] = AWS, **sections: Any) -> dict[str, Any]:
    """Return a spec with one vLLM server, with these sections instead of its own."""
    return {
        "apiVersion": "llmform/v1",
        "name": "hello",
        "models": {"chat": CHAT},
        "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": 4}},
        "serving": {"chat": {"model": "chat", "pool": "l40s"}},
        "targets": targets,
        **sections,
    }


def compiled(value: dict[str, Any], **files: str) -> Compiled:
    beside = MemoryFiles({name.replace("_", "."): text.encode() for name, text in files.items()})
    result = compile_spec(json.dumps(value).encode(), "spec.yaml", beside)
    assert result.compilation is not None, result.diagnostics
    return result


def graphs(result: Compiled) -> dict[str, Graph]:
    assert result.compilation is not None
    return {s.layer: s.graph for s in result.compilation.stacks}


def pod(result: Compiled, server: str = "chat") -> Any:
    node = graphs(result)["workloads"].node(f"serving.{server}/Deployment/{server}")
    return node.inputs["spec"]["template"]["spec"]


def codes(result: Compiled) -> list[str]:
    return [d.code for d in result.diagnostics]


# ---- what is built ----


def every_build() -> Iterator[Build]:
    """Yield every image of every folder, with and without a digest of its base, a token, and weights."""
    models = (None, Model("acme/tiny", COMMIT), Model("acme/tiny", COMMIT, "a/b.gguf", "0c" * 32, "hf-token"))
    weights = Build("weights", "weights", NEWEST, "", (f"{REGISTRY}/weights:{NEWEST}",), (), run=False)
    yield weights
    for image in sorted(FOLDERS.keys() - {"weights"}):
        for number, model in enumerate(models if image != "custom" else models[:1]):
            for digest in ("", DIGEST):
                base = Base("vllm/vllm-openai", "v0.32.0", digest)
                name = f"{image}-{number}{'-pinned' if digest else ''}"
                tag = f"{REGISTRY}/{name}:1"
                yield Build(name, image, NEWEST, "1.0", (tag,), (), base, model)


BUILDS = tuple(every_build())
NAMES = [build.name for build in BUILDS]


def dockerfile(build: Build) -> str:
    return context_of(build)["Dockerfile"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_is_written_twice_byte_for_byte(example: Path, tmp_path: Path) -> None:
    """Once by this process twice, which touches no file again, and once by another with another hash seed."""
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["images", str(example), "-o", str(first)]) == 0
    times = {p: p.stat().st_mtime_ns for p in first.rglob("*")}
    assert main(["images", str(example), "-o", str(first)]) == 0
    assert {p: p.stat().st_mtime_ns for p in first.rglob("*")} == times
    code = f"import sys; from stacks.cli import main; sys.exit(main({['images', str(example), '-o', str(second)]!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PYTHONHASHSEED": "7"}, check=True, capture_output=True)
    assert content(first) == content(second)


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("build", BUILDS, ids=NAMES)
def test_a_real_linter_finds_nothing(build: Build, tmp_path: Path) -> None:
    """hadolint with all its rules, and ShellCheck of every RUN line."""
    (tmp_path / "Dockerfile").write_text(dockerfile(build))
    hadolint = Path(sys.executable).parent / "hadolint"
    call: list[str | Path] = [hadolint, "--no-color", tmp_path / "Dockerfile"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_folder_is_an_image() -> None:
    """A folder is built from, and has a page for people; what it states has a date and a source."""
    folders = {p.name for p in HERE.iterdir() if (p / "Dockerfile.j2").exists()}
    assert folders == set(FOLDERS.values()) == {"vllm", "triton", "tgi", "llama_cpp", "custom", "weights"}
    for folder in folders:
        assert (HERE / folder / "README.md").exists()
        assert facts(folder)["source"] and re.fullmatch(r"\d{4}-\d\d-\d\d", facts(folder)["as_of"])


ENGINE_USERS = {
    "vllm": vllm.USER, "tgi": tgi.USER, "llama-cpp": llama_cpp.USER, "llama-cpp-cuda": llama_cpp.USER,
    "triton": triton.USER, "triton-tensorrt-llm": triton.USER, "custom": custom.USER,
}  # fmt: skip
"""The user that the graph runs each image as."""


@pytest.mark.parametrize("build", BUILDS[1:], ids=NAMES[1:])
def test_the_image_runs_as_the_graph_does(build: Build) -> None:
    """The user of the pod, as a number; process 1 is the engine itself, never a shell; nothing else is installed."""
    text = dockerfile(build)
    final = text[text.rindex("\nFROM ") :]
    user = ENGINE_USERS[build.image]
    assert re.findall(r"^USER (.+)$", final, re.MULTILINE)[-1] == f"{user}:{user}"
    [entrypoint] = re.findall(r"^ENTRYPOINT (.+)$", final, re.MULTILINE)
    assert json.loads(entrypoint)[0] not in ("sh", "bash", "/bin/sh", "/bin/bash")
    assert not re.search(r"\b(apt-get|apk|gcc|make|curl|wget|git)\b", re.sub(r"^#.*$", "", text, flags=re.MULTILINE))
    assert not re.search(r"^ADD ", text, re.MULTILINE)


def test_entrypoints_are_the_commands_of_the_pods() -> None:
    """The graph gives the command itself; an image that is started by hand does the same."""
    value = spec(
        models={"chat": CHAT, "small": SMALL},
        nodePools={"l40s": {"accelerator": "nvidia-l40s", "max": 9}, "box": BOX},
        serving={
            "vllm": {"model": "chat", "pool": "l40s"},
            "tgi": {"model": "chat", "pool": "l40s", "engine": "tgi"},
            "triton": {"model": "chat", "pool": "l40s", "engine": "triton", "backend": "python"},
            "llama-cpp": {"model": "small", "pool": "box", "engine": "llama-cpp"},
        },
        images={"registry": REGISTRY},  # which has a program of one's own for the backend `python`
    )
    result = compiled(value)
    for name in value["serving"]:
        build = next(b for b in builds_of(result.platforms) if b.image == name)
        [entrypoint] = re.findall(r"^ENTRYPOINT (.+)$", dockerfile(build), re.MULTILINE)
        [container] = pod(result, name)["containers"]
        assert json.loads(entrypoint) == container["command"]
        ports = [str(p["containerPort"]) for p in container["ports"]]
        assert re.findall(r"^EXPOSE (.+)$", dockerfile(build), re.MULTILINE) == [" ".join(ports)]


@pytest.mark.parametrize("build", BUILDS[1:], ids=NAMES[1:])
def test_labels_say_what_is_in_it(build: Build) -> None:
    """OCI's annotations: version, base, and the model's commit for weights that are in it."""
    final = dockerfile(build)[dockerfile(build).rindex("\nFROM ") :]
    labels = dict(re.findall(r'([a-z.]+)="([^"]*)"', final[final.index("LABEL") :]))
    assert labels["org.opencontainers.image.version"] == f"1.0-{NEWEST}"
    base = labels["org.opencontainers.image.base.name"]
    assert base == "docker.io/vllm/vllm-openai:v0.32.0"  # OCI asks for the whole name, registry included
    assert labels.get("org.opencontainers.image.base.digest") == (build.base and build.base.digest or None)
    assert labels.get("org.opencontainers.image.revision") == (build.model and build.model.revision)
    assert final.splitlines()[1] == f"FROM {base}" + (f"@{DIGEST}" if build.base and build.base.digest else "")


def test_a_base_is_the_one_that_the_edition_runs() -> None:
    """Without images of one's own, pods run what the images are built on; Triton's base is in its folder, since the
    edition's is already built on it."""
    for image in ("vllm", "tgi", "llama-cpp", "llama-cpp-cuda"):
        assert FOLDERS[image] in (image, "llama_cpp") and image in EDITION.images
    result = compiled(spec())
    [build] = [b for b in builds_of(result.platforms) if b.image == "vllm"]
    row = EDITION.images["vllm"]
    assert build.base == Base(row.repository, row.tag, row.digest or "")
    assert facts("triton")["bases"].keys() == {i for i, folder in FOLDERS.items() if folder == "triton"}


@pytest.mark.parametrize("build", BUILDS, ids=NAMES)
def test_a_base_without_a_digest_says_so(build: Build) -> None:
    """Nobody has to look for it."""
    said = "No digest is recorded" in dockerfile(build) or "has no digest yet" in dockerfile(build)
    assert said is not bool(build.base and build.base.digest)


def test_nothing_but_what_was_written_reaches_the_builder() -> None:
    """`.dockerignore` leaves everything out and lets in, by name, what the context has; for Triton a program of one's
    own as well."""
    for build in BUILDS:
        files = build_folder([build if not build.model else build._replace(model=None)])
        ignore = files[f"{build.name}/.dockerignore"].splitlines()
        assert ignore[1] == "*"
        let_in = {line[1:] for line in ignore if line.startswith("!")}
        own = {"serving_model", "serving_model.py"} if FOLDERS[build.image] == "triton" else set()
        there = {p.split("/")[1] for p in files if p.startswith(f"{build.name}/")} - {"Dockerfile", ".dockerignore"}
        assert let_in == there | own


def test_no_secret_is_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token comes from the environment of the build, by a mount that is in no layer."""
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789abcdefghijklmnop")
    gated = {"source": f"hf://meta-llama/Llama-3.1-8B-Instruct@{'0e' * 20}", "license": "llama3.1", "weights": "baked"}
    value = spec(models={"chat": gated | {"token": {"secret": "hf-token"}}}, images={"registry": REGISTRY})
    (tmp_path / "spec.yaml").write_text(json.dumps(value))
    assert main(["images", str(tmp_path / "spec.yaml"), "-o", str(tmp_path / "out")]) == 0
    assert not [p for p, data in content(tmp_path / "out").items() if b"hf_0123" in data]
    [name] = [p.name for p in (tmp_path / "out").iterdir() if p.name.startswith("vllm-chat-")]
    text = (tmp_path / "out" / name / "Dockerfile").read_text()
    assert "RUN --mount=type=secret,id=hf-token,env=HF_TOKEN,required=true" in text
    assert not re.search(r"^(ARG|ENV)\b.*TOKEN", text, re.MULTILINE)
    target = json.loads((tmp_path / "out" / BAKE_FILE).read_text())["target"][name]
    assert target["secret"] == ["id=hf-token,env=HF_TOKEN"]


@pytest.mark.parametrize(("secret", "name"), [("hf-token", "HF_TOKEN"), ("a.b", "A_B"), ("7-up", "TOKEN_7_UP")])
def test_the_variable_of_a_secret_is_one_that_a_shell_takes(secret: str, name: str) -> None:
    """POSIX: letters, digits and underscores, no digit first."""
    assert variable(secret) == name and re.fullmatch("[A-Z_][A-Z0-9_]*", name)


@pytest.mark.parametrize("token", [None, "hf_secret"], ids=["open", "gated"])
@pytest.mark.parametrize("file", ["", "model.gguf"], ids=["repository", "file"])
def test_the_line_that_brings_the_weights_runs(file: str, token: str | None, tmp_path: Path) -> None:
    """It is run as it stands, with another Python and folder, against a hub: it leaves exactly the model's files,
    readable for every user, under the names that the engine's arguments have."""
    files = {"config.json": Content(b"{}", lfs=False), "model.gguf": Content(b"GGUF" * 1000)}
    build = Build("x", "llama-cpp", NEWEST, "1", ("x:1",), (), Base("a", "b"), Model("acme/tiny", COMMIT, file,
                  files[file].sha256 if file else "", "hf-token" if token else ""))  # fmt: skip
    run = dockerfile(build).partition("\nRUN ")[2].partition("\n\n")[0]
    run = re.sub(r"^--mount=\S+ \\\n", "", run)
    assert ("--mount" in dockerfile(build)) is (token is not None)
    run = run.replace("/opt/weights/bin/python -I -m weights", f"{sys.executable} -m serving_images.weights.program")
    run = run.replace("/tmp/weights", shlex.quote(str(tmp_path / "weights")))
    with Server(Hub(files, token=token)) as hub:
        given = environment(hub.url, tmp_path, **({"HF_TOKEN": token} if token else {}))
        subprocess.run(["sh", "-c", run], cwd=ROOT, env=given, check=True, capture_output=True)
    brought = {p for p in content(tmp_path / "weights") if not p.startswith(".llmform/")}
    assert brought == ({file} if file else set(files))
    assert all(p.stat().st_mode & 0o444 == 0o444 for p in (tmp_path / "weights").rglob("*"))
    if file:
        assert f'CMD ["--model", "/weights/{file}"]' in dockerfile(build)


# ---- the bake file ----

TEXTS = {"type": "array", "items": {"type": "string"}}
MAP = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
BAKE_SCHEMA = {
    # Bake file reference: property types, and the table of a target's attributes
    "type": "object",
    "additionalProperties": False,
    "required": ["group", "target"],
    "properties": {
        "variable": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"default": {}}, "additionalProperties": False},
        },
        "group": {
            "type": "object",
            "additionalProperties": {
                "type": "object", "properties": {"targets": TEXTS}, "required": ["targets"],
                "additionalProperties": False,
            },
        },
        "target": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-zA-Z0-9_-]+$"},
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "args": MAP, "annotations": TEXTS, "attest": TEXTS, "cache-from": TEXTS, "cache-to": TEXTS,
                    "context": {"type": "string"}, "contexts": MAP, "dockerfile": {"type": "string"},
                    "dockerfile-inline": {"type": "string"}, "inherits": TEXTS, "labels": MAP, "output": TEXTS,
                    "no-cache": {"type": "boolean"}, "no-cache-filter": TEXTS, "platforms": TEXTS,
                    "pull": {"type": "boolean"}, "secret": TEXTS, "ssh": TEXTS, "tags": TEXTS,
                    "target": {"type": "string"},
                },
            },
        },
    },
}  # fmt: skip


def test_the_bake_file_has_the_documented_form() -> None:
    """Attributes and their types; groups, linked targets and variables that are there; contexts that are folders."""
    files = build_folder(BUILDS)
    bake = json.loads(files[BAKE_FILE])
    jsonschema.Draft202012Validator(BAKE_SCHEMA).validate(bake)
    for group in bake["group"].values():
        assert set(group["targets"]) <= bake["target"].keys()
    assert not bake["group"].keys() & bake["target"].keys()  # a group hides a target of its name
    for target in bake["target"].values():
        assert f"{target['context']}/{target['dockerfile']}" in files
        for name, where in target.get("contexts", {}).items():
            assert where.removeprefix("target:") in bake["target"]
            assert re.search(rf"^FROM {name} ", files[f"{target['context']}/Dockerfile"], re.MULTILINE)
    assert set(re.findall(r"\$\{(\w+)\}", files[BAKE_FILE])) == bake["variable"].keys()
    assert list(files)[-1] == BAKE_FILE  # written after the contexts that it names


def test_the_bake_file_asks_for_an_sbom() -> None:
    """Every image comes with its provenance and the list of its packages."""
    for target in json.loads(bake_text(BUILDS))["target"].values():
        assert target["attest"] == ["type=provenance,mode=max", "type=sbom"]


def test_the_default_group_is_what_pods_run() -> None:
    """The weights program is built for its use in other builds, and pushed only if a pod runs it."""
    result = compiled(spec(models={"chat": BAKED}, images={"registry": REGISTRY}))
    bake = json.loads(bake_text(builds_of(result.platforms)))
    [name] = bake["group"]["default"]["targets"]
    assert bake["group"]["baked"]["targets"] == [name] and bake["target"].keys() == {name, "weights"}
    assert bake["target"][name]["tags"] == [pod(result)["containers"][0]["image"]]


def test_platforms_are_those_of_the_targets() -> None:
    """On AWS llmform starts amd64 nodes; a box of the edge is what its `arch` says, or anything its base is for."""

    def platforms(targets: dict[str, Any], image: str) -> list[str]:
        value = spec(
            targets, models={"small": SMALL}, nodePools={"box": BOX},
            serving={"small": {"model": "small", "pool": "box", "engine": "llama-cpp"}},
        )  # fmt: skip
        found: list[str] = json.loads(bake_text(builds_of(compiled(value).platforms)))["target"][image]["platforms"]
        return found

    anything = {"shop": {k: v for k, v in EDGE_ARM["shop"].items() if k != "arch"}}
    assert platforms(EDGE_ARM, "llama-cpp") == ["linux/arm64"] == platforms(EDGE_ARM, "weights")
    assert platforms(anything, "llama-cpp") == ["linux/amd64", "linux/arm64"]
    assert platforms(AWS, "llama-cpp") == ["linux/amd64"]
    assert platforms(AWS | EDGE_ARM, "weights") == ["linux/amd64", "linux/arm64"]


def test_an_image_for_a_processor_that_its_base_lacks_is_refused() -> None:
    """The base of vLLM was confirmed for amd64 alone."""
    with pytest.raises(NoSuchBuild, match="`x` cannot be built for arm64"):
        bake_text([Build("x", "vllm", NEWEST, "1", ("x:1",), ("arm64",), Base("a", "b"))])


# ---- what pods run ----


def test_without_images_pods_run_those_of_the_edition() -> None:
    """As published."""
    result = compiled(spec())
    assert pod(result)["containers"][0]["image"] == EDITION.images["vllm"].reference
    assert pod(result)["initContainers"][0]["image"] == EDITION.images["weights"].reference


def images_of(result: Compiled) -> set[str]:
    """Return the images of all containers of Deployments and Jobs."""
    nodes = [n for n in graphs(result)["workloads"].nodes if n.inputs.get("kind") in ("Deployment", "Job")]
    return set(re.findall(r'"image": "([^"]+)"', json.dumps([n.inputs for n in nodes])))


def lock(**digests: str | None) -> str:
    return json.dumps({n: {"reference": f"{REGISTRY}/{TAGS[n]}", "digest": d} for n, d in digests.items()})


TAGS = {"vllm": f"vllm:{EDITION.engines['vllm']}-{NEWEST}", "weights": f"weights:{NEWEST}"}
IMAGES = {"registry": REGISTRY, "lock": "images.lock"}


def test_pods_run_the_images_of_the_registry_by_the_digests_of_the_lock() -> None:
    """Both images of the pod and the mirror Job's; nothing is left to warn of, and both policies are kept."""
    result = compiled(spec(images=IMAGES), images_lock=lock(vllm=DIGEST, weights=OTHER))
    assert images_of(result) == {f"{REGISTRY}/{TAGS['vllm']}@{DIGEST}", f"{REGISTRY}/{TAGS['weights']}@{OTHER}"}
    assert codes(result) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, ["there is no file `images.lock` beside the spec: no image is pinned"]),
        ("{}", [f"`{REGISTRY}/{TAGS[n]}` is not pinned: it is not in the lock" for n in ("vllm", "weights")]),
        (lock(vllm=DIGEST, weights=None), [f"`{REGISTRY}/{TAGS['weights']}` is not pinned: nobody has built it yet"]),
        (
            json.dumps({n: {"reference": f"{REGISTRY}/{n}:old", "digest": DIGEST} for n in TAGS}),
            [f"`{REGISTRY}/{TAGS[n]}` is not pinned: the lock has `{REGISTRY}/{n}:old` under its name" for n in TAGS],
        ),
    ],
    ids=["missing", "empty", "not built", "another tag"],
)
def test_an_image_that_is_not_pinned_is_said_once(text: str | None, said: list[str]) -> None:
    """Once each, though two environments run it; and a digest that belongs to another tag is used by nobody."""
    value = spec(images=IMAGES, environments={"prod": {}, "test": {}})
    result = compiled(value, **({} if text is None else {"images_lock": text}))
    found = [d for d in result.diagnostics if d.code == "image-not-pinned"]
    assert [d.message for d in found] == said and not any(d.is_error for d in found)
    unpinned = {i for i in images_of(result) if "@" not in i}
    assert len(unpinned) == len(TAGS if text is None else said)


def test_a_mirror_of_the_registry_has_the_same_digests() -> None:
    """An overlay names another registry at a target: the content is the same, and one build has both tags."""
    mirror = "registry.dresden.example/llm"
    targets = AWS | {"dresden": ON_PREM["dresden"] | {"overlay": {"images.registry": mirror}}}
    result = compiled(spec(targets, images=IMAGES), images_lock=lock(vllm=DIGEST, weights=OTHER))
    assert images_of(result) == {f"{mirror}/{TAGS['vllm']}@{DIGEST}", f"{mirror}/{TAGS['weights']}@{OTHER}"}
    tags = {b.name: b.tags for b in builds_of(result.platforms)}
    assert tags["vllm"] == (f"{mirror}/{TAGS['vllm']}", f"{REGISTRY}/{TAGS['vllm']}")


def test_a_new_digest_is_told_with_its_place_in_the_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line of the lock is the cause, of the server that runs the image and of no other."""
    value = spec(
        images=IMAGES,
        serving={"a": {"model": "chat", "pool": "l40s"}, "b": {"model": "chat", "pool": "l40s", "engine": "tgi"}},
    )
    (tmp_path / "spec.yaml").write_text(json.dumps(value))
    (tmp_path / "images.lock").write_text(lock(vllm=DIGEST))
    assert main(["compile", str(tmp_path / "spec.yaml"), "-o", str(tmp_path / "before.json")]) == 0
    (tmp_path / "images.lock").write_text(lock(vllm=OTHER))
    capsys.readouterr()
    assert (
        main(["plan", str(tmp_path / "spec.yaml"), "--against", f"file:{tmp_path}/before.json", "--format", "json"])
        == 0
    )
    [step] = json.loads(capsys.readouterr().out)["steps"]
    assert step["component"] == "serving.a"
    [cause] = step["because"]
    assert (cause["path"], cause["before"], cause["after"]) == ("images.digests.vllm", DIGEST, OTHER)
    assert re.search(r"images\.lock:1:\d+$", cause["where"])


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True) | st.sampled_from(("no", "y", "null", "e1")),
        st.tuples(st.sampled_from(("a/b:1", "registry.example:5000/x/y:v1.2-3")), st.sampled_from(("", DIGEST, OTHER))),
        max_size=6,
    )
)
def test_a_lock_is_read_as_it_was_written(images: dict[str, tuple[str, str]]) -> None:
    """Names, references and digests; the same images give the same text in any order."""
    locked = {name: Locked(*entry) for name, entry in images.items()}
    text = lock_text(locked)
    assert text == lock_text(dict(reversed(locked.items()))) and text.startswith(MARK)
    case = compile_spec(json.dumps(spec(images=IMAGES)).encode(), "spec.yaml").loaded.cases[0]
    read, found = read_lock(case, MemoryFiles({"images.lock": text.encode()}), "spec.yaml")
    if images:
        assert found == () and read is not None
        assert {n: (e.reference, e.digest) for n, e in read.items()} == images


@pytest.mark.parametrize(
    ("text", "said"),
    [("- a\n", "the file is a list, not a map"), ("", "the file is empty"), ("# -\n", "the file is empty")],
)
def test_an_error_in_a_lock_speaks_of_that_file(text: str, said: str) -> None:
    """A lock is no spec."""
    case = compile_spec(json.dumps(spec(images=IMAGES)).encode(), "spec.yaml").loaded.cases[0]
    _, found = read_lock(case, MemoryFiles({"images.lock": text.encode()}), "spec.yaml")
    (one,) = found
    assert (one.message, one.span.file) == (said, "images.lock")
    assert "a map of images" in one.help


# ---- from a build to the lock ----


def metadata(**targets: Any) -> dict[str, Any]:
    """Return what bake writes of these targets, in the form that its documentation shows."""
    plain = {"buildx.build.provenance": {}, "buildx.build.ref": "mybuilder/mybuilder0/0fjb6ubs52xx3vygf6fgdl611"}
    return {name.replace("_", "-"): plain | entry for name, entry in targets.items()}


def pushed(name: str, digest: str) -> dict[str, Any]:
    descriptor = {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": 506}
    called = f"{REGISTRY}/{TAGS[name]}"
    return {"containerimage.descriptor": descriptor, "containerimage.digest": digest, "image.name": called}


def run_in(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["images", str(folder / "spec.yaml"), *arguments])
    said = capsys.readouterr()
    return status, said.out + said.err


def test_from_a_build_to_pods_by_digest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way: folder and lock without digests, what a build says, the lock with them, a plan without warnings; a
    second time changes nothing, and what was not built again keeps its digest."""
    (tmp_path / "spec.yaml").write_text(json.dumps(spec(images=IMAGES)))
    status, said = run_in(tmp_path, capsys, "-o", str(tmp_path / "out"))
    assert status == 0 and "0 of 2 images pinned" in said
    (tmp_path / "m.json").write_text(
        json.dumps(metadata(vllm=pushed("vllm", DIGEST), weights=pushed("weights", OTHER)))
    )
    for _ in range(2):
        status, said = run_in(tmp_path, capsys, "--lock", str(tmp_path / "m.json"))
        assert status == 0 and "2 of 2 images pinned" in said
    result = compile_spec((tmp_path / "spec.yaml").read_bytes(), "spec.yaml", DiskFiles(tmp_path))
    assert codes(result) == [] and images_of(result) == {
        f"{REGISTRY}/{TAGS['vllm']}@{DIGEST}", f"{REGISTRY}/{TAGS['weights']}@{OTHER}"
    }  # fmt: skip
    before = (tmp_path / "images.lock").read_bytes()
    assert run_in(tmp_path, capsys, "-o", str(tmp_path / "out"))[0] == 0
    assert (tmp_path / "images.lock").read_bytes() == before
    (tmp_path / "m.json").write_text(json.dumps(metadata(vllm=pushed("vllm", OTHER))))
    assert run_in(tmp_path, capsys, "--lock", str(tmp_path / "m.json"))[0] == 0
    assert (tmp_path / "images.lock").read_text() == before.decode().replace(DIGEST, OTHER)


WANTED = {n: Locked(f"{REGISTRY}/{tag}", "") for n, tag in TAGS.items()}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "no map of targets"),
        ({}, "none of the images"),
        (metadata(other=pushed("vllm", DIGEST)), "none of the images"),
        (metadata(vllm={}), "`vllm` has no digest"),
        (metadata(vllm=pushed("vllm", "sha256:0a")), "`vllm` has no digest"),
        (metadata(vllm=pushed("weights", DIGEST)), "was built as"),
        ({"vllm": 7}, "`vllm` has no digest"),
    ],
)
def test_metadata_that_the_lock_cannot_take(document: Any, said: str) -> None:
    """A digest of another image, or one that no registry has, is never written down."""
    with pytest.raises(NoDigests, match=said):
        digests_in(document, WANTED)


def test_names_of_a_build_may_be_several_and_have_a_registry_in_front() -> None:
    """`image.name` lists every tag; Docker Hub's get its host."""
    entry = pushed("vllm", DIGEST) | {"image.name": f"x.example/vllm:1, {REGISTRY}/{TAGS['vllm']}"}
    assert digests_in(metadata(vllm=entry), WANTED) == {"vllm": DIGEST}
    hub = {"vllm": Locked("acme/vllm:1", "")}
    entry = pushed("vllm", DIGEST) | {"image.name": "docker.io/acme/vllm:1"}
    assert digests_in(metadata(vllm=entry), hub) == {"vllm": DIGEST}


@pytest.mark.parametrize(
    ("arguments", "images", "status", "said"),
    [
        ([], IMAGES, 2, "nothing to write"),
        (["--custom"], IMAGES, 2, "nothing to write"),
        (["--lock", "m.json", "--custom"], IMAGES, 2, "`--custom` does nothing"),
        (["--lock", "nothing.json"], IMAGES, 2, "cannot be read"),
        (["--lock", "spec.yaml"], {"registry": REGISTRY}, 2, "the spec names no lock"),
        (["--lock", "broken.json"], IMAGES, 1, "is not JSON"),
        (["--lock", "m.json"], IMAGES, 1, "none of the images"),
        (["--lock", "good.json"], IMAGES | {"lock": "notes.txt"}, 1, "notes.txt"),
    ],
)
def test_wrong_calls(
    arguments: list[str], images: Any, status: int, said: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """One sentence each, and no file is changed."""
    monkeypatch.chdir(tmp_path)
    Path("spec.yaml").write_text(json.dumps(spec(images=images)))
    Path("broken.json").write_text("{")
    Path("m.json").write_text("{}")
    Path("good.json").write_text(json.dumps(metadata(vllm=pushed("vllm", DIGEST))))
    Path("notes.txt").write_text("mine\n")
    before = content(tmp_path)
    got, text = run_in(tmp_path, capsys, *arguments)
    assert (got, said in text) == (status, True), text
    assert content(tmp_path) == before


def test_a_lock_of_somebody_else_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that has the form of a lock but was written by hand is read, and never overwritten."""
    (tmp_path / "spec.yaml").write_text(json.dumps(spec(images=IMAGES)))
    (tmp_path / "images.lock").write_text(lock(vllm=DIGEST))
    (tmp_path / "m.json").write_text(json.dumps(metadata(vllm=pushed("vllm", OTHER))))
    status, said = run_in(tmp_path, capsys, "--lock", str(tmp_path / "m.json"))
    assert status == 2 and "was not written by `llmform images`" in said
    assert (tmp_path / "images.lock").read_text() == lock(vllm=DIGEST)


# ---- the folder is shared with its owner ----


def written(tmp_path: Path, **changes: Any) -> Path:
    (tmp_path / "spec.yaml").write_text(json.dumps(spec(**changes)))
    assert main(["images", str(tmp_path / "spec.yaml"), "-o", str(tmp_path / "out")]) == 0
    return tmp_path / "out"


def test_what_others_wrote_stays_and_what_is_stale_goes(tmp_path: Path) -> None:
    """A program of one's own in Triton's context stays when the context is written again and when it goes."""
    serving = {"chat": {"model": "chat", "pool": "l40s", "engine": "triton", "backend": "python"}}
    engine = {"serving": serving, "images": {"registry": REGISTRY}}
    out = written(tmp_path, **engine)
    (out / "triton/serving_model.py").write_text("mine")
    assert content(written(tmp_path, **engine))["triton/serving_model.py"] == b"mine"
    left = content(written(tmp_path))
    assert [p for p in left if p.startswith("triton/")] == ["triton/serving_model.py"]
    assert "vllm/Dockerfile" in left and not (out / "triton/llmform_triton").exists()


def test_a_file_in_the_way_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing at all is written then."""
    (tmp_path / "out/vllm").mkdir(parents=True)
    (tmp_path / "out/vllm/Dockerfile").write_text("FROM mine\n")
    (tmp_path / "spec.yaml").write_text(json.dumps(spec()))
    status, said = run_in(tmp_path, capsys, "-o", str(tmp_path / "out"))
    assert status == 2 and "not written by `llmform images`" in said and "no file was changed" in said
    assert content(tmp_path / "out") == {"vllm/Dockerfile": b"FROM mine\n"}


@pytest.mark.parametrize("path", ["../victim", "/victim", "a/../../victim", "", "a//b", "a\\..\\b"])
def test_a_record_that_leads_out_of_the_folder_is_refused(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The record says what may be removed; one that somebody changed removes nothing elsewhere."""
    out = written(tmp_path)
    (tmp_path / "victim").write_text("precious")
    (out / RECORD).write_text(json.dumps({"files": [path]}))
    status, said = run_in(tmp_path, capsys, "-o", str(out))
    assert status == 2 and "is damaged" in said and (tmp_path / "victim").read_text() == "precious"


def test_an_interrupted_run_is_finished_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped before every single write, first with nothing there and then with another spec's folder: no file is ever
    half, and the next run comes to the same as one that was not stopped."""
    (tmp_path / "clean").mkdir()
    expected = content(written(tmp_path / "clean"))
    other = compiled(spec(serving={"chat": {"model": "chat", "pool": "l40s", "engine": "tgi"}})).platforms
    platforms = compiled(spec()).platforms
    for before in ((), other):
        for stop in range(len(expected) + 2):
            folder = tmp_path / f"{stop}-{len(before)}"
            if before:
                write_folder(folder, before, False)
            with monkeypatch.context() as patched:
                stop_after(patched, stop)
                with suppress(KeyboardInterrupt):
                    write_folder(folder, platforms, False)
            for path, data in content(folder).items():
                assert path == RECORD or before or data == expected[path]
            write_folder(folder, platforms, False)
            assert content(folder) == expected


def stop_after(patched: pytest.MonkeyPatch, writes: int) -> None:
    """Let the command be stopped instead of writing one file more."""
    left = [writes]

    def write(path: Path, text: str) -> None:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        write_whole(path, text)

    for module in ("stacks.cli.own_files", "stacks.cli.images"):
        patched.setattr(f"{module}.write_whole", write)


def test_edits_are_lost_as_the_record_says(tmp_path: Path) -> None:
    """Files of llmform's are llmform's, also when they hold no text any more."""
    out = written(tmp_path)
    expected = content(out)
    (out / "vllm/Dockerfile").write_bytes(b"\xff\xfe")
    assert content(written(tmp_path)) == expected


# ---- weights in images ----


def test_a_baked_model_is_neither_mirrored_nor_fetched() -> None:
    """On AWS: no Job, no init container, no volume, no rights, no way out of the pod, and no store for weights."""
    result = compiled(spec(models={"chat": BAKED}, images={"registry": REGISTRY}))
    layers = graphs(result)
    kinds = {n.inputs.get("kind") for n in layers["workloads"].nodes}
    assert "Job" not in kinds
    assert not [
        n.id for n in layers["foundation"].nodes if "weights" in n.id or n.id.startswith(("serving.", "models"))
    ]
    spec_of_pod = pod(result)
    assert "initContainers" not in spec_of_pod
    assert not [v for v in spec_of_pod["volumes"] if v["name"] == "weights"]
    [container] = spec_of_pod["containers"]
    assert not [m for m in container["volumeMounts"] if m["mountPath"] == "/weights"]
    assert container["args"][0] == "/weights"  # where the image has them
    scratch = 10 + 2  # /cache and /tmp
    assert container["resources"]["requests"]["ephemeral-storage"] == f"{scratch}Gi"
    policy = layers["workloads"].node("serving.chat/NetworkPolicy/chat").inputs["spec"]
    assert (
        policy["policyTypes"] == ["Ingress", "Egress"] and "egress" not in policy
    )  # an empty list, which the server drops


def test_a_baked_model_on_prem_has_no_volume() -> None:
    """No claim to fill, nothing to wait for."""
    result = compiled(spec(ON_PREM, models={"chat": BAKED}, images={"registry": REGISTRY}))
    assert not {"PersistentVolumeClaim", "Job"} & {n.inputs.get("kind") for n in graphs(result)["workloads"].nodes}
    assert not [v for v in pod(result)["volumes"] if "persistentVolumeClaim" in v]


def test_baked_and_mirrored_models_side_by_side() -> None:
    """Each is where its key says; only the mirrored one has a Job, a reader's role and a place in the store."""
    other = {"source": f"hf://BAAI/bge-m3@{'5617a9f61b028005a4858fdac845db406aefb181'}"}
    both = {"chat": {"model": "chat", "pool": "l40s"}, "embed": {"model": "embed", "pool": "l40s"}}
    result = compiled(spec(models={"chat": BAKED, "embed": other}, serving=both, images={"registry": REGISTRY}))
    layers = graphs(result)
    jobs = [n.id for n in layers["workloads"].nodes if n.inputs.get("kind") == "Job"]
    assert [j.split("/")[0] for j in jobs] == ["models.embed"]
    components = {c.id for c in layers["foundation"].components}
    assert "serving.embed" in components and "serving.chat" not in components
    assert {b.name for b in builds_of(result.platforms)} == {"vllm", "weights", f"vllm-chat-{KEY}"}


KEY = "6d579285"
"""The first 8 hex digits of sha256("hf://Qwen/Qwen2.5-7B-Instruct@a09a…"), as in the name of its mirror Job."""


def test_a_new_revision_of_baked_weights_is_a_new_tag() -> None:
    """The tag has the key of source and revision, so a digest of the old weights is never taken for the new ones."""
    old = compiled(spec(models={"chat": BAKED}, images={"registry": REGISTRY}))
    newer = BAKED | {"source": "hf://Qwen/Qwen2.5-7B-Instruct@bb46c15ee4bb56c5b63245ef50fd7637234d6f75"}
    new = compiled(spec(models={"chat": newer}, images={"registry": REGISTRY}))
    assert images_of(old) == {f"{REGISTRY}/vllm-chat:{EDITION.engines['vllm']}-{NEWEST}-{KEY}"}
    assert len(images_of(old) | images_of(new)) == 2


def test_a_node_has_room_for_images_with_weights() -> None:
    """They take the same room on the node's disk as weights that are fetched: 15.2 GB of 16-bit parameters."""
    size = {"models": {"chat": CHAT}}, {"models": {"chat": BAKED}, "images": {"registry": REGISTRY}}
    storage = [graphs(compiled(spec(**s)))["platform"].node("nodePools.l40s/EC2NodeClass/l40s").inputs for s in size]
    assert storage[0]["spec"].get("blockDeviceMappings") == storage[1]["spec"].get("blockDeviceMappings")


def test_an_image_of_ones_own_brings_its_weights_itself() -> None:
    """`engine: custom` with `weights: baked` needs no registry: its owner built the image, and llmform builds none."""
    serving = {"chat": {"model": "chat", "pool": "l40s", "engine": "custom", "image": "registry.example/chat:1.4.0"}}
    result = compiled(spec(models={"chat": BAKED}, serving=serving))
    assert "initContainers" not in pod(result) and builds_of(result.platforms) == ()


@pytest.mark.parametrize(("before", "after"), [(CHAT, BAKED), (BAKED, MIRRORED)], ids=["into", "out of"])
def test_a_plan_says_why_store_job_and_rights_come_or_go(
    before: Any, after: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The key of the model is the cause, though the server and the model are still in the spec."""
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(spec(models={"chat": before}, images={"registry": REGISTRY})))
    assert main(["compile", str(path), "-o", str(tmp_path / "before.json")]) == 0
    path.write_text(json.dumps(spec(models={"chat": after}, images={"registry": REGISTRY})))
    capsys.readouterr()
    main(["plan", str(path), "--against", f"file:{tmp_path}/before.json"])
    text = " ".join(capsys.readouterr().out.split())
    assert "no longer in the spec" not in text
    for component in ("stores.weights", "models", "serving.chat", "weights-mirror", "models.chat"):
        assert re.search(rf"[-+~] {re.escape(component)} .*?`models\.chat\.weights`", text), component


# ---- what a plan does not pay for ----


def test_a_plan_loads_no_template_engine(tmp_path: Path) -> None:
    """Jinja2 and the templates are for the one command that writes build contexts."""
    (tmp_path / "spec.yaml").write_text(json.dumps(spec(models={"chat": BAKED}, images=IMAGES)))
    code = (
        "import sys; from stacks.cli import main; "
        f"status = main(['plan', {str(tmp_path / 'spec.yaml')!r}]); "
        "loaded = {m.partition('.')[0] for m in sys.modules}; "
        "print([status, sorted(loaded & {'jinja2', 'serving_images'})], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[0, []]"
