"""The catalog: every file is typed and consistent, and facts that plans rest on are as they were recorded."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError
from datetime import date
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from types import UnionType
from typing import Any, get_type_hints

import pytest

from specs.catalog import reader
from specs.catalog.reader import (
    EDITIONS,
    NEWEST,
    Chart,
    Edition,
    Flag,
    Image,
    Pin,
    check_argument,
    engine_flags,
    find_flag,
    kinds,
    load_edition,
    merge_keys,
    removed_flags,
    replacement,
)

CATALOG = Path(reader.__file__).parent
FILES = sorted(CATALOG.rglob("*.json"))
MUTABLE = {"enableConfigMapMutable": True, "enableSecretMutable": True}


@pytest.fixture(params=EDITIONS)
def edition(request: pytest.FixtureRequest) -> Edition:
    return load_edition(request.param)


# ---- the files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CATALOG)))
def test_every_file_begins_with_its_date_and_source(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert list(document)[:2] == ["as_of", "source"]
    assert date.fromisoformat(document["as_of"]) <= date(2026, 11, 21)
    assert document["source"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CATALOG)))
def test_every_row_has_a_line_of_its_own_and_no_key_comes_twice(path: Path) -> None:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]
        return dict(pairs)

    text = path.read_text(encoding="utf-8")
    document = json.loads(text, object_pairs_hook=once)
    rows = sum(len(value) for value in document.values() if isinstance(value, dict | list))
    assert text.count("\n    ") == rows


def test_the_files_of_an_edition_are_all_there() -> None:
    engines = {"engines", "vllm", "triton", "tgi", "llama_cpp"}
    wanted = {"edition", "accelerators", "instances", "regions", "models", *engines}
    for name in EDITIONS:
        assert {path.stem for path in (CATALOG / name).glob("*.json")} == wanted


# ---- the edition -----------------------------------------------------------------------------------


def test_the_newest_edition_is_the_last_one() -> None:
    assert NEWEST == max(EDITIONS) == EDITIONS[-1]


def test_an_unknown_edition_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="2019-01"):
        load_edition("2019-01")


def test_an_edition_is_loaded_once_and_cannot_be_changed(edition: Edition) -> None:
    assert load_edition(edition.name) is edition
    with pytest.raises(FrozenInstanceError):
        edition.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        edition.addons["vpc-cni"] = edition.addons["coredns"]  # type: ignore[index]


def test_the_default_kubernetes_version_is_in_standard_support(edition: Edition) -> None:
    assert edition.eks.support(edition.as_of) == "standard"


def test_support_of_a_version_ends_at_the_start_of_the_day() -> None:
    version = load_edition("2026-11").eks_versions["1.35"]
    assert version.support(date(2026, 1, 27)) == "none"
    assert version.support(date(2027, 3, 26)) == "standard"
    assert version.support(date(2027, 3, 27)) == "extended"
    assert version.support(date(2028, 3, 26)) == "extended"
    assert version.support(date(2028, 3, 27)) == "none"


def test_support_lasts_fourteen_months_and_twelve_more(edition: Edition) -> None:
    for version in edition.eks_versions.values():
        months = (version.standard_until.year - version.released.year) * 12
        months += version.standard_until.month - version.released.month
        assert months == 14, version.version
        assert version.extended_until == version.standard_until.replace(year=version.standard_until.year + 1)


def test_versions_are_exact(edition: Edition) -> None:
    for name, pin in edition.addons.items():
        assert re.fullmatch(r"v\d+\.\d+\.\d+-eksbuild\.\d+", pin.version), name
    for name, chart in edition.charts.items():
        assert re.fullmatch(r"v?\d+\.\d+\.\d+", chart.version), name
        assert chart.repository.startswith(("oci://", "https://")), name
    for name, image in edition.images.items():
        assert image.tag not in ("", "latest"), name
        assert image.digest is None or re.fullmatch(r"sha256:[0-9a-f]{64}", image.digest), name


def test_kube_proxy_and_the_node_image_are_of_the_clusters_minor_version(edition: Edition) -> None:
    minor = edition.eks.version
    assert edition.addons["kube-proxy"].version.startswith(f"v{minor}.")
    assert re.fullmatch(rf"{re.escape(minor)}\.\d+-\d{{8}}", edition.ami.release_version)


def test_karpenter_and_managed_groups_take_the_same_ami_release(edition: Edition) -> None:
    family, _, day = edition.ami.karpenter_alias.partition("@v")
    assert family == edition.ami.family.lower() == "al2023"
    assert edition.ami.release_version.endswith(f"-{day}")


def test_the_add_ons_that_a_gpu_cluster_needs_are_pinned(edition: Edition) -> None:
    assert set(edition.addons) == {
        "vpc-cni",
        "kube-proxy",
        "coredns",
        "eks-pod-identity-agent",
        "aws-ebs-csi-driver",
        "metrics-server",
        "eks-node-monitoring-agent",
    }


def test_an_unverified_pin_says_what_is_known(edition: Edition) -> None:
    pins: dict[str, Pin | Chart | Image] = {**edition.addons, **edition.charts, **edition.images}
    for name, pin in pins.items():
        assert pin.source, name
        assert pin.verified or pin.note, name


def test_karpenter_and_its_crds_are_one_release(edition: Edition) -> None:
    charts = edition.charts
    assert charts["karpenter"].version == charts["karpenter-crd"].version == "1.14.1"


def test_the_engine_and_its_image_are_one_version(edition: Edition) -> None:
    assert edition.images["vllm"].reference == f"vllm/vllm-openai:v{edition.engines['vllm']}"


def test_the_weights_image_carries_the_edition_and_has_no_digest(edition: Edition) -> None:
    weights = edition.images["weights"]
    assert weights.reference == f"ghcr.io/llmform/weights:{edition.name}"
    assert weights.digest is None


def test_an_image_with_a_digest_is_referred_to_by_both() -> None:
    image = reader.Image("r", "t", date(2026, 1, 1), "s", digest="sha256:" + "0" * 64)
    assert image.reference == "r:t@sha256:" + "0" * 64


# ---- instances, accelerators, regions ----------------------------------------------------------------


def test_accelerators_are_nvidias_and_named_so(edition: Edition) -> None:
    for name, accelerator in edition.accelerators.items():
        assert accelerator.manufacturer == "nvidia"
        assert name.startswith("nvidia-")
        assert accelerator.memory_mib >= 16 * 1024
        assert re.fullmatch(r"\d+\.\d", accelerator.compute_capability)


def test_gpu_name_and_memory_tell_accelerators_apart(edition: Edition) -> None:
    pairs = [(row.instance_gpu_name, row.memory_mib) for row in edition.accelerators.values()]
    assert len(pairs) == len(set(pairs))


def test_memory_of_the_accelerators_is_what_ec2_reports() -> None:
    memory = {name: row.memory_mib for name, row in load_edition("2026-11").accelerators.items()}
    assert memory["nvidia-l40s"] == 45776
    assert memory["nvidia-l4"] == memory["nvidia-a10g"] == 22888
    assert memory["nvidia-a100-40gb"] == 40 * 1024
    assert memory["nvidia-a100-80gb"] == memory["nvidia-h100-80gb"] == 80 * 1024
    assert memory["nvidia-h200"] == 141 * 1024


def test_every_accelerator_has_an_instance_and_every_instance_a_known_accelerator(edition: Edition) -> None:
    used = {row.accelerator for row in edition.instances.values() if row.accelerator is not None}
    assert used == set(edition.accelerators)


def test_instances_add_up(edition: Edition) -> None:
    for name, row in edition.instances.items():
        assert re.fullmatch(r"[a-z0-9-]+\.(metal|[0-9]*x?large)", name)
        assert row.arch in ("amd64", "arm64"), name
        assert 0 <= row.gpus <= row.gpus_physical, name
        assert (row.gpus_physical > 0) == (row.accelerator is not None), name
        assert row.gpus == row.gpus_physical or row.note, name
        assert 0 < row.allocatable_cpu_millis < row.vcpu * 1000, name
        assert 0 < row.allocatable_memory_mib < row.memory_mib, name
        assert row.local_nvme_gb >= 0 and row.efa >= 0 and row.network_mbps > 0, name


def test_prices_are_decimals_and_larger_instances_of_a_general_family_cost_more(edition: Edition) -> None:
    assert edition.price_region == "us-east-1"
    by_family: dict[str, list[tuple[int, Decimal]]] = {}
    for name, row in edition.instances.items():
        if row.usd_per_hour is not None:
            assert isinstance(row.usd_per_hour, str)
            assert Decimal(row.usd_per_hour) > 0, name
            if row.gpus_physical == 0 and not row.note:
                by_family.setdefault(name.partition(".")[0], []).append((row.vcpu, Decimal(row.usd_per_hour)))
    for family, rows in by_family.items():
        assert [price for _, price in sorted(rows)] == sorted(price for _, price in rows), family


def test_only_p5e_has_no_on_demand_price() -> None:
    rows = load_edition("2026-11").instances
    assert [name for name, row in rows.items() if row.usd_per_hour is None] == ["p5e.48xlarge"]


def test_slices_of_an_l4_show_no_gpu_to_kubernetes() -> None:
    rows = load_edition("2026-11").instances
    sliced = {name for name in rows if name.startswith(("g6f.", "gr6f."))}
    assert sliced == {"g6f.large", "g6f.xlarge", "g6f.2xlarge", "g6f.4xlarge", "gr6f.4xlarge"}
    assert {rows[name].gpus for name in sliced} == {0}


def test_p5_4xlarge_has_a_gpu_that_kubernetes_does_not_see() -> None:
    row = load_edition("2026-11").instances["p5.4xlarge"]
    assert (row.gpus, row.gpus_physical, row.accelerator) == (0, 1, "nvidia-h100-80gb")
    assert "8368" in row.note


def test_the_l40s_instances_by_number_of_gpus() -> None:
    rows = load_edition("2026-11").instances
    gpus = {name: row.gpus for name, row in rows.items() if row.accelerator == "nvidia-l40s"}
    single = ("g6e.xlarge", "g6e.2xlarge", "g6e.4xlarge", "g6e.8xlarge", "g6e.16xlarge")
    assert gpus == {**dict.fromkeys(single, 1), "g6e.12xlarge": 4, "g6e.24xlarge": 4, "g6e.48xlarge": 8}
    assert rows["g6e.xlarge"].usd_per_hour == "1.861"


def test_regions_have_names_of_their_form_and_two_zones_or_more(edition: Edition) -> None:
    for name, region in edition.regions.items():
        assert re.fullmatch(r"[a-z]{2}-[a-z]+-\d", name)
        assert region.zones == tuple(sorted(set(region.zones)))
        assert len(region.zones) >= 2
        assert all(re.fullmatch(r"[a-f]", zone) for zone in region.zones)


def test_the_regions_of_the_examples_are_known(edition: Edition) -> None:
    assert {"us-east-1", "eu-west-1", "eu-central-1"} <= set(edition.regions)
    assert edition.regions["us-east-1"].zones == ("a", "b", "c", "d", "e", "f")
    assert edition.price_region in edition.regions


# ---- models (what they are made of: tests/test_model_catalog.py) ----------------------------------------


def test_the_models_of_the_examples_are_known() -> None:
    """As the cards round them: Qwen2.5 1.54, 7.61 and 32.8 billion, Llama 8.03 and 70.6, BGE 568 million."""
    models = load_edition("2026-11").models
    millions = {
        "Qwen/Qwen2.5-1.5B-Instruct": 1544,
        "Qwen/Qwen2.5-7B-Instruct": 7616,
        "Qwen/Qwen2.5-32B-Instruct": 32764,
        "meta-llama/Llama-3.1-8B-Instruct": 8030,
        "meta-llama/Llama-3.3-70B-Instruct": 70554,
        "BAAI/bge-m3": 568,
        "BAAI/bge-reranker-v2-m3": 568,
    }
    assert {name: round(models[name].parameters / 1e6) for name in millions} == millions


# ---- vLLM ----------------------------------------------------------------------------------------------

VLLM = "0.32.0"


def flag(name: str) -> Flag:
    found = find_flag("vllm", VLLM, name)
    assert found is not None, name
    return found


def test_the_engine_of_every_edition_has_flags(edition: Edition) -> None:
    assert engine_flags("vllm", edition.engines["vllm"])


def test_an_unknown_engine_version_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        engine_flags("vllm", "0.1.0")


def test_flags_are_found_by_every_string_they_go_by() -> None:
    """The parser has 430 strings for 317 flags; `-h` and `--help` are left out."""
    table = engine_flags("vllm", VLLM)
    assert len(table) == 430 - 2
    assert table["tp"] is table["tensor-parallel-size"]
    assert table["tp"].names == ("tensor-parallel-size", "tp")
    assert flag("--max_model_len") is flag("max-model-len")
    assert flag("no-enable-prefix-caching").negation
    assert flag("no-enable-prefix-caching").name == "no-enable-prefix-caching"
    assert not flag("enable-prefix-caching").negation
    assert flag("compilation-config.mode").dest == "compilation_config"
    assert find_flag("vllm", VLLM, "max-model-len.x") is None


def test_every_flag_is_well_formed() -> None:
    types = {"bool", "str", "int", "float", "human_int", "human_int_or_auto", "json", "any"}
    for name, row in engine_flags("vllm", VLLM).items():
        assert row.action in ("store", "switch", "negatable", "append"), name
        assert row.type in types, name
        assert (row.type == "bool") == (row.action in ("switch", "negatable")), name
        assert row.nargs in (None, "+", "?"), name
        assert any(text.startswith("--") for text in row.flags), name
        assert "\n" not in row.help and len(row.help) <= 120, name
        if row.action == "negatable":
            assert any(text.startswith("--no-") for text in row.flags), name


@pytest.mark.parametrize(
    "name",
    ["no-such-flag", "max-modell-len", "disable-log-requests", "swap-space", "task", "max-mod"],
)
def test_a_flag_that_the_server_refuses_is_not_found(name: str) -> None:
    """Recorded: exit status 2, unrecognized arguments; `max-mod` works as a prefix, which we do not offer."""
    assert find_flag("vllm", VLLM, name) is None


def test_a_removed_flag_says_what_to_do() -> None:
    assert set(removed_flags("vllm", VLLM)) == {"task", "disable-log-requests", "swap-space"}
    assert "--runner pooling" in removed_flags("vllm", VLLM)["task"]


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("dtype", "foo", "auto, bfloat16, float, float16, float32, half"),
        ("gpu-memory-utilization", 2, "at most 1"),
        ("gpu-memory-utilization", 0, "more than 0"),
        ("gpu-memory-utilization", float("nan"), "must be"),
        ("tensor-parallel-size", 0, "at least 1"),
        ("tensor-parallel-size", "two", "a whole number"),
        ("tensor-parallel-size", 1.5, "a whole number"),
        ("tool-call-parser", "nope", "hermes"),
        ("quantization", "nope", "compressed-tensors"),
        ("kv-cache-dtype", "foo", "fp8_e5m2"),
        ("max-lora-rank", 7, "1, 8, 16, 32, 64, 128, 256, 320, 512"),
        ("max-lora-rank", "24", "1, 8, 16, 32, 64, 128, 256, 320, 512"),
        ("max-num-seqs", 0, "at least 1"),
        ("max-num-seqs", -4, "at least 1"),
        ("port", 99999, "at most 65535"),
        ("enable-prefix-caching", "false", "takes no value"),
        ("no-enable-prefix-caching", 1, "takes no value"),
        ("max-model-len", "8Gi", "16k (16,000)"),
        ("max-model-len", "1.5K", "16k (16,000)"),
        ("max-model-len", True, "a whole number"),
        ("max-model-len", None, "needs a value"),
        ("served-model-name", [], "at least one"),
        ("compilation-config", "{mode: 3}", "needs JSON"),
        ("compilation-config", 3, "needs JSON"),
        ("dtype", ["half"], "needs text"),
    ],
)
def test_a_value_that_the_server_refuses_is_a_problem(name: str, value: object, part: str) -> None:
    problem = check_argument(flag(name), value)
    assert problem is not None
    assert part in problem


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_model_len", 10),
        ("max-model-len", "1k"),
        ("max-model-len", "25.6k"),
        ("max-model-len", "16K"),
        ("max-model-len", "auto"),
        ("max-model-len", -1),
        ("tp", 2),
        ("tp", "2"),
        ("max-lora-rank", 16),
        ("max-lora-rank", "320"),
        ("gpu-memory-utilization", 0.92),
        ("gpu-memory-utilization", "1"),
        ("enable-prefix-caching", False),
        ("no-enable-prefix-caching", True),
        ("quantization", "fp8"),
        ("quantization", None),
        ("revision", "None"),
        ("lora-modules", ["a=/x", "b=/y"]),
        ("lora-modules", '{"name":"a","path":"/x"}'),
        ("served-model-name", ["a", "b"]),
        ("served-model-name", "a"),
        ("api-key", ["k1", "k2"]),
        ("middleware", ["a.b", "c.d"]),
        ("compilation-config", {"mode": 3}),
        ("compilation-config", '{"mode": 3}'),
        ("hf-overrides", {"a": 1}),
        ("optimization-level", 3),
        ("tool-call-parser", "hermes"),
    ],
)
def test_a_value_that_the_server_accepts_is_fine(name: str, value: object) -> None:
    assert check_argument(flag(name), value) is None


def test_a_parser_plugin_can_bring_a_parser_of_its_own() -> None:
    assert check_argument(flag("tool-call-parser"), "mine", {"tool-parser-plugin"}) is None


# ---- kinds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "namespaced", "built_in"),
    [
        ("v1/Namespace", False, True),
        ("v1/Service", True, True),
        ("apps/v1/Deployment", True, True),
        ("storage.k8s.io/v1/StorageClass", False, True),
        ("rbac.authorization.k8s.io/v1/ClusterRole", False, True),
        ("karpenter.sh/v1/NodePool", False, False),
        ("karpenter.k8s.aws/v1/EC2NodeClass", False, False),
        ("argoproj.io/v1alpha1/Rollout", True, False),
        ("leaderworkerset.x-k8s.io/v1/LeaderWorkerSet", True, False),
        ("gateway.networking.k8s.io/v1/HTTPRoute", True, False),
        ("gateway.networking.k8s.io/v1/GatewayClass", False, False),
        ("external-secrets.io/v1/ExternalSecret", True, False),
        ("nvidia.com/v1/ClusterPolicy", False, False),
    ],
)
def test_a_kind_is_namespaced_or_not(key: str, namespaced: bool, built_in: bool) -> None:
    row = kinds()[key]
    assert (row.namespaced, row.built_in) == (namespaced, built_in)
    assert f"{row.api_version}/{row.kind}" == key


def test_a_version_that_is_not_served_is_no_kind() -> None:
    assert "gateway.networking.k8s.io/v1alpha3/BackendTLSPolicy" not in kinds()


def test_every_kind_names_its_version_among_the_served_ones() -> None:
    for key, row in kinds().items():
        assert row.api_version.rpartition("/")[2] in row.served, key
        assert row.source, key


def test_lists_of_a_pod_merge_by_their_keys() -> None:
    keys = merge_keys("apps/v1/Deployment")
    pod = "spec.template.spec"
    assert keys[f"{pod}.containers"] == "name"
    assert keys[f"{pod}.initContainers"] == "name"
    assert keys[f"{pod}.containers[].env"] == "name"
    assert keys[f"{pod}.containers[].ports"] == "containerPort"
    assert keys[f"{pod}.containers[].volumeMounts"] == "mountPath"
    assert keys[f"{pod}.volumes"] == "name"
    assert keys[f"{pod}.topologySpreadConstraints"] == "topologyKey"
    assert keys["metadata.finalizers"] == ""
    assert f"{pod}.tolerations" not in keys
    assert f"{pod}.containers[].args" not in keys


def test_where_the_pod_stands_depends_on_the_kind() -> None:
    assert merge_keys("batch/v1/CronJob")["spec.jobTemplate.spec.template.spec.containers"] == "name"
    for key in ("apps/v1/StatefulSet", "apps/v1/DaemonSet", "batch/v1/Job"):
        assert merge_keys(key)["spec.template.spec.containers"] == "name"
    assert merge_keys("v1/Service")["spec.ports"] == "port"
    assert merge_keys("v1/ServiceAccount")["secrets"] == "name"


def test_lists_of_a_network_policy_and_of_custom_kinds_are_replaced() -> None:
    for key in ("networking.k8s.io/v1/NetworkPolicy", "policy/v1/PodDisruptionBudget", "v1/ConfigMap"):
        assert set(merge_keys(key)) == {"metadata.finalizers", "metadata.ownerReferences"}
    assert not merge_keys("karpenter.sh/v1/NodePool")
    assert not merge_keys("example.com/v1/Nothing")


# ---- what replaces: Kubernetes ----------------------------------------------------------------------------


def path_of(dotted: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdigit() else part for part in dotted.split("."))


RECORDED = """
apps/v1:Deployment | spec.replicas | update
apps/v1:Deployment | spec.template.spec.containers.0.image | update
apps/v1:Deployment | spec.selector.matchLabels | replace
apps/v1:Deployment | metadata.labels | update
apps/v1:Deployment | spec.strategy | update
apps/v1:StatefulSet | spec.replicas | update
apps/v1:StatefulSet | spec.serviceName | replace
apps/v1:StatefulSet | spec.volumeClaimTemplates.0.spec.resources.requests.storage | replace
apps/v1:StatefulSet | spec.podManagementPolicy | replace
apps/v1:StatefulSet | spec.template.spec.containers.0.image | update
apps/v1:StatefulSet | spec.persistentVolumeClaimRetentionPolicy | update
apps/v1:DaemonSet | spec.template.spec.containers.0.image | update
apps/v1:DaemonSet | spec.selector.matchLabels | replace
batch/v1:Job | spec.template.spec.containers.0.image | replace
batch/v1:Job | spec.backoffLimit | update
batch/v1:Job | spec.parallelism | replace
batch/v1:Job | spec.completions | replace
batch/v1:Job | spec.ttlSecondsAfterFinished | update
batch/v1:CronJob | spec.schedule | update
batch/v1:CronJob | spec.jobTemplate.spec.template.spec.containers.0.image | update
core/v1:Service | spec.ports.0.port | update
core/v1:Service | spec.type | update
core/v1:Service | spec.clusterIP | replace
core/v1:ConfigMap | data.a | replace
core/v1:Secret | stringData.a | replace
core/v1:Secret | type | replace
core/v1:PersistentVolumeClaim | spec.resources.requests.storage | update
core/v1:PersistentVolumeClaim | spec.storageClassName | replace
core/v1:PersistentVolumeClaim | spec.accessModes | replace
storage.k8s.io/v1:StorageClass | parameters.type | replace
storage.k8s.io/v1:StorageClass | reclaimPolicy | refused
storage.k8s.io/v1:StorageClass | allowVolumeExpansion | update
storage.k8s.io/v1:StorageClass | volumeBindingMode | refused
scheduling.k8s.io/v1:PriorityClass | value | refused
scheduling.k8s.io/v1:PriorityClass | description | update
policy/v1:PodDisruptionBudget | spec.maxUnavailable | update
policy/v1:PodDisruptionBudget | spec.selector.matchLabels | update
networking.k8s.io/v1:NetworkPolicy | spec.podSelector.matchLabels | update
rbac.authorization.k8s.io/v1:Role | rules.0.verbs | update
rbac.authorization.k8s.io/v1:RoleBinding | subjects.0.name | update
rbac.authorization.k8s.io/v1:RoleBinding | roleRef.name | replace
rbac.authorization.k8s.io/v1:ClusterRoleBinding | roleRef.name | replace
autoscaling/v2:HorizontalPodAutoscaler | spec.maxReplicas | update
autoscaling/v2:HorizontalPodAutoscaler | spec.scaleTargetRef.name | update
karpenter.sh/v1:NodePool | spec.template.spec.nodeClassRef.name | update
argoproj.io/v1alpha1:Rollout | spec.replicas | update
argoproj.io/v1alpha1:Rollout | spec.template.spec.containers.0.image | update
argoproj.io/v1alpha1:Rollout | spec.selector.matchLabels | refused
argoproj.io/v1alpha1:Rollout | spec.strategy | update
leaderworkerset.x-k8s.io/v1:LeaderWorkerSet | spec.replicas | update
leaderworkerset.x-k8s.io/v1:LeaderWorkerSet | spec.leaderWorkerTemplate.size | update
keda.sh/v1alpha1:ScaledObject | spec.maxReplicaCount | update
keda.sh/v1alpha1:ScaledObject | spec.scaleTargetRef.name | update
core/v1:Namespace | metadata.labels | update
"""
"""Runs of Pulumi 3.260 with pulumi-kubernetes 4.3x against kube-apiserver 1.34.4 on 2026-11-21, one edit
each. `refused` is an update that the API server answered with "forbidden" or "immutable"."""


def recorded() -> Iterator[tuple[str, str, str]]:
    for line in RECORDED.strip().splitlines():
        kind, path, effect = (part.strip() for part in line.split("|"))
        yield f"kubernetes:{kind}", path, effect


@pytest.mark.parametrize(("token", "path", "effect"), list(recorded()))
def test_a_recorded_edit_does_what_was_recorded(token: str, path: str, effect: str) -> None:
    found = replacement(token, path_of(path), {})
    assert found.kind == effect
    assert found.delete_first == (effect == "replace")
    assert found.source


def test_a_key_with_dots_is_one_part_of_a_path() -> None:
    path = ("spec", "limits", "nvidia.com/gpu")
    assert replacement("kubernetes:karpenter.sh/v1:NodePool", path, {}).kind == "update"


def test_another_name_or_namespace_is_another_object() -> None:
    for token in ("kubernetes:apps/v1:Deployment", "kubernetes:example.com/v1:Anything"):
        for part in ("name", "namespace"):
            found = replacement(token, ("metadata", part), MUTABLE)
            assert (found.kind, found.delete_first) == ("replace", False)


@pytest.mark.parametrize(
    ("kind", "path", "provider_input"),
    [
        ("ConfigMap", ("data", "a"), "enableConfigMapMutable"),
        ("ConfigMap", ("binaryData", "a"), "enableConfigMapMutable"),
        ("Secret", ("data", "a"), "enableSecretMutable"),
        ("Secret", ("stringData", "a"), "enableSecretMutable"),
    ],
)
def test_config_data_is_updated_in_place_where_the_provider_is_told_so(
    kind: str, path: tuple[str, ...], provider_input: str
) -> None:
    token = f"kubernetes:core/v1:{kind}"
    assert replacement(token, path, {}).kind == "replace"
    assert replacement(token, path, {provider_input: False}).kind == "replace"
    assert replacement(token, path, {provider_input: True}).kind == "update"
    other = next(name for name in MUTABLE if name != provider_input)
    assert replacement(token, path, {other: True}).kind == "replace"


def test_the_type_of_a_mutable_secret_is_refused() -> None:
    assert replacement("kubernetes:core/v1:Secret", ("type",), MUTABLE).kind == "refused"


def test_a_claim_only_grows() -> None:
    path = ("spec", "resources", "requests", "storage")
    found = replacement("kubernetes:core/v1:PersistentVolumeClaim", path, {})
    assert found.one_way and "grows" in found.note


def test_a_whole_block_that_holds_an_immutable_property_is_unknown() -> None:
    found = replacement("kubernetes:apps/v1:Deployment", ("spec",), {})
    assert found.kind == "unknown"
    assert "spec.selector" in found.note
    assert replacement("kubernetes:apps/v1:Deployment", ("spec", "template"), {}).kind == "update"


def test_a_helm_release_is_replaced_by_its_name_and_updated_by_its_version() -> None:
    token = "kubernetes:helm.sh/v3:Release"
    assert replacement(token, ("name",), {}).kind == "replace"
    assert replacement(token, ("namespace",), {}).kind == "replace"
    assert replacement(token, ("version",), {}).kind == "update"
    assert replacement(token, ("values", "replicas"), {}).kind == "update"


def test_every_row_for_a_kind_names_a_known_kind() -> None:
    document = json.loads((CATALOG / "replace_kubernetes.json").read_text())
    unknown = set(document["kinds"]) - set(kinds())
    assert unknown == {"helm.sh/v3/Release"}  # a type of the provider, no kind of Kubernetes
    rows = [row for kind in document["kinds"].values() for row in kind.values()]
    rows += document["every_kind"].values()
    allowed = {"effect", "source", "note", "unless", "then", "create_first", "one_way"}
    for row in rows:
        assert row["effect"] in ("update", "replace", "refused")
        assert row["source"] and set(row) <= allowed


# ---- what replaces: AWS -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "path", "kind", "delete_first"),
    [
        ("aws:ec2/vpc:Vpc", "cidrBlock", "replace", False),
        ("aws:ec2/vpc:Vpc", "enableDnsHostnames", "update", False),
        ("aws:ec2/vpc:Vpc", "tags.team", "update", False),
        ("aws:ec2/vpc:Vpc", "region", "replace", False),
        ("aws:ec2/subnet:Subnet", "availabilityZone", "replace", False),
        ("aws:ec2/natGateway:NatGateway", "subnetId", "replace", False),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "routeTableIds.0", "update", False),
        ("aws:ec2/launchTemplate:LaunchTemplate", "blockDeviceMappings.0.ebs.volumeSize", "update", False),
        ("aws:eks/cluster:Cluster", "roleArn", "replace", True),
        ("aws:eks/cluster:Cluster", "name", "replace", False),
        ("aws:eks/cluster:Cluster", "version", "update", False),
        ("aws:eks/cluster:Cluster", "vpcConfig.publicAccessCidrs.0", "update", False),
        ("aws:eks/cluster:Cluster", "kubernetesNetworkConfig.serviceIpv4Cidr", "replace", True),
        ("aws:eks/cluster:Cluster", "computeConfig.enabled", "unknown", False),
        ("aws:eks/addon:Addon", "addonVersion", "update", False),
        ("aws:eks/addon:Addon", "addonName", "replace", False),
        ("aws:eks/nodeGroup:NodeGroup", "instanceTypes", "replace", True),
        ("aws:eks/nodeGroup:NodeGroup", "releaseVersion", "update", False),
        ("aws:eks/nodeGroup:NodeGroup", "scalingConfig.maxSize", "update", False),
        ("aws:eks/nodeGroup:NodeGroup", "launchTemplate.id", "replace", True),
        ("aws:eks/accessEntry:AccessEntry", "principalArn", "replace", False),
        ("aws:eks/podIdentityAssociation:PodIdentityAssociation", "roleArn", "update", False),
        ("aws:eks/podIdentityAssociation:PodIdentityAssociation", "serviceAccount", "replace", False),
        ("aws:iam/role:Role", "assumeRolePolicy", "update", False),
        ("aws:iam/role:Role", "name", "replace", False),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "policyArn", "replace", False),
        ("aws:kms/key:Key", "enableKeyRotation", "update", False),
        ("aws:s3/bucket:Bucket", "bucket", "replace", False),
        ("aws:s3/bucket:Bucket", "forceDestroy", "update", False),
        ("aws:s3/bucketPolicy:BucketPolicy", "policy", "update", False),
        ("aws:s3/bucketVersioning:BucketVersioning", "bucket", "replace", False),
        ("aws:sqs/queue:Queue", "fifoQueue", "replace", True),
        ("aws:cloudwatch/eventRule:EventRule", "eventPattern", "update", False),
        ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", "update", False),
    ],
)
def test_an_aws_property_does_what_the_provider_plans(token: str, path: str, kind: str, delete_first: bool) -> None:
    found = replacement(token, path_of(path), {})
    assert (found.kind, found.delete_first) == (kind, delete_first)
    assert found.source


def test_what_the_table_does_not_know_is_unknown() -> None:
    assert replacement("aws:ec2/vpc:Vpc", ("noSuchProperty",), {}).kind == "unknown"
    assert replacement("aws:ec2/noSuch:Type", ("name",), {}).kind == "unknown"
    assert replacement("random:index/randomId:RandomId", ("length",), {}).kind == "unknown"
    mixed = replacement("aws:eks/cluster:Cluster", ("accessConfig",), {})
    assert mixed.kind == "unknown"
    assert "accessConfig.bootstrapClusterCreatorAdminPermissions" in mixed.note


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("version", "one minor version"),
        ("encryptionConfig.provider.keyArn", "neither removes"),
        ("encryptionConfig", "neither removes"),
        ("accessConfig.authenticationMode", "never back"),
    ],
)
def test_a_cluster_property_that_moves_one_way_says_so(path: str, part: str) -> None:
    found = replacement("aws:eks/cluster:Cluster", path_of(path), {})
    assert found.one_way and found.kind == "update"
    assert part in found.note


def test_the_aws_table_is_well_formed() -> None:
    document = json.loads((CATALOG / "replace_aws.json").read_text())
    assert len(document["types"]) == 155
    for token, row in document["types"].items():
        assert re.fullmatch(r"aws:[a-z0-9]+/([a-z][A-Za-z0-9]*):[A-Z][A-Za-z0-9]*", token)
        assert set(row) <= {"terraform", "named_by", "replace", "update", "unknown"}, token
        paths = [path for effect in ("replace", "update", "unknown") for path in row.get(effect, [])]
        assert len(paths) == len(set(paths)), token
        assert all(re.fullmatch(r"[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)*", path) for path in paths), token
        # A path stands for all below it, so one below another would be an exception to it: there is none.
        for path in paths:
            assert not any(other != path and path.startswith(f"{other}.") for other in paths), (token, path)
    for token, rules in document["one_way"].items():
        assert token in document["types"]
        assert all({"rule", "source"} <= set(rule) <= {"rule", "source", "removal"} for rule in rules.values())
        assert all(rule.get("removal", "replace") == "replace" for rule in rules.values())


def test_every_type_with_a_region_is_replaced_by_a_change_of_it() -> None:
    """pulumi_aws 7 has `region` on every regional type; IAM, Route 53, CloudFront and the like are global."""
    types = json.loads((CATALOG / "replace_aws.json").read_text())["types"]
    for token, row in types.items():
        if token.startswith(("aws:ec2/", "aws:eks/", "aws:s3/", "aws:sqs/", "aws:kms/", "aws:cloudwatch/")):
            assert "region" in row["replace"] or token == "aws:cloudwatch/dashboard:Dashboard", token
        if token.startswith("aws:iam/"):
            assert "region" not in row.get("replace", []), token


def test_the_aws_table_names_types_and_properties_of_the_installed_provider() -> None:
    found = find_spec("pulumi_aws")
    assert found is not None and found.origin is not None
    package = Path(found.origin).parent
    types = json.loads((CATALOG / "replace_aws.json").read_text())["types"]
    for token, row in types.items():
        module, name = re.findall(r"aws:(\w+)/\w+:(\w+)", token)[0]
        file = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
        folder = "lambda_" if module == "lambda" else module
        text = (package / folder / f"{file}.py").read_text(encoding="utf-8")
        assert f"'{token}'" in text, token
        for effect in ("replace", "update", "unknown"):
            for path in row.get(effect, []):
                head = path.partition(".")[0]
                assert f'name="{head}"' in text or f"def {head}(self)" in text, (token, path)


# ---- the reader --------------------------------------------------------------------------------------------


def test_every_name_that_the_reader_offers_is_there() -> None:
    for name in reader.__all__:
        assert hasattr(reader, name)


def test_a_wrong_row_is_an_error_at_once() -> None:
    row = {"zones": ("a",), "zone": "typo"}
    with pytest.raises(TypeError, match="zone"):
        reader._row(reader.Region, row, name="x")
    with pytest.raises(ValueError, match="month"):
        reader._row(reader.Pin, {"version": "1", "as_of": "2026-13-01", "source": "s"})


def test_rows_are_of_the_types_that_their_classes_declare(edition: Edition) -> None:
    tables: tuple[Any, ...] = (edition.accelerators, edition.instances, edition.regions, edition.models)
    tables += (edition.licenses, edition.addons, edition.charts, edition.images, edition.eks_versions)
    for table in tables:
        for row in table.values():
            for field, hint in get_type_hints(type(row)).items():
                value = getattr(row, field)
                if hint == tuple[str, ...]:
                    assert isinstance(value, tuple) and all(isinstance(item, str) for item in value)
                elif hint == Mapping[str, int]:
                    assert isinstance(value, Mapping) and all(type(item) is int for item in value.values())
                else:
                    assert isinstance(hint, type | UnionType)
                    assert isinstance(value, hint), (row, field)
                    assert hint is bool or not isinstance(value, bool), (row, field)
