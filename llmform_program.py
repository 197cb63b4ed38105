"""The door into llmform from outside: the Pulumi program and the policy pack of a project, and the `llmform` command.

A project's `__main__.py` is `from llmform_program import run`, then `run()`. Python puts the folder of that file first
on its search path, and a user may have a `specs/`, a `stacks/` or a `yaml.py` there. So this module has a name that
nobody else has, needs nothing but what every Python has already loaded, and makes sure that llmform finds its own
modules and its own dependencies before it imports anything of theirs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

ROOT = os.path.dirname(os.path.abspath(__file__))
"""The folder that holds llmform's packages: `site-packages`, or the clone."""

PACKAGES = ("components", "policies", "serving_images", "specs", "stacks")
"""The packages that are llmform's, wherever else their names may be found."""


def run() -> None:
    """Run the Pulumi program of the project whose `__main__.py` called this."""
    shut_out(_folder_of_main(sys._getframe(1).f_code.co_filename))
    from stacks import program

    program.run()


def serve_policies() -> None:
    """Serve the policies to the engine, for the project whose `policies/__main__.py` called this, until it is ended."""
    shut_out(_folder_of_main(sys._getframe(1).f_code.co_filename))
    from importlib import import_module

    import_module("policies.__main__")


def _folder_of_main(caller: str) -> str:
    main_file = getattr(sys.modules.get("__main__"), "__file__", None) or caller
    return os.path.dirname(os.path.abspath(main_file))


def main() -> int:
    """Run the command line; neither the folder where the user stands nor PYTHONPATH replaces llmform's modules."""
    shut_out(os.getcwd())
    from stacks.cli import main as command_line

    return command_line()


def shut_out(folder: str) -> None:
    """Make llmform's packages come from `ROOT`, and nothing at all from the folder.

    The search path stays so until the process ends: what is imported late, also by a dependency, needs it as much.
    """
    ours = os.path.realpath(ROOT)
    closed = {os.path.realpath(folder)} - {ours}
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or os.curdir) not in closed]
    for name in [n for n in sys.modules if n.partition(".")[0] in PACKAGES]:
        if not _is_ours(sys.modules[name], ours):
            del sys.modules[name]  # whoever imported it keeps it
    if not any(isinstance(finder, _OwnPackages) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OwnPackages())


def _is_ours(module: Any, ours: str) -> bool:
    places = [getattr(module, "__file__", None) or "", *(getattr(module, "__path__", None) or ())]
    return any(os.path.realpath(place).startswith(ours + os.sep) for place in places if place)


class _OwnPackages:
    """Finds llmform's packages in `ROOT`, before anything on the search path is looked at."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        """Return where one of the packages is; None for any other module."""
        if path is not None or name not in PACKAGES:
            return None
        from importlib.machinery import PathFinder

        return PathFinder.find_spec(name, [ROOT], target)
