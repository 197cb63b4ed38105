"""The quotas of EC2: vCPUs of running instances, by family."""

from __future__ import annotations

from functools import cache

from specs.catalog.tables import read_table


@cache
def quota_name(edition: str, instance: str, capacity: str) -> str:
    """Return the quota that an instance type counts against, "" for a family whose quota is no concern here.

    Args:
        instance: such as `g6e.xlarge`.
        capacity: `on-demand` or `spot`.
    """
    table: dict[str, dict[str, str]] = read_table(edition, "instances.json")["quotas"]
    return table.get(instance[:1], {}).get(capacity, "")
