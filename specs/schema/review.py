"""`review`: which change needs whose consent before it may go in."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from specs.schema.base import Name, Section, Text, Whole, problem, unit
from specs.units import Money, money

RiskName = Literal["in-place", "rolling", "replacing", "destructive"]

LABEL_PATTERN = r"^[^\s,\x00-\x1f\x7f]([^,\x00-\x1f\x7f]{0,98}[^\s,\x00-\x1f\x7f])?$"
"""A label of a pull request: no comma, which separates labels everywhere, and no blank at its ends."""


def _label(value: str) -> str:
    if not re.fullmatch(LABEL_PATTERN, value):
        help = "a label has 1 to 100 characters, no comma, no line break, and no blank at its ends"
        raise problem("bad-value", f"`{value[:100]}` is no label of a pull request", help)
    return value


def _a_month(value: Money) -> Money:
    if value.per not in (None, "month"):
        raise problem("bad-value", f"`{value}` is not an amount a month", "write that of one month, such as `$5000`")
    return Money(value.amount)


Label = Annotated[Text, AfterValidator(_label), Field(json_schema_extra={"pattern": LABEL_PATTERN})]
Labels = Annotated[tuple[Label, ...], Field(min_length=1)]


class ReviewRule(Section):
    """What a change has to be for the rule to hold, and what it then needs. A change that is all of it is meant."""

    risk: RiskName | None = None
    """This risk or a larger one."""

    monthly_increase: Annotated[Money, unit(money), AfterValidator(_a_month)] | None = None
    """The priced minimum of a month rises by at least this much, such as `$5000`. Where the costs of a change are not
    known, the rule holds."""

    environments: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The change as far as it is one of these environments. Default: of all."""

    targets: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """The change as far as it is one at these targets. Default: at all."""

    labels: Labels | None = None
    """Labels that the pull request must have, all of them."""

    approvals: Annotated[Whole, Field(ge=1, le=100)] | None = None
    """How many people must have approved it."""

    @model_validator(mode="after")
    def _says_something(self) -> ReviewRule:
        if self.risk is None and self.monthly_increase is None:
            raise problem(
                "incomplete-rule",
                "the rule says of no change that it holds for it",
                "write the `risk` or the `monthlyIncrease` from which on it holds",
            )
        if self.labels is None and self.approvals is None:
            raise problem(
                "incomplete-rule",
                "the rule asks for nothing",
                "write the `labels` or the number of `approvals` that the change needs",
            )
        return self
