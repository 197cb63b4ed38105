"""What goes before what when a platform is destroyed, so that nothing is left behind that costs money or blocks a VPC.

The engine deletes a resource after everything that depends on it: by `needs`, by a reference, or as its provider.
Stacks are destroyed by hand in the order workloads, platform, foundation (docs/guides/destroy.md).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.graph import Graph, Ref, kubernetes_object, references
from stacks.compile import compile_spec
from tests.memory_files import MemoryFiles

AWS = {"provider": "aws", "region": "us-east-1", "account": "123456789012"}
ON_PREM = {"provider": "on-prem", "kubeContext": "dresden", "storage": {"shared": "cephfs"}}
OWN = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: cache}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cache}
spec:
  selector: {matchLabels: {app: cache}}
  template:
    metadata: {labels: {app: cache}}
    spec:
      containers: [{name: cache, image: "cache:1"}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: cache}}]
---
apiVersion: v1
kind: Service
metadata: {name: entry}
spec: {type: LoadBalancer, selector: {app: cache}, ports: [{port: 80}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: caches.example.com}
spec: {group: example.com, scope: Namespaced, names: {kind: Cache, plural: caches}, versions: []}
---
apiVersion: example.com/v1
kind: Cache
metadata: {name: cache}
"""


def graphs(target: dict[str, Any]) -> dict[str, Graph]:
    """Return the graph of every layer of a platform with a kept node, two pools, a store, and objects of one's own."""
    aws = target["provider"] == "aws"
    pools = {
        "l40s": {"accelerator": "nvidia-l40s", "max": 3} | ({"min": 1} if aws else {}),
        "spare": {"accelerator": "nvidia-l4", "max": 1},
    }
    spec = {
        "apiVersion": "llmform/v1",
        "name": "hello",
        "models": {"chat": "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"},
        "nodePools": pools,
        "serving": {"chat": {"model": "chat", "pool": "l40s"}},
        "manifests": {"own": {"file": "own.yaml"}},
        "targets": {"here": target},
    } | ({"stores": {"logs": {"kind": "object"}}} if aws else {})
    made = compile_spec(json.dumps(spec).encode(), "spec.json", MemoryFiles({"own.yaml": OWN.encode()}))
    assert made.compilation is not None, made.diagnostics
    return {s.layer: s.graph for s in made.compilation.stacks}


AT_AWS, AT_HOME = graphs(AWS), graphs(ON_PREM)


def below(graph: Graph) -> dict[str, set[str]]:
    """Return for each node everything that it depends on, and which therefore outlives it."""
    direct = {
        n.id: {
            *n.needs,
            *({n.provider} if n.provider else ()),
            *(r.node for r in references(n.inputs) if isinstance(r, Ref)),
        }
        for n in graph.nodes
    }
    found: dict[str, set[str]] = {}

    def all_below(node: str) -> set[str]:
        if node not in found:
            found[node] = set()
            found[node] = direct[node] | {x for d in direct[node] for x in all_below(d)}
        return found[node]

    return {node: all_below(node) for node in direct}


def of_type(graph: Graph, kind: str) -> list[str]:
    return [n.id for n in graph.nodes if n.type.rpartition(":")[2] == kind]


def first_gone(graph: Graph, first: list[str], then: list[str]) -> None:
    assert first and then
    deps = below(graph)
    assert [(a, b) for a in first for b in then if b not in deps[a]] == []


FOUNDATION = AT_AWS["foundation"]
NODES = ["system/NodeGroup/system"]


@pytest.mark.parametrize(
    "kind", ["NatGateway", "Route", "RouteTableAssociation", "InternetGateway", "Cluster", "Subnet"]
)
def test_nodes_go_before_the_network_that_they_leave_through(kind: str) -> None:
    """A node that cannot reach the API any more is not drained, and its network interface keeps the subnet."""
    then = of_type(FOUNDATION, kind)
    if kind == "Subnet":  # nodes are in the private subnets of the cluster's first two zones
        then = [s for s in then if s.endswith(("private-us-east-1a", "private-us-east-1b"))]
    first_gone(FOUNDATION, NODES, then)


def test_the_network_plugin_outlives_the_nodes() -> None:
    """It takes its interfaces with it: one that stays would keep a security group and a subnet."""
    first_gone(
        FOUNDATION, NODES, ["addons/Addon/vpc-cni", "addons/Addon/kube-proxy", "addons/Addon/eks-pod-identity-agent"]
    )


def test_what_runs_on_nodes_goes_before_them() -> None:
    first_gone(
        FOUNDATION, ["addons/Addon/coredns", "addons/Addon/aws-ebs-csi-driver", "addons/Addon/metrics-server"], NODES
    )


def test_the_cluster_outlives_all_that_is_in_it_and_not_its_key_logs_and_permissions() -> None:
    """A log group that goes first is made again by EKS; without the role EKS cannot remove its interfaces."""
    cluster = "cluster/Cluster/cluster"
    inside = [
        k for kind in ("NodeGroup", "Addon", "AccessEntry", "PodIdentityAssociation") for k in of_type(FOUNDATION, kind)
    ]
    first_gone(FOUNDATION, inside, [cluster])
    roles = [
        i
        for kind in ("Role", "RolePolicy", "RolePolicyAttachment")
        for i in of_type(FOUNDATION, kind)
        if i.startswith("cluster/")
    ]
    first_gone(FOUNDATION, [cluster], ["cluster/LogGroup/cluster", "encryption/Key/secrets", *roles])


def test_permissions_outlive_who_has_them() -> None:
    for association in of_type(FOUNDATION, "PodIdentityAssociation"):
        component = association.partition("/")[0]
        policies = [p for p in of_type(FOUNDATION, "RolePolicy") if p.startswith(f"{component}/")]
        name = association.rpartition("/")[2]
        first_gone(FOUNDATION, [association], [p for p in policies if p.endswith(f"/{name}")])


def test_a_nat_gateway_goes_before_its_address_and_the_internet_gateway() -> None:
    first_gone(
        FOUNDATION,
        of_type(FOUNDATION, "NatGateway"),
        [*of_type(FOUNDATION, "Eip"), *of_type(FOUNDATION, "InternetGateway")],
    )


def test_everything_in_the_vpc_goes_before_it() -> None:
    kinds = ("Subnet", "RouteTable", "InternetGateway", "VpcEndpoint", "NatGateway", "Cluster", "NodeGroup")
    first_gone(FOUNDATION, [i for kind in kinds for i in of_type(FOUNDATION, kind)], ["network/Vpc/network"])


def test_what_guards_a_bucket_goes_before_it() -> None:
    for bucket in of_type(FOUNDATION, "Bucket"):
        component = bucket.partition("/")[0]
        guards = [n.id for n in FOUNDATION.nodes if n.component == component and n.id != bucket]
        first_gone(FOUNDATION, guards, [bucket])


def test_pools_go_before_the_controller_that_drains_them() -> None:
    """A NodePool's nodes are removed by Karpenter; an EC2NodeClass waits until none uses it."""
    platform = AT_AWS["platform"]
    controller = ["addons.karpenter/Release/karpenter"]
    first_gone(platform, of_type(platform, "NodePool"), controller)
    first_gone(platform, of_type(platform, "EC2NodeClass"), controller)
    first_gone(platform, controller, ["addons.karpenter/Release/karpenter-crd"])
    for pool in of_type(platform, "NodePool"):
        component = pool.partition("/")[0]
        first_gone(platform, [pool], [i for i in of_type(platform, "EC2NodeClass") if i.startswith(f"{component}/")])
    for node in platform.nodes:
        if node.id in (*of_type(platform, "NodePool"), *of_type(platform, "EC2NodeClass")):
            assert node.options.delete_timeout >= 1800  # a drain takes as long as the requests in flight


def test_a_kept_node_goes_before_its_launch_template() -> None:
    platform = AT_AWS["platform"]
    first_gone(platform, of_type(platform, "NodeGroup"), of_type(platform, "LaunchTemplate"))


@pytest.mark.parametrize("graph", [AT_AWS["platform"], AT_HOME["platform"], AT_AWS["workloads"], AT_HOME["workloads"]])
def test_objects_go_before_their_namespace(graph: Graph) -> None:
    deps = below(graph)
    spaces = {n.inputs["metadata"]["name"]: n.id for n in graph.nodes if n.inputs.get("kind") == "Namespace"}
    for node in graph.nodes:
        at = (
            node.inputs.get("metadata", {}).get("namespace")
            if kubernetes_object(node)
            else node.inputs.get("namespace")
        )
        if at in spaces:
            assert spaces[at] in deps[node.id], node.id


@pytest.mark.parametrize("graph", [AT_AWS["workloads"], AT_HOME["workloads"]])
def test_servers_go_before_what_they_use(graph: Graph) -> None:
    """Pods end while they may still read, and a volume is free before its claim goes."""
    used = [
        f"serving.chat/{kind}/chat" for kind in ("ServiceAccount", "NetworkPolicy", "PodDisruptionBudget", "Service")
    ]
    claims = [i for i in of_type(graph, "PersistentVolumeClaim") if i.startswith("models.")]
    first_gone(graph, ["serving.chat/Deployment/chat"], [*used, *claims])
    jobs = of_type(graph, "Job")
    first_gone(
        graph,
        jobs,
        ["weights-mirror/ServiceAccount/weights-mirror", "weights-mirror/NetworkPolicy/weights-mirror", *claims],
    )
    first_gone(graph, ["manifests.own/Deployment/cache"], ["manifests.own/PersistentVolumeClaim/cache"])
    first_gone(graph, ["manifests.own/Cache/cache"], ["manifests.own/CustomResourceDefinition/caches.example.com"])


def test_load_balancers_and_volumes_are_in_a_layer_above_what_removes_them() -> None:
    """Load balancers and claims are workloads; EKS and the CSI driver, which remove them, are foundation."""
    assert "manifests.own/Service/entry" in {n.id for n in AT_AWS["workloads"].nodes}
    assert "manifests.own/PersistentVolumeClaim/cache" in {n.id for n in AT_AWS["workloads"].nodes}
    assert "addons/Addon/aws-ebs-csi-driver" in {n.id for n in FOUNDATION.nodes}
    for layer in ("foundation", "platform"):
        assert not [n for n in AT_AWS[layer].nodes if n.inputs.get("kind") in ("Service", "PersistentVolumeClaim")]


def test_objects_go_before_the_provider_that_deletes_them() -> None:
    for graph in (*AT_AWS.values(), *AT_HOME.values()):
        deps = below(graph)
        assert all(n.provider in deps[n.id] for n in graph.nodes if not n.type.startswith("pulumi:"))
