"""`--against state:…`: which exports are meant, and the deployed side of every stack that they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
) -> tuple[Against, Compilation, tuple[str, ...]]:
    """Return what is deployed, as the other side of a plan of `after`, with what has to be said about it.

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
            notes.append(f"{export.shown} holds no resources: nothing of that stack is deployed")
            continue
        if name in by_stack:
            raise StateError(f"`{by_stack[name].shown}` and `{export.shown}` are both of {name}", broken=True)
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
    if missing := [name for name in chosen if name not in by_stack]:
        notes.extend(_missing([known[name] for name in missing], given))
    for name in sorted(by_stack.keys() - known.keys()):
        notes.append(
            f"{name} is deployed, and the spec has no such stack: only `pulumi destroy --stack {name}` removes it"
        )
    if others:
        notes.append(f"{others} {'state' if others == 1 else 'states'} of other specs left out")
    selected = [s for s in sides.values() if asked.takes(s.stack)]
    notes.extend(note for side in selected for note in side.notes)
    compilation = Compilation("", "", after.spec, "", tuple(s.stack for s in sides.values()))
    return Against("state", label), compilation, tuple(notes)


def _missing(stacks: list[CompiledStack], given: str) -> Iterator[str]:
    """Yield what is said of stacks without a state: one sentence each, and one for all further sites of a target."""
    sites: dict[tuple[str, str, str], list[CompiledStack]] = {}
    for stack in stacks:
        key = (stack.environment, stack.target, stack.layer) if stack.site else (stack.name, "", "")
        sites.setdefault(key, []).append(stack)
    for alike in sites.values():
        first, why = alike[0], _why_missing(alike[0], given)
        yield f"{first.name} {why}: all of it is shown as new"
        if len(alike) > 1:
            yield f"nor do {len(alike) - 1:,} further sites of `{first.target}` have one: all of them are shown as new"


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
    return [Path(name) for name in given.split(",") if name]


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
    return _Export(str(path), _state(data, str(path)), named)


def _state(data: bytes, shown: str) -> State:
    try:
        return read_state(data, PROJECT)
    except NotAState as error:
        raise StateError(f"`{shown}` is no state to compare with: {error}", error.advice, broken=True) from None


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
                    yield _Export(name, _state(data, f"pulumi stack export --stack {name}"), named=True)
        except PulumiError as error:
            for _, running in started:
                running.cancel()
            advice = "`--against state:FILE` compares with an export that was written elsewhere"
            raise StateError(str(error), advice) from None
