"""Whether specs are files of the repository. In a pull request a spec may be a link to anything that the runner can
read, and an error would quote it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from stacks.ci.settings import BadInput


def refuse_outside(specs: Iterable[str], top: Path) -> None:
    """Raise BadInput if a spec, or a link in a folder of specs, leads out of the repository or into git's own files."""
    root = top.resolve()
    for spec in specs:
        path = Path(spec)
        for one in (path, *_links(path)):
            try:
                real = one.resolve()
            except (OSError, RuntimeError, ValueError):
                raise BadInput(f"`{one}` leads nowhere") from None
            if not real.is_relative_to(root) or ".git" in real.relative_to(root).parts:
                raise BadInput(f"`{one}` is not a file of the repository: specs of a pull request are read inside it")


def _links(folder: Path) -> Iterator[Path]:
    if folder.is_dir() and not folder.is_symlink():
        yield from (path for path in folder.rglob("*") if path.is_symlink())
