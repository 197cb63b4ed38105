"""What the policies say of a compilation: each finding with its level, its resource and the line of the spec.

Pure: the day on which exceptions are judged is given. Policies run on the graphs as they will be deployed, patches and
manifests included, and on all stacks that are asked for, changed or not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from components.graph import Graph
from policies.resources import Finding, of_graph
from policies.rules import POLICIES, Known, judge, name
from specs.load import Case, Loaded
from specs.schema.policies import LEVELS, RANK, Level, PolicyLevel
from specs.tree import Path, at, key_span
from stacks.compilation import Compilation, CompiledStack
from stacks.explain import split

NAMES = tuple(name(rule) for rule in POLICIES)
"""The policies in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One finding. `node` is empty if it is of the whole stack; `where` is `file:line:column` of what caused the node.

    `unknown`: the policy cannot say before apply, since the property at `path` is known only then. `patched` is the
    place of a patch of the node, if it has one.
    """

    policy: str
    level: Level
    text: str
    node: str
    path: str
    unknown: bool
    origin: str
    where: str
    patched: str = ""
    stacks: tuple[str, ...] = ()

    @property
    def violates(self) -> bool:
        """Say whether a mandatory policy is broken."""
        return self.level == "mandatory" and not self.unknown


@dataclass(frozen=True, slots=True)
class Exemption:
    """A level that the spec gives a policy. `ended`: its last day is over, and the policy's own level counts again."""

    policy: str
    level: Level
    own: Level
    reason: str
    until: str
    where: str
    ended: bool
    stacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All findings, hardest first, the levels that the spec changes, and those that each policy has in the stacks."""

    findings: tuple[Judged, ...]
    exemptions: tuple[Exemption, ...]
    levels: Mapping[str, frozenset[Level]]

    @cached_property
    def fails(self) -> bool:
        """Whether a mandatory policy is broken."""
        return any(f.violates for f in self.findings)

    def count(self, kind: str) -> int:
        """Return how many findings are `mandatory`, `advisory` or `unknown`."""
        return sum(1 for f in self.findings if kind_of(f) == kind)


def kind_of(finding: Judged) -> str:
    """Return what a finding is: `mandatory`, `advisory`, or `unknown` whatever its level."""
    return "unknown" if finding.unknown else finding.level


def level_on(policy: str, wanted: PolicyLevel | None, today: str) -> Level:
    """Return the level that counts on a day (`YYYY-MM-DD`): the spec's until its last day, else the policy's own."""
    if wanted is None or _ended(wanted, today):
        return LEVELS[policy]
    return wanted.level


def _ended(wanted: PolicyLevel, today: str) -> bool:
    return wanted.until is not None and today > wanted.until


@dataclass(frozen=True, slots=True)
class Judgements:
    """What the policies say of some stacks, before it is put in order: each finding and exception with its stacks."""

    found: tuple[tuple[Judged, tuple[str, ...]], ...]
    exempt: tuple[tuple[Exemption, tuple[str, ...]], ...]
    levels: tuple[tuple[str, frozenset[Level]], ...]


def report(compilation: Compilation, loaded: Loaded, today: str) -> Report:
    """Run the policies on every stack of the compilation; `loaded` has the levels and the places in the spec."""
    return reported([judgements(compilation.stacks, loaded, today)])


def judgements(stacks: Sequence[CompiledStack], loaded: Loaded, today: str) -> Judgements:
    """Run the policies on these stacks, which may be some of a spec's; `reported` puts the parts together."""
    found: dict[Judged, list[str]] = defaultdict(list)
    exempt: dict[Exemption, list[str]] = defaultdict(list)
    used: dict[str, set[Level]] = {policy: set() for policy in NAMES}
    told: dict[tuple[str, str, int], list[Judged]] = {}
    cases = {(c.environment, c.target): c for c in loaded.cases}
    known: Known = {}
    for stack in stacks:
        case = cases[stack.environment, stack.target]
        for exemption in _exemptions(case, today):
            exempt[exemption].append(stack.name)
        here = levels(case, today)
        for policy, level in here.items():
            used[policy].add(level)
        # sites share their graph but for nodes that only name them: what is found at one is found at all
        shared = (stack.environment, stack.target, id(stack.common or stack.graph))
        if shared not in told:
            told[shared] = list(_judged(case, stack.graph, here, known))
        for judged in told[shared]:
            found[judged].append(stack.name)
    return Judgements(
        tuple((f, tuple(names)) for f, names in found.items()),
        tuple((e, tuple(names)) for e, names in exempt.items()),
        tuple((policy, frozenset(given)) for policy, given in used.items()),
    )


def reported(parts: Iterable[Judgements]) -> Report:
    """Return the report of all parts, which are in the order of their stacks."""
    found: dict[Judged, list[str]] = defaultdict(list)
    exempt: dict[Exemption, list[str]] = defaultdict(list)
    used: dict[str, frozenset[Level]] = {policy: frozenset() for policy in NAMES}
    for part in parts:
        for finding, stacks in part.found:
            found[finding].extend(stacks)
        for exemption, stacks in part.exempt:
            exempt[exemption].extend(stacks)
        for policy, given in part.levels:
            used[policy] |= given
    findings = (replace(f, stacks=tuple(stacks)) for f, stacks in found.items())
    return Report(
        tuple(sorted(findings, key=_order)),
        tuple(replace(e, stacks=tuple(stacks)) for e, stacks in exempt.items()),
        used,
    )


def _order(finding: Judged) -> tuple[bool, int, int, str, str]:
    """Sort what fails first, then by level and policy; what cannot be said comes last."""
    return (
        finding.unknown,
        -RANK[finding.level],
        NAMES.index(finding.policy),
        finding.node,
        finding.path,
    )


def levels(case: Case, today: str) -> dict[str, Level]:
    """Return the level of every policy in a case on a day."""
    return {policy: level_on(policy, case.spec.policies.get(policy), today) for policy in NAMES}


def _judged(case: Case, graph: Graph, level: dict[str, Level], known: Known) -> Iterator[Judged]:
    wanted = frozenset(policy for policy in NAMES if level[policy] != "disabled")
    origins = {node.id: node.origin for node in graph.nodes}
    for policy, finding in judge(of_graph(graph), wanted, known):
        origin = origins.get(finding.resource, "owner" if at(case.tree, ("owner",)) else "name")
        yield Judged(
            policy,
            level[policy],
            finding.text,
            finding.resource,
            finding.path,
            finding.unknown,
            origin,
            _place(case, split(origin)),
            _patched(case, finding),
        )


def _place(case: Case, path: Path) -> str:
    return str(key_span(case.tree, path))


def _patched(case: Case, finding: Finding) -> str:
    for position, patch in enumerate(case.spec.patches):
        if finding.resource and patch.match == finding.resource:
            return _place(case, ("patches", position))
    return ""


def _exemptions(case: Case, today: str) -> Iterator[Exemption]:
    for policy, wanted in case.spec.policies.items():
        if wanted.level == LEVELS[policy]:
            continue
        where = _place(case, ("policies", policy))
        reason, until = wanted.reason or "", wanted.until or ""
        yield Exemption(policy, wanted.level, LEVELS[policy], reason, until, where, _ended(wanted, today))


def by_policy(findings: Iterable[Judged]) -> dict[tuple[str, str], list[Judged]]:
    """Return the findings by kind and policy, in their order."""
    grouped: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for finding in findings:
        grouped[(kind_of(finding), finding.policy)].append(finding)
    return grouped


def counted(report: Report) -> str:
    """Return the findings by kind in words, such as `1 mandatory, 4 advisory`; empty if there are none."""
    kinds = Counter(map(kind_of, report.findings))
    words = (("mandatory", "mandatory"), ("advisory", "advisory"), ("unknown", "cannot be said before apply"))
    return ", ".join(f"{kinds[kind]:,} {word}" for kind, word in words if kinds[kind])
