"""The policy pack: rules on the resources of a stack, run by `llmform plan` and by the Pulumi engine alike.

`policies/rules/` holds one rule a file and `POLICIES`, the one list of them. This package imports nothing of Pulumi;
only `policies/__main__.py`, which serves the pack to the engine, does.
"""
