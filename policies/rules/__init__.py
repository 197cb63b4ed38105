"""The rules: `POLICIES` is the one list of them.

A rule is a function whose name is the policy's, with dashes, and whose docstring begins with what it asks for in one
sentence. `OF_RESOURCE` look at one resource; `OF_STACK` at all resources of a stack, where one makes up for another.
To add one: a file here, a line below, its level in `specs/schema/policies.py`, a page in `policies/explain/`, and in
`tests/test_policies.py` a resource that keeps it, one that breaks it, and one of which nobody can say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from policies.resources import Finding, Resource
from policies.rules.buckets_closed import buckets_closed
from policies.rules.cluster_api_closed import cluster_api_closed
from policies.rules.containers_sized import containers_sized
from policies.rules.gpus_on_gpu_pools import gpus_on_gpu_pools
from policies.rules.iam_without_wildcards import iam_without_wildcards
from policies.rules.images_pinned import images_by_digest, images_pinned
from policies.rules.inputs_without_secrets import inputs_without_secrets
from policies.rules.model_servers_budgeted import model_servers_budgeted
from policies.rules.namespaces_isolated import namespaces_isolated
from policies.rules.owner_named import owner_named
from policies.rules.pods_unprivileged import pods_unprivileged
from policies.rules.stateful_protected import stateful_protected

ResourceRule = Callable[[Resource], Iterator[Finding]]
StackRule = Callable[[Sequence[Resource]], Iterator[Finding]]

OF_RESOURCE: tuple[ResourceRule, ...] = (
    images_pinned,
    images_by_digest,
    pods_unprivileged,
    containers_sized,
    gpus_on_gpu_pools,
    stateful_protected,
    cluster_api_closed,
    iam_without_wildcards,
    inputs_without_secrets,
)

OF_STACK: tuple[StackRule, ...] = (
    buckets_closed,
    namespaces_isolated,
    model_servers_budgeted,
    owner_named,
)

POLICIES: tuple[ResourceRule | StackRule, ...] = (*OF_RESOURCE, *OF_STACK)


def name(rule: ResourceRule | StackRule) -> str:
    """Return the policy's name: `images-pinned` of `images_pinned`."""
    return rule.__name__.replace("_", "-")


def asks(rule: ResourceRule | StackRule) -> str:
    """Return in one sentence what the policy asks for."""
    return " ".join((rule.__doc__ or "").split("\n\n")[0].split())


Known = dict[tuple[str, ...], tuple[tuple[str, Finding], ...]]
"""What the rules of one resource said, by all that they see of it."""

_MOST = 20_000
"""Resources that are remembered: some tens of MiB, and more than differ in a fleet of one platform."""


def judge(
    resources: Sequence[Resource], names: frozenset[str] | None = None, known: Known | None = None
) -> Iterator[tuple[str, Finding]]:
    """Yield what the policies say of a stack's resources; `names` are the policies to run, all if it is None.

    With `known` a resource that is equal in all that rules see, such as an object of a platform that is in many
    clusters, is judged once.
    """
    wanted = {name(rule): None for rule in OF_RESOURCE if names is None or name(rule) in names}
    found: dict[str, list[Finding]] = {policy: [] for policy in wanted}
    for resource in resources:
        for policy, finding in _alone(resource) if known is None else _remembered(resource, known):
            if policy in found:
                found[policy].append(finding)
    for policy, findings in found.items():
        for finding in findings:
            yield policy, finding
    for stack_rule in OF_STACK:
        if names is None or name(stack_rule) in names:
            for finding in stack_rule(resources):
                yield name(stack_rule), finding


def _alone(resource: Resource) -> tuple[tuple[str, Finding], ...]:
    return tuple((name(rule), finding) for rule in OF_RESOURCE for finding in rule(resource))


def _remembered(resource: Resource, known: Known) -> tuple[tuple[str, Finding], ...]:
    # `repr` of JSON values tells apart whatever is not equal
    key = (resource.type, resource.name, repr(resource.inputs), repr((resource.protect, resource.reads, resource.urn)))
    said = known.get(key)
    if said is None:
        if len(known) >= _MOST:
            known.clear()
        said = known[key] = _alone(resource)
    return said
