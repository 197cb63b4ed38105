"""'Did you mean …': the closest known name to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable


def closest(given: str, known: Iterable[str]) -> str | None:
    """Return the known name nearest to `given`, or None when none is near enough to be meant.

    Near is difflib's ratio with its usual cut-off of 0.6, compared without case; of the three nearest the one that
    takes the fewest slips of a finger. Names longer than 100 characters are not compared: both measures are
    quadratic, and nobody mistypes such a name.

    Example:
        >>> closest("us-esat-1", ["us-east-1", "us-west-1"])
        'us-east-1'
        >>> closest("acelerator", ["accelerator", "max"])
        'accelerator'
        >>> closest("zzz", ["accelerator", "max"]) is None
        True
    """
    import difflib  # only when something is wrong: it is not on the path of a clean plan

    if len(given) > 100:
        return None
    by_lower = {name.lower(): name for name in reversed(sorted(known))}
    near = difflib.get_close_matches(given.lower(), by_lower, n=3)
    return by_lower[min(near, key=lambda name: _slips(given.lower(), name))] if near else None


def _slips(given: str, meant: str) -> int:
    """Return how many letters were left out, added, changed or swapped (optimal string alignment distance)."""
    before: list[int] = []
    last = list(range(len(meant) + 1))
    for i, letter in enumerate(given, 1):
        now = [i]
        for j, other in enumerate(meant, 1):
            cost = min(last[j] + 1, now[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == meant[j - 2] and given[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        before, last = last, now
    return last[-1]


def did_you_mean(given: str, known: Iterable[str], what: str = "known") -> str:
    """Return the help text for an unknown name: the nearest one, and all of them where they are few or none is near."""
    names = sorted(known)
    near = closest(given, names)
    if near and len(names) > 12:
        return f"did you mean `{near}`?"
    listed = ", ".join(f"`{name}`" for name in names[:20]) + (", …" if len(names) > 20 else "")
    parts = [f"did you mean `{near}`?"] if near else []
    parts.append(f"{what}: {listed}" if names else f"{what}: none")
    return " ".join(parts)
