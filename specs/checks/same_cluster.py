"""Two places of a spec that are one cluster, so that both would make the same objects in it.

A cluster on-prem is known by its kubeContext, one of an existing foundation by the ARN in its facts file; a foundation
of llmform's own has a cluster for every environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from specs.diagnostics import Diagnostic, Label
from specs.facts_file import Facts
from specs.finding import finding, span_of
from specs.load import Case
from specs.schema.targets import EdgeTarget, OnPremTarget
from specs.tree import Path, key_span

_OPERATORS = {
    "on-prem": {"gpu-operator": "the GPU operator"},
    "aws": {"karpenter": "Karpenter", "nvidia-device-plugin": "the NVIDIA device plugin"},
    "edge": {},
}
"""What is installed once a cluster, by the target's provider: the key of `addons`, and its name."""


def cluster(case: Case, facts: Facts | None) -> tuple[str, ...]:
    """Return what tells the case's cluster apart: the last entry is what people call it."""
    target = case.spec.targets[case.target]
    if isinstance(target, OnPremTarget):
        return ("kubeContext", target.kube_context)
    arn = facts.outputs.get("clusterArn") if facts is not None else None
    return ("arn", str(arn.value)) if arn is not None else (case.environment, case.target)


def check(cases: Sequence[tuple[Case, Facts | None]]) -> Iterator[Diagnostic]:
    """Yield targets of one environment that are one cluster, and an operator that several places install in one
    cluster."""
    places: dict[tuple[str, ...], list[Case]] = {}
    for case, facts in cases:
        places.setdefault(cluster(case, facts), []).append(case)
    for (*_, name), here in places.items():
        alike = tuple(_targets(name, here))
        yield from alike
        if not alike:
            yield from _operators(name, here)


def _named_at(case: Case) -> Path:
    """Return the spec path that says which cluster the target is."""
    target: Path = ("targets", case.target)
    return (*target, "kubeContext") if _provider(case) == "on-prem" else (*target, "foundation", "existing")


def _provider(case: Case) -> str:
    return case.spec.targets[case.target].provider


def _targets(name: str, here: Sequence[Case]) -> Iterator[Diagnostic]:
    first: dict[str, Case] = {}
    for case in here:
        other = first.setdefault(case.environment, case)
        if other is not case:
            yield finding(
                case,
                "same-cluster",
                _named_at(case),
                f"`{case.target}` and `{other.target}` are one cluster, `{name}`: "
                "both would make the same objects in it",
                help="remove one of the targets, or put them into environments of their own",
                related=(Label(span_of(other, _named_at(other)), "the other target"),),
            )


def _operators(name: str, here: Sequence[Case]) -> Iterator[Diagnostic]:
    """Yield every place but the first that installs an operator, whose CRDs and daemons are the whole cluster's."""
    for addon, title in _OPERATORS[_provider(here[0])].items():
        installing = [case for case in here if _installs(case, addon)]
        for case in installing[1:]:
            first = installing[0]
            target = f"targets.{case.target}: {{addons: {{{addon}: existing}}}}"
            yield finding(
                case,
                "same-cluster",
                _named_at(case),
                f"`{first.environment}` and `{case.environment}` both install {title} in the cluster `{name}`, "
                "which can have it once",
                help=f"let one of them have it: `environments.{case.environment}.overlay: {{{target}}}`",
                related=tuple(
                    Label(
                        key_span(c.base, ("environments", c.environment)),
                        f"`{c.environment}` installs it at `{c.target}`",
                    )
                    for c in (first, case)
                ),
            )


def _installs(case: Case, addon: str) -> bool:
    target = case.spec.targets[case.target]
    assert not isinstance(target, EdgeTarget), "llmform installs no operator at a site"
    addons = {str(name): state for name, state in target.addons.items()}
    return addons.get(addon, addons.get("default", "managed")) == "managed"
