"""'Did you mean …': the closest known name to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable


def closest(given: str, known: Iterable[str]) -> str | None:
    """Return the known name nearest to `given`, or None when none is near enough to be meant.

    The measure is difflib's ratio with its usual cut-off of 0.6, compared without case. Names longer than 100
    characters are
    not compared: the measure is quadratic, and nobody mistypes such a name.

    Example:
        >>> closest("acelerator", ["accelerator", "max"])
        'accelerator'
        >>> closest("zzz", ["accelerator", "max"]) is None
        True
    """
    import difflib  # only when something is wrong: it is not on the path of a clean plan

    if len(given) > 100:
        return None
    by_lower = {name.lower(): name for name in reversed(sorted(known))}
    near = difflib.get_close_matches(given.lower(), by_lower, n=1)
    return by_lower[near[0]] if near else None


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
