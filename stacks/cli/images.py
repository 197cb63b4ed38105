"""`llmform images`: folders that the images of a spec are built from, and the lock of their digests."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stacks.cli.output import write_whole
from stacks.cli.own_files import first_line, refuse_foreign, write_files
from stacks.cli.selection import add_spec
from stacks.cli.session import BrokenInput, Spec, SpecErrors, UsageError, compile_file, read_spec, write

if TYPE_CHECKING:
    from components.resolve.platform import Platform

RECORD = ".llmform-images.json"
"""In the folder: which files are llmform's. It is written before and after them, so that an interrupted run knows."""

EPILOG = """\
examples:
  llmform images spec.yaml -o build
  (cd build && docker buildx bake --push --metadata-file ../metadata.json)
  llmform images spec.yaml --lock metadata.json

The first writes a folder for each image that a pod of the spec runs, with a Dockerfile and what it needs, and a bake
file. The last writes the digests of what was built into the file that `images.lock` names, beside the spec. A second
run changes no byte. Files that llmform did not write are left alone.
"""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "images",
        help="write what the images of a spec are built from, and lock their digests",
        description="Write the build contexts of the images that the pods of a spec run, with a bake file for\n"
        "`docker buildx bake`; or write the digests of what was built into the spec's lock.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_spec(parser)
    parser.add_argument("-o", "--output", default="", metavar="DIR", help="the folder to write")
    parser.add_argument(
        "--custom",
        action="store_true",
        help="write the reference of an image for the engine `custom` as well, to copy and begin from",
    )
    parser.add_argument(
        "--lock",
        default="",
        metavar="FILE",
        help="what `docker buildx bake --metadata-file` wrote (- is standard input): its digests go into the lock",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder, the lock, or both, and say what changed."""
    if not arguments.output and not arguments.lock:
        raise UsageError("nothing to write", "name a folder with `-o DIR`, or what a build wrote with `--lock FILE`")
    if arguments.custom and not arguments.output:
        raise UsageError("`--custom` does nothing without `-o DIR`", "name the folder to write")
    spec = read_spec(arguments.spec)
    compiled = compile_file(spec)
    if compiled.compilation is None:
        raise SpecErrors(spec, compiled.diagnostics)
    try:
        if arguments.output:
            write_folder(Path(arguments.output), compiled.platforms, arguments.custom)
        locks = {c.spec.images.lock if c.spec.images else None for c in compiled.loaded.cases}
        _write_locks(spec, compiled.platforms, sorted(name for name in locks if name), arguments.lock)
    except OSError as error:
        raise UsageError(f"`{error.filename}` cannot be written: {error.strerror or error}") from None
    return 0


def write_folder(folder: Path, platforms: Sequence[Platform], custom: bool) -> None:
    """Write the folder of these platforms' images, with the reference for `custom` if asked; say what changed.

    Raises BrokenInput if there is nothing to build, UsageError if a file there is not llmform's, OSError.
    """
    from serving_images.contexts import NoSuchBuild, build_folder
    from stacks.image_builds import builds_of, reference_build
    from stacks.render.image_builds import folder_summary

    builds = (*builds_of(platforms), *((reference_build(platforms[0]),) if custom else ()))
    if not builds:
        raise BrokenInput("no pod of the spec runs an image that llmform can build")
    try:
        files = build_folder(builds)
    except NoSuchBuild as error:
        raise BrokenInput(str(error), "say `arch` of the target's boxes, or choose another engine there") from None
    before = _record(folder)
    advice = "name another folder with `-o`, or move the files away"
    refuse_foreign(folder, [*files, RECORD], lambda path: path == RECORD or path in before, "`llmform images`", advice)
    folder.mkdir(parents=True, exist_ok=True)
    if before != set(files):
        write_whole(folder / RECORD, _record_text(before | files.keys()))
    written, removed = write_files(folder, files, lambda: sorted(before))
    if before != set(files):
        write_whole(folder / RECORD, _record_text(files.keys()))
    pushed = any(p.images is not None for p in platforms)
    write(folder_summary(builds, folder.as_posix(), len(written), len(removed), pushed=pushed))


def _record(folder: Path) -> set[str]:
    """Return the files that earlier runs wrote; UsageError if the record of them is somebody else's."""
    path = folder / RECORD
    if not path.exists():
        return set()
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        if isinstance(files, list) and all(isinstance(f, str) and _inside(f) for f in files):
            return set(files)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise UsageError(f"`{path.as_posix()}` is damaged: nobody knows which files are llmform's", "write another folder")


def _inside(path: str) -> bool:
    """Say whether a path of the record stays in the folder: what it names may be removed."""
    parts = path.split("/")
    return all(parts) and not {".", ".."} & set(parts) and "\\" not in path and "\0" not in path


def _record_text(files: Iterable[str]) -> str:
    return json.dumps({"by": "llmform images", "files": sorted(files)}, indent=2, ensure_ascii=False) + "\n"


def _write_locks(spec: Spec, platforms: Sequence[Platform], names: Sequence[str], metadata: str) -> None:
    """Write the lock of the spec. One of an environment that names another file gets what runs there."""
    from specs.images_lock import MARK, lock_text
    from stacks.image_builds import NoDigests, digests_in, locked_images
    from stacks.render.image_builds import lock_summary

    if not names:
        if metadata:
            raise UsageError("the spec names no lock", "add `images: {registry: …, lock: images.lock}`")
        return
    if len(names) > 1:
        raise UsageError(f"the spec names {len(names)} locks: {', '.join(names)}", "keep one: an image has one digest")
    path = spec.path.parent / names[0]
    known = locked_images(platforms, {})
    digests: Mapping[str, str] = {}
    if metadata:
        try:
            digests = digests_in(_metadata(metadata), known)
        except NoDigests as error:
            raise BrokenInput(
                f"`{metadata}`: {error}", "`docker buildx bake --push --metadata-file FILE` writes it"
            ) from None
    if path.exists() and first_line(path) != MARK:
        raise UsageError(
            f"`{path.as_posix()}` was not written by `llmform images`", "name another file in `images.lock`"
        )
    images = locked_images(platforms, digests)
    text = lock_text(images)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    write(lock_summary(images, path.as_posix()))


def _metadata(name: str) -> Any:
    try:
        return json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"`{name}` cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BrokenInput(
            f"`{name}` is not JSON: {error}", "`docker buildx bake --metadata-file FILE` writes it"
        ) from None
