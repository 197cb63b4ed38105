"""Two places of a spec that are one cluster, so that both would make the same objects in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from specs.diagnostics import Diagnostic, Label
from specs.finding import finding, span_of
from specs.load import Case
from specs.schema.targets import OnPremTarget
from specs.tree import key_span


def check(cases: Sequence[Case]) -> Iterator[Diagnostic]:
    """Yield targets of one environment with one kubeContext, and an operator that several places install in one
    cluster."""
    by_context: dict[str, list[Case]] = {}
    for case in cases:
        target = case.spec.targets[case.target]
        if isinstance(target, OnPremTarget):
            by_context.setdefault(target.kube_context, []).append(case)
    for context, here in by_context.items():
        alike = tuple(_targets(context, here))
        yield from alike
        if not alike:
            yield from _operators(context, [c for c in here if _installs(c)])


def _targets(context: str, here: Sequence[Case]) -> Iterator[Diagnostic]:
    first: dict[str, Case] = {}
    for case in here:
        other = first.setdefault(case.environment, case)
        if other is not case:
            yield finding(
                case,
                "same-cluster",
                ("targets", case.target, "kubeContext"),
                f"`{case.target}` and `{other.target}` are one cluster, `{context}`: "
                "both would make the same objects in it",
                help="remove one of the targets, or put them into environments of their own",
                related=(Label(span_of(other, ("targets", other.target, "kubeContext")), "the other target"),),
            )


def _operators(context: str, here: Sequence[Case]) -> Iterator[Diagnostic]:
    """Yield every place but the first that installs the operator, whose CRDs and daemons are the whole cluster's."""
    for case in here[1:]:
        first = here[0]
        target = f"targets.{case.target}: {{addons: {{gpu-operator: existing}}}}"
        yield finding(
            case,
            "same-cluster",
            ("targets", case.target, "kubeContext"),
            f"`{first.environment}` and `{case.environment}` both install the GPU operator in the cluster `{context}`, "
            "which can have it once",
            help=f"let one of them have it: `environments.{case.environment}.overlay: {{{target}}}`",
            related=tuple(
                Label(
                    key_span(c.base, ("environments", c.environment)), f"`{c.environment}` installs it at `{c.target}`"
                )
                for c in (first, case)
            ),
        )


def _installs(case: Case) -> bool:
    target = case.spec.targets[case.target]
    if not isinstance(target, OnPremTarget):
        return False
    return target.addons.get("gpu-operator", target.addons.get("default", "managed")) == "managed"
