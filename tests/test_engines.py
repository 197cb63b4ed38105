"""Facts about the engines beside vLLM: TGI, llama.cpp, images of one's own; their arguments, and nodes without GPU."""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from components.graph import Graph
from components.resolve import cores
from components.resolve.defaults import DAEMON_MEMORY, GIB
from components.workloads.engines import ENGINES, engine_named
from components.workloads.engines.words import given_arguments
from specs.catalog.engines import ROLES, engine_rows
from specs.catalog.flags import check_argument, engine_flags, find_flag
from specs.catalog.generate import llama_cpp as llama_cpp_table
from specs.catalog.generate import table
from specs.catalog.generate import tgi as tgi_table
from specs.catalog.generate import vllm as vllm_table
from specs.catalog.reader import load_edition
from specs.catalog.tables import read_table
from specs.checks.engine_arguments import OWNED
from stacks.compile import Compiled, compile_spec
from tests.oracles import kubernetes

EDITION = load_edition("2026-11")
ROWS = engine_rows("2026-11")
REVISION = "91cad51170dc346986eccefdc2dd33a9da36ead9"
FILE = "qwen2.5-1.5b-instruct-q4_k_m.gguf"
SHA256 = "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e"
FILE_BYTES = 1_117_320_736
"""Of that file on the hub (catalog)."""

AWS: dict[str, Any] = {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}}
ON_PREM: dict[str, Any] = {
    "dresden": {"provider": "on-prem", "kubeContext": "dresden", "storage": {"shared": "cephfs"}}
}
CHAT = "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"
GGUF: dict[str, Any] = {
    "source": "hf://Qwen/Qwen2.5-1.5B-Instruct-GGUF", "revision": REVISION, "file": FILE, "sha256": SHA256,
    "contextLength": "8k",
}  # fmt: skip
BOX: dict[str, Any] = {"accelerator": "none", "cores": 8, "memory": "16Gi", "max": 2}
L40S: dict[str, Any] = {"accelerator": "nvidia-l40s", "perNode": 4, "max": 4}


def compiled(server: dict[str, Any], model: Any = CHAT, pool: Any = None, targets: Any = AWS) -> Compiled:
    spec = {
        "apiVersion": "llmform/v1",
        "name": "hello",
        "models": {"chat": model},
        "nodePools": {"pool": pool or L40S},
        "serving": {"chat": {"model": "chat", "pool": "pool", "allowSinglePoint": True} | server},
        "targets": targets,
    }
    return compile_spec(json.dumps(spec).encode(), "spec.yaml")


def workloads(server: dict[str, Any], model: Any = CHAT, pool: Any = None, targets: Any = AWS) -> Graph:
    found = compiled(server, model, pool, targets)
    assert found.compilation is not None, found.diagnostics
    [graph] = [s.graph for s in found.compilation.stacks if s.layer == "workloads"]
    return graph


def pod(graph: Graph) -> Any:
    return graph.node("serving.chat/Deployment/chat").inputs["spec"]["template"]["spec"]


def container(graph: Graph) -> Any:
    [found] = pod(graph)["containers"]
    return found


def pairs(words: list[str]) -> dict[str, str]:
    """Return arguments by flag: `--flag value`, `--flag=value`, or `--flag` alone."""
    found: dict[str, str] = {}
    last = ""
    for word in words:
        if word.startswith("--"):
            last, _, value = word.partition("=")
            found[last] = value
        else:
            found[last] += word
    return found


SERVERS: dict[str, dict[str, Any]] = {
    "tgi": {"server": {"engine": "tgi", "concurrency": 32, "kvCache": "fp8", "args": {"max-concurrent-requests": 64}}},
    "tgi on two GPUs": {"server": {"engine": "tgi", "parallelism": {"tensor": 2}}},
    "llama.cpp on cores": {
        "server": {"engine": "llama-cpp", "args": {"cache-reuse": 256, "warmup": False}}, "model": GGUF, "pool": BOX,
    },
    "llama.cpp on a GPU": {"server": {"engine": "llama-cpp", "args": {"slots": True}}, "model": GGUF},
    "llama.cpp on two GPUs": {"server": {"engine": "llama-cpp", "parallelism": {"pipeline": 2}}, "model": GGUF},
    "an image": {
        "server": {
            "engine": "custom", "image": "registry.example/chat:1.4.0", "port": 9000, "healthPath": "/ready",
            "args": {"workers": 1, "verbose": True, "quiet": False, "tag": ["a", "b"], "limits": {"b": 1, "a": 2}},
        },
    },
    "an image on cores": {"server": {"engine": "custom", "image": "registry.example/chat:1.4.0"}, "pool": BOX},
}  # fmt: skip


@pytest.mark.parametrize("targets", [AWS, ON_PREM], ids=["aws", "on-prem"])
@pytest.mark.parametrize("name", SERVERS)
def test_every_object_of_every_engine_is_one_that_the_cluster_takes(name: str, targets: dict[str, Any]) -> None:
    """As the API server and the `restricted` Pod Security Standard judge them."""
    graph = workloads(**SERVERS[name], targets=targets)
    objects = [n.inputs for n in graph.nodes if n.type.startswith("kubernetes:") and "kind" in n.inputs]
    assert len(objects) > 5
    assert [problem for o in objects for problem in kubernetes.problems(dict(o))] == []


@pytest.mark.parametrize("name", [n for n in SERVERS if not n.startswith("an image")])
def test_every_argument_is_one_that_the_pinned_engine_knows(name: str) -> None:
    engine = SERVERS[name]["server"]["engine"]
    known = engine_flags(engine, EDITION.engines[engine])
    for flag, value in pairs(container(workloads(**SERVERS[name]))["args"]).items():
        row = known[flag.removeprefix("--")]
        assert check_argument(row, value if row.type != "bool" else True) is None, flag
        assert (value == "") == (row.type == "bool"), flag


def test_every_owned_argument_is_one_that_the_pinned_engine_has() -> None:
    """A name that the version does not have would own nothing."""
    for engine, owned in OWNED.items():
        known = engine_flags(engine, EDITION.engines[engine])
        assert {name for name in owned if name not in known} <= {"model"}, engine  # vLLM's is the first word


def test_the_engines_of_the_catalog_are_those_of_the_code() -> None:
    """But for Triton's, each has the title that people write, and metrics by role."""
    assert {e.name for e in ENGINES} == set(ROWS)
    for name, row in ROWS.items():
        assert engine_named(name).title == row.title
        assert set(row.metrics) <= set(ROLES)
        assert EDITION.engines[name] == row.version


# ---- TGI --------------------------------------------------------------------------------------------------------


def test_tgi_gets_the_context_in_both_of_its_arguments() -> None:
    """launcher/src/main.rs refuses `max_input_tokens >= max_total_tokens`: 16k = 16,384, and 16,383 of a prompt."""
    args = pairs(container(workloads(**SERVERS["tgi"]))["args"])
    assert args["--max-total-tokens"] == "16384"
    assert args["--max-input-tokens"] == "16383"
    assert args["--max-batch-size"] == "32"
    assert args["--kv-cache-dtype"] == "fp8_e4m3fn"
    assert args["--num-shard"] == "1"
    assert args["--max-concurrent-requests"] == "64"


def test_tgi_is_split_over_the_gpus_of_its_pod() -> None:
    found = container(workloads(**SERVERS["tgi on two GPUs"]))
    assert pairs(found["args"])["--num-shard"] == found["resources"]["limits"]["nvidia.com/gpu"] == "2"


def test_tgi_finishes_its_requests_within_the_pods_grace_period() -> None:
    """15 s to leave the Service, as long as the launcher gives the router, 30 s to tear down."""
    graph = workloads(**SERVERS["tgi"])
    drain = int(pairs(container(graph)["args"])["--graceful-termination-timeout"])
    assert container(graph)["lifecycle"]["preStop"]["sleep"]["seconds"] == 15
    assert pod(graph)["terminationGracePeriodSeconds"] == 15 + drain + 30


def test_a_plan_says_that_tgis_own_image_wants_root() -> None:
    """huggingface/text-generation-inference#3082: Python is below /root, which user 65532 may not read."""
    [server] = [c for c in workloads(**SERVERS["tgi"]).components if c.id == "serving.chat"]
    assert any("3082" in line for line in server.summary)


# ---- llama.cpp --------------------------------------------------------------------------------------------------


def test_each_slot_of_llama_cpp_has_the_whole_context() -> None:
    """`--ctx-size` is divided by `--parallel` (n_ctx_slot in the log of b11312: 2,048 for 4 slots are 512 each)."""
    args = pairs(container(workloads(**SERVERS["llama.cpp on cores"]))["args"])
    assert int(args["--ctx-size"]) == 8192 * int(args["--parallel"])
    assert "--no-kv-unified" in args


def test_llama_cpp_exports_metrics_and_nothing_that_nobody_asked_for() -> None:
    """`/metrics` is there only with `--metrics`; `/slots` shows what others ask, `/` is a page."""
    args = pairs(container(workloads(**SERVERS["llama.cpp on cores"]))["args"])
    assert {"--metrics", "--no-slots", "--no-ui", "--offline"} <= set(args)
    asked = pairs(container(workloads(**SERVERS["llama.cpp on a GPU"]))["args"])
    assert "--slots" in asked and "--no-slots" not in asked


def test_llama_cpp_waits_before_it_is_told_to_stop() -> None:
    """It cuts answers on SIGTERM (recorded), so 15 s to leave the Service and 120 s to finish come first; the grace
    period is the one that others have."""
    graph = workloads(**SERVERS["llama.cpp on cores"])
    assert container(graph)["lifecycle"]["preStop"]["sleep"]["seconds"] == 15 + 120
    assert pod(graph)["terminationGracePeriodSeconds"] == 15 + 120 + 30


def test_llama_cpp_has_an_image_for_cuda_and_one_without() -> None:
    """The one without is for arm64 too."""
    on_cores, on_gpu = workloads(**SERVERS["llama.cpp on cores"]), workloads(**SERVERS["llama.cpp on a GPU"])
    assert container(on_cores)["image"] == "ghcr.io/ggml-org/llama.cpp:server-b11312"
    assert container(on_gpu)["image"] == "ghcr.io/ggml-org/llama.cpp:server-cuda-b11312"


def test_llama_cpp_has_all_layers_on_the_gpus_or_none() -> None:
    on_cores = pairs(container(workloads(**SERVERS["llama.cpp on cores"]))["args"])
    on_gpu = pairs(container(workloads(**SERVERS["llama.cpp on a GPU"]))["args"])
    on_two = pairs(container(workloads(**SERVERS["llama.cpp on two GPUs"]))["args"])
    assert (on_cores["--gpu-layers"], on_cores["--threads"]) == ("0", "7")
    assert (on_gpu["--gpu-layers"], on_gpu["--split-mode"]) == ("all", "none")
    assert (on_two["--gpu-layers"], on_two["--split-mode"]) == ("all", "layer")


def test_a_server_on_cores_asks_for_no_gpu_and_stays_off_their_nodes() -> None:
    graph = workloads(**SERVERS["llama.cpp on cores"])
    assert set(container(graph)["resources"]["limits"]) == {"memory"}
    assert "tolerations" not in pod(graph)
    assert [v["name"] for v in pod(graph)["volumes"]] == ["weights", "tmp"]  # one process: no shared memory


def test_the_mirror_brings_one_file_and_checks_it() -> None:
    graph = workloads(**SERVERS["llama.cpp on cores"])
    [job] = [n.inputs for n in graph.nodes if n.inputs.get("kind") == "Job"]
    args = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args[0] == "mirror"
    assert args[1] == f"--from=hf://Qwen/Qwen2.5-1.5B-Instruct-GGUF@{REVISION}"
    assert args[2].endswith(f"/models/Qwen/Qwen2.5-1.5B-Instruct-GGUF/{REVISION}/{FILE}")
    assert args[3:] == [f"--file={FILE}", f"--sha256={SHA256}"]
    assert pairs(container(graph)["args"])["--model"] == f"/weights/{FILE}"


def test_two_files_of_one_repository_are_two_models() -> None:
    """Each has a folder, a Job and a volume of its own: the mirror of one would else stand in the other's way."""
    other = GGUF | {"file": "qwen2.5-1.5b-instruct-q8_0.gguf", "sha256": "0" * 64}
    one, two = (workloads({"engine": "llama-cpp"}, m, BOX) for m in (GGUF, other))
    jobs = [{n.id for n in g.nodes if n.inputs.get("kind") == "Job"} for g in (one, two)]
    assert not jobs[0] & jobs[1]


def test_a_server_may_read_every_revision_of_its_model_and_no_other_model() -> None:
    """Pods of two revisions run beside each other during a rollout."""
    found = compiled({"engine": "llama-cpp"}, GGUF, BOX).compilation
    assert found is not None
    foundation = next(s.graph for s in found.stacks if s.layer == "foundation")
    text = json.dumps([n.inputs for n in foundation.nodes if n.component == "serving.chat"], default=str)
    assert "models/Qwen/Qwen2.5-1.5B-Instruct-GGUF/" in text
    assert REVISION not in text


# ---- images of one's own ----------------------------------------------------------------------------------------


def test_an_image_of_ones_own_is_told_what_it_serves_by_its_environment() -> None:
    found = container(workloads(**SERVERS["an image"]))
    environment = {e["name"]: e["value"] for e in found["env"]}
    assert found["image"] == "registry.example/chat:1.4.0"
    assert "command" not in found  # it keeps its own entrypoint
    assert (environment["MODEL_NAME"], environment["MODEL_PATH"], environment["PORT"]) == ("chat", "/weights", "9000")
    assert found["ports"] == [{"name": "http", "containerPort": 9000, "protocol": "TCP"}]
    assert {p["httpGet"]["path"] for k, p in found.items() if k.endswith("Probe")} == {"/ready"}


def test_arguments_of_an_image_of_ones_own_are_words() -> None:
    assert container(workloads(**SERVERS["an image"]))["args"] == [
        '--limits={"a":2,"b":1}', "--tag=a", "--tag=b", "--verbose", "--workers=1",
    ]  # fmt: skip


# ---- nodes without GPU ------------------------------------------------------------------------------------------


def test_a_server_of_llama_cpp_asks_for_what_it_holds() -> None:
    """Weights 1,117,320,736 + cache 28 layers x 2 x 2 KV heads x 128 x 2 bytes x 32,768 tokens = 939,524,096 + 1 GiB =
    3,130,586,656, which is 2.92 GiB, up to the next quarter: 3 GiB. Of 8 cores 1 is the system's."""
    assert 28 * 2 * 2 * 128 * 2 * 32_768 == 939_524_096
    requests = container(workloads(**SERVERS["llama.cpp on cores"]))["resources"]["requests"]
    assert (requests["memory"], requests["cpu"]) == ("3Gi", "7")


def test_replicas_share_the_nodes_that_a_pool_can_have() -> None:
    """4 replicas on at most 2 nodes are 2 a node: (8 - 1) / 2 = 3 cores each."""
    graph = workloads({"engine": "llama-cpp", "replicas": 4}, GGUF, BOX)
    assert container(graph)["resources"]["requests"]["cpu"] == "3"


def test_a_surge_waits_for_no_node_that_cannot_come() -> None:
    """One node, one replica on all of its cores: the new one starts when the old one has gone."""
    graph = workloads({"engine": "llama-cpp"}, GGUF, BOX | {"max": 1})
    rolling = graph.node("serving.chat/Deployment/chat").inputs["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": 0, "maxUnavailable": 1}


def test_what_a_node_keeps_for_itself_is_no_less_than_on_any_general_type() -> None:
    """cores - 1 and memory x 85 % - 1 GiB hold on every type of the catalog beside the node's own pods (0.5 GiB)."""
    types = cores.general(EDITION.instances.values(), 2, 0)
    assert len(types) > 20
    for i in types:
        room = cores.room(i.vcpu, i.memory_mib * 1024**2, 1)
        assert room.memory + DAEMON_MEMORY <= i.allocatable_memory_mib * 1024**2, i.name
        assert room.cores * 1000 + 300 <= i.allocatable_cpu_millis, i.name


def test_general_types_have_no_gpu_and_no_part_of_one() -> None:
    """g6f shows no GPU to Kubernetes and costs as if it had one."""
    names = {i.name for i in cores.general(EDITION.instances.values(), 8, 16 * GIB)}
    assert "c7i.2xlarge" in names
    assert not [n for n in names if n.startswith(("g", "p"))]


def test_slots_are_as_many_as_fit_and_at_most_four() -> None:
    """With 1 GB of weights, no cache to speak of and 3 GiB all 4 fit; with a cache of 1 GiB a slot, 1.93 GiB + n."""
    architecture = EDITION.models["Qwen/Qwen2.5-1.5B-Instruct"].architecture
    a_gib_of_cache = GIB // (28 * 2 * 2 * 128 * 2)
    assert cores.slots(0, 10**9, architecture, 1024, 3 * GIB) == 4
    assert cores.slots(0, 10**9, architecture, a_gib_of_cache, 5 * GIB) == 3
    assert cores.slots(0, 10**9, architecture, a_gib_of_cache, GIB) == 1
    assert cores.slots(9, 10**9, architecture, a_gib_of_cache, GIB) == 9


def test_on_prem_a_pool_of_cores_is_a_contract() -> None:
    """Its nodes carry the pool's label and no GPU's."""
    graph = workloads({"engine": "llama-cpp"}, GGUF, BOX, ON_PREM)
    assert pod(graph)["nodeSelector"] == {"llmform.dev/pool": "pool"}


# ---- ten wrong settings, ten errors at their line ----------------------------------------------------------------

WRONG = {
    "engine-cannot": ("engine-cannot", "2}}"),
    "engine-cannot-serve-embeddings": ("engine-cannot", "tgi"),
    "engine-cannot-cache": ("engine-cannot", "fp8"),
    "wrong-format": ("wrong-format", "vllm"),
    "wrong-format-of-a-repository": ("wrong-format", "llama-cpp"),
    "metric-not-exported": ("metric-not-exported", "timeToFirstToken"),
    "contradicting-argument": ("contradicting-argument", "64"),
    "owned-argument-of-llama-cpp": ("owned-argument", "c: 8192"),
    "owned-argument-of-tgi": ("owned-argument", "num-shard"),
    "unknown-argument-of-another-engine": ("unknown-argument", "max-num-seqs"),
    "unknown-argument-that-is-gone": ("unknown-argument", "draft-max"),
    "bad-argument-of-llama-cpp": ("bad-argument", "fp8"),
    "bad-argument-switched-off": ("bad-argument", "false"),
    "no-effect-of-an-engines-key": ("no-effect", "port"),
    "missing-key-image": ("missing-key", "chat: {model: chat"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_one_error_where_it_stands(case: str) -> None:
    code, token = WRONG[case]
    path = Path(__file__).parent / "cases" / "broken" / case / "spec.yaml"
    [error] = compile_spec(path.read_bytes(), "spec.yaml").diagnostics
    line = path.read_text(encoding="utf-8").splitlines()[error.span.line - 1]
    assert error.code == code
    assert line.lstrip().startswith("chat: {model: chat")
    assert line.index(token) + 1 == error.span.column
    assert error.help


# ---- the words of arguments -------------------------------------------------------------------------------------


def test_an_argument_is_written_under_its_long_name() -> None:
    version = EDITION.engines["llama-cpp"]
    assert given_arguments("llama-cpp", version, {"ctk": "q8_0", "no-warmup": True}) == (
        "--cache-type-k", "q8_0", "--no-warmup",
    )  # fmt: skip
    assert given_arguments("llama-cpp", version, {"no_warmup": False}) == ("--warmup",)
    assert given_arguments("llama-cpp", version, {"chat-template-kwargs": {"b": 1, "a": True}}) == (
        "--chat-template-kwargs", '{"a":true,"b":1}',
    )  # fmt: skip


def test_a_list_is_one_word_or_a_flag_for_each() -> None:
    """`cuda_graphs` has a delimiter, `cors_allow_origin` has none (struct Args of the launcher)."""
    version = EDITION.engines["tgi"]
    assert given_arguments("tgi", version, {"cuda-graphs": [1, 2]}) == ("--cuda-graphs", "1,2")
    assert given_arguments("tgi", version, {"cors-allow-origin": ["a", "b"]}) == (
        "--cors-allow-origin", "a", "--cors-allow-origin", "b",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "fine"),
    [
        ("gpu-layers", "all", True), ("gpu-layers", 12, True), ("gpu-layers", "some", False),
        ("flash-attn", "on", True), ("flash-attn", "maybe", False), ("temp", 0.7, True), ("temp", "warm", False),
        ("reasoning-format", "auto", True), ("prio", 4, False), ("override-kv", "a=int:1,b=str:x", True),
        ("json-schema", {"type": "object"}, True), ("tensor-split", "3,1", True),
    ],
)  # fmt: skip
def test_values_of_llama_cpp_are_those_that_its_handlers_read(name: str, value: object, fine: bool) -> None:
    flag = find_flag("llama-cpp", EDITION.engines["llama-cpp"], name)
    assert flag is not None
    assert (check_argument(flag, value) is None) == fine


# ---- the programs that write the tables --------------------------------------------------------------------------

LLAMA_HELP = """\
----- common params -----

-h,    --help, --usage                  print usage and exit
-t,    --threads N                      number of threads (default: -1)
                                        (env: LLAMA_ARG_THREADS)
-fa,   --flash-attn [on|off|auto]       use it or not (default: 'auto')
-ngl,  --gpu-layers, --n-gpu-layers N   how many layers, either a number, 'auto', or 'all'
-kvu,  --kv-unified, -no-kvu, --no-kv-unified
                                        one buffer for all
--metrics                               export metrics
--ranges START END                      two values
--draft N                               the argument has been removed. use --other
"""
LLAMA_SOURCE = """\
    add_opt(common_arg(
        {"-t", "--threads"}, "N",
        string_format("[(more)](x) %d", 1),
        [](common_params & params, int value) {
            params.n = value;
        }
    ).set_env("X"));
    add_opt(common_arg(
        {"-fa", "--flash-attn"}, "[on|off|auto]",
        "use it or not",
        [](common_params & params, const std::string & value) {
            params.f = value;
        }
    ));
    add_opt(common_arg(
        {"-ngl", "--gpu-layers", "--n-gpu-layers"}, "N",
        "how many",
        [](common_params & params, const std::string & value) {
            if (value == "auto") { params.n = -1; } else if (value == "all") { params.n = -2; }
            else { params.n = std::stoi(value); }
        }
    ));
    add_opt(common_arg(
        {"-kvu", "--kv-unified"},
        {"-no-kvu", "--no-kv-unified"},
        "one buffer",
        [](common_params & params, bool value) {
            params.k = value;
        }
    ));
    add_opt(common_arg(
        {"--metrics"},
        "export",
        [](common_params & params) {
            params.m = true;
        }
    ));
    add_opt(common_arg(
        {"--draft"}, "N",
        "the argument has been removed. use --other",
        [](common_params & params, int value) {
            throw;
        }
    ));
"""


def test_the_table_of_llama_cpp_follows_from_its_help_and_its_handlers() -> None:
    """A short negative form is left out: it would be read as the flag itself."""
    rows, removed = llama_cpp_table.rows(LLAMA_HELP, LLAMA_SOURCE.replace("--ranges", ""))
    by_name = {row["flags"][0]: row for row in rows}
    assert removed == {"draft": "use --other"}
    assert by_name["--threads"] | {"help": ""} == {
        "flags": ["--threads", "-t"], "dest": "threads", "action": "store", "type": "int", "help": "",
    }  # fmt: skip
    assert by_name["--flash-attn"]["choices"] == ["on", "off", "auto"]
    assert by_name["--gpu-layers"]["type"] == "int_or_word"
    assert by_name["--gpu-layers"]["known"] == ["auto", "all"]
    assert by_name["--kv-unified"]["flags"] == ["--kv-unified", "-kvu", "--no-kv-unified"]
    assert by_name["--kv-unified"]["action"] == "negatable"
    assert by_name["--metrics"]["action"] == "switch"
    assert "--help" not in by_name


TGI_HELP = """\
Options:
      --quantize <QUANTIZE>
          How the weights are quantized. More of it

          [env: QUANTIZE=]

          Possible values:
          - awq:      4 bit
          - fp8:      8 bit

  -p, --port <PORT>
          The port to listen on

          [env: PORT=]
          [default: 3000]

      --dtype <DTYPE>
          [possible values: float16, bfloat16]

      --json-output
          Outputs the logs in JSON format

  -h, --help
          Print help
"""


def test_the_table_of_tgi_follows_from_claps_help() -> None:
    assert list(tgi_table.rows(TGI_HELP)) == [
        {"flags": ["--quantize"], "dest": "quantize", "action": "store", "type": "str", "choices": ["awq", "fp8"],
         "help": "How the weights are quantized"},
        {"flags": ["--port", "-p"], "dest": "port", "action": "store", "type": "int", "minimum": 0,
         "help": "The port to listen on"},
        {"flags": ["--dtype"], "dest": "dtype", "action": "store", "type": "str", "choices": ["float16", "bfloat16"]},
        {"flags": ["--json-output"], "dest": "json_output", "action": "switch",
         "help": "Outputs the logs in JSON format"},
    ]  # fmt: skip


def test_what_people_added_to_a_table_stays(tmp_path: Path) -> None:
    """As long as the flag takes the same kind of value."""
    before = tmp_path / "before.json"
    port = {"dest": "port", "action": "store", "type": "int"}
    old: list[dict[str, Any]] = [port | {"minimum": 1}, {"dest": "a", "action": "switch"}]
    before.write_text(json.dumps({"flags": old}), encoding="utf-8")
    new: list[dict[str, Any]] = [port | {"minimum": 0}, {"dest": "b", "action": "switch"}]
    assert table.with_hand_kept(new, str(before)) == [new[0] | {"minimum": 1}, new[1]]
    changed = [{"dest": "port", "action": "store", "type": "str"}]
    assert table.with_hand_kept(changed, str(before)) == changed


def recorded_parser() -> argparse.ArgumentParser:
    """Return a parser with the flags of vLLM's as they were recorded, and converters that read what its ones do."""

    def human(text: str) -> int:
        return int(text[:-1]) * 1000 if text.endswith("k") else int(text)

    def human_or_auto(text: str) -> int:
        return -1 if text == "auto" else human(text)

    def text_or_json(text: str) -> Any:
        return json.loads(text) if text.startswith("{") else text

    kinds: dict[str, Any] = {
        "int": int, "float": float, "human_int": human, "human_int_or_auto": human_or_auto, "json": json.loads,
        "any": text_or_json, "str": str,
    }  # fmt: skip

    def converter(row: dict[str, Any]) -> Any:
        convert = kinds[row["type"]]
        return (lambda text: None if text == "None" else convert(text)) if row.get("none") else convert

    parser = argparse.ArgumentParser(add_help=True)
    for row in read_table("2026-11", "vllm.json")["flags"]:
        options: dict[str, Any] = {"dest": row["dest"], "help": row.get("help", "").replace("%", "%%") or None}
        if row["action"] == "negatable":
            positive = [f for f in row["flags"] if not f.startswith("--no-")]
            parser.add_argument(*positive, action=argparse.BooleanOptionalAction, **options)
        elif row["action"] == "switch":
            parser.add_argument(*row["flags"], action="store_true", **options)
        else:
            options |= {key: row[key] for key in ("nargs", "choices") if key in row}
            options |= {"action": "append"} if row["action"] == "append" else {}
            parser.add_argument(*row["flags"], type=converter(row), **options)
    return parser


def test_the_table_of_vllm_follows_from_its_parser() -> None:
    """Names, actions, types and choices of all 317 flags, from a parser with the recorded flags."""
    keys = ("dest", "action", "type", "choices", "nargs", "none")
    recorded = [r for r in read_table("2026-11", "vllm.json")["flags"]]
    found = list(vllm_table.rows(recorded_parser()))
    assert len(found) == len(recorded) == 317 - 1  # `--help`
    for row, now in zip(recorded, found, strict=True):
        assert {k: now.get(k) for k in keys} == {k: row.get(k) for k in keys}, row["flags"]
        assert set(now["flags"]) == set(row["flags"])


def test_recorded_flags_of_vllm_are_those_of_the_judge() -> None:
    """The table and the judge's record of the same parser name the same flags."""
    data = Path(__file__).parent / "oracles" / "data" / "vllm-0.32.0.json.gz"
    judged = {f for row in json.loads(gzip.decompress(data.read_bytes()))["args"] for f in row.get("flags", ())}
    assert judged - {"-h", "--help"} == {f for r in read_table("2026-11", "vllm.json")["flags"] for f in r["flags"]}


@pytest.mark.parametrize(("task", "refused"), [("embed", False), ("rerank", False), ("generate", True), (None, True)])
def test_what_a_model_is_for_is_what_the_spec_says_of_it(task: str | None, refused: bool) -> None:
    """A model outside the catalog generates text unless the spec says otherwise; Triton's ONNX backend does not."""
    spec: dict[str, Any] = {
        "apiVersion": "llmform/v1",
        "name": "hello",
        "models": {"own": {"source": f"hf://acme/own@{'a' * 40}", "size": "2Gi"} | ({"task": task} if task else {})},
        "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": 2}},
        "serving": {"own": {"model": "own", "pool": "l40s", "engine": "triton", "backend": "onnx"}},
        "targets": {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}},
    }
    found = compile_spec(json.dumps(spec).encode(), "spec.yaml")
    assert [d.code for d in found.diagnostics if d.is_error] == ["engine-cannot"] * refused
