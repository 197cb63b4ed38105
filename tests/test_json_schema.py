"""specs/schema.json: what editors complete, mark and show is what the tool takes."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft7Validator

from specs.json_schema import DIALECT, json_schema, schema_text
from specs.overlay import FIXED
from specs.source import read
from specs.tree import plain
from tests.strategies import Written, specs

SPECS = Path(__file__).parent.parent / "specs"
EXAMPLES = sorted((SPECS / "examples").glob("*.yaml"))


@cache
def schema() -> dict[str, Any]:
    """The schema as the tool makes it."""
    return json_schema()


def problems(value: Any) -> list[str]:
    """Return what an editor would mark, as `place: message`."""
    return [f"{'.'.join(map(str, e.path))}: {e.message[:200]}" for e in Draft7Validator(schema()).iter_errors(value)]


def test_the_file_is_current() -> None:
    """Rewrite it with `./llmform schema -o specs/schema.json`."""
    assert (SPECS / "schema.json").read_text(encoding="utf-8") == schema_text()


def test_it_is_a_schema_of_draft_7() -> None:
    """The draft that YAML language servers read; every reference leads somewhere."""
    Draft7Validator.check_schema(schema())
    assert schema()["$schema"] == DIALECT
    found = {v["$ref"] for v in maps(schema()) if "$ref" in v}
    assert found <= {f"#/definitions/{name}" for name in schema()["definitions"]}
    # draft 7 ignores what stands beside a reference
    assert not [v for v in maps(schema()) if isinstance(v.get("$ref"), str) and len(v) > 1]


def maps(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every map of a value."""
    if isinstance(value, dict):
        yield value
        for item in value.values():
            yield from maps(item)
    elif isinstance(value, list):
        for item in value:
            yield from maps(item)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_examples_are_valid_and_name_the_schema(path: Path) -> None:
    """Their first line tells editors where the schema is."""
    tree, found = read(path.read_bytes(), path.name)
    assert tree is not None, found
    assert problems(plain(tree)) == []
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../schema.json"
    assert (path.parent / first.rpartition("=")[2]).resolve() == SPECS / "schema.json"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs(patched=False))
def test_what_the_tool_takes_the_schema_takes(written: Written) -> None:
    """An editor marks nothing in a valid spec."""
    assert problems(written.value) == []


QUICKSTART: dict[str, Any] = {
    "apiVersion": "llmform/v1",
    "name": "hello",
    "models": {"chat": "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"},
    "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": 2}},
    "serving": {"chat": {"model": "chat", "pool": "l40s"}},
    "targets": {"us-east-1": {"provider": "aws", "region": "us-east-1"}},
    "environments": {"prod": {"overlay": {}}},
}
REMOVED = object()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("apiVersion", "llmform/v2"),
        ("apiVersion", REMOVED),
        ("name", "Hello"),
        ("name", REMOVED),
        ("nmae", "x"),
        ("targets", {}),
        ("targets", REMOVED),
        ("labels", {"a b": "x"}),
        ("labels", {"a": "x y"}),
        ("models/Chat", {}),
        ("models/chat", "hf://Qwen/Qwen2.5-7B-Instruct"),
        ("models/chat", {"source": "hf://a/b"}),
        ("models/chat", {"source": "hf://a/b", "revision": "f" * 40, "contextLength": True}),
        ("models/chat", {"source": "hf://a/b", "revision": "f" * 40, "token": "hf_x"}),
        ("models/chat/x", 1),
        ("nodePools/l40s", {"max": 1}),
        ("nodePools/l40s/max", REMOVED),
        ("nodePools/l40s/max", "2"),
        ("nodePools/l40s/max", 0),
        ("nodePools/l40s/capacity", ["spott"]),
        ("nodePools/l40s/capacity", []),
        ("nodePools/l40s/taints", [{"effect": "NoSchedule"}]),
        ("serving/chat/modle", "chat"),
        ("serving/chat/engine", "sglang"),
        ("serving/chat/parallelism", {"tensor": 0}),
        ("serving/chat/env", {"A-B": "x"}),
        ("stores", {"a": {"kind": "objekt"}}),
        ("stores", {"a": {"kind": "object", "retention": 7}}),
        ("targets/us-east-1/provider", "azure"),
        ("targets/us-east-1/region", REMOVED),
        ("targets/us-east-1/kubeContext", "x"),
        ("targets/us-east-1/addons", "some"),
        ("targets/us-east-1/addons", {"gpu-operator": "managed"}),
        ("targets/us-east-1/zones", 1),
        ("patches", [{"match": "a/b/c"}]),
        ("patches", [{"match": "a/b/c", "merge": {}, "json": [{"op": "remove", "path": "/a"}]}]),
        ("patches", [{"match": "a/b/c", "json": [{"op": "delete", "path": "/a"}]}]),
        ("manifests", {"a": {"dir": "x", "file": "y"}}),
        ("manifests", {"a": {}}),
        ("environments/prod/targets", []),
        ("environments/prod/overlay", {"nodePools.l40s": {"maxx": 1}}),
        ("environments/prod/overlay", {"nodePools.l40s": {"max": "1"}}),
        ("environments/prod/overlay", {"serving": {"chat": {"replica": 1}}}),
        ("environments/prod/overlay", {"servings.chat": None}),
        ("environments/prod/overlay", {"name": "x"}),
        ("environments/prod/overlay", {"patches": [{"merge": {}}]}),
    ],
)  # fmt: skip
def test_what_the_tool_refuses_by_its_form_the_schema_refuses(path: str, value: Any) -> None:
    """An editor marks a mistake before anything is run."""
    broken = deepcopy(QUICKSTART)
    *above, last = path.split("/")
    parent = broken
    for part in above:
        if isinstance(parent[part], str):
            parent[part] = {"source": parent[part]}
        parent = parent[part]
    if value is REMOVED:
        del parent[last]
    else:
        parent[last] = value
    assert problems(QUICKSTART) == []
    assert problems(broken)


@pytest.mark.parametrize(
    "overlay",
    [
        {"nodePools.l40s": {"max": 1}},
        {"nodePools.l40s": {"labels": {"a": None}, "min": None}},
        {"nodePools.l40s": None},
        {"nodePools": {"l40s": {"max": 1}}},
        {"serving.chat.replicas": 3},
        {"serving.chat": {"env": {"A": None}, "args": {"max-num-seqs": None}}},
        {"models.chat": "hf://a/b@a09a35458c702b33eeacc393d103063234e8bc28"},
        {"models.chat": {"contextLength": 4096}},
        {"targets.us-east-1": {"addons": "existing"}},
        {"targets.us-east-1": {"api": {"allow": []}, "account": None}},
        {"labels": {"a": None, "b": "c"}, "owner": None},
        {"labels.team": "x"},
        {"patches": []},
        {"stores": None},
    ],
)
def test_an_overlay_may_say_a_part(overlay: dict[str, Any]) -> None:
    """Nothing is required in it, null removes, and dotted paths are keys."""
    assert problems(QUICKSTART | {"environments": {"prod": {"overlay": overlay}}}) == []
    assert (
        problems(
            QUICKSTART | {"targets": {"us-east-1": {"provider": "aws", "region": "us-east-1", "overlay": overlay}}}
        )
        == []
    )


def test_every_key_has_hover_text() -> None:
    """Also inside overlays; a description is a sentence."""
    for name, section in {"spec": schema(), **schema()["definitions"]}.items():
        assert section.get("description"), name
        for key, item in section.get("properties", {}).items():
            assert item.get("description", "").endswith("."), f"{name}.{key}"


def test_values_that_can_be_listed_are_listed() -> None:
    """Editors complete them: `const` or `enum`, wherever the schema's class has a Literal."""
    definitions = schema()["definitions"]

    def listed(value: Any) -> set[str]:
        return {str(x) for v in maps(value) for x in [*v.get("enum", ()), *([v["const"]] if "const" in v else ())]}

    for name, key, expected in (
        ("AwsTarget", "provider", {"aws"}),
        ("OnPremTarget", "provider", {"on-prem"}),
        (
            "AwsTarget",
            "addons",
            {
                "managed",
                "existing",
                "default",
                "karpenter",
                "nvidia-device-plugin",
                "lws",
                "kserve",
                "efa-device-plugin",
            },
        ),
        ("Network", "nat", {"single", "per-zone"}),
        ("NodePool", "capacity", {"on-demand", "spot"}),
        ("NodePool.partial", "capacity", {"on-demand", "spot"}),
        ("Taint", "effect", {"NoSchedule", "NoExecute", "PreferNoSchedule"}),
        ("Store", "kind", {"object"}),
        ("Server", "engine", {"vllm", "triton", "tgi", "llama-cpp", "custom"}),
        ("JsonPatchOperation", "op", {"add", "remove", "replace", "move", "copy", "test"}),
    ):
        assert listed(definitions[name]["properties"][key]) == expected, (name, key)


def test_overlays_have_every_key_that_may_differ() -> None:
    """All keys but those that are the same everywhere, each by itself and, where entries have names, as
    `section.name`."""
    overlay = schema()["definitions"]["Overlay"]
    assert set(overlay["properties"]) == set(schema()["properties"]) - FIXED
    for section in ("models", "nodePools", "stores", "serving", "targets", "manifests"):
        assert [p for p in overlay["patternProperties"] if p.startswith(f"^{section}\\.")]
