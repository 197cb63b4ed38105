"""`llmform init`: a commented starter spec that plans without errors; with `--project`, a Pulumi project around it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from stacks.cli.session import FINDINGS, UsageError, write

STARTER = Path(__file__).resolve().parents[2] / "specs" / "examples" / "starter.yaml"

EPILOG = """\
examples:
  llmform init spec.yaml && llmform plan spec.yaml
  llmform init --project platforms       a folder that `pulumi up` deploys from, with a spec of your own in it
"""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "init",
        help="write a starter spec, or a Pulumi project for specs of your own",
        description="Write a commented starter spec. With --project, write a folder that Pulumi deploys from:\n"
        "Pulumi.yaml, a program of three lines, the policy pack, the starter spec, its stacks' config files,\n"
        ".gitignore. It never overwrites a file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "file", nargs="?", default="spec.yaml", metavar="FILE", help="the file to write (default: spec.yaml)"
    )
    parser.add_argument("--project", default="", metavar="DIR", help="make DIR a Pulumi project that holds FILE")
    parser.set_defaults(run=run)


def starter() -> str:
    """Return the starter spec; its modeline names the schema where the user would write it."""
    _, _, rest = STARTER.read_text(encoding="utf-8").partition("\n")
    return "# `llmform schema -o llmform.schema.json`, then an editor completes keys with this as the first line:\n" + (
        "#   yaml-language-server: $schema=llmform.schema.json\n" + rest
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the starter spec, or the project."""
    if arguments.project:
        return _project(Path(arguments.project), arguments.file)
    path = Path(arguments.file)
    _new(path, starter())
    write(f"wrote {path}; next:\n\n    llmform plan {path}\n\n")
    return 0


def _project(folder: Path, spec_name: str) -> int:
    """Write the project around its spec, which may be a user's own and have errors; all is looked at before that."""
    from stacks.cli.pulumi_project import Place, listed, plan_configs, write_configs
    from stacks.cli.session import Spec, compile_file, print_diagnostics, read_spec
    from stacks.project import KEPT, PULUMI, files
    from stacks.stack_configs import read_project

    if Path(spec_name).is_absolute() or ".." in Path(spec_name).parts:
        raise UsageError(f"`{spec_name}` is not inside the project", "name the spec by its path in the project")
    wanted = files(Path(spec_name).as_posix(), starter())
    there = [name for name in wanted if (folder / name).exists()]
    spec, place = folder / spec_name, Place(folder / "Pulumi.yaml", folder / read_project(PULUMI).config_folder)
    _refuse_taken(folder, place.configs, [name for name in there if name not in (*KEPT, Path(spec_name).as_posix())])
    read = read_spec(str(spec)) if spec.exists() else Spec(spec, str(spec), starter().encode())
    compiled = compile_file(read)
    stacks = [s.name for s in compiled.compilation.stacks] if compiled.compilation else []
    configs = plan_configs(place, spec, stacks, stacks) if stacks else ()
    for name, text in wanted.items():
        if name in there:
            write(f"kept         {folder / name}\n")
            continue
        _folder((folder / name).parent)
        _new(folder / name, text)
        write(f"created      {folder / name}\n")
    if not stacks:
        print_diagnostics(read, compiled.diagnostics, "human", sys.stderr)
        print(f"the stacks' config files come when it is right: `llmform stacks {spec} --write`", file=sys.stderr)
        return FINDINGS
    write_configs(configs)
    write(listed(configs))
    write(
        f"\nnext, in {folder}:\n\n    llmform plan {spec.relative_to(folder).as_posix()}\n"
        "    python3 -m venv .venv && .venv/bin/pip install '/path/to/llmform[deploy]'\n"
        f"    pulumi stack init {stacks[0]} && pulumi preview\n\n"
    )
    return 0


def _refuse_taken(folder: Path, configs: Path, taken: list[str]) -> None:
    """Raise UsageError where the folder is a project already, or has something else in the place of what comes."""
    from stacks.project import PROJECT_FILES

    other = [name for name in PROJECT_FILES if name not in taken and (folder / name).exists()]
    if found := [*taken, *other]:
        names = " and ".join(f"`{folder / name}`" for name in found)
        exist = "exists" if len(found) == 1 else "exist"
        raise UsageError(f"{names} {exist} already; no file was written", "name a folder that is no project yet")
    if configs.exists() and not configs.is_dir():
        raise UsageError(f"`{configs}` is no folder; no file was written", "the stacks' config files belong there")


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"`{path}` cannot be made: {error.strerror}") from None


def _new(path: Path, text: str) -> None:
    """Write a file that is not there yet."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"`{path}` exists already, and is left as it is", "name another file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"`{path}` cannot be written: {reason}") from None
