"""Ids of nodes that other components of the foundation refer to."""

from __future__ import annotations

from components.resolve.platform import Store

VPC = "network/Vpc/network"
SECRETS_KEY = "encryption/Key/secrets"
STORES_KEY = "encryption/Key/stores"
CLUSTER = "cluster/Cluster/cluster"
NODE_GROUP = "system/NodeGroup/system"
NODE_GROUP_ROLE = "system/Role/node-group"
NODE_ROLE = "karpenter/Role/node"
INTERRUPTION_QUEUE = "karpenter/Queue/interruption"


def private_subnet(zone: str) -> str:
    """Return the id of a zone's private subnet."""
    return f"network/Subnet/private-{zone}"


def addon(name: str) -> str:
    """Return the id of an EKS add-on."""
    return f"addons/Addon/{name}"


def bucket(store: Store) -> str:
    """Return the id of a store's bucket."""
    return f"stores.{store.name}/Bucket/{store.name}"
