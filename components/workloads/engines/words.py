"""The words of an engine's arguments, as a spec writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from specs.catalog.reader import find_flag


def given_arguments(engine: str, version: str, args: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words of the spec's own arguments, by name, each under the flag's first long form.

    A flag and its value are two words: llama.cpp takes no `--flag=value`, and clap takes both. A list is repeated for a
    flag that may be, one word with commas for one that may not.

    Example:
        >>> given_arguments("llama-cpp", "b11312", {"cache_reuse": 256, "warmup": False})
        ('--cache-reuse', '256', '--no-warmup')
    """
    return tuple(word for name, value in sorted(args.items()) for word in _words(engine, version, name, value))


def _words(engine: str, version: str, name: str, value: Any) -> Iterator[str]:
    flag = find_flag(engine, version, name)
    if flag is None:
        raise LookupError(f"{engine} {version} has no `--{name}`: the checks let no such argument through")
    if flag.type == "bool":
        yield f"--{flag.name}" if value is True else _opposite(flag.flags, flag.negation)
    elif isinstance(value, list | tuple) and flag.action == "append":
        for item in value:
            yield from (f"--{flag.name}", str(item))
    else:
        yield from (f"--{flag.name}", _text(value))


def _opposite(flags: tuple[str, ...], negation: bool) -> str:
    """Return the form of a negatable flag that says the other thing than the one given."""
    return next(f for f in flags if f.startswith("--") and f.startswith("--no-") != negation)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
