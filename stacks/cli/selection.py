"""The options that choose stacks, the same for every command that has them."""

from __future__ import annotations

import argparse


def add_spec(parser: argparse.ArgumentParser) -> None:
    """Add the spec's path."""
    # the name `file` in shtab's table makes a shell complete paths
    argument = parser.add_argument("spec", metavar="SPEC", help="the spec file")
    argument.complete = {"bash": "_shtab_compgen_files", "zsh": "_files"}  # type: ignore[attr-defined]


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose stacks; without any, all stacks are meant."""
    parser.add_argument("--environment", default="", metavar="NAME", help="only stacks of this environment")
    parser.add_argument("--target", default="", metavar="NAME", help="only stacks of this target")
    parser.add_argument(
        "--layer", default="", metavar="NAME", help="only this layer: foundation, platform or workloads"
    )
    parser.add_argument("--stack", default="", metavar="NAME", help="only this stack, as `llmform stacks` names it")
