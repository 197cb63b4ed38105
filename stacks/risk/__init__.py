"""How much an edit can hurt, and why: the rules, family by family.

A rule is a function whose docstring says the rule. Each says what it has to say; the largest risk counts. What no rule
speaks of is rated by what is done to it (`stacks/plan.py`).
"""

from __future__ import annotations

from stacks.risk import cluster, engine, network, nodes, storage, workloads
from stacks.risk.finding import Rule

RULES: tuple[Rule, ...] = (
    *storage.RULES,
    *network.RULES,
    *cluster.RULES,
    *nodes.RULES,
    *workloads.RULES,
    *engine.RULES,
)

OF_NEW: tuple[Rule, ...] = (engine.adopted, workloads.job)
"""Those of `RULES` that speak of what is made; no other says anything where nothing was."""
