"""The node pools: on AWS Karpenter starts and stops nodes, on-prem they are there, with labels and taints.

Nodes of `nodePools.<name>` on AWS:
- `EC2NodeClass/<name>` and `NodePool/<name>`, unless `min` and `max` are equal;
- `NodeGroup/<name>` and `LaunchTemplate/<name>`, if `min` is more than 0 (`node_group.py`);
  with it the stack has an AWS provider, `targets.<target>/Provider/aws`.

On-prem a pool is a component without nodes: its summary is the contract that the cluster's owner keeps.
"""

from __future__ import annotations

from typing import Any

from components import aws, manifests, names, provider
from components.accelerators import accelerator_title
from components.graph import Component, Node, Options
from components.part import Part, moved_component
from components.platform import karpenter, node_group
from components.platform.node_labels import node_labels, node_taints
from components.platform.node_storage import ROOT_DEVICE, NodeStorage, node_storage
from components.resolve.platform import Aws, Platform, Pool
from specs.catalog.quotas import quota_name

DELETE_SECONDS = 1800
"""How long a deleted pool may take: its nodes drain, and model servers finish what they have begun."""


def lower(platform: Platform) -> Part:
    """Return every pool's component and nodes, and the AWS provider if a managed node group needs it."""
    components: list[Component] = []
    # The target's component, which the provider is in, comes with the stack's Kubernetes provider.
    nodes = list(provider.lower(platform).nodes) if any(pool.minimum for pool in platform.pools) else []
    for pool in platform.pools:
        if isinstance(platform.target, Aws):
            storage = node_storage(platform, pool)
            made = _pool_nodes(platform, platform.target, pool, storage)
            summary = _aws_summary(platform, pool, storage)
        else:
            made, summary = (), (_contract(platform, pool),)
        nodes.extend(made)
        components.append(_component(platform, pool, summary))
    return Part(components=tuple(components), nodes=tuple(nodes))


def component_id(pool: Pool) -> str:
    """Return the id of the pool's component, which is its path in the spec."""
    return f"nodePools.{pool.name}"


def _component(platform: Platform, pool: Pool, summary: tuple[str, ...]) -> Component:
    servers = [s for s in platform.servers if s.pool.name == pool.name]
    keys = ("pool", "parallelism") if pool.per_node else ("pool", "parallelism", "replicas", "concurrency")
    used = {f"serving.{s.name}.{key}" for s in servers for key in keys} | {f"models.{s.weights.model}" for s in servers}
    own = component_id(pool)
    return Component(
        id=own,
        type="llmform:platform:NodePool",
        origin=own,
        reads=("name", "owner", "labels", "edition", *_places(platform), own, *sorted(used)),
        summary=summary,
        aliases=moved_component(platform, own),
    )


def _places(platform: Platform) -> tuple[str, ...]:
    """Return the spec paths of the target that say where the pool's nodes are."""
    target = f"targets.{platform.target.name}"
    return (f"{target}.foundation",) if aws.existing(platform) else (f"{target}.zones",)


def _pool_nodes(platform: Platform, target: Aws, pool: Pool, storage: NodeStorage) -> tuple[Node, ...]:
    nodes: tuple[Node, ...] = ()
    if pool.minimum:
        nodes += node_group.lower_node_group(platform, target, pool, storage, component_id(pool))
    if pool.maximum > pool.minimum:
        node_class = _node_class(platform, pool, storage)
        nodes += (node_class, _node_pool(platform, pool, node_class))
    return nodes


def _object(platform: Platform, pool: Pool, manifest: dict[str, Any], needs: tuple[str, ...]) -> Node:
    metadata = {
        "name": names.kubernetes_name(platform.spec, platform.environment, pool.object_name),
        "labels": manifests.recommended_labels(platform, "karpenter", pool.object_name, "node-pool"),
    }
    return manifests.kubernetes_node(
        platform,
        component_id(pool),
        manifest | {"metadata": metadata},
        origin=component_id(pool),
        name=pool.name,
        old_name=pool.object_name,
        needs=needs,
        options=Options(delete_timeout=DELETE_SECONDS),
    )


def _node_class(platform: Platform, pool: Pool, storage: NodeStorage) -> Node:
    """How a node is made: image, role, network, disks.

    When any of it but the selectors changes, Karpenter replaces the pool's nodes (drift, see `_disruption`).
    """
    ebs = {
        "volumeType": "gp3",
        "volumeSize": f"{storage.volume_gib}Gi",
        "iops": storage.iops,
        "throughput": storage.throughput,
        "encrypted": True,
        "deleteOnTermination": True,
    }
    spec: dict[str, Any] = {
        # Pinned: `latest` would replace nodes whenever AWS publishes an image.
        "amiSelectorTerms": [{"alias": platform.edition.ami.karpenter_alias}],
        "role": aws.node_role_name(platform),
        "subnetSelectorTerms": _subnets(platform),
        "securityGroupSelectorTerms": [{"id": aws.foundation(platform, "clusterSecurityGroupId")}],
        "blockDeviceMappings": [{"deviceName": ROOT_DEVICE, "ebs": ebs}],
        # One hop: a pod cannot take the node's role; pods have Pod Identity.
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        # The AWS provider's default tags do not reach what Karpenter makes.
        "tags": aws.tags(platform) | {"Name": f"{aws.cluster_name(platform)}-{pool.object_name}"},
    }
    if storage.nvme:
        spec["instanceStorePolicy"] = "RAID0"
    manifest = {"apiVersion": "karpenter.k8s.aws/v1", "kind": "EC2NodeClass", "spec": spec}
    needs = (karpenter.RELEASE,) if _karpenter_managed(platform) else ()
    return _object(platform, pool, manifest, needs)


def _subnets(platform: Platform) -> list[dict[str, Any]]:
    """Return where nodes may be: llmform's own subnets carry Karpenter's tag, others need not and are named."""
    existing = aws.existing(platform)
    if existing is None:
        return [{"tags": {"karpenter.sh/discovery": aws.cluster_name(platform)}}]
    return [{"id": subnet} for subnet in existing.outputs.get("privateSubnetIds", ())]


def _node_pool(platform: Platform, pool: Pool, node_class: Node) -> Node:
    """When a node is made and taken away, and what it may be."""
    template: dict[str, Any] = {
        "metadata": {"labels": node_labels(pool)},
        "spec": {
            "nodeClassRef": {
                "group": "karpenter.k8s.aws",
                "kind": "EC2NodeClass",
                "name": node_class.inputs["metadata"]["name"],
            },
            "requirements": [
                _one_of("node.kubernetes.io/instance-type", [i.name for i in pool.instances]),
                _one_of("karpenter.sh/capacity-type", sorted(pool.capacity)),
                _one_of("kubernetes.io/arch", sorted({i.arch for i in pool.instances})),
                _one_of("kubernetes.io/os", ["linux"]),
            ],
            # No terminationGracePeriod: it would let Karpenter overrule a PodDisruptionBudget. Karpenter's
            # default of 30 days keeps CPU nodes fresh; under a model it would be an outage by calendar.
            "expireAfter": "Never" if pool.per_node else "720h",
        },
    }
    taints = node_taints(pool)
    if taints:
        template["spec"]["taints"] = taints
    manifest = {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "spec": {"template": template, "disruption": _disruption(pool), "limits": _limits(pool)},
    }
    # The node class comes first and goes last: Karpenter removes it only when no node uses it.
    return _object(platform, pool, manifest, (node_class.id,))


def _one_of(key: str, values: list[str]) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": values}


def _disruption(pool: Pool) -> dict[str, Any]:
    if pool.per_node:
        return {
            "consolidationPolicy": "WhenEmpty",
            # A server that restarts within this time finds its node, image and weights still there.
            "consolidateAfter": "10m",
            # A new image or taint (drift) moves models from one node at a time, once its replacement is up.
            "budgets": [{"nodes": "1"}],
        }
    return {
        "consolidationPolicy": "WhenEmptyOrUnderutilized",
        "consolidateAfter": "10m",
        "budgets": [{"nodes": "10%"}],
    }


def _limits(pool: Pool) -> dict[str, str]:
    """Return what Karpenter may start: `max` less the nodes of the managed group, which it does not count.

    In GPUs, because every node of the pool has the same number, so the limit is exact. A limit on `nodes`
    would say it directly, but Karpenter does not hold it reliably (kubernetes-sigs/karpenter issue 2657,
    open). Pools without GPUs are limited in CPUs of the largest type: exact with one type, else an upper
    bound on CPUs and not on nodes. So are pools that share GPUs: a node that is up counts with its parts, one that is
    starting with its GPUs; their types have equally many CPUs, so the limit is exact.
    """
    nodes = pool.maximum - pool.minimum
    if pool.per_node and pool.parts == 1:
        return {"nvidia.com/gpu": str(nodes * pool.per_node)}
    return {"cpu": str(nodes * max(i.vcpu for i in pool.instances))}


def _karpenter_managed(platform: Platform) -> bool:
    return isinstance(platform.target, Aws) and platform.target.karpenter_managed


def hardware(platform: Platform, pool: Pool, count: str) -> str:
    """Return `count` nodes in words: `0 to 2 × NVIDIA L40S 48 GB`, `1 to 3 nodes of 4 × …`, `2 nodes`."""
    if not pool.per_node:
        return "1 node" if count == "1" else f"{count} nodes"
    title = accelerator_title(platform.edition, pool.accelerator)
    if pool.per_node == 1:
        return f"{count} × {title}"
    return f"{count} node{'' if count == '1' else 's'} of {pool.per_node} × {title}"


def _aws_summary(platform: Platform, pool: Pool, storage: NodeStorage) -> tuple[str, ...]:
    """Return what the pool is: how many nodes of which types, what ends them, where weights lie."""
    fixed = pool.minimum == pool.maximum
    count = str(pool.maximum) if fixed else f"{pool.minimum} to {pool.maximum}"
    capacity = " or ".join(sorted((c.replace("-", " ") for c in pool.capacity), reverse=True))
    types = " ".join(i.name for i in pool.instances)
    if fixed:
        life = "all always there, in a managed node group; an update or a repair replaces one at a time"
        capacity = node_group.capacity(pool).replace("-", " ")
    elif pool.per_node:
        life = "nodes never expire under a model, consolidated when empty"
    else:
        life = "nodes expire after 30 days, consolidated when empty or underused"
    lines = [f"{hardware(platform, pool, count)}, {capacity}, from {types}; {life}"]
    if pool.minimum and not fixed:
        reason = ", on demand because spot can be taken back" if len(pool.capacity) > 1 else ""
        lines.append(f"{pool.minimum} always there, in a managed node group{reason}; more when pods wait")
    lines.append(_storage_summary(storage))
    lines += _shared(platform, pool)
    lines += _quotas(platform, pool)
    return tuple(lines)


def _shared(platform: Platform, pool: Pool) -> list[str]:
    """Return how its GPUs are shared, and that Karpenter does not see it.

    Karpenter takes an instance type's GPUs as EC2 reports them (kubernetes-sigs/karpenter#729, open; NodeOverlay, which
    could correct it, is alpha and off): for pods that wait it starts a node a GPU, though fewer would hold them.
    """
    if pool.parts == 1:
        return []
    pods = sum(s.replicas for s in platform.servers if s.pool.name == pool.name)
    places = pool.per_node * pool.parts
    fewest, seen = max(1, -(-pods // places)), min(pool.maximum, max(1, -(-pods // pool.per_node)))
    each = f"each GPU takes {pool.parts} pods ({pool.sharing})"
    if seen <= max(fewest, pool.minimum):
        return [each]
    nodes = f"{fewest} node{'s' if fewest > 1 else ''}"
    return [f"{each}; Karpenter counts GPUs, not parts: it may start {seen} nodes where {nodes} would do"]


def _quotas(platform: Platform, pool: Pool) -> list[str]:
    """Return the vCPUs that the pool counts against EC2's quotas at its largest."""
    vcpus = pool.maximum * max((i.vcpu for i in pool.instances), default=0)
    named = {quota_name(platform.edition.name, i.name, c) for i in pool.instances for c in pool.capacity} - {""}
    return [f"at most {vcpus:,} vCPUs of the EC2 quota `{'` or `'.join(sorted(named))}`"] if named else []


def _storage_summary(storage: NodeStorage) -> str:
    what = "images"
    if storage.weights:
        what += f" and up to {storage.weights / 1000**3:.1f} GB of weights a node"
    if storage.nvme:
        return f"{what} on the instance's NVMe"
    return f"{what} on a root volume of {storage.volume_gib} GiB, gp3 at {storage.throughput} MiB/s"


def _contract(platform: Platform, pool: Pool) -> str:
    """Return what the owner of an on-prem cluster has to provide."""
    nodes = f"{pool.maximum} node{'' if pool.maximum == 1 else 's'}"
    if pool.per_node:
        nodes += f" with {pool.per_node} × {accelerator_title(platform.edition, pool.accelerator)}"
    labels = ", ".join(f"{k}={v}" for k, v in node_labels(pool, discovered=True).items())
    taints = ", ".join(_taint_text(t) for t in node_taints(pool))
    tainted = f", tainted {taints}" if taints else ""
    return f"up to {nodes}, labelled {labels}{tainted}; they are yours: llmform does not create or count them"


def _taint_text(taint: dict[str, str]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"
