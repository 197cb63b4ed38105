"""The foundation layer: what an AWS target gets, in which order, and who may do what in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import provider
from components.foundation import (
    addons,
    cluster,
    encryption,
    identities,
    karpenter,
    network,
    stores,
    system,
)
from components.graph import Graph, JsonText, Node, Ref, assemble, references
from components.graph_json import decode_graph, encode_graph, encode_value
from components.invariants import broken
from components.resolve.platform import Platform
from tests import platforms
from tests.oracles import aws as aws_oracle
from tests.platforms import aws_platform, on_prem_platform, store

LOWERINGS = (
    provider.lower,
    network.lower,
    encryption.lower,
    cluster.lower,
    system.lower,
    addons.lower,
    karpenter.lower,
    stores.lower,
    identities.lower,
)
ADMIN = "arn:aws:iam::123456789012:role/ops/Admin"
LETTERS = "abcdef"


def foundation(platform: Platform) -> Graph:
    """Return the graph of the platform's foundation stack."""
    parts = [lower(platform) for lower in LOWERINGS]
    return assemble(
        f"{platform.spec}.{platform.environment}.{platform.target.name}.foundation",
        (c for part in parts for c in part.components),
        (n for part in parts for n in part.nodes),
        {name: value for part in parts for name, value in part.outputs.items()},
    )


def long_names() -> Platform:
    """Return a platform in which every name of the spec has 40 characters."""
    server = replace(platforms.SERVER, name="s" * 40, object_name="s" * 40)
    long_store = store("d" * 40)
    return aws_platform(
        spec="p" * 40,
        environment="e" * 40,
        name="t" * 40,
        servers=(server,),
        stores=(*aws_platform().stores, long_store),
    )


PLATFORMS = {
    "quickstart": aws_platform(),
    "everything": aws_platform(
        account="123456789012",
        admins=(ADMIN, "arn:aws:iam::123456789012:user/sam"),
        nat_per_zone=True,
        owner="ml",
        labels={"cost-center": "4711"},
        stores=(store("weights", holds_weights=True, protect=False), store("documents", retention_days=400)),
    ),
    "least": aws_platform(
        api_allow=(),
        cidr="10.0.0.0/20",
        zones=("eu-west-1a", "eu-west-1b"),
        region="eu-west-1",
        karpenter_managed=False,
        stores=(store("documents", versioned=False, encrypted=False),),
        servers=(),
        weights=(),
    ),
    "long names": long_names(),
}
each_platform = pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS.keys())


def links(graph: Graph) -> dict[str, set[str]]:
    """Return what each node waits for when it is created: references, needs and provider."""
    return {
        n.id: {r.node for r in references(n.inputs) if isinstance(r, Ref)} | set(n.needs) | ({n.provider} - {""})
        for n in graph.nodes
    }


def waits_for(graph: Graph, node_id: str) -> set[str]:
    """Return all nodes that exist before this one does, and that go after it when it is deleted."""
    edges, found, rest = links(graph), set[str](), [node_id]
    while rest:
        for other in edges[rest.pop()] - found:
            found.add(other)
            rest.append(other)
    return found


def of_kind(graph: Graph, kind: str) -> list[Node]:
    """Return the nodes whose resource class is `kind`."""
    return [n for n in graph.nodes if n.type.endswith(f":{kind}")]


def statements(node: Node, key: str = "policy") -> list[Mapping[str, Any]]:
    """Return the statements of the policy document in a node's input."""
    document = node.inputs[key]
    assert isinstance(document, JsonText)
    found = document.value["Statement"]
    assert isinstance(found, list)
    return found


def listed(value: Any) -> list[Any]:
    """Return a list as it is, anything else as a list of one."""
    return value if isinstance(value, list) else [value]


# ---- the whole layer


@each_platform
def test_graph_keeps_every_rule(platform: Platform) -> None:
    """The foundation breaks no invariant, whatever the names and choices of the spec."""
    assert broken(foundation(platform)) == ()


@each_platform
def test_inputs_are_those_of_the_provider(platform: Platform) -> None:
    """Every property exists in pulumi_aws and has its type; policies are documents of IAM's grammar."""
    found = [
        f"{node.id}: {problem}"
        for node in foundation(platform).nodes
        for problem in aws_oracle.problems(node.type, encode_value(node.inputs))
    ]
    assert found == []


@each_platform
def test_graph_survives_its_json(platform: Platform) -> None:
    """The graph read back from its JSON is the graph."""
    graph = foundation(platform)
    assert decode_graph(json.loads(json.dumps(encode_graph(graph)))) == graph


def test_on_prem_has_no_aws() -> None:
    """An on-prem target has no foundation."""
    assert foundation(on_prem_platform()).nodes == ()
    assert foundation(on_prem_platform()).components == ()


@each_platform
def test_everything_has_a_reason_to_read(platform: Platform) -> None:
    """Each component says in words what it is, and which parts of the spec can change it."""
    for component in foundation(platform).components:
        assert component.summary, component.id
        assert component.reads, component.id


def test_outputs_are_the_contract_between_layers() -> None:
    """The layers above find the cluster, its network, its roles, its queue and its buckets by these names."""
    graph = foundation(aws_platform())
    assert set(graph.outputs) == {
        "bucket.weights",
        "clusterArn",
        "clusterCertificateAuthority",
        "clusterEndpoint",
        "clusterName",
        "clusterSecurityGroupId",
        "interruptionQueue",
        "nodeGroupRoleArn",
        "nodeRoleArn",
        "nodeRoleName",
        "privateSubnetIds",
        "vpcCidr",
        "vpcId",
    }
    zones = [ref.node.rpartition("private-")[2] for ref in graph.outputs["privateSubnetIds"]]
    assert zones == ["us-east-1a", "us-east-1b", "us-east-1c"]


def test_provider_refuses_other_accounts() -> None:
    """The provider allows the account that the spec names, and no list of accounts when it names none."""
    named = provider.lower(aws_platform(account="123456789012")).nodes[0]
    assert named.inputs["allowedAccountIds"] == ["123456789012"]
    assert "allowedAccountIds" not in provider.lower(aws_platform()).nodes[0].inputs


def test_provider_alone_brings_no_component() -> None:
    """A stack that has the target's component already can take the AWS provider without it."""
    part = provider.lower_node(aws_platform())
    assert part.components == ()
    assert part.nodes == provider.lower(aws_platform()).nodes


# ---- network

vpcs = st.builds(
    lambda prefix, seed: str(IPv4Network((0x0A000000 + (seed << (32 - prefix)), prefix))),
    st.integers(16, 20),
    st.integers(0, 255),
)
zone_lists = st.lists(st.sampled_from(LETTERS), min_size=2, max_size=6, unique=True)


def subnets(cidr: str, letters: list[str]) -> dict[str, str]:
    """Return the CIDR of each subnet, by node id."""
    zones = tuple(f"us-east-1{letter}" for letter in letters)
    graph = foundation(aws_platform(cidr=cidr, zones=zones))
    return {n.id: n.inputs["cidrBlock"] for n in of_kind(graph, "Subnet")}


@given(vpcs, zone_lists)
def test_subnets_lie_apart_in_the_vpc(cidr: str, letters: list[str]) -> None:
    """No two subnets overlap, all lie in the VPC, and none is too small for a load balancer (/27)."""
    found = [IPv4Network(block) for block in subnets(cidr, letters).values()]
    assert len(found) == 2 * len(letters)
    assert all(block.subnet_of(IPv4Network(cidr)) for block in found)
    assert not any(one.overlaps(other) for one, other in combinations(found, 2))
    assert all(block.prefixlen <= 27 for block in found)


@given(vpcs, zone_lists, zone_lists)
def test_subnets_stay_when_zones_change(cidr: str, before: list[str], after: list[str]) -> None:
    """A zone that stays keeps its subnets, whatever zones come, go or change places."""
    old, new = subnets(cidr, before), subnets(cidr, after)
    kept = old.keys() & new.keys()
    assert len(kept) == 2 * len(set(before) & set(after))
    assert all(old[subnet] == new[subnet] for subnet in kept)


def test_subnets_of_the_smallest_vpc() -> None:
    """A /20 is cut into eight /23; its seventh into eight /26 (10.0.0.0 + 6 × 512 addresses = 10.0.12.0)."""
    assert network.subnet_cidrs("10.0.0.0/20", "us-east-1a") == ("10.0.0.0/23", "10.0.12.0/26")
    assert network.subnet_cidrs("10.0.0.0/20", "us-east-1f") == ("10.0.10.0/23", "10.0.13.64/26")


def test_unknown_zone_letters_are_refused() -> None:
    """A zone beyond f has no place in the VPC; the catalog has none."""
    with pytest.raises(ValueError):
        network.subnet_cidrs("10.0.0.0/16", "us-east-1g")
    regions = platforms.EDITION.regions.values()
    assert {letter for region in regions for letter in region.zones} <= set(network.ZONE_LETTERS)


def test_nat_mode_changes_routes_and_gateways_only() -> None:
    """From one NAT gateway to one a zone, gateways come and private routes change, nothing else."""
    single = {n.id: n for n in foundation(aws_platform()).nodes}
    zonal = {n.id: n for n in foundation(aws_platform(nat_per_zone=True)).nodes}
    new = ("us-east-1b", "us-east-1c")
    assert zonal.keys() - single.keys() == {
        f"network/{kind}{zone}" for kind in ("NatGateway/", "Eip/nat-") for zone in new
    }
    changed = {i for i in single if single[i] != zonal[i]}
    assert single.keys() <= zonal.keys()
    assert changed == {f"network/Route/private-{zone}" for zone in new}


def test_nat_per_zone_keeps_traffic_in_its_zone() -> None:
    """With a NAT gateway in each zone, a private subnet's traffic leaves through its own zone's."""
    graph = foundation(aws_platform(nat_per_zone=True))
    for zone in ("us-east-1a", "us-east-1b", "us-east-1c"):
        table = graph.node(f"network/RouteTableAssociation/private-{zone}").inputs["routeTableId"].node
        assert table == f"network/RouteTable/private-{zone}"
        route = graph.node(f"network/Route/private-{zone}").inputs
        assert route["routeTableId"].node == table
        assert route["natGatewayId"].node == f"network/NatGateway/{zone}"
        gateway = graph.node(f"network/NatGateway/{zone}").inputs
        assert gateway["subnetId"].node == f"network/Subnet/public-{zone}"


def test_new_zone_leaves_cluster_and_node_group_alone() -> None:
    """A third zone changes neither the cluster (EKS would refuse) nor the node group (a replacement)."""
    two = foundation(aws_platform(zones=("us-east-1a", "us-east-1b")))
    three = foundation(aws_platform())
    for node in ("cluster/Cluster/cluster", "system/NodeGroup/system"):
        assert two.node(node).inputs == three.node(node).inputs


def test_default_security_group_lets_nothing_through() -> None:
    """What forgets to name a security group can neither be reached nor reach anything."""
    inputs = foundation(aws_platform()).node("network/DefaultSecurityGroup/network").inputs
    assert (inputs["ingress"], inputs["egress"]) == ([], [])


def test_subnets_carry_the_tags_that_controllers_look_for() -> None:
    """Karpenter and internal load balancers find private subnets, internet load balancers public ones."""
    graph = foundation(aws_platform())
    private = graph.node("network/Subnet/private-us-east-1a").inputs["tags"]
    public = graph.node("network/Subnet/public-us-east-1a").inputs["tags"]
    assert private["karpenter.sh/discovery"] == "hello-default-us-east-1"
    assert private["kubernetes.io/role/internal-elb"] == "1"
    assert public["kubernetes.io/role/elb"] == "1"
    assert "karpenter.sh/discovery" not in public


# ---- cluster and nodes


@each_platform
def test_api_is_never_open_to_the_world(platform: Platform) -> None:
    """The API has a public address only with a list of networks; without one EKS takes 0.0.0.0/0."""
    config = foundation(platform).node("cluster/Cluster/cluster").inputs["vpcConfig"]
    assert config["endpointPrivateAccess"] is True
    assert config["endpointPublicAccess"] is bool(config.get("publicAccessCidrs"))
    assert "0.0.0.0/0" not in config.get("publicAccessCidrs", [])


def test_api_list_is_that_of_the_spec() -> None:
    """The networks of `api.allow` reach the API, and their order in the spec changes nothing."""
    allow = ("203.0.113.0/24", "198.51.100.0/24")
    one, other = (
        foundation(aws_platform(api_allow=nets)).node("cluster/Cluster/cluster").inputs for nets in (allow, allow[::-1])
    )
    assert set(one["vpcConfig"]["publicAccessCidrs"]) == set(allow)
    assert one == other


def test_service_network_is_apart_from_the_vpc() -> None:
    """Services and the VPC never share addresses."""
    for cidr in ("10.0.0.0/16", "10.100.0.0/16", "172.20.0.0/16", "172.20.128.0/20", "192.168.0.0/16"):
        assert not IPv4Network(cluster.service_cidr(cidr)).overlaps(IPv4Network(cidr))


def test_cluster_logs_and_encrypts() -> None:
    """All five control-plane logs are kept 90 days, and secrets are encrypted with the target's key."""
    graph = foundation(aws_platform())
    inputs = graph.node("cluster/Cluster/cluster").inputs
    assert sorted(inputs["enabledClusterLogTypes"]) == [
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    ]
    assert inputs["encryptionConfig"]["resources"] == ["secrets"]
    assert inputs["encryptionConfig"]["provider"]["keyArn"] == Ref("encryption/Key/secrets", "arn")
    logs = graph.node("cluster/LogGroup/cluster").inputs
    assert logs["name"] == "/aws/eks/hello-default-us-east-1/cluster"
    assert logs["retentionInDays"] == 90


def test_admins_have_entries() -> None:
    """Each of `api.admins` gets an access entry with the cluster administrator's policy, and nobody else."""
    graph = foundation(PLATFORMS["everything"])
    standard = {n.inputs["principalArn"] for n in of_kind(graph, "AccessEntry") if n.component == "cluster"}
    assert standard == {ADMIN, "arn:aws:iam::123456789012:user/sam"}
    policies = [n.inputs["policyArn"].rpartition("/")[2] for n in of_kind(graph, "AccessPolicyAssociation")]
    assert policies == ["AmazonEKSClusterAdminPolicy"] * 2
    assert not of_kind(foundation(aws_platform()), "AccessPolicyAssociation")


def test_managed_groups_and_karpenter_do_not_share_a_role() -> None:
    """Only the role of Karpenter's nodes has an entry in the graph; EKS makes the managed groups'."""
    graph = foundation(aws_platform())
    [entry] = of_kind(graph, "AccessEntry")
    assert entry.inputs["principalArn"] == graph.outputs["nodeRoleArn"]
    assert entry.inputs["type"] == "EC2_LINUX"
    group = graph.node("system/NodeGroup/system").inputs
    assert group["nodeRoleArn"] == graph.outputs["nodeGroupRoleArn"] != graph.outputs["nodeRoleArn"]


def test_node_metadata_is_out_of_reach_of_pods() -> None:
    """Nodes answer metadata only with a token and no further than the node; disks are encrypted."""
    template = foundation(aws_platform()).node("system/LaunchTemplate/system").inputs
    assert template["metadataOptions"]["httpTokens"] == "required"
    assert template["metadataOptions"]["httpPutResponseHopLimit"] == 1
    assert all(mapping["ebs"]["encrypted"] == "true" for mapping in template["blockDeviceMappings"])
    kinds = {spec["resourceType"] for spec in template["tagSpecifications"]}
    assert {"instance", "volume"} <= kinds


def test_versions_are_the_editions() -> None:
    """Cluster, nodes and add-ons have the edition's versions, all of one Kubernetes version."""
    edition, graph = platforms.EDITION, foundation(aws_platform())
    assert graph.node("cluster/Cluster/cluster").inputs["version"] == edition.eks.version
    group = graph.node("system/NodeGroup/system").inputs
    assert group["version"] == edition.eks.version
    assert group["releaseVersion"].startswith(edition.eks.version + ".")
    versions = {n.inputs["addonName"]: n.inputs["addonVersion"] for n in of_kind(graph, "Addon")}
    assert versions == {name: pin.version for name, pin in edition.addons.items()}


def test_network_policies_are_enforced() -> None:
    """The VPC CNI enforces NetworkPolicies; without it they would be decoration."""
    addon = foundation(aws_platform()).node("addons/Addon/vpc-cni").inputs
    assert addon["configurationValues"].value["enableNetworkPolicy"] == "true"


# ---- order


def test_order_of_creation() -> None:
    """What must be there first is waited for; deletion goes the other way round."""
    graph = foundation(aws_platform())
    group = waits_for(graph, "system/NodeGroup/system")
    assert "cluster/LogGroup/cluster" in waits_for(graph, "cluster/Cluster/cluster")
    assert "cluster/RolePolicyAttachment/cluster-AmazonEKSClusterPolicy" in waits_for(graph, "cluster/Cluster/cluster")
    for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent"):
        assert f"addons/Addon/{name}" in group
        assert "system/NodeGroup/system" not in waits_for(graph, f"addons/Addon/{name}")
    for name in ("coredns", "metrics-server", "aws-ebs-csi-driver"):
        assert "system/NodeGroup/system" in waits_for(graph, f"addons/Addon/{name}")
    assert "addons/RolePolicyAttachment/vpc-cni-AmazonEKS_CNI_Policy" in group
    for zone in ("us-east-1a", "us-east-1b"):
        assert f"network/Route/private-{zone}" in group
        assert f"network/RouteTableAssociation/private-{zone}" in group
    assert {"network/Route/public", "network/RouteTableAssociation/public-us-east-1a"} <= group


@each_platform
def test_identities_have_their_permissions_first(platform: Platform) -> None:
    """Whatever uses a role waits for the role's policies: it never starts without them or outlives them."""
    graph = foundation(platform)
    users = [n for n in graph.nodes if n.type.split(":")[1].startswith("eks/")]
    for node in users:
        roles = {r.node for r in references(node.inputs) if isinstance(r, Ref) and "/Role/" in r.node}
        if node.type.endswith(":AccessEntry"):  # an entry names a role and calls nothing with it
            continue
        for role in roles:
            granted = {
                n.id
                for n in graph.nodes
                if n.type.startswith("aws:iam/rolePolicy") and Ref(role, "name") == n.inputs["role"]
            }
            assert granted <= waits_for(graph, node.id), node.id


def test_graph_can_be_ordered() -> None:
    """The provider comes first of all, and everything waits for it."""
    order = list(TopologicalSorter(links(foundation(aws_platform()))).static_order())
    assert order[0] == "targets.us-east-1/Provider/aws"


# ---- who may do what

# Actions for which Karpenter's own reference gives no resource either; all of them only read.
UNLIMITED = {
    "arc-zonal-shift:GetManagedResource",
    "iam:ListInstanceProfiles",
    "pricing:GetProducts",
}


def identity_statements(graph: Graph) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every statement of the roles' own policies."""
    for node in of_kind(graph, "RolePolicy"):
        for statement in statements(node):
            yield node.id, statement


@each_platform
def test_roles_change_nothing_everywhere(platform: Platform) -> None:
    """A role has the resource `*` only to read where no other is known; no action is a pattern."""
    for node, statement in identity_statements(foundation(platform)):
        actions = listed(statement["Action"])
        assert not any("*" in action for action in actions), node
        if "*" in listed(statement["Resource"]):
            reads = {a for a in actions if a.startswith("ec2:Describe")}
            assert set(actions) - reads <= UNLIMITED, node


def test_karpenter_changes_only_what_is_its_own() -> None:
    """Every action of Karpenter that creates or removes something is held to the tags of its cluster."""
    graph = foundation(aws_platform())
    policy = statements(graph.node("karpenter/RolePolicy/controller"))
    own = "kubernetes.io/cluster/hello-default-us-east-1"
    writes = [s for s in policy if not _reads_only(s) and s["Sid"] not in ("PassNodeRole", "LaunchFromParts")]
    for statement in writes:
        if statement["Sid"] == "ReceiveInterruptions":
            assert statement["Resource"] == Ref("karpenter/Queue/interruption", "arn")
            continue
        keys = statement["Condition"]["StringEquals"]
        assert {f"aws:RequestTag/{own}", f"aws:ResourceTag/{own}"} & keys.keys(), statement["Sid"]
    [passing] = [s for s in policy if s["Action"] == ["iam:PassRole"]]
    assert passing["Resource"] == Ref("karpenter/Role/node", "arn")
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}


def _reads_only(statement: Mapping[str, Any]) -> bool:
    verbs = {action.partition(":")[2] for action in listed(statement["Action"])}
    return all(verb.startswith(("Describe", "Get", "List")) for verb in verbs)


def test_karpenter_has_the_actions_of_its_reference() -> None:
    """The controller may do what Karpenter's reference lists (v1.14, CloudFormation), nothing more."""
    policy = statements(foundation(aws_platform()).node("karpenter/RolePolicy/controller"))
    assert {action for s in policy for action in s["Action"]} == {
        "arc-zonal-shift:GetManagedResource",
        "ec2:CreateFleet",
        "ec2:CreateLaunchTemplate",
        "ec2:CreateTags",
        "ec2:DeleteLaunchTemplate",
        "ec2:DescribeCapacityReservations",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstanceTypeOfferings",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeInstances",
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribePlacementGroups",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSpotPriceHistory",
        "ec2:DescribeSubnets",
        "ec2:RunInstances",
        "ec2:TerminateInstances",
        "eks:DescribeCluster",
        "iam:AddRoleToInstanceProfile",
        "iam:CreateInstanceProfile",
        "iam:DeleteInstanceProfile",
        "iam:GetInstanceProfile",
        "iam:ListInstanceProfiles",
        "iam:PassRole",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagInstanceProfile",
        "pricing:GetProducts",
        "sqs:DeleteMessage",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
        "ssm:GetParameter",
    }


def test_existing_karpenter_keeps_the_node_role_only() -> None:
    """With `karpenter: existing` its nodes can still join; there is no controller role and no queue."""
    graph = foundation(aws_platform(karpenter_managed=False))
    kinds = {n.type.rpartition(":")[2] for n in graph.nodes if n.component == "karpenter"}
    assert kinds == {"Role", "RolePolicyAttachment", "AccessEntry"}
    assert "interruptionQueue" not in graph.outputs
    assert "nodeRoleName" in graph.outputs


@each_platform
def test_every_role_trusts_one_service(platform: Platform) -> None:
    """Roles are for the control plane, for nodes, or for the pods of one service account of this cluster."""
    graph = foundation(platform)
    cluster_name = graph.node("cluster/Cluster/cluster").inputs["name"]
    services = {
        "cluster/Role/cluster": "eks.amazonaws.com",
        "karpenter/Role/node": "ec2.amazonaws.com",
        "system/Role/node-group": "ec2.amazonaws.com",
    }
    for role in of_kind(graph, "Role"):
        [statement] = statements(role, "assumeRolePolicy")
        assert statement["Principal"] == {"Service": services.get(role.id, "pods.eks.amazonaws.com")}
        if role.id not in services:
            tags = statement["Condition"]["StringEquals"]
            assert tags["aws:RequestTag/eks-cluster-name"] == cluster_name
            assert tags["aws:RequestTag/kubernetes-namespace"]
            assert tags["aws:RequestTag/kubernetes-service-account"]


@each_platform
def test_pod_identities_name_the_account_that_the_role_trusts(platform: Platform) -> None:
    """An association's namespace and service account are those in the trust policy of its role."""
    graph = foundation(platform)
    pairs = [(n.inputs["roleArn"], n) for n in of_kind(graph, "PodIdentityAssociation")]
    for role, node in pairs:
        [statement] = statements(graph.node(role.node), "assumeRolePolicy")
        tags = statement["Condition"]["StringEquals"]
        assert tags["aws:RequestTag/kubernetes-namespace"] == node.inputs["namespace"]
        assert tags["aws:RequestTag/kubernetes-service-account"] == node.inputs["serviceAccount"]
    for addon in of_kind(graph, "Addon"):
        for association in addon.inputs.get("podIdentityAssociations", ()):
            [statement] = statements(graph.node(association["roleArn"].node), "assumeRolePolicy")
            tags = statement["Condition"]["StringEquals"]
            assert tags["aws:RequestTag/kubernetes-namespace"] == "kube-system"
            assert tags["aws:RequestTag/kubernetes-service-account"] == association["serviceAccount"]


def test_server_reads_only_its_own_model() -> None:
    """A model server may read its model's folder, every revision of it, and write nothing."""
    graph = foundation(aws_platform())
    policy = statements(graph.node("serving.chat/RolePolicy/chat"))
    assert {a for s in policy for a in s["Action"]} == {"s3:GetObject", "s3:ListBucket"}
    bucket = Ref("stores.weights/Bucket/weights", "arn")
    [read] = [s for s in policy if s["Action"] == ["s3:GetObject"]]
    assert read["Resource"].parts == (bucket, "/models/Qwen/Qwen2.5-7B-Instruct/*")
    [listing] = [s for s in policy if s["Action"] == ["s3:ListBucket"]]
    assert listing["Resource"] == bucket
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["models/Qwen/Qwen2.5-7B-Instruct/*"]}}


def test_new_revision_keeps_the_old_one_readable() -> None:
    """A changed revision changes no permission: pods of the old one may still restart during the rollout."""
    newer = replace(platforms.WEIGHTS, revision="b" * 40, prefix="models/Qwen/Qwen2.5-7B-Instruct/" + "b" * 40)
    server = replace(platforms.SERVER, weights=newer)
    before, after = aws_platform(), aws_platform(weights=(newer,), servers=(server,))
    for node in ("serving.chat/RolePolicy/chat", "models/RolePolicy/weights-mirror"):
        assert foundation(before).node(node) == foundation(after).node(node)


def test_mirror_writes_and_deletes_nothing() -> None:
    """The mirror may add weights; it cannot delete any."""
    policy = statements(foundation(aws_platform()).node("models/RolePolicy/weights-mirror"))
    actions = {a for s in policy for a in s["Action"]}
    assert "s3:PutObject" in actions
    assert not any("Delete" in action for action in actions)


def test_encrypted_weights_bring_the_keys_use_along() -> None:
    """With an encrypted store for weights, readers may decrypt and the writer encrypt, through S3 only."""
    weights = store("weights", holds_weights=True, protect=False)
    graph = foundation(aws_platform(stores=(weights,)))
    for node, actions in (
        ("serving.chat/RolePolicy/chat", ["kms:Decrypt"]),
        ("models/RolePolicy/weights-mirror", ["kms:Decrypt", "kms:GenerateDataKey"]),
    ):
        [key] = [s for s in statements(graph.node(node)) if s["Sid"] == "Key"]
        assert key["Action"] == actions
        assert key["Resource"] == Ref("encryption/Key/stores", "arn")
        assert key["Condition"] == {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}


# ---- queue, stores, keys


def test_queue_takes_only_the_rules_events_over_tls() -> None:
    """Only EventBridge, for this target's rules, may send to the queue, and nobody without TLS."""
    graph = foundation(aws_platform())
    send, tls = statements(graph.node("karpenter/QueuePolicy/interruption"))
    assert send["Principal"] == {"Service": "events.amazonaws.com"}
    assert send["Action"] == "sqs:SendMessage"
    rules = {ref.node for ref in send["Condition"]["ArnEquals"]["aws:SourceArn"]}
    assert rules == {n.id for n in of_kind(graph, "EventRule")}
    assert (tls["Effect"], tls["Principal"]) == ("Deny", "*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    queue = graph.node("karpenter/Queue/interruption").inputs
    assert queue["sqsManagedSseEnabled"] is True
    assert queue["messageRetentionSeconds"] == 300


def test_every_event_reaches_the_queue() -> None:
    """Each rule has a target, and that is the queue."""
    graph = foundation(aws_platform())
    targets = {n.inputs["rule"].node: n.inputs["arn"].node for n in of_kind(graph, "EventTarget")}
    assert targets == {n.id: "karpenter/Queue/interruption" for n in of_kind(graph, "EventRule")}
    kinds = {n.inputs["eventPattern"].value["detail-type"][0] for n in of_kind(graph, "EventRule")}
    assert kinds == {
        "AWS Health Event",
        "EC2 Capacity Reservation Instance Interruption Warning",
        "EC2 Instance Rebalance Recommendation",
        "EC2 Instance State-change Notification",
        "EC2 Spot Instance Interruption Warning",
    }


@each_platform
def test_buckets_are_private_and_take_tls_only(platform: Platform) -> None:
    """No bucket can be made public, by list or by policy, and none answers without TLS 1.2."""
    graph = foundation(platform)
    for bucket in of_kind(graph, "Bucket"):
        rest = f"{bucket.component}/%s/{bucket.id.rpartition('/')[2]}"
        block = graph.node(rest % "BucketPublicAccessBlock").inputs
        assert [block[key] for key in block if key != "bucket"] == [True] * 4
        rule = graph.node(rest % "BucketOwnershipControls").inputs["rule"]
        assert rule == {"objectOwnership": "BucketOwnerEnforced"}
        tls, version = statements(graph.node(rest % "BucketPolicy"))
        assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert version["Condition"] == {"NumericLessThan": {"s3:TlsVersion": "1.2"}}
        assert all(s["Effect"] == "Deny" and s["Principal"] == "*" for s in (tls, version))
        # what the hub has can be mirrored again; anything else is emptied by hand before its bucket can go
        assert bucket.inputs["forceDestroy"] is (bucket.component == "stores.weights")


def test_stores_are_as_the_spec_says() -> None:
    """`encrypted`, `versioned` and `retention` reach the bucket; data is protected, weights are not."""
    graph = foundation(PLATFORMS["everything"])
    assert graph.node("stores.documents/Bucket/documents").options.protect
    assert not graph.node("stores.weights/Bucket/weights").options.protect
    encryption_rule = graph.node("stores.documents/BucketServerSideEncryptionConfiguration/documents").inputs["rules"][
        0
    ]
    assert encryption_rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"] == Ref(
        "encryption/Key/stores", "arn"
    )
    rules = graph.node("stores.documents/BucketLifecycleConfiguration/documents").inputs["rules"]
    assert {r["id"]: r.get("expiration", {}).get("days") for r in rules} == {
        "abort-uploads": None,
        "noncurrent": None,
        "retention": 400,
    }
    plain = foundation(PLATFORMS["least"])
    versioning = plain.node("stores.documents/BucketVersioning/documents").inputs
    assert versioning["versioningConfiguration"] == {"status": "Suspended"}
    assert "encryption/Key/stores" not in {n.id for n in plain.nodes}


def test_keys_are_protected_and_rotate() -> None:
    """A key that is lost takes what it encrypted along, so keys are protected and deletion waits 30 days."""
    for key in of_kind(foundation(PLATFORMS["everything"]), "Key"):
        assert key.options.protect
        assert key.inputs["enableKeyRotation"] is True
        assert key.inputs["deletionWindowInDays"] == 30


def test_renamed_store_keeps_its_bucket() -> None:
    """With `moved`, a store has new ids and its old names, so nothing is replaced."""
    before = aws_platform(stores=(store("docs"),), servers=(), weights=())
    renamed = replace(store("docs"), name="documents")
    after = replace(before, stores=(renamed,), moved={"stores.documents": "stores.docs"})
    old, new = foundation(before), foundation(after)
    assert new.component("stores.documents").aliases == ("stores.docs",)
    for node in (n for n in old.nodes if n.component == "stores.docs"):
        [twin] = [n for n in new.nodes if node.id in n.options.aliases]
        assert twin.type == node.type
        assert twin.component == "stores.documents"
    assert new.node("stores.documents/Bucket/documents").inputs["bucket"] == store("docs").bucket


def test_renamed_server_keeps_its_identity() -> None:
    """With `moved`, a model server's role and service account stay what they were."""
    renamed = replace(platforms.SERVER, name="talk")
    after = aws_platform(servers=(renamed,), moved={"serving.talk": "serving.chat"})
    old, new = foundation(aws_platform()), foundation(after)
    for node in (n for n in old.nodes if n.component == "serving.chat"):
        [twin] = [n for n in new.nodes if node.id in n.options.aliases]
        same = {k: v for k, v in node.inputs.items() if not isinstance(v, Ref)}
        assert {k: v for k, v in twin.inputs.items() if not isinstance(v, Ref)} == same


def test_summaries_say_what_a_reader_wants_to_know() -> None:
    """Weights in decimal gigabytes (15,231,233,024 bytes), the end of support, who reaches the API."""
    graph = foundation(aws_platform())
    assert graph.component("stores.weights").summary[0].endswith("; holds 15.2 GB of weights")
    until = platforms.EDITION.eks.standard_until
    text = f"EKS {platforms.EDITION.eks.version} (standard support until {until}), API for 198.51.100.0/24"
    assert graph.component("cluster").summary == (text,)
    assert "API only inside the VPC" in foundation(PLATFORMS["least"]).component("cluster").summary[0]
    assert "1 NAT gateway (one zone's failure cuts egress" in graph.component("network").summary[0]
