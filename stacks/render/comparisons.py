"""The forms in which a comparison of environments is printed: one module each beside this one, with
`render(comparison, reading)`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line reads the names alone
    from stacks.comparison import Comparison
    from stacks.review import Reading

FORMATS = ("human", "json", "markdown", "html")
"""The forms by name; `human` is in `human_comparison.py`, and so on. Each is loaded only when it is asked for."""


def rendered(comparison: Comparison, form: str, reading: Reading) -> str:
    """Return the comparison in one of `FORMATS`."""
    text: str = import_module(f"stacks.render.{form}_comparison").render(comparison, reading)
    return text
