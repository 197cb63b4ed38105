"""The decided values that differ between two compilations of a stack: why its resources change."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.graph import Component
from components.resolve.platform import Explained
from stacks.changes import ABSENT, Absent, keys, same
from stacks.compilation import CompiledStack, at_or_above, is_place_of_weights
from stacks.edits import Create, Delete, NodeEdit, node_of


@dataclass(frozen=True, slots=True)
class Because:
    """One decided value that differs.

    `where` is its place in a file now, `was` the one before; `reason` tells of a value that no file holds. What is
    called `was_…` is the same of the side before; a comparison of environments has it, a plan does not.
    """

    path: str
    before: Any | Absent
    after: Any | Absent
    where: str = ""
    was: str = ""
    overlay: str = ""
    reason: str = ""
    was_overlay: str = ""
    was_reason: str = ""

    @property
    def written(self) -> bool:
        """Say whether somebody wrote it: it stands in a file now, or stood there before."""
        return bool(self.where or self.was)


class ChangedValues:
    """The decided values that differ, found by the paths that they are at or below."""

    def __init__(self, changed: Sequence[Because]) -> None:
        """Take the differences, by path."""
        self._changed = changed
        self._below: dict[str, list[int]] = defaultdict(list)
        for position, because in enumerate(changed):
            for path in at_or_above(because.path):
                self._below[path].append(position)
        weights = (b for b in changed if is_place_of_weights(b.path) and ABSENT not in (b.before, b.after))
        self._weights = [(b, frozenset(at_or_above(b.path))) for b in weights]

    def under(self, paths: Iterable[str]) -> list[Because]:
        """Return those at or below any of these paths, by path."""
        return [self._changed[n] for n in sorted({n for path in paths for n in self._below.get(path, ())})]

    def moving_weights(self, component: Component) -> tuple[Because, ...]:
        """Return where the weights of a model that the component is about went into images, or came out of them: with
        that, stores, Jobs and rights come or go that are still in the spec."""
        return tuple(b for b, above in self._weights if not above.isdisjoint(component.reads))


def changed_values(
    before: CompiledStack | None, after: CompiledStack | None, renames: Mapping[str, str]
) -> ChangedValues:
    """Return the decided values that differ; what only has another name is the same."""
    old = {_renamed_path(p, renames): e for p, e in before.values.items()} if before else {}
    return ChangedValues(differing(old, after.values if after else {}))


def differing(old: Mapping[str, Explained], new: Mapping[str, Explained]) -> tuple[Because, ...]:
    """Return the decided values that differ between two sides, by path."""
    return tuple(
        _value_change(p, old.get(p), new.get(p)) for p in sorted({*old, *new}) if _differ(old.get(p), new.get(p))
    )


def _differ(was: Explained | None, now: Explained | None) -> bool:
    return was is None or now is None or not same(was.value, now.value)


def _value_change(path: str, was: Explained | None, now: Explained | None) -> Because:
    before, after = (was.value if was else ABSENT), (now.value if now else ABSENT)
    return Because(
        path,
        before,
        after,
        now.where if now else "",
        was.where if was else "",
        now.overlay if now else "",
        now.reason if now else "",
    )


def _renamed_path(path: str, renames: Mapping[str, str]) -> str:
    for old, new in renames.items():
        if path == old or path.startswith(old + "."):
            return new + path[len(old) :]
    return path


def whole_foundation(causes: Iterable[Because]) -> list[Because]:
    """Return the causes without the facts of a foundation that comes or goes as a whole: its file is the cause."""
    told = list(causes)
    whole = {
        b.path.removesuffix("existing")
        for b in told
        if re.fullmatch(r"targets\.[^.]+\.foundation\.existing", b.path) and ABSENT in (b.before, b.after)
    }
    return [b for b in told if b.path.endswith(".existing") or not any(b.path.startswith(w) for w in whole)]


_HARDWARE = (
    "spec.template.spec.containers",
    "spec.template.spec.requirements",
    "spec.template.metadata",
    "spec.leaderWorkerTemplate",
    "spec.replicas",
    "spec.strategy",
    "spec.limits",
    "instanceTypes",
    "nodeGroupName",
    "amiType",
    "(comes or goes)",
)
"""What a pool's kind of node decides: the nodes themselves, and what a server asks of them and tells its engine."""

_EXPLAINS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # the spec path                  the properties that it decides
    ("nodePools.*.max", ("spec.strategy", "spec.limits", "(comes or goes)")),
    (
        "nodePools.*.min",
        ("spec.strategy", "spec.limits", "spec.template.spec.requirements", "scalingConfig", "(comes or goes)"),
    ),
    (
        "nodePools.*.perNode",
        ("spec.strategy", "spec.limits", "spec.template", "instanceTypes", "nodeGroupName", "amiType"),
    ),
    ("nodePools.*.accelerator", _HARDWARE),
    ("nodePools.*.instance", _HARDWARE),
    ("nodePools.*.taints", ("spec.template", "taints")),
    ("serving.*.replicas", ("spec.replicas", "spec.strategy", "spec.maxUnavailable", "spec.minAvailable")),
    ("serving.*.rollout", ("spec.strategy",)),
    ("serving.*.args", ("spec.template",)),
    ("serving.*.env", ("spec.template",)),
    ("owner", ("metadata", "tags", "tagSpecifications", "defaultTags", "spec.tags", "spec.template.metadata")),
    ("labels", ("metadata", "tags", "tagSpecifications", "defaultTags", "spec.tags", "spec.template.metadata")),
    ("targets.*.foundation.vpcCidr", ("spec.egress", "spec.ingress")),
    ("targets.*.foundation.vpcId", ()),
    ("targets.*.foundation.privateSubnetIds", ("spec.subnetSelectorTerms", "subnetIds", "nodeGroupName")),
    ("targets.*.foundation.clusterSecurityGroupId", ("spec.securityGroupSelectorTerms",)),
    ("targets.*.foundation.nodeRoleName", ("spec.role",)),
    ("targets.*.foundation.nodeRoleArn", ()),
    ("targets.*.foundation.nodeGroupRoleArn", ("nodeRoleArn",)),
    ("targets.*.foundation.interruptionQueue", ("values.settings",)),
    ("targets.*.foundation.clusterEndpoint", ("kubeconfig",)),
    ("targets.*.foundation.clusterCertificateAuthority", ("kubeconfig",)),
    ("targets.*.foundation.bucket", ("spec.template",)),
    (
        "targets.*.network.cidr",
        ("spec.egress", "spec.ingress", "cidrBlock", "cidrIpv4", "vpcConfig", "(known after apply)"),
    ),
)
"""What a spec path can change: below which properties.

A path that is not here may change anything that its component has."""

_ALSO_READ: tuple[tuple[str, tuple[str, ...]], ...] = (
    # the property                   spec paths behind it that the component of a provider does not name
    ("defaultTags", ("name", "owner", "labels")),
)


def explains(path: str, edits: Iterable[NodeEdit]) -> bool:
    """Say whether the spec path can be a cause of these edits: whether it decides any property that they change."""
    rows = [properties for pattern, properties in _EXPLAINS if _named(pattern, path)]
    return not rows or any(_touches(edit, properties) for edit in edits for properties in rows)


def also_read(edits: Iterable[NodeEdit]) -> set[str]:
    """Return spec paths behind the edits of the engine's own providers, which serve a whole stack."""
    paths: set[str] = set()
    for edit in edits:
        if not node_of(edit).type.startswith("pulumi:providers:"):
            continue
        if isinstance(edit, Create | Delete):
            paths.add("nodePools")  # a stack has an AWS provider if a pool keeps nodes
        for name, behind in _ALSO_READ:
            if _touches(edit, (name,)):
                paths.update(behind)
    return paths


def _named(pattern: str, path: str) -> bool:
    """Say whether the path is one of the pattern's, or below one; `*` stands for one name."""
    return re.match(re.escape(pattern).replace(r"\*", r"[^.\[]+") + r"(?![^.\[])", path) is not None


def _touches(edit: NodeEdit, properties: Iterable[str]) -> bool:
    if isinstance(edit, Create | Delete):
        return "(comes or goes)" in properties
    for change in edit.changes:
        if change.cause and "(known after apply)" in properties:
            return True
        names = ".".join(keys(change.path))
        if change.part == "inputs" and any(under(names, (p,)) or under(p, (names,)) for p in properties):
            return True
    return False


def under(path: str, above: Iterable[str]) -> bool:
    """Say whether the spec path is one of these or below one."""
    return any(p and (path == p or path.startswith((f"{p}.", f"{p}["))) for p in above)
