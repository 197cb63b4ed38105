"""`policies`: how hard each policy is enforced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from specs.schema.base import Section, Text, problem
from specs.units import is_day

Level = Literal["mandatory", "advisory", "disabled"]

RANK: Mapping[str, int] = {"disabled": 0, "advisory": 1, "mandatory": 2}
"""The levels from the softest to the hardest."""

LEVELS: Mapping[str, Level] = {
    "images-pinned": "mandatory",
    "images-by-digest": "advisory",
    "pods-unprivileged": "mandatory",
    "containers-sized": "mandatory",
    "gpus-on-gpu-pools": "mandatory",
    "stateful-protected": "mandatory",
    "buckets-closed": "mandatory",
    "cluster-api-closed": "mandatory",
    "iam-without-wildcards": "mandatory",
    "inputs-without-secrets": "mandatory",
    "namespaces-isolated": "mandatory",
    "model-servers-budgeted": "mandatory",
    "owner-named": "advisory",
}
"""Every policy, with the level that it has where the spec says nothing. What each asks for is in policies/."""


def _day(value: str) -> str:
    """Return the text if it is a day of the calendar, written so that texts sort as days do (ISO 8601)."""
    if not is_day(value):
        raise problem("bad-date", f"`{value[:40]}` is no day of the calendar", "write one such as `2027-03-31`")
    return value


Day = Annotated[Text, AfterValidator(_day), Field(json_schema_extra={"pattern": r"^\d{4}-\d{2}-\d{2}$"})]


class PolicyLevel(Section):
    """How hard one policy is enforced here."""

    level: Level
    """`mandatory`: a plan that breaks it ends with exit status 1; `advisory`: it is told; `disabled`: it is not run."""

    reason: Annotated[Text, Field(min_length=1, max_length=500)] | None = None
    """Why this level and not the policy's own. Needed to lower it."""

    until: Day | None = None
    """The last day on which this level counts, such as `2027-03-31`; then the policy's own does. Needed to lower it."""
