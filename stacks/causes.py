"""The decided values that differ between two compilations of a stack: why its resources change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.resolve.platform import Explained
from stacks.changes import ABSENT, Absent, same
from stacks.compilation import CompiledStack


@dataclass(frozen=True, slots=True)
class Because:
    """One decided value that differs.

    `where` is its place in a file now, `was` the one before; `reason` tells of a value that no file holds.
    """

    path: str
    before: Any | Absent
    after: Any | Absent
    where: str = ""
    was: str = ""
    overlay: str = ""
    reason: str = ""

    @property
    def written(self) -> bool:
        """Say whether somebody wrote it: it stands in a file now, or stood there before."""
        return bool(self.where or self.was)


def changed_values(
    before: CompiledStack | None, after: CompiledStack | None, renames: Mapping[str, str]
) -> tuple[Because, ...]:
    """Return the decided values that differ, by path; what only has another name is the same."""
    old = {_renamed_path(p, renames): e for p, e in before.values.items()} if before else {}
    new = dict(after.values) if after else {}
    return tuple(
        _value_change(p, old.get(p), new.get(p)) for p in sorted({*old, *new}) if _differ(old.get(p), new.get(p))
    )


def _differ(was: Explained | None, now: Explained | None) -> bool:
    return was is None or now is None or not same(was.value, now.value)


def _value_change(path: str, was: Explained | None, now: Explained | None) -> Because:
    before, after = (was.value if was else ABSENT), (now.value if now else ABSENT)
    return Because(
        path,
        before,
        after,
        now.where if now else "",
        was.where if was else "",
        now.overlay if now else "",
        now.reason if now else "",
    )


def _renamed_path(path: str, renames: Mapping[str, str]) -> str:
    for old, new in renames.items():
        if path == old or path.startswith(old + "."):
            return new + path[len(old) :]
    return path


def under(path: str, above: Iterable[str]) -> bool:
    """Say whether the spec path is one of these or below one."""
    return any(p and (path == p or path.startswith((f"{p}.", f"{p}["))) for p in above)
