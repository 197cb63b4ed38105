"""The Pulumi project around a spec on disk: where its Pulumi.yaml is, and the stack configs that name the spec."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from components.graph import PROJECT
from stacks.cli.output import write_whole
from stacks.cli.session import BrokenInput, UsageError
from stacks.project import PROJECT_FILES
from stacks.stack_configs import KEY, NotEditable, read_project, spec_in, with_spec


@dataclass(frozen=True, slots=True)
class Place:
    """A Pulumi project on disk: its file, and the folder that holds its stack configs.

    `note` says that Pulumi itself looks for them in another folder.
    """

    file: Path
    configs: Path
    note: str = ""

    def path_of(self, spec: Path) -> str:
        """Return the spec's path as a stack config holds it: relative to Pulumi.yaml, with `/`."""
        return Path(os.path.relpath(spec.resolve(), self.file.parent.resolve())).as_posix()

    def config_of(self, stack: str) -> Path:
        """Return the config file of a stack, which ends as the project's file does: there Pulumi looks for it."""
        return self.configs / f"Pulumi.{stack}{self.file.suffix}"


@dataclass(frozen=True, slots=True)
class Config:
    """What is to be done with one stack config. `was` is the spec that it named, where it named another."""

    path: Path
    state: str
    text: str = ""
    was: str = ""


def find_project(spec: Path, config_dir: str = "") -> Place:
    """Return the project of a spec: the first folder upwards that has a Pulumi.yaml; UsageError if there is none.

    With `config_dir` the search begins there, since that folder says which project is meant.
    """
    start = Path(config_dir) if config_dir else spec.parent
    for folder in (start.resolve(), *start.resolve().parents):
        for name in PROJECT_FILES:
            if (folder / name).is_file():
                return _place(folder / name, config_dir)
    shown = config_dir or spec.parent.as_posix()
    raise UsageError(
        f"there is no Pulumi.yaml in `{shown}` or a folder above it",
        "`llmform init --project DIR` makes a project",
    )


def _place(file: Path, config_dir: str) -> Place:
    try:
        project = read_project(_read(file))
    except NotEditable as error:
        raise BrokenInput(f"`{_shown(file)}{error.place}` cannot be read: {error}") from None
    if project.name != PROJECT:
        raise BrokenInput(
            f"`{_shown(file)}` is of the project `{project.name[:100]}`, not `{PROJECT}`",
            f"`name: {PROJECT}` is part of every URN, and plans go by it; `llmform init --project DIR` makes a project",
        )
    configs = file.parent / project.config_folder
    if not config_dir or Path(config_dir).resolve() == configs.resolve():
        return Place(file, configs)
    note = f"note: Pulumi looks for them in `{_shown(configs)}`; give it `--config-file` for each\n"
    return Place(file, Path(config_dir), note)


def plan_configs(place: Place, spec: Path, wanted: Iterable[str], known: Collection[str]) -> tuple[Config, ...]:
    """Return what has to be done so that the wanted stacks name the spec; BrokenInput where a file cannot be edited.

    `known` are all stacks of the spec: a config that names the spec and is of no known stack is listed as `left`.
    """
    value = place.path_of(spec)
    configs: list[Config] = []
    for stack in wanted:
        path = place.config_of(stack)
        before = _read(path) if path.exists() else "{}\n" if path.suffix == ".json" else ""
        try:
            after = with_spec(before, value)
        except NotEditable as error:
            advice = f"write `{KEY}: {value}` below `config:` yourself; no file was changed"
            raise BrokenInput(f"`{_shown(path)}{error.place}` cannot be edited: {error}", advice) from None
        state = "created" if not path.exists() else "unchanged" if after == before else "updated"
        was = spec_in(before) or ""
        configs.append(Config(path, state, after, was if was != value else ""))
    return (*configs, *_left(place, value, known))


def _left(place: Place, value: str, known: Collection[str]) -> Iterable[Config]:
    ending = place.file.suffix
    for path in sorted(place.configs.glob(f"Pulumi.*{ending}")):
        stack = path.name.removeprefix("Pulumi.").removesuffix(ending)
        if stack not in known and path.is_file() and spec_in(_read(path)) == value:
            yield Config(path, "left")


def write_configs(configs: Iterable[Config]) -> None:
    """Write what was created or updated, each file whole or not at all; UsageError if the disk refuses."""
    for config in configs:
        if config.state in ("created", "updated"):
            try:
                config.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(f"`{_shown(config.path.parent)}` cannot be made: {error.strerror}") from None
            # through a link, so that the link stays
            write_whole(config.path.resolve(), config.text)


def listed(configs: Iterable[Config], *, check: bool = False) -> str:
    """Return the lines that say what was done, or with `check` what would be."""
    words = {"created": "would create", "updated": "would update"} if check else {}
    lines = []
    for config in configs:
        line = f"{words.get(config.state, config.state):<12} {_shown(config.path)}"
        if config.was:
            line += f"  ({KEY} was {config.was})"
        if config.state == "left":
            line += "  (the spec has no such stack; `pulumi stack rm` and this file are yours to remove)"
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:  # line ends stay as they are
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BrokenInput(f"`{_shown(path)}` cannot be read: {reason}") from None


def _shown(path: Path) -> str:
    """Return a path as the user would write it: relative to where they stand, if that is not far up."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith(os.path.join("..", "..")) else relative
