"""The forms in which a review is printed. A form is one module beside this one with `render(review, reading)`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # the command line reads the names alone
    from stacks.review import Reading, Review


class Form(NamedTuple):
    """What a form shows beside plans, diagnostics, policies and costs, and is made for it alone."""

    sizing: bool = False
    pictures: bool = False


FORMATS: Mapping[str, Form] = {
    "human": Form(),
    "json": Form(),
    "markdown": Form(),
    "html": Form(sizing=True, pictures=True),
    "github": Form(),
    "sarif": Form(),
    "dotenv": Form(),
}
"""The forms by name; `human` is in `human_review.py`, and so on. Each is loaded only when it is asked for."""


def rendered(review: Review, form: str, reading: Reading) -> str:
    """Return the review in one of `FORMATS`."""
    text: str = import_module(f"stacks.render.{form}_review").render(review, reading)
    return text
