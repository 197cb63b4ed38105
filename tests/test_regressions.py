"""What the fuzzer and the properties found, once each: a spec that was answered with a traceback, or wrongly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.graph_json import canonical, decode_value, encode_graph
from specs.manifest_files import read_documents
from specs.source import read
from stacks.compile import Compiled, compile_spec
from tests.memory_files import MemoryFiles

QUICKSTART: dict[str, Any] = {
    "apiVersion": "llmform/v1",
    "name": "hello",
    "models": {"chat": "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"},
    "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": 2}},
    "serving": {"chat": {"model": "chat", "pool": "l40s"}},
    "targets": {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}},
}


def compiled(files: dict[str, Any] | None = None, **keys: Any) -> Compiled:
    """Compile the quickstart with some keys set; `files` are objects beside it."""
    folder = MemoryFiles({name: json.dumps(item).encode() for name, item in (files or {}).items()})
    return compile_spec(json.dumps(QUICKSTART | keys).encode(), "spec.yaml", folder)


def codes(found: Compiled) -> list[str]:
    """Return the codes of the diagnostics."""
    return [d.code for d in found.diagnostics]


@pytest.mark.parametrize("old", ["Ö", "o" * 41, "a b", "", "-a", "a\n"])
def test_an_old_place_that_no_entry_can_have_had_is_a_bad_move(old: str) -> None:
    """The objects of a moved entry keep the old name, so it must be one."""
    assert codes(compiled(moved={f"nodePools.{old}": "nodePools.l40s"})) == ["bad-move"]


@pytest.mark.parametrize(
    ("section", "old", "new"),
    [("nodePools", "system", "l40s"), ("serving", "weights-mirror", "chat"), ("stores", "weights", "logs")],
)
def test_a_reserved_name_cannot_be_an_old_place(section: str, old: str, new: str) -> None:
    """`moved: {stores.weights: stores.logs}` would give the store the bucket of the mirrored weights."""
    found = compiled(moved={f"{section}.{old}": f"{section}.{new}"}, stores={"logs": {"kind": "object"}})
    assert codes(found) == ["reserved-name"]


@pytest.mark.parametrize(
    "spec",
    [
        {"volumes": 1},
        {"containers": True},
        {"initContainers": 3},
        {"containers": [{"env": 1}]},
        {"containers": [{"envFrom": "x"}]},
        {"containers": [{"env": [1, {"valueFrom": 2}]}]},
        {"volumes": [[], {"configMap": 1}]},
    ],
)
def test_a_pod_of_ones_own_with_values_of_other_types_is_no_traceback(spec: dict[str, Any]) -> None:
    """What an object holds is for the API server to judge; looking for what it refers to must stand anything."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
    job = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "b"}, "spec": {"jobTemplate": "x"}}
    found = compiled({"k8s/a.yaml": pod, "k8s/b.yaml": job}, manifests={"own": {"dir": "k8s"}})
    assert found.compilation is not None, found.diagnostics


@pytest.mark.parametrize("parts", [[1], [None], [{"a": 1}], [["x"]]])
def test_the_parts_of_a_format_are_texts_and_references(parts: list[Any]) -> None:
    """A patch may write `{$format: […]}`; anything else in it could not be put together."""
    with pytest.raises(ValueError, match="parts of `\\$format`"):
        decode_value({"$format": parts})
    patch = {"match": "serving.chat/Service/chat", "merge": {"spec": {"clusterIP": {"$format": parts}}}}
    assert codes(compiled(patches=[patch])) == ["patch-failed"]


def test_the_order_of_entries_means_nothing() -> None:
    """The words about a key of two stores named them in the order of the spec."""
    stores = {"b": {"kind": "object"}, "a": {"kind": "object"}}
    texts = []
    for order in (stores, dict(sorted(stores.items()))):
        compilation = compiled(stores=order).compilation
        assert compilation is not None
        texts.append([canonical(encode_graph(s.graph)) for s in compilation.stacks])
    assert texts[0] == texts[1]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_lines_of_a_second_document_are_those_of_the_file(line_break: str) -> None:
    """A lone CR ends a line in YAML; counting only LF put findings of later documents into other lines."""
    text = line_break.join(["a: 1", "b: 2", "---", "c: yes", ""])
    _, [finding] = read_documents(text.encode(), "objects.yaml")
    assert (finding.code, finding.span.line, finding.span.column) == ("ambiguous-scalar", 4, 4)


def test_a_value_that_follows_its_anchor_without_a_space_is_marked_where_it_stands() -> None:
    """libyaml ends an anchor at the colon: the value of `&a://b` is `://b`."""
    tree, found = read(b"chat: &a://b\nb: 1\n", "spec.yaml")
    assert tree is not None and not found
    assert (tree.members["chat"].tree.value, str(tree.members["chat"].tree.span)) == ("://b", "spec.yaml:1:9")


def test_a_section_that_is_no_map_is_one_error_for_all_overlays_into_it() -> None:
    """The first overlay into it must not make a map of it, in which the second then misses its entry."""
    target = {**QUICKSTART["targets"]["us-east-1"], "overlay": {"nodePools.l40s": {"max": 4}, "nodePools.a10g": {}}}
    assert codes(compiled(nodePools=[[]], targets={"us-east-1": target})) == ["wrong-type"]


def test_a_flag_with_a_dot_in_its_name_is_an_argument() -> None:
    """The check knew `--fim-qwen-1.5b-default`; what writes the container took it for a key inside `--fim-qwen-1`."""
    revision = "91cad51170dc346986eccefdc2dd33a9da36ead9"
    model = {
        "source": f"hf://Qwen/Qwen2.5-1.5B-Instruct-GGUF@{revision}",
        "file": "qwen2.5-1.5b-instruct-q4_k_m.gguf",
    }
    server = {"model": "chat", "pool": "cpu", "engine": "llama-cpp", "args": {"fim_qwen_1.5b_default": True}}
    pool = {"accelerator": "none", "instance": "m7i.2xlarge", "max": 1}
    compilation = compiled(models={"chat": model}, nodePools={"cpu": pool}, serving={"chat": server}).compilation
    assert compilation is not None
    texts = "".join(canonical(encode_graph(s.graph)) for s in compilation.stacks)
    assert "--fim-qwen-1.5b-default" in texts


def test_a_patch_is_not_blamed_for_a_node_that_another_error_kept_from_being_made() -> None:
    """With a pool too small for its servers nothing was made, and every patch was told to name a node that is not
    there, "ids: none"."""
    patch = {"match": "serving.chat/Deployment/chat", "merge": {"spec": {"minReadySeconds": 5}}}
    server = {**QUICKSTART["serving"]["chat"], "replicas": 3}
    found = compiled(serving={"chat": server}, patches=[patch])
    assert codes(found) == ["pool-too-small"]
    assert codes(compiled(patches=[patch])) == []
