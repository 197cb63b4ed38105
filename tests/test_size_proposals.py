"""What a refusal of a size offers: followed to the letter, each change compiles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
import yaml

from specs.diagnostics import Diagnostic
from stacks.compile import Compiled
from tests.test_sizing_in_a_spec import AWS, EDITION, LLAMA, ON_PREM, QWEN, compiled, errors, only

QWEN_32B = "Qwen/Qwen2.5-32B-Instruct"

REFUSED: Mapping[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "a node of one GPU": ({"repository": "Qwen/Qwen3-30B-A3B"}, {"accelerator": "nvidia-l40s", "perNode": 1}, {}, AWS),
    "an older GPU": ({"repository": QWEN}, {"accelerator": "nvidia-t4", "perNode": 1}, {}, AWS),
    "far too large": ({"repository": LLAMA}, {"accelerator": "nvidia-a10g", "perNode": 1}, {}, AWS),
    "one instance type": ({"repository": LLAMA}, {"instance": "g5.xlarge"}, {}, AWS),
    "a stated split": (
        {"repository": LLAMA, "contextLength": "128k", "quantization": "fp8"},
        {"accelerator": "nvidia-h100-80gb", "perNode": 8}, {"concurrency": 32, "parallelism": {"tensor": 2}}, AWS,
    ),
    "several nodes": (
        {"repository": "deepseek-ai/DeepSeek-V3"}, {"accelerator": "nvidia-h100-80gb", "max": 1}, {}, AWS,
    ),
    "own nodes": ({"repository": LLAMA}, {"accelerator": "nvidia-h100-80gb", "perNode": 1, "max": 1}, {}, ON_PREM),
    "longer requests": (
        {"repository": LLAMA, "contextLength": "8k"}, {"accelerator": "nvidia-h100-80gb", "perNode": 1},
        {
            "concurrency": 16, "replicas": 1, "allowSinglePoint": True,
            "traffic": {"requestsPerSecond": 0.1, "inputTokens": 2000, "outputTokens": 400},
        },
        ON_PREM,
    ),
    "a part": (
        {"repository": QWEN}, {"accelerator": "nvidia-l40s", "sharing": {"mode": "mps", "replicas": 4}}, {}, AWS,
    ),
    "the smallest part": (
        {"repository": QWEN_32B, "quantization": "fp8"},
        {"accelerator": "nvidia-l40s", "sharing": {"mode": "time-slicing", "replicas": 2}}, {}, AWS,
    ),
    "a slice": (
        {"repository": QWEN},
        {"accelerator": "nvidia-h100-80gb", "sharing": {"mode": "mig", "profile": "1g.10gb"}}, {}, ON_PREM,
    ),
    "large steps": (
        {"repository": QWEN}, {"accelerator": "nvidia-l40s", "perNode": 1},
        {"args": {"max-num-batched-tokens": 1_000_000}}, AWS,
    ),
    "a share too small": (
        {"repository": QWEN}, {"accelerator": "nvidia-l40s", "perNode": 1},
        {"args": {"gpu-memory-utilization": 0.2}}, AWS,
    ),
}  # fmt: skip


def refused(case: str) -> tuple[Diagnostic, list[str]]:
    model, pool, server, target = REFUSED[case]
    [error] = errors(compiled(model, {"max": 2} | pool, server, target))
    assert error.code == "does-not-fit", error
    return error, error.help.split("; or ")


def followed(case: str, change: str) -> Compiled | None:
    """Compile the spec with a change as its words say; None for weights of another repository."""
    if change.startswith("a repository with"):
        return None
    model, pool, server, target = REFUSED[case]
    places = {"models.chat": dict(model), "nodePools.gpu": {"max": 2} | pool, "serving.chat": dict(server)}
    for verb, path, value in re.findall(r"(drop |without |instead of )?`([\w.-]+)(?:: ([^`]+))?`", change):
        if verb == "instead of ":
            del places["nodePools.gpu"][path]
            continue
        top = ".".join(path.split(".")[:2])
        at, keys = places[top], path.split(".")[2:]
        if verb:
            for key in keys[:-1]:
                at[key] = dict(at[key])
                at = at[key]
            del at[keys[-1]]
            continue
        new = yaml.safe_load(value)
        for key in reversed(keys):
            new = {key: new}
        merge(at, new)
    places["models.chat"].setdefault("repository", model["repository"])
    return compiled(places["models.chat"], places["nodePools.gpu"], places["serving.chat"], target)


def merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            into[key] = dict(into[key])
            merge(into[key], value)
        else:
            into[key] = value


@pytest.mark.parametrize("case", REFUSED)
def test_each_change_that_is_offered_compiles_and_takes_the_layout_it_names(case: str) -> None:
    _, offered = refused(case)
    tried = 0
    for change in offered:
        found = followed(case, change)
        if found is None:
            continue
        tried += 1
        assert not errors(found), (change, [d.message for d in errors(found)])
        if named := re.search(r"(?:fits as|takes) tensor (\d+)(?:, pipeline (\d+))?(?:, data (\d+))?", change):
            tensor, pipeline, data = (int(n or 1) for n in named.groups())
            assert only(found).layout[:3] == (tensor, pipeline, data), change
    assert tried


def test_more_gpus_are_a_node_that_ec2_sells() -> None:
    """EC2 has the L40S as 1, 4 or 8 a node: two of them are a part of 4."""
    _, offered = refused("a node of one GPU")
    assert "`nodePools.gpu.perNode: 4`: fits as tensor 2, 2 GPUs" in offered


def test_another_gpu_costs_what_its_node_costs() -> None:
    """140 GB on two GPUs: of an A100's node EC2 sells all 8, for $27.45 an hour; the RTX PRO 6000 comes in pairs."""
    price = EDITION.instances["g7e.12xlarge"].usd_per_hour
    assert price is not None and Decimal(price).quantize(Decimal("0.01")) == Decimal("8.29")
    _, offered = refused("far too large")
    [other] = [o for o in offered if "accelerator" in o]
    assert "{accelerator: nvidia-rtx-pro-6000, perNode: 2}" in other
    assert other.endswith("a node of 2 for $8.29 an hour")


@pytest.mark.parametrize(
    ("case", "key"), [("large steps", "max-num-batched-tokens"), ("a share too small", "gpu-memory-utilization")]
)
def test_an_argument_that_takes_the_memory_is_where_the_error_is(case: str, key: str) -> None:
    error, offered = refused(case)
    assert error.path == f"serving.chat.args.{key}"
    assert offered[0] == f"drop `serving.chat.args.{key}`: fits as tensor 1"


def test_the_arithmetic_is_that_of_the_layout_that_lacks_least() -> None:
    """DeepSeek-V3 on 8 H100: a tensor split of 8 has 79.5 GiB of weights on a GPU; the last of 8 stages has 86."""
    error, _ = refused("several nodes")
    assert "as tensor 8 on nvidia-h100-80gb" in error.message and "weights 79.5" in error.message


def test_a_type_that_karpenter_cannot_start_is_told() -> None:
    """p5.4xlarge has one H100 and reports none. That the model would not fit one is said with it."""
    found = errors(compiled({"repository": LLAMA}, {"accelerator": "nvidia-h100-80gb", "perNode": 1, "max": 2}))
    [error, size] = sorted(found, key=lambda d: d.code, reverse=True)
    assert size.code == "does-not-fit" and "weights 131.4" in size.message
    assert error.code == "no-instance-type" and error.path == "nodePools.gpu.perNode"
    assert error.help.startswith("write `perNode: 8`. p5.4xlarge has 1 × nvidia-h100-80gb, but EC2 reported 0 GPUs")


@pytest.mark.parametrize("key", ["sharing", "accelerator", "instance"])
def test_what_a_pool_shares_and_has_is_a_cause_of_its_servers_changes(key: str) -> None:
    """`--gpu-memory-utilization` and the split follow from them."""
    found = compiled({"repository": QWEN}, {"accelerator": "nvidia-l40s", "max": 2})
    assert found.compilation is not None
    [server] = [c for s in found.compilation.stacks for c in s.graph.components if c.type.endswith(":ModelServer")]
    assert f"nodePools.gpu.{key}" in server.reads


def test_a_pool_of_parts_says_how_many() -> None:
    found = compiled(
        {"repository": "Qwen/Qwen2.5-1.5B-Instruct"},
        {"accelerator": "nvidia-l40s", "max": 2, "sharing": {"mode": "mps", "replicas": 4}},
    )
    assert "can have 8 parts of GPUs" in only(found).rollout.reason
