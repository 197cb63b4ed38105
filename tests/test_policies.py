"""Policies: each rule with a resource that keeps it, one that breaks it, and one of which nobody can say yet."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from components.graph import Format, JsonText, Node, Ref, StackOutput
from components.graph_json import decode_graph, encode_graph
from policies.resources import UNKNOWN, Finding, Resource, of_graph, of_node
from policies.rules import OF_STACK, POLICIES, asks, judge, name
from specs.schema.policies import LEVELS
from stacks.compile import Compiled, compile_spec
from stacks.explain import POLICY_PAGES
from stacks.files import DiskFiles
from stacks.plan import Against, plan
from stacks.policy_report import Judged, Report, report
from stacks.render.policies import human_policies
from stacks.render.style import PLAIN
from tests.reviews import comment
from tests.strategies import Written, specs
from tests.test_explain_pages import BASE, HEADINGS, whole

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "specs" / "examples").glob("*.yaml"))
TODAY = "2026-11-21"

Stack = tuple[Resource, ...]


# ---- resources to judge ----


def kubernetes(token: str, name: str, **inputs: Any) -> Resource:
    return Resource(f"kubernetes:{token}", name, inputs)


def deployment(container: dict[str, Any], labels: dict[str, Any] | None = None, **pod: Any) -> Resource:
    """A Deployment `x` of one container."""
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", **container}], **pod}}
    metadata = {"name": "x", "namespace": "n", "labels": labels or {}}
    return kubernetes("apps/v1:Deployment", "x", metadata=metadata, spec={"template": template})


def sized(**resources: Any) -> Resource:
    return deployment({"image": "a:1", "resources": resources})


GPU = {"image": "a:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
BARE = {"name": "main", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
"""A container whose image KServe's preset names."""
MIG = {"image": "a:1", "resources": {"limits": {"nvidia.com/mig-1g.10gb": "1"}}}
POOL = {"llmform.dev/pool": "l40s"}
TAINT = {"key": "nvidia.com/gpu", "effect": "NoSchedule"}
TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
ANYWHERE = {"containers": [BARE], "tolerations": [TOLERATION]}
ON_POOL = {**ANYWHERE, "nodeSelector": POOL}
AFFINITY = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "llmform.dev/pool", "operator": "Exists"}]}]
        }
    }
}


def pool(taints: Any, limits: Any = None) -> Resource:
    spec = {"limits": limits or {"nvidia.com/gpu": "2"}, "template": {"spec": {"taints": taints}}}
    return kubernetes("karpenter.sh/v1:NodePool", "p", metadata={"name": "p"}, spec=spec)


def node_group(image: Any, taints: Any) -> Resource:
    return Resource("aws:eks/nodeGroup:NodeGroup", "g", {"amiType": image, "taints": taints})


def cluster(**api: Any) -> Resource:
    return Resource("aws:eks/cluster:Cluster", "cluster", {"vpcConfig": api}, protect=True)


def claim(component: Any, protect: bool = False) -> Resource:
    metadata = {"name": "v", "labels": {"app.kubernetes.io/component": component}}
    return Resource("kubernetes:core/v1:PersistentVolumeClaim", "v", {"metadata": metadata}, protect)


def role_policy(action: Any, resource: Any, effect: Any = "Allow", **more: Any) -> Resource:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return Resource("aws:iam/rolePolicy:RolePolicy", "r", {"policy": document})


def without_action(resource: Any) -> Resource:
    document = {"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": resource}}
    return Resource("aws:iam/rolePolicy:RolePolicy", "r", {"policy": document})


def role(**inputs: Any) -> Resource:
    return Resource("aws:iam/role:Role", "r", inputs)


def attachment(arn: Any) -> Resource:
    return Resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", {"policyArn": arn})


def secret(**inputs: Any) -> Resource:
    return kubernetes("core/v1:Secret", "s", metadata={"name": "s"}, **inputs)


def custom(token: str, **inputs: Any) -> Resource:
    return kubernetes(token, "x", metadata={"name": "x"}, **inputs)


def ray(container: Any, **pod: Any) -> Resource:
    """A RayCluster whose head is a pod with one container (KubeRay, ray.io/v1)."""
    template = {"spec": {"containers": [container], **pod}}
    return custom("ray.io/v1:RayCluster", spec={"headGroupSpec": {"template": template}})


def jobset(**pod: Any) -> Resource:
    """A JobSet of one Job (jobset.x-k8s.io/v1alpha2): a pod's template in a Job's template, in a list."""
    template = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "a:1"}], **pod}}}}
    return custom("jobset.x-k8s.io/v1alpha2:JobSet", spec={"replicatedJobs": [{"name": "j", "template": template}]})


SERVES = {"app.kubernetes.io/component": "model-server"}
X, Y = {"app": "x"}, {"app": "y"}


def group(leader: Any, worker: Any, leads: Any = None, works: Any = None) -> Resource:
    """A LeaderWorkerSet: the specs of its pods, and their labels. No spec for the leader is no template for it."""
    templates = {"workerTemplate": {"metadata": {"labels": works or X}, "spec": worker}}
    if leader is not None:
        templates["leaderTemplate"] = {"metadata": {"labels": leads or X}, "spec": leader}
    metadata = {"name": "x", "namespace": "n", "labels": SERVES}
    token = "leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
    return kubernetes(token, "x", metadata=metadata, spec={"leaderWorkerTemplate": templates})


def kserve(**spec: Any) -> Resource:
    """An LLMInferenceService, whose pods' specs stand without a template around them."""
    metadata = {"name": "x", "namespace": "n", "labels": SERVES}
    return kubernetes("serving.kserve.io/v1alpha2:LLMInferenceService", "x", metadata=metadata, spec=spec)


def arguments(*args: str) -> Resource:
    return deployment({"image": "a:1", "args": list(args)})


def variable(key: Any, value: Any) -> Resource:
    return deployment({"image": "a:1", "env": [{"name": key, "value": value}]})


NOT_TLS: dict[str, Any] = {"Bool": {"aws:SecureTransport": "false"}}
TLS: dict[str, Any] = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [UNKNOWN, UNKNOWN],
    "Condition": NOT_TLS,
}
CLOSED = {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True, "restrictPublicBuckets": True}
SSE = {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]}


def bucket(
    block: Any = CLOSED,
    sse: Any = SSE,
    statements: Any = (TLS,),
    of: str = "b",
    **more: Any,
) -> Stack:
    """A bucket `b` with its settings, which read the name of the bucket `of`."""
    reads = {"bucket": (of,)}
    sse_token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    return (
        Resource("aws:s3/bucket:Bucket", "b", {"bucket": "some-bucket", **more}, protect=True),
        Resource(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "b1", {"bucket": UNKNOWN, **block}, reads=reads
        ),
        Resource(sse_token, "b2", {"bucket": UNKNOWN, **sse}, reads=reads),
        Resource(
            "aws:s3/bucketPolicy:BucketPolicy",
            "b3",
            {"bucket": UNKNOWN, "policy": {"Statement": list(statements)}},
            reads=reads,
        ),
    )


def by_name(known: Any) -> Stack:
    """A bucket whose settings carry its name, or none that is known, as they do in a preview without dependencies."""
    first, *rest = bucket()
    return (first, *(replace(r, reads={}, inputs={**r.inputs, "bucket": known}) for r in rest))


def namespace(level: Any = "restricted") -> Resource:
    labels = {"pod-security.kubernetes.io/enforce": level}
    return kubernetes("core/v1:Namespace", "ns", metadata={"name": "n", "labels": labels})


def network_policy(where: Any = "n", **spec: Any) -> Resource:
    full = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], **spec}
    token = "networking.k8s.io/v1:NetworkPolicy"
    return kubernetes(token, "np", metadata={"name": "d", "namespace": where}, spec=full)


SERVER = deployment({"image": "a:1"}, labels={"app.kubernetes.io/component": "model-server"})


def budget(where: Any = "n", amounts: dict[str, Any] | None = None, **selector: Any) -> Resource:
    metadata = {"name": "x", "namespace": where}
    spec = {"selector": selector, **(amounts or {"maxUnavailable": 1})}
    return kubernetes("policy/v1:PodDisruptionBudget", "pdb", metadata=metadata, spec=spec)


def labelled(owner: Any) -> Resource:
    return kubernetes("core/v1:Service", "s", metadata={"labels": {"llmform.dev/owner": owner}})


NEWEST = {"name": "c", "image": "a"}
"""A container with whatever is newest."""

EVERYTHING = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
"""A policy document as a text, with one statement that is no list (IAM JSON policy grammar)."""

KUBECONFIG = {"users": [{"name": "me", "user": {"token": "x"}}]}

PEM = "-----BEGIN RSA PRIVATE KEY-----"
"""How a private key begins (RFC 7468)."""

KEEPS: dict[str, tuple[Stack, ...]] = {
    "images-pinned": (
        (deployment({"image": "vllm/vllm-openai:v0.32.0"}),),
        (deployment({"image": "registry.example:5000/a@sha256:" + "0" * 64}),),
        (deployment({"image": "a:latest@sha256:" + "0" * 64}),),
        (ray({"name": "head", "image": "rayproject/ray:2.54.0"}),),
        (kubernetes("helm.sh/v3:Release", "r", values={"containers": [{"name": "sidecar", "image": "a"}]}),),
        (custom("kyverno.io/v1:ClusterPolicy", spec={"rules": [{"containers": [{"image": "!*:latest"}]}]}),),
    ),
    "images-by-digest": ((deployment({"image": "a@sha256:" + "0" * 64}),), (kserve(template=ON_POOL),)),
    "pods-unprivileged": (
        (deployment({}),),
        (deployment({"securityContext": {"privileged": False}}, hostNetwork=False),),
        (deployment({"securityContext": {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}),),
        (deployment({}, volumes=[{"name": "v", "emptyDir": {}}]),),
    ),
    "containers-sized": (
        (sized(requests={"cpu": "1", "memory": "1Gi"}, limits={"memory": "1Gi"}),),
        (sized(limits={"cpu": "1", "memory": "1Gi"}),),
        (deployment({}, resources={"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}),),
    ),
    "gpus-on-gpu-pools": (
        (deployment(GPU, nodeSelector=POOL, tolerations=[TOLERATION]),),
        (deployment(GPU, affinity=AFFINITY, tolerations=[{"operator": "Exists"}]),),
        (sized(limits={"memory": "1Gi"}, requests={"cpu": "1"}),),
        (sized(limits={"nvidia.com/gpu": "0"}),),
        (deployment(MIG, nodeSelector=POOL, tolerations=[TOLERATION]),),
        (group(ON_POOL, ON_POOL),),
        (group(None, ON_POOL),),
        (kserve(template=ON_POOL, worker=ON_POOL, prefill={"template": ON_POOL}),),
        (pool([TAINT]),),
        (pool([], {"cpu": "8"}),),
        (node_group("AL2023_x86_64_NVIDIA", [{"key": "nvidia.com/gpu", "effect": "NO_SCHEDULE"}]),),
        (node_group("AL2023_x86_64_STANDARD", None),),
    ),
    "stateful-protected": (
        (cluster(),),
        (Resource("aws:s3/bucket:Bucket", "stores.weights/Bucket/weights", {"forceDestroy": True}),),
        (claim("weights"),),
        (claim("mine", protect=True),),
    ),
    "cluster-api-closed": (
        (cluster(endpointPublicAccess=True, publicAccessCidrs=["198.51.100.0/24"]),),
        (cluster(endpointPublicAccess=False),),
    ),
    "iam-without-wildcards": (
        (role_policy(["s3:GetObject"], "*"),),
        (role_policy("s3:*", "arn:aws:s3:::b"),),
        (role_policy("*", "*", "Deny"),),
        (role_policy("s3:Get*", "arn:aws:s3:::b/*"),),
        (role_policy("ec2:*", "arn:aws:ec2:us-east-1:123456789012:instance/i-*"),),
        (role(managedPolicyArns=["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"]),),
        (attachment("arn:aws:iam::123456789012:policy/OurFullAccess"),),
        (attachment("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"),),
    ),
    "inputs-without-secrets": (
        (variable("HF_TOKEN", ""),),
        (variable("NCCL_DEBUG", "INFO"),),
        (deployment({"env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "token"}}}]}),),
        (secret(type="Opaque"),),
        (variable("MAX_TOTAL_TOKENS", "4096"),),
        (variable("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"),),
        (variable("GOOGLE_APPLICATION_CREDENTIALS", "/var/run/secrets/gcp/key.json"),),
        (variable("OPENAI_API_KEY", "EMPTY"),),
        (variable("API_KEY", "$(OTHER)"),),
        (variable("EOS_TOKEN", "</s>"),),
        (variable("URL", "postgres://$(DB_USER):$(DB_PASSWORD)@db/x"),),
        (arguments("--max-tokens", "4096", "--api-key", "$(API_KEY)", "--hf-token", "--port=8000"),),
        (arguments("--api-key=$API_KEY", 'serve --api-key "$API_KEY"'),),
        (kubernetes("apps/v1:Deployment", "task-predictor-service-deployment-of-ours"),),
        (kubernetes("apps/v1:Deployment", "x", metadata={"name": "task-predictor-service-deployment-of-ours"}),),
        (kubernetes("core/v1:ConfigMap", "c", data={"MAX_TOTAL_TOKENS": "4096", "existingSecret": "hf"}),),
        (kubernetes("helm.sh/v3:Release", "r", values={"auth": {"existingSecret": "hf", "password": ""}}),),
    ),
    "buckets-closed": (
        bucket(),
        by_name("some-bucket"),
        bucket(statements=({**TLS, "Resource": ["arn:aws:s3:::some-bucket", "arn:aws:s3:::some-bucket/*"]},)),
    ),
    "namespaces-isolated": (
        (namespace(), network_policy()),
        (namespace("privileged"),),
        (namespace(), network_policy(policyTypes=["Ingress"]), network_policy(policyTypes=["Egress"])),
    ),
    "model-servers-budgeted": (
        (SERVER, budget(matchLabels={"app": "x"})),
        (SERVER, budget()),
        (SERVER, budget(matchExpressions=[{"key": "app", "operator": "In", "values": ["x", "y"]}])),
        (deployment({}),),
        (group({}, {}), budget(matchLabels=X)),
        (group(None, {}), budget(matchLabels=X)),
        (kserve(labels=X), budget(matchLabels=X)),
    ),
    "owner-named": (
        (labelled("ml"),),
        (Resource("pulumi:providers:aws", "p", {"defaultTags": {"tags": {"llmform.dev/owner": "ml"}}}),),
        (Resource("pulumi:providers:aws", "p", {"defaultTags": '{"tags": {"llmform.dev/owner": "ml"}}'}),),
    ),
}

BREAKS: dict[str, tuple[Stack, ...]] = {
    "images-pinned": (
        (deployment({"image": "vllm/vllm-openai"}),),
        (deployment({"image": "vllm/vllm-openai:latest"}),),
        (deployment({"image": "registry.example:5000/a"}),),
        (deployment({"image": "a:1"}, initContainers=[{"name": "i", "image": "busybox"}]),),
        (deployment({"image": "vllm/vllm-openai:latest-cu128"}),),
        (deployment({"image": "a:Stable"}),),
        (deployment({}),),
        (ray({"name": "head", "image": "rayproject/ray:latest"}),),
        (custom("batch.volcano.sh/v1alpha1:Job", spec={"tasks": [{"template": {"spec": {"containers": [NEWEST]}}}]}),),
    ),
    "images-by-digest": ((deployment({"image": "a:1"}),),),
    "pods-unprivileged": (
        (deployment({"securityContext": {"privileged": True}}),),
        (deployment({}, hostNetwork=True),),
        (deployment({}, hostPID=True),),
        (deployment({}, hostIPC=True),),
        (deployment({}, volumes=[{"name": "v", "hostPath": {"path": "/"}}]),),
        (deployment({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}),),
        (deployment({"securityContext": {"capabilities": {"add": ["CAP_SYS_PTRACE"]}}}),),
        (deployment({}, initContainers=[{"name": "i", "securityContext": {"privileged": True}}]),),
        (ray({"name": "head", "image": "a:1", "securityContext": {"privileged": True}}),),
        (jobset(hostPID=True),),
        (kubernetes("core/v1:Pod", "pod", spec={"hostNetwork": True, "containers": []}),),
        (
            kubernetes(
                "batch/v1:CronJob",
                "cron",
                spec={"jobTemplate": {"spec": {"template": {"spec": {"hostPID": True, "containers": []}}}}},
            ),
        ),
    ),
    "containers-sized": (
        (sized(),),
        (sized(requests={"cpu": "1", "memory": "1Gi"}),),
        (sized(limits={"memory": "1Gi"}),),
        (sized(requests={"cpu": "0", "memory": "1Gi"}, limits={"memory": "1Gi"}),),
        (sized(requests={"cpu": 0, "memory": "1Gi"}, limits={"memory": "1Gi"}),),
        (sized(requests={"cpu": "1", "memory": "1Gi"}, limits={"memory": "0.0Gi"}),),
        (jobset(),),
        (group({"containers": []}, {"containers": [{"name": "c", "image": "a:1"}]}),),
        (kserve(worker={"containers": [BARE]}),),
    ),
    "gpus-on-gpu-pools": (
        (deployment(GPU, tolerations=[TOLERATION]),),
        (deployment(GPU, nodeSelector={"kubernetes.io/os": "linux"}, tolerations=[TOLERATION]),),
        (deployment(GPU, nodeSelector=POOL),),
        (deployment(MIG, nodeSelector=POOL),),
        (ray({"name": "worker", **GPU}),),
        (group(ANYWHERE, ON_POOL),),
        (group(ON_POOL, ANYWHERE),),
        (kserve(template=ANYWHERE),),
        (kserve(template=ON_POOL, worker=ANYWHERE),),
        (kserve(template=ON_POOL, prefill={"template": ON_POOL, "worker": ANYWHERE}),),
        (pool([]),),
        (pool([{"key": "nvidia.com/gpu", "effect": "PreferNoSchedule"}]),),
        (node_group("AL2023_x86_64_NVIDIA", None),),
    ),
    "stateful-protected": (
        (Resource("aws:s3/bucket:Bucket", "stores.documents/Bucket/documents", {}),),
        (Resource("aws:s3/bucketV2:BucketV2", "stores.documents/Bucket/documents", {}),),
        (Resource("aws:kms/key:Key", "encryption/Key/secrets", {}),),
        (replace(cluster(), protect=False),),
        (claim("mine"),),
    ),
    "cluster-api-closed": (
        (cluster(endpointPublicAccess=True, publicAccessCidrs=["198.51.100.0/24", "0.0.0.0/0"]),),
        (cluster(endpointPublicAccess=True, publicAccessCidrs=["::/0"]),),
        (cluster(endpointPublicAccess=True, publicAccessCidrs=["0.0.0.0/1", "128.0.0.0/1"]),),
        (cluster(endpointPublicAccess=True, publicAccessCidrs=["2000::/3"]),),
        (cluster(endpointPublicAccess=True),),
        (cluster(),),
    ),
    "iam-without-wildcards": (
        (role_policy("*", "*"),),
        (role_policy(["s3:GetObject", "ec2:*"], ["*"]),),
        (role_policy("iam:*", ["arn:aws:iam::*:role/x", "*"]),),
        (without_action("*"),),
        (role_policy("s3:Get*", "*"),),
        (role_policy("iam:?assRole", "*"),),
        (role_policy("s3:*", "arn:aws:s3:::*"),),
        (role_policy("s3:*", ["arn:aws:s3:::b", "arn:*:s3:::*/*"]),),
        (role(managedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]),),
        (role(inlinePolicies=[{"name": "a", "policy": EVERYTHING}]),),
        (attachment("arn:aws-us-gov:iam::aws:policy/AmazonS3FullAccess"),),
        (attachment("arn:aws:iam::aws:policy/AdministratorAccess"),),
        (Resource("aws:iam/policy:Policy", "p", {"policy": EVERYTHING}),),
    ),
    "inputs-without-secrets": (
        (variable("HF_TOKEN", "x"),),
        (variable("LOG", "hf_" + "a" * 34),),
        (variable("API_TOKENS", "a,b"),),
        (variable("dbPassword", "x"),),
        (variable("PGPASSWORD", "$ecret"),),
        (variable("LITELLM_MASTER_KEY", "x"),),
        (variable("KEY", "sk-proj-" + "aB3" * 8),),
        (variable("URL", "postgres://vllm:hunter2@db/x"),),
        (arguments("--api-key=abc"),),
        (arguments("--api-key", "abc"),),
        (deployment({"image": "a:1", "command": ["sh", "-c", "vllm serve --api-key abc"]}),),
        (ray({"name": "head", "image": "a:1", "args": ["--api-key=abc"]}),),
        (kubernetes("core/v1:ConfigMap", "c", data={"DB_PASSWORD": "x"}),),
        (secret(stringData={"token": "x"}),),
        (secret(data={"token": "eA=="}),),
        (kubernetes("core/v1:ConfigMap", "c", data={"key": PEM}),),
    ),
    "buckets-closed": (
        bucket(block={**CLOSED, "restrictPublicBuckets": False}),
        bucket(sse={"rules": []}),
        bucket(statements=()),
        bucket(statements=({**TLS, "Effect": "Allow"},)),
        bucket(statements=({**TLS, "Resource": "arn:aws:s3:::some-bucket"},)),
        bucket(statements=({**TLS, "Resource": "arn:aws:s3:::some-bucket/*"},)),
        bucket(statements=({**TLS, "Condition": {**NOT_TLS, "StringEquals": {"aws:PrincipalTag/a": "b"}}},)),
        (*bucket(of="another"), Resource("aws:s3/bucket:Bucket", "another", {"bucket": "another-bucket"})),
        by_name("another-bucket"),
        bucket()[:1],
        bucket(acl="public-read"),
    ),
    "namespaces-isolated": (
        (namespace(),),
        (namespace(), network_policy("other")),
        (namespace(), network_policy(podSelector={"matchLabels": {"a": "b"}})),
        (namespace(), network_policy(policyTypes=["Ingress"])),
        (namespace(), network_policy(ingress=[{}])),
    ),
    "model-servers-budgeted": (
        (SERVER,),
        (group({}, {}, leads=Y), budget(matchLabels=X)),
        (group({}, {}, works=Y), budget(matchLabels=X)),
        (kserve(labels=X),),
        (kserve(labels=X), budget(matchLabels=Y)),
        (SERVER, budget("other", matchLabels={"app": "x"})),
        (SERVER, budget(matchLabels={"app": "y"})),
        (SERVER, budget(amounts={"minAvailable": 0}, matchLabels={"app": "x"})),
        (SERVER, budget(amounts={"maxUnavailable": "100%"}, matchLabels={"app": "x"})),
        (SERVER, budget(matchExpressions=[{"key": "app", "operator": "DoesNotExist"}])),
    ),
    "owner-named": ((labelled(None),), (labelled(""),), (cluster(),)),
}

SAYS_NOT: dict[str, tuple[Stack, ...]] = {
    "images-pinned": ((deployment({"image": UNKNOWN}),),),
    "images-by-digest": ((deployment({"image": UNKNOWN}),),),
    "pods-unprivileged": (
        (deployment({}, hostNetwork=UNKNOWN),),
        (deployment({}, volumes=[{"name": "v", "hostPath": UNKNOWN}]),),
        (deployment({"securityContext": {"capabilities": {"add": UNKNOWN}}}),),
        (custom("ray.io/v1:RayCluster", spec={"headGroupSpec": UNKNOWN}),),
    ),
    "containers-sized": ((sized(requests={"cpu": "1", "memory": "1Gi"}, limits=UNKNOWN),),),
    "gpus-on-gpu-pools": (
        (deployment(GPU, nodeSelector=UNKNOWN, tolerations=[TOLERATION]),),
        (deployment(GPU, nodeSelector=POOL, tolerations=[UNKNOWN]),),
        (pool(UNKNOWN),),
        (node_group(UNKNOWN, None),),
    ),
    "stateful-protected": ((claim(UNKNOWN),),),
    "cluster-api-closed": ((cluster(endpointPublicAccess=True, publicAccessCidrs=[UNKNOWN]),),),
    "iam-without-wildcards": ((role_policy("*", UNKNOWN),), (role_policy(UNKNOWN, "*"),), (attachment(UNKNOWN),)),
    "inputs-without-secrets": ((variable("HF_TOKEN", UNKNOWN),), (secret(data={"token": UNKNOWN}),)),
    "buckets-closed": (by_name(UNKNOWN), bucket(block={**CLOSED, "blockPublicAcls": UNKNOWN})),
    "namespaces-isolated": ((namespace(), network_policy(UNKNOWN)), (namespace(UNKNOWN),)),
    "model-servers-budgeted": (
        (SERVER, budget(matchLabels={"app": UNKNOWN})),
        (kserve(labels=UNKNOWN), budget(matchLabels=X)),
    ),
    "owner-named": ((labelled(UNKNOWN),),),
}


def said(policy: str, stack: Stack) -> list[Finding]:
    return [finding for _, finding in judge(stack, frozenset({policy}))]


def each(table: dict[str, tuple[Stack, ...]]) -> list[Any]:
    return [pytest.param(p, s, id=f"{p}-{i}") for p, stacks in table.items() for i, s in enumerate(stacks)]


def test_every_policy_has_all_three_kinds() -> None:
    """Each policy has a resource that keeps it, one that breaks it, one of which nobody can say, and a level."""
    names = [name(rule) for rule in POLICIES]
    assert sorted(names) == sorted(KEEPS) == sorted(BREAKS) == sorted(SAYS_NOT) == sorted(LEVELS)


@pytest.mark.parametrize(("policy", "stack"), each(KEEPS))
def test_kept(policy: str, stack: Stack) -> None:
    """Nothing is said of what keeps a policy."""
    assert said(policy, stack) == []


@pytest.mark.parametrize(("policy", "stack"), each(BREAKS))
def test_broken(policy: str, stack: Stack) -> None:
    """What breaks a policy is said with certainty, and of a resource that is there."""
    found = said(policy, stack)
    assert found and not any(f.unknown for f in found)
    assert {f.resource for f in found} <= {r.name for r in stack} | {""}


@pytest.mark.parametrize(("policy", "stack"), each(SAYS_NOT))
def test_unknown(policy: str, stack: Stack) -> None:
    """A policy that needs a value known after apply says so, and nothing else."""
    found = said(policy, stack)
    assert found and all(f.unknown for f in found)


def masked(value: Any) -> Iterator[Any]:
    """Yield the value with one part of it unknown, for every part at any depth, itself included."""
    yield UNKNOWN
    if isinstance(value, dict):
        for key, item in value.items():
            for hidden in masked(item):
                yield {**value, key: hidden}
    elif isinstance(value, list):
        for position, item in enumerate(value):
            for hidden in masked(item):
                yield [*value[:position], hidden, *value[position + 1 :]]


def hidden_stacks(stack: Stack) -> Iterator[Stack]:
    """Yield the stack with one part of one property of one resource unknown, in every way there is."""
    for position, resource in enumerate(stack):
        for key, value in resource.inputs.items():
            for hidden in masked(copy.deepcopy(value)):
                changed = replace(resource, inputs={**resource.inputs, key: hidden})
                yield (*stack[:position], changed, *stack[position + 1 :])


@pytest.mark.parametrize(("policy", "stack"), each(BREAKS))
def test_no_rule_passes_silently_on_an_unknown(policy: str, stack: Stack) -> None:
    """Whatever part of a broken resource becomes unknown: the policy is broken still, or cannot say; never kept."""
    for hidden in hidden_stacks(stack):
        assert said(policy, hidden), hidden


@pytest.mark.parametrize(
    "resource",
    [
        kubernetes("helm.sh/v3:Release", "r", values={"grafana": {"adminPassword": "x"}}),
        kubernetes("core/v1:ServiceAccount", "s", metadata={"annotations": {"a": "hf_" + "a" * 34}}),
        Resource("pulumi:providers:kubernetes", "p", {"kubeconfig": KUBECONFIG}),
        Resource("pulumi:providers:kubernetes", "p", {"kubeconfig": json.dumps(KUBECONFIG)}),
        Resource("pulumi:providers:aws", "p", {"secretKey": "x"}),
    ],
)
def test_a_secret_is_found_where_no_pod_reads_it(resource: Resource) -> None:
    """Values of charts, annotations and providers are looked through too; what is unknown there is not in the spec."""
    found = said("inputs-without-secrets", (resource,))
    assert len(found) == 1 and not found[0].unknown


@pytest.mark.parametrize(("policy", "stack"), each(KEEPS))
def test_an_unknown_breaks_nothing(policy: str, stack: Stack) -> None:
    """Whatever part of a sound resource becomes unknown: nothing is called broken."""
    for hidden in hidden_stacks(stack):
        assert all(f.unknown for f in said(policy, hidden)), hidden


# ---- nodes of a graph as resources ----


def test_a_node_is_seen_with_what_is_known_of_it() -> None:
    """References are unknown; a document that holds one is known but for it; a Format without any is its text."""
    inputs = {
        "role": Ref("a/Role/r", "name"),
        "out": StackOutput("foundation", "vpcId"),
        "policy": JsonText({"Action": "s3:*", "Resource": [Ref("b", "arn"), "x"]}),
        "text": Format(("a", Ref("b", "id"))),
        "plain": Format(("a", "b")),
    }
    seen = of_node(Node("n", "aws:x:X", inputs, "c", "o"))
    assert seen.inputs == {
        "role": UNKNOWN,
        "out": UNKNOWN,
        "policy": {"Action": "s3:*", "Resource": [UNKNOWN, "x"]},
        "text": UNKNOWN,
        "plain": "ab",
    }
    assert seen.reads == {"role": ("a/Role/r",)}


# ---- specs ----


@cache
def compiled(path: Path) -> Compiled:
    return compile_spec(path.read_bytes(), path.name, DiskFiles(path.parent))


def judged(made: Compiled, today: str = TODAY) -> Report:
    assert made.compilation is not None, made.diagnostics
    return report(made.compilation, made.loaded, today)


def spec(more: str, base: str = BASE) -> Compiled:
    return compile_spec((base + more).encode(), "spec.yaml")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_the_examples_keep_what_is_mandatory(path: Path) -> None:
    """No example breaks a mandatory policy, and every policy can say so before apply."""
    found = judged(compiled(path))
    assert {f.policy for f in found.findings} <= {"images-by-digest", "owner-named"}
    assert not found.fails and not any(f.unknown for f in found.findings)


def test_a_graph_read_back_is_judged_the_same() -> None:
    """What is said of a graph depends on its JSON alone."""
    made = compiled(ROOT / "specs" / "examples" / "quickstart.yaml")
    assert made.compilation is not None
    for stack in made.compilation.stacks:
        again = decode_graph(encode_graph(stack.graph))
        assert list(judge(of_graph(again))) == list(judge(of_graph(stack.graph)))


PRIVILEGED = """\
patches:
  - match: serving.chat/Deployment/chat
    merge: {spec: {template: {spec: {containers: [{name: vllm, securityContext: {privileged: true}}]}}}}
"""


def test_a_patch_that_breaks_a_policy_is_found_at_its_line() -> None:
    """The line of what the node is made from is told, and the line of the patch."""
    [found] = [f for f in judged(spec(PRIVILEGED)).findings if f.policy == "pods-unprivileged"]
    assert (found.node, found.level, found.violates) == ("serving.chat/Deployment/chat", "mandatory", True)
    assert found.path == "spec.template.spec.containers[0].securityContext.privileged"
    lines = (BASE + PRIVILEGED).splitlines()
    assert lines[int(found.where.split(":")[1]) - 1].startswith("  chat: {model")
    assert lines[int(found.patched.split(":")[1]) - 1].startswith("  - match")


LOWERED = """\
policies:
  pods-unprivileged: {level: advisory, reason: profiling, until: 2026-12-31}
"""


@pytest.mark.parametrize(
    ("today", "level", "ended"),
    [("2026-11-21", "advisory", False), ("2026-12-31", "advisory", False), ("2027-01-01", "mandatory", True)],
)
def test_an_exception_counts_to_its_last_day(today: str, level: str, ended: bool) -> None:
    """On the last day an exception still counts; on the next the policy's own level does, and the end is told."""
    found = judged(spec(PRIVILEGED + LOWERED), today)
    assert {f.level for f in found.findings if f.policy == "pods-unprivileged"} == {level}
    assert [(e.policy, e.ended, e.reason) for e in found.exemptions] == [("pods-unprivileged", ended, "profiling")]
    assert found.fails is ended


def test_a_policy_can_be_raised_and_switched_off() -> None:
    """A raised policy fails the plan, without a reason or an end; one that is switched off says nothing."""
    raised = "policies:\n  owner-named: {level: mandatory}\n"
    assert judged(spec(raised)).fails
    off = "policies:\n  owner-named: {level: disabled, reason: none yet, until: 2030-01-01}\n"
    assert "owner-named" not in {f.policy for f in judged(spec(off)).findings}


def test_a_blank_reason_is_none() -> None:
    """An exception says why, in words."""
    blank = "policies:\n  images-pinned: {level: disabled, reason: ' ', until: 2030-01-01}\n"
    made = spec(blank)
    assert made.compilation is None
    assert [d.code for d in made.diagnostics if d.is_error] == ["unexplained-exception"]


@pytest.mark.parametrize(
    ("variable", "refused"),
    [
        ('HF_HUB_DISABLE_IMPLICIT_TOKEN: "1"', False),
        ("GOOGLE_APPLICATION_CREDENTIALS: /var/run/gcp/key.json", False),
        ('VLLM_MAX_TOKENS: "4096"', False),
        ("SERVICE: task-predictor-service-deployment", False),
        ("HFTOKEN: abc", True),
        ("LITELLM_MASTER_KEY: abc", True),
        ("DATABASE: 'postgres://vllm:hunter2@db/x'", True),
    ],
)
def test_the_language_and_the_policy_know_the_same_secrets(variable: str, refused: bool) -> None:
    """What the language takes as no secret is none to the policy, and what is one to it is an error in the spec."""
    made = compile_spec(BASE.replace("{model: chat", f"{{env: {{{variable}}}, model: chat").encode(), "spec.yaml")
    assert [d.code for d in made.diagnostics if d.is_error] == (["secret-in-clear"] if refused else [])
    if not refused:
        assert "inputs-without-secrets" not in {f.policy for f in judged(made).findings}


def test_an_overlay_lowers_a_policy_in_one_environment() -> None:
    """A level that an environment's overlay gives counts there alone."""
    environments = """\
environments:
  dev: {overlay: {policies: {owner-named: {level: disabled, reason: short-lived, until: 2030-01-01}}}}
  prod: {}
"""
    [found] = [f for f in judged(spec(environments)).findings if f.policy == "owner-named"]
    assert {stack.split(".")[1] for stack in found.stacks} == {"prod"}


def test_the_same_day_gives_the_same_report() -> None:
    """A report depends on the spec and the day, and on nothing else."""
    made = spec(PRIVILEGED + LOWERED)
    assert judged(made, "2027-05-05") == judged(spec(PRIVILEGED + LOWERED), "2027-05-05")


def test_what_a_secret_is_stays_unsaid() -> None:
    """A finding says where a secret stands, never what it is."""
    value = "hf_" + "s3cr3t" * 6
    found = said("inputs-without-secrets", (variable("HF_TOKEN", value), secret(stringData={"a": value})))
    assert found and not any("s3cr3t" in f.text for f in found)


@given(specs(patched=False))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_the_language_can_say_is_sound(written: Written) -> None:
    """Without patches a spec breaks no mandatory policy, but for protection that it lifts; a finding has a place."""
    made = compile_spec(written.data, "spec.yaml", written.folder)
    assume(made.compilation is not None)
    found = judged(made).findings
    assert {f.policy for f in found if LEVELS[f.policy] == "mandatory"} <= {"stateful-protected"}
    assert all(re.fullmatch(r"spec\.yaml:\d+:\d+", f.where) for f in found)


# ---- pages ----


@pytest.mark.parametrize("rule", POLICIES, ids=name)
def test_every_policy_has_a_page(rule: Any) -> None:
    """A page has the policy's name as title, says first what it asks for, has four sections, and fits on a screen."""
    text = (POLICY_PAGES / f"{name(rule)}.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0] == f"# {name(rule)}"
    assert [line[3:] for line in lines if line.startswith("## ")] == ["What it asks", *HEADINGS[1:]]
    assert len(lines) <= 60 and max(map(len, lines)) <= 120
    assert asks(rule) in " ".join(text.partition("## What it asks")[2].split())
    assert f"`{LEVELS[name(rule)]}`" in text.partition("## Why")[0]


def test_there_is_no_page_too_many() -> None:
    """Every page in the folder is that of a policy."""
    assert {p.stem for p in POLICY_PAGES.glob("*.md")} == set(LEVELS)


_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def part_of_page(policy: str, heading: str) -> Report:
    """Return what is said of the quickstart with the part of a spec that a page shows."""
    text = (POLICY_PAGES / f"{policy}.md").read_text(encoding="utf-8")
    [part] = _BLOCK.findall(text.partition(f"## {heading}")[2].partition("\n## ")[0])
    return judged(compile_spec(whole(part), "spec.yaml"))


@pytest.mark.parametrize("rule", POLICIES, ids=name)
def test_the_example_of_a_page_breaks_its_policy(rule: Any) -> None:
    """What a page shows as wrong breaks the policy; what it shows as right does not."""
    assert name(rule) in {f.policy for f in part_of_page(name(rule), "Example").findings}
    right = part_of_page(name(rule), "Instead").findings
    assert name(rule) not in {f.policy for f in right}, right


@given(st.lists(st.tuples(st.sampled_from(sorted(LEVELS)), st.integers(1, 400), st.booleans())))
def test_advice_takes_four_lines_of_a_plan_at_most(drawn: list[tuple[str, int, bool]]) -> None:
    """However much advice there is, a plan without details has four lines of it; with details it has every finding."""
    advice = tuple(
        Judged(policy, "advisory", f"word {position} " * words, "", "", unknown, "", f"spec.yaml:{position}:1")
        for position, (policy, words, unknown) in enumerate(drawn)
    )
    given = Report(advice, (), {})
    short = list(human_policies(given, all_of_them=True, details=False, style=PLAIN))
    assert len(short) <= 1 + 4 and bool(short) is bool(drawn)
    long = "\n".join(human_policies(given, all_of_them=True, details=True, style=PLAIN))
    assert all(f"spec.yaml:{position}:1" in long for position in range(len(drawn)))


def test_what_is_mandatory_is_told_whole() -> None:
    """Each resource that breaks a mandatory policy has its line, also where advice is cut short."""
    broken = tuple(
        Judged("images-pinned", "mandatory", "a tag that moves", f"node-{n}", "", False, "", f"spec.yaml:{n}:1")
        for n in range(9)
    )
    lines = list(human_policies(Report(broken, (), {}), all_of_them=False, details=False, style=PLAIN))
    assert len(lines) == 1 + 9 and all(f"node-{n}" in lines[n + 1] for n in range(9))


def test_a_comment_names_a_resource_only_where_there_is_one() -> None:
    """What is of a whole stack ends with its text, and no comma."""
    made = spec("policies:\n  owner-named: {level: mandatory}\n")
    assert made.compilation is not None
    text = comment(plan(None, made.compilation, Against()), policies=judged(made))
    assert any(line.endswith("`owner` is not set") for line in text.splitlines() if line.startswith("- "))


def test_rules_of_a_stack_are_told_from_rules_of_a_resource() -> None:
    """A rule on a stack takes all resources, a rule on a resource one: their parameters say which."""
    for rule in POLICIES:
        [parameter] = [p for p in rule.__annotations__ if p != "return"]
        assert (parameter == "resources") is (rule in OF_STACK)
