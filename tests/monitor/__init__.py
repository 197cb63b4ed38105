"""An in-process Pulumi engine for tests: the real SDK talks to it as to the real resource monitor.

It does what the engine does where a program can see it (pulumi/pulumi, pkg/resource/deploy, read 2026-11-21): URNs
from the chain of parents, one resource a URN, provider references, dependencies, unknown values in a preview,
secrets, stack references, stack outputs. It checks, creates and compares nothing: no provider plugin is behind it.

    recorded = run(program, stack="hello.default.us-east-1.platform", stacks={...})
    export(recorded)        # what `pulumi stack export` would print
    deploy(spec)            # every stack of a spec through the real program, by name
"""

from tests.monitor.deploy import deploy, recorded_tree, run_stack, stacks_of
from tests.monitor.engine import Recorded, Registration
from tests.monitor.run import run
from tests.monitor.state import export
from tests.monitor.values import UNKNOWN, Secret, Unknown, revealed

__all__ = [
    "UNKNOWN",
    "Recorded",
    "Registration",
    "Secret",
    "Unknown",
    "deploy",
    "export",
    "recorded_tree",
    "revealed",
    "run",
    "run_stack",
    "stacks_of",
]
