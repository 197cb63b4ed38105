"""Text → the spec of every environment at every target, with diagnostics. Pure: no file is read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from specs.at_target import Placed, at_targets
from specs.diagnostics import Diagnostic, Severity, arrange, has_errors
from specs.overlay import expand_short_forms, removal, specialise
from specs.schema.spec import Spec
from specs.schema.walk import keys, named_sections
from specs.source import read
from specs.suggest import did_you_mean
from specs.tree import Member, Path, Tree, at, dotted
from specs.validate import validate

DEFAULT_ENVIRONMENT = "default"
"""The one environment of a spec that names none."""


@dataclass(frozen=True, slots=True)
class Case:
    """The spec as it holds in one environment at one target; `tree` has the origin of every value.

    `spec` is what of it runs at the target (specs/at_target.py). `base` is the spec before overlays, `all_targets` the
    names of all its targets.
    """

    environment: str
    target: str
    spec: Spec
    tree: Tree
    base: Tree
    all_targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A spec file: its tree before overlays, and one case an environment and target that is sound."""

    tree: Tree | None
    cases: tuple[Case, ...]
    diagnostics: tuple[Diagnostic, ...]


def load(data: bytes, file: str) -> Loaded:
    """Return the spec of every environment at every target. `file` is the name that diagnostics show."""
    raw, found = read(data, file)
    if raw is None or has_errors(found):
        return Loaded(None, (), arrange(found))
    tree = expand_short_forms(raw)
    places, problems = _places(tree)
    if not places or has_errors(problems):
        _, wrong = validate(tree)
        return Loaded(tree, (), arrange((*found, *problems, *wrong)))
    named, known = named_sections(), frozenset(keys(Spec))
    targets = tuple((at(tree, ("targets",)) or tree).members)
    cases: list[Case] = []
    findings: list[Diagnostic] = [*found, *problems]
    for environment, target in places:
        here, overlaid = specialise(tree, target, environment, named, known)
        findings.extend(overlaid)
        spec, wrong = validate(here)
        findings.extend(_with_removal(d, tree, target, environment) for d in wrong)
        if spec is not None and not has_errors(overlaid):
            cases.append(Case(environment, target, spec, here, tree, targets))
    here_only = at_targets([Placed(c.environment, c.target, c.spec) for c in cases])
    there = tuple(replace(c, spec=spec) for c, spec in zip(cases, here_only, strict=True))
    return Loaded(tree, there, arrange(findings))


def _with_removal(found: Diagnostic, base: Tree, target: str, environment: str) -> Diagnostic:
    """Return the diagnostic with the place of the overlay that removed the missing key, if one did."""
    if found.code != "missing-key":
        return found
    path: Path = tuple(found.path.split("."))  # what has a list position in it cannot be removed by an overlay
    return replace(found, related=removal(base, target, environment, path))


def _places(tree: Tree) -> tuple[tuple[tuple[str, str], ...], tuple[Diagnostic, ...]]:
    """Return every environment and target, and what is wrong with `environments` itself."""
    targets = at(tree, ("targets",))
    there: Mapping[str, Member] = targets.members if targets is not None else {}
    environments = at(tree, ("environments",))
    if environments is None or environments.value in (None, {}):
        return tuple((DEFAULT_ENVIRONMENT, name) for name in there), ()
    only = Tree(
        {k: m for k, m in tree.members.items() if k in ("apiVersion", "name", "targets", "environments")},
        tree.span,
    )
    _, wrong = validate(only)
    problems = [d for d in wrong if d.path.startswith("environments")]
    places: list[tuple[str, str]] = []
    for name, member in environments.members.items():
        chosen = member.tree.members.get("targets")
        if chosen is None:
            places.extend((name, target) for target in there)
            continue
        if not isinstance(chosen.tree.value, tuple):
            continue  # not a list: validate says so
        for position, item in enumerate(chosen.tree.value):
            if not isinstance(item.value, str):
                continue
            if (name, item.value) in places:
                problems.append(
                    Diagnostic(
                        "duplicate-entry",
                        f"target `{item.value}` is there twice",
                        item.span,
                        dotted(("environments", name, "targets", position)),
                        help="name it once",
                    )
                )
            elif item.value in there:
                places.append((name, item.value))
            else:
                problems.append(
                    Diagnostic(
                        "unknown-reference",
                        f"there is no target `{item.value}`",
                        item.span,
                        dotted(("environments", name, "targets", position)),
                        help=did_you_mean(item.value, there, "targets"),
                    )
                )
    unused = there.keys() - {target for _, target in places}
    problems.extend(d for d in wrong if d.path.split(".")[:2][-1] in unused and d.path.startswith("targets."))
    problems.extend(
        Diagnostic(
            "unused-target",
            f"no environment has the target `{name}`: nothing of it is planned",
            there[name].key,
            dotted(("targets", name)),
            help="add it to the `targets` of an environment, or remove it",
            severity=Severity.WARNING,
        )
        for name in sorted(unused if not problems else ())
    )
    return tuple(dict.fromkeys(places)), tuple(problems)
