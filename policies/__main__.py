"""Serves the policies to the Pulumi engine: `pulumi preview --policy-pack policies`. It runs until it is ended."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The engine starts this folder as a program: its files must not stand for modules of Python of the same name.
sys.path[:] = [str(HERE.parent), *(p for p in sys.path if Path(p).resolve() != HERE)]

from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy, StackValidationPolicy  # noqa: E402
from pulumi_policy.proxy import UnknownValueError as Unknown  # noqa: E402

from policies.engine import arguments, of_resource, of_stack  # noqa: E402
from policies.rules import OF_RESOURCE, OF_STACK  # noqa: E402

of_one = [ResourceValidationPolicy(**arguments(r, EnforcementLevel, of_resource(r, Unknown))) for r in OF_RESOURCE]
of_all = [StackValidationPolicy(**arguments(r, EnforcementLevel, of_stack(r, Unknown))) for r in OF_STACK]
PolicyPack("llmform", [*of_one, *of_all])
