"""A review as a page: summary, changes, cost, graph, findings, sizing, stacks (`stacks/render/page.py`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from stacks.picture import Picture
from stacks.policy_report import Judged, kind_of
from stacks.render.human_plan import count, totals_text
from stacks.render.page import OPEN, ROOM, Cards, macros, names_within, page, within_room
from stacks.render.page_changes import Card, cards, headline
from stacks.render.page_cost import cost_view
from stacks.render.page_sizing import sizes
from stacks.render.picture_svg import svg
from stacks.render.told import sentences, told, totals, verdict
from stacks.review import Reading, Review
from stacks.risk.finding import Risk
from stacks.steps import StackPlan


def render(review: Review, reading: Reading) -> str:
    """Return the page. The same review gives the same bytes."""
    found = told(review)
    shown = list(cards(found))
    stacks = [s for r in review.specs for s in r.plan.stacks]
    values: dict[str, Any] = {
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
    return page("review.html.j2", values)


def _risks(shown: Sequence[Card]) -> list[tuple[str, int, int]]:
    """Return each risk, the largest first, with its changes and their stacks."""
    steps = Counter(card.risk for card in shown)
    stacks = {str(risk): {s for card in shown if card.risk == str(risk) for s in card.stacks} for risk in Risk}
    return [(str(risk), steps[str(risk)], len(stacks[str(risk)])) for risk in sorted(Risk, reverse=True)]


def _changes(shown: Sequence[Card]) -> Cards:
    one = macros("change.html.j2")

    def whole(card: Card, same: int) -> Markup:
        opened = len(shown) <= OPEN or (
            card.number <= OPEN and (card.fails or card.risk in ("destructive", "replacing"))
        )
        text: Markup = one.change(card, opened, same, headline(card))
        return text

    def line(card: Card) -> Markup:
        text: Markup = one.line(card, headline(card))
        return text

    return within_room(shown, whole, line)


def _filters(shown: Sequence[Card]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return what a reader can filter by: the key, its word, and the values that there are with their words."""
    risks = [str(risk) for risk in sorted(Risk, reverse=True)]
    found: list[tuple[str, str, list[str]]] = [
        ("risk", "Risk", [r for r in risks if any(c.risk == r for c in shown)]),
        ("environments", "Environment", sorted({e for c in shown for e in c.environments})),
        ("targets", "Target", sorted({t for c in shown for t in c.targets})),
        ("layer", "Layer", list(dict.fromkeys(c.layer for c in shown))),
        ("action", "Action", list(dict.fromkeys(c.action for c in shown))),
    ]
    return [(key, word, [(value, value) for value in values]) for key, word, values in found]


def _policies(review: Review) -> list[tuple[str, Judged]]:
    found = [(kind_of(f), f) for s in review.specs for f in s.policies.findings]
    return sorted(found, key=lambda f: ("mandatory", "advisory", "unknown").index(f[0]))


def _pictures(found: Iterable[Picture]) -> list[tuple[str, int, Markup]]:
    """Return the pictures with what they are of and in how many stacks they are the same, as far as there is room."""
    same: dict[tuple[Any, ...], list[Picture]] = {}
    for picture in found:
        same.setdefault((picture.boxes, picture.arrows), []).append(picture)
    drawn: list[tuple[str, int, Markup]] = []
    room = ROOM["pictures"]
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
    room = ROOM["stacks"]
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
    names = list(names_within((s.name for s in stacks), ROOM["findings"]))
    return len(stacks), names
