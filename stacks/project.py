"""The files of a Pulumi project that holds specs and no code of llmform: what `llmform init --project` writes."""

from __future__ import annotations

from components.graph import PROJECT

PROJECT_FILES = ("Pulumi.json", "Pulumi.yaml", "Pulumi.yml")
"""How the file of a project may be called, in the order in which Pulumi looks for them in a folder; the stacks' config
files end as it does (pulumi/pulumi, sdk/go/common/workspace/paths.go and encoding/marshal.go, read 2026-11-21)."""

PROGRAM = """\
from llmform_program import run

run()
"""
"""`__main__.py`: three lines, so that no release of llmform has to change it."""

PULUMI = f"""\
name: {PROJECT} # part of every URN: plans and deployed stacks are compared by it
description: LLM platforms, each compiled from one YAML spec
runtime:
  name: python
  options:
    toolchain: pip
    virtualenv: .venv # where llmform is installed, with its extra `deploy`
stackConfigDir: config
"""
"""`Pulumi.yaml`. The program is in the same folder; the stacks' config files are in `config/`."""

PACK = """\
description: What an LLM platform compiled by llmform keeps to
runtime:
  name: python
  options:
    toolchain: pip
    virtualenv: ../.venv # where llmform is installed, relative to this folder
"""
"""`policies/PulumiPolicy.yaml`, for `pulumi preview --policy-pack policies`: the same command as in a clone of llmform.

It has no version: the rules are those of the llmform that is installed.
"""

SERVED = """\
from llmform_program import serve_policies

serve_policies()
"""
"""`policies/__main__.py`."""

IGNORED = """\
# The installation that `pulumi` runs the program with.
/.venv/
__pycache__/

# State of a backend in this folder, and one person's passphrase: neither is for others.
/.pulumi/
/.env
"""
"""`.gitignore`."""


def files(spec_name: str, spec: str) -> dict[str, str]:
    """Return the files of a new project by their path in it; `spec` is the text of its first spec."""
    pack = {"policies/PulumiPolicy.yaml": PACK, "policies/__main__.py": SERVED}
    return {"Pulumi.yaml": PULUMI, "__main__.py": PROGRAM, **pack, ".gitignore": IGNORED, spec_name: spec}


KEPT = (".gitignore", "policies/PulumiPolicy.yaml", "policies/__main__.py")
"""Files that a folder may have already, beside a spec: they are left as they are. Any other says that the folder is
something else, and nothing is written."""
