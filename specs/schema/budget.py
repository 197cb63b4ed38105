"""`budget`: what an environment, and each of its models, may cost a month."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Annotated, Any

from pydantic import Field, model_validator

from specs.schema.base import Name, Section, Text, problem, unit
from specs.units import Money, UnitError, money, percent

MOST_ALERTS = 5
"""Notifications that a budget of AWS can have (AWS Budgets API reference, CreateBudget, read 2026-11-21)."""

MOST_ADDRESSES = 10
"""E-mail addresses that a notification can have; it can have one SNS topic (as above)."""

_HIGHEST = 1000
"""Percent: a share of the budget beyond which nobody needs to be told."""


def _monthly(value: Any) -> Decimal:
    """Return US dollars a month: `$95000` and `$95000/month` are the same."""
    amount: Money = money(value)
    if amount.per not in (None, "month"):
        raise UnitError(f"`{value}` is not by the month", f"write the sum of a month, such as `${amount.amount}`")
    if not amount.amount:
        raise UnitError("a budget of nothing allows nothing", "write more than `$0`, or leave the budget out")
    return amount.amount


def _share(value: Any) -> Decimal:
    share = percent(value, at_most=_HIGHEST)
    if not share:
        raise UnitError("a share of 0% is always reached", "write more, such as `80%`")
    return share


Monthly = Annotated[Decimal, unit(_monthly)]
Share = Annotated[Decimal, unit(partial(_share))]


class ModelBudget(Section):
    """What one model may cost in an environment: judged by the plan alone, since AWS bills nodes and not models."""

    monthly: Monthly
    """US dollars a month, such as `$20000`."""

    fail_above: Share | None = None
    """The share of `monthly` above which a plan fails. Default: that of the budget."""


class Recipients(Section):
    """Who is told by AWS Budgets. An alert says that what is spent, or will be by AWS's forecast, passes a share."""

    emails: Annotated[
        tuple[Annotated[Text, Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,185}$")], ...], Field(max_length=MOST_ADDRESSES)
    ] = ()
    """E-mail addresses, at most 10."""

    topic: Annotated[Text, Field(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$")] | None = None
    """The ARN of an SNS topic that AWS Budgets may publish to."""

    @model_validator(mode="after")
    def _somebody(self) -> Recipients:
        if not self.emails and self.topic is None:
            raise problem("budget-tells-nobody", "nobody is named", "add `emails` or `topic`, or leave `alertTo` out")
        return self


class Budget(Section):
    """What an environment may cost a month, all of its targets together. An overlay gives each its own."""

    monthly: Monthly
    """US dollars a month, such as `$150000`."""

    alert_at: Annotated[tuple[Share, ...], Field(min_length=1, max_length=MOST_ALERTS)] | None = None
    """The shares of `monthly` at which AWS Budgets tells somebody, at most 5, such as `[50%, 80%, 100%]`. Default:
    none."""

    alert_to: Recipients | None = None
    """Who is told. Needed for `alertAt`."""

    fail_above: Share | None = None
    """The share of `monthly` above which a plan fails, judged by what is priced at minimum, such as `110%`. Default:
    no plan fails."""

    models: dict[Name, ModelBudget] = Field(default_factory=dict)
    """What single models may cost."""
