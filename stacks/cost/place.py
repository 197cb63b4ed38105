"""One place of a compilation: the stacks of an environment at a target, or at one of its sites, and how they are read.

Graphs of what is deployed can hold anything, so nothing here assumes that a value has the type that llmform gives it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from components.graph import Node
from components.resolve.platform import Explained
from specs.units import BINARY, DECIMAL
from stacks.compilation import CompiledStack
from stacks.cost.rates import Rates


@dataclass(frozen=True)
class Place:
    """The stacks that are layers of one place, and the prices there."""

    stacks: tuple[CompiledStack, ...]
    rates: Rates

    @cached_property
    def values(self) -> Mapping[str, Explained]:
        """The decided values of all layers."""
        return {path: e for stack in self.stacks for path, e in stack.values.items()}

    def value(self, path: str) -> Any:
        """Return a decided value, None where there is none."""
        found = self.values.get(path)
        return found.value if found is not None else None

    def nodes(self) -> Iterator[tuple[CompiledStack, Node]]:
        """Yield every node with its stack."""
        for stack in self.stacks:
            for node in stack.graph.nodes:
                yield stack, node

    @cached_property
    def _where(self) -> dict[str, str]:
        return {}

    def where(self, origin: str) -> str:
        """Return the first place in a file of what stands at or below a spec path; empty if nobody wrote it."""
        if not origin:
            return ""
        if origin not in self._where:
            below = (f"{origin}.", f"{origin}[")
            found = [e.where for p, e in self.values.items() if e.where and (p == origin or p.startswith(below))]
            # what nobody wrote, such as a default network, is there because of what it belongs to
            self._where[origin] = min(found, key=_position) if found else self.where(origin.rpartition(".")[0])
        return self._where[origin]


def region_of(stacks: tuple[CompiledStack, ...]) -> str:
    """Return the AWS region of a place: the decided value, else what its provider says; empty if neither does."""
    for stack in stacks:
        decided = stack.values.get(f"targets.{stack.target}.region")
        if decided is not None:
            return str(decided.value)
    for stack in stacks:
        for node in stack.graph.nodes:
            if node.type == "pulumi:providers:aws" and isinstance(node.inputs.get("region"), str):
                return str(node.inputs["region"])
    return ""


def _position(where: str) -> tuple[str, int, int]:
    file, _, rest = where.rpartition(":")
    file, _, line = file.rpartition(":")
    return (file, int(line), int(rest)) if line.isdigit() and rest.isdigit() else (where, 0, 0)


def inside(value: Any, *path: str) -> Any:
    """Return what stands at a path of maps; None if anything on it is missing or no map."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def whole(value: Any) -> int:
    """Return a count, written as a number or as text; 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0
    try:
        return max(0, int(float(value)))
    except (ValueError, OverflowError):
        return 0


_UNITS = {**BINARY, **DECIMAL, "E": 10**18, "Ei": 2**60}


def quantity(value: Any) -> float:
    """Return a Kubernetes quantity: `10Gi`, `500m`, `3`; 0 for anything else."""
    text = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    number = text.rstrip("EKMGTPikm")
    factor = 0.001 if text[len(number) :] == "m" else _UNITS.get(text[len(number) :], 1)
    try:
        return max(0.0, float(number) * factor)
    except ValueError:
        return 0.0
