"""What every page has: its frame, its style and its one script. It needs no network, and runs no script but its own.

Every text goes through Jinja's autoescaping; before it, what could steer or reorder a line is spelled out. What is too
much for a page is told shorter, then counted, so that a page of a thousand stacks is still one that opens at once.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stacks.render.picture_svg import STYLE as PICTURE_STYLE
from stacks.render.picture_words import LOOKS
from stacks.render.style import safe
from stacks.render.told import Told

_TEMPLATES = Path(__file__).parent / "templates"

ROOM = {"cards": 1_000_000, "lines": 200_000, "stacks": 350_000, "pictures": 200_000, "findings": 60_000}
"""Bytes of each part of a page; together with what is fixed less than 2,000,000."""

OPEN = 12
"""Cards of a page that all stand open; of more, only some of the first."""


def page(template: str, values: Mapping[str, Any]) -> str:
    """Return the page of a template with these values. The same values give the same bytes."""
    style, script = _asset("page.css") + PICTURE_STYLE + _picture_themes(), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    frame = {"csp": policy, "style": Markup(style), "script": Markup(script)}
    return _templates().get_template(template).render({**frame, **values})


def macros(template: str) -> Any:
    """Return the macros of a template as functions."""
    return _templates().get_template(template).module


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
        keep_trailing_newline=True,
    )
    made.filters["thousands"] = "{:,}".format
    return made


def _readable(value: object) -> object:
    """Return a text with everything spelled out that steers or reorders; what the page itself made stays."""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _picture_themes() -> str:
    """Return the colours of pictures for the page's own switch, which outranks the system's setting."""
    themes: dict[str, dict[str, str]] = {"light": {}, "dark": {}}
    for change, look in LOOKS.items():
        themes["light"] |= {f"{change}-ink": look.ink, f"{change}-fill": look.fill}
        themes["dark"] |= {f"{change}-ink": look.dark_ink, f"{change}-fill": look.dark_fill}
    own = "".join(f"--picture-{role}:var(--{name});" for role, name in _PICTURE_ROLES.items())
    rules = [f".canvas{{{own}}}"]
    for theme, colours in themes.items():
        rules.append(
            f":root[data-theme={theme}] .canvas{{{''.join(f'--picture-{k}:{v};' for k, v in colours.items())}}}"
        )
    return "\n".join(rules) + "\n"


_PICTURE_ROLES = {"page": "card", "ink": "ink", "quiet": "quiet", "line": "quiet"}
"""The colours of a picture that are the page's own."""


def _hash(text: str) -> str:
    """Return the source expression that allows exactly this text (Content Security Policy Level 3, 6.7.2.2)."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


WORDS = {
    "CREATE": "create",
    "ADOPT": "adopt",
    "DELETE": "delete",
    "REPLACE": "replace",
    "MOVE": "rename",
    "UPDATE": "change",
}
"""What is done, in a word, by the name of the action."""

NAMED = 4
"""Stacks of one card that are named at once; the others unfold."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What every card is of: a component that changes, or differs, in some stacks. `action` is the word for `symbol`;
    `stacks` are the names, and `named` says that the others have their own where the first one's stand."""

    number: int
    symbol: str
    action: str
    component: str
    layer: str
    named: bool
    stacks: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def first(self) -> tuple[str, ...]:
        """The stacks that are named at once."""
        return self.stacks if len(self.stacks) <= NAMED else self.stacks[:2]


def shown(number: int, one: Told) -> dict[str, Any]:
    """Return the values of `Shown` for the change with this number on the page."""
    return {
        "number": number,
        "symbol": one.step.action.value,
        "action": WORDS[one.step.action.name],
        "component": one.step.component,
        "layer": one.stacks[0].layer,
        "named": one.named,
        "stacks": tuple(s.name for s in one.stacks),
        "targets": tuple(dict.fromkeys(s.target for s in one.stacks)),
    }


Card = TypeVar("Card", bound=Shown)


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards as far as there is room: whole ones, those told in a line, and how many are left."""

    whole: Sequence[Markup]
    lines: Sequence[Markup]
    left: int


def within_room(shown: Sequence[Card], whole: Callable[[Card, int], Markup], line: Callable[[Card], Markup]) -> Cards:
    """Return the cards in order, written by `whole` while there is room and by `line` after that.

    `whole` is given the number of the first card that lists the same stacks: its own, if no earlier one does.
    """
    lists: dict[tuple[str, ...], int] = {}
    cards: list[Markup] = []
    lines: list[Markup] = []
    room, short = ROOM["cards"], ROOM["lines"]
    for card in shown:
        same = lists.setdefault(card.stacks, card.number) if len(card.stacks) > len(card.first) else card.number
        if not lines:
            text = whole(card, same)
            if (size := _size(text)) <= room:
                cards.append(text)
                room -= size
                continue
        text = line(card)
        if (size := _size(text)) > short:
            break
        lines.append(text)
        short -= size
    return Cards(cards, lines, len(shown) - len(cards) - len(lines))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))


def names_within(names: Iterable[str], room: int) -> Iterator[str]:
    """Yield the names that there is room for, in bytes."""
    for name in names:
        room -= len(name) + 30
        if room < 0:
            return
        yield name
