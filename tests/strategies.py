"""Hypothesis strategies for everything that a property test draws."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from hypothesis import strategies as st

from components.graph import Node, kubernetes_object
from components.graph_json import encode_value
from specs.catalog.architecture import Architecture, Experts, LatentAttention
from specs.catalog.engines import ROLES
from specs.catalog.prices import prices
from specs.catalog.reader import NEWEST, Flag, engine_flags, load_edition
from specs.checks.engine_arguments import OWNED as OWNED_BY_ENGINE
from specs.checks.kserve import NOT_INSTALLED
from specs.checks.triton import SPLITS, TASKS
from specs.schema.policies import LEVELS, RANK
from stacks.compile import compile_spec
from tests import fitting
from tests.architectures import as_config, as_keys
from tests.memory_files import MemoryFiles

YAML_ALPHABET = "ab1 0.:-,?[]{}&*!|>'\"%@`#~<\\\n\r\t_éx😀\u2028"
"""Characters that mean something to a YAML reader, and a few that must not."""

YAML_WORDS = (
    "a: ", "b: ", "- ", "? ", ": ", "\n", "\n  ", "\n    ", "\r\n", "\t", "[", "]", "{", "}", ", ", "&x ", "*x", "*y ",
    "<<: ", "<<: *x", "|\n", ">-\n", "'", '"', "# c\n", "---\n", "...\n", "%TAG ! x\n", "!!str ", "! ", "yes", "12:30",
    "0x1F", "1e999", "true", "null", "12", "~", "\\ud83d\\ude00", "\\u0041", "é", "😀", "\0", "\ufeff",
)  # fmt: skip
"""Pieces of YAML: joined at random they are nearly right far more often than random characters are."""


def yaml_like_texts() -> st.SearchStrategy[str]:
    """Texts that look like YAML to a reader, most of them wrong."""
    words = st.lists(st.sampled_from(YAML_WORDS), max_size=40).map("".join)
    return words | st.text(YAML_ALPHABET, max_size=80)


def texts() -> st.SearchStrategy[str]:
    """Texts that can stand in a JSON string: no lone surrogates, and no DEL, which YAML refuses unescaped."""
    return st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=20)


def json_values() -> st.SearchStrategy[object]:
    """Values of JSON: numbers in 64 bits, keys of every kind, a few levels deep."""
    numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    scalars = st.none() | st.booleans() | numbers | texts()
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4), max_leaves=20
    )


def json_maps() -> st.SearchStrategy[dict[str, object]]:
    """Maps of JSON, as a spec is one."""
    return st.dictionaries(texts(), json_values(), max_size=6)


def json_texts() -> st.SearchStrategy[tuple[dict[str, object], str]]:
    """Maps with a text that writes them as JSON, escaped or not, on one line or indented by spaces or tabs."""
    indents: st.SearchStrategy[None | int | str] = st.sampled_from([None, 2, "\t"])
    return st.builds(lambda value, indent: (value, json.dumps(value, indent=indent)), json_maps(), indents)


# --- valid specs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """A spec as plain data, and the files beside it."""

    value: dict[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        """The spec as JSON; escaped, since YAML refuses some characters that JSON may write as they are."""
        return json.dumps(self.value).encode()

    @property
    def folder(self) -> MemoryFiles:
        """The files, as the compiler reads them."""
        return MemoryFiles(self.files)


EDITION = load_edition(NEWEST)
REVISIONS = st.from_regex(r"[a-f][0-9a-f]{39}", fullmatch=True)
# what is drawn by the thousand is one strategy, made (and checked by Hypothesis) once: hence `cache` below
RESERVED_NAMES = ("weights", "system", "weights-mirror")  # docs: names that llmform uses itself


@cache
def names() -> st.SearchStrategy[str]:
    """Names of entries: a DNS label that begins with a letter, at most 40 characters, not reserved."""
    some = st.from_regex(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True)
    usual = st.sampled_from(("chat", "l40s", "a", "x-1", "a" * 40, "hello", "embedder", "eu", "b-2-c"))
    # PyYAML, with which tests write specs, leaves `y` and `n` unquoted
    return (usual | some).filter(lambda n: n not in (*RESERVED_NAMES, "y", "n"))


@cache
def names_within(most: int) -> st.SearchStrategy[str]:
    """Names of entries of at most so many characters."""
    short = names().map(lambda n: n[:most].rstrip("-"))
    return short.filter(lambda n: n not in (*RESERVED_NAMES, "y", "n"))


NAME_LENGTHS = ((40, 20, 20), (20, 40, 20), (20, 20, 40))
"""Longest names of platform, target and environment: `<platform>.<environment>.<target>.site-0.foundation` is the name
of a stack, of at most 100 characters."""


@cache
def label_keys() -> st.SearchStrategy[str]:
    """Keys of labels that are nobody's own."""
    return st.sampled_from(("tier", "cost-center", "team.example/tier", "Team_1", "a.b"))


@cache
def label_values() -> st.SearchStrategy[str]:
    """Values of labels: at most 63 characters."""
    return st.sampled_from(("", "4711", "a", "A_b.c-1", "x" * 63)) | st.from_regex(
        r"[A-Za-z0-9]{1,8}", fullmatch=True
    ).filter(lambda v: v not in "yYnN")


@cache
def labels() -> st.SearchStrategy[dict[str, str]]:
    """A few labels."""
    return st.dictionaries(label_keys(), label_values(), max_size=3)


def optional(draw: st.DrawFn, into: dict[str, Any], key: str, values: st.SearchStrategy[Any]) -> None:
    """Set the key in half of the draws."""
    if draw(st.booleans()):
        into[key] = draw(values)


OWN_CONFIG = "own/config.json"
"""The file beside every spec whose models may name it."""

_TINY = Architecture("llama", 2, 64, 128, 4, 2, 16, 1000)
_MIXED = _TINY._replace(family="mixtral", window=256, experts=Experts(4, 2, 128, 2))
_LATENT = _TINY._replace(family="deepseek_v3", kv_heads=4, latent=LatentAttention(0, 16, 16, 8, 16))
OWN_ARCHITECTURES: tuple[dict[str, Any], ...] = (
    as_keys(_TINY) | {"dtype": "float16", "nativeContext": "32k"},
    as_keys(_LATENT) | {"vision": {"parameters": 1000, "dtype": "bfloat16"}, "nativeContext": 32768},
    as_keys(_MIXED)
    | {
        "positions": 0, "tiedEmbeddings": True, "attentionBias": True, "outputBias": True, "mlpBias": True,
        "gatedMlp": True, "qkNorm": True, "norms": 4, "fullLayers": 0, "addedEmbeddings": 0, "tokenTypes": 0,
        "normBias": True, "encoder": False, "pooler": False, "labels": 0, "noHead": False, "sinks": True,
        "crossLayers": 0, "nextTokenLayers": 0, "adapterRanks": 0, "nativeContext": "32k",
        "experts": {
            "total": 4, "active": 2, "intermediate": 128, "layers": 2, "sharedIntermediate": 128, "sharedGate": True,
            "routerBias": True, "expertBias": True,
        },
    },
)  # fmt: skip
"""What a spec may say of a model of one's own."""


def spans_of_tokens(longest: int) -> st.SearchStrategy[str | int]:
    """Numbers of tokens up to `longest`, as a number or with `k` (1,024)."""
    plain = st.integers(128, longest)
    return plain | st.integers(1, longest // 1024).map(lambda k: f"{k}k") if longest >= 1024 else plain


OF_VLLM = sorted(name for name, row in EDITION.models.items() if row.quantization != "gguf")
"""Models of the catalog that vLLM reads; the others are drawn with llama.cpp (`_on_cores`)."""


@st.composite
def models(draw: st.DrawFn) -> Any:
    """A model that the catalog knows, gated ones with a token, or another one with its size."""
    revision = draw(REVISIONS)
    long: dict[str, Any] = {}
    longest = 1_000_000
    if draw(st.booleans()):
        row = EDITION.models[draw(st.sampled_from(OF_VLLM))]
        repository, gated, longest = row.name, row.gated, row.native_context
        if draw(st.booleans()) and not gated and row.weight_bytes:
            return f"hf://{repository}@{revision}"
        if draw(st.booleans()) or not row.weight_bytes:
            long["size"] = draw(st.sampled_from(("1Gi", "15.2G", "500M")))
        optional(draw, long, "license", st.just(row.license))
    else:
        repository, gated = draw(st.sampled_from(("acme/own", "A.b/c_d-1"))), False
        optional(draw, long, "architecture", st.sampled_from((*OWN_ARCHITECTURES, {"config": OWN_CONFIG})))
        if draw(st.booleans()) or "architecture" not in long:
            long["size"] = draw(st.sampled_from(("1Gi", "15Gi", "141107M", "2Ti")))
        optional(draw, long, "license", st.sampled_from(("apache-2.0", "other", "llama3.1")))
        longest = 32_768 if "architecture" in long else longest
    if draw(st.booleans()):
        long |= {"source": f"hf://{repository}", "revision": revision}
    else:
        long |= {"source": f"hf://{repository}@{revision}"}
    if gated or draw(st.booleans()):
        long["token"] = {"secret": draw(st.sampled_from(("hf-token", "a", "hub.example")))}
    optional(draw, long, "contextLength", spans_of_tokens(longest))
    unknown = repository not in EDITION.models and "architecture" not in long
    optional(draw, long, "task", st.sampled_from(("generate", "embed")) if unknown else st.just(_task(long)))
    return long


def _hardware() -> tuple[tuple[str, str, int], ...]:
    """Return accelerator, type and GPUs of the instances that run the amd64 image and hold a server of all their GPUs.

    A server asks for 2 cores and 4 GiB, and for each GPU 1 core and 6 GiB; a node's own pods for 0.3 cores and 0.5 GiB.
    """
    return tuple(
        (i.accelerator, i.name, i.gpus)
        for i in EDITION.instances.values()
        if i.accelerator
        and i.gpus
        and i.arch == "amd64"
        and float(EDITION.accelerators[i.accelerator].compute_capability) >= 7.5  # vLLM's image has no older kernels
        and i.allocatable_cpu_millis >= (2 + i.gpus) * 1000 + 300
        and i.allocatable_memory_mib >= (4 + 6 * i.gpus) * 1024 + 512
    )


HARDWARE = _hardware()


@dataclass(frozen=True, slots=True)
class PoolDraw:
    """A pool and the GPUs that a node of it has at the least, for the servers on it."""

    value: dict[str, Any]
    gpus: int


@st.composite
def pools(draw: st.DrawFn, on_aws: bool, on_prem: bool) -> PoolDraw:
    """A pool that can be at these kinds of target; servers with up to `gpus` GPUs fit its nodes."""
    gpu = draw(st.sampled_from(sorted({row[0] for row in HARDWARE})))  # some have many types, others one
    accelerator, instance, gpus = draw(st.sampled_from([row for row in HARDWARE if row[0] == gpu]))
    value: dict[str, Any] = {"max": draw(st.integers(1, 30))}
    form = draw(st.sampled_from(("accelerator", "perNode", "instance", "both"))) if on_aws else "accelerator"
    if form != "instance" or on_prem:
        value["accelerator"] = accelerator
    if form in ("instance", "both"):
        value["instance"] = instance
    if form == "perNode" or (form == "accelerator" and draw(st.booleans())):
        value["perNode"] = gpus
    if form == "both" and (on_prem or draw(st.booleans())):
        value["perNode"] = gpus  # what the nodes on-prem have is not what an EC2 type has, unless the spec says so
    if form == "instance" and on_prem:
        value["perNode"] = gpus
    optional(draw, value, "min", st.integers(0, value["max"]))
    if on_aws:
        optional(
            draw,
            value,
            "capacity",
            st.lists(st.sampled_from(("spot", "on-demand")), min_size=1, max_size=2, unique=True),
        )
        optional(draw, value, "labels", labels())
    optional(draw, value, "taints", st.lists(taints(), max_size=2, unique_by=lambda t: str(t["key"])))
    return PoolDraw(value, gpus)


@st.composite
def taints(draw: st.DrawFn) -> dict[str, str]:
    """A taint of a pool."""
    value: dict[str, str] = {"key": draw(st.sampled_from(("team.example/reserved", "reserved", "a.b/c")))}
    optional(draw, value, "value", label_values())
    optional(draw, value, "effect", st.sampled_from(("NoSchedule", "NoExecute", "PreferNoSchedule")))
    return value


@st.composite
def stores(draw: st.DrawFn) -> dict[str, Any]:
    """An object store."""
    value: dict[str, Any] = {"kind": "object"}
    optional(draw, value, "versioned", st.booleans())
    optional(draw, value, "encrypted", st.booleans())
    optional(draw, value, "protect", st.booleans())
    optional(draw, value, "retention", st.sampled_from(("1d", "400d", "7y", "24h", "2160h")))
    return value


OWNED = {
    "model", "model-tag", "served-model-name", "revision", "tokenizer-revision", "code-revision", "download-dir",
    "host", "port", "uds", "max-model-len",
    "tensor-parallel-size", "shutdown-timeout", "api-key", "hf-token",
    "pipeline-parallel-size", "data-parallel-size", "data-parallel-size-local", "data-parallel-rank",
    "data-parallel-start-rank", "data-parallel-address", "enable-expert-parallel", "distributed-executor-backend",
    "nnodes", "node-rank", "master-addr", "master-port", "headless", "quantization",
}  # fmt: skip
"""Arguments that follow from other keys of the spec."""


def _free_flags() -> tuple[Flag, ...]:
    flags = {
        f.dest: f for f in engine_flags("vllm", EDITION.engines["vllm"]).values() if not f.deprecated and not f.negation
    }
    return tuple(f for f in flags.values() if not OWNED & set(f.names))


FLAGS = _free_flags()


@st.composite
def arguments(draw: st.DrawFn, sized: bool = False) -> dict[str, Any]:
    """Engine arguments from the recorded flags, each at most once; with `sized`, none that changes what fits."""
    free = tuple(f for f in FLAGS if not sized or f.name not in fitting.OF_MEMORY)
    chosen = draw(st.lists(st.sampled_from(free), max_size=4, unique_by=lambda f: f.dest))
    value: dict[str, Any] = {}
    for flag in chosen:
        name = flag.name
        if draw(st.booleans()):
            name = name.replace("-", "_")
        value[name] = draw(argument_values(flag))
    return with_partners(value)


def with_partners(args: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with those that vLLM takes only together."""
    dests = {name.replace("_", "-") for name in args}
    automatic = args.get("enable-auto-tool-choice") is True or args.get("enable_auto_tool_choice") is True
    return args | {"tool-call-parser": "hermes"} if automatic and "tool-call-parser" not in dests else args


def argument_values(flag: Flag) -> st.SearchStrategy[Any]:
    """Values that the flag takes."""
    if flag.type == "bool":
        return st.just(True) if flag.action == "switch" else st.booleans()
    one: st.SearchStrategy[Any]
    low = flag.minimum if flag.minimum is not None else flag.above if flag.above is not None else 0
    high = flag.maximum if flag.maximum is not None else low + 1000
    if (flag.choices or flag.known) and flag.type != "int_or_word":
        one = st.sampled_from(flag.choices or flag.known)
    elif flag.type in ("int", "human_int", "human_int_or_auto", "int_or_word"):
        one = st.integers(int(low) + (flag.above is not None), int(high))
    elif flag.type == "float":
        one = (
            st.floats(low, high, exclude_min=flag.above is not None, allow_subnormal=False)
            .map(lambda f: round(f, 3))
            .filter(lambda f: low <= f <= high and (flag.above is None or f > flag.above))
        )
    elif flag.type in ("json", "any"):
        one = st.dictionaries(st.sampled_from(("a", "b")), st.integers(0, 9) | st.sampled_from(("x", "é")), max_size=2)
    else:
        one = st.sampled_from(("a", "x=/y", "Ab-1"))
    if flag.nargs == "+" or flag.action == "append":
        return st.lists(one, min_size=1, max_size=3)
    return one


@cache
def environment_variables() -> st.SearchStrategy[dict[str, str]]:
    """Environment variables of the engine that hold no secret."""
    keys = st.sampled_from(("NCCL_DEBUG", "OMP_NUM_THREADS", "VLLM_LOGGING_LEVEL", "HOME", "_a1"))
    return st.dictionaries(keys, st.sampled_from(("", "INFO", "a b", "$(HOME)", "é😀", "1")), max_size=3)


@st.composite
def servers(draw: st.DrawFn, model: str, pool: str, gpus: int, replicas: int, sized: bool) -> dict[str, Any]:
    """A server of this model on this pool: replicas of `gpus` GPUs; with `sized`, whose size is computed."""
    value: dict[str, Any] = {"model": model, "pool": pool}
    optional(draw, value, "engine", st.just("vllm"))
    if replicas != 1 or draw(st.booleans()):
        value["replicas"] = replicas
    if gpus != 1 or draw(st.booleans()):
        value["parallelism"] = {"tensor": gpus} if gpus != 1 or draw(st.booleans()) else {}
    elif draw(st.booleans()):
        value["parallelism"] = "auto"
    optional(draw, value, "env", environment_variables())
    optional(draw, value, "args", arguments(sized))
    given = {name.replace("_", "-") for name in value.get("args", {})}
    if "max-num-seqs" not in given and not sized:
        optional(draw, value, "concurrency", st.integers(1, 300))
    elif sized:
        optional(draw, value, "concurrency", st.just(1))
    if "kv-cache-dtype" not in given:
        optional(draw, value, "kvCache", st.sampled_from(("auto", "fp8") if sized else ("auto",)))
    if draw(st.integers(0, 3)):
        value |= draw(promises())
    return value


@cache
def promises() -> st.SearchStrategy[dict[str, Any]]:
    """A load that any replica carries, with promises that it keeps; overlays may leave one replica."""
    traffic = {
        "requestsPerSecond": st.just(0.01),
        "inputTokens": st.integers(1, 64),
        "outputTokens": st.integers(1, 64),
    }
    latency = st.sampled_from(("10m", "600s")).map(lambda p95: {"p95": p95})
    objectives = st.fixed_dictionaries(
        {},
        optional={"availability": st.just("99.9%"), "timeToFirstToken": latency, "interTokenLatency": latency},
    )
    return st.fixed_dictionaries(
        {"allowSinglePoint": st.just(True)},
        optional={"traffic": st.fixed_dictionaries(traffic), "objectives": objectives},
    )


REGIONS = tuple(
    sorted(r for r in EDITION.regions if sum(letter in "abcdef" for letter in EDITION.regions[r].zones) >= 3)
)
ACCOUNTS = ("123456789012", "111111111111")


@cache
def apis() -> st.SearchStrategy[dict[str, Any]]:
    """Who reaches and administers a cluster's API."""
    networks = st.sampled_from(("198.51.100.0/24", "203.0.113.7/32", "10.0.0.0/8"))
    admins = st.sampled_from(("arn:aws:iam::123456789012:role/platform-admin", "arn:aws:iam::123456789012:user/a/b@c"))
    return st.fixed_dictionaries(
        {},
        optional={
            "allow": st.lists(networks, max_size=3, unique=True),
            "admins": st.lists(admins, max_size=2, unique=True),
        },
    )


def addons(*names: str) -> st.SearchStrategy[Any]:
    """Which operators llmform installs: all at once, or one by one."""
    states = st.sampled_from(("managed", "existing"))
    some = st.dictionaries(st.sampled_from(("default", *names)), states, max_size=3)
    # what llmform does not install can only be there
    there = st.dictionaries(st.sampled_from(NOT_INSTALLED), st.just("existing"), max_size=1)
    if "gpu-operator" in names:
        there = st.just({}) | st.just({"kserve": "existing"})
    return states | st.builds(lambda a, b: a | b, some, there)


@st.composite
def aws_targets(draw: st.DrawFn) -> dict[str, Any]:
    """An AWS region."""
    region = draw(st.sampled_from(REGIONS))
    letters = [letter for letter in EDITION.regions[region].zones if letter in "abcdef"]
    value: dict[str, Any] = {"provider": "aws", "region": region}
    named = st.lists(
        st.sampled_from([f"{region}{letter}" for letter in letters]), min_size=2, max_size=len(letters), unique=True
    )
    most = len(letters) - len(EDITION.regions[region].unsafe)
    optional(draw, value, "zones", st.integers(2, most) | named)
    optional(draw, value, "account", st.sampled_from(ACCOUNTS))
    network = {
        "cidr": st.sampled_from(("10.10.0.0/16", "172.16.16.0/20", "192.168.0.0/17")),
        "nat": st.sampled_from(("single", "per-zone")),
    }
    optional(draw, value, "network", st.fixed_dictionaries({}, optional=network))
    optional(draw, value, "api", apis())
    optional(draw, value, "protect", st.booleans())
    optional(draw, value, "addons", addons("karpenter", "nvidia-device-plugin", "lws"))
    return value


def _foundations(draw: st.DrawFn, value: dict[str, Any], files: dict[str, bytes]) -> None:
    """Give a target a foundation that exists, with a facts file; then what only llmform's own one has goes."""
    regions = [n for n, t in value["targets"].items() if t["provider"] == "aws"]
    if len(regions) < 2 and value.get("stores"):
        return  # its stores would have keys that do nothing anywhere
    for name in draw(st.sets(st.sampled_from(regions), max_size=1)) if regions else ():
        target = value["targets"][name]
        for key in ("zones", "network", "api", "protect"):
            target.pop(key, None)
        place = draw(st.sampled_from(("facts.yaml", f"facts/{name}.json")))
        target["foundation"] = {"existing": place}
        files[place] = json.dumps(facts(target, value)).encode()


def facts(target: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """Return all outputs of a foundation at the target."""
    account = target.get("account", "123456789012")
    return {
        "clusterName": "shared",
        "clusterArn": f"arn:aws:eks:{target['region']}:{account}:cluster/shared",
        "clusterEndpoint": f"https://0123456789ABCDEF.gr7.{target['region']}.eks.amazonaws.com",
        "clusterCertificateAuthority": "LS0tLS1CRUdJTg==",
        "clusterSecurityGroupId": "sg-0123456789abcdef0",
        "nodeRoleName": "shared-node",
        "nodeRoleArn": f"arn:aws:iam::{account}:role/shared-node",
        "nodeGroupRoleArn": f"arn:aws:iam::{account}:role/shared-group",
        "interruptionQueue": "shared-interruption",
        "vpcId": "vpc-0123456789abcdef0",
        "vpcCidr": "10.20.0.0/16",
        "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        **{f"bucket.{name}": f"acme-{name}" for name in ("weights", *value.get("stores", {}))},
    }


def _deliveries(draw: st.DrawFn, value: dict[str, Any]) -> None:
    """Say at some targets who delivers; GitOps where no pool has a managed node group."""
    kept = [n for n, pool in value["nodePools"].items() if pool.get("min")]
    for target in value["targets"].values():
        optional(draw, target, "delivery", st.sampled_from(("pulumi", "gitops")))
        if target["provider"] == "aws" and kept and target.get("delivery") == "gitops":
            target["overlay"] = {f"nodePools.{name}.min": 0 for name in kept}


@st.composite
def on_prem_targets(draw: st.DrawFn) -> dict[str, Any]:
    """A cluster of one's own."""
    context = draw(st.sampled_from(("dresden", "admin@lab", "x" * 253)))
    value: dict[str, Any] = {
        "provider": "on-prem",
        "kubeContext": context,
        "storage": {"shared": draw(st.sampled_from(("cephfs", "nfs.csi")))},
    }
    optional(draw, value, "addons", addons("gpu-operator", "lws"))
    return value


SITES = "sites.csv"
"""The file beside a spec whose edge target names it."""


@st.composite
def edge_targets(draw: st.DrawFn, name: str, files: dict[str, bytes]) -> dict[str, Any]:
    """A target of one to three sites, in the spec or in a file beside it, which goes into `files`."""
    rows = [
        {"name": f"site-{n}", "kubeContext": f"{name}-{n}", "zone": draw(st.sampled_from(("de-west", "A_b.c-1", "9")))}
        for n in range(draw(st.integers(1, 3)))
    ]
    value: dict[str, Any] = {"provider": "edge", "sites": rows, "cache": {"models": "90Ti"}}
    if draw(st.booleans()):
        files[SITES] = "\n".join(
            ["zone,name,kubeContext", *(f"{r['zone']},{r['name']},{r['kubeContext']}" for r in rows)]
        ).encode()
        value["sites"] = {"file": SITES}
    optional(draw, value, "offline", st.just({"max": "72h"}))
    optional(draw, value, "arch", st.sampled_from(("amd64", "arm64")))
    optional(draw, value, "require", st.just(["targets"]))
    return value


def _upstreams(draw: st.DrawFn, value: dict[str, Any]) -> None:
    """Name an AWS target as the upstream of an edge target, with or without a Secret of one's own."""
    hubs = [n for n, t in value["targets"].items() if t["provider"] == "aws"]
    for target in value["targets"].values():
        if target["provider"] == "edge" and hubs and draw(st.integers(0, 3)) > 0:
            target["upstream"] = draw(st.sampled_from(hubs))
            if draw(st.integers(0, 3)) > 0:
                target["credentials"] = {"secret": "hub-weights"}


def _named(draw: st.DrawFn, least: int, most: int, longest: int = 40) -> list[str]:
    """Draw names of entries; a section without any is rare, since what hangs on it is then not drawn either."""
    least = max(least, min(1, draw(st.integers(0, 7))))
    return draw(_name_lists(least, most, longest))


@cache
def _name_lists(least: int, most: int, longest: int) -> st.SearchStrategy[list[str]]:
    return st.lists(names_within(longest), min_size=least, max_size=most, unique=True)


@cache
def policies() -> st.SearchStrategy[dict[str, Any]]:
    """Levels of policies: raised without a word, or any level with a reason and an end."""
    days = st.dates().map(lambda day: day.isoformat())
    reasons = st.sampled_from(("until the new chart is out", "é😀"))
    any_level = st.fixed_dictionaries({"level": st.sampled_from(sorted(RANK)), "reason": reasons, "until": days})
    raised = st.fixed_dictionaries({"level": st.just("mandatory")}, optional={"until": days})
    return st.dictionaries(st.sampled_from(sorted(LEVELS)), any_level | raised, max_size=3)


def reviews(targets: list[str], environments: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Rules of review: a risk, a rise of costs or both, anywhere or at some places, that ask for labels or people."""
    change: dict[str, st.SearchStrategy[Any]] = {
        "risk": st.sampled_from(("in-place", "rolling", "replacing", "destructive")),
        "monthlyIncrease": st.sampled_from(("$0.50", "$5000", "$2k/month")),
    }
    consent: dict[str, st.SearchStrategy[Any]] = {
        "labels": st.lists(st.sampled_from(("approved", "costs: seen", "é😀")), min_size=1, max_size=2),
        "approvals": st.integers(1, 100),
    }
    places = {
        name: st.lists(st.sampled_from(there), min_size=1, unique=True)
        for name, there in (("targets", targets), ("environments", environments))
        if there
    }
    one = st.tuples(*(st.fixed_dictionaries({}, optional=part).filter(bool) for part in (change, consent)))
    rule = st.builds(
        lambda parts, narrowed: parts[0] | parts[1] | narrowed, one, st.fixed_dictionaries({}, optional=places)
    )
    return st.dictionaries(names(), rule, max_size=3)


@st.composite
def specs(draw: st.DrawFn, patched: bool = True, shared: bool = True) -> Written:
    """Any valid spec: every key of the schema, alone and together, with the files it names. A new key belongs in here.

    With `patched=False` there are no `patches`, which take a compilation to draw; with `shared=False` every target has
    a cluster of its own in each environment, which nobody else is in.
    """
    of_platform, of_target, of_environment = draw(st.sampled_from(NAME_LENGTHS))
    value: dict[str, Any] = {"apiVersion": "llmform/v1", "name": draw(names_within(of_platform))}
    optional(draw, value, "owner", label_values().filter(bool))
    optional(draw, value, "labels", labels())
    optional(draw, value, "edition", st.just("2026-11"))
    optional(draw, value, "policies", policies())
    beside: dict[str, bytes] = {}
    anywhere = aws_targets() | on_prem_targets() if shared else aws_targets()
    edge = shared and draw(st.integers(0, 3)) == 0
    # a site alone, or with others, of which one may be its upstream
    targets = {n: draw(anywhere) for n in _named(draw, draw(st.integers(1, 2)) if edge else 1, 3, of_target)}
    last = sorted(targets)[-1]
    if edge:
        targets[last] = draw(edge_targets(last, beside))
    kinds = {t["provider"] for t in targets.values()}
    on_prem = [n for n, t in targets.items() if t["provider"] == "on-prem"]
    for name in on_prem:  # two targets of one environment are two clusters
        targets[name]["kubeContext"] = f"{targets[name]['kubeContext'][:200]}-{name}"
    value["targets"] = targets
    drawn = {n: draw(pools("aws" in kinds, bool(kinds - {"aws"}))) for n in _named(draw, 0, 3)}
    value["nodePools"] = {n: p.value for n, p in drawn.items()}
    value["models"] = {n: draw(models()) for n in _named(draw, 0, 2)}
    value["serving"] = _serving(draw, value, drawn)
    _other_engines(draw, value)
    _triton(draw, value)
    _kserve(draw, value)
    _quantized(draw, value)
    _sharing(draw, value)
    _on_cores(draw, value, "aws" in kinds)
    for name in _named(draw, 0, 2) if "aws" in kinds else ():
        value.setdefault("stores", {})[name] = draw(stores())
    if "aws" in kinds:
        optional(draw, value, "protect", st.booleans())
    files = _manifests(draw, value) | beside
    files[OWN_CONFIG] = json.dumps(as_config(_TINY) | {"torch_dtype": "bfloat16"}).encode()
    for target in targets.values():
        overlay: dict[str, Any] = {}
        if draw(st.booleans()):
            overlay = draw(overlays(value, (), removes=False))
        if target["provider"] != "aws":
            _overlay_on_prem(draw, value, overlay)
        if draw(st.booleans()) or overlay:
            target["overlay"] = overlay
    _upstreams(draw, value)
    if shared:
        _foundations(draw, value, files)
    _deliveries(draw, value)
    _images(draw, value, files)
    _moved(draw, value)
    if draw(st.booleans()):
        value["environments"] = _environments(draw, value, of_environment)
    optional(
        draw, value, "review", reviews(sorted(value["targets"]), sorted(value.get("environments", {"default": {}})))
    )
    if "environments" in value:
        met = [n for n, t in targets.items() if n in on_prem or "foundation" in t]
        for name in met if len(value["environments"]) > 1 else ():
            targets[name]["addons"] = "existing"  # a cluster has an operator once
            files |= namespaced_only(files)
    for key in ("models", "nodePools", "serving"):
        if not value[key] and draw(st.booleans()):
            del value[key]
    _budget(draw, value, "aws" in kinds)
    _prices(draw, value, files)
    written = Written(value, files)
    if patched and draw(st.booleans()):
        compiled = compile_spec(written.data, "spec.json", written.folder).compilation
        nodes = tuple(n for s in compiled.stacks for n in s.graph.nodes) if compiled else ()
        written = draw(adoptions(written, nodes))
        written = Written(written.value | {"patches": draw(patches(nodes))}, written.files)
    return written


def _budget(draw: st.DrawFn, value: dict[str, Any], on_aws: bool) -> None:
    """Say what an environment may cost, and who is told where AWS is there to tell."""
    amounts = st.sampled_from(("$150000", "$2k", "$0.50/month", "$1.5M"))
    shares = st.sampled_from(("50%", "80%", "100%", "110.5%"))
    budget: dict[str, Any] = {"monthly": draw(amounts)}
    optional(draw, budget, "failAbove", shares)
    if on_aws and draw(st.booleans()):
        topics = st.sampled_from(
            ("arn:aws:sns:us-east-1:123456789012:finops", "arn:aws:sns:eu-west-1:123456789012:a_B")
        )
        told: dict[str, Any] = {"emails": draw(st.lists(st.sampled_from(("finops@acme.example", "a+b@c")), max_size=2))}
        optional(draw, told, "topic", topics)
        if told["emails"] or "topic" in told:
            budget["alertTo"] = told
            budget["alertAt"] = draw(st.lists(shares, min_size=1, max_size=4, unique=True))
    for name in sorted(value.get("models", {})):
        own = st.fixed_dictionaries({"monthly": amounts}, optional={"failAbove": shares})
        optional(draw, budget.setdefault("models", {}), name, own)
    if draw(st.booleans()):
        value["budget"] = budget


def _prices(draw: st.DrawFn, value: dict[str, Any], files: dict[str, bytes]) -> None:
    """Give some targets a price sheet: one for each region, one for all places of one's own."""
    for target in value["targets"].values():
        if not draw(st.booleans()):
            continue
        sheet: dict[str, Any] = {"asOf": "2026-11-01", "source": "agreement no. 4711"}
        if target["provider"] == "aws":
            place, sheet["region"] = f"prices/{target['region']}.json", target["region"]
            spot = {"usd": "0.5", "asOf": "2026-10-01", "source": "an offer"}
            sheet["instances"] = {n: {"onDemand": "1.25", "spot": spot} for n in sorted(EDITION.instances)}
            sheet["services"] = {name: "0.01" for name in sorted(prices())}
        else:
            place = "prices/own.yaml"
            sheet["nodes"] = {name: {"usdPerHour": 2.5} for name in value.get("nodePools", {})}
        target["prices"] = place
        files[place] = json.dumps(sheet).encode()


def _serving(draw: st.DrawFn, value: dict[str, Any], drawn: dict[str, PoolDraw]) -> dict[str, Any]:
    """Draw servers that fit their pools; each has nodes of its own, so that any of them may be removed or shrunk."""
    found: dict[str, Any] = {}
    left = {n: p.value["max"] for n, p in drawn.items()}
    for name in _named(draw, 0, 3):
        places = [n for n, nodes in left.items() if nodes]
        if not places or not value["models"]:
            break
        pool = draw(st.sampled_from(places))
        held = [m for m in sorted(value["models"]) if _held(value["models"][m], drawn[pool].value)]
        if not held:
            continue
        model = draw(st.sampled_from(held))
        if any(t["provider"] == "edge" for t in value["targets"].values()):  # a model is on one box of a site
            pool = next((s["pool"] for s in found.values() if s["model"] == model), pool)
            if pool not in places:
                continue
        # one GPU where the pool leaves open what its nodes have: the smallest node that EC2 offers then holds it
        fixed = "perNode" in drawn[pool].value or "instance" in drawn[pool].value
        gpus = draw(st.integers(1, drawn[pool].gpus)) if fixed else 1
        replicas = draw(st.integers(1, min(left[pool], 4)))
        size = fitting.known(value["models"][model], _TINY)
        if size is not None and not fitting.fits(size, drawn[pool].value, (gpus, 1, 1, False)):
            gpus = 1
            if not fitting.fits(size, drawn[pool].value, (gpus, 1, 1, False)):
                continue
        left[pool] -= replicas
        found[name] = draw(servers(model, pool, gpus, replicas, size is not None))
        if fixed and drawn[pool].gpus >= 2 and draw(st.integers(0, 3)):  # two GPUs of a node
            splits = SPLIT_FURTHER
            if size is not None:  # layers in two halves, or four tiny experts
                tiny = size.architecture.layers == 2
                splits = splits[: 3 if tiny and size.architecture.experts is not None else 1 if tiny else 0]
            if splits:
                found[name]["parallelism"] = draw(st.sampled_from(splits))
        optional(
            draw, found[name], "targets", st.lists(st.sampled_from(sorted(value["targets"])), min_size=1, unique=True)
        )
    return found


def _held(model: Any, pool: dict[str, Any]) -> bool:
    """Say whether one GPU of the pool holds the model, or nobody knows."""
    size = fitting.known(model, _TINY)
    return size is None or fitting.fits(size, pool, (1, 1, 1, False))


SPLIT_FURTHER: tuple[dict[str, Any], ...] = (
    {"pipeline": 2}, {"data": 2, "expert": True}, {"tensor": 2, "pipeline": 1, "expert": True},
)  # fmt: skip
"""Splits that vLLM alone has."""


def _of_vllm(server: dict[str, Any]) -> bool:
    return server.get("parallelism") in SPLIT_FURTHER


def _free_flags_of(engine: str) -> tuple[Flag, ...]:
    known = engine_flags(engine, EDITION.engines[engine])
    owned = set(OWNED_BY_ENGINE[engine])
    flags = {f.dest: f for f in known.values() if not f.deprecated and not f.negation and not owned & set(f.names)}
    return tuple(f for f in flags.values() if f.name != "rope-scaling")  # which needs another one beside it


FREE_FLAGS = {engine: _free_flags_of(engine) for engine in ("tgi", "llama-cpp", "triton")}


@st.composite
def arguments_of(draw: st.DrawFn, engine: str) -> dict[str, Any]:
    """Arguments of an engine other than vLLM, each at most once."""
    chosen = draw(st.lists(st.sampled_from(FREE_FLAGS[engine]), max_size=4, unique_by=lambda f: f.dest))
    return {f.name: draw(argument_values(f)) for f in chosen}


def _repository(model: Any) -> str:
    source = model if isinstance(model, str) else model["source"]
    return str(source).removeprefix("hf://").partition("@")[0]


def _task(model: Any) -> str:
    """Return what a drawn model is for: what it says, else what the catalog says, else generate."""
    row = EDITION.models.get(_repository(model))
    said = None if isinstance(model, str) else model.get("task")
    return said or (row.task if row is not None else "generate")


def _other_engines(draw: st.DrawFn, value: dict[str, Any]) -> None:
    """Give some servers TGI, or an image of one's own."""
    for server in value["serving"].values():
        if _of_vllm(server):
            continue
        model = value["models"][server["model"]]
        row = EDITION.models.get(_repository(model))
        engine = draw(st.sampled_from(("vllm", "vllm", "tgi", "custom")))
        if engine == "tgi" and _task(model) == "generate" and (row is None or row.quantization == ""):
            server["engine"] = engine
            for key in ("args", "objectives", "concurrency", "kvCache", "traffic"):
                server.pop(key, None)
            optional(draw, server, "args", arguments_of(engine))
            optional(draw, server, "concurrency", st.integers(1, 64))
            optional(draw, server, "kvCache", st.sampled_from(("auto", "fp8")))
            if server.get("kvCache") == "fp8":
                server.get("args", {}).pop("kv-cache-dtype", None)
            if "concurrency" in server:
                server.get("args", {}).pop("max-batch-size", None)
        elif engine == "custom":
            server |= {"engine": engine, "image": draw(st.sampled_from(IMAGES))}
            server.pop("args", None)
            optional(draw, server, "args", st.just({"workers": 1, "verbose": True, "tag": ["a", "b"]}))
            optional(draw, server, "port", st.sampled_from((1024, 9000, 65535)))
            optional(draw, server, "healthPath", st.sampled_from(("/", "/ready", "/v1/health-z")))
            optional(draw, server, "metrics", st.fixed_dictionaries({}, optional=METRICS))
            for key in ("concurrency", "kvCache", "traffic", "objectives"):
                server.pop(key, None)
            if {"requests", "errors"} <= set(server.get("metrics", ())) and draw(st.booleans()):
                server |= {"objectives": {"availability": "99.9%"}, "allowSinglePoint": True}


def _triton(draw: st.DrawFn, value: dict[str, Any]) -> None:
    """Give some servers Triton, with a backend that serves their model."""
    for server in value["serving"].values():
        if "engine" in server or _of_vllm(server) or draw(st.integers(0, 2)):
            continue
        model = value["models"][server["model"]]
        row, task = EDITION.models.get(_repository(model)), _task(model)
        if row is not None and row.quantization == "gguf":
            continue
        able = [b for b, tasks in TASKS.items() if task in tasks]
        if row is not None and not row.architecture.encoder and task != "generate":
            able = ["python"]
        if server.get("parallelism", "auto") != "auto" and server["parallelism"].get("tensor", 1) > 1:
            able = [b for b in able if "tensor" in SPLITS[b]]
        server |= {"engine": "triton", "backend": draw(st.sampled_from(able))}
        for key in ("concurrency", "kvCache", "traffic", "objectives"):
            server.pop(key, None)
        if server["backend"] == "python":
            server["image"] = draw(st.sampled_from(IMAGES))
        server.pop("args", None)
        optional(draw, server, "args", arguments_of("triton"))
        optional(draw, server, "concurrency", st.integers(1, 64))


def _quantized(draw: st.DrawFn, value: dict[str, Any]) -> None:
    """Say of some models in which format they are served."""
    for name, model in value["models"].items():
        size = fitting.known(model, _TINY)
        servers = [s for s in value["serving"].values() if s["model"] == name]
        if isinstance(model, str) or size is None or any("engine" in s and s["engine"] != "vllm" for s in servers):
            continue
        newer = all(fitting.capability(value["nodePools"][s["pool"]]) >= fitting.AT_LOAD_CAPABILITY for s in servers)
        formats = ["none", "fp8"] if newer else ["none"]
        optional(
            draw,
            model,
            "quantization",
            st.sampled_from(
                [size.quantization.partition("-")[0] or "none", *(formats if not size.quantization else ())]
            ),
        )


def _sharing(draw: st.DrawFn, value: dict[str, Any]) -> None:
    """Share the GPUs of some pools whose servers need a part of one."""
    providers = {t["provider"] for t in value["targets"].values()}
    for name, pool in value["nodePools"].items():
        servers = [s for s in value["serving"].values() if s["pool"] == name]
        sizes = [fitting.known(value["models"][s["model"]], _TINY) for s in servers]
        split = any(s.get("parallelism", "auto") not in ("auto", {}, {"tensor": 1}) for s in servers)
        small = all(z is None or z.architecture.layers == 2 for z in sizes)
        if "edge" in providers or split or not small or draw(st.booleans()):
            continue
        mig = fitting.slices(pool)
        if providers == {"on-prem"} and mig:
            pool["sharing"] = {"mode": "mig", "profile": draw(st.sampled_from(mig))}
        elif providers == {"on-prem"} or _holds_twice(pool):
            pool["sharing"] = draw(
                st.sampled_from(
                    ({"mode": "mps", "replicas": 2}, {"mode": "time-slicing", "replicas": 2}, {"mode": "none"})
                )
            )


def _holds_twice(pool: dict[str, Any]) -> bool:
    """Say whether the pool's instance type holds a pod for each half of a GPU: 3 cores and 10 GiB each."""
    row = EDITION.instances.get(pool.get("instance", ""))
    return row is not None and (
        row.allocatable_cpu_millis >= 6000 * row.gpus + 300 and row.allocatable_memory_mib >= 20480 * row.gpus + 512
    )


def _kserve(draw: st.DrawFn, value: dict[str, Any]) -> None:
    """Let KServe run some servers of vLLM, where it is at every target."""
    targets = value["targets"].values()
    if any(t["provider"] == "edge" for t in targets) or not draw(st.integers(0, 3)):
        return
    for server in value["serving"].values():
        if server.get("engine", "vllm") == "vllm" and not _of_vllm(server) and draw(st.booleans()):
            server["runtime"] = "kserve"
    for target in targets:
        given = target.get("addons", {})
        target["addons"] = ({"default": given} if isinstance(given, str) else given) | {"kserve": "existing"}


METRICS = {role: st.sampled_from((f"own:{role}", "_a1")) for role in ROLES}

IMAGES = ("registry.example/chat:1.4.0", "ghcr.io/a/b@sha256:" + "0" * 64, "localhost:5000/x:v1@sha256:" + "f" * 64)

GGUF = "Qwen/Qwen2.5-1.5B-Instruct-GGUF"


def _on_cores(draw: st.DrawFn, value: dict[str, Any], on_aws: bool) -> None:
    """Add a server of llama.cpp on nodes without GPU, with a model and a pool of its own."""
    taken = {*value["models"], *value["nodePools"], *value["serving"]}
    name = draw(names())
    if name in taken or draw(st.integers(0, 2)):
        return
    revision = draw(REVISIONS)
    file = draw(st.sampled_from(sorted(EDITION.models[GGUF].files)))
    model: dict[str, Any] = {"source": f"hf://{GGUF}@{revision}", "file": file}
    optional(draw, model, "sha256", st.just("0123456789abcdef" * 4))
    optional(draw, model, "contextLength", st.sampled_from(("2k", "8k")))
    pool: dict[str, Any] = {"accelerator": "none", "max": draw(st.integers(1, 3))}
    if on_aws and draw(st.booleans()):
        pool["instance"] = draw(st.sampled_from(("c7i.2xlarge", "m7i.2xlarge")))
    if "instance" not in pool or draw(st.booleans()) or any(t["provider"] != "aws" for t in value["targets"].values()):
        pool |= {"cores": draw(st.integers(4, 8)), "memory": draw(st.sampled_from(("14Gi", "16G")))}
    # what stays of 4 cores beside the node's system is one each for 3 replicas; 13 GB hold 2 of 4 GB
    server: dict[str, Any] = {"model": name, "pool": name, "engine": "llama-cpp"}
    optional(draw, server, "replicas", st.integers(1, 2))
    optional(draw, server, "concurrency", st.integers(1, 2))
    optional(draw, server, "args", arguments_of("llama-cpp"))
    value["models"][name], value["nodePools"][name], value["serving"][name] = model, pool, server


def _overlay_on_prem(draw: st.DrawFn, value: dict[str, Any], overlay: dict[str, Any]) -> None:
    """Take away what a cluster of one's own does not have."""
    for name in value.get("stores", {}):
        overlay.pop(f"stores.{name}", None)
        overlay[f"stores.{name}"] = None
    for name, pool in value["nodePools"].items():
        if pool.get("min"):
            overlay |= draw(st.sampled_from(({f"nodePools.{name}.min": 0}, {f"nodePools.{name}.min": None})))


def _manifests(draw: st.DrawFn, value: dict[str, Any]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for name in _named(draw, 0, 2):
        key = draw(st.sampled_from(("dir", "file")))
        file = f"{name}.d/a.yaml" if key == "dir" else f"{name}.json"
        objects: list[dict[str, Any]] = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"{name}-of-mine"},
                "data": {"a": draw(texts())},
            }
        ]
        objects.append(
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 1}
        )
        files[file] = "\n---\n".join(json.dumps(o) for o in objects).encode()
        entry: dict[str, Any] = {key: f"{name}.d/" if key == "dir" else file}
        optional(draw, entry, "targets", st.lists(st.sampled_from(sorted(value["targets"])), min_size=1, unique=True))
        value.setdefault("manifests", {})[name] = entry
    return files


def namespaced_only(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files without objects of the whole cluster, which two environments in one cluster cannot both have."""
    return {name: text.partition(b"\n---\n")[0] for name, text in files.items()}


REGISTRIES = ("123456789012.dkr.ecr.us-east-1.amazonaws.com/llm", "registry.example:5000", "a", "ghcr.io/a/b_c/d--e")


def _images(draw: st.DrawFn, value: dict[str, Any], files: dict[str, bytes]) -> None:
    """Take images from a registry of one's own, with a lock or without, and bake the weights of some models."""
    if not value["models"] or not draw(st.booleans()):
        return
    images = value["images"] = {"registry": draw(st.sampled_from(REGISTRIES))}
    if draw(st.booleans()):
        images["lock"] = draw(st.sampled_from(("images.lock", "locks/images.yaml")))
        reference = f"{images['registry']}/vllm:{EDITION.engines['vllm']}-{EDITION.name}"
        known = {"reference": reference, "digest": draw(st.sampled_from((None, f"sha256:{'0a' * 32}")))}
        if draw(st.booleans()):
            files[images["lock"]] = json.dumps(draw(st.sampled_from(({}, {"vllm": known})))).encode()
    for name, model in value["models"].items():
        served = [s for s in value["serving"].values() if s["model"] == name]
        by_others = any(s.get("runtime") == "kserve" or s.get("backend") == "onnx" for s in served)
        where = draw(st.sampled_from(("mirrored", "baked", None)))
        if where and not by_others:
            value["models"][name] = ({"source": model} if isinstance(model, str) else model) | {"weights": where}


def _moved(draw: st.DrawFn, value: dict[str, Any]) -> None:
    moved: dict[str, str] = {}
    for section in ("models", "nodePools", "stores", "serving"):
        entries: list[str] = sorted(value.get(section, {}))
        old: str = draw(names())
        if entries and old not in entries and draw(st.booleans()):
            moved[f"{section}.{old}"] = f"{section}.{draw(st.sampled_from(entries))}"
    if moved:
        value["moved"] = moved


def _environments(draw: st.DrawFn, value: dict[str, Any], longest: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    # two environments on one cluster must not both install an operator or claim one object of the user's own
    most = 1 if any(t["provider"] == "on-prem" for t in value["targets"].values()) else 3
    for name in _named(draw, 1, most, longest):
        entry: dict[str, Any] = {}
        optional(draw, entry, "targets", st.lists(st.sampled_from(sorted(value["targets"])), min_size=1, unique=True))
        for target in list(entry.get("targets", ())):  # sites are planned with what they fetch from
            upstream = value["targets"][target].get("upstream")
            if upstream and upstream not in entry["targets"]:
                entry["targets"].append(upstream)
        if draw(st.booleans()):
            entry["overlay"] = draw(overlays(value, tuple(entry.get("targets", value["targets"]))))
        found[name] = entry
    return found


@st.composite
def overlays(draw: st.DrawFn, value: dict[str, Any], targets: tuple[str, ...], removes: bool = True) -> dict[str, Any]:
    """An overlay of an environment with these targets that leaves the spec valid; a target's own with `removes=False`.

    A target's does not remove entries: what is gone there, an environment's overlay can no longer change.
    """
    gone: st.SearchStrategy[Any] = st.none() if removes else st.nothing()
    overlay: dict[str, Any] = {}
    optional(draw, overlay, "owner", label_values().filter(bool))
    optional(draw, overlay, "labels", st.dictionaries(label_keys(), st.none() | label_values(), max_size=2))
    optional(draw, overlay, "policies", policies())
    for name, pool in value["nodePools"].items():
        change = st.fixed_dictionaries({}, optional={"max": st.integers(pool["max"], 40), "taints": st.just([])})
        optional(draw, overlay, f"nodePools.{name}", change)
    for name, server in value["serving"].items():
        fewer = {"replicas": st.just(1), "env": st.just({"OMP_NUM_THREADS": "2", "HOME": None}), "args": st.none()}
        optional(draw, overlay, f"serving.{name}", gone | st.fixed_dictionaries({}, optional=fewer))
        if f"serving.{name}" not in overlay and "replicas" in server:
            optional(draw, overlay, f"serving.{name}.replicas", st.just(1))
    for name in value.get("stores", {}):
        if all(value["targets"][t]["provider"] == "aws" for t in targets):
            optional(
                draw, overlay, f"stores.{name}", gone | st.just({"retention": "30d"}) | st.just({"retention": None})
            )
    for name in value.get("manifests", {}):
        if removes:
            optional(draw, overlay, f"manifests.{name}", gone)
    for name in targets:
        target = value["targets"][name]
        different: dict[str, Any] = {"storage": {"shared": "other"}, "addons": "existing"}
        if target["provider"] == "aws":
            different = {
                "account": "222222222222",
                "network": {"nat": "per-zone"},
                "api": {"admins": []},
                "addons": "managed",
                "protect": False,
            }
        if target["provider"] == "edge":
            different = {"cache": {"models": "95Ti"}, "offline": {"max": "1h"}}
        if "foundation" in target:
            different = {"addons": "existing"}
        some = {key: st.just(item) for key, item in different.items()}
        optional(draw, overlay, f"targets.{name}", st.fixed_dictionaries({}, optional=some))
    return overlay


@st.composite
def adoptions(draw: st.DrawFn, written: Written, compiled: tuple[Node, ...]) -> Written:
    """The spec with adoptions of what can have one id in all environments: what AWS names, and objects of one's own.

    `compiled` is what the spec has been compiled to.
    """
    nodes = {n.id: n for n in compiled}
    ids = sorted(
        i
        for i, n in nodes.items()
        if i.startswith(("network/Vpc/", "network/Subnet/")) or n.inputs.get("kind") == "PriorityClass"
    )
    adopt: dict[str, Any] = {}
    files = dict(written.files)
    drawn: list[str] = draw(st.lists(st.sampled_from(ids), max_size=2, unique=True)) if ids else []
    own = [i for i in ids if i not in drawn and i.startswith("manifests.")]
    if draw(st.booleans()) and own:  # among the many subnets they would be rare
        drawn.append(draw(st.sampled_from(own)))
    for node in drawn:
        if nodes[node].type.startswith("aws:"):
            kind = "vpc" if node.startswith("network/Vpc/") else "subnet"
            adopt[node] = draw(st.sampled_from((f"{kind}-0123456789abcdef0", f"{kind}-01234567")))
            continue
        adopt[node] = {"id": nodes[node].inputs["metadata"]["name"]}
        if draw(st.booleans()):
            files["live.json"] = json.dumps(encode_value(nodes[node].inputs)).encode()
            adopt[node]["object"] = "live.json"
            break  # one file, one object
    return Written(written.value | ({"adopt": adopt} if adopt else {}), files)


@st.composite
def patches(draw: st.DrawFn, nodes: tuple[Node, ...]) -> list[dict[str, Any]]:
    """Patches of some of the nodes; each changes something wherever its node is."""
    unfit = {n.id for n in nodes if not _can_be_patched(n)}
    ids = sorted({n.id: n for n in nodes if n.id not in unfit})
    if not ids:
        return []
    by_id = {n.id: n for n in nodes}
    found = []
    for match in draw(st.lists(st.sampled_from(ids), max_size=2, unique=True)):
        patch: dict[str, Any] = {"match": match}
        if not kubernetes_object(by_id[match]):
            patch["merge"] = {"tags": {"example.com/patched": "yes"}}
        elif draw(st.booleans()):
            patch["merge"] = {"metadata": {"annotations": {"example.com/patched": draw(texts().filter(bool))}}}
        else:
            patch["json"] = list(_OPERATIONS[: draw(st.integers(1, len(_OPERATIONS)))])
        found.append(patch)
    return found


_LABEL = "/metadata/labels/example.com~1"
_OPERATIONS: tuple[dict[str, Any], ...] = (
    {"op": "add", "path": f"{_LABEL}a", "value": "1"},
    {"op": "copy", "path": f"{_LABEL}b", "from": f"{_LABEL}a"},
    {"op": "replace", "path": f"{_LABEL}a", "value": "2"},
    {"op": "test", "path": f"{_LABEL}a", "value": "2"},
    {"op": "move", "path": f"{_LABEL}c", "from": f"{_LABEL}b"},
    {"op": "remove", "path": f"{_LABEL}c"},
)
"""All operations of RFC 6902; the first of them, and so any beginning of the list, changes a node."""


def _can_be_patched(node: Node) -> bool:
    if kubernetes_object(node):
        return bool(node.inputs.get("metadata", {}).get("labels"))
    return isinstance(node.inputs.get("tags"), Mapping)
