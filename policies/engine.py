"""Rules as the Pulumi engine calls them.

Remediation is not used: what is deployed is what the plan showed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from policies.resources import Finding, of_engine
from policies.rules import ResourceRule, StackRule, asks, name
from specs.schema.policies import LEVELS

Report = Callable[..., None]
"""Takes the text of a violation and, for a rule on a stack, the URN of the resource that is meant."""


UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine writes a text that is known after apply (Pulumi SDK, runtime/rpc.py)."""


def arguments(rule: ResourceRule | StackRule, levels: Any, validate: Callable[..., None]) -> dict[str, Any]:
    """Return what makes a policy of the SDK from a rule; `levels` is the SDK's enumeration of levels."""
    level = levels(LEVELS[name(rule)])
    return {"name": name(rule), "description": asks(rule), "validate": validate, "enforcement_level": level}


def of_resource(rule: ResourceRule, unknown: type[Exception]) -> Callable[[Any, Report], None]:
    """Return the rule as the SDK calls it for each resource; `unknown` is what the SDK raises for an unknown value."""

    def validate(args: Any, report: Report) -> None:
        _tell(rule(of_engine(args, unknown)), lambda finding: report(told(finding)), unknown)

    return validate


def of_stack(rule: StackRule, unknown: type[Exception]) -> Callable[[Any, Report], None]:
    """Return the rule as the SDK calls it for all resources of a stack."""

    def validate(args: Any, report: Report) -> None:
        resources = [of_engine(r, unknown) for r in args.resources]
        urns = {r.name: r.urn for r in resources}
        _tell(rule(resources), lambda finding: report(told(finding), urns.get(finding.resource)), unknown)

    return validate


def told(finding: Finding) -> str:
    """Return what is said of a violation: the text, and the property where it stands."""
    said = not finding.path or f"`{finding.path}`" in finding.text
    return finding.text if said else f"{finding.text} ({finding.path})"


def _tell(findings: Iterable[Finding], report: Callable[[Finding], None], unknown: Any) -> None:
    """Report what is certain, then raise for the rest what the SDK shows as advisory, whatever the policy's level."""
    doubts: dict[str, None] = {}
    for finding in findings:
        if finding.unknown:
            doubts[f"{finding.resource}: {finding.text}" if finding.resource else finding.text] = None
        else:
            report(finding)
    if doubts:
        error = unknown(UNKNOWN_STRING, [])
        error.message = f"cannot say before apply: {'; '.join(doubts)}"
        raise error
