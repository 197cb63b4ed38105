"""What the schema says of its keys: the string literals under the fields, read from the source when somebody asks.

pydantic can read them itself (`use_attribute_docstrings`), but does so for every class at every start, which costs
a plan
a tenth of its time.
"""

from __future__ import annotations

import ast
import inspect
from functools import cache

from specs.schema.base import Section


@cache
def descriptions(section: type[Section]) -> dict[str, str]:
    """Return the description of every field of a section, by the field's name in Python."""
    tree = ast.parse(inspect.getsource(section))
    [definition] = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    found: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            if (
                isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
                and isinstance(below.value.value, str)
            ):
                found[field.target.id] = " ".join(below.value.value.split())
    return found
