"""A name that refers to an entry that is not there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic
from specs.finding import finding
from specs.load import Case
from specs.overlay import removal
from specs.suggest import did_you_mean
from specs.tree import Path, at


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield a finding for each reference by name that leads nowhere."""
    spec = case.spec
    for name, server in spec.serving.items():
        yield from _known(case, ("serving", name, "model"), server.model, spec.models, "model", "models")
        yield from _known(case, ("serving", name, "pool"), server.pool, spec.node_pools, "node pool", "nodePools")
    targets = dict.fromkeys(case.all_targets)
    servers = at(case.tree, ("serving",))
    for name in servers.members if servers is not None else ():  # also those that run at other targets alone
        listed = at(case.tree, ("serving", name, "targets"))
        for position, item in enumerate(listed.value if listed is not None and isinstance(listed.value, tuple) else ()):
            place: Path = ("serving", name, "targets", position)
            yield from _known(case, place, str(item.value), targets, "target", "targets")
    for name, manifests in spec.manifests.items():
        for position, target in enumerate(manifests.targets or ()):
            yield from _known(case, ("manifests", name, "targets", position), target, targets, "target", "targets")
    named = at(case.base, ("environments",))
    environments = named.members if named is not None and named.members else {case.environment: None}
    for name, rule in spec.review.items():
        for key, given, there in (
            ("environments", rule.environments, environments),
            ("targets", rule.targets, targets),
        ):
            for position, entry in enumerate(given or ()):
                yield from _known(case, ("review", name, key, position), entry, there, key[:-1], key)


def _known(
    case: Case, path: Path, given: str, there: Mapping[str, object], what: str, section: str
) -> Iterator[Diagnostic]:
    if given not in there:
        yield finding(
            case,
            "unknown-reference",
            path,
            f"there is no {what} `{given}`",
            help=did_you_mean(given, there, f"entries of `{section}`"),
            related=removal(case.base, case.target, case.environment, (section, given)),
        )
