"""A review as the few values that a CI job decides by: one `NAME=value` a line, for a shell, GitHub's outputs or
GitLab's dotenv report. Nothing that a spec says is in a value."""

from __future__ import annotations

from stacks.review import Reading, Review


def render(review: Review, reading: Reading) -> str:
    """Return the lines. What is not known is empty, and with a broken spec the risk is `unknown`."""
    broken = bool(review.broken)
    monthly = None if broken else review.monthly
    changed = sum(1 for one in review.specs for s in one.plan.stacks if s.status != "unchanged" or s.steps)
    values = {
        "RISK": "unknown" if broken else str(review.risk),
        "MONTHLY_CHANGE": "" if monthly is None else f"{monthly:.2f}",
        "STACKS": str(changed),
        "CHANGES": str(not review.empty).lower(),
        "FAILS": str(review.fails).lower(),
    }
    return "".join(f"LLMFORM_{name}={value}\n" for name, value in values.items())
