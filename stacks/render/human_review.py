"""A review as text for a terminal or a file."""

from __future__ import annotations

from stacks.render import diagnostics
from stacks.render.human_fleet import human_fleet
from stacks.render.human_plan import human_plan
from stacks.render.style import Style
from stacks.review import Reading, Review


def render(review: Review, reading: Reading) -> str:
    """Return the plan of one spec, or one over all of them."""
    if review.many and len(review.specs) + len(review.broken) != 1:
        return human_fleet(review, reading)
    style = Style(reading.colour)
    plans = [
        human_plan(
            s.plan, s.diagnostics, s.texts, policies=s.policies, cost=s.cost, details=reading.details, style=style
        )
        for s in review.specs
    ]
    broken = [diagnostics.human(b.diagnostics, b.texts, style=style) + "\n" for b in review.broken]
    return "\n".join([*plans, *broken])
