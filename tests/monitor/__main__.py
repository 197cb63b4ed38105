"""`python -m tests.monitor SPEC`: bring every stack up in the in-process engine and print the tree it recorded.

It is the same text as `llmform graph SPEC --tree`, which is read off the graph alone. With `--compare [SPEC ...]` both
are compared for each spec, for every example where none is named, and the exit status is 1 if they differ. A layer that
GitOps delivers is in the graph's tree, and the engine is never given it.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from stacks.render.tree import tree
from tests.monitor.deploy import deploy, recorded_tree, stacks_of

EXAMPLES = Path(__file__).resolve().parents[2] / "specs" / "examples"


def compare(spec: Path) -> bool:
    """Print whether the engine recorded the graph's tree, stack by stack, and where not; return it."""
    recorded = {name: recorded_tree(run) for name, run in deploy(spec).items()}
    same = True
    for stack in stacks_of(spec):
        if stack.delivery != "pulumi":
            print(f"by GitOps  {spec.name}  {stack.name}")
            continue
        wanted, found = tree(stack.graph), recorded[stack.name]
        verdict = "equal    " if found == wanted else "DIFFERENT"
        print(f"{verdict}  {spec.name}  {stack.name}  {len(found.splitlines())} lines")
        if found != wanted:
            same = False
            print(
                *difflib.unified_diff(wanted.splitlines(), found.splitlines(), "graph", "engine", lineterm=""), sep="\n"
            )
    return same


def main(arguments: list[str]) -> int:
    """Compare, or print the tree of one spec; return the exit status."""
    if arguments[:1] == ["--compare"]:
        specs = [Path(name) for name in arguments[1:]] or sorted(EXAMPLES.glob("*.yaml"))
        return 0 if all([compare(spec) for spec in specs]) else 1
    if len(arguments) != 1:
        sys.exit("usage: python -m tests.monitor SPEC | --compare [SPEC ...]")
    sys.stdout.write("\n".join(recorded_tree(run) for run in deploy(Path(arguments[0])).values()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
