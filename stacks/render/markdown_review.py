"""A review as a comment in Markdown."""

from __future__ import annotations

from stacks.render.markdown_plan import markdown_plan
from stacks.review import Reading, Review


def render(review: Review, reading: Reading) -> str:
    """Return the comment."""
    return "\n".join(markdown_plan(s.plan, s.diagnostics, policies=s.policies, cost=s.cost) for s in review.specs)
