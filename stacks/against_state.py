"""`--against state:…`: which exports are meant, and the deployed side of every stack that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.graph import PROJECT
from specs.suggest import did_you_mean
from stacks.compilation import Compilation, CompiledStack
from stacks.compile import Selection
from stacks.deployed import deployed
from stacks.files import PulumiError, export_state, project_folder
from stacks.plan import Against
from stacks.state import State, read_state
from stacks.state_file import MAX_BYTES, NotAState

_AT_ONCE = 4
"""How many stacks are exported at the same time; each takes Pulumi about a second."""


class StateError(Exception):
    """A state cannot be compared. `broken`: it was there, and what it holds is wrong; else it could not be had."""

    def __init__(self, message: str, advice: str = "", *, broken: bool = False) -> None:
        super().__init__(message)
        self.message, self.advice, self.broken = message, advice, broken


@dataclass(frozen=True, slots=True)
class _Export:
    """One export: where it is from, as people name it, and what it holds; `named`: somebody asked for exactly it."""

    shown: str
    state: State
    named: bool


def deployed_side(
    given: str, spec: Path, after: Compilation, asked: Selection
) -> tuple[Against, Compilation, tuple[str, ...], bool, bool]:
    """Return what is deployed, as the other side of a plan of `after`, with what has to be said about it, whether
    updates are unfinished and whether something cannot be said.

    `given` names one file, several with commas between them, or a folder whose `*.json` are meant; empty asks Pulumi
    for the state of each stack that `asked` selects.
    """
    chosen = [s.name for s in after.stacks if asked.takes(s)]
    if given:
        exports, label = tuple(_from_files(given)), _label(given)
    else:
        exports, label = tuple(_from_pulumi(chosen, spec)), "state of each stack, from `pulumi stack export`"
    known = {s.name: s for s in after.stacks}
    notes: list[str] = []
    by_stack: dict[str, _Export] = {}
    others = 0
    for export in exports:
        name = export.state.stack
        if not name:
            if given:
                notes.append(f"{export.shown} holds no resources: nothing of that stack is deployed")
            continue
        if name in by_stack:
            raise StateError(
                f"`{by_stack[name].shown}` and `{export.shown}` are both of {name}", "name one of the two", broken=True
            )
        if name not in known and (export.named or not _of(name, after.spec)):
            if export.named:
                raise _not_of_the_spec(export, known)
            others += 1
            continue
        by_stack[name] = export
    if exports and not by_stack and others:
        raise StateError(f"no state in `{given}` is of the spec `{after.spec}`", broken=True)
    outputs = {name: e.state.outputs for name, e in by_stack.items()}
    sides = {name: deployed(e.state, known.get(name), outputs) for name, e in by_stack.items()}
    notes.extend(_missing([known[name] for name in chosen if name not in by_stack], given))
    selected = [s for s in sides.values() if asked.takes(s.stack)]
    for side in sorted(selected, key=lambda s: s.stack.name):
        notes.extend(_ownership(side.stack, known.get(side.stack.name)))
    if others:
        notes.append(f"{others} {'state' if others == 1 else 'states'} of other specs left out")
    notes.extend(note for side in selected for note in side.notes)
    compilation = Compilation("", "", after.spec, "", tuple(s.stack for s in sides.values()))
    unfinished, unsaid = any(s.unfinished for s in selected), any(s.unsaid for s in selected)
    return Against("state", label), compilation, tuple(notes), unfinished, unsaid


_MOST_NAMES = 3
"""Of more stacks than these only the number is told; the plan lists each of them as new."""


def _missing(stacks: Sequence[CompiledStack], given: str) -> Iterator[str]:
    """Yield which selected stacks have no state: those of one reason together if they are many."""
    by_reason: dict[str, list[str]] = {}
    for stack in stacks:
        by_reason.setdefault(_why_missing(stack, given), []).append(stack.name)
    for reason, names in by_reason.items():
        if len(names) <= _MOST_NAMES:
            yield from (f"{name} {reason}: all of it is shown as new" for name in names)
        else:
            several = reason.replace("has ", "have ", 1).replace("is ", "are ", 1).replace("of it", "of them")
            yield (
                f"{len(names):,} stacks {several}: all of each is shown as new; `--stack`, `--target` or "
                "`--environment` leaves them out"
            )


def _ownership(deployed: CompiledStack, now: CompiledStack | None) -> Iterator[str]:
    """Yield who has what is deployed, where that is not the Pulumi program of this spec."""
    name = deployed.name
    if now is None:
        protected = sum(n.options.protect for n in deployed.graph.nodes)
        refuses = (
            f", and refuses while {protected:,} of its resources {'is' if protected == 1 else 'are'} protected: take "
            "the stack back into the spec with `protect: false` and run `pulumi up` before"
        )
        yield (
            f"{name} is deployed, and the spec has no such stack: only `pulumi destroy --stack {name}` removes it"
            f"{refuses if protected else ''}"
        )
    elif now.delivery == "gitops" and (number := len(deployed.graph.nodes)):
        yield (
            f"{name} is delivered by GitOps, and Pulumi still has {number:,} resource{'' if number == 1 else 's'} of "
            f"it: two owners; once GitOps has them, `pulumi stack rm --force --stack {name}` makes Pulumi forget them "
            "and deletes none"
        )


def _why_missing(stack: CompiledStack, given: str) -> str:
    if stack.delivery == "gitops":
        return "is delivered by GitOps, and Pulumi keeps no state of it"
    return "has no state here" if given else "is not deployed"


def _of(stack: str, spec: str) -> bool:
    return stack.startswith(f"{spec}.") and stack.count(".") >= 3


def _not_of_the_spec(export: _Export, known: Mapping[str, object]) -> StateError:
    name = export.state.stack
    return StateError(
        f"`{export.shown}` is the state of {name}, and the spec has no such stack",
        did_you_mean(name, known, "stacks"),
        broken=True,
    )


def _label(given: str) -> str:
    paths = _paths(given)
    if len(paths) > 1:
        return f"state of {len(paths)} files"
    return f"state of {paths[0]}"


def _paths(given: str) -> list[Path]:
    """Return the files and folders that are named; a name that exists may hold a comma itself."""
    if Path(given).exists():
        return [Path(given)]
    paths = [Path(name.strip()) for name in given.split(",") if name.strip()]
    if not paths:
        raise StateError(f"`state:{given}` names no file", "write `state:EXPORT`, `state:FOLDER`, or `state:` alone")
    return paths


def _from_files(given: str) -> Iterator[_Export]:
    for path in _paths(given):
        if path.is_dir():
            found = sorted(path.glob("*.json"))
            if not found:
                raise StateError(
                    f"there is no `*.json` in the folder `{path}`",
                    f"`pulumi stack export --stack STACK --file {path}/STACK.json` writes one",
                )
            for file in found:
                yield _read(file, named=False)
        else:
            yield _read(path, named=True)


def _read(path: Path, *, named: bool) -> _Export:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StateError(
            f"`{path}` cannot be read: {reason}", "`pulumi stack export --stack STACK --file FILE` writes such a file"
        ) from None
    return _Export(str(path), _state(data, str(path), "" if named else ", or take it out of the folder"), named)


def _state(data: bytes, shown: str, or_else: str = "") -> State:
    try:
        return read_state(data, PROJECT)
    except NotAState as error:
        message = f"`{shown}` is no state to compare with: {error}"
        raise StateError(message, f"{error.advice}{or_else}", broken=True) from None


def _printed(data: bytes, stack: str) -> State:
    """Return the state that the Pulumi CLI printed; what else it printed is no file that could be made anew."""
    command = f"pulumi stack export --stack {stack}"
    try:
        return _state(data, command)
    except StateError as error:
        raise StateError(error.message, f"run `{command}` and look at what it prints", broken=True) from None


def _from_pulumi(stacks: list[str], spec: Path) -> Iterator[_Export]:
    from concurrent.futures import ThreadPoolExecutor

    try:
        folder = project_folder(spec.parent, Path())
    except PulumiError as error:
        raise StateError(str(error), "`--against state:FILE` compares with an export that you have") from None
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        started = [(name, threads.submit(export_state, name, folder)) for name in stacks]
        try:
            for name, running in started:
                data = running.result()
                if data is not None:
                    yield _Export(name, _printed(data, name), named=True)
        except PulumiError as error:
            for _, running in started:
                running.cancel()
            advice = "`--against state:FILE` compares with an export that was written elsewhere"
            raise StateError(str(error), advice) from None
