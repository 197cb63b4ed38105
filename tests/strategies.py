"""Hypothesis strategies for everything that a property test draws."""

from __future__ import annotations

import json

from hypothesis import strategies as st

YAML_ALPHABET = "ab1 0.:-,?[]{}&*!|>'\"%@`#~<\\\n\r\t_éx😀\u2028"
"""Characters that mean something to a YAML reader, and a few that must not."""

YAML_WORDS = (
    "a: ", "b: ", "- ", "? ", ": ", "\n", "\n  ", "\n    ", "\r\n", "\t", "[", "]", "{", "}", ", ", "&x ", "*x", "*y ",
    "<<: ", "<<: *x", "|\n", ">-\n", "'", '"', "# c\n", "---\n", "...\n", "%TAG ! x\n", "!!str ", "! ", "yes", "12:30",
    "0x1F", "1e999", "true", "null", "12", "~", "\\ud83d\\ude00", "\\u0041", "é", "😀", "\0", "\ufeff",
)  # fmt: skip
"""Pieces of YAML: joined at random they are nearly right far more often than random characters are."""


def yaml_like_texts() -> st.SearchStrategy[str]:
    """Texts that look like YAML to a reader, most of them wrong."""
    words = st.lists(st.sampled_from(YAML_WORDS), max_size=40).map("".join)
    return words | st.text(YAML_ALPHABET, max_size=80)


def texts() -> st.SearchStrategy[str]:
    """Texts that can stand in a JSON string: no lone surrogates, and no DEL, which YAML refuses unescaped."""
    return st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=20)


def json_values() -> st.SearchStrategy[object]:
    """Values of JSON: numbers in 64 bits, keys of every kind, a few levels deep."""
    numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    scalars = st.none() | st.booleans() | numbers | texts()
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4), max_leaves=20
    )


def json_maps() -> st.SearchStrategy[dict[str, object]]:
    """Maps of JSON, as a spec is one."""
    return st.dictionaries(texts(), json_values(), max_size=6)


def json_texts() -> st.SearchStrategy[tuple[dict[str, object], str]]:
    """Maps with a text that writes them as JSON, escaped or not, on one line or indented by spaces or tabs."""
    indents: st.SearchStrategy[None | int | str] = st.sampled_from([None, 2, "\t"])
    return st.builds(lambda value, indent: (value, json.dumps(value, indent=indent)), json_maps(), indents)
