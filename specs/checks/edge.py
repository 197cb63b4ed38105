"""What a spec asks of an edge target that nothing does there, or that contradicts its other keys.

A site is a box in somebody's back room: nothing starts another one, nothing keeps objects, nothing fails over. What the
spec asks of it in vain is told, section by section, with the reason: a warning, or an error for the paths under the
target's `require`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from specs.catalog.reader import Edition
from specs.diagnostics import Diagnostic, Severity
from specs.facts_file import Facts
from specs.finding import finding, place_of
from specs.load import Case
from specs.schema.targets import EdgeTarget
from specs.suggest import did_you_mean
from specs.tree import Path, at, dotted


class Loss(NamedTuple):
    """Something that the spec asks for and a site cannot do: where it stands, why, and what to do."""

    path: Path
    reason: str
    help: str


def check(case: Case, edition: Edition) -> Iterator[Diagnostic]:
    """Yield losses, keys of an edge target that say nothing, and paths in `require` that lead nowhere."""
    target = case.spec.targets[case.target]
    if not isinstance(target, EdgeTarget):
        return
    here: Path = ("targets", case.target)
    if target.credentials is not None and target.upstream is None:
        yield finding(
            case,
            "no-effect",
            (*here, "credentials"),
            "`credentials` does nothing: the target has no `upstream`",
            help="add `upstream`, or remove `credentials`",
            key=True,
        )
    for position, path in enumerate(target.require):
        if not _leads_somewhere(case, path):
            yield finding(
                case,
                "unknown-reference",
                (*here, "require", position),
                f"the spec says nothing at `{path}`",
                help=did_you_mean(path, _paths(case, path), "paths of the spec"),
            )
    for loss in losses(case):
        required = next((n for n, p in enumerate(target.require) if _under(dotted(loss.path), p)), None)
        place = (*here, "provider") if required is None else (*here, "require", required)
        about = "this target is `edge`" if required is None else "it is required here"
        yield finding(
            case,
            "not-at-the-edge",
            loss.path,
            f"`{case.target}` cannot do `{dotted(loss.path)}`: {loss.reason}",
            help=loss.help,
            key=True,
            related=(place_of(case, place, about),),
            severity=Severity.WARNING if required is None else Severity.ERROR,
        )


def losses(case: Case) -> Iterator[Loss]:
    """Yield what the spec asks of the case's edge target in vain, by section."""
    spec, target = case.spec, case.target
    overlay = f"targets.{target}.overlay"
    for name in spec.stores:
        yield Loss(
            ("stores", name), "a site has no object store", f"remove it there: `{overlay}: {{stores.{name}: null}}`"
        )
    for name, pool in spec.node_pools.items():
        path: Path = ("nodePools", name)
        if pool.min:
            reason = f"nothing starts or keeps {pool.min} node{'s' if pool.min > 1 else ''} at a site"
            yield Loss((*path, "min"), reason, f"`{overlay}: {{nodePools.{name}.min: 0}}`")
        for key in ("capacity", "instance", "labels"):
            if at(case.tree, (*path, key)) is not None:
                reason = "its boxes are there already; whoever sets them up labels them"
                yield Loss((*path, key), reason, f"`{overlay}: {{nodePools.{name}.{key}: null}}`")
    for name, server in spec.serving.items():
        path = ("serving", name)
        if (server.replicas or 1) > 1:
            reason = "replicas on one box share its disk and its fate: when the box fails, none serves"
            yield Loss(
                (*path, "replicas"), reason, f"`{overlay}: {{serving.{name}.replicas: 1}}`, or send clients elsewhere"
            )
        objectives = server.objectives
        if objectives is not None and objectives.availability is not None:
            reason = "one box serves, and nothing takes over while it restarts or is cut off from its clients"
            yield Loss(
                (*path, "objectives", "availability"), reason, "let clients of the site fall back to the upstream"
            )


def check_upstreams(cases: Sequence[tuple[Case, Facts | None]]) -> Iterator[Diagnostic]:
    """Yield upstreams that are no AWS target of the same environment."""
    there = {(c.environment, c.target) for c, _ in cases}
    for case, _ in cases:
        target = case.spec.targets[case.target]
        if not isinstance(target, EdgeTarget) or target.upstream is None:
            continue
        path: Path = ("targets", case.target, "upstream")
        name = target.upstream
        known = [t for t in case.all_targets if t != case.target]
        provider = at(case.base, ("targets", name, "provider"))
        if name not in known:
            help = did_you_mean(name, known, "targets")
            yield finding(case, "unknown-reference", path, f"there is no target `{name}`", help=help)
        elif provider is None or provider.value != "aws":
            yield finding(
                case,
                "bad-upstream",
                path,
                f"`{name}` cannot be an upstream: sites fetch weights from an S3 bucket, which only AWS targets have",
                help="name an AWS target, or remove `upstream`: each site then fetches from the hub",
                related=(place_of(case, ("targets", case.target), "its sites would fetch from there"),),
            )
        elif (case.environment, name) not in there:
            yield finding(
                case,
                "bad-upstream",
                path,
                f"`{name}` is not in the environment `{case.environment}`, and the sites of `{case.target}` are",
                help=f"add `{name}` to `environments.{case.environment}.targets`",
            )


def _under(path: str, above: str) -> bool:
    return path == above or path.startswith((f"{above}.", f"{above}["))


def _leads_somewhere(case: Case, path: str) -> bool:
    return at(case.tree, tuple(path.split("."))) is not None


def _paths(case: Case, path: str) -> list[str]:
    """Return the paths that may have been meant: entries and keys of the same section, or else the sections."""
    section = at(case.tree, (path.partition(".")[0],))
    if section is None or not section.members:
        return [str(name) for name in case.tree.members]
    first = path.partition(".")[0]
    entries = {f"{first}.{name}": member.tree.members for name, member in section.members.items()}
    inside = next((entry for entry in entries if _under(path, entry)), None)
    return [f"{inside}.{key}" for key in entries[inside]] if inside else list(entries)
