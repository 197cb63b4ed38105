"""The options that choose stacks, the same for every command that has them."""

from __future__ import annotations

import argparse

LAYERS = ("foundation", "platform", "workloads")
"""Layers from the lowest to the highest (components/lowering.py)."""

BASH = f"""\
_llmform_compgen_specs() {{
  compgen -d -- "$1"
  for ending in yaml yml json; do compgen -f -X "!*.$ending" -- "$1"; done
}}
_llmform_compgen_layers() {{ compgen -W '{" ".join(LAYERS)}' -- "$1"; }}
"""
"""What bash completes a spec and a layer with; it goes in front of shtab's script."""


def add_spec(parser: argparse.ArgumentParser) -> None:
    """Add the spec's path."""
    complete_spec(parser.add_argument("spec", metavar="SPEC", help="the spec file"))


def complete_spec(argument: argparse.Action) -> None:
    """Let a shell complete the argument with files that can be a spec, and folders (`complete` is shtab's)."""
    argument.complete = {  # type: ignore[attr-defined]
        "bash": "_llmform_compgen_specs",
        "zsh": "_files -g '(*.yaml|*.yml|*.json)'",
        "tcsh": "f:*.{yaml,yml,json}",
    }


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose stacks; without any, all stacks are meant."""
    parser.add_argument("--environment", default="", metavar="NAME", help="only stacks of this environment")
    parser.add_argument("--target", default="", metavar="NAME", help="only stacks of this target")
    parser.add_argument("--site", default="", metavar="NAME", help="only stacks of this site of an edge target")
    add_layer(parser)
    parser.add_argument("--stack", default="", metavar="NAME", help="only this stack, as `llmform stacks` names it")


def add_layer(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses a layer."""
    layer = parser.add_argument(
        "--layer", default="", metavar="NAME", help="only this layer: foundation, platform or workloads"
    )
    # not `choices`: a layer that the spec does not have is refused in words of the spec (session.py)
    layer.complete = {  # type: ignore[attr-defined]
        "bash": "_llmform_compgen_layers",
        "zsh": f"({' '.join(LAYERS)})",
    }
