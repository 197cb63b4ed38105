"""Sizing through the compiler: what a spec says, what the plan decides or refuses, and what the engine is told."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest

from components.graph import Node
from components.resolve.engine_settings import UNCOMPUTED, settings_of
from components.resolve.platform import Server
from components.resolve.sizing.layouts import Layout
from components.resolve.sizing.quantization import FORMATS
from specs.catalog.devices import devices
from specs.catalog.quotas import quota_name
from specs.catalog.reader import NEWEST, engine_flags, load_edition
from specs.diagnostics import Diagnostic, Severity
from stacks.compile import Compiled, compile_spec
from stacks.render.sizing import human_sizing, sizing_as_json
from stacks.sizing import sizing_of
from tests import fitting

EDITION = load_edition(NEWEST)
GIB = 2**30
LLAMA = "meta-llama/Llama-3.3-70B-Instruct"
QWEN = "Qwen/Qwen2.5-7B-Instruct"
AWS: dict[str, Any] = {
    "provider": "aws", "region": "us-east-1", "account": "123456789012", "api": {"allow": ["198.51.100.0/24"]},
}  # fmt: skip
ON_PREM: dict[str, Any] = {"provider": "on-prem", "kubeContext": "lab", "storage": {"shared": "cephfs"}}
H100 = {"accelerator": "nvidia-h100-80gb", "perNode": 8, "max": 4}


def compiled(
    model: Mapping[str, Any],
    pool: Mapping[str, Any],
    server: Mapping[str, Any] | None = None,
    target: Mapping[str, Any] = AWS,
) -> Compiled:
    """Compile a spec with one server of one model on one pool."""
    repository = model["repository"]
    row = EDITION.models.get(repository)
    said = {"source": f"hf://{repository}@{'a' * 40}", **{k: v for k, v in model.items() if k != "repository"}}
    if row is not None:
        said |= {"license": row.license} | ({"token": {"secret": "hf"}} if row.gated else {})
    spec = {
        "apiVersion": "llmform/v1",
        "name": "hello",
        "models": {"chat": said},
        "nodePools": {"gpu": dict(pool)},
        "serving": {"chat": {"model": "chat", "pool": "gpu", **(server or {})}},
        "targets": {"here": dict(target)},
    }
    return compile_spec(json.dumps(spec).encode(), "spec.json")


def only(found: Compiled) -> Server:
    """Return the one server of a spec without errors."""
    assert found.compilation is not None, [d.message for d in found.diagnostics]
    [server] = found.platforms[0].servers
    return server


def errors(found: Compiled) -> list[Diagnostic]:
    return [d for d in found.diagnostics if d.severity is Severity.ERROR]


def container(found: Compiled) -> Mapping[str, Any]:
    """Return the engine's container of the server's pods."""
    assert found.compilation is not None
    nodes: list[Node] = [n for s in found.compilation.stacks for n in s.graph.nodes]
    [workload] = [n.inputs for n in nodes if n.inputs.get("kind") in ("Deployment", "LeaderWorkerSet")]
    template = workload["spec"].get("template") or workload["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
    engine: Mapping[str, Any] = template["spec"]["containers"][0]
    return engine


def args(found: Compiled) -> list[str]:
    return list(container(found)["args"])


# ---- the examples of a plan, by hand --------------------------------------------------------------------


def test_llama_70b_in_bf16_on_one_h100_is_refused_with_the_arithmetic_and_changes() -> None:
    """70,553,706,496 parameters x 2 bytes are 131.4 GiB; one GPU of 81,080 MiB lends 0.92 of them, 72.8 GiB. Changes:
    fp8 takes 2 bytes less 1 for 68.4 of 70.6 billion, 67.7 GiB, and leaves no room for 8 x 8,192 x 320 KiB = 20 GiB; 4
    bits fit, and so does a node of 8."""
    found = compiled(
        {"repository": LLAMA, "contextLength": "8k"},
        H100 | {"max": 1},
        {"parallelism": {"tensor": 1}, "concurrency": 8},
    )
    [error] = errors(found)
    assert error.code == "does-not-fit" and error.path == "serving.chat.parallelism"
    assert 2 * 70_553_706_496 / GIB == pytest.approx(131.4, abs=0.05)
    assert 81_080 * 0.92 / 1024 == pytest.approx(72.8, abs=0.05)
    assert 8 * 8192 * 80 * 8 * 128 * 2 * 2 / GIB == 20.0
    for number in ("weights 131.4", "KV cache 20.0", "72.8 GiB"):
        assert number in error.message
    offered = error.help.split("; or ")
    assert len(offered) >= 2
    assert offered[0] == "`serving.chat.parallelism: auto`, which takes tensor 4"
    assert "a repository with awq weights: fits" in offered


def test_llama_70b_in_fp8_is_planned_on_two() -> None:
    """Half of 68.4 billion bytes and half of embedding and head at two, 33.8 GiB, leave room on two GPUs and on one
    not: 67.7 + 20 GiB are more than 72.8."""
    found = compiled(
        {"repository": LLAMA, "contextLength": "8k", "quantization": "fp8"}, H100 | {"max": 1}, {"concurrency": 8}
    )
    server = only(found)
    assert server.layout == Layout(2) and server.gpus == 2 and server.nodes == 1
    assert server.sized is not None and server.sized.chosen
    weights = sum(x.bytes for x in server.sized.fit.stages[0].lines if x.name.startswith("weights"))
    assert weights / GIB == pytest.approx(33.8, abs=0.1)
    told = args(found)
    assert "--quantization=fp8_per_tensor" in told and "--tensor-parallel-size=2" in told
    assert "--max-num-seqs=8" in told
    assert not [a for a in told if a.startswith("--gpu-memory-utilization")]  # 0.92 is the engine's own default
    assert container(found)["resources"]["limits"]["nvidia.com/gpu"] == "2"


def test_32_requests_of_128k_are_refused_with_what_would_fit() -> None:
    """32 x 131,072 tokens x 160 KiB (80 layers x 4 of 8 heads x 128 x 2 x 2) are 640 GiB on each of two GPUs."""
    assert 32 * 131_072 * 80 * 4 * 128 * 2 * 2 / GIB == 640
    found = compiled(
        {"repository": LLAMA, "contextLength": "128k", "quantization": "fp8"}, H100 | {"max": 1},
        {"concurrency": 32, "parallelism": {"tensor": 2}},
    )  # fmt: skip
    [error] = errors(found)
    assert (error.code, error.path) == ("does-not-fit", "serving.chat.concurrency")
    assert "640.0 GiB" in error.message
    offered = error.help.split("; or ")
    assert len(offered) >= 3
    # each change that is offered is one that works
    fewer = next(o for o in offered if "concurrency" in o)
    number = int(fewer.partition("concurrency: ")[2].partition("`")[0])
    again = compiled(
        {"repository": LLAMA, "contextLength": "128k", "quantization": "fp8"}, H100 | {"max": 1},
        {"concurrency": number, "parallelism": {"tensor": 2}},
    )  # fmt: skip
    assert only(again).layout == Layout(2)


def test_deepseek_v3_lies_on_two_nodes_with_expert_parallelism() -> None:
    """671 billion bytes are more than 8 x 72.8 GiB = 582; with 16 GPUs the experts are spread over tensor x data."""
    found = compiled({"repository": "deepseek-ai/DeepSeek-V3", "contextLength": "32k"}, H100, {"concurrency": 8})
    server = only(found)
    assert server.layout == Layout(8, 1, 2, expert=True)
    assert (server.nodes, server.gpus) == (2, 8)
    told = args(found)
    for argument in ("--tensor-parallel-size=8", "--data-parallel-size=2", "--enable-expert-parallel", "--nnodes=2"):
        assert argument in told
    assert "--max-num-seqs=4" in told  # of one data rank: 8 over 2
    assert not [a for a in told if a.startswith("--quantization")]  # the repository says it


def test_qwen3_235b_on_gpus_of_48_gb_takes_nodes() -> None:
    """235,093,634,560 x 2 bytes are 437.9 GiB; a node of 8 x 40.9 GiB lends 327."""
    model = {"repository": "Qwen/Qwen3-235B-A22B", "contextLength": "16k"}
    assert 235_093_634_560 * 2 / GIB == pytest.approx(437.9, abs=0.1)
    server = only(compiled(model, {"accelerator": "nvidia-l40s", "perNode": 8, "max": 4}, {"concurrency": 4}))
    assert server.nodes >= 2 and server.layout.gpus == 8 * server.nodes
    assert server.sized is not None and all(r.layout.gpus < server.layout.gpus for r in server.sized.rejected)


def test_a_split_over_nodes_is_not_chosen_where_there_is_no_network_for_it() -> None:
    """A g6e.xlarge has 2.5 Gbit/s and no EFA: two of them are no place for one model, unless the spec says so."""
    model = {"repository": "Qwen/Qwen2.5-32B-Instruct", "contextLength": "8k"}
    pool = {"accelerator": "nvidia-l40s", "perNode": 1, "max": 4}
    assert [d.code for d in errors(compiled(model, pool))] == ["does-not-fit"]
    assert only(compiled(model, pool, {"parallelism": {"pipeline": 2}})).nodes == 2


# ---- through the whole compiler, against the slow calculation --------------------------------------------


def test_two_hundred_random_specs_agree_with_the_slow_calculation() -> None:
    """A layout that is planned fits by the slow calculation; where a spec is refused, the slow search finds none."""
    chance, planned, refused = random.Random(5), 0, 0
    rows = [m for m in EDITION.models.values() if m.quantization != "gguf"]
    names = sorted(n for n in devices(NEWEST) if float(EDITION.accelerators[n].compute_capability) >= 8.0)
    for _ in range(200):
        row, name = chance.choice(rows), chance.choice(names)
        per_node, nodes = chance.choice(((1, 1), (2, 1), (4, 1), (8, 1), (4, 2), (8, 2)))
        context = min(chance.choice((512, 4096, 16_384, 40_000, 131_072)), row.native_context)
        requests = chance.choice((1, 4, 16, 100))
        pool = {"accelerator": name, "perNode": per_node, "max": nodes}
        server = {"concurrency": requests} if requests > 1 else {}
        model: dict[str, Any] = {"repository": row.name, "contextLength": context}
        wants = row.quantization == "" and EDITION.accelerators[name].compute_capability >= "8.9"
        if wants and chance.random() < 0.3:
            model["quantization"] = "fp8"
        found = compiled(model, pool, server, ON_PREM)
        size = fitting.known({**model, "source": f"hf://{row.name}@x"}, row.architecture)
        assert size is not None
        if found.compilation is not None:
            x = only(found).layout
            layout = (x.tensor, x.pipeline, x.data, x.expert)
            assert fitting.fits(size, pool, layout, requests), (row.name, pool, layout, context, requests)
            planned += 1
        else:
            assert {d.code for d in errors(found)} == {"does-not-fit"}, found.diagnostics
            theirs = fitting.search(size, pool, (per_node, nodes), requests)
            assert theirs is None, (row.name, pool, context, requests, theirs)
            refused += 1
    assert planned > 60 and refused > 40


# ---- formats ---------------------------------------------------------------------------------------------


def test_fp8_is_made_on_gpus_with_fp8_units_alone() -> None:
    """Compute capability 8.9 has them (L4), 8.6 has not (A10G)."""
    model = {"repository": QWEN, "quantization": "fp8"}
    assert "--quantization=fp8_per_tensor" in args(compiled(model, {"accelerator": "nvidia-l4", "max": 2}))
    [error] = errors(compiled(model, {"accelerator": "nvidia-a10g", "max": 2}))
    assert error.code == "quantization-not-made" and error.path == "models.chat.quantization"
    # without it 7,615,616,512 x 2 bytes are 14.2 GiB, and a layer's share of 22,589 MiB holds them
    assert "drop `quantization`: 16 bits fit as tensor 1" in error.help


def test_vllm_takes_the_argument_that_is_written() -> None:
    """`fp8_per_tensor` is among the methods that vLLM 0.32.0 was recorded to know."""
    assert "fp8_per_tensor" in engine_flags("vllm", EDITION.engines["vllm"])["quantization"].known


@pytest.mark.parametrize("said", ["awq", "gptq", "int8", "nvfp4", "mxfp4"])
def test_other_formats_are_those_of_a_repository(said: str) -> None:
    """vLLM makes none of them from 16-bit weights; `int8_per_channel_weight_only` is for experts alone."""
    assert said in FORMATS
    assert [d.code for d in errors(compiled({"repository": QWEN, "quantization": said}, H100))] == [
        "quantization-not-made"
    ]


def test_what_a_repository_has_may_be_said_and_nothing_else() -> None:
    """gpt-oss is published in MXFP4."""
    model = {"repository": "openai/gpt-oss-20b"}
    said = only(compiled({**model, "quantization": "mxfp4"}, H100))
    assert said.quantization == "" and said.sized is not None and said.sized.fit.model.quantization == "mxfp4"
    assert [d.code for d in errors(compiled({**model, "quantization": "fp8"}, H100))] == ["quantization-differs"]


def test_a_model_of_float32_is_served_in_16_bits() -> None:
    """`--dtype auto`: "FP16 precision for FP32 and FP16 models"; so half of the published bytes."""
    row = next(m for m in EDITION.models.values() if m.dtype == "float32" and m.architecture.encoder)
    server = only(
        compiled({"repository": row.name}, {"accelerator": "nvidia-l4", "max": 2}, {"args": {"runner": "pooling"}})
    )
    assert server.sized is not None and server.sized.fit.settings.dtype == "float16"
    weights = sum(x.bytes for x in server.sized.fit.stages[0].lines if x.name.startswith("weights"))
    assert weights == pytest.approx(row.weight_bytes / 2, rel=0.02)


# ---- what is not computed --------------------------------------------------------------------------------


def test_a_model_that_nobody_knows_is_said_to_be_uncomputed() -> None:
    """Without an architecture there is a plan, and it says so."""
    found = compiled({"repository": "acme/own", "size": "15Gi"}, H100)
    server = only(found)
    assert server.sized is None and "architecture" in server.unsized
    assert found.compilation is not None
    summaries = [c.summary for s in found.compilation.stacks for c in s.graph.components if c.id == "serving.chat"]
    assert any(line.startswith("fit not computed: ") for lines in summaries for line in lines)


@pytest.mark.parametrize("name", sorted(UNCOMPUTED))
def test_an_argument_that_the_formulas_do_not_know_is_told(name: str) -> None:
    """Every such argument is one of vLLM's, and makes the size unknown instead of wrong."""
    flags = engine_flags("vllm", EDITION.engines["vllm"])
    assert flags[name].name == name
    value: Any = {"json": {"a": 1}, "any": {"a": 1}, "bool": True}.get(flags[name].type, 1)
    _, why = settings_of(
        {name: value}, EDITION.engines["vllm"], dtype="bfloat16", kv_cache="auto", concurrency=0, native_context=0
    )
    assert name in why


def test_arguments_change_what_is_computed() -> None:
    """Each memory argument of vLLM is taken over, under any of its names."""
    given = {
        "dtype": "half", "kv_cache_dtype": "fp8_e5m2", "gpu-memory-utilization": 0.8, "max-num-batched-tokens": "4k",
        "max-num-seqs": 32, "block-size": 32, "enforce-eager": True, "disable-hybrid-kv-cache-manager": True,
        "enable-lora": True, "max-loras": 4, "max-lora-rank": 64,
    }  # fmt: skip
    s, why = settings_of(
        given, EDITION.engines["vllm"], dtype="bfloat16", kv_cache="auto", concurrency=0, native_context=9
    )
    assert not why
    assert (s.dtype, s.kv_dtype, s.utilization) == ("float16", "fp8_e5m2", 0.8)
    assert (s.batched_tokens, s.batched_requests, s.block) == (4000, 32, 32)
    assert (s.graphs, s.hybrid_cache, s.native_context) == (False, False, 9)
    assert s.adapters is not None and (s.adapters.slots, s.adapters.rank) == (4, 64)
    off, _ = settings_of(
        {"no-enable-lora": True},
        EDITION.engines["vllm"],
        dtype="bfloat16",
        kv_cache="auto",
        concurrency=0,
        native_context=0,
    )
    assert off.adapters is None
    _, unknown = settings_of(
        {"kv-cache-dtype": "nvfp4"},
        EDITION.engines["vllm"],
        dtype="bfloat16",
        kv_cache="auto",
        concurrency=0,
        native_context=0,
    )
    assert "nvfp4" in unknown


# ---- traffic and objectives ------------------------------------------------------------------------------

BUSY = {"traffic": {"requestsPerSecond": 12, "inputTokens": 1500, "outputTokens": 300}}


def test_replicas_follow_from_traffic() -> None:
    """Twice the traffic is at least as many replicas and at most one more than twice as many."""
    pool = {"accelerator": "nvidia-l40s", "perNode": 1, "max": 200}
    one = only(compiled({"repository": QWEN}, pool, BUSY)).replicas
    more = {"traffic": {**BUSY["traffic"], "requestsPerSecond": 24}}
    two = only(compiled({"repository": QWEN}, pool, more)).replicas
    assert one > 1 and one <= two <= 2 * one + 1


def test_littles_law_holds_in_what_is_recorded() -> None:
    """Requests at once a replica = arrivals of a replica x (prompt + output tokens x time between tokens)."""
    server = only(compiled({"repository": QWEN}, {"accelerator": "nvidia-l40s", "perNode": 1, "max": 200}, BUSY))
    assert server.sized is not None and server.sized.carried is not None and server.sized.carried.load is not None
    load = server.sized.carried.load
    [data] = sizing_of(
        compiled({"repository": QWEN}, {"accelerator": "nvidia-l40s", "perNode": 1, "max": 200}, BUSY).platforms, "chat"
    )
    stay = data["traffic"]["prompt"]["value"] + 300 * load.between_tokens_p50.value
    assert load.requests == pytest.approx(12 / server.replicas * stay, rel=0.02)


@pytest.mark.parametrize(("limit", "code"), [("1ms", "objective-missed"), ("10s", "")])
def test_an_objective_outside_of_the_range_is_an_error(limit: str, code: str) -> None:
    """A token takes at least the time to read 14.2 GiB at 864 GB/s, 18 ms; nothing takes 10 s."""
    server = {**BUSY, "replicas": 8, "objectives": {"interTokenLatency": {"p95": limit}}}
    found = compiled({"repository": QWEN}, {"accelerator": "nvidia-l40s", "perNode": 1, "max": 20}, server)
    assert [d.code for d in found.diagnostics if d.path.startswith("serving")] == ([code] if code else [])


def test_a_wider_split_is_chosen_where_only_it_keeps_the_promise() -> None:
    """Llama 3.3 70B in fp8 reads 33.8 GiB a token on each of two H100 (3,350 GB/s), 10.8 ms at the least; on 8 a
    quarter of that."""
    model = {"repository": LLAMA, "contextLength": "8k", "quantization": "fp8"}
    slow = {"traffic": {"requestsPerSecond": 0.1, "inputTokens": 100, "outputTokens": 100}, "allowSinglePoint": True}
    assert only(compiled(model, H100, slow)).layout == Layout(2)
    quick = slow | {"objectives": {"interTokenLatency": {"p95": "14ms"}}}
    assert only(compiled(model, H100, quick)).layout.tensor > 2


# ---- one point of failure --------------------------------------------------------------------------------


def test_one_replica_in_a_request_path_is_an_error_unless_it_is_accepted() -> None:
    """Clients count on a server that promises something."""
    promise: dict[str, Any] = {"objectives": {"availability": "99.9%"}}
    pool = {"accelerator": "nvidia-l40s", "max": 3}
    assert [d.code for d in errors(compiled({"repository": QWEN}, pool, promise))] == ["single-point"]
    assert not errors(compiled({"repository": QWEN}, pool, promise | {"allowSinglePoint": True}))
    assert not errors(compiled({"repository": QWEN}, pool, promise | {"replicas": 2}))
    assert not errors(compiled({"repository": QWEN}, pool))  # nobody is promised anything
    spot = pool | {"capacity": ["spot"]}
    assert [d.path for d in errors(compiled({"repository": QWEN}, spot, promise | {"replicas": 2}))] == [
        "nodePools.gpu.capacity"
    ]


# ---- shared GPUs -----------------------------------------------------------------------------------------

SHARED = {"accelerator": "nvidia-l40s", "max": 2, "sharing": {"mode": "mps", "replicas": 2}}


def test_a_share_is_told_to_the_engine_and_to_the_node() -> None:
    """Half of an L40S is half of 0.92 of what CUDA reports; the device plugin reads its configuration from the node's
    label, and MPS' daemon brings the pod's /dev/shm."""
    found = compiled({"repository": QWEN, "contextLength": "8k"}, SHARED, {"replicas": 3})
    server = only(found)
    assert "--gpu-memory-utilization=0.46" in args(found)
    assert server.sized is not None and server.sized.fit.budget.bytes == int(45_486 * 2**20 // 2 * 0.92)
    assert "/dev/shm" not in [m["mountPath"] for m in container(found)["volumeMounts"]]
    assert found.compilation is not None
    nodes = {n.id: n for s in found.compilation.stacks for n in s.graph.nodes}
    pool = nodes["nodePools.gpu/NodePool/gpu"].inputs["spec"]
    labels = pool["template"]["metadata"]["labels"]
    assert labels["nvidia.com/device-plugin.config"] == "mps-2" and labels["nvidia.com/mps.capable"] == "true"
    values = nodes["addons.nvidia-device-plugin/Release/nvidia-device-plugin"].inputs["values"]
    assert values["config"]["default"] == "default" and set(values["config"]["map"]) == {"default", "mps-2"}
    assert "replicas: 2" in values["config"]["map"]["mps-2"] and "mps:" in values["config"]["map"]["mps-2"]
    # Karpenter does not count parts: the limit is in CPUs, of types that have equally many
    [types] = [
        r["values"] for r in pool["template"]["spec"]["requirements"] if r["key"] == "node.kubernetes.io/instance-type"
    ]
    [vcpus] = {EDITION.instances[t].vcpu for t in types}
    assert pool["limits"] == {"cpu": str(2 * vcpus)}


def test_parts_of_gpus_hold_more_replicas_than_gpus() -> None:
    """Two nodes of one GPU hold four parts."""
    model = {"repository": QWEN, "contextLength": "8k"}
    assert only(compiled(model, SHARED, {"replicas": 4})).replicas == 4
    assert [d.code for d in errors(compiled(model, SHARED, {"replicas": 5}))] == ["pool-too-small"]


def test_a_pool_says_what_karpenter_does_not_see() -> None:
    """Three pods on parts: two nodes hold them, and for three GPUs Karpenter would start three."""
    found = compiled({"repository": QWEN, "contextLength": "8k"}, SHARED | {"max": 4}, {"replicas": 3})
    assert found.compilation is not None
    [lines] = [c.summary for s in found.compilation.stacks for c in s.graph.components if c.id == "nodePools.gpu"]
    assert any("may start 3 nodes where 2 nodes would do" in line for line in lines)


def test_mig_slices_are_the_gpu_operators() -> None:
    """A 3g.40gb slice of an H100 has 40,448 MiB; the operator cuts GPUs of nodes that carry its label."""
    pool = {"accelerator": "nvidia-h100-80gb", "max": 1, "sharing": {"mode": "mig", "profile": "3g.40gb"}}
    found = compiled({"repository": QWEN}, pool, {"replicas": 2}, ON_PREM)
    server = only(found)
    assert server.sized is not None and server.sized.fit.gpu.usable == 40_448 * 2**20
    assert found.compilation is not None
    nodes = {n.id: n for s in found.compilation.stacks for n in s.graph.nodes}
    assert nodes["addons.gpu-operator/Release/gpu-operator"].inputs["values"]["mig"] == {"strategy": "single"}
    [lines] = [c.summary for s in found.compilation.stacks for c in s.graph.components if c.id == "nodePools.gpu"]
    assert "nvidia.com/mig.config=all-3g.40gb" in lines[0]


# ---- quotas, and the calculation in words ----------------------------------------------------------------


def test_a_pool_names_the_quota_that_it_needs() -> None:
    """3 x g6e.2xlarge of 8 vCPUs count against G and VT; p5 against P; general types against neither."""
    found = compiled({"repository": QWEN}, {"instance": "g6e.2xlarge", "max": 3})
    assert found.compilation is not None
    [lines] = [c.summary for s in found.compilation.stacks for c in s.graph.components if c.id == "nodePools.gpu"]
    assert "at most 24 vCPUs of the EC2 quota `Running On-Demand G and VT instances`" in lines
    assert quota_name(NEWEST, "p5.48xlarge", "spot") == "All P Spot Instance Requests"
    assert quota_name(NEWEST, "m7i.large", "on-demand") == ""


def test_the_calculation_adds_up_and_names_its_sources() -> None:
    """The lines of `--sizing` sum to its sum, each with a formula and a source; text and JSON have the same numbers."""
    found = compiled({"repository": QWEN}, {"accelerator": "nvidia-l40s", "perNode": 1, "max": 99}, BUSY)
    [data] = calculated = sizing_of(found.platforms, "chat")
    lines = data["stage"]["lines"]
    assert sum(x["bytes"] for x in lines) == data["stage"]["sum"] <= data["budget"]["bytes"]
    assert all(x["formula"] and x["source"] for x in (*lines, data["budget"], data["outside"]))
    text = human_sizing("serving.chat", calculated)
    for line in lines:
        assert f"{line['bytes'] / GIB:.2f} GiB  {line['name']}" in text
    assert json.loads(sizing_as_json("serving.chat", calculated))["sizing"] == json.loads(json.dumps(calculated))
    assert "Little's law" in text and max(len(x) for x in text.splitlines()) <= 100
