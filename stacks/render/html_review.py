"""A review as a page: one file that needs no network, and runs no script but its own.

Every text goes through Jinja's autoescaping; before it, what could steer or reorder a line is spelled out. What is too
much for a page is told shorter, then counted, so that a page of a thousand stacks is still one that opens at once.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stacks.picture import Picture
from stacks.policy_report import Judged, kind_of
from stacks.render.human_plan import count, totals_text
from stacks.render.page_changes import Card, cards, headline
from stacks.render.page_cost import cost_view
from stacks.render.page_sizing import sizes
from stacks.render.picture_svg import STYLE as PICTURE_STYLE
from stacks.render.picture_svg import svg
from stacks.render.picture_words import LOOKS
from stacks.render.style import safe
from stacks.render.told import sentences, told, totals, verdict
from stacks.review import Reading, Review
from stacks.risk.finding import Risk
from stacks.steps import StackPlan

_TEMPLATES = Path(__file__).parent / "templates"

_ROOM = {"cards": 1_000_000, "lines": 200_000, "stacks": 350_000, "pictures": 200_000, "findings": 60_000}
"""Bytes of each part of a page; together with what is fixed less than 2,000,000."""

_OPEN = 12
"""Changes of a page that all stand open; of more, only those that hurt most."""


def render(review: Review, reading: Reading) -> str:
    """Return the page. The same review gives the same bytes."""
    found = told(review)
    shown = list(cards(found))
    style, script = _asset("page.css") + PICTURE_STYLE + _picture_themes(), _asset("page.js")
    stacks = [s for r in review.specs for s in r.plan.stacks]
    values: dict[str, Any] = {
        "csp": f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        "style": Markup(style),
        "script": Markup(script),
        "title": verdict(review),
        "review": review,
        "risk": str(review.risk),
        "sentences": list(sentences(review)),
        "specs": [s.plan.spec for s in review.specs] + [b.file for b in review.broken],
        "against": list(dict.fromkeys(s.plan.against.label for s in review.specs)),
        "new": all(s.plan.against.kind == "nothing" for s in review.specs),
        "notes": list(dict.fromkeys(note for s in review.specs for note in s.plan.notes)),
        "risks": _risks(shown),
        "totals": totals(stacks),
        "states": Counter(s.status for s in stacks),
        "changes": _changes(shown),
        "filters": _filters(shown),
        "count": count,
        "policies": _policies(review),
        "exemptions": [e for s in review.specs for e in s.policies.exemptions],
        "diagnostics": [d for s in review.specs for d in s.diagnostics],
        "broken": review.broken,
        "cost": cost_view([s.cost for s in review.specs if s.cost is not None]),
        "pictures": _pictures(p for s in review.specs for p in (s.pictures or {}).values()),
        "sizes": list(sizes([one for s in review.specs for one in s.sizing])),
        "stacks": _stacks([s for s in stacks if s.status != "unchanged"], shown),
        "unchanged": _unchanged([s for s in stacks if s.status == "unchanged"]),
    }
    return _templates().get_template("page.html.j2").render(values)


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
        keep_trailing_newline=True,
    )


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


def _risks(shown: Sequence[Card]) -> list[tuple[str, int, int]]:
    """Return each risk, the largest first, with its changes and their stacks."""
    steps = Counter(card.risk for card in shown)
    stacks = {str(risk): {s for card in shown if card.risk == str(risk) for s in card.stacks} for risk in Risk}
    return [(str(risk), steps[str(risk)], len(stacks[str(risk)])) for risk in sorted(Risk, reverse=True)]


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes as far as there is room: whole ones, those told in a line, and how many are left."""

    whole: Sequence[Markup]
    lines: Sequence[Markup]
    left: int


def _changes(shown: Sequence[Card]) -> Changes:
    one = _templates().get_template("change.html.j2").module
    lists: dict[tuple[str, ...], int] = {}
    whole: list[Markup] = []
    lines: list[Markup] = []
    room, short = _ROOM["cards"], _ROOM["lines"]
    for card in shown:
        opened = len(shown) <= _OPEN or (
            card.number <= _OPEN and (card.fails or card.risk in ("destructive", "replacing"))
        )
        same = lists.setdefault(card.stacks, card.number) if len(card.stacks) > len(card.first) else card.number
        if not lines:
            text = one.change(card, opened, same, headline(card))  # type: ignore[attr-defined]
            if (size := len(text.encode("utf-8", "backslashreplace"))) <= room:
                whole.append(text)
                room -= size
                continue
        text = one.line(card, headline(card))  # type: ignore[attr-defined]
        if (size := len(text.encode("utf-8", "backslashreplace"))) > short:
            break
        lines.append(text)
        short -= size
    return Changes(whole, lines, len(shown) - len(whole) - len(lines))


def _filters(shown: Sequence[Card]) -> list[tuple[str, str, list[str]]]:
    """Return what a reader can filter by: the key, its word, and the values that there are."""
    risks = [str(risk) for risk in sorted(Risk, reverse=True)]
    found: list[tuple[str, str, list[str]]] = [
        ("risk", "Risk", [r for r in risks if any(c.risk == r for c in shown)]),
        ("environments", "Environment", sorted({e for c in shown for e in c.environments})),
        ("targets", "Target", sorted({t for c in shown for t in c.targets})),
        ("layer", "Layer", list(dict.fromkeys(c.layer for c in shown))),
        ("action", "Action", list(dict.fromkeys(c.action for c in shown))),
    ]
    return found


def _policies(review: Review) -> list[tuple[str, Judged]]:
    found = [(kind_of(f), f) for s in review.specs for f in s.policies.findings]
    return sorted(found, key=lambda f: ("mandatory", "advisory", "unknown").index(f[0]))


def _pictures(found: Iterable[Picture]) -> list[tuple[str, int, Markup]]:
    """Return the pictures with what they are of and in how many stacks they are the same, as far as there is room."""
    same: dict[tuple[Any, ...], list[Picture]] = {}
    for picture in found:
        same.setdefault((picture.boxes, picture.arrows), []).append(picture)
    drawn: list[tuple[str, int, Markup]] = []
    room = _ROOM["pictures"]
    for number, several in enumerate(same.values(), 1):
        text = svg(several[0], title_id=f"picture-{number}", style=False)
        room -= len(text)
        if room < 0:
            break
        drawn.append((several[0].stack, len(several), Markup(text)))
    return drawn


@dataclass(frozen=True, slots=True)
class StackRow:
    """One stack that changes, in a row."""

    stack: StackPlan
    risk: str
    totals: str


def _stacks(changing: Sequence[StackPlan], shown: Sequence[Card]) -> tuple[list[StackRow], int]:
    rows: list[StackRow] = []
    room = _ROOM["stacks"]
    for stack in changing:
        risk = max((step.risk for step in stack.steps), default=Risk.NONE)
        row = StackRow(stack, str(risk), totals_text(stack.totals))
        room -= 230 + 2 * len(stack.name) + len(row.totals)
        if room < 0:
            break
        rows.append(row)
    return rows, len(changing) - len(rows)


def _unchanged(stacks: Sequence[StackPlan]) -> tuple[int, list[str]]:
    """Return how many stacks do not change, and their names as far as there is room."""
    names = list(_within((s.name for s in stacks), _ROOM["findings"]))
    return len(stacks), names


def _within(names: Iterable[str], room: int) -> Iterator[str]:
    for name in names:
        room -= len(name) + 30
        if room < 0:
            return
        yield name
