"""What runs in CI around `llmform plan`: fetching the base, one comment a pull request, summary and outputs.

`python -m stacks.ci github` is what action.yml starts, `python -m stacks.ci gitlab` what gitlab.yml starts. The
effects are in `rest.py` (the network), `history.py` (git), `plan_files.py` (the plan itself) and the two jobs; the rest
is pure.
"""
