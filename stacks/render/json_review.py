"""A review as JSON. The layout is `docs/reference/plan-json.md`."""

from __future__ import annotations

import json
from typing import Any

from stacks.alike import groups
from stacks.render.diagnostics import diagnostic_values
from stacks.render.json_cost import sum_values
from stacks.render.json_plan import FORMAT, plan_values
from stacks.review import Broken, Reading, Review


def render(review: Review, reading: Reading) -> str:
    """Return the JSON in ASCII, so that nothing in it can steer a terminal."""
    return json.dumps(_values(review), indent=2) + "\n"


def _values(review: Review) -> dict[str, Any]:
    plans = [(s.file, plan_values(s.plan, s.diagnostics, s.policies, s.cost)) for s in review.specs]
    broken = [(b.file, _broken(b)) for b in review.broken]
    if not review.many:
        return plans[0][1] if plans else broken[0][1]
    costs = [s.cost for s in review.specs if s.cost is not None]
    return {
        "format": FORMAT,
        "empty": review.empty,
        "fails": review.fails or any(s.plan.fails for s in review.specs),
        "risk": str(review.risk),
        "groups": [
            {
                "stacks": [{"file": m.file, "stack": m.stack.name} for m in g.members],
                "ownNames": g.own_names,
                "ownLines": g.own_lines,
            }
            for g in groups(review)
        ],
        "specs": [{"file": file, **values} for file, values in plans],
        "broken": [{"file": file, **values} for file, values in broken],
        **({"cost": sum_values(costs)} if costs and len(costs) == len(review.specs) else {}),
    }


def _broken(broken: Broken) -> dict[str, Any]:
    refused = {"refused": broken.refused} if broken.refused else {}
    return {"diagnostics": diagnostic_values(broken.diagnostics), **refused}
