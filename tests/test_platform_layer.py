"""The platform layer: what the lowerings of components/platform and the Kubernetes provider make."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from components import invariants, kubernetes_provider, manifests
from components import provider as aws_provider
from components.accelerators import accelerator_title
from components.engine_options import with_engine_options
from components.graph import (
    PROJECT,
    Format,
    Graph,
    JsonText,
    Ref,
    StackOutput,
    assemble,
    kubernetes_object,
    urn,
)
from components.graph_json import encode_value
from components.platform import (
    gpu_operator,
    karpenter,
    namespaces,
    node_pools,
    nvidia_device_plugin,
    storage_class,
)
from components.platform.node_storage import node_storage, weights_on_node
from components.resolve.platform import Platform, Pool, Server, Taint
from tests.oracles import aws, kubernetes, release
from tests.platforms import EDITION, GIB, POOL, SERVER, WEIGHTS, aws_platform, on_prem_platform

LAYER = (
    kubernetes_provider,
    namespaces,
    karpenter,
    nvidia_device_plugin,
    gpu_operator,
    storage_class,
    node_pools,
)


def pool(name: str = "l40s", *types: str, **changes: Any) -> Pool:
    """Return the quickstart's pool, 0 to 2 nodes with 1 L40S each, with these instance types and fields."""
    instances = tuple(EDITION.instances[t] for t in types) or POOL.instances
    return replace(POOL, **({"name": name, "object_name": name, "instances": instances} | changes))


def cpu_pool(name: str = "cpu", **changes: Any) -> Pool:
    """Return a pool without GPUs, 0 to 3 nodes of 8 vCPU."""
    return pool(name, "m7i.2xlarge", **({"accelerator": "", "per_node": 0, "maximum": 3} | changes))


def server(on: Pool, name: str = "chat", *, size: int = WEIGHTS.size, gpus: int = 1) -> Server:
    """Return the quickstart's server on this pool, with weights of this many bytes."""
    return replace(SERVER, name=name, pool=on, weights=replace(WEIGHTS, size=size), gpus=gpus)


def platform(*pools: Pool, **changes: Any) -> Platform:
    """Return the quickstart at AWS with these pools and its server on the first of them."""
    own = pools or (POOL,)
    return aws_platform(**({"pools": own, "servers": (server(own[0]),)} | changes))


def on_prem(*pools: Pool, **changes: Any) -> Platform:
    """Return the quickstart on a cluster of one's own, with a managed GPU operator."""
    own = tuple(replace(p, instances=(), capacity=()) for p in pools or (POOL,))
    return on_prem_platform(**({"pools": own, "servers": (), "gpu_operator_managed": True} | changes))


def graph(given: Platform) -> Graph:
    """Return the graph of the platform stack."""
    parts = [module.lower(given) for module in LAYER]
    outputs = {name: value for part in parts for name, value in part.outputs.items()}
    components = [c for part in parts for c in part.components]
    nodes = [n for part in parts for n in part.nodes]
    return assemble(f"hello.default.{given.target.name}.platform", components, nodes, outputs)


CASES: dict[str, Platform] = {
    "quickstart": platform(),
    "minimum": platform(pool(minimum=1)),
    "fixed": platform(pool("h100", "p5.48xlarge", per_node=8, minimum=1, maximum=1, accelerator="nvidia-h100-80gb")),
    "cpu": platform(cpu_pool(minimum=1), servers=()),
    "spot": platform(pool(capacity=("spot", "on-demand"), minimum=1)),
    "arm": platform(pool("t4g", "g5g.xlarge", accelerator="nvidia-t4g", minimum=1)),
    "taints and labels": platform(
        pool(
            labels={"team.example/tier": "gold"},
            taints=(Taint("team.example/own", "", "NoExecute"),),
            minimum=1,
        ),
        owner="platform-ml",
        labels={"cost-center": "4711"},
    ),
    "existing add-ons": platform(karpenter_managed=False, device_plugin_managed=False),
    "on-prem": on_prem(),
    "on-prem, existing": on_prem(gpu_operator_managed=False),
    "long names": platform(pool("l" * 40, minimum=1), spec="s" * 40, environment="e" * 40, namespace="n" * 63),
    "renamed": platform(
        pool("inference", object_name="l40s", minimum=1), moved={"nodePools.inference": "nodePools.l40s"}
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_graph_keeps_the_invariants(case: str) -> None:
    """No dangling reference, cycle, doubled id or name that the service refuses."""
    assert invariants.broken(graph(CASES[case])) == ()


@pytest.mark.parametrize("case", CASES)
def test_everything_passes_strict_validation(case: str) -> None:
    """The API server, the Helm Release class and the AWS classes accept every property."""
    found = []
    for node in graph(CASES[case]).nodes:
        inputs = encode_value(node.inputs)
        if kubernetes_object(node):
            problems = kubernetes.problems(inputs)
        elif node.type.startswith(("aws:", "pulumi:providers:aws")):
            problems = aws.problems(node.type, inputs)
        elif node.type == "pulumi:providers:aws":
            continue
        else:
            problems = release.problems(node.type, inputs)
        found += [f"{node.id}: {problem}" for problem in problems]
    assert found == []


def test_validation_sees_a_misspelt_key() -> None:
    """The judge is awake: a wrong key in the NodePool, the Release or the node group is found."""
    nodes = graph(CASES["minimum"])

    def misspelt(node_id: str) -> dict[str, Any]:
        return dict(encode_value(nodes.node(node_id).inputs)) | {"specc": {}}

    assert kubernetes.problems(misspelt("nodePools.l40s/NodePool/l40s"))
    assert release.problems("kubernetes:helm.sh/v3:Release", misspelt("addons.karpenter/Release/karpenter"))
    assert aws.problems("aws:eks/nodeGroup:NodeGroup", misspelt("nodePools.l40s/NodeGroup/l40s"))


# ---- provider ----


def provider(given: Platform) -> dict[str, Any]:
    return dict(graph(given).node(manifests.kubernetes_provider(given)).inputs)


def test_the_provider_is_identified_by_the_cluster() -> None:
    """A changed kubeconfig must not replace every object, so the identity is set on EKS and on-prem alike."""
    assert provider(CASES["quickstart"])["clusterIdentifier"] == StackOutput("foundation", "clusterArn")
    assert provider(CASES["on-prem"])["clusterIdentifier"] == "hello.default.dresden"


def test_the_kubeconfig_of_eks_holds_no_secret() -> None:
    """Who runs the stack signs in with their own AWS credentials, through the AWS CLI."""
    kubeconfig = provider(CASES["quickstart"])["kubeconfig"]
    assert isinstance(kubeconfig, JsonText)
    user = kubeconfig.value["users"][0]["user"]
    assert set(user) == {"exec"}
    assert " ".join([user["exec"]["command"], *user["exec"]["args"]]) == (
        "aws eks get-token --cluster-name hello-default-us-east-1 --region us-east-1 --output json"
    )
    assert kubeconfig.value["clusters"][0]["cluster"] == {
        "server": StackOutput("foundation", "clusterEndpoint"),
        "certificate-authority-data": StackOutput("foundation", "clusterCertificateAuthority"),
    }


def test_on_prem_uses_the_context_of_the_ambient_kubeconfig() -> None:
    """No kubeconfig is written down: the file of whoever runs the stack has the context."""
    inputs = provider(CASES["on-prem"])
    assert inputs["context"] == "dresden"
    assert "kubeconfig" not in inputs


@pytest.mark.parametrize("case", ["quickstart", "on-prem"])
def test_objects_are_applied_and_never_adopted(case: str) -> None:
    """ConfigMaps and Secrets change in place; an object that is there already is an error."""
    inputs = provider(CASES[case])
    for key in ("enableServerSideApply", "enableConfigMapMutable", "enableSecretMutable"):
        assert inputs[key] is True
    assert inputs["upsertExistingObjects"] is False


# ---- namespaces ----


def test_the_workloads_namespace_is_restricted_at_the_clusters_version() -> None:
    """All three modes, pinned to the EKS version, so that an upgrade alone changes no rule."""
    labels = graph(CASES["quickstart"]).node(namespaces.WORKLOADS).inputs["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"
        assert labels[f"pod-security.kubernetes.io/{mode}-version"] == f"v{EDITION.eks.version}"


def test_traffic_is_denied_by_default_both_ways() -> None:
    """An empty pod selector and both policy types, with no rule: nothing is allowed."""
    node = graph(CASES["quickstart"]).node("namespaces/NetworkPolicy/default-deny")
    assert node.inputs["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert node.inputs["metadata"]["namespace"] == "hello-default"


def test_the_nvidia_namespace_is_there_only_with_a_managed_add_on() -> None:
    """The add-on needs the host's devices, so its namespace alone is privileged."""
    made = graph(CASES["quickstart"]).node(namespaces.NVIDIA)
    assert made.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    for case in ("existing add-ons", "on-prem, existing"):
        assert namespaces.NVIDIA not in {n.id for n in graph(CASES[case]).nodes}


def test_namespaces_need_nothing_but_the_provider() -> None:
    """A target without a platform stack has them in its workloads stack."""
    given = CASES["on-prem, existing"]
    part = namespaces.lower(given)
    own = {n.id for n in part.nodes} | {manifests.kubernetes_provider(given)}
    assert {link for n in part.nodes for link in (*n.needs, n.provider)} <= own


def test_the_stack_declares_the_namespace() -> None:
    """The workloads stack reads where to put its objects."""
    assert graph(CASES["quickstart"]).outputs == {"namespace": "hello-default"}


# ---- add-ons ----


def test_managed_add_ons_are_pinned_releases() -> None:
    """Each chart at the edition's version, in a namespace that is there, with a fixed release name."""
    nodes = [n for n in graph(CASES["quickstart"]).nodes if n.type == "kubernetes:helm.sh/v3:Release"]
    assert {n.inputs["name"]: n.inputs["version"] for n in nodes} == {
        name: EDITION.charts[name].version for name in ("karpenter-crd", "karpenter", "nvidia-device-plugin")
    }
    assert not any(n.inputs["createNamespace"] or n.inputs["skipAwait"] for n in nodes)


def test_existing_add_ons_are_not_installed() -> None:
    """`addons: existing` leaves pools without anything to wait for."""
    made = graph(CASES["existing add-ons"])
    assert not [n for n in made.nodes if n.type == "kubernetes:helm.sh/v3:Release"]
    assert made.node("nodePools.l40s/EC2NodeClass/l40s").needs == ()


def test_an_oci_chart_is_named_whole_and_a_repository_apart() -> None:
    """Helm takes `oci://…` as the chart itself."""
    made = graph(CASES["quickstart"])
    karpenter_release = made.node("addons.karpenter/Release/karpenter").inputs
    assert karpenter_release["chart"] == "oci://public.ecr.aws/karpenter/karpenter"
    assert "repositoryOpts" not in karpenter_release
    plugin = made.node("addons.nvidia-device-plugin/Release/nvidia-device-plugin").inputs
    assert plugin["chart"] == "nvidia-device-plugin"
    assert plugin["repositoryOpts"] == {"repo": EDITION.charts["nvidia-device-plugin"].repository}


def test_karpenter_runs_on_the_system_nodes_and_knows_its_cluster() -> None:
    """Names by contract, so that they are in the plan; nodes that it does not make itself."""
    values = graph(CASES["quickstart"]).node(karpenter.RELEASE).inputs["values"]
    assert values["settings"]["clusterName"] == "hello-default-us-east-1"
    assert values["settings"]["interruptionQueue"] == "hello-default-us-east-1-interruption"
    assert values["nodeSelector"]["llmform.dev/pool"] == "system"
    assert values["serviceAccount"] == {"create": True, "name": "karpenter"}


def test_karpenters_crds_are_upgraded_by_a_release_of_their_own() -> None:
    """The controller's chart leaves them alone and comes after them."""
    node = graph(CASES["quickstart"]).node(karpenter.RELEASE)
    assert node.inputs["skipCrds"] is True
    assert node.needs == ("addons.karpenter/Release/karpenter-crd",)


def test_gpu_add_ons_get_onto_every_gpu_node() -> None:
    """They tolerate the GPU taint and each taint of a GPU pool once, and nothing of CPU pools."""
    taint = Taint("team.example/own", "chat", "NoExecute")
    gpu = (pool(taints=(taint,)), pool("other", taints=(taint,)))
    cpu = cpu_pool(taints=(Taint("cpu.example/only", "", "NoSchedule"),))
    expected = [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "team.example/own", "operator": "Equal", "value": "chat", "effect": "NoExecute"},
    ]
    made = graph(platform(*gpu, cpu)).node("addons.nvidia-device-plugin/Release/nvidia-device-plugin")
    assert made.inputs["values"]["tolerations"] == expected
    assert made.inputs["values"]["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    operator = graph(on_prem(*gpu, cpu)).node("addons.gpu-operator/Release/gpu-operator")
    values = operator.inputs["values"]
    assert values["daemonsets"]["tolerations"] == expected
    assert values["node-feature-discovery"]["worker"]["tolerations"] == expected


# ---- node pools ----


def node_pool(given: Platform, name: str = "l40s") -> dict[str, Any]:
    spec: dict[str, Any] = graph(given).node(f"nodePools.{name}/NodePool/{name}").inputs["spec"]
    return spec


def node_class(given: Platform, name: str = "l40s") -> dict[str, Any]:
    spec: dict[str, Any] = graph(given).node(f"nodePools.{name}/EC2NodeClass/{name}").inputs["spec"]
    return spec


def node_group(given: Platform, name: str = "l40s") -> dict[str, Any]:
    return dict(graph(given).node(f"nodePools.{name}/NodeGroup/{name}").inputs)


def test_gpu_nodes_do_not_end_under_a_model() -> None:
    """No expiry, only empty nodes are consolidated, drift takes one node at a time."""
    spec = node_pool(CASES["quickstart"])
    assert spec["template"]["spec"]["expireAfter"] == "Never"
    assert spec["disruption"] == {
        "consolidationPolicy": "WhenEmpty",
        "consolidateAfter": "10m",
        "budgets": [{"nodes": "1"}],
    }
    assert "terminationGracePeriod" not in spec["template"]["spec"]


def test_cpu_nodes_expire_and_are_consolidated() -> None:
    """30 days, and what is underused is packed together."""
    spec = node_pool(platform(cpu_pool(), servers=()), "cpu")
    assert spec["template"]["spec"]["expireAfter"] == "720h"
    assert spec["disruption"]["consolidationPolicy"] == "WhenEmptyOrUnderutilized"
    assert "taints" not in spec["template"]["spec"]


def test_a_node_may_be_each_instance_type_cheapest_first() -> None:
    """Requirements pin type, capacity, architecture and system."""
    requirements = node_pool(platform(pool(capacity=("spot", "on-demand"))))["template"]["spec"]["requirements"]
    assert {r["key"]: r["values"] for r in requirements} == {
        "node.kubernetes.io/instance-type": ["g6e.xlarge", "g6e.2xlarge"],
        "karpenter.sh/capacity-type": ["on-demand", "spot"],
        "kubernetes.io/arch": ["amd64"],
        "kubernetes.io/os": ["linux"],
    }


@pytest.mark.parametrize(
    ("own", "limit"),
    [
        (pool(minimum=0, maximum=2), {"nvidia.com/gpu": str((2 - 0) * 1)}),
        (
            pool("l40s", "g6e.12xlarge", per_node=4, minimum=2, maximum=6),
            {"nvidia.com/gpu": str((6 - 2) * 4)},
        ),
        (cpu_pool(name="l40s", minimum=1, maximum=3), {"cpu": str((3 - 1) * 8)}),
    ],
)
def test_karpenter_may_start_what_the_minimum_leaves(own: Pool, limit: dict[str, str]) -> None:
    """The managed group's nodes are not Karpenter's, so they are not in its limit."""
    assert node_pool(platform(own, servers=()))["limits"] == limit


def test_gpu_nodes_carry_the_pools_label_and_the_gpu_taint() -> None:
    """Servers select by the label, nothing else gets onto a GPU node; llmform's label wins."""
    own = pool(
        labels={"team.example/tier": "gold", manifests.POOL_LABEL: "mine"},
        taints=(Taint("team.example/own", "", "NoExecute"),),
    )
    template = node_pool(platform(own))["template"]
    assert template["metadata"]["labels"] == {
        "llmform.dev/pool": "l40s",
        "nvidia.com/gpu.present": "true",
        "team.example/tier": "gold",
    }
    assert template["spec"]["taints"] == [
        {"key": "nvidia.com/gpu", "effect": "NoSchedule"},
        {"key": "team.example/own", "effect": "NoExecute"},
    ]


def test_nodes_are_pinned_private_and_without_a_role_for_pods() -> None:
    """Pinned image, the foundation's role, subnets and group, and a metadata service one hop deep."""
    spec = node_class(CASES["quickstart"])
    assert spec["amiSelectorTerms"] == [{"alias": EDITION.ami.karpenter_alias}]
    assert not spec["amiSelectorTerms"][0]["alias"].endswith("@latest")
    assert spec["role"] == "hello-default-us-east-1-node"
    assert spec["subnetSelectorTerms"] == [{"tags": {"karpenter.sh/discovery": "hello-default-us-east-1"}}]
    assert spec["securityGroupSelectorTerms"] == [{"id": StackOutput("foundation", "clusterSecurityGroupId")}]
    assert spec["metadataOptions"]["httpTokens"] == "required"
    assert spec["metadataOptions"]["httpPutResponseHopLimit"] == 1
    assert spec["blockDeviceMappings"][0]["ebs"]["encrypted"] is True


def test_a_pool_comes_after_its_crds_and_its_node_class() -> None:
    """And goes before them, so that Karpenter is still there to remove the nodes."""
    made = graph(CASES["quickstart"])
    assert made.node("nodePools.l40s/EC2NodeClass/l40s").needs == (karpenter.RELEASE,)
    assert made.node("nodePools.l40s/NodePool/l40s").needs == ("nodePools.l40s/EC2NodeClass/l40s",)


# ---- minimum ----


def test_a_minimum_is_kept_by_a_managed_node_group() -> None:
    """Karpenter has no minimum; the group has exactly that many nodes, like Karpenter's."""
    given = platform(pool(minimum=1, maximum=3))
    inputs = node_group(given)
    assert inputs["scalingConfig"] == {"minSize": 1, "desiredSize": 1, "maxSize": 1}
    assert inputs["amiType"] == "AL2023_x86_64_NVIDIA"
    assert inputs["releaseVersion"] == EDITION.ami.release_version
    assert inputs["instanceTypes"] == ["g6e.xlarge", "g6e.2xlarge"]
    assert inputs["labels"] == node_pool(given)["template"]["metadata"]["labels"]
    assert inputs["taints"] == [{"key": "nvidia.com/gpu", "effect": "NO_SCHEDULE"}]
    assert inputs["nodeRoleArn"] == StackOutput("foundation", "nodeGroupRoleArn")
    template = "nodePools.l40s/LaunchTemplate/l40s"
    assert inputs["launchTemplate"] == {
        "id": Ref(template, "id"),
        "version": Format((Ref(template, "latestVersion"),)),
    }


def test_a_fixed_pool_has_nothing_for_karpenter() -> None:
    """With `min` equal to `max` no node is ever started for a pod."""
    kinds = {n.id.split("/")[1] for n in graph(CASES["fixed"]).nodes if n.component == "nodePools.h100"}
    assert kinds == {"NodeGroup", "LaunchTemplate"}


def test_a_pool_without_a_minimum_has_no_aws_resource() -> None:
    """The platform stack then needs no AWS provider."""
    assert not [n for n in graph(CASES["quickstart"]).nodes if n.type.startswith(("aws:", "pulumi:providers:aws"))]
    provider_node = graph(CASES["minimum"]).node(manifests.aws_provider(CASES["minimum"]))
    assert provider_node == aws_provider.lower(CASES["minimum"]).nodes[0]


@pytest.mark.parametrize(
    ("capacity", "bought"),
    [(("on-demand",), "ON_DEMAND"), (("spot",), "SPOT"), (("spot", "on-demand"), "ON_DEMAND")],
)
def test_the_minimum_is_on_demand_where_it_may_be(capacity: tuple[str, ...], bought: str) -> None:
    """A node group has one capacity type, and spot can be taken back."""
    given = platform(pool(minimum=1, capacity=capacity))
    assert node_group(given)["capacityType"] == bought
    said = any(
        "on demand because spot can be taken back" in s for s in graph(given).component("nodePools.l40s").summary
    )
    assert said is (len(capacity) == 2)


def test_the_architecture_decides_the_image() -> None:
    """EKS has one AMI type for each architecture, with and without GPUs."""
    assert node_group(CASES["arm"], "t4g")["amiType"] == "AL2023_ARM_64_NVIDIA"
    assert node_group(CASES["cpu"], "cpu")["amiType"] == "AL2023_x86_64_STANDARD"


def test_a_group_that_is_replaced_gets_a_new_name_and_one_that_is_updated_does_not() -> None:
    """So the new group can exist beside the old one while its nodes drain."""
    before = node_group(platform(pool(minimum=1)))["nodeGroupName"]
    other_types = node_group(platform(pool("l40s", "g6e.4xlarge", minimum=1)))["nodeGroupName"]
    other_zones = node_group(platform(pool(minimum=1), zones=("us-east-1a", "us-east-1b")))["nodeGroupName"]
    labelled = node_group(platform(pool(minimum=2, labels={"a.example/b": "c"})))["nodeGroupName"]
    assert before.startswith("hello-default-us-east-1-l40s-")
    assert len({before, other_types, other_zones}) == 3
    assert labelled == before


def test_the_groups_launch_template_is_karpenters_node_class_again() -> None:
    """Same volume, metadata service and tags, whoever starts the node."""
    for own in (pool(minimum=1), pool("l40s", "g6f.xlarge", minimum=1)):
        given = platform(own)
        template = graph(given).node("nodePools.l40s/LaunchTemplate/l40s").inputs
        spec = node_class(given)
        volume, other = template["blockDeviceMappings"][0]["ebs"], spec["blockDeviceMappings"][0]["ebs"]
        assert f"{volume['volumeSize']}Gi" == other["volumeSize"]
        assert (volume["iops"], volume["throughput"]) == (other["iops"], other["throughput"])
        assert (volume["encrypted"], volume["deleteOnTermination"]) == ("true", "true")
        for key in ("httpEndpoint", "httpTokens", "httpPutResponseHopLimit"):
            assert template["metadataOptions"][key] == spec["metadataOptions"][key]
        assert all(t["tags"] == spec["tags"] for t in template["tagSpecifications"])
        assert ("userData" in template) is ("instanceStorePolicy" in spec)


def test_the_groups_nvme_disks_are_striped_by_nodeadm() -> None:
    """EKS takes user data as MIME multi-part only; nodeadm reads the part of its own type."""
    from email import message_from_string

    template = graph(CASES["minimum"]).node("nodePools.l40s/LaunchTemplate/l40s").inputs
    message = message_from_string(base64.b64decode(template["userData"]).decode())
    assert [part.get_content_type() for part in message.get_payload()] == ["application/node.eks.aws"]  # type: ignore[union-attr]
    assert "strategy: RAID0" in message.get_payload()[0].get_payload()  # type: ignore[index, union-attr]


# ---- storage ----


def test_nvme_holds_images_and_weights_where_every_type_has_enough() -> None:
    """g6e.xlarge has 250 GB, quickstart needs 14.2 GiB of weights and 100 GiB of room."""
    spec = node_class(CASES["quickstart"])
    assert spec["instanceStorePolicy"] == "RAID0"
    assert spec["blockDeviceMappings"][0]["ebs"]["volumeSize"] == "40Gi"


def test_nvme_that_is_too_small_is_not_used() -> None:
    """250 GB are 232.8 GiB, less than 140 GiB of weights and 100 of room: the root volume takes them."""
    own = pool()
    given = platform(own, servers=(server(own, size=140 * GIB),))
    spec = node_class(given)
    assert "instanceStorePolicy" not in spec
    ebs = spec["blockDeviceMappings"][0]["ebs"]
    assert ebs["volumeSize"] == "250Gi"  # 140 + 100, in steps of 50
    assert ebs["throughput"] == 1000
    assert ebs["iops"] * 0.25 >= ebs["throughput"]


def test_a_root_volume_rounds_weights_up() -> None:
    """15,231,233,024 bytes are 14.19 GiB: 15 + 100, in steps of 50; one type without NVMe is enough."""
    own = pool("l40s", "g6e.xlarge", "m7i.large")
    assert node_storage(platform(own), own).volume_gib == 150


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ((("a", 10, 1),), 8 * 10),  # eight pods of one GPU
        ((("a", 140, 4),), 2 * 140),  # two pods of four
        ((("a", 140, 4), ("b", 50, 1)), 8 * 50),  # the small ones hold more
        ((("a", 140, 3), ("b", 10, 1)), 2 * 140 + 2 * 10),  # two of three GPUs leave two
        ((("a", 10, 16),), 0),  # fits on no node
        ((), 0),
    ],
)
def test_weights_on_a_node_are_what_its_gpus_can_have_at_most(
    servers: tuple[tuple[str, int, int], ...], expected: int
) -> None:
    """Eight GPUs, servers of (name, weights, GPUs)."""
    own = pool("h100", "p5.48xlarge", per_node=8)
    given = platform(own, servers=tuple(server(own, n, size=s, gpus=g) for n, s, g in servers))
    assert weights_on_node(given, own) == expected


# ---- moved ----


def test_a_moved_pool_keeps_its_physical_names() -> None:
    """The spec's name changes, no object does: names, labels and the servers' selector stay."""
    before, after = CASES["minimum"], CASES["renamed"]
    for kind in ("NodePool", "EC2NodeClass", "NodeGroup", "LaunchTemplate"):
        old = graph(before).node(f"nodePools.l40s/{kind}/l40s")
        new = graph(after).node(f"nodePools.inference/{kind}/inference")
        expected = encode_value(old.inputs)
        text = json.dumps(expected).replace("nodePools.l40s/LaunchTemplate/l40s", new_template(after))
        assert encode_value(new.inputs) == json.loads(text)
        assert new.options.aliases == (old.id,)
    assert graph(after).component("nodePools.inference").aliases == ("nodePools.l40s",)


def new_template(given: Platform) -> str:
    return next(n.id for n in graph(given).nodes if n.type.endswith(":LaunchTemplate"))


# ---- on-prem ----


@pytest.mark.parametrize("case", ["on-prem", "on-prem, existing"])
def test_on_prem_has_no_aws_node(case: str) -> None:
    """Nor anything that only Karpenter would understand."""
    types = {n.type for n in graph(CASES[case]).nodes}
    assert not [t for t in types if t.startswith(("aws:", "pulumi:providers:aws", "kubernetes:karpenter"))]


def test_an_on_prem_pool_states_the_contract() -> None:
    """What the owner of the cluster has to provide, in one sentence."""
    own = pool(
        per_node=4,
        instances=(),
        labels={"rack": "7"},
        taints=(Taint("team.example/own", "chat", "NoExecute"),),
    )
    assert graph(on_prem(own)).component("nodePools.l40s").summary == (
        "up to 2 nodes with 4 × NVIDIA L40S 48 GB, labelled llmform.dev/pool=l40s, rack=7, "
        "tainted nvidia.com/gpu:NoSchedule, team.example/own=chat:NoExecute; "
        "they are yours: llmform does not create or count them",
    )


# ---- storage class, summaries ----


def test_the_default_storage_class_is_encrypted_and_replaced_where_it_cannot_change() -> None:
    """The API server refuses changes of these two fields, which the provider would try as updates."""
    node = with_engine_options(graph(CASES["quickstart"])).node("storage-class/StorageClass/gp3")
    assert node.inputs["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert node.inputs["parameters"] == {"type": "gp3", "encrypted": "true"}
    assert node.options.replace_on_changes == ("reclaimPolicy", "volumeBindingMode")
    assert node.options.delete_before_replace is True


@pytest.mark.parametrize(
    ("own", "line"),
    [
        (
            pool(),
            "0 to 2 × NVIDIA L40S 48 GB, on demand, from g6e.xlarge g6e.2xlarge; "
            "nodes never expire under a model, consolidated when empty",
        ),
        (
            pool("l40s", "g6e.12xlarge", per_node=4, maximum=6, capacity=("on-demand", "spot")),
            "0 to 6 nodes of 4 × NVIDIA L40S 48 GB, spot or on demand, from g6e.12xlarge; "
            "nodes never expire under a model, consolidated when empty",
        ),
        (
            pool(minimum=1, maximum=1, capacity=("spot", "on-demand")),
            "1 × NVIDIA L40S 48 GB, on demand, from g6e.xlarge g6e.2xlarge; "
            "all always there, in a managed node group; an update or a repair replaces one at a time",
        ),
        (
            cpu_pool(name="l40s"),
            "0 to 3 nodes, on demand, from m7i.2xlarge; "
            "nodes expire after 30 days, consolidated when empty or underused",
        ),
    ],
)
def test_the_summary_says_how_many_of_what(own: Pool, line: str) -> None:
    """Nodes and GPUs a node are told apart."""
    assert graph(platform(own, servers=())).component("nodePools.l40s").summary[0] == line


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("nvidia-l40s", "NVIDIA L40S 48 GB"),
        ("nvidia-h100-80gb", "NVIDIA H100 80 GB"),
        ("nvidia-a100-40gb", "NVIDIA A100 40 GB"),
        ("nvidia-h200", "NVIDIA H200 141 GB"),
        ("nvidia-a10g", "NVIDIA A10G 24 GB"),
        ("nvidia-t4", "NVIDIA T4 16 GB"),
        ("nvidia-rtx-pro-6000", "NVIDIA RTX PRO 6000 96 GB"),
        ("nvidia-b9000", "NVIDIA B9000"),
    ],
)
def test_accelerators_are_called_as_on_their_data_sheets(name: str, title: str) -> None:
    """Memory as NVIDIA's data sheets give it; an accelerator that the catalog does not know has none."""
    assert accelerator_title(EDITION, name) == title


def test_urns_show_the_pools_tree() -> None:
    """The engine's name for the node pool, put together by hand."""
    made = graph(CASES["quickstart"])
    assert urn(made, made.node("nodePools.l40s/NodePool/l40s")) == (
        f"urn:pulumi:hello.default.us-east-1.platform::{PROJECT}::"
        "llmform:platform:NodePool$kubernetes:karpenter.sh/v1:NodePool::nodePools.l40s/NodePool/l40s"
    )
