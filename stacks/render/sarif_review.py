"""A review as a SARIF log: the remarks on single lines, with the pages that explain them."""

from __future__ import annotations

from stacks.render.remarks import remarks
from stacks.render.sarif import sarif
from stacks.review import Reading, Review


def render(review: Review, reading: Reading) -> str:
    """Return the log as JSON in ASCII."""
    return sarif(remarks(review))
