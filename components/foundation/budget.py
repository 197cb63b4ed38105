"""The alert on what an environment costs: an AWS budget.

Nodes, in the component `budget`: `Budget` environment, if the spec has a `budget`.

It counts what carries llmform's tags of the platform and the environment, in the account of its target: AWS sees the
tags once they are activated as cost allocation tags (AWS Billing user guide, "Activating user-defined cost allocation
tags"), and no other account's costs. Every AWS target of an environment has one, each with the limit of the whole
environment.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from components import aws
from components.foundation.aws_resource import resource
from components.graph import Component, Node
from components.part import Part
from components.resolve.platform import Aws, Budget, Platform

_NAME = 100
"""Longest name of a budget (AWS Budgets API reference, Budget, BudgetName)."""


def lower(platform: Platform) -> Part:
    """Return the budget of the platform's environment at an AWS target; nothing where the spec has none."""
    if platform.budget is None or not isinstance(platform.target, Aws):
        return Part()
    component = Component(
        id="budget",
        type="llmform:foundation:Budget",
        origin="budget",
        reads=("budget",),
        summary=(_summary(platform.budget, platform.environment),),
    )
    return Part((component,), (_node(platform, platform.budget),))


def _summary(budget: Budget, environment: str) -> str:
    told = f"AWS budget of ${budget.monthly:,} a month for what is tagged with the platform and `{environment}`"
    if not budget.alert_at:
        return f"{told}; it tells nobody"
    shares = ", ".join(f"{_percent(share)} %" for share in budget.alert_at)
    return f"{told}; tells {', '.join((*budget.emails, *((budget.topic,) if budget.topic else ())))} at {shares}"


def _node(platform: Platform, budget: Budget) -> Node:
    wanted = ("llmform.dev/spec", "llmform.dev/environment")
    tags = [{"tags": {"key": key, "values": [aws.tags(platform)[key]], "matchOptions": ["EQUALS"]}} for key in wanted]
    inputs: dict[str, Any] = {
        "name": aws.aws_name(platform, "monthly", limit=_NAME),
        "budgetType": "COST",
        "timeUnit": "MONTHLY",
        "limitAmount": format(budget.monthly, "f"),
        "limitUnit": "USD",
        "filterExpression": {"ands": tags},
        # what is paid in the month; the sums that a plan shows are before discounts by volume and commitment
        "metrics": "UnblendedCost",
    }
    if budget.alert_at:
        inputs["notifications"] = [_notification(budget, share) for share in budget.alert_at]
    return resource(platform, "budget", "budget", "aws:budgets/budget:Budget", "environment", inputs)


def _notification(budget: Budget, share: Decimal) -> dict[str, Any]:
    """Return the alert at a share: of what is spent, and from 100 % on of what AWS expects to be spent."""
    told = {"subscriberEmailAddresses": list(budget.emails)} if budget.emails else {}
    topic = {"subscriberSnsTopicArns": [budget.topic]} if budget.topic else {}
    return {
        "comparisonOperator": "GREATER_THAN",
        "notificationType": "ACTUAL" if share < 1 else "FORECASTED",
        "threshold": _percent(share),
        "thresholdType": "PERCENTAGE",
        **told,
        **topic,
    }


def _percent(share: Decimal) -> int | float:
    """Return a share in percent: a whole number where it is one, as the provider prints it."""
    percent = share * 100
    return int(percent) if percent == percent.to_integral_value() else float(percent)
