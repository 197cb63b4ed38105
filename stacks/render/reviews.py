"""The forms in which a review is printed. A form is one module beside this one with `render(review, reading)`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line reads the names alone
    from stacks.review import Reading, Review

FORMATS = ("human", "json", "markdown", "github", "sarif", "dotenv")
"""The names of the forms; `human` is in `human_review.py`, and so on. Each is loaded only when it is asked for."""


def rendered(review: Review, form: str, reading: Reading) -> str:
    """Return the review in one of `FORMATS`."""
    text: str = import_module(f"stacks.render.{form}_review").render(review, reading)
    return text
