"""What a resource can be asked for once it exists: the attributes that a reference to it may read.

The table holds the types that other nodes refer to, and no others: a reference to a type that is not in it is a bug of
the lowering that made it.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from specs.catalog.tables import read_table


class Attributes(NamedTuple):
    """The attributes of a resource type, in the provider's camelCase; `a.b` is the property `b` inside `a`."""

    inputs: frozenset[str]
    """What can also be given; where it is not, the provider chooses a value."""
    outputs: frozenset[str]
    """What exists only once the resource does."""


@cache
def attribute_table() -> Mapping[str, Attributes]:
    """The attributes of every type that other nodes refer to, by type token."""
    table = read_table("attributes.json")["attributes"]
    return {token: Attributes(frozenset(row["inputs"]), frozenset(row["outputs"])) for token, row in table.items()}


def has_attribute(type_token: str, attribute: str) -> bool:
    """Say whether a resource of this type has the attribute.

    Example:
        >>> has_attribute("aws:eks/cluster:Cluster", "certificateAuthority.data")
        True
        >>> has_attribute("aws:eks/cluster:Cluster", "certificateAuthorities")
        False
    """
    row = attribute_table().get(type_token)
    return row is not None and (attribute in row.inputs or attribute in row.outputs)
