"""Regular expressions as Go's RE2 reads them, which is how API servers judge patterns."""

from __future__ import annotations

import re
from functools import cache


@cache
def re2(pattern: str) -> re.Pattern[str]:
    """Return the pattern compiled for `search` with RE2's meaning.

    Two things differ from Python: `$` is the very end of the text (Python also stops before a last newline),
    and `(?i)` may stand inside a group and holds until that group ends.
    """
    out: list[str] = []
    pending = [0]  # for each open group, how many `(?i:` opened inside it must be closed with it
    in_class = False
    i = 0
    while i < len(pattern):
        c = pattern[i]
        if c == "\\":
            out.append(pattern[i : i + 2])
            i += 2
            continue
        if in_class:
            in_class = c != "]"
            out.append(c)
        elif c == "[":
            in_class = True
            # a `]` that comes first is a member of the class
            width = 2 if pattern[i + 1 : i + 3] == "^]" else 1 if pattern[i + 1 : i + 2] == "]" else 0
            out.append(pattern[i : i + 1 + width])
            i += width
        elif pattern.startswith("(?i)", i):
            out.append("(?i:")
            pending[-1] += 1
            i += 3
        elif c == "(":
            pending.append(0)
            out.append(c)
        elif c == ")":
            out.append(")" * (pending.pop() + 1))
        elif c == "$":
            out.append(r"\Z")
        else:
            out.append(c)
        i += 1
    return re.compile("".join(out) + ")" * pending[0])
