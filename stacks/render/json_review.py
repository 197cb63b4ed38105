"""A review as JSON. The layout is `docs/reference/plan-json.md`."""

from __future__ import annotations

import json

from stacks.render.diagnostics import diagnostic_values
from stacks.render.json_plan import plan_values
from stacks.review import Reading, Review


def render(review: Review, reading: Reading) -> str:
    """Return the JSON in ASCII, so that nothing in it can steer a terminal."""
    plans = [plan_values(s.plan, s.diagnostics, s.policies, s.cost) for s in review.specs]
    plans += [{"diagnostics": diagnostic_values(b.diagnostics)} for b in review.broken]
    (only,) = plans
    return json.dumps(only, indent=2) + "\n"
