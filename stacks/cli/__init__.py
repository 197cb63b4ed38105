"""The command line: `llmform COMMAND …`. One file a command; `COMMANDS` is the one list of them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from specs import __version__
from stacks.cli.session import (
    FINDINGS,
    USAGE,
    BrokenInput,
    SpecErrors,
    UsageError,
    cannot_write,
    coloured,
    discard_output,
    print_diagnostics,
    write_to,
)

COMMANDS = (
    "plan",
    "diff",
    "check",
    "compile",
    "graph",
    "explain",
    "policies",
    "review",
    "cost",
    "prices",
    "stacks",
    "urns",
    "render",
    "bundle",
    "images",
    "facts",
    "probe",
    "schema",
    "init",
    "completion",
)
"""The commands by name, in the order of the help; each is the module of that name here, loaded only if it is needed."""

INTERRUPTED, BROKEN_PIPE = 130, 141
"""128 + SIGINT and 128 + SIGPIPE: what a shell reports for a program that the signal ended."""

EPILOG = """\
exit status: 0 fine, 1 errors, a mandatory policy or a probe fails, 2 wrong usage or a bug, 3 changes (with --exit-code)

examples:
  llmform plan specs/examples/quickstart.yaml             the plan of everything
  llmform plan spec.yaml --against git:main               what changes since main
  llmform explain spec.yaml serving.chat                  why a value is what it is
  llmform explain unknown-key                             what an error means
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with the command that shows the help."""

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help and version; argparse's own says nothing of a write that fails."""
        if message:
            write_to(message, file or sys.stderr)

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(message, f"`{self.prog} --help` shows how it is called")


def parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of the whole command line, or of some commands alone, which saves loading the others."""
    root = Parser(
        prog="llmform",
        description="Compile one YAML spec of an LLM platform into a resource graph, and plan it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    root.add_argument("--version", action="version", version=f"llmform {__version__}")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", dest="command", parser_class=Parser)
    for name in names:
        import_module(f"stacks.cli.{name}").add(commands)
    return root


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status; nothing it meets becomes a traceback."""
    try:
        try:
            given = sys.argv[1:] if arguments is None else arguments
            parsed = parser(_needed(given)).parse_args(given)
        except SystemExit:  # of `--help` and `--version`, which have printed
            _flush()
            raise
        if parsed.command is None:
            parser().print_help()
            _flush()
            return USAGE
        status: int = parsed.run(parsed)
        _flush()
        return status
    except UsageError as error:
        return _usage(error)
    except SpecErrors as error:
        print_diagnostics(error.spec, error.found, "human", sys.stderr)
        return FINDINGS
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        discard_output()
        return BROKEN_PIPE
    except Exception as error:
        return _bug(error)


def _needed(given: Sequence[str]) -> Sequence[str]:
    """Return the commands whose parsers these arguments need: for help and for mistakes, all."""
    if given[:1] == ["--version"]:
        return ()
    return given[:1] if given and given[0] in COMMANDS else COMMANDS


def _flush() -> None:
    """Write what is left in the buffer of standard output."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write(error) from None


def _usage(error: UsageError) -> int:
    if error.output_is_lost:
        discard_output()
    red, end = ("\033[1;31m", "\033[0m") if coloured(sys.stderr) else ("", "")
    print(f"{red}error{end}: {_printable(error.message)}", file=sys.stderr)
    if error.advice:
        print(f"  = help: {_printable(error.advice)}", file=sys.stderr)
    return FINDINGS if isinstance(error, BrokenInput) else USAGE


def _printable(text: str) -> str:
    """Return the text without what could move the cursor or change colours."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _bug(error: Exception) -> int:
    if os.environ.get("LLMFORM_DEBUG"):
        raise error
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = f"{os.path.basename(last.tb_frame.f_code.co_filename)}:{last.tb_lineno}" if last else "unknown place"
    what = _printable(f"{type(error).__name__}: {error}")[:500]
    print(f"error: this is a bug in llmform {__version__}, at {place}: {what}", file=sys.stderr)
    print("  = help: please report it with the spec; `LLMFORM_DEBUG=1` shows the traceback", file=sys.stderr)
    return USAGE
