"""A plan as JSON: everything that the text says, with ids. The layout is `docs/reference/plan-json.md`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from components.graph import Value
from components.graph_json import encode_value
from specs.diagnostics import Diagnostic
from stacks.alike import groups
from stacks.causes import Because
from stacks.changes import Absent, Entry, Path, written
from stacks.cost.values import CostChange
from stacks.edits import Change, Create, Delete, Move, NodeEdit, OutputEdit, Replace, Update, node_of
from stacks.policy_report import Report
from stacks.render.cost import cost_values
from stacks.render.diagnostics import diagnostic_values
from stacks.render.policies import policy_values
from stacks.risk.finding import Finding
from stacks.sensitive import masked
from stacks.steps import Plan, RatedEdit, StackPlan, Step

FORMAT = 1
"""Version of the layout. New keys may come without a new version; a key that goes or means another thing needs one."""


def json_plan(plan: Plan, diagnostics: Sequence[Diagnostic] = (), policies: Report | None = None) -> str:
    """Return the plan as JSON in ASCII, so that nothing in it can steer a terminal."""
    return json.dumps(plan_values(plan, diagnostics, policies), indent=2) + "\n"


def plan_values(
    plan: Plan, diagnostics: Sequence[Diagnostic] = (), policies: Report | None = None, cost: CostChange | None = None
) -> dict[str, Any]:
    """Return the plan as plain JSON values; `policies` is there if they were run, `cost` if prices were asked
    for."""
    values = {
        "format": FORMAT,
        "spec": plan.spec,
        "compiler": plan.compiler,
        "edition": plan.edition,
        "against": asdict(plan.against),
        "empty": plan.empty,
        "fails": plan.fails,
        "risk": str(plan.risk),
        "totals": asdict(plan.totals),
        "notes": list(plan.notes),
        "groups": [{"stacks": list(g.names), "ownNames": g.own_names, "ownLines": g.own_lines} for g in groups(plan)],
        "stacks": [_stack(s) for s in plan.stacks],
        "steps": [_step(s) for s in plan.steps],
        "diagnostics": diagnostic_values(diagnostics),
    }
    if policies is not None:
        values["policies"] = policy_values(policies)
    return values if cost is None else {**values, "cost": cost_values(cost)}


def _stack(stack: StackPlan) -> dict[str, Any]:
    return {
        "name": stack.name,
        "environment": stack.environment,
        "target": stack.target,
        **({"site": stack.site} if stack.site else {}),
        "layer": stack.layer,
        "place": stack.place,
        "status": stack.status,
        "totals": asdict(stack.totals),
        "unchanged": stack.unchanged,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "stack": step.stack,
        "component": step.component,
        "origin": step.origin,
        "action": step.action.name.lower(),
        "risk": str(step.risk),
        "reasons": _findings(step.findings),
        "because": [_because(b) for b in step.because],
        "explanation": step.explanation,
        "summary": list(step.summary),
        "edits": [_edit(e) for e in step.edits],
        "outputs": [_output(o) for o in step.outputs],
    }


def _findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [{"risk": str(f.risk), "reason": f.reason, "fails": f.fails} for f in findings if f.reason]


def _sides(before: Value | Absent, after: Value | Absent) -> dict[str, Any]:
    """Return the keys `before` and `after`; a side that is not there has no key."""
    sides = {"before": before, "after": after}
    return {key: encode_value(value) for key, value in sides.items() if not isinstance(value, Absent)}


def _because(b: Because) -> dict[str, Any]:
    name = (b.path.rpartition(".")[2],)
    return {
        "path": b.path,
        **_sides(masked("", name, b.before), masked("", name, b.after)),
        "where": b.where,
        "was": b.was,
        "overlay": b.overlay,
        "reason": b.reason,
    }


def _edit(rated: RatedEdit) -> dict[str, Any]:
    edit = rated.edit
    node = node_of(edit)
    out: dict[str, Any] = {
        "id": node.id,
        "type": node.type,
        "action": rated.action.name.lower(),
        "risk": str(rated.risk),
        "reasons": _findings(rated.findings),
        "origin": node.origin,
    }
    return out | _more(edit, rated.unchanged)


def _more(edit: NodeEdit, unchanged: int) -> dict[str, Any]:
    match edit:
        case Create() | Delete():
            return {}
        case Update() | Replace() | Move():
            more: dict[str, Any] = {
                "changes": [_change(edit.after.type, c) for c in edit.changes],
                "unchanged": unchanged,
            }
            if edit.before.id != edit.id:
                more["was"] = edit.before.id
            if isinstance(edit, Replace):
                more["deleteFirst"] = edit.delete_first
            return more


def _change(type_token: str, change: Change) -> dict[str, Any]:
    before, after = change.before, change.after
    if change.part == "inputs":
        before, after = (masked(type_token, change.path, side) for side in (before, after))
    return {
        "part": change.part,
        "path": _path(change.path),
        "text": written(change.path),
        **_sides(before, after),
        "effect": change.effect.kind,
        "deleteFirst": change.effect.delete_first,
        "note": change.effect.note,
        "source": change.effect.source,
        "cause": change.cause,
    }


def _path(path: Path) -> list[Any]:
    return [{"before": s.before, "after": s.after, "name": s.name} if isinstance(s, Entry) else s for s in path]


def _output(edit: OutputEdit) -> dict[str, Any]:
    return {"name": edit.name, **_sides(edit.before, edit.after), "cause": edit.cause}
