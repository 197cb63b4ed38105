"""`foundation: {existing: FILE}`: what stands in place of the outputs of a foundation of llmform's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.foundation.existing import needs
from components.graph import Graph, Node, StackOutput, references
from components.graph_json import encode_value
from components.lowering import LOWERINGS
from specs.catalog.reader import load_edition
from specs.diagnostics import Diagnostic
from specs.facts_file import BUCKET_PREFIX, OUTPUTS
from stacks.compilation import Compilation
from stacks.compile import compile_spec
from stacks.facts import NEEDED_BY
from stacks.files import DiskFiles
from stacks.git import Commit, GitFiles
from stacks.plan import Against, Plan, plan
from stacks.render.human_plan import human_plan
from stacks.risk.finding import Risk
from tests.memory_files import MemoryFiles
from tests.platforms import aws_platform

ACCOUNT = "123456789012"
FACTS: dict[str, Any] = {
    "clusterName": "shared",
    "clusterArn": f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/shared",
    "clusterEndpoint": "https://0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com",
    "clusterCertificateAuthority": "LS0tLS1CRUdJTg==",
    "clusterSecurityGroupId": "sg-0123456789abcdef0",
    "nodeRoleName": "shared-node",
    "nodeRoleArn": f"arn:aws:iam::{ACCOUNT}:role/shared-node",
    "nodeGroupRoleArn": f"arn:aws:iam::{ACCOUNT}:role/shared-group",
    "interruptionQueue": "shared-interruption",
    "vpcId": "vpc-0123456789abcdef0",
    "vpcCidr": "10.20.0.0/16",
    "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "bucket.weights": "acme-llm-weights",
}
SPEC: dict[str, Any] = {
    "apiVersion": "llmform/v1",
    "name": "hello",
    "models": {"chat": "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"},
    "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "min": 1, "max": 2}},
    "serving": {"chat": {"model": "chat", "pool": "l40s"}},
    "targets": {"us-east-1": {"provider": "aws", "region": "us-east-1", "foundation": {"existing": "facts.json"}}},
}


def compiled(facts: dict[str, Any] | None = None, **changes: Any) -> tuple[Compilation | None, tuple[Diagnostic, ...]]:
    files = MemoryFiles({"facts.json": json.dumps(FACTS if facts is None else facts).encode()})
    made = compile_spec(json.dumps({**SPEC, **changes}).encode(), "spec.json", files)
    return made.compilation, made.diagnostics


def graph(layer: str, facts: dict[str, Any] | None = None, **changes: Any) -> Graph:
    compilation, found = compiled(facts, **changes)
    assert compilation is not None, found
    return next(s.graph for s in compilation.stacks if s.layer == layer)


def nodes() -> Iterator[Node]:
    for layer in ("platform", "workloads"):
        yield from graph(layer).nodes


def test_there_is_no_foundation_stack_and_nobody_waits_for_one() -> None:
    """Every output of the foundation is a literal, so plans show what it is."""
    compilation, found = compiled()
    assert compilation is not None and found == ()
    assert [s.layer for s in compilation.stacks] == ["platform", "workloads"]
    waiting = [
        r for n in nodes() for r in references(n.inputs) if isinstance(r, StackOutput) and r.layer == "foundation"
    ]
    assert waiting == []


def test_the_outputs_of_a_facts_file_are_those_that_a_foundation_declares() -> None:
    """So what `pulumi stack output --json` prints of one is a facts file of another platform."""
    platform = aws_platform()
    declared = {name for r in LOWERINGS if r.layer == "foundation" for name in r.lower(platform).outputs}
    assert {n for n in declared if not n.startswith(BUCKET_PREFIX)} == set(OUTPUTS)
    assert set(NEEDED_BY) == set(OUTPUTS) | {f"{BUCKET_PREFIX}weights"}


def test_nodes_join_the_cluster_that_exists() -> None:
    """By its own name, role, subnets and security group: no tag of ours has to be on them."""
    platform = graph("platform")
    spec = platform.node("nodePools.l40s/EC2NodeClass/l40s").inputs["spec"]
    assert spec["role"] == "shared-node"
    assert spec["subnetSelectorTerms"] == [{"id": s} for s in FACTS["privateSubnetIds"]]
    assert spec["securityGroupSelectorTerms"] == [{"id": "sg-0123456789abcdef0"}]
    group = platform.node("nodePools.l40s/NodeGroup/l40s").inputs
    assert group["clusterName"] == "shared"
    assert group["nodeRoleArn"] == FACTS["nodeGroupRoleArn"]
    assert group["subnetIds"] == FACTS["privateSubnetIds"]
    assert "version" not in group and "releaseVersion" not in group  # the cluster's version is its owner's


def test_karpenter_serves_the_cluster_that_exists() -> None:
    values = graph("platform").node("addons.karpenter/Release/karpenter").inputs["values"]
    assert values["settings"]["clusterName"] == "shared"
    assert values["settings"]["interruptionQueue"] == "shared-interruption"
    assert values["nodeSelector"] == {"kubernetes.io/os": "linux"}  # its nodes do not carry our labels


def test_the_provider_is_that_cluster_in_its_account() -> None:
    provider = graph("platform").node("targets.us-east-1/Provider/kubernetes").inputs
    assert provider["clusterIdentifier"] == FACTS["clusterArn"]
    kubeconfig = encode_value(provider["kubeconfig"])["$json"]
    assert kubeconfig["clusters"][0]["cluster"]["server"] == FACTS["clusterEndpoint"]
    assert "shared" in kubeconfig["users"][0]["user"]["exec"]["args"]
    # the ARN names the account, so nothing is deployed with another account's credentials
    assert graph("platform").node("targets.us-east-1/Provider/aws").inputs["allowedAccountIds"] == [ACCOUNT]


def test_pods_read_the_bucket_that_exists_and_stay_out_of_its_vpc() -> None:
    workloads = graph("workloads")
    [job] = [n for n in workloads.nodes if n.inputs.get("kind") == "Job"]
    pod = job.inputs["spec"]["template"]["spec"]
    assert any(a.startswith("--to=s3://acme-llm-weights/") for a in pod["containers"][0]["args"])
    assert "nodeSelector" not in pod
    policy = workloads.node("weights-mirror/NetworkPolicy/weights-mirror").inputs
    outside = [r for r in policy["spec"]["egress"] for to in r["to"] if "except" in to.get("ipBlock", {})]
    assert "10.20.0.0/16" in outside[0]["to"][0]["ipBlock"]["except"]


def test_a_default_storage_class_is_not_ours_to_set_in_it() -> None:
    assert not [n for n in nodes() if n.inputs.get("kind") == "StorageClass"]


def test_the_plan_says_which_roles_are_the_owners_to_give() -> None:
    """Roles and Pod Identity associations are in the foundation; nobody else makes them."""
    for component, identity in (
        ("serving.chat", "hello-default/chat"),
        ("weights-mirror", "hello-default/weights-mirror"),
    ):
        summary = " ".join(graph("workloads").component(component).summary)
        assert f"its role is yours: a Pod Identity association of {identity}" in summary
    assert "kube-system/karpenter" in " ".join(graph("platform").component("addons.karpenter").summary)


@pytest.mark.parametrize("name", sorted({n for n in FACTS} - {"nodeRoleArn", "vpcId"}))
def test_what_is_needed_and_missing_is_an_error_that_names_who_needs_it(name: str) -> None:
    compilation, found = compiled({k: v for k, v in FACTS.items() if k != name})
    assert compilation is None
    assert [d.code for d in found] == ["missing-output"]
    assert f"`{name}`" in found[0].message
    assert found[0].message.startswith(("`targets.us-east-1", "`nodePools.l40s`", "`models.chat`"))


@pytest.mark.parametrize("name", ["nodeRoleArn", "vpcId"])
def test_what_nobody_needs_may_be_missing(name: str) -> None:
    compilation, found = compiled({k: v for k, v in FACTS.items() if k != name})
    assert compilation is not None and found == ()


def test_a_platform_that_needs_less_asks_for_less() -> None:
    """No pools and no models, Karpenter there already: only the cluster itself."""
    facts = {k: v for k, v in FACTS.items() if k.startswith("cluster") and k != "clusterSecurityGroupId"}
    target = SPEC["targets"]["us-east-1"] | {"addons": {"karpenter": "existing"}}
    compilation, found = compiled(facts, models={}, serving={}, nodePools={}, targets={"us-east-1": target})
    assert compilation is not None and found == ()


def test_every_need_is_an_output() -> None:
    assert {n for n, _ in needs(aws_platform())} <= {*OUTPUTS, "bucket.weights"}


def test_other_subnets_make_another_node_group() -> None:
    """A managed group cannot change its subnets, so they are part of its name."""
    other = {**FACTS, "privateSubnetIds": ["subnet-0123456789abcdef2"]}
    names = {
        graph("platform", facts).node("nodePools.l40s/NodeGroup/l40s").inputs["nodeGroupName"]
        for facts in (FACTS, other)
    }
    assert len(names) == 2


def test_the_values_say_where_they_stand_in_the_facts_file() -> None:
    compilation, _ = compiled()
    assert compilation is not None
    known = compilation.stacks[0].values["targets.us-east-1.foundation.clusterName"]
    assert known.value == "shared" and known.where.startswith("facts.json:1:")


def test_two_environments_may_share_one_facts_file() -> None:
    """A bucket of a store that only one of them has is no error in the other."""
    facts = {**FACTS, "bucket.logs": "acme-logs"}
    operators = {"targets.us-east-1": {"addons": "existing"}}
    environments = {"dev": {"overlay": {"stores.logs": None} | operators}, "prod": {}}
    compilation, found = compiled(facts, stores={"logs": {"kind": "object"}}, environments=environments)
    assert compilation is not None, found


def same_cluster(found: tuple[Diagnostic, ...]) -> list[str]:
    assert {d.code for d in found} <= {"same-cluster"}, found
    return [d.message for d in found]


def test_one_cluster_has_an_operator_once() -> None:
    """Both environments are in the cluster of the one facts file, where each would install Karpenter's CRDs."""
    compilation, found = compiled(environments={"dev": {}, "prod": {}})
    assert compilation is None
    assert [m.partition(" both install ")[2].partition(" in ")[0] for m in same_cluster(found)] == [
        "Karpenter",
        "the NVIDIA device plugin",
    ]


def test_two_targets_of_one_environment_cannot_be_one_existing_cluster() -> None:
    """They would have the same namespace, whatever their files are called."""
    target = SPEC["targets"]["us-east-1"]
    other = target | {"foundation": {"existing": "other.json"}}
    text = json.dumps(FACTS).encode()
    files = MemoryFiles({"facts.json": text, "other.json": text})
    spec = SPEC | {"targets": {"us-east-1": target, "other": other}}
    made = compile_spec(json.dumps(spec).encode(), "spec.json", files)
    [message] = same_cluster(made.diagnostics)
    assert "`us-east-1` and `other` are one cluster" in message or "`other` and `us-east-1` are one cluster" in message


def test_an_object_of_two_environments_is_one_in_the_cluster_that_they_share() -> None:
    priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}
    files = MemoryFiles({"facts.json": json.dumps(FACTS).encode(), "own.json": json.dumps(priority).encode()})
    operators = {"overlay": {"targets.us-east-1": {"addons": "existing"}}}
    spec = SPEC | {"environments": {"dev": {}, "prod": operators}, "manifests": {"own": {"file": "own.json"}}}
    made = compile_spec(json.dumps(spec).encode(), "spec.json", files)
    assert [d.code for d in made.diagnostics] == ["manifest-conflict"]


def test_the_digest_covers_the_facts_file() -> None:
    first, _ = compiled()
    second, _ = compiled({**FACTS, "vpcId": "vpc-0123456789abcdef1"})
    assert first is not None and second is not None and first.digest != second.digest


def test_the_edition_still_decides_everything_else() -> None:
    assert graph("platform").node("addons.karpenter/Release/karpenter").inputs["version"] == (
        load_edition("2026-11").charts["karpenter"].version
    )


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"nodeRoleName": "other"}, "facts-mismatch", "`nodeRoleName` is `other`"),
        ({"nodeGroupRoleArn": "arn:aws:iam::999999999999:role/x"}, "facts-mismatch", "role of account `999999999999`"),
        ({"clusterCertificateAuthority": "abc"}, "bad-value", "`abc` cannot be"),
        ({"privateSubnetIds": ["subnet-0123456789abcdef0"] * 2}, "bad-value", "is there twice"),
        ({"bucket.\u001b[31m": "acme"}, "unknown-key", "unknown key"),
        ({"vpcCidr": "2001:db8::/56"}, "bad-value", "cannot be the VPC's addresses"),
    ],
    ids=["role and ARN", "another account's role", "no base64", "one subnet twice", "no store's name", "IPv6"],
)
def test_a_line_that_cannot_be_true_is_an_error(change: dict[str, Any], code: str, words: str) -> None:
    compilation, found = compiled(FACTS | change)
    assert compilation is None
    assert [d.code for d in found] == [code] and words in found[0].message


@pytest.mark.parametrize("name", ["a\0b", "x" * 400, "a/" * 400 + "b", "loop", "\ud800", "..", "/etc/hostname", "."])
def test_a_name_that_no_file_can_have_is_no_file(name: str, tmp_path: Path) -> None:
    """Whatever a spec says of a path ends as an error of the spec."""
    (tmp_path / "loop").symlink_to("loop")
    assert DiskFiles(tmp_path).read(name) is None
    if name not in ("..", "."):
        assert DiskFiles(tmp_path).names(name) is None


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_git_is_not_asked_for_what_no_program_can_be_given(name: str, tmp_path: Path) -> None:
    assert GitFiles(Commit(tmp_path, "0" * 40, "main"), "specs").read(name) is None


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"- a\n", b"a: b\n---\nc: d\n", b"#" * 1_000_001])
def test_what_is_no_map_is_not_called_a_spec(text: bytes) -> None:
    made = compile_spec(json.dumps(SPEC).encode(), "spec.json", MemoryFiles({"facts.json": text}))
    [error] = made.diagnostics
    assert error.span.file == "facts.json"
    assert "spec" not in f"{error.message}{error.label}{error.help}"


def switched(to_existing: bool) -> Plan:
    """Return the plan from a foundation of llmform's own to one that exists, or back."""
    own = {"provider": "aws", "region": "us-east-1", "account": ACCOUNT}
    existing = own | {"foundation": {"existing": "facts.json"}}
    sides = [compiled(targets={"us-east-1": target})[0] for target in (own, existing)]
    before, after = sides if to_existing else reversed(sides)
    assert before is not None and after is not None
    return plan(before, after, Against("file", "before.json"))


def test_who_takes_an_existing_foundation_deletes_llmforms_own_and_the_plan_says_why() -> None:
    """82 resources go. Target, models and servers stay in the spec: what it says of the foundation is the cause."""
    made = switched(to_existing=True)
    [gone] = [s for s in made.stacks if s.status == "removed"]
    assert gone.layer == "foundation" and made.fails and made.risk is Risk.DESTRUCTIVE
    assert {b.path for step in gone.steps for b in step.because} == {"targets.us-east-1.foundation.existing"}
    text = human_plan(made)
    assert "no longer in the spec" not in text
    assert "facts.json:" not in text  # one cause, not a line for every fact
    assert "applied before this one" not in text  # the foundation stack is destroyed, and that comes last


def test_who_leaves_an_existing_foundation_is_told_the_line_that_went() -> None:
    text = " ".join(human_plan(switched(to_existing=False)).split())
    assert "`targets.us-east-1.foundation.existing` is no longer in the spec" in text
    for still_there in ("`targets.us-east-1`", "`models`", "`serving.chat`"):
        assert f"{still_there} is no longer in the spec" not in text


def test_a_changed_fact_is_told_where_it_is_used() -> None:
    before, _ = compiled()
    after, _ = compiled(FACTS | {"interruptionQueue": "other", "vpcCidr": "10.30.0.0/16"})
    assert before is not None and after is not None
    steps = plan(before, after, Against("file", "before.json")).steps
    causes = {s.component: [b.path.rpartition(".")[2] for b in s.because] for s in steps}
    assert causes == {
        "addons.karpenter": ["interruptionQueue"],
        "serving.chat": ["vpcCidr"],
        "weights-mirror": ["vpcCidr"],
    }
