"""`llmform facts`: a draft of a facts file, which takes what a state says and guesses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.source import read
from specs.tree import plain
from stacks.facts import NEEDED_BY, Draft, NoState, from_stack, from_terraform, text_of
from tests.case_runner import run

ARN = "arn:aws:eks:us-east-1:123456789012:cluster/shared"
VPC, PRIVATE, PUBLIC = "vpc-0123456789abcdef0", "subnet-0123456789abcdef0", "subnet-0123456789abcdef9"
ROLE, GROUP_ROLE = "arn:aws:iam::123456789012:role/shared-node", "arn:aws:iam::123456789012:role/shared-group"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:shared"

# Attributes as the Terraform provider for AWS names them (its documentation, 6.x, read 2026-11-21).
RESOURCES: list[tuple[str, dict[str, Any]]] = [
    (
        "aws_eks_cluster",
        {
            "name": "shared",
            "arn": ARN,
            "endpoint": "https://0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com",
            "certificate_authority": [{"data": "LS0tLS1CRUdJTg=="}],
            "vpc_config": [{"cluster_security_group_id": "sg-0123456789abcdef0", "vpc_id": VPC}],
        },
    ),
    ("aws_vpc", {"id": VPC, "cidr_block": "10.20.0.0/16"}),
    ("aws_vpc", {"id": "vpc-0123456789abcdef7", "cidr_block": "10.30.0.0/16"}),
    ("aws_subnet", {"id": PRIVATE, "vpc_id": VPC, "tags": {"kubernetes.io/role/internal-elb": "1"}}),
    ("aws_subnet", {"id": PUBLIC, "vpc_id": VPC, "tags": None, "tags_all": {}}),
    ("aws_eks_node_group", {"cluster_name": "shared", "node_role_arn": GROUP_ROLE}),
    ("aws_eks_access_entry", {"cluster_name": "shared", "type": "EC2_LINUX", "principal_arn": ROLE}),
    ("aws_eks_access_entry", {"cluster_name": "shared", "type": "STANDARD", "principal_arn": "arn:aws:iam::1:role/x"}),
    ("aws_sqs_queue", {"arn": QUEUE, "name": "shared"}),
    ("aws_sqs_queue", {"arn": f"{QUEUE}-other", "name": "shared-other"}),
    ("aws_cloudwatch_event_target", {"arn": QUEUE}),
    ("aws_s3_bucket", {"bucket": "acme-weights"}),
]

EXPECTED = {
    "clusterName": "shared",
    "clusterArn": ARN,
    "clusterEndpoint": "https://0123456789ABCDEF.gr7.us-east-1.eks.amazonaws.com",
    "clusterCertificateAuthority": "LS0tLS1CRUdJTg==",
    "clusterSecurityGroupId": "sg-0123456789abcdef0",
    "nodeRoleName": "shared-node",
    "nodeRoleArn": ROLE,
    "nodeGroupRoleArn": GROUP_ROLE,
    "interruptionQueue": "shared",
    "vpcId": VPC,
    "vpcCidr": "10.20.0.0/16",
    "privateSubnetIds": [PRIVATE],
}


def shown(resources: list[tuple[str, dict[str, Any]]]) -> str:
    """Return them as `terraform show -json` does, half of them in a module."""
    items = [{"mode": "managed", "type": t, "name": f"n{i}", "values": v} for i, (t, v) in enumerate(resources)]
    module = {"resources": items[::2], "child_modules": [{"address": "module.a", "resources": items[1::2]}]}
    return json.dumps({"format_version": "1.0", "terraform_version": "1.9.0", "values": {"root_module": module}})


def camel(value: Any) -> Any:
    """Return the value with keys as Pulumi has them; blocks that can be only one are maps there."""
    if isinstance(value, dict):
        out = {}
        for key, item in value.items():
            first, *rest = key.split("_")
            one = key in ("certificate_authority", "vpc_config")
            inner = item if key in ("tags", "tags_all") else camel(item[0] if one else item)
            out[first + "".join(p.capitalize() for p in rest)] = inner
        return out
    return value


KEYS = ("resources", "child_modules", "values", "type", "aws_eks_cluster", "instances", "attributes", "tags", "outputs",
        "bucket.x", "clusterName", "value")  # fmt: skip

PULUMI = {
    "aws_eks_cluster": "aws:eks/cluster:Cluster",
    "aws_vpc": "aws:ec2/vpc:Vpc",
    "aws_subnet": "aws:ec2/subnet:Subnet",
    "aws_eks_node_group": "aws:eks/nodeGroup:NodeGroup",
    "aws_eks_access_entry": "aws:eks/accessEntry:AccessEntry",
    "aws_sqs_queue": "aws:sqs/queue:Queue",
    "aws_cloudwatch_event_target": "aws:cloudwatch/eventTarget:EventTarget",
    "aws_s3_bucket": "aws:s3/bucket:Bucket",
}


def exported(resources: list[tuple[str, dict[str, Any]]], outputs: dict[str, Any] | None = None) -> str:
    """Return them as `pulumi stack export` does."""
    stack: dict[str, Any] = {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s"}
    items = [
        {"type": PULUMI[t], "custom": True, "id": v.get("id", str(i)), "outputs": camel(v)}
        for i, (t, v) in enumerate(resources)
    ]
    deployment = {"manifest": {}, "resources": [stack | {"outputs": outputs or {}}, *items]}
    return json.dumps({"version": 3, "deployment": deployment})


def tfstate(resources: list[tuple[str, dict[str, Any]]]) -> str:
    """Return them as a Terraform state file does."""
    items = [{"mode": "managed", "type": t, "name": "n", "instances": [{"attributes": v}]} for t, v in resources]
    return json.dumps({"version": 4, "terraform_version": "1.9.0", "outputs": {}, "resources": items})


@pytest.mark.parametrize(
    "draft",
    [from_terraform(shown(RESOURCES)), from_terraform(tfstate(RESOURCES)), from_stack(exported(RESOURCES))],
    ids=["terraform show", "state file", "stack export"],
)
def test_what_the_resources_say_is_taken(draft: Draft) -> None:
    assert draft.values == EXPECTED
    assert draft.missing == ("bucket.weights",)  # which of the buckets it is, no resource says


def test_what_is_not_found_is_a_comment_with_who_needs_it() -> None:
    text = text_of(from_terraform(shown(RESOURCES)), "state.json")
    [line] = [line for line in text.splitlines() if line.startswith("# missing")]
    assert line.startswith("# missing: bucket.weights, needed by models: ") and "acme-weights" in line


def test_the_draft_is_yaml_that_says_what_was_found() -> None:
    tree, found = read(text_of(from_terraform(shown(RESOURCES)), "state.json").encode(), "facts.yaml")
    assert tree is not None and found == ()
    assert plain(tree) == EXPECTED


def without(*types: str) -> list[tuple[str, dict[str, Any]]]:
    return [r for r in RESOURCES if r[0] not in types]


@pytest.mark.parametrize(
    ("resources", "name", "words"),
    [
        (without("aws_eks_access_entry"), "nodeRoleName", "EC2_LINUX"),
        (without("aws_cloudwatch_event_target"), "interruptionQueue", "no resource"),
        (
            [*RESOURCES, ("aws_eks_node_group", {"cluster_name": "shared", "node_role_arn": f"{GROUP_ROLE}-b"})],
            "nodeGroupRoleArn",
            "several roles of node groups",
        ),
        (
            [*without("aws_subnet"), ("aws_subnet", {"id": PRIVATE, "vpc_id": VPC})],
            "privateSubnetIds",
            f"no tag says which of these are private: {PRIVATE}",
        ),
        (
            [*RESOURCES, ("aws_eks_cluster", {**RESOURCES[0][1], "name": "other", "arn": f"{ARN}-b"})],
            "clusterName",
            "several clusters: other, shared",
        ),
    ],
    ids=["node role", "queue", "group roles", "subnets", "clusters"],
)
def test_what_could_be_several_things_is_not_chosen(
    resources: list[tuple[str, dict[str, Any]]], name: str, words: str
) -> None:
    draft = from_terraform(shown(resources))
    assert name not in draft.values and words in draft.why[name]


def test_a_cluster_is_chosen_by_name() -> None:
    other = ("aws_eks_cluster", {**RESOURCES[0][1], "name": "other", "arn": f"{ARN}-b"})
    assert from_terraform(shown([*RESOURCES, other]), "shared").values == EXPECTED


def test_outputs_of_the_usual_modules_are_known_by_name() -> None:
    """terraform-aws-modules: `cluster_security_group_id` is the module's own group, not the one that EKS made."""
    outputs = {
        "cluster_name": "shared",
        "cluster_security_group_id": "sg-0123456789abcdef1",
        "cluster_primary_security_group_id": "sg-0123456789abcdef0",
        "private_subnets": [PRIVATE],
        "vpc_cidr_block": "not a network",
    }
    text = json.dumps({name: {"sensitive": False, "type": "string", "value": value} for name, value in outputs.items()})
    assert from_terraform(text).values == {
        "clusterName": "shared",
        "clusterSecurityGroupId": "sg-0123456789abcdef0",
        "privateSubnetIds": [PRIVATE],
    }


def test_the_outputs_of_a_foundation_of_llmforms_own_are_a_facts_file() -> None:
    outputs = {**EXPECTED, "bucket.weights": "acme-weights", "bucket.logs": "acme-logs"}
    for draft in (from_stack(json.dumps(outputs)), from_stack(exported([], outputs))):
        assert draft.values == outputs and draft.missing == ()


def test_an_encrypted_output_is_missing_and_not_taken_as_text() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    assert "clusterName" in from_stack(exported([], {"clusterName": secret})).missing


@pytest.mark.parametrize("text", ["", "[]", '"x"', "{", '{"version": 3}', '{"a": 1}'])
def test_what_is_no_state_is_said_so(text: str) -> None:
    with pytest.raises(NoState):
        from_terraform(text)
    if text != '{"a": 1}':  # a stack may have outputs that mean nothing here
        with pytest.raises(NoState):
            from_stack(text)


def test_the_command_writes_a_new_file_only(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(shown(RESOURCES))
    command = ["facts", "--from-terraform", "state.json", "-o", "facts/us-east-1.yaml"]
    status, out, err = run(command, tmp_path)
    assert (status, out, err) == (0, "", "1 not found: the file lists it as a comment\n")
    written = (tmp_path / "facts" / "us-east-1.yaml").read_text()
    assert "clusterName: " in written
    status, _, err = run(command, tmp_path)
    assert status == 2 and "exists already" in err
    assert (tmp_path / "facts" / "us-east-1.yaml").read_text() == written


def test_every_output_is_in_every_draft() -> None:
    """As a value or as a comment: nothing is left out in silence."""
    text = text_of(from_stack(json.dumps({"x": 1})), "s.json")
    assert [line.split(": ")[1].split(",")[0] for line in text.splitlines()[1:]] == list(NEEDED_BY)


def outputs(**values: Any) -> str:
    """Return them as `terraform output -json` does."""
    return json.dumps({name: {"sensitive": True, "type": "string", "value": value} for name, value in values.items()})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"format_version": "1.0"}, "the state is empty"),
        ({"format_version": "1.2", "planned_values": {}, "prior_state": {"values": {}}}, "it is a plan"),
        ({"serial": 1, "meta": {}, "encrypted_data": "x", "encryption_version": "v0"}, "an encrypted state"),
        ({"version": 3, "deployment": {"resources": []}}, "`--from-stack` reads it"),
    ],
    ids=["empty state", "plan", "encrypted by OpenTofu", "Pulumi's"],
)
def test_what_looks_like_a_state_and_is_none_is_called_what_it_is(content: dict[str, Any], words: str) -> None:
    with pytest.raises(NoState, match=words):
        from_terraform(json.dumps(content))


@pytest.mark.parametrize("text", [shown(RESOURCES), tfstate(RESOURCES)])
def test_a_state_of_terraform_is_not_read_as_a_stacks_outputs(text: str) -> None:
    """Every key of it would be an output that means nothing here, and the draft would be empty without a word."""
    with pytest.raises(NoState, match="--from-terraform"):
        from_stack(text)


def test_an_instance_that_is_replaced_already_does_not_count() -> None:
    """A state file keeps it as `deposed` until it is deleted; `terraform show -json` names it apart."""
    state = json.loads(tfstate(RESOURCES))
    old = {**RESOURCES[0][1], "arn": f"{ARN}-old", "name": "old"}
    state["resources"][0]["instances"].append({"deposed": "0a1b2c3d", "attributes": old})
    assert from_terraform(json.dumps(state)).values == EXPECTED
    said = json.loads(shown(RESOURCES))
    said["values"]["root_module"]["resources"].append(
        {"mode": "managed", "type": "aws_eks_cluster", "name": "n0", "deposed_key": "0a1b2c3d", "values": old}
    )
    assert from_terraform(json.dumps(said)).values == EXPECTED


def test_outputs_of_another_cluster_fill_no_gap() -> None:
    state = json.loads(shown(without("aws_eks_access_entry")))
    other = {"cluster_name": "other", "queue_name": "other-queue", "bucket.weights": "other-weights"}
    state["values"]["outputs"] = json.loads(outputs(**other))
    assert "bucket.weights" in from_terraform(json.dumps(state)).missing
    assert from_terraform(outputs(**other), cluster="shared").values == {}
    assert from_terraform(outputs(**other), cluster="other").values["interruptionQueue"] == "other-queue"


def test_a_cluster_that_is_not_there_is_said_so() -> None:
    why = from_terraform(shown(RESOURCES), "typo").why["clusterName"]
    assert "no cluster `typo`" in why and "shared" in why


def test_a_role_that_could_be_auto_modes_is_not_taken_for_karpenters() -> None:
    """terraform-aws-modules/eks: `node_iam_role_name` of the root module is the role of EKS Auto Mode's nodes."""
    draft = from_terraform(outputs(node_iam_role_name="auto", cluster_name="shared"))
    assert "nodeRoleName" in draft.missing and "Auto Mode" in draft.why["nodeRoleName"]


@given(content=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: (
    st.lists(inner, max_size=3)
    | st.dictionaries(st.text() | st.sampled_from(KEYS), inner, max_size=4)
), max_leaves=20))  # fmt: skip
def test_no_file_ends_in_an_exception(content: Any) -> None:
    """A state is what another program wrote, or somebody by hand."""
    for read_it in (from_terraform, from_stack):
        for shape in (content, {"values": {"root_module": content, "outputs": content}}, {"deployment": content},
                      {"terraform_version": "1", "resources": content, "outputs": content}):  # fmt: skip
            try:
                draft = read_it(json.dumps(shape))
            except NoState:
                continue
            tree, found = read(text_of(draft, "state.json").encode(), "facts.yaml")
            assert (tree is not None and found == ()) or not draft.values


def test_a_file_that_cannot_be_used_is_broken_input_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    status, out, err = run(["facts", "--from-terraform", "state.json", "-o", "facts.yaml"], tmp_path)
    assert (status, out) == (1, "") and "is not JSON" in err
    assert not (tmp_path / "facts.yaml").exists()
