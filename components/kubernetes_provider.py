"""The Kubernetes provider of a stack, the same in the platform and in the workloads stack.

Nodes: `targets.<target>/Provider/kubernetes` (`pulumi:providers:kubernetes`), in `targets.<target>`.
"""

from __future__ import annotations

from components import aws, manifests
from components.graph import Component, JsonText, Node, Value
from components.part import Part
from components.resolve.platform import Aws, Edge, OnPrem, Platform


def lower(platform: Platform) -> Part:
    """Return the target's component and the provider through which the stack reaches its cluster."""
    target = platform.target
    path = f"targets.{target.name}"
    inputs = _eks(platform, target) if isinstance(target, Aws) else _on_prem(platform, target)
    node = Node(
        id=manifests.kubernetes_provider(platform),
        type="pulumi:providers:kubernetes",
        inputs=inputs | _BEHAVIOUR,
        component=path,
        origin=path,
    )
    return Part(components=(target_component(platform),), nodes=(node,))


def target_component(platform: Platform) -> Component:
    """Return the component of the target, which holds the stack's providers and nothing else."""
    path = f"targets.{platform.target.name}"
    return Component(id=path, type="llmform:stack:Target", origin=path, reads=(path,))


# Written out although some are defaults, because environment variables (PULUMI_K8S_…) would decide otherwise.
_BEHAVIOUR: dict[str, Value] = {
    "enableServerSideApply": True,
    # Without these two a changed ConfigMap or Secret is deleted before the new one exists, and pods that
    # start in between fail (runs of the engine with Kubernetes 1.34, 2026-11-21).
    "enableConfigMapMutable": True,
    "enableSecretMutable": True,
    # An object that somebody else made is an error (AlreadyExists), never adopted in silence. The price: a
    # preview cannot show a changed Service port or strategy type, so lowerings keep those fixed.
    "upsertExistingObjects": False,
}


def _eks(platform: Platform, target: Aws) -> dict[str, Value]:
    """Inputs for an EKS cluster: whoever runs the stack signs in with their own AWS credentials."""
    return {
        # Only a new cluster replaces the provider, and with it every object; a new endpoint or CA does not.
        "clusterIdentifier": aws.foundation(platform, "clusterArn"),
        "kubeconfig": JsonText(_kubeconfig(platform, aws.cluster_name(platform), target.region)),
    }


def _kubeconfig(platform: Platform, cluster: str, region: str) -> Value:
    server = {
        "server": aws.foundation(platform, "clusterEndpoint"),
        "certificate-authority-data": aws.foundation(platform, "clusterCertificateAuthority"),
    }
    token = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", cluster, "--region", region, "--output", "json"],
        "interactiveMode": "Never",  # under the engine there is nobody to answer a prompt
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": server}],
        "users": [{"name": cluster, "user": {"exec": token}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
        "current-context": cluster,
    }


def _on_prem(platform: Platform, target: OnPrem | Edge) -> dict[str, Value]:
    """Inputs for a cluster that exists: a context in the kubeconfig of whoever runs the stack."""
    site = (target.site,) if isinstance(target, Edge) else ()
    return {
        # A context's name is local to one person's kubeconfig, so it is no identity: the target is. One
        # target is one cluster for good; another cluster is another target.
        "clusterIdentifier": ".".join((platform.spec, platform.environment, target.name, *site)),
        "context": target.kube_context,
    }
