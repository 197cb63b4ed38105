"""Reviews of one plan, in the forms that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from specs.diagnostics import Diagnostic
from stacks.plan import Plan
from stacks.policy_report import Report
from stacks.render.reviews import rendered
from stacks.review import Reading, Review, SpecReview

NOTHING_SAID = Report((), (), {})


def review_of(
    plan: Plan,
    diagnostics: Sequence[Diagnostic] = (),
    texts: Mapping[str, str] | None = None,
    *,
    policies: Report = NOTHING_SAID,
) -> Review:
    """Return the review of one spec."""
    return Review((SpecReview("spec.yaml", plan, tuple(diagnostics), texts or {}, policies),))


def comment(
    plan: Plan,
    diagnostics: Sequence[Diagnostic] = (),
    texts: Mapping[str, str] | None = None,
    *,
    policies: Report = NOTHING_SAID,
) -> str:
    """Return the comment on a plan."""
    return rendered(review_of(plan, diagnostics, texts, policies=policies), "markdown", Reading())


def page(review: Review) -> str:
    """Return the page of a review."""
    return rendered(review, "html", Reading())
