"""What every command does at its edges: reads the spec, prints diagnostics, chooses colour, knows its exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from specs.diagnostics import Diagnostic, has_errors
from stacks.files import MAX_FILE_BYTES, DiskFiles

if TYPE_CHECKING:  # help and version do without what compiles
    from stacks.compilation import Compilation
    from stacks.compile import Compiled, Selection

OK, FINDINGS, USAGE, CHANGES = 0, 1, 2, 3
"""Exit statuses: fine; errors, or a mandatory policy is broken; wrong usage or a bug; changes, with `--exit-code`."""


class UsageError(Exception):
    """The command line asks for something that is not there; exit status 2. `advice` says what to do."""

    def __init__(self, message: str, advice: str = "", *, output_is_lost: bool = False) -> None:
        super().__init__(message)
        self.message, self.advice, self.output_is_lost = message, advice, output_is_lost


class BrokenInput(UsageError):
    """What the command line names is there, and what it holds cannot be worked with; exit status 1."""


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec file as it was given: the name shown in diagnostics, and its bytes. `folder`: by which it was found, empty
    for a file that was named itself."""

    path: Path
    shown: str
    data: bytes
    folder: str = ""


def read_spec(name: str) -> Spec:
    """Return the spec file; UsageError if it cannot be read."""
    path = Path(name)
    try:
        with path.open("rb") as file:
            return Spec(path, name, file.read(MAX_FILE_BYTES))
    except FileNotFoundError:
        raise UsageError(f"there is no file `{name}`", "`llmform init` writes a starter spec") from None
    except IsADirectoryError:
        raise UsageError(f"`{name}` is a folder", "name the spec file in it") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"`{name}` cannot be read: {reason}") from None


def compile_file(spec: Spec) -> Compiled:
    """Compile a spec file with the files beside it."""
    from stacks.compile import compile_spec

    return compile_spec(spec.data, spec.shown, DiskFiles(spec.path.parent))


def selected(compilation: Compilation, arguments: argparse.Namespace) -> Compilation:
    """Return the stacks that the command line asks for; UsageError for a name that no stack has."""
    from stacks.compile import select

    asked = selection(arguments)
    check_selection(asked, [(s.environment, s.target, s.site, s.layer, s.name) for s in compilation.stacks])
    return select(compilation, asked)


def selection(arguments: argparse.Namespace) -> Selection:
    """Return which stacks the command line asks for."""
    from stacks.compile import Selection

    return Selection(arguments.environment, arguments.target, arguments.layer, arguments.stack, arguments.site)


def check_selection(asked: Selection, labels: Sequence[tuple[str, str, str, str, str]]) -> None:
    """Raise UsageError for a name that none of these stacks has, or if no stack is all that is asked for; a label is
    environment, target, site, layer and name of a stack."""
    given = (asked.environment, asked.target, asked.site, asked.layer, asked.stack)
    for what, place in (("environment", 0), ("target", 1), ("site", 2), ("layer", 3), ("stack", 4)):
        known = {label[place] for label in labels if label[place]}
        if given[place] and given[place] not in known:
            from specs.suggest import did_you_mean

            raise UsageError(f"the spec has no {what} `{given[place]}`", did_you_mean(given[place], known, f"{what}s"))
    if not any(all(g in ("", own) for g, own in zip(given, label, strict=True)) for label in labels):
        raise UsageError("no stack is all of these", "`llmform stacks SPEC` lists them")


class SpecErrors(Exception):
    """The spec has errors, and the command needs a sound one; exit status 1 after its diagnostics are printed."""

    def __init__(self, spec: Spec, found: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"{spec.shown} has errors")
        self.spec, self.found = spec, found


@dataclass(frozen=True, slots=True)
class Sound:
    """A spec without errors, compiled: `every` stack of it, and those that the command line asks for."""

    compiled: Compiled
    every: Compilation
    selected: Compilation


def sound(spec: Spec, arguments: argparse.Namespace) -> Sound:
    """Compile a spec file and select its stacks; SpecErrors if it has errors, UsageError for a name no stack has."""
    compiled = compile_file(spec)
    if compiled.compilation is None:
        raise SpecErrors(spec, compiled.diagnostics)
    return Sound(compiled, compiled.compilation, selected(compiled.compilation, arguments))


def coloured(stream: object) -> bool:
    """Say whether a stream takes colour: a terminal, unless NO_COLOR is set or TERM is dumb (no-color.org)."""
    is_terminal = bool(getattr(stream, "isatty", lambda: False)())
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def sources(spec: Spec, found: Iterable[Diagnostic]) -> dict[str, str]:
    """Return the text of every file that the diagnostics point into."""
    texts = {spec.shown: spec.data.decode("utf-8", "replace")}
    for span in (s for d in found for s in (d.span, *(label.span for label in d.related))):
        if span.file not in texts:
            data = DiskFiles(spec.path.parent).read(os.path.relpath(span.file, spec.path.parent))
            texts[span.file] = (data or b"").decode("utf-8", "replace")
    return texts


def write(text: str) -> None:
    """Write to standard output, whole; a lone surrogate or a character that the terminal lacks is shown escaped."""
    write_to(text, sys.stdout)


def write_to(text: str, stream: TextIO) -> None:
    """Write to a stream as `write` does; UsageError if it takes no more."""
    try:
        stream.buffer.write(text.encode(stream.encoding or "utf-8", "backslashreplace"))
        stream.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write(error) from None


def cannot_write(error: OSError) -> UsageError:
    """Return what is said when standard output takes no more: `cannot write: No space left on device`."""
    return UsageError(f"cannot write: {error.strerror or error}", output_is_lost=True)


def discard_output() -> None:
    """Give what is left in the buffer of standard output to nobody, so that the interpreter does not complain at
    exit that it cannot write it."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nobody, sys.stdout.fileno())
    os.close(nobody)


def print_diagnostics(spec: Spec, found: tuple[Diagnostic, ...], form: str, stream: TextIO) -> None:
    """Print diagnostics in a format: human, concise, json, github or sarif."""
    texts = sources(spec, found) if form == "human" else {}
    print_findings(found, texts, form, stream)


def print_findings(found: tuple[Diagnostic, ...], texts: Mapping[str, str], form: str, stream: TextIO) -> None:
    """Print diagnostics of any specs in a format; `texts` are those of the files that they point into."""
    from stacks.render import diagnostics as render

    match form:
        case "concise":
            text = render.concise(found)
        case "json":
            text = render.as_json(found)
        case "github":
            text = render.github(found)
        case "sarif":
            from stacks.render.remarks import of_diagnostic, worst_first
            from stacks.render.sarif import sarif

            text = sarif(worst_first(map(of_diagnostic, found)))
        case _:
            text = _diagnostics_text(found, texts, colour=coloured(stream))
    write_to(text, stream)


def diagnostics_text(spec: Spec, found: tuple[Diagnostic, ...]) -> str:
    """Return what `llmform check` prints for people: each diagnostic with its lines of the spec, then how many."""
    return _diagnostics_text(found, sources(spec, found))


def _diagnostics_text(found: tuple[Diagnostic, ...], texts: Mapping[str, str], *, colour: bool = False) -> str:
    from stacks.render import diagnostics as render
    from stacks.render.style import Style

    return render.human(found, texts, style=Style(colour)) + f"\n{counted(found)}\n"


def counted(found: tuple[Diagnostic, ...]) -> str:
    """Return `2 errors, 1 warning`."""
    errors = sum(d.is_error for d in found)
    parts = [(errors, "error"), (len(found) - errors, "warning")]
    return ", ".join(f"{n} {word}{'s' if n != 1 else ''}" for n, word in parts if n)


def status(found: tuple[Diagnostic, ...]) -> int:
    """Return the exit status that the diagnostics call for."""
    return FINDINGS if has_errors(found) else OK


def today(given: str) -> str:
    """Return the day on which exceptions from policies are judged: the one given, or this day by the clock."""
    try:
        return (date.fromisoformat(given) if given else date.today()).isoformat()
    except ValueError:
        raise UsageError(f"`{given}` is no day of the calendar", "write one such as `2027-03-31`") from None
