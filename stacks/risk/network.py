"""Addresses and networks."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.changes import keys
from stacks.edits import Create, Delete
from stacks.risk.finding import Finding, Risk, Situation, at, kind

_ADDRESS = {
    "Service": "its cluster address is lost; clients that keep connections or the address fail",
    "Ingress": "its address is lost",
    "Gateway": "its address is lost",
    "Eip": "the public address is lost and does not come back",
    "NatGateway": "egress through it stops",
    "LoadBalancer": "its address is lost",
    "Vpc": "the network goes, and everything in it with it",
    "Cluster": "the cluster goes, and everything that runs in it with it",
}

_PATHS = {
    "Subnet": "what runs in the subnet has to leave it",
    "Route": "traffic by this route stops until it is back",
    "RouteTable": "traffic of its subnets stops until it is back",
    "RouteTableAssociation": "traffic of the subnet stops until it is back",
    "InternetGateway": "traffic with the internet stops",
    "VpcEndpoint": "traffic through the endpoint stops until it is back",
    "SecurityGroup": "traffic that it allows stops until it is back",
    "SecurityGroupIngressRule": "traffic that it allows stops until it is back",
    "SecurityGroupEgressRule": "traffic that it allows stops until it is back",
}


def address(s: Situation) -> Iterator[Finding]:
    """What has an address that others know loses it when it is deleted or replaced."""
    words = _ADDRESS.get(kind(s.node))
    if words and s.goes:
        yield Finding(Risk.DESTRUCTIVE, words)


def path(s: Situation) -> Iterator[Finding]:
    """What carries traffic carries none while it is away."""
    words = _PATHS.get(kind(s.node))
    if words and s.goes:
        yield Finding(Risk.REPLACING, words)


def service(s: Situation) -> Iterator[Finding]:
    """A Service's ports and selector are what its clients depend on."""
    if s.node.type != "kubernetes:core/v1:Service" or s.goes or isinstance(s.edit, Create | Delete):
        return
    if s.changed("spec", "selector"):
        yield Finding(Risk.REPLACING, "clients reach other pods at once, or none")
    numbers = [c for c in s.changes if keys(c.path)[:2] == ("spec", "ports") and keys(c.path)[-1] in ("port", "ports")]
    if numbers:
        yield Finding(Risk.REPLACING, "clients of the old port fail")
        provider = next((n for n in (s.after.nodes if s.after else ()) if n.id == s.node.provider), None)
        if provider is None or at(provider.inputs, "upsertExistingObjects") not in (True, "true"):
            words = "the preview fails (`Duplicate value`: ports are keyed by number); keep it and move `targetPort`"
            yield Finding(Risk.REPLACING, words, fails=True)


def rules(s: Situation) -> Iterator[Finding]:
    """Network policies and disruption budgets allow or deny at once; their own labels do nothing."""
    if s.only_labels and not s.goes:
        return  # `only_labels` says it
    if kind(s.node) == "NetworkPolicy":
        if isinstance(s.edit, Delete):
            yield Finding(Risk.IN_PLACE, _without(s))
        elif s.changes:
            yield Finding(Risk.IN_PLACE, "which traffic is allowed changes at once")
    if kind(s.node) == "PodDisruptionBudget" and (s.changes or s.goes):
        yield Finding(Risk.IN_PLACE, "how many pods a node drain may stop at once changes")


def _without(s: Situation) -> str:
    """Return what holds for the pods of a policy that goes: a policy of all pods that allows nothing may stay."""
    namespace = at(s.node.inputs, "metadata", "namespace")
    for graph in s.target.after.values():
        for node in graph.nodes:
            if kind(node) == "NetworkPolicy" and at(node.inputs, "metadata", "namespace") == namespace:
                spec = at(node.inputs, "spec", default={})
                if not spec.get("podSelector") and not spec.get("ingress") and not spec.get("egress"):
                    name = at(node.inputs, "metadata", "name")
                    stays = f"`{name}` of the namespace stays, which allows none"
                    return f"traffic that only this policy allowed stops: {stays}"
    return "traffic that only this policy allowed stops; without any policy all is allowed"


RULES = (address, path, service, rules)
