"""What a model server has to carry, and how well: `serving.X.traffic` and `serving.X.objectives`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from specs.schema.base import Number, Section, Whole, problem, unit
from specs.units import count, duration, percent


def _positive(value: float) -> float:
    if not value > 0:
        raise problem("bad-traffic", f"`{value:g}` requests a second are no traffic", "write a number above 0")
    return value


class Traffic(Section):
    """The load at its busiest, over all replicas."""

    requests_per_second: Annotated[
        Annotated[Whole, Field(ge=1, le=1_000_000)] | Annotated[Number, AfterValidator(_positive)],
        Field(union_mode="left_to_right"),
    ]
    """Requests that arrive in a second, such as `12` or `0.5`: any number above 0, whole ones up to 1,000,000."""

    input_tokens: Annotated[int, unit(count, written=int | str), Field(ge=1, le=16_777_216)]
    """Tokens of a request's prompt, on average."""

    output_tokens: Annotated[int, unit(count, written=int | str), Field(ge=1, le=16_777_216)]
    """Tokens of an answer, on average."""


class Latency(Section):
    """The latency that 95 of 100 requests have to keep."""

    p95: Annotated[int, unit(duration), Field(ge=1)]
    """The 95th percentile, such as `800ms`."""


class Objectives(Section):
    """What clients are promised. The plan compares it with its estimates."""

    availability: Annotated[Decimal, unit(percent)] | None = None
    """The share of requests that are answered, such as `99.9%`."""

    time_to_first_token: Latency | None = None
    """From the request's arrival to the first token of the answer."""

    inter_token_latency: Latency | None = None
    """Between two tokens of one answer."""
