"""`python -m tests.monitor SPEC`: bring every stack up in the in-process engine and print the tree it recorded.

It is the same text as `llmform graph SPEC --tree`, which is read off the graph alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.monitor.deploy import deploy, recorded_tree

if len(sys.argv) != 2:
    sys.exit("usage: python -m tests.monitor SPEC")
sys.stdout.write("\n".join(recorded_tree(run) for run in deploy(Path(sys.argv[1])).values()))
