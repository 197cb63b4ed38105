"""A term of a calculation: the number with its formula, its inputs and where the formula is from."""

from __future__ import annotations

from typing import Literal, NamedTuple

KIB, MIB, GIB = 1024, 1024**2, 1024**3

Basis = Literal["exact", "measured", "estimate"]
"""exact: counts what the engine allocates. measured: a published measurement. estimate: fitted to measurements."""


class Line(NamedTuple):
    """One named line of a calculation, for a person to follow."""

    name: str
    formula: str
    """With the names of `inputs`."""
    inputs: tuple[tuple[str, str | int | float], ...]
    bytes: int
    source: str
    basis: Basis = "exact"

    def __str__(self) -> str:
        given = ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in self.inputs)
        return f"{self.name}: {gib(self.bytes)} = {self.formula}" + (f" ({given})" if given else "")


def gib(size: int) -> str:
    """Return a size as people read it.

    Example:
        >>> gib(16_060_522_496)
        '15.0 GiB'
    """
    return f"{size / GIB:,.1f} GiB"


def up(number: int, divisor: int) -> int:
    """Return the quotient rounded up."""
    return -(-number // divisor)
